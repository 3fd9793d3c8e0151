//! Which catalog the targets are judged by.

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{Releases, Section, Source};

use super::{CollectError, Collector};

/// Tells which catalog is in use. It is read when the configuration is read.
#[derive(Debug)]
pub struct ReleasesCollector {
    releases: Releases,
}

impl ReleasesCollector {
    /// A collector for the catalog described by `releases`.
    #[must_use]
    pub fn new(releases: Releases) -> Self {
        Self { releases }
    }
}

#[async_trait]
impl Collector for ReleasesCollector {
    fn source(&self) -> Source {
        Source::Releases
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        Ok(Section::Releases(self.releases.clone()))
    }
}
