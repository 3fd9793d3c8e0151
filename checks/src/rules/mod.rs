//! Every rule, one file each, and the registry.
//!
//! A rule has no state, no clock and no way to reach the world. To add one: write `<id>.rs` with its
//! static, its function and its tests, then its `mod` line and its line in [`ALL`].

use crate::model::Check;

mod support;

/// Every check, sorted by id.
pub static ALL: &[&Check] = &[];
