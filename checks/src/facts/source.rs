//! Products, the places facts come from, and the ways asking them can fail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A product whose upgrade is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Product {
    /// Atlassian Confluence, Server and Data Center.
    Confluence,
}

impl Product {
    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Confluence => "confluence",
        }
    }

    /// The name as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confluence => "Confluence",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A place facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Source {
    /// Operating system, processors, memory, the running service's process.
    Host,
    /// File systems and sizes of the directories the instance lives in.
    Disk,
    /// Every Java that matters, and the options of the running one.
    Java,
    /// Directories, versions and configuration files of the installation.
    Installation,
    /// Changed, removed and added files of the installation.
    Files,
    /// The product's licence.
    License,
    /// The product's database server and schema.
    Database,
    /// The running application, over HTTP.
    Application,
    /// Installed plug-ins and what is known of their compatibility.
    Plugins,
    /// Backups, and proofs that they can be restored.
    Backups,
    /// When the instance is used, from its access logs.
    Traffic,
    /// The catalog of releases.
    Releases,
    /// The staging instance on which the upgrade is tried.
    Rehearsal,
    /// The operator's own probes.
    Custom,
}

impl Source {
    /// Every source, in the order they are shown.
    pub const ALL: [Self; 14] = [
        Self::Host,
        Self::Disk,
        Self::Java,
        Self::Installation,
        Self::Files,
        Self::License,
        Self::Database,
        Self::Application,
        Self::Plugins,
        Self::Backups,
        Self::Traffic,
        Self::Releases,
        Self::Rehearsal,
        Self::Custom,
    ];

    /// The name used in the configuration, the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Disk => "disk",
            Self::Java => "java",
            Self::Installation => "installation",
            Self::Files => "files",
            Self::License => "license",
            Self::Database => "database",
            Self::Application => "application",
            Self::Plugins => "plugins",
            Self::Backups => "backups",
            Self::Traffic => "traffic",
            Self::Releases => "releases",
            Self::Rehearsal => "rehearsal",
            Self::Custom => "custom",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Why a source could not be asked, as a closed set for metrics and advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum FailureKind {
    /// Nothing answers at the address.
    Unreachable,
    /// It answers, and refuses: wrong password, missing right, file mode.
    Denied,
    /// It did not answer within the time limit.
    Timeout,
    /// It answered something that is not what it should be.
    Malformed,
    /// The file, directory or setting does not exist.
    Absent,
    /// The collector itself broke; a defect of the agent.
    Internal,
}

impl FailureKind {
    /// Every kind, in the order they are shown.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::Denied, Self::Timeout, Self::Malformed, Self::Absent, Self::Internal];

    /// The name used in metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Absent => "absent",
            Self::Internal => "internal",
        }
    }
}
