//! The product's database: who may do what in it, who owns what, how it is set.
//!
//! Everything is read from the server's own catalogues in a read-only transaction; no statement here
//! creates, changes or locks anything.

mod collector;
pub(super) mod errand;
mod excess;
mod failure;
mod gap;
mod inquiry;
pub mod jdbc;
mod kernel;
pub(crate) mod mysql;
pub(super) mod peer;
mod postgres;
mod question;
mod records;
mod tls;
mod trouble;
mod upgrade_table;

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;
use upgrade_readiness_checks::facts::Engine;

use super::CollectError;

pub use collector::{DatabaseCollector, TimeLimits};
pub use excess::{Beyond, Looker, Unclear, rights_beyond_reading};
pub use inquiry::Tables;
pub use kernel::{Disjoint, KernelTables, Key, Reference, Sign, SignOf};
pub use question::ask_for_number;
pub use records::{
    CountLimits, CustomisedKey, DirectoryTables, Growing, LayoutTable, PermissionTable, ProductTables,
    RowCounts, SettingsTable, UserTable,
};
pub use upgrade_table::UpgradeTable;

/// Why nothing of a product's tables was read.
const NO_TABLES: &str = "the agent does not know the tables of this product";

/// Tells where the product's database is. Implemented by each product; asked anew at every look.
pub trait DatabaseDirectory: Send + Sync {
    /// How to reach the database, or why the agent cannot ask this kind.
    fn directions(&self) -> Result<Directions, CollectError>;
}

/// What is known of the way to a database.
#[derive(Debug)]
pub enum Directions {
    /// It can be asked.
    Connect(Box<Connection>),
    /// It is of a kind this agent cannot ask (SQL Server, Oracle, embedded ones).
    CannotAsk {
        /// The kind.
        engine: Engine,
        /// Where it is, for people.
        address: String,
        /// The account the product uses; empty when not known.
        account: String,
    },
}

/// How to reach a database that can be asked.
#[derive(Debug)]
pub struct Connection {
    /// What the product's configuration takes it for.
    pub engine: Engine,
    /// Server host.
    pub host: String,
    /// Server port; the engine's usual one when absent.
    pub port: Option<u16>,
    /// Database name.
    pub database: String,
    /// Schema, when the configuration names one (PostgreSQL `currentSchema`).
    pub schema: Option<String>,
    /// Parameters of the JDBC URL, lower-case names.
    pub parameters: BTreeMap<String, String>,
    /// The account the product uses: its rights are what matters.
    pub account: String,
    /// The account to look with; the same one, or one the operator set up for the agent.
    pub username: String,
    /// Its password.
    pub password: SecretString,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
}
