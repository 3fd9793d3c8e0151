//! Facts about the staging instance, as the agent that watches it tells them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::version::ProductVersion;

/// Where an upgrade is tried before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The staging instance; `None` when the configuration names none.
    pub staging: Option<Staging>,
}

/// A staging instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// The file or address its state was read from, without credentials.
    pub place: String,
    /// Its name there.
    pub instance: String,
    /// When its state was written.
    pub written_at: Timestamp,
    /// What it is.
    pub profile: Profile,
}

/// What an instance is, as far as another one can be compared with it. Published in the status file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Profile {
    /// The version that runs.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub version: Option<ProductVersion>,
    /// Since when it runs, as far as anybody watched.
    pub version_since: Option<Timestamp>,
    /// Where users reach it.
    pub base_url: Option<String>,
    /// Its database engine.
    pub engine: Option<Engine>,
    /// The version of the database server.
    pub database_version: Option<String>,
    /// Where its database is: host, port and name.
    pub database: Option<String>,
    /// The cluster it is a node of.
    pub cluster: Option<String>,
    /// Its home directory, with the host it is on.
    pub home: Option<String>,
    /// The home shared by the nodes of a cluster.
    pub shared_home: Option<String>,
    /// The Java it runs on.
    pub java: Option<String>,
    /// The operating system.
    pub operating_system: Option<String>,
    /// Version of each plug-in people installed, by key; absent when it is not known.
    pub plugins: Option<BTreeMap<String, String>>,
}
