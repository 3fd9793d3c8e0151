//! WSO2 Carbon kernels 4.x and the products on them: their home, their databases, their bundles, their HTTP side.

pub mod bundles;
pub mod database;

use std::sync::Arc;

use crate::collect::Collector;
use crate::collect::surroundings::Surroundings;
use crate::config::Instance;

use bundles::BundlesCollector;

/// Everybody who asks about a Carbon instance.
#[must_use]
pub fn collectors(instance: &Arc<Instance>, surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    vec![Arc::new(BundlesCollector::new(instance.clone(), surroundings.cache_dir.clone()))]
}
