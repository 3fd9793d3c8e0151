//! WSO2 Carbon kernels 4.x and the products on them: their home, their databases, their bundles, their HTTP side.

pub mod database;
pub mod databases;
pub mod home;
pub mod staged;
pub mod tables;

use std::sync::Arc;

use crate::collect::Collector;
use crate::collect::surroundings::Surroundings;
use crate::config::Instance;

/// Everybody who asks about a Carbon instance.
#[must_use]
pub fn collectors(_instance: &Arc<Instance>, _surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    Vec::new()
}
