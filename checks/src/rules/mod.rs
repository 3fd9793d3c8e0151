//! Every rule, one file each, and the registry.
//!
//! A rule has no state, no clock and no way to reach the world. To add one: write `<id>.rs` with its
//! static, its function and its tests, then its `mod` line and its line in [`ALL`].

use crate::model::Check;

#[cfg(test)]
mod contracts;
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
mod process_limits;
mod release_support;
mod support;
#[cfg(test)]
mod testing;
mod units;

pub use disk_space::{MountNeed, requirements_by_mount as disk_needs};

/// Every check, sorted by id.
pub static ALL: &[&Check] = &[
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
    &process_limits::CHECK,
    &release_support::CHECK,
];
