//! A set of versions or names, as requirements write it.

use std::cmp::Ordering;
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Versions or names: `17` (and all of 17), `9.6`, `>=15`, `<=11`, or a word such as `utf8mb4`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    matcher: Matcher,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Matcher {
    /// Its numbers are the first numbers of the version.
    Prefix(Vec<u64>),
    /// The version's numbers, cut to as many as stand here, compare like this.
    Compare(&'static [Ordering], Vec<u64>),
    /// The same word, whatever its case.
    Word,
}

const COMPARISONS: [(&str, &[Ordering]); 4] = [
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">", &[Ordering::Greater]),
    ("<", &[Ordering::Less]),
];

impl Pattern {
    /// Whether a version or name is in the set.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match &self.matcher {
            Matcher::Word => self.text.eq_ignore_ascii_case(value.trim()),
            Matcher::Prefix(prefix) => leading_numbers(value).starts_with(prefix),
            Matcher::Compare(wanted, limit) => {
                let mut numbers = leading_numbers(value);
                if numbers.is_empty() {
                    return false;
                }
                numbers.resize(limit.len(), 0);
                wanted.contains(&numbers.cmp(limit))
            }
        }
    }

    /// The version or name itself, when it is one and no range.
    pub(super) fn named(&self) -> Option<&str> {
        match self.matcher {
            Matcher::Prefix(_) => Some(self.text.trim_end_matches(".x")),
            Matcher::Word => Some(&self.text),
            Matcher::Compare(..) => None,
        }
    }
}

/// The numbers a version begins with: `15.6 (Debian 15.6-1)` gives 15 and 6.
fn leading_numbers(text: &str) -> Vec<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end).unwrap_or_default().split('.').map_while(|part| part.parse().ok()).collect()
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let matcher =
            COMPARISONS.iter().find_map(|(sign, wanted)| Some((text.strip_prefix(sign)?.trim(), *wanted)));
        let matcher = match matcher {
            Some((limit, wanted)) => Matcher::Compare(wanted, exact_numbers(limit)?),
            None if text.starts_with(|c: char| c.is_ascii_digit()) => {
                Matcher::Prefix(exact_numbers(text.trim_end_matches(".x"))?)
            }
            None if text.is_empty() => return Err("an empty text matches nothing".to_owned()),
            None => Matcher::Word,
        };
        Ok(Self { text: text.to_owned(), matcher })
    }
}

fn exact_numbers(text: &str) -> Result<Vec<u64>, String> {
    text.split('.')
        .map(|part| {
            part.parse().map_err(|error: ParseIntError| {
                format!("{text:?} must be numbers with dots between them ({error})")
            })
        })
        .collect()
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_match_by_their_first_numbers() {
        let rows = [
            ("17", "17", true),
            ("17", "17.0.9", true),
            ("17", "171", false),
            ("1", "17", false),
            ("9.6", "9.6.24", true),
            ("9.6", "9.5", false),
            ("9.6", "9", false),
            ("5.1.x", "5.1.49", true),
            (">=15", "15.0", true),
            (">=15", "16", true),
            (">=15", "14.9", false),
            ("<=11", "11.0.20", true),
            ("<=11", "12", false),
            (">11", "11.0.20", false),
            ("<8", "7", true),
            ("15", "15.6 (Debian 15.6-1)", true),
            (">=15", "unknown", false),
            ("17", "", false),
            ("utf8mb4", "UTF8MB4", true),
            ("utf8", "utf8mb4", false),
            ("Data Center", "data center", true),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(pattern.parse::<Pattern>().unwrap().matches(value), expected, "{pattern} {value}");
        }
        for broken in ["", ">=", "<x", "1..2", "9.6-1"] {
            assert!(broken.parse::<Pattern>().is_err(), "{broken}");
        }
    }
}
