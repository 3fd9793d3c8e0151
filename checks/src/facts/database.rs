//! Facts about the product's database, read from the server's own catalogues.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DatabaseConfig, Engine, Field, Records, Sessions};

/// The product's database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Database {
    /// The engine, as the server states it.
    pub engine: Engine,
    /// Version as the server states it: `15.6 (Debian 15.6-1)`, `10.11.6-MariaDB`.
    pub version: Field<String>,
    /// Where it is: `db.example.com:5432/confluence`.
    pub address: String,
    /// The account the product uses, whose rights were read.
    pub account: String,
    /// The account the agent looked with.
    pub connected_as: Field<String>,
    /// The schema the product's tables are in.
    pub schema: Field<String>,
    /// What the product's account may do.
    pub privileges: Field<Privileges>,
    /// Objects of the schema, and those that belong to others.
    pub ownership: Field<Ownership>,
    /// Settings of server, schema and tables.
    pub settings: Field<Settings>,
    /// Size of the database.
    pub size_bytes: Field<u64>,
    /// The product's own table of upgrade steps, newest row first.
    pub upgrade_steps: Field<Vec<UpgradeStep>>,
    /// Who is connected now.
    #[serde(default)]
    pub sessions: Field<Sessions>,
    /// What the product keeps in its own tables.
    #[serde(default)]
    pub records: Records,
    /// The other databases of the product, when it has several: each is judged like this one.
    #[serde(default)]
    pub others: Vec<OtherDatabase>,
}

/// A further database of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OtherDatabase {
    /// What the product calls it: `WSO2_GOVERNANCE_DB`.
    pub name: String,
    /// How the product reaches it.
    pub config: DatabaseConfig,
    /// The database; its own `others` are empty.
    pub facts: Field<Box<Database>>,
}

/// What an account may do in the product's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Privileges {
    /// The account is a superuser, or holds every privilege on every schema.
    pub superuser: bool,
    /// Privileges that hold for the whole schema, upper case: `CREATE`, `USAGE`, `ALTER` …
    ///
    /// PostgreSQL: of the schema itself, and of its database with that word before: `DATABASE CREATE`,
    /// `DATABASE TEMPORARY`, `DATABASE CONNECT`. MySQL: those that hold for all tables in it.
    pub on_schema: BTreeSet<String>,
    /// By table, the privileges that are lacking on it alone: taken away, or never given.
    pub lacking_on_tables: BTreeMap<String, BTreeSet<String>>,
    /// Where the privileges come from, as far as a person needs to know: roles, wildcard grants.
    pub through: Vec<String>,
}

/// Who owns what in the product's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Ownership {
    /// Objects in the schema: tables, sequences, views, functions.
    pub objects: u64,
    /// Objects the account neither owns nor inherits from their owner. At most [`Ownership::MOST`] are listed.
    pub foreign: Vec<ForeignObject>,
    /// How many there are, listed or not.
    pub foreign_count: u64,
}

impl Ownership {
    /// Foreign objects that are listed by name; more are only counted.
    pub const MOST: usize = 50;
}

/// An object that belongs to somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ForeignObject {
    /// `table`, `sequence`, `view`, `function`, `trigger`, `routine`, `event` …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its owner (PostgreSQL) or definer (MySQL).
    pub owner: String,
}

/// Settings of the server, the schema and its tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Settings {
    /// Server and schema settings by name, as the server states them.
    ///
    /// PostgreSQL: `encoding`, `lc_collate`, `lc_ctype`, `default_transaction_isolation`,
    /// `icu_locale` (where it replaces the other two), `server_version_num`, `in_recovery`.
    /// MySQL: `transaction_isolation`, `log_bin`, `binlog_format`, `max_allowed_packet`, `innodb_log_file_size`,
    /// `innodb_redo_log_capacity`, `sql_mode`, `character_set_database`, `collation_database`,
    /// `default_storage_engine`, `log_bin_trust_function_creators`, `innodb_default_row_format`.
    /// A name the server does not have is absent.
    pub values: BTreeMap<String, String>,
    /// Tables per storage engine (MySQL only).
    pub tables_by_engine: BTreeMap<String, TableGroup>,
    /// Tables and text columns per collation (MySQL only).
    pub tables_by_collation: BTreeMap<String, TableGroup>,
}

/// How many tables share something, with a few of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TableGroup {
    /// How many.
    pub count: u64,
    /// The first few in alphabetical order.
    pub examples: Vec<String>,
}

/// One row of the product's own record of upgrades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct UpgradeStep {
    /// Build number.
    pub build: u32,
    /// When it was recorded, when the row says it.
    pub installed_at: Option<Timestamp>,
    /// The version tag, which also serves as a lock: `lock_for_upgrade_to_9012`.
    pub tag: Option<String>,
}
