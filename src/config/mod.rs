//! The agent's configuration: what is watched, how often, and where the results go.
//!
//! A file is read in three steps: `raw` has its form, `validate` finds every mistake at once, and
//! what comes out is a [`Config`] without gaps.

mod backups;
mod catalog;
mod channel;
mod cluster;
mod custom;
mod files;
mod form;
mod http;
mod metrics;
mod planned;
mod prepared;
mod raw;
mod rehearsal;
mod restore;
mod schedule;
mod secret;
mod shard;
mod store;
mod traffic;
mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use upgrade_readiness_checks::catalog::{Catalog, PLATFORMS, embedded_text};
use upgrade_readiness_checks::facts::{Product, Releases, Source};
use upgrade_readiness_checks::model::{Plan, Policy, Requested};

use crate::channel::Channel;
use crate::collect::backups::BackupPlaces;
use crate::collect::custom::CustomProbe;
use crate::collect::database::jdbc::redact;
use crate::collect::releases::Refreshing;
use crate::collect::text_file::{ReadTextError, read_text};
use crate::collect::traffic::AccessLogs;
use crate::shard::Shard;

pub use files::FilesAccess;
pub(crate) use form::distance;
pub use http::{AccessEntry, ProofSource, Serving, TlsFiles};
pub use metrics::Detail;
pub use prepared::PreparedPlace;
pub use raw::LogFormat;
pub use rehearsal::{StagingAt, StagingPlace};
pub use restore::RestoreProving;
pub(crate) use schedule::parse_duration;
pub use schedule::{Rhythm, When};
pub use secret::{SecretError, SecretSource};
pub use store::{SharedStorePlace, StoreTls};
pub(crate) use validate::USUAL_STATE_DIR;

/// Where the configuration is looked for when no path is given.
pub const USUAL_PATH: &str = "/etc/upgrade-readiness-agent/agent.toml";

/// Everything the agent was told, whole and valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory for the status file and the store.
    pub state_dir: PathBuf,
    /// Where the agent listens.
    pub listen: SocketAddr,
    /// Where the metrics are written for the textfile collector of `node_exporter`, when they are.
    pub textfile: Option<PathBuf>,
    /// How it serves there, and whom.
    pub serving: Serving,
    /// How much is logged, as a tracing filter.
    pub log_level: String,
    /// The form of the log.
    pub log_format: LogFormat,
    /// How often each source is asked and how long it may take.
    pub rhythms: BTreeMap<Source, Rhythm>,
    /// How many sources are asked at the same time.
    pub max_concurrent: usize,
    /// The catalog of each product that is watched, with the operator's answers.
    pub catalogs: BTreeMap<Product, LoadedCatalog>,
    /// How the catalogs are refreshed.
    pub refreshing: Refreshing,
    /// How much the metrics tell.
    pub detail: Detail,
    /// The part of the instances this agent watches.
    pub shard: Shard,
    /// The store many agents share; `None` when this one stands for itself.
    pub shared_store: Option<SharedStorePlace>,
    /// The instances of this agent, in the order of the file.
    pub instances: Vec<Arc<Instance>>,
    /// Where people are told what changes.
    pub channels: Vec<Channel>,
}

impl Config {
    /// Path of the status file.
    #[must_use]
    pub fn status_file(&self) -> PathBuf {
        self.state_dir.join("status.json")
    }

    /// Path of the store: what is remembered.
    #[must_use]
    pub fn store_file(&self) -> PathBuf {
        self.state_dir.join("history.db")
    }

    /// Directory for what was learned of an instance's files before.
    #[must_use]
    pub fn cache_dir(&self, instance: &str) -> PathBuf {
        self.state_dir.join("cache").join(instance)
    }
}

/// A catalog, and what is told of it.
#[derive(Debug, Clone)]
pub struct LoadedCatalog {
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// Where it came from, how old it is.
    pub releases: Releases,
}

impl LoadedCatalog {
    /// The catalog the agent was built with, without answers of an operator.
    #[must_use]
    pub fn embedded(product: Product) -> Self {
        Self::new(Catalog::embedded(product), embedded_text(product), "embedded".to_owned())
    }

    /// A catalog that was read from a text, which stood at `origin`.
    fn new(catalog: Catalog, text: &str, origin: String) -> Self {
        let digest = Sha256::new().chain_update(text).chain_update(PLATFORMS).finalize();
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let releases = Releases::unrefreshed(origin, catalog.collected_on, digest.clone());
        Self { catalog: Arc::new(catalog.identified(digest)), releases }
    }
}

