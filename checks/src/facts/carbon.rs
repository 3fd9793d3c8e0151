//! What is particular to the home of a WSO2 Carbon product, the running one or a new one beside it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DatabaseConfig, Field};
use crate::version::ProductVersion;

/// The home of a Carbon product, as its files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CarbonHome {
    /// The product, as `bin/version.txt` names it: `WSO2 API Manager`.
    pub product_name: Field<String>,
    /// The kernel it is built on, as `bin/wso2carbon-version.txt` states it.
    pub kernel: Field<ProductVersion>,
    /// How it is configured.
    pub model: ConfigurationModel,
    /// Ports it listens on.
    pub ports: Field<Ports>,
    /// The name it is reached by, when one is configured.
    pub host_name: Field<Option<String>>,
    /// Where its data is, one entry per data source that is configured, in the order they are read.
    pub datasources: Field<Vec<Datasource>>,
    /// Whether it looks for other members of a cluster.
    pub clustering: Field<Clustering>,
    /// Whether it keeps its artifacts in step with a shared repository.
    pub synchroniser: Field<Synchroniser>,
    /// Registries of other databases that are mounted into its own.
    pub mounts: Field<Vec<Mount>>,
    /// The switches of `registry.xml` that decide whether versions of properties, comments, tags and ratings are kept.
    pub registry_versioning: Field<BTreeMap<String, bool>>,
    /// Directories of tenants.
    pub tenants: Field<TenantDirs>,
    /// Secondary user stores: a file for each, of the super tenant and of tenants.
    pub user_stores: Field<Vec<UserStoreFile>>,
    /// Patches of the old kind, and what is told of update tools.
    pub patches: Field<Patches>,
    /// Whether the process the pid file names is the server; `None` inside when there is no pid file.
    pub pid_file: Field<Option<PidFile>>,
    /// The Java the start script accepts; `None` inside when it names no range.
    pub java_range: Field<Option<JavaRange>>,
    /// Options that make tables or delete data at the next start, where they stand.
    pub perilous_options: Field<Vec<PerilousOption>>,
    /// Configuration files in which a placeholder of the build was never replaced, such as `${carbon.version}`.
    pub placeholders: Field<Vec<String>>,
    /// Whether the product makes the administrator's account at its next start, when its configuration says so.
    pub creates_administrator: Field<Option<bool>>,
    /// The newest finished start its log tells of; `None` inside when it tells of none.
    pub last_start: Field<Option<StartRecord>>,
}

/// How a Carbon product is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ConfigurationModel {
    /// By many XML files under `repository/conf`: kernels before 4.5.
    Xml,
    /// By `repository/conf/deployment.toml`, from which the XML files are made at each start.
    Toml,
}

/// Ports of the management console and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Ports {
    /// What is added to every usual port.
    pub offset: u16,
    /// HTTPS, the offset added.
    pub https: u16,
    /// HTTP, the offset added.
    pub http: u16,
}

/// One configured data source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Datasource {
    /// Its name: `WSO2_CARBON_DB`.
    pub name: String,
    /// Its name in JNDI: `jdbc/WSO2CarbonDB`; `None` when it has none.
    pub jndi: Option<String>,
    /// What the product keeps in it, as far as its configuration says.
    pub uses: BTreeSet<DatabaseUse>,
    /// How it is reached, without the password.
    pub config: DatabaseConfig,
    /// The most connections its pool opens, when it is set.
    pub max_active: Option<u32>,
    /// Another data source file names the same JNDI name; which of them counts is not certain.
    pub named_twice: bool,
}

/// What a data source is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseUse {
    /// Users, roles, permissions, tenants.
    UserManagement,
    /// The registry of this server.
    LocalRegistry,
    /// A registry that is mounted: governance, configuration.
    MountedRegistry,
    /// Something of the product on top of the kernel: APIs, identities.
    Product,
}

/// Whether it looks for other members of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Clustering {
    /// The file that says so.
    pub place: String,
    /// Switched on.
    pub enabled: bool,
    /// How members find each other: `multicast`, `wka`.
    pub scheme: Option<String>,
    /// The name of the cluster.
    pub domain: Option<String>,
    /// This member: `10.0.0.7:4000`.
    pub local_member: Option<String>,
    /// The members that are named.
    pub members: Vec<String>,
}

/// Whether artifacts are kept in step with a shared repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Synchroniser {
    /// The file that says so.
    pub place: String,
    /// Switched on.
    pub enabled: bool,
    /// What is changed here is written back.
    pub commits: bool,
    /// Where the repository is, without credentials.
    pub repository: Option<String>,
}

/// A registry that is mounted from another database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Mount {
    /// Where it appears: `/_system/governance`.
    pub path: String,
    /// The remote instance it is from.
    pub instance: String,
    /// The data source of that instance, by its JNDI name.
    pub datasource: Option<String>,
    /// The name of the shared cache, by convention the account and URL of the database.
    pub cache_id: Option<String>,
    /// Nothing is written through it.
    pub read_only: bool,
}

/// Directories of tenants other than the super tenant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TenantDirs {
    /// Where they are.
    pub place: String,
    /// Their numbers.
    pub ids: BTreeSet<u32>,
    /// Tenants that have directories of event streams and publishers, which are not to be carried over from Identity
    /// Server 5.8 and older.
    pub with_event_files: BTreeSet<u32>,
}

/// The file of a secondary user store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct UserStoreFile {
    /// The tenant; `None` is the super tenant.
    pub tenant: Option<u32>,
    /// Its name in the directory: `EXAMPLE_COM.xml`.
    pub file: String,
    /// The domain it states.
    pub domain: Option<String>,
    /// The server it asks, without credentials: an LDAP address or a JDBC URL.
    pub address: Option<String>,
    /// It holds values that were encrypted with the product's key.
    pub encrypted: bool,
}

/// Patches and updates.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Patches {
    /// Patch and service pack directories that are there: `patch0042`.
    pub present: BTreeSet<String>,
    /// Those the last start applied.
    pub applied: BTreeSet<String>,
    /// Files of patches that differ from the bundle they were copied over.
    pub not_effective: Vec<String>,
    /// The update level or timestamp, when an update tool left one.
    pub level: Option<String>,
}

/// What the pid file says, and whether it is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PidFile {
    /// The file.
    pub place: String,
    /// The process it names.
    pub pid: u32,
    /// Whose process that is now.
    pub process: Field<PidProcess>,
}

/// Whose process a pid file names. It is never removed at a stop, so its existence says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PidProcess {
    /// The server of this home.
    Server,
    /// Something else by now.
    Other,
    /// There is no such process.
    Gone,
}

/// The Java features a start script accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct JavaRange {
    /// The lowest.
    pub from: u32,
    /// The highest; `None` when it names none.
    pub to: Option<u32>,
}

/// An option that makes tables or deletes data at the next start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PerilousOption {
    /// The script, unit or process that has it.
    pub place: String,
    /// The option: `-Dsetup`, `--cleanRegistry`.
    pub option: String,
}

/// A finished start, as the log tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct StartRecord {
    /// The log.
    pub place: String,
    /// The line's own time, as it is written.
    pub at: String,
    /// Seconds it took.
    pub seconds: u64,
    /// Lines since the start before that tell of bundles that could not be resolved; at most 20, shortened.
    pub unresolved: Vec<String>,
}
