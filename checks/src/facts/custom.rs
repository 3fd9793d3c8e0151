//! Facts from the operator's own probes.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// What the operator's own probes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Custom {
    /// Each probe once, in the order of the configuration.
    pub probes: Vec<Probe>,
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Probe {
    /// Its name.
    pub name: String,
    /// What it asks: `program`, `http`, `sql`, `promql`.
    pub kind: String,
    /// What is in question, without credentials.
    pub asks: String,
    /// What came of it.
    pub outcome: ProbeOutcome,
    /// What it said, in one line and without secrets.
    pub said: String,
    /// How long it took.
    pub took: SignedDuration,
    /// What the operator wants to be done when it is not content.
    pub remedy: Option<String>,
}

/// What came of a probe, in the words of monitoring plug-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProbeOutcome {
    /// All is well.
    Ok,
    /// Somebody must decide.
    Warning,
    /// The upgrade must not start.
    Critical,
    /// It could not tell, or could not be asked.
    Unknown,
}
