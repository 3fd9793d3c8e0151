//! What the product keeps in its own tables, as far as an upgrade minds it.
//!
//! Counts and technical names only: never what people wrote, and never who they are.

use serde::{Deserialize, Serialize};

use super::{Field, KernelRecords};

/// What the product keeps in its own tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Records {
    /// The table that ties the names people log in with to their accounts.
    pub users: Field<UserRows>,
    /// Tables that are known to grow, the largest first; one the product does not have is not listed.
    pub growing_tables: Field<Vec<TableSize>>,
    /// What a change of the schema that broke off leaves behind; at most [`Leftover::MOST`].
    pub leftovers: Field<Vec<Leftover>>,
    /// Whether the product will go through its pages again at the next start; `None` when it keeps no such note.
    pub remigration: Field<Option<bool>>,
    /// Rows of the table with which a single node makes sure that it is alone; `None` when there is no such table.
    pub safety_rows: Field<Option<u64>>,
    /// Page layouts somebody changed, by space; at most [`Records::MOST`] and one more.
    pub layouts: Field<Vec<Layout>>,
    /// Other changes to how pages look or what they can do; at most [`Records::MOST`] and one more.
    pub customised: Field<Vec<Customised>>,
    /// Who administers the site from where.
    pub administrators: Field<Administrators>,
    /// The exact number of rows of the main tables; a table the product does not have is not listed. Counted only when
    /// somebody asks for it, since the server must walk through every row.
    #[serde(default)]
    pub row_counts: Field<Vec<TableRows>>,
    /// What a WSO2 Carbon product keeps in the tables of its kernel; `None` for other products.
    #[serde(default)]
    pub kernel: Option<Box<KernelRecords>>,
}

impl Records {
    /// Rows that are counted one by one; a count or list of one more says that there are more than this.
    pub const MOST: u64 = 1000;

    /// Why nothing is told of tables another product has.
    pub const OF_ANOTHER_PRODUCT: &'static str = "this product keeps nothing of the kind";

    /// Why rows are not counted when nobody asked for it.
    pub const NOT_COUNTED: &'static str = "only `agent snapshot` counts rows";

    /// Nothing was looked at, for this reason.
    #[must_use]
    pub fn unread(why: &str) -> Self {
        Self {
            users: Field::Unread(why.to_owned()),
            growing_tables: Field::Unread(why.to_owned()),
            leftovers: Field::Unread(why.to_owned()),
            remigration: Field::Unread(why.to_owned()),
            safety_rows: Field::Unread(why.to_owned()),
            layouts: Field::Unread(why.to_owned()),
            customised: Field::Unread(why.to_owned()),
            administrators: Field::Unread(why.to_owned()),
            row_counts: Field::Unread(why.to_owned()),
            kernel: None,
        }
    }
}

impl Default for Records {
    /// What an older agent wrote says nothing of them.
    fn default() -> Self {
        Self::unread("the agent that took this snapshot did not look at it")
    }
}

/// Rows of the table of users that new keys refuse. Counts end at [`Records::MOST`] and one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct UserRows {
    /// Rows without the name in lower case.
    pub without_lower_name: u64,
    /// Names in lower case that stand in more than one row.
    pub duplicates: u64,
    /// Rows whose name in lower case is not their name in lower case; names beyond ASCII are not compared.
    pub differing: u64,
    /// A unique index keeps the names in lower case apart.
    pub kept_apart: bool,
}

/// A table and how large it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// Rows as the server estimates them; `None` when it never counted.
    pub rows: Option<u64>,
    /// What its rows take, without indexes.
    pub row_bytes: u64,
    /// What it takes with its indexes.
    pub bytes: u64,
}

/// A table and exactly how many rows it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TableRows {
    /// Its name, as the server stores it.
    pub table: String,
    /// Its rows; unread when the agent may not read it or counting took too long.
    pub rows: Field<u64>,
}

/// Something a broken-off change of the schema leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// The table it is on.
    pub table: String,
    /// Its name.
    pub name: String,
}

impl Leftover {
    /// Leftovers that are listed; one more stands for the rest.
    pub const MOST: usize = 100;
}

/// Kinds of [`Leftover`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LeftoverKind {
    /// A constraint that says what another one on the table says already.
    DuplicateConstraint,
    /// An index that was begun and never finished.
    InvalidIndex,
    /// A constraint that was added without looking at the rows that were there.
    UnvalidatedConstraint,
}

/// A page layout somebody changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Layout {
    /// The space it is for; `None` is the whole site.
    pub space: Option<String>,
    /// The layout: `decorators/main.vmd`.
    pub name: String,
}

/// Something changed in how pages look or what they can do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Customised {
    /// What it is.
    pub kind: CustomisedKind,
    /// The space it is for; `None` is the whole site.
    pub space: Option<String>,
    /// The key it is kept under.
    pub key: String,
}

/// Kinds of [`Customised`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CustomisedKind {
    /// HTML that is put into every page.
    Html,
    /// A stylesheet.
    Stylesheet,
    /// A theme that was chosen.
    Theme,
    /// Macros an administrator wrote.
    UserMacros,
}

/// Who administers the site from where.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Administrators {
    /// Directories of the product's own that are switched on.
    pub internal_directories: u64,
    /// Kinds of the other directories that are switched on, upper case: `CONNECTOR`, `CROWD`, `DELEGATING` …
    pub external: Vec<String>,
    /// Active users of the product's own directories who administer the site. Ends at [`Records::MOST`] and one more.
    pub internal: u64,
}
