//! The releases a collector has to ask about.

use tokio::sync::watch;
use upgrade_readiness_checks::version::ProductVersion;

/// A release somebody may want to upgrade to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetBuild {
    /// Its version.
    pub version: ProductVersion,
    /// Its build number, when the catalog knows it.
    pub build: Option<u32>,
    /// How much it is wanted.
    pub wanted: Wanted,
}

/// How much a release is wanted, and so how much may be asked about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It is a target, or recommended: everything is asked.
    Target,
    /// It could be chosen: only what costs the instance nothing is asked.
    Choice,
}

/// The releases that are judged now; they change when a symbolic target resolves to another one.
pub type TargetFeed = watch::Receiver<Vec<TargetBuild>>;
