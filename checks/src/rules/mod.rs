//! Every rule, one file each, and the registry.
//!
//! A rule has no state, no clock and no way to reach the world. To add one: write `<id>.rs` with its
//! static, its function and its tests, then its `mod` line and its line in [`ALL`].

use crate::model::Check;

mod application_health;
#[cfg(test)]
mod contracts;
mod customised_files;
mod database_driver;
mod database_embedded;
mod database_ownership;
mod database_privileges;
mod database_settings;
mod database_supported;
mod disk_space;
mod file_ownership;
mod hardware;
mod java_memory;
mod java_version;
mod license_covers_target;
mod license_seats;
mod license_valid;
mod locale_encoding;
mod operating_system;
mod plugin_compatibility;
mod plugin_state;
mod process_limits;
mod release_support;
mod sql;
mod support;
#[cfg(test)]
mod testing;
mod units;
mod upgrade_interrupted;
mod wording;

pub use disk_space::{MountNeed, requirements_by_mount as disk_needs};
pub use plugin_compatibility::{PluginCounts, plugin_counts};

/// Every check, sorted by id.
pub static ALL: &[&Check] = &[
    &application_health::CHECK,
    &customised_files::CHECK,
    &database_driver::CHECK,
    &database_embedded::CHECK,
    &database_ownership::CHECK,
    &database_privileges::CHECK,
    &database_settings::CHECK,
    &database_supported::CHECK,
    &disk_space::CHECK,
    &file_ownership::CHECK,
    &hardware::CHECK,
    &java_memory::CHECK,
    &java_version::CHECK,
    &license_covers_target::CHECK,
    &license_seats::CHECK,
    &license_valid::CHECK,
    &locale_encoding::CHECK,
    &operating_system::CHECK,
    &plugin_compatibility::CHECK,
    &plugin_state::CHECK,
    &process_limits::CHECK,
    &release_support::CHECK,
    &upgrade_interrupted::CHECK,
];
