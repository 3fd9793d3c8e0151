//! The catalog in use: the one of the configuration, with what was learned since.
//!
//! It is the hinge between the collector that learns and the keepers that judge; neither knows the other.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{Product, PublicAnswer, Refresh, Releases, Topic};

use crate::collect::releases::{CatalogInUse, Refresher};
use crate::config::{Config, LoadedCatalog};

/// The catalog of one product, as it is now.
#[derive(Debug)]
pub struct LivingCatalog {
    /// As it was written: plausibility is measured by it.
    base: Arc<Catalog>,
    releases: Mutex<Releases>,
    unrefreshed: Releases,
    current: watch::Sender<Arc<Catalog>>,
}

impl LivingCatalog {
    /// A catalog nothing was learned beyond yet.
    #[must_use]
    pub fn new(loaded: &LoadedCatalog) -> Self {
        Self {
            base: loaded.catalog.clone(),
            releases: Mutex::new(loaded.releases.clone()),
            unrefreshed: loaded.releases.clone(),
            current: watch::Sender::new(loaded.catalog.clone()),
        }
    }

    /// The catalog as it is now.
    #[must_use]
    pub fn current(&self) -> Arc<Catalog> {
        self.current.borrow().clone()
    }

    /// The catalog as it is at any time.
    #[must_use]
    pub fn follow(&self) -> watch::Receiver<Arc<Catalog>> {
        self.current.subscribe()
    }
}

impl CatalogInUse for LivingCatalog {
    fn platforms(&self) -> Vec<String> {
        self.base.platform_ids().map(ToOwned::to_owned).collect()
    }

    fn refuses(&self, topic: &Topic, answer: &PublicAnswer) -> Option<String> {
        self.base.refuses(topic, answer)
    }

    fn take_in(&self, refresh: &Refresh) -> Releases {
        let refreshed = Catalog::clone(&self.base).refreshed(refresh);
        let digest = digest_of(&self.unrefreshed.digest, refresh);
        let mut known = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        if known.refused != refreshed.refused {
            for reason in &refreshed.refused {
                tracing::warn!(product = %refresh.product, %reason, "something learned of releases is not believed");
            }
        }
        if known.digest != digest {
            tracing::info!(product = %refresh.product, %digest, "catalog refreshed");
        }
        let news = Arc::new(refreshed.catalog.identified(digest.clone()));
        *known = Releases {
            collected_on: news.collected_on,
            digest,
            refused: refreshed.refused,
            ..self.unrefreshed.clone()
        };
        self.current.send_replace(news);
        known.clone()
    }

    fn releases(&self) -> Releases {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The same for the same catalog and the same answers, whenever they were given.
#[must_use]
pub fn digest_of(base: &str, refresh: &Refresh) -> String {
    if refresh.answers.is_empty() {
        return base.to_owned();
    }
    let mut digest = Sha256::new();
    digest.update(base);
    for (topic, answer) in &refresh.answers {
        digest.update(String::from(topic.clone()));
        digest.update(serde_json::to_vec(&answer.said).unwrap_or_default());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// A product's catalog, and who refreshes it.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The catalog.
    pub catalog: Arc<LivingCatalog>,
    /// Who looks for news.
    pub refresher: Arc<Refresher>,
}

impl Refreshed {
    /// For the daemon: what was learned in its last run is in use, and news are asked for.
    #[must_use]
    pub fn asking(config: &Config, product: Product, loaded: &LoadedCatalog) -> Self {
        Self::open(config, product, loaded, true)
    }

    /// For commands: what the daemon learned is in use, and nobody is asked.
    #[must_use]
    pub fn recalled(config: &Config, product: Product, loaded: &LoadedCatalog) -> Self {
        Self::open(config, product, loaded, false)
    }

    fn open(config: &Config, product: Product, loaded: &LoadedCatalog, asks: bool) -> Self {
        let catalog = Arc::new(LivingCatalog::new(loaded));
        let kept = config.state_dir.join("catalog").join(format!("{}.json", product.id()));
        let mut refresher = Refresher::new(product, config.refreshing.clone(), kept, catalog.clone())
            .recalled(Timestamp::now(), asks);
        if asks && let Some(reason) = refresher.trouble() {
            tracing::warn!(%product, %reason, "what was learned of releases before cannot be used");
        }
        if !asks {
            refresher = refresher.without_asking();
        }
        Self { catalog, refresher: Arc::new(refresher) }
    }
}
