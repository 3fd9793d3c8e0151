//! The form of the configuration file, and nothing of its meaning.
//!
//! Every doc comment here is a description in the published schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{Product, Source};
use upgrade_readiness_checks::model::{Environment, Policy};

use super::backups::RawBackups;
use super::catalog::RawCatalog;
use super::channel::RawChannel;
use super::cluster::RawCluster;
use super::custom::{RawProbe, RawProbes};
use super::http::RawHttp;
use super::metrics::RawMetrics;
use super::prepared::RawPrepared;
use super::rehearsal::RawRehearsal;
use super::shard::RawShard;
use super::store::RawStore;
use super::traffic::RawTraffic;

/// The configuration of the upgrade readiness agent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "agent.toml")]
pub(super) struct RawConfig {
    /// Directory for the status file and what is remembered; default /var/lib/upgrade-readiness-agent.
    pub(super) state_dir: Option<String>,
    /// Where the agent listens.
    pub(super) http: RawHttp,
    /// How much `/metrics` tells, and where metrics go beside it.
    pub(super) metrics: RawMetrics,
    /// What the agent writes about itself, on standard error.
    pub(super) log: RawLog,
    /// How often each source is asked.
    pub(super) schedule: RawSchedule,
    /// The operator's limits.
    #[schemars(with = "Policy")]
    pub(super) policy: toml::Table,
    /// The catalog of releases.
    pub(super) catalog: RawCatalog,
    /// What the operator looked up in the vendor's documentation, per feature line such as "9.2".
    /// An answer stands above what the catalog says, and counts as complete.
    pub(super) requirements: BTreeMap<String, RawRequirements>,
    /// What the operator's own probes may do.
    pub(super) probes: RawProbes,
    /// The part of the instances this agent watches, when many agents share this file.
    pub(super) shard: RawShard,
    /// The store many agents share.
    pub(super) store: RawStore,
    /// Times in which nothing may be changed on any instance.
    pub(super) freeze: Vec<RawFreeze>,
    /// Where people are told what changes.
    pub(super) channel: Vec<RawChannel>,
    /// The instances that are to be upgraded some day.
    pub(super) instance: Vec<RawInstance>,
}

/// A time in which nothing may be changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFreeze {
    /// What it is called, such as "year-end closing".
    pub(super) name: String,
    /// Its first day, or its first moment: "2026-12-20" or "2026-12-20T18:00:00+01:00".
    pub(super) from: String,
    /// Its last day, or the moment it ends.
    pub(super) until: String,
}

/// What the agent writes about itself, on standard error.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawLog {
    /// How much: error, warn, info, debug or trace, or a tracing filter; default info.
    pub(super) level: Option<String>,
    /// In which form; default text.
    pub(super) format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How often each source is asked: a duration such as "5m" or a cron expression such as "30 2 * * *" (UTC).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawSchedule {
    /// Operating system, processors, memory, the running service; default 1m.
    pub(super) host: Option<String>,
    /// File systems and directory sizes; default 1h.
    pub(super) disk: Option<String>,
    /// Java runtimes and options; default 5m.
    pub(super) java: Option<String>,
    /// Directories, versions, configuration files; default 5m.
    pub(super) installation: Option<String>,
    /// Changed files of the installation; default 6h.
    pub(super) files: Option<String>,
    /// The licence; default 5m.
    pub(super) license: Option<String>,
    /// The database; default 5m.
    pub(super) database: Option<String>,
    /// The running application; default 1m.
    pub(super) application: Option<String>,
    /// Plug-ins; default 1h.
    pub(super) plugins: Option<String>,
    /// Backups; default 1h.
    pub(super) backups: Option<String>,
    /// Access logs; default 1h.
    pub(super) traffic: Option<String>,
    /// The catalog; default 1h.
    pub(super) releases: Option<String>,
    /// The staging instance; default 15m.
    pub(super) rehearsal: Option<String>,
    /// The operator's own probes; default 5m.
    pub(super) custom: Option<String>,
    /// How long a source may take; default 1m; 30m for disk and files,
    /// 10m for plugins and traffic, 6h for backups.
    pub(super) time_limit: BTreeMap<Source, String>,
    /// How many sources are asked at the same time; default 4.
    pub(super) max_concurrent: Option<u32>,
}

/// What a feature line needs, as the operator looked it up.
///
/// Versions are written as "17" (all of 17), "9.6", ">=15" or "<=11".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRequirements {
    /// Java feature releases.
    pub(super) java: Option<Vec<String>>,
    /// Kinds of database: postgresql, mysql, mariadb, sql-server, oracle.
    pub(super) database_engine: Option<Vec<String>>,
    /// PostgreSQL versions.
    pub(super) postgresql: Option<Vec<String>>,
    /// MySQL versions.
    pub(super) mysql: Option<Vec<String>>,
    /// MariaDB versions.
    pub(super) mariadb: Option<Vec<String>>,
    /// SQL Server versions.
    pub(super) sql_server: Option<Vec<String>>,
    /// Oracle Database versions.
    pub(super) oracle: Option<Vec<String>>,
    /// Operating systems: linux, windows, or a distribution with its version such as "debian 12".
    pub(super) operating_system: Option<Vec<String>>,
    /// Versions of the MySQL JDBC driver.
    pub(super) mysql_driver: Option<Vec<String>>,
    /// Kinds of database whose driver comes with the product.
    pub(super) bundled_driver: Option<Vec<String>>,
    /// Character sets of a MySQL schema.
    pub(super) mysql_character_set: Option<Vec<String>>,
    /// Server, Data Center.
    pub(super) license_type: Option<Vec<String>>,
    /// jdbc, data-source.
    pub(super) database_connection: Option<Vec<String>>,
    /// Releases from which this line can be reached in one step.
    pub(super) upgrade_from: Option<Vec<String>>,
    /// Processor cores needed.
    pub(super) cpus: Option<u64>,
    /// Memory of the host needed, in MiB.
    pub(super) memory_mib: Option<u64>,
    /// Largest heap needed, in MiB.
    pub(super) heap_mib: Option<u64>,
    /// Memory needed beside the heap, in MiB.
    pub(super) free_beside_heap_mib: Option<u64>,
}

