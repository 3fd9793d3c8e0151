//! Facts about the installation: its directories, the versions it states, how it is configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CarbonHome, Field};
use crate::version::ProductVersion;

/// An installed product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Installation {
    /// Where the program is.
    pub installation_dir: String,
    /// Where its (local) home is.
    pub home_dir: String,
    /// The version of the program, from the place that is closest to it.
    pub version: Field<ProductVersion>,
    /// Every place that states a version or a build.
    pub statements: Vec<Statement>,
    /// How far set-up went: `complete`, or the step it stopped at.
    pub setup_step: Option<String>,
    /// `READ_WRITE` or `READ_ONLY`, when the configuration says it.
    pub access_mode: Option<String>,
    /// The cluster it is a node of.
    pub cluster: Option<Cluster>,
    /// How it reaches its database.
    pub database: Field<DatabaseConfig>,
    /// JDBC drivers in the program's library directory.
    pub drivers: Field<Vec<Driver>>,
    /// Who owns the files that matter.
    pub ownership: Vec<FileOwnership>,
    /// Where the search index is kept.
    pub search: Search,
    /// What is in the directory of the search index; `None` inside when it is not kept in files.
    #[serde(default)]
    pub index: Field<Option<IndexFiles>>,
    /// The attachments directory, when attachments are in the file system.
    pub attachments_dir: Option<String>,
    /// HTTP connectors of the application server.
    pub connectors: Field<Vec<Connector>>,
    /// Path under which the application is served; empty at the root.
    pub context_path: String,
    /// Who runs Synchrony, which people need to edit a page together; `None` inside when there is none: releases
    /// before 6.0, clusters before 6.12 that name none, or the option that switches it off.
    ///
    /// Whether people switched collaborative editing off in the administration is kept in the database, not here.
    #[serde(default)]
    pub synchrony: Field<Option<Synchrony>>,
    /// The application server passes requests for Synchrony on: `server.xml` has the context `synchrony-proxy`.
    #[serde(default)]
    pub synchrony_proxy: Field<bool>,
    /// What the vendor's installer left, by which its installations are known: the file with the answers it was
    /// given, or its directory; `None` inside when the program was unpacked from an archive.
    #[serde(default)]
    pub installer: Field<Option<String>>,
    /// What is particular to the home of a Carbon product; `None` for every other product.
    #[serde(default)]
    pub carbon: Option<Box<CarbonHome>>,
}

/// Who runs Synchrony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Synchrony {
    /// Confluence starts, stops and upgrades it together with itself.
    Managed,
    /// People run it on their own, and must upgrade it on their own.
    Standalone {
        /// The address Confluence reaches it at, without credentials.
        url: String,
    },
}

/// A place that states a version or a build number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Statement {
    /// The file.
    pub place: String,
    /// What it is the version of.
    pub of: StatementOf,
    /// What it states.
    pub says: Field<String>,
}

/// What a stated version belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StatementOf {
    /// Version of the program that is installed.
    ProgramVersion,
    /// Version of the kernel the program is built on.
    KernelVersion,
    /// Version of the program, as its configuration states it.
    ConfiguredVersion,
    /// Version of the kernel, as its own bundle states it, which nobody edits by hand.
    BundleVersion,
    /// Build number of the data in the home directory.
    HomeBuild,
    /// Build number of the data in the shared home directory.
    SharedHomeBuild,
}

impl StatementOf {
    /// It states the release of the product itself, which nothing may contradict after an upgrade.
    #[must_use]
    pub fn is_of_program(self) -> bool {
        match self {
            Self::ProgramVersion | Self::ConfiguredVersion => true,
            Self::KernelVersion | Self::BundleVersion | Self::HomeBuild | Self::SharedHomeBuild => false,
        }
    }
}

/// The cluster an instance is a node of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Cluster {
    /// Its name.
    pub name: Option<String>,
    /// The name of this node.
    pub node: Option<String>,
    /// The home all nodes share.
    pub shared_home_dir: Option<String>,
}

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Engine {
    /// PostgreSQL and services that speak as one.
    Postgresql,
    /// MySQL.
    Mysql,
    /// MariaDB, reached through the MySQL protocol.
    Mariadb,
    /// Microsoft SQL Server.
    SqlServer,
    /// Oracle Database.
    Oracle,
    /// H2, embedded.
    H2,
    /// HSQLDB, embedded.
    Hsqldb,
}

impl Engine {
    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
            Self::SqlServer => "SQL Server",
            Self::Oracle => "Oracle Database",
            Self::H2 => "H2",
            Self::Hsqldb => "HSQLDB",
        }
    }

    /// Runs inside the product and is meant for evaluation only.
    #[must_use]
    pub fn is_embedded(self) -> bool {
        matches!(self, Self::H2 | Self::Hsqldb)
    }
}

