//! How much `/metrics` tells.

use schemars::JsonSchema;
use serde::Deserialize;

/// What /metrics tells.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawMetrics {
    /// full, or lean for hundreds of instances: without the verdicts of checks that do not hold, without failures that
    /// did not happen, and how long sources take as sum and count alone.
    pub(super) detail: Detail,
}

/// How much it tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Every series.
    #[default]
    Full,
    /// A third of them; all that alerts and dashboards of `deploy/` look at.
    Lean,
}
