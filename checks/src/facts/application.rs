//! Facts the running application tells over HTTP.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClusterState, Field};

/// What the application says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Application {
    /// The address it was asked at, without credentials.
    pub base_url: String,
    /// Its own word for how it is: `RUNNING`, `STARTING`, `MAINTENANCE` …
    pub state: Field<String>,
    /// The version it states, when it does.
    pub version: Field<Option<String>>,
    /// The build number it states, when it does.
    pub build: Field<Option<u32>>,
    /// `READ_WRITE` or `READ_ONLY`.
    pub access_mode: Field<String>,
    /// When the certificate at its address ends; `None` inside when it is asked without encryption.
    #[serde(default)]
    pub certificate_ends_at: Field<Option<Timestamp>>,
    /// The product's own health checks.
    pub health: Field<Vec<HealthCheck>>,
    /// Users counted against the licence.
    pub users: Field<UserCount>,
    /// The cluster it is in; `None` when it says that it is in none.
    #[serde(default)]
    pub nodes: Field<Option<ClusterState>>,
    /// The newest rebuild of the search index; `None` inside when the product tells of none.
    #[serde(default)]
    pub index: Field<Option<IndexState>>,
}

/// How the rebuild of the search index stands. Each value is there when the product tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct IndexState {
    /// It runs now.
    pub running: Option<bool>,
    /// How far it is, in percent.
    pub percent: Option<u8>,
}

/// One of the product's own health checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HealthCheck {
    /// Its complete key, which identifies it.
    pub key: String,
    /// Its name as the product shows it.
    pub name: String,
    /// What it belongs to: `Supported Platforms`, `Database` …
    pub tag: String,
    /// Whether the product is content.
    pub healthy: bool,
    /// `undefined`, `minor`, `warning`, `major`, `critical`, as the product says it.
    pub severity: String,
    /// The product's explanation.
    pub reason: String,
    /// The vendor's page on it.
    pub documentation: Option<String>,
}

/// Users counted against the licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct UserCount {
    /// Users that count.
    pub users: u64,
    /// Users the licence allows; `None` is unlimited.
    pub allowed: Option<u64>,
}
