//! The operator's limits.

use serde::{Deserialize, Serialize};

/// What an instance is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Environment {
    /// People depend on it.
    #[default]
    Production,
    /// It is there to try things.
    Test,
}

/// Limits an operator may set; every one has a sensible default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Warn this many days before a licence or its maintenance ends.
    pub license_warn_days: u32,
    /// Days by which a release's date may be off: a maintenance end this close to it warns instead of deciding.
    pub release_date_margin_days: u32,
    /// Warn this many days before the certificate of the application's address ends.
    pub certificate_warn_days: u32,
    /// Warn when this share of the licensed users is in use, in percent.
    pub seats_warn_percent: u8,
    /// Warn this many days before a release, Java, database or operating system runs out of support.
    pub support_warn_days: u32,
    /// Note when what is known of releases and their dates was older than this many days when the facts were taken.
    pub catalog_warn_days: u32,
    /// Part of each file system that must stay free after the upgrade, in percent.
    pub disk_reserve_percent: u8,
    /// Room for the installation this many times over beside it: the installer's backup, and the new program.
    pub disk_installation_copies: u8,
    /// Room for the home this many times over beside it: the installer's backup; 0 when it is backed up elsewhere.
    pub disk_home_copies: u8,
    /// Room for the search index this many times over beside it, for when it is split and rebuilt.
    pub disk_index_copies: u8,
    /// Room in the home for the recovery dump the upgrade writes, in percent of the database; 0 when it is switched off.
    pub disk_recovery_percent_of_database: u8,
    /// A table that is known to grow, such as Synchrony's events, is oversized above this many rows.
    pub large_table_rows: u64,
    /// Note others who are connected to the database from this many days before the planned day on.
    pub sessions_notice_days: u32,
    /// Warn below this many open files a service may have.
    pub open_files_minimum: u64,
    /// Warn below this many processes and threads the service's user may have.
    pub processes_minimum: u64,
    /// The largest part of the host's memory the heap may take, in percent.
    pub heap_of_memory_percent: u8,
    /// How far the memory a host reports may fall short of what is asked, in percent: firmware and kernel keep some.
    pub memory_tolerance_percent: u8,
    /// Warn when the upgrade was rehearsed longer ago than this many days.
    pub rehearsal_max_age_days: u32,
    /// The newest proof that a dump restores may be this many days old.
    pub restore_max_age_days: u32,
    /// Without a proof that a dump restores the upgrade must not start.
    pub restore_proof_required: bool,
    /// By how much the rows of a restored table may differ from production's, in percent.
    pub restore_rows_tolerance_percent: u8,
    /// Warn when the newest backup of the home or the database is older than this many days.
    pub backup_warn_age_days: u32,
    /// Block when the newest backup of the home or the database is older than this many days.
    pub backup_max_age_days: u32,
    /// Warn when the newest backup of the installation, which seldom changes, is older than this many days.
    pub backup_installation_warn_age_days: u32,
    /// Block when the newest backup of the installation is older than this many days.
    pub backup_installation_max_age_days: u32,
    /// Warn when a backup is smaller than this part of those before it, in percent; 0 to not compare.
    pub backup_min_percent_of_usual: u8,
    /// Warn when a backup of a directory unpacks to less than this part of the directory, in percent; 0 to not compare.
    pub backup_min_percent_of_directory: u8,
    /// Warn when a dump unpacks to less than this part of the database, in percent; 0 to not compare. Indexes and
    /// free room of a database are not in its dump.
    pub backup_min_percent_of_database: u8,
    /// After an upgrade: warn when the database is smaller than this part of what it was before, in percent; 0 to not
    /// compare.
    pub after_min_percent_of_database: u8,
    /// An hour is quiet while its requests are at most this share of those of the busiest hour of the week, in percent.
    pub quiet_hour_percent_of_peak: u8,
    /// Weeks in which an hour must have been seen before it is called quiet or busy.
    pub traffic_weeks_minimum: u32,
    /// Minutes an upgrade takes however small the instance is: stopping, installing, starting, trying.
    pub downtime_base_minutes: u32,
    /// How fast installation and home are packed while the instance is down, in MiB a second.
    pub downtime_backup_mib_per_second: u32,
    /// How fast the database is dumped and changed while the instance is down, in MiB a second.
    pub downtime_database_mib_per_second: u32,
    /// How fast the search index is rebuilt, in MiB a minute; measure it at a rebuild of yours.
    pub index_rebuild_mib_per_minute: u32,
    /// Warn when rebuilding the search index is expected to take longer than this many hours.
    pub index_rebuild_warn_hours: u32,
    /// Recommend long-term support releases also to a small instance.
    pub prefer_long_term_support: bool,
    /// An instance with so many users, or a cluster, is large: long-term support releases are recommended to it.
    pub large_instance_users: u64,
    /// Plug-ins nobody will miss: their compatibility and state are not judged.
    pub ignored_plugins: Vec<String>,
    /// What the instance is for; set per instance.
    #[serde(skip)]
    #[cfg_attr(feature = "schemars", schemars(skip))]
    pub environment: Environment,
    /// How many nodes the cluster should have; set per instance, `None` when nobody says.
    #[serde(skip)]
    #[cfg_attr(feature = "schemars", schemars(skip))]
    pub cluster_nodes: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            license_warn_days: 60,
            release_date_margin_days: 3,
            certificate_warn_days: 30,
            seats_warn_percent: 90,
            support_warn_days: 180,
            catalog_warn_days: 90,
            disk_reserve_percent: 10,
            disk_installation_copies: 2,
            disk_home_copies: 1,
            disk_index_copies: 2,
            disk_recovery_percent_of_database: 100,
            large_table_rows: 1_000_000,
            sessions_notice_days: 7,
            open_files_minimum: 8192,
            processes_minimum: 4096,
            heap_of_memory_percent: 75,
            memory_tolerance_percent: 5,
            rehearsal_max_age_days: 90,
            restore_max_age_days: 35,
            restore_proof_required: false,
            restore_rows_tolerance_percent: 10,
            backup_warn_age_days: 2,
            backup_max_age_days: 7,
            backup_installation_warn_age_days: 30,
            backup_installation_max_age_days: 180,
            backup_min_percent_of_usual: 50,
            backup_min_percent_of_directory: 50,
            backup_min_percent_of_database: 5,
            after_min_percent_of_database: 50,
            quiet_hour_percent_of_peak: 10,
            traffic_weeks_minimum: 2,
            downtime_base_minutes: 30,
            downtime_backup_mib_per_second: 20,
            downtime_database_mib_per_second: 10,
            index_rebuild_mib_per_minute: 30,
            index_rebuild_warn_hours: 8,
            prefer_long_term_support: false,
            large_instance_users: 500,
            ignored_plugins: Vec::new(),
            environment: Environment::Production,
            cluster_nodes: None,
        }
    }
}
