//! How each product is found and read: one folder per product.

pub mod carbon;
pub mod confluence;
pub mod find;

use std::sync::Arc;

use upgrade_readiness_checks::facts::{Family, Source};

use crate::collect::Collector;
use crate::collect::database::DatabaseDirectory;
use crate::collect::rehearsal::RehearsalCollector;
use crate::collect::releases::ReleasesCollector;
use crate::collect::surroundings::Surroundings;
use crate::config::Instance;

/// Everybody who asks about an instance: one collector per source that is not switched off.
#[must_use]
pub fn collectors(instance: &Arc<Instance>, surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    let mut collectors = match instance.product.family() {
        Family::Confluence => confluence::collectors(instance, surroundings),
        Family::Carbon => carbon::collectors(instance, surroundings),
    };
    collectors.push(Arc::new(ReleasesCollector::new(surroundings.refresher.clone())));
    collectors.push(rehearsal(instance, surroundings));
    collectors.retain(|collector| is_on(instance, collector.source()));
    collectors
}

/// Tells where the database of an instance is.
#[must_use]
pub fn database_directory(instance: &Arc<Instance>) -> Arc<dyn DatabaseDirectory> {
    match instance.product.family() {
        Family::Confluence => Arc::new(confluence::database::SiteDatabase::new(instance.clone())),
        Family::Carbon => Arc::new(carbon::database::MainDatabase::new(instance.clone())),
    }
}

/// Who asks about staging: the agent there, and the home that was prepared beside the running one.
fn rehearsal(instance: &Arc<Instance>, surroundings: &Surroundings) -> Arc<dyn Collector> {
    match (instance.product.family(), &instance.prepared) {
        (Family::Carbon, Some(place)) => {
            let cache_dir = surroundings.cache_dir.clone();
            Arc::new(carbon::prepared::PreparedCollector::new(instance.clone(), place.clone(), cache_dir))
        }
        (Family::Carbon, None) | (Family::Confluence, _) => {
            Arc::new(RehearsalCollector::new(instance.rehearsal.clone()))
        }
    }
}

fn is_on(instance: &Instance, source: Source) -> bool {
    !instance.sources_off.contains(&source)
}
