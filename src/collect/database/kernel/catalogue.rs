//! What the server's own catalogue tells of a schema, with all names in upper case.

use std::collections::{BTreeMap, BTreeSet};

/// A table and its column, upper case.
pub(in crate::collect::database) type ColumnOf = (String, String);

/// Tables, indexes, columns and keys of a schema, upper case.
#[derive(Debug, Default)]
pub(in crate::collect::database) struct Catalogue {
    /// Its tables.
    pub(in crate::collect::database) tables: BTreeSet<String>,
    /// Its indexes.
    pub(in crate::collect::database) indexes: BTreeSet<String>,
    /// Its columns, with the width of those that hold text.
    pub(in crate::collect::database) columns: BTreeMap<ColumnOf, Option<u64>>,
    /// The columns of its unique keys, as table and name of the key.
    pub(in crate::collect::database) uniques: BTreeMap<ColumnOf, BTreeSet<String>>,
}

impl Catalogue {
    /// Tables, indexes or columns that are read at most; a schema with more is no product's.
    pub(in crate::collect::database) const MOST: usize = 100_000;

    /// Whether a unique key is on these columns and no other.
    pub(super) fn is_unique(&self, table: &str, columns: &[&str]) -> bool {
        self.uniques.iter().any(|((of, _), key)| {
            of == table && key.len() == columns.len() && columns.iter().all(|column| key.contains(*column))
        })
    }

    /// Whether a unique key is on some of these columns and no other, so that no two rows agree in all of them.
    pub(super) fn keeps_apart(&self, table: &str, columns: &[&str]) -> bool {
        self.uniques.iter().any(|((of, _), key)| {
            of == table && !key.is_empty() && key.iter().all(|column| columns.contains(&column.as_str()))
        })
    }
}
