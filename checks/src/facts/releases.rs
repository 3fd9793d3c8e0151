//! Facts about the catalog in use.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Which catalog the targets are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Releases {
    /// `embedded`, or the path of the file it was read from; with what it was refreshed from.
    pub origin: String,
    /// The day its content was last compared with what is published of the product's releases.
    pub collected_on: Date,
    /// SHA-256 of its text, of the platforms' ends of life and of what was learned since, so that a report can be traced to it.
    pub digest: String,
    /// The addresses it is refreshed from, and how the last question to each ended; empty when nobody asks.
    #[serde(default)]
    pub refreshed: Vec<AskedAddress>,
    /// What was learned and not believed, as sentences without full stop.
    #[serde(default)]
    pub refused: Vec<String>,
}

impl Releases {
    /// A catalog as it was written, not refreshed.
    #[must_use]
    pub fn unrefreshed(origin: impl Into<String>, collected_on: Date, digest: String) -> Self {
        Self { origin: origin.into(), collected_on, digest, refreshed: Vec::new(), refused: Vec::new() }
    }
}

/// An address the catalog is refreshed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AskedAddress {
    /// What is learned there: `endoflife`, `feed/current`, `platform/debian` …
    pub topic: String,
    /// The address.
    pub address: String,
    /// When it was asked last.
    pub asked_at: Timestamp,
    /// When it last gave an answer that was believed.
    pub sound_at: Option<Timestamp>,
    /// How the last question ended.
    pub outcome: AskOutcome,
    /// Why there was no sound answer.
    pub problem: Option<String>,
}

/// How a question to an address ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AskOutcome {
    /// It gave an answer.
    Answered,
    /// It said that nothing has changed.
    Unchanged,
    /// Its answer was not believed, and the one before it holds.
    Refused,
    /// It gave no answer.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_an_agent_that_asked_nobody_can_still_be_read() {
        let old = "origin = 'embedded'\ncollected_on = '2026-11-20'\ndigest = '00'";
        let expected = Releases::unrefreshed("embedded", jiff::civil::date(2026, 11, 20), "00".to_owned());
        assert_eq!(toml::from_str::<Releases>(old).unwrap(), expected);
    }
}
