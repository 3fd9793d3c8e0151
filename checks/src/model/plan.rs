//! When the upgrade is planned, and when it must not be.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What the operator has planned for an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The day of the upgrade, in the operator's time zone.
    pub day: Option<Date>,
    /// When the upgrade starts, when the hour is planned too.
    pub starts_at: Option<Timestamp>,
    /// How long the instance may be down.
    pub downtime: Option<SignedDuration>,
    /// How far the operator's clock is ahead of UTC on that day, else at the first freeze, in seconds; negative when it is
    /// behind.
    pub utc_offset_seconds: i32,
    /// Times in which nothing may be changed.
    pub freezes: Vec<Freeze>,
}

/// A time in which nothing may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// What it is called: "year-end closing".
    pub name: String,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
}