/// An instance that is to be upgraded some day.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInstance {
    /// Its name, in metrics and commands: letters, digits, dot, hyphen, underscore.
    pub(super) name: String,
    /// The product it runs.
    pub(super) product: Product,
    /// What it is for; default production.
    #[serde(default)]
    pub(super) environment: Environment,
    /// Where the program is.
    pub(super) installation_dir: String,
    /// Where its home is; by default the installation tells.
    pub(super) home_dir: Option<String>,
    /// Where a newer licence is put before it is entered: a file with its text.
    pub(super) license_file: Option<String>,
    /// The releases to judge: versions, latest, latest-lts, next, recommended. Default latest-lts; latest for WSO2 Carbon
    /// products, which have no long-term support releases.
    pub(super) targets: Option<Vec<String>>,
    /// The day the upgrade is planned for, such as "2026-12-05".
    pub(super) upgrade_on: Option<String>,
    /// The hour of that day at which it starts, such as "20:00", in the time zone.
    pub(super) upgrade_at: Option<String>,
    /// How long the instance may be down, such as "4h".
    pub(super) downtime: Option<String>,
    /// The time zone of the planned hour and of what is proposed, such as "Europe/Berlin"; default UTC.
    pub(super) time_zone: Option<String>,
    /// Sources that are not asked. Their checks are unknown, never ready.
    #[serde(default)]
    pub(super) sources_off: Vec<Source>,
    /// How its HTTP side is reached; without it the sources application and plugins are off.
    pub(super) http: Option<RawAccess>,
    /// How its database is reached, where that differs from the product's own configuration.
    #[serde(default)]
    pub(super) database: RawDatabase,
    /// The cluster it is, when it is one.
    #[serde(default)]
    pub(super) cluster: RawCluster,
    /// Where plug-in compatibility is looked up.
    #[serde(default)]
    pub(super) marketplace: RawMarketplace,
    /// The staging instance on which the upgrade is tried.
    pub(super) rehearsal: Option<RawRehearsal>,
    /// The new release, set up beside the running one before it takes over; for WSO2 Carbon products.
    pub(super) prepared: Option<RawPrepared>,
    /// Probes of the operator's own.
    #[serde(default)]
    pub(super) custom: Vec<RawProbe>,
    /// Backups, and the proof that they restore.
    #[serde(default)]
    pub(super) backups: RawBackups,
    /// Access logs, from which is seen when the instance is used.
    #[serde(default)]
    pub(super) traffic: RawTraffic,
    /// What the files of the installation are compared with.
    #[serde(default)]
    pub(super) files: super::files::RawFiles,
    /// Limits that differ from those of [policy] for this instance.
    #[serde(default)]
    #[schemars(with = "Policy")]
    pub(super) policy: toml::Table,
}

/// How an HTTP side is reached. Give a token, or a user name and password, or neither.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccess {
    /// Its address with the context path, such as `http://127.0.0.1:8090/wiki`.
    pub(super) base_url: String,
    /// File with a personal access token.
    pub(super) token_file: Option<String>,
    /// Environment variable with a personal access token.
    pub(super) token_env: Option<String>,
    /// systemd credential with a personal access token.
    pub(super) token_credential: Option<String>,
    /// User name.
    pub(super) username: Option<String>,
    /// File with the password.
    pub(super) password_file: Option<String>,
    /// Environment variable with the password.
    pub(super) password_env: Option<String>,
    /// systemd credential with the password.
    pub(super) password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    pub(super) ca_file: Option<String>,
}

/// How the database is reached; what is absent comes from the product's own configuration.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawDatabase {
    /// JDBC URL.
    pub(super) url: Option<String>,
    /// Account to look with; one that may only read is enough.
    pub(super) username: Option<String>,
    /// File with the password.
    pub(super) password_file: Option<String>,
    /// Environment variable with the password.
    pub(super) password_env: Option<String>,
    /// systemd credential with the password.
    pub(super) password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    pub(super) ca_file: Option<String>,
}

/// Where plug-in compatibility is looked up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMarketplace {
    /// Ask the marketplace; default true.
    pub(super) enabled: Option<bool>,
    /// Its address; default <https://marketplace.atlassian.com>.
    pub(super) url: Option<String>,
    /// File with the marketplace's answers, for hosts without internet; then nothing is asked.
    pub(super) offline_file: Option<String>,
}
