//! Facts about when an instance is used, from its access logs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much an instance is used, by hour of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Traffic {
    /// The patterns of the logs that were read.
    pub places: Vec<String>,
    /// The first request that was seen; `None` when there is none.
    pub first: Option<Timestamp>,
    /// The last request that was seen.
    pub last: Option<Timestamp>,
    /// Requests that were counted.
    pub requests: u64,
    /// Requests that were not counted because the operator does not want them to count, such as health probes.
    #[serde(default)]
    pub ignored: u64,
    /// Lines that are no requests in a known form, or of a time that cannot be.
    pub strange_lines: u64,
    /// Requests whose time was written without its offset from UTC; they were taken for UTC.
    #[serde(default)]
    pub without_offset: u64,
    /// Logs that were read.
    #[serde(default)]
    pub logs: u64,
    /// Logs that could not be read: how many, and the first with the reason.
    pub unread: Option<String>,
    /// Requests by hour of the week in UTC, Monday 00:00 first; 168 of them.
    pub by_hour: Vec<HourOfWeek>,
}

/// One hour of the week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HourOfWeek {
    /// How many such hours the logs cover.
    pub seen: u32,
    /// Requests in all of them together.
    pub requests: u64,
    /// The most requests in one of them.
    pub most: u64,
}
