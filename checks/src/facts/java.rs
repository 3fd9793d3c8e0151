//! Facts about Java: the runtimes that matter, and the options of the one in use.

use serde::{Deserialize, Serialize};

use super::Field;

/// Every Java that matters to the instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Java {
    /// The runtimes that were found, the one in use first.
    ///
    /// A home stands here under its most important role, and once more as bundled when it came with the
    /// installation.
    pub runtimes: Vec<Runtime>,
    /// The Java virtual machine's options.
    pub options: Field<JvmOptions>,
}

impl Java {
    /// The runtime the service uses: the running one, or what its next start would take.
    #[must_use]
    pub fn in_use(&self) -> Option<&Runtime> {
        self.runtimes.iter().min_by_key(|runtime| runtime.role)
    }

    /// Whether the Java at this home came with the installation.
    #[must_use]
    pub fn is_bundled(&self, home: &str) -> bool {
        self.runtimes.iter().any(|runtime| runtime.role == RuntimeRole::Bundled && runtime.home == home)
    }
}

/// One installed Java.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Runtime {
    /// How it matters.
    pub role: RuntimeRole,
    /// Its home directory.
    pub home: String,
    /// Its version, from its `release` file.
    pub version: Field<JavaVersion>,
    /// Who built it (`IMPLEMENTOR` of the `release` file).
    pub implementor: Option<String>,
}

/// How a runtime matters; the variants stand in the order in which they would be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeRole {
    /// The service runs on it now.
    Running,
    /// `JRE_HOME` or `JAVA_HOME` names it in the start scripts.
    Configured,
    /// It came with the installation.
    Bundled,
}

impl RuntimeRole {
    /// What it is called in sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Configured => "configured",
            Self::Bundled => "bundled",
        }
    }
}

/// A Java version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct JavaVersion {
    /// The feature release: 8 for `1.8.0_392`, 17 for `17.0.9`.
    pub feature: u32,
    /// The version as the runtime states it.
    pub text: String,
}

/// Options of the Java virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct JvmOptions {
    /// Where they were read: `process 1234`, or the path of the start script.
    pub place: String,
    /// `-Xmx`; `None` when it is not set and Java chooses.
    pub max_heap_bytes: Option<u64>,
    /// `-Xms`.
    pub initial_heap_bytes: Option<u64>,
    /// `-XX:ReservedCodeCacheSize`.
    pub code_cache_bytes: Option<u64>,
    /// `-Dfile.encoding`.
    pub file_encoding: Option<String>,
}
