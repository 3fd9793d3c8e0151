//! The releases a collector has to ask about.

use tokio::sync::watch;
use upgrade_readiness_checks::version::ProductVersion;

/// A release somebody wants to upgrade to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBuild {
    /// Its version.
    pub version: ProductVersion,
    /// Its build number, when the catalog knows it.
    pub build: Option<u32>,
}

/// The releases that are judged now; they change when a symbolic target resolves to another one.
pub type TargetFeed = watch::Receiver<Vec<TargetBuild>>;
