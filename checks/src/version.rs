//! Versions of the watched products, ordered the way the product orders them.
//!
//! Not semantic versioning: Confluence has two, three and four numbers, and its previews are called
//! `-m0001` (milestone), `-beta1` and `-rc1`; all of them come before the release they lead to.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A longer text is not a version, whatever it says.
const MAX_CHARS: usize = 64;

/// The version of a release, such as `9.2.10` or `9.4.0-rc1`.
///
/// Equality follows the order: `8.5` and `8.5.0` are the same release.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ProductVersion {
    text: String,
    numbers: Vec<u32>,
    stage: Stage,
}

/// How far a build is on its way to the release; the variants stand in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Milestone(u32),
    Snapshot,
    Alpha(u32),
    Beta(u32),
    Candidate(u32),
    Release,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version such as 9.2.10 or 9.4.0-rc1: {why}")]
pub struct NotAVersion {
    text: String,
    why: &'static str,
}

impl ProductVersion {
    /// The feature line this release belongs to, `9.2` for `9.2.10`.
    #[must_use]
    pub fn line(&self) -> Line {
        Line { major: self.number(0), minor: self.number(1) }
    }

    /// Whether this is a finished release and not a milestone, beta or release candidate.
    #[must_use]
    pub fn is_release(&self) -> bool {
        self.stage == Stage::Release
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn number(&self, index: usize) -> u32 {
        self.numbers.get(index).copied().unwrap_or(0)
    }
}

impl FromStr for ProductVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let refuse = |why| NotAVersion { text: text.chars().take(MAX_CHARS).collect(), why };
        if text.chars().count() > MAX_CHARS {
            return Err(refuse("it is longer than 64 characters"));
        }
        let (numbers, stage) = text.split_once('-').map_or((text, None), |(n, s)| (n, Some(s)));
        let numbers = numbers
            .split('.')
            .map(parse_number)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| refuse("its parts must be numbers with dots between them"))?;
        if !(2..=5).contains(&numbers.len()) {
            return Err(refuse("it must have two to five numbers"));
        }
        let stage = match stage {
            None => Stage::Release,
            Some(stage) => parse_stage(stage).ok_or_else(|| {
                refuse("what follows the hyphen must be m, alpha, beta or rc with a number, or SNAPSHOT")
            })?,
        };
        Ok(Self { text: text.to_owned(), numbers, stage })
    }
}

/// Digits only: `u32::from_str` alone would also take `+1`.
fn parse_number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn parse_stage(text: &str) -> Option<Stage> {
    let text = text.to_ascii_lowercase();
    if text == "snapshot" {
        return Some(Stage::Snapshot);
    }
    let numbered = |prefix: &str| {
        let digits = text.strip_prefix(prefix)?;
        if digits.is_empty() { Some(0) } else { parse_number(digits) }
    };
    numbered("milestone")
        .or_else(|| numbered("m"))
        .map(Stage::Milestone)
        .or_else(|| numbered("alpha").map(Stage::Alpha))
        .or_else(|| numbered("beta").map(Stage::Beta))
        .or_else(|| numbered("rc").map(Stage::Candidate))
}

impl Ord for ProductVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.numbers.len().max(other.numbers.len());
        (0..parts)
            .map(|index| self.number(index).cmp(&other.number(index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            .then_with(|| self.stage.cmp(&other.stage))
    }
}

impl PartialOrd for ProductVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ProductVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ProductVersion {}

impl fmt::Display for ProductVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for ProductVersion {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ProductVersion> for String {
    fn from(version: ProductVersion) -> Self {
        version.text
    }
}

/// A feature line: all releases that share their first two numbers, such as `9.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Line {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl FromStr for Line {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version: ProductVersion = text.parse()?;
        if version.numbers.len() != 2 || !version.is_release() {
            let why = "a feature line has two numbers, such as 9.2";
            return Err(NotAVersion { text: text.to_owned(), why });
        }
        Ok(version.line())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl TryFrom<String> for Line {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ProductVersion {
        text.parse().unwrap()
    }

    #[test]
    fn releases_stand_in_the_order_the_product_gives_them() {
        let ordered = [
            "5.7",
            "5.7.1",
            "6.13.2",
            "7.0.1",
            "9.2.9",
            "9.2.10",
            "9.4.0-m0001",
            "9.4.0-m0002",
            "9.4.0-SNAPSHOT",
            "9.4.0-beta1",
            "9.4.0-rc1",
            "9.4.0-rc2",
            "9.4.0",
            "9.4.0.1",
            "10.0.2",
        ];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(version("8.5"), version("8.5.0"));
    }

    #[test]
    fn texts_from_hell_are_refused_with_a_reason() {
        let hostile = [
            "",
            " ",
            "9",
            "v9.2",
            "9..2",
            "9.2.",
            ".9.2",
            "9.2.x",
            "-1.2",
            "+9.2",
            "9.2-",
            "9.2.0-final?",
            "9.2.99999999999999999999",
            "٩.٢",
            "9.2\u{0}",
            "1.2.3.4.5.6",
            "latest",
            "9,2",
            "${version}",
        ];
        for text in hostile {
            let error = text.parse::<ProductVersion>().unwrap_err().to_string();
            assert!(error.contains("is not a version"), "{text:?}: {error}");
        }
        let long = "9.".repeat(5_000_000);
        assert!(long.parse::<ProductVersion>().unwrap_err().to_string().len() < 250);
    }

    #[test]
    fn a_line_has_two_numbers() {
        assert_eq!(version("9.2.10").line(), "9.2".parse().unwrap());
        assert!("9.2.1".parse::<Line>().is_err());
        assert!("9.10".parse::<Line>().unwrap() > "9.9".parse().unwrap());
    }
}