/// How the product reaches its database, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DatabaseConfig {
    /// The file that says so.
    pub place: String,
    /// The engine, by the JDBC URL and the driver class; `None` when neither is known.
    pub engine: Option<Engine>,
    /// The JDBC URL with every parameter value that could be a secret replaced by `***`.
    pub url: Option<String>,
    /// Server host, of the first server when several are named.
    pub host: Option<String>,
    /// Server port, when it is stated.
    pub port: Option<u16>,
    /// Database name.
    pub database: Option<String>,
    /// Schema, when the URL names one.
    pub schema: Option<String>,
    /// Parameters of the JDBC URL, lower-case names; secret ones are left out.
    pub parameters: BTreeMap<String, String>,
    /// The account the product uses.
    pub account: Option<String>,
    /// How its password is kept.
    pub password: PasswordKind,
    /// The data source in the application server's configuration, when it is taken from there.
    pub data_source: Option<String>,
    /// JDBC driver class.
    pub driver_class: Option<String>,
    /// `hibernate.connection.isolation`: 1 read uncommitted, 2 read committed, 4 repeatable read, 8 serializable.
    pub isolation: Option<u8>,
    /// The most connections the product's own pool opens, when its configuration says it.
    #[serde(default)]
    pub pool_size: Option<u32>,
    /// Why the URL cannot be used as it stands, when it cannot.
    pub defect: Option<String>,
}

/// How the product's configuration keeps the database password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PasswordKind {
    /// Readable in the configuration.
    Plain,
    /// Encrypted, by the class named here.
    Encrypted(String),
    /// There is none.
    Absent,
}

/// A JDBC driver file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Driver {
    /// The engine it is for; SQL Server has two, told apart by the file name.
    pub engine: Engine,
    /// File name.
    pub file: String,
    /// The version its name states.
    pub version: Option<String>,
}

/// Owner and mode of one file or directory the service must be able to use.
///
/// When it could not be looked at, `usable` says why, both ids are [`FileOwnership::NOBODY_KNOWN`],
/// and the other values mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct FileOwnership {
    /// Which one.
    pub path: String,
    /// User id of its owner.
    pub uid: u32,
    /// Name of its owner; the number when it has no name here.
    pub owner: String,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// A directory, and not a file.
    pub directory: bool,
    /// The service must be able to write it, not only to read it.
    pub must_write: bool,
    /// Whether the service's user may do so by owner, group and mode; access control lists are not read.
    pub usable: Field<bool>,
}

impl FileOwnership {
    /// The id no user and no group has: owner and group are not known.
    pub const NOBODY_KNOWN: u32 = u32::MAX;
}

/// Where the search index is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Search {
    /// In files under this directory.
    Lucene {
        /// The directory.
        index_dir: String,
    },
    /// In an external OpenSearch.
    OpenSearch,
    /// The product has none.
    None,
}

/// What is in the directory of the search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct IndexFiles {
    /// The index of content: in the directory itself, or right below it in one other than `change`.
    pub content: IndexPart,
    /// The index of changes, which Confluence keeps in the directory `change` since 7.9.
    pub change: IndexPart,
}

/// One part of the search index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum IndexPart {
    /// There is no directory for it.
    Absent,
    /// There is a directory, without a `segments_*` file, so without an index.
    Empty,
    /// A `segments_*` file is there.
    Present,
}

/// An HTTP connector of the application server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Connector {
    /// Port it listens on.
    pub port: u16,
    /// `http` or `https`.
    pub scheme: String,
    /// Name the reverse proxy is reached by.
    pub proxy_name: Option<String>,
    /// Port the reverse proxy is reached by.
    pub proxy_port: Option<u16>,
    /// Most requests it works on at a time.
    pub max_threads: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::golden;

    #[test]
    fn facts_of_an_agent_that_asked_for_less_can_still_be_read() {
        let installation = golden().facts.installation().unwrap().clone();
        let mut old = toml::Table::try_from(&installation).unwrap();
        assert_eq!(old.clone().try_into::<Installation>().unwrap(), installation);
        for name in ["synchrony", "synchrony_proxy", "installer"] {
            old.remove(name).unwrap();
        }
        let read: Installation = old.try_into().unwrap();
        assert!(matches!(read.synchrony, Field::Unread(_)) && matches!(read.installer, Field::Unread(_)));
        assert!(matches!(read.synchrony_proxy, Field::Unread(_)));
    }
}
