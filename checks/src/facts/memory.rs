//! What is remembered of an instance: what people said, which versions it had, how figures moved.
//!
//! Nothing here is asked of the instance: it comes from the agent's own store and is put into the snapshot,
//! so that the same file gives the same verdicts on another machine.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Profile;
use crate::version::ProductVersion;

/// What is remembered of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Findings people live with for a time, the oldest word first; those that ended stay until they are taken back.
    pub waivers: Vec<Waiver>,
    /// Manual tasks people have done, the oldest word first.
    pub sign_offs: Vec<SignOff>,
    /// Each version that ran, with the time it was first seen, the oldest first.
    pub versions: Vec<VersionSeen>,
    /// How figures moved.
    pub trends: Vec<Trend>,
    /// What people said of steps of the run book, the oldest word first; one word a step.
    pub steps: Vec<StepMark>,
}

impl Memory {
    /// How a figure moved; `None` when nothing is known of it.
    #[must_use]
    pub fn trend(&self, of: &TrendOf) -> Option<&Trend> {
        self.trends.iter().find(|trend| trend.of == *of)
    }
}

/// "We know": a finding somebody takes responsibility for, until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Id of the check.
    pub check: String,
    /// Subject of the finding.
    pub subject: String,
    /// The target it holds for; every one when absent.
    pub target: Option<ProductVersion>,
    /// Why it can be lived with.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// When it was said.
    pub given_at: Timestamp,
    /// The last day it holds.
    pub until: Date,
    /// What was waived, as `Finding::fingerprint` tells it: something else is not waived.
    pub seen: String,
}

/// "It is done": a person's word on a manual task, until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// Id of the check.
    pub check: String,
    /// Subject of the finding that is settled; the whole check, where the agent itself has no way to look, when absent.
    pub subject: Option<String>,
    /// The target it holds for; every one when absent.
    pub target: Option<ProductVersion>,
    /// What was done.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// When it was said.
    pub given_at: Timestamp,
    /// The last day it holds.
    pub until: Date,
    /// The gravest of what was signed off, as `Finding::fingerprint` tells it: what blocks only later is not settled by
    /// it. Absent for a whole check.
    pub seen: Option<String>,
}

/// A person's word on a step of the run book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepMark {
    /// The target the book leads to.
    pub target: ProductVersion,
    /// Id of the step: `production.stop`.
    pub step: String,
    /// What became of it.
    pub state: StepState,
    /// Who says so.
    pub by: String,
    /// When it was said.
    pub at: Timestamp,
    /// How long it took: as it was said, else the time since the step before it in its section was marked.
    pub took: Option<SignedDuration>,
    /// What else was said of it.
    pub note: Option<String>,
    /// What the instance was when the step was marked; kept for steps on staging, so that it can be told later what
    /// changed since.
    pub profile: Option<Profile>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum StepState {
    /// It is done.
    Done,
    /// It was left out.
    Skipped,
    /// It did not work.
    Failed,
}

impl StepState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Done, Self::Skipped, Self::Failed];

    /// The name used on the command line and in the run book's JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A version, and when it was first seen running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VersionSeen {
    /// The version.
    pub version: ProductVersion,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// A figure whose movement is remembered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TrendOf {
    /// Free bytes of the file system mounted here.
    FreeBytes(String),
}

/// How a figure moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// Which figure.
    pub of: TrendOf,
    /// What it was, the oldest first; at most one a day.
    pub points: Vec<Point>,
}

/// A figure at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: u64,
}
