//! Every rule, one file each, and the registry.
//!
//! A rule has no state, no clock and no way to reach the world. To add one: write `<id>.rs` with its
//! static, its function and its tests, then its `mod` line and its line in [`ALL`].

use crate::model::Check;

mod antivirus;
mod app_licenses;
mod application_health;
mod backup;
mod backup_database;
mod backup_home;
mod backup_installation;
mod backup_restore;
pub(crate) mod clock;
mod cluster_nodes;
mod configuration_drift;
#[cfg(test)]
mod contracts;
mod custom;
pub(crate) mod customised_files;
mod customised_layouts;
mod database_driver;
mod database_embedded;
mod database_integrity;
mod database_ownership;
mod database_privileges;
mod database_sessions;
mod database_settings;
mod database_supported;
mod disk_space;
mod file_ownership;
#[cfg(test)]
#[path = "tests/fingerprints.rs"]
mod fingerprints;
mod freeze;
mod hardware;
mod index_rebuild;
mod internal_administrator;
mod java_memory;
mod java_version;
mod kernel_tables;
mod license_covers_target;
mod license_replacement;
mod license_seats;
mod license_terms;
mod license_valid;
mod locale_encoding;
mod operating_system;
mod osgi_bundles;
mod plugin_compatibility;
mod plugin_state;
mod prepared_home;
mod process_limits;
mod rehearsal;
mod release_support;
mod same_database_engine;
mod sql;
mod staging_copy;
mod staging_database;
mod staging_isolation;
mod support;
#[cfg(test)]
mod testing;
pub(crate) mod units;
mod upgrade_interrupted;
mod upgrade_notes;
mod upgrade_path;
mod upgrade_window;
mod vocabulary;
pub(crate) mod wording;

pub use cluster_nodes::{Rolling, RollingGround, rolling_possible};
pub use disk_space::{MountNeed, requirements_by_mount as disk_needs};
pub use plugin_compatibility::{PluginCounts, plugin_counts};

/// Every check, sorted by id.
pub static ALL: &[&Check] = &[
    &antivirus::CHECK,
    &app_licenses::CHECK,
    &application_health::CHECK,
    &backup_database::CHECK,
    &backup_home::CHECK,
    &backup_installation::CHECK,
    &backup_restore::CHECK,
    &cluster_nodes::CHECK,
    &configuration_drift::CHECK,
    &custom::CHECK,
    &customised_files::CHECK,
    &customised_layouts::CHECK,
    &database_driver::CHECK,
    &database_embedded::CHECK,
    &database_integrity::CHECK,
    &database_ownership::CHECK,
    &database_privileges::CHECK,
    &database_sessions::CHECK,
    &database_settings::CHECK,
    &database_supported::CHECK,
    &disk_space::CHECK,
    &file_ownership::CHECK,
    &freeze::CHECK,
    &hardware::CHECK,
    &index_rebuild::CHECK,
    &internal_administrator::CHECK,
    &java_memory::CHECK,
    &java_version::CHECK,
    &license_covers_target::CHECK,
    &license_replacement::CHECK,
    &license_seats::CHECK,
    &license_valid::CHECK,
    &locale_encoding::CHECK,
    &operating_system::CHECK,
    &osgi_bundles::CHECK,
    &plugin_compatibility::CHECK,
    &plugin_state::CHECK,
    &process_limits::CHECK,
    &rehearsal::CHECK,
    &release_support::CHECK,
    &same_database_engine::CHECK,
    &staging_copy::CHECK,
    &staging_database::CHECK,
    &staging_isolation::CHECK,
    &upgrade_interrupted::CHECK,
    &upgrade_notes::CHECK,
    &upgrade_path::CHECK,
    &upgrade_window::CHECK,
];
