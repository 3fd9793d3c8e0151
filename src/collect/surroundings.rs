//! What collectors are given beside the instance they ask about.

use std::path::PathBuf;
use std::sync::Arc;

use super::database::RowCounts;
use super::releases::Refresher;
use super::targets::TargetFeed;

/// What collectors of one instance are given beside its configuration.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Who refreshes the catalog in use.
    pub refresher: Arc<Refresher>,
    /// The releases that are judged.
    pub targets: TargetFeed,
    /// Directory of the agent's own for this instance, for what it learned before; `None` when it may write nowhere.
    pub cache_dir: Option<PathBuf>,
    /// Where a daemon keeps proofs and lists for this instance: read, and never written, by a look that may write nowhere.
    pub kept_dir: Option<PathBuf>,
    /// Whether the rows of the product's main tables are counted, which is much work for its database.
    pub row_counts: RowCounts,
}
