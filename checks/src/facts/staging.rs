//! A database and its staging copy side by side.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Engine, Field, TableRows};

/// A database of the running home, and the one the new release uses in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct StagedDatabase {
    /// The data source of both, by its name.
    pub name: String,
    /// The running one.
    pub production: Field<TableState>,
    /// The new one.
    pub staging: Field<TableState>,
}

/// The tables of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TableState {
    /// Its engine, as the server states it.
    pub engine: Engine,
    /// Where it is: `db.example.com:5432/carbon`.
    pub address: String,
    /// What tells the server from every other, when it says so; with the database's name it tells the database.
    pub identity: Field<String>,
    /// Version as the server states it.
    pub version: Field<String>,
    /// Its tables of the kernel, upper case.
    pub kernel_tables: Field<BTreeSet<String>>,
    /// How many other tables there are.
    pub other_tables: Field<u64>,
    /// Exact rows of its tables, upper case.
    pub rows: Field<Vec<TableRows>>,
    /// Which releases of the kernel its tables can be of.
    pub schema: Field<SchemaSigns>,
    /// Sequences and counters that stand below the largest number in use.
    pub behind: Field<Vec<String>>,
    /// Active tenants other than the super tenant.
    pub tenants: Field<BTreeSet<u32>>,
    /// Domains of user stores.
    pub domains: Field<BTreeSet<String>>,
    /// Sessions of others on it, by host.
    pub sessions: Field<Vec<String>>,
}

/// What the tables tell of the kernel they were made for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SchemaSigns {
    /// The release the newest sign is of; `None` when there is no sign.
    pub at_least: Option<String>,
    /// A sign that only one release has.
    pub exactly: Option<String>,
    /// The signs that were seen.
    pub signs: Vec<String>,
}
