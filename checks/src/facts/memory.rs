//! What is remembered of an instance: what people said, which versions it had, how figures moved.
//!
//! Nothing here is asked of the instance: it comes from the agent's own store and is put into the snapshot,
//! so that the same file gives the same verdicts on another machine.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::version::ProductVersion;

/// What is remembered of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A version, and when it was first seen running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSeen {
    /// The version.
    pub version: ProductVersion,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// A figure whose movement is remembered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrendOf {
    /// Free bytes of the file system mounted here.
    FreeBytes(String),
}

/// How a figure moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// Which figure.
    pub of: TrendOf,
    /// What it was, the oldest first; at most one a day.
    pub points: Vec<Point>,
}

/// A figure at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: u64,
}