/// A mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, with the tables around it: `instance[0].targets[1]`.
    pub key: String,
    /// Its line in the file.
    pub line: Option<usize>,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("reading the configuration")]
    Read(#[source] ReadTextError),
    /// There are mistakes in it; all of them are here.
    #[error("{}", render_problems(path, problems))]
    Problems {
        /// The file.
        path: PathBuf,
        /// Its mistakes, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn render_problems(path: &Path, problems: &[Problem]) -> String {
    let count = problems.len();
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    format!("{count} {mistakes} in {}:\n{}", path.display(), lines.join("\n"))
}

/// Reads and validates a configuration file.
pub fn read_config(path: &Path) -> Result<Config, ConfigError> {
    let text = read_text(path).map_err(ConfigError::Read)?;
    parse_config(&text).map_err(|problems| ConfigError::Problems { path: path.to_owned(), problems })
}

/// Validates the text of a configuration file; every mistake is reported.
pub fn parse_config(text: &str) -> Result<Config, Vec<Problem>> {
    validate::validate(text)
}

/// The published schema of the configuration file.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(raw::RawConfig).to_value()
}

/// One instance that is to be upgraded some day.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its name: metric label, argument of commands.
    pub name: String,
    /// The product it runs.
    pub product: Product,
    /// Where the program is.
    pub installation_dir: PathBuf,
    /// Where its home is; when absent, the installation tells.
    pub home_dir: Option<PathBuf>,
    /// Where a newer licence is put before it is entered.
    pub license_file: Option<PathBuf>,
    /// The releases to judge.
    pub targets: Vec<Requested>,
    /// What is planned.
    pub plan: Plan,
    /// How its HTTP side is reached; `None` switches the sources `application` and `plugins` off.
    pub http: Option<HttpAccess>,
    /// How its database is reached, where this differs from the product's own configuration.
    pub database: DatabaseAccess,
    /// Where plug-in compatibility is looked up.
    pub marketplace: Marketplace,
    /// The staging instance on which the upgrade is tried.
    pub rehearsal: Option<StagingPlace>,
    /// The new release, set up beside the running one.
    pub prepared: Option<PreparedPlace>,
    /// The operator's own probes.
    pub custom: Vec<CustomProbe>,
    /// How it is proved that dumps restore.
    pub restore: RestoreProving,
    /// Where its backups are.
    pub backups: BackupPlaces,
    /// Where its access logs are.
    pub traffic: AccessLogs,
    /// What the files of the installation are compared with.
    pub files: FilesAccess,
    /// Sources that are not asked.
    pub sources_off: BTreeSet<Source>,
    /// Which node of its cluster this agent is on; then what all nodes share is asked by one of their agents.
    pub node: Option<String>,
    /// The operator's limits for this instance.
    pub policy: Policy,
}

impl Instance {
    /// Whether facts learned under the other configuration are facts about this one.
    #[must_use]
    pub fn looks_where(&self, other: &Self) -> bool {
        // Named one by one: what is added must be thought of here.
        let Self {
            product,
            installation_dir,
            home_dir,
            license_file,
            http,
            database,
            marketplace,
            rehearsal,
            prepared,
            custom,
            restore,
            backups,
            traffic,
            files,
            ..
        } = self;
        *product == other.product
            && *installation_dir == other.installation_dir
            && *home_dir == other.home_dir
            && *license_file == other.license_file
            && *http == other.http
            && *database == other.database
            && *marketplace == other.marketplace
            && *rehearsal == other.rehearsal
            && *prepared == other.prepared
            && *custom == other.custom
            && *restore == other.restore
            && *backups == other.backups
            && *traffic == other.traffic
            && *files == other.files
    }
}

/// How an HTTP service is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpAccess {
    /// Address including the context path: `https://wiki.example.com/confluence`.
    pub base_url: reqwest::Url,
    /// Who asks.
    pub credentials: Credentials,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
}

/// How the agent shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// It does not.
    Anonymous,
    /// A personal access token.
    Bearer(SecretSource),
    /// User and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretSource,
    },
}

/// How the database is reached; what is absent is taken from the product's configuration.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DatabaseAccess {
    /// JDBC URL.
    pub url: Option<String>,
    /// Account to look with.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretSource>,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
}

/// Shows the URL without what may be secret in it.
impl fmt::Debug for DatabaseAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, username, password, ca_file } = self;
        f.debug_struct("DatabaseAccess")
            .field("url", &url.as_deref().map(redact))
            .field("username", username)
            .field("password", password)
            .field("ca_file", ca_file)
            .finish()
    }
}

/// Where plug-in compatibility is looked up.
#[derive(Debug, Clone, PartialEq)]
pub enum Marketplace {
    /// Nowhere: only the instance's own update check counts.
    Off,
    /// At this address.
    Online(reqwest::Url),
    /// In a file with the marketplace's JSON, carried in by hand.
    Offline(PathBuf),
}

#[cfg(test)]
mod tests;
