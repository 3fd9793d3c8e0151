//! Facts about the nodes of a cluster, as the application tells them.

use serde::{Deserialize, Serialize};

use super::Field;

/// A cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ClusterState {
    /// Where it was told: the path that answered.
    pub told_by: String,
    /// How a rolling upgrade stands.
    pub upgrade: Field<RollingUpgrade>,
    /// Every node that is in the cluster now.
    pub nodes: Vec<ClusterNode>,
}

/// How a rolling upgrade stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RollingUpgrade {
    /// Nodes with different versions may join at the moment.
    pub upgrade_mode: bool,
    /// The product's word: `STABLE`, `READY_TO_UPGRADE`, `MIXED`, `READY_TO_RUN_UPGRADE_TASKS`,
    /// `RUNNING_UPGRADE_TASKS`, `UPGRADE_TASKS_FAILED`; `None` when it says none.
    pub state: Option<String>,
    /// The version the cluster came from.
    pub original_version: Option<String>,
    /// Upgrade tasks wait to be run at the end.
    pub unfinished_tasks: Option<bool>,
}

/// One node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ClusterNode {
    /// Its id in the cluster.
    pub id: String,
    /// Its name, when it has one.
    pub name: Option<String>,
    /// `STARTING`, `ACTIVE`, `DRAINING`, `TERMINATING`, `OFFLINE`, `ERROR` …, when it is told.
    pub state: Option<String>,
    /// The version it runs, when it is told.
    pub version: Option<String>,
    /// The build it runs, when it is told.
    pub build: Option<u32>,
}

impl ClusterNode {
    /// What people call it.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}
