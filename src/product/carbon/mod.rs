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

use databases::DatabasesCollector;

/// Everybody who asks about a Carbon instance.
#[must_use]
pub fn collectors(instance: &Arc<Instance>, surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    vec![Arc::new(DatabasesCollector::new(instance.clone(), surroundings.row_counts))]
}
