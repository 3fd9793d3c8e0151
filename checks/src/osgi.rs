//! Versions and ranges of OSGi, ordered as the framework orders them.
//!
//! Not the order of the products: the qualifier is a text, so `1.6.1.wso2v9` comes after `1.6.1.wso2v15`. And a single
//! version that is wanted has no end: `1.2` is 1.2 and everything newer.
//!
//! Source: OSGi Core, sections 3.2.5 "Version" and 3.2.6 "Version Range".

use std::fmt;
use std::str::FromStr;

/// A longer text is not a version, whatever it says.
const MAX_CHARS: usize = 256;

/// A version of a bundle or package: three numbers and a qualifier.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    numbers: [u32; 3],
    qualifier: String,
}

/// Why a text is not a version or a range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what} of OSGi")]
pub struct NotOsgi {
    text: String,
    what: &'static str,
}

impl NotOsgi {
    fn new(text: &str, what: &'static str) -> Self {
        Self { text: text.chars().take(MAX_CHARS).collect(), what }
    }
}

impl Version {
    /// The version with these numbers and no qualifier.
    #[must_use]
    pub fn of(major: u32, minor: u32, micro: u32) -> Self {
        Self { numbers: [major, minor, micro], qualifier: String::new() }
    }
}

impl FromStr for Version {
    type Err = NotOsgi;

    /// An absent number is zero; nothing at all is `0.0.0`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let refused = || NotOsgi::new(text, "a version");
        if text.len() > MAX_CHARS {
            return Err(refused());
        }
        let mut version = Self::default();
        if text.is_empty() {
            return Ok(version);
        }
        let mut parts = text.splitn(4, '.');
        for (number, part) in version.numbers.iter_mut().zip(parts.by_ref()) {
            *number = parse_number(part).ok_or_else(refused)?;
        }
        if let Some(qualifier) = parts.next() {
            let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
            if qualifier.is_empty() || !qualifier.bytes().all(letters) {
                return Err(refused());
            }
            qualifier.clone_into(&mut version.qualifier);
        }
        Ok(version)
    }
}

/// Digits only, and no more than the framework's own numbers hold.
fn parse_number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse::<i32>().ok()).flatten()?.try_into().ok()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, micro] = self.numbers;
        write!(f, "{major}.{minor}.{micro}")?;
        if self.qualifier.is_empty() { Ok(()) } else { write!(f, ".{}", self.qualifier) }
    }
}

/// Versions that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    floor: Version,
    includes_floor: bool,
    ceiling: Option<Version>,
    includes_ceiling: bool,
}

impl VersionRange {
    /// Whether a version will do.
    #[must_use]
    pub fn includes(&self, version: &Version) -> bool {
        let above = if self.includes_floor { *version >= self.floor } else { *version > self.floor };
        let below = self
            .ceiling
            .as_ref()
            .is_none_or(|ceiling| if self.includes_ceiling { version <= ceiling } else { version < ceiling });
        above && below
    }

    /// Whether it ends somewhere: a single version does not.
    #[must_use]
    pub fn has_end(&self) -> bool {
        self.ceiling.is_some()
    }
}

impl FromStr for VersionRange {
    type Err = NotOsgi;

    /// Nothing at all is every version.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let refused = || NotOsgi::new(text, "a range of versions");
        let Some(inside) = text.strip_prefix(['[', '(']) else {
            let floor = text.parse().ok().ok_or_else(refused)?;
            return Ok(Self { floor, includes_floor: true, ceiling: None, includes_ceiling: false });
        };
        let inside = inside.strip_suffix([']', ')']).ok_or_else(refused)?;
        let (floor, ceiling) = inside.split_once(',').ok_or_else(refused)?;
        let (floor, ceiling) = (floor.trim(), ceiling.trim());
        if floor.is_empty() || ceiling.is_empty() {
            return Err(refused());
        }
        Ok(Self {
            floor: floor.parse().ok().ok_or_else(refused)?,
            includes_floor: text.starts_with('['),
            ceiling: Some(ceiling.parse().ok().ok_or_else(refused)?),
            includes_ceiling: text.ends_with(']'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_stand_in_the_order_of_the_framework() {
        let ordered = [
            "",
            "0.0.1",
            "1",
            "1.0.0.a",
            "1.0.1",
            "1.2",
            "1.2.0.9",
            "1.6.1",
            "1.6.1.wso2v15",
            "1.6.1.wso2v19",
            "1.6.1.wso2v9",
            "1.10",
            "2.0.0.A",
            "2.0.0.a",
            "10",
        ];
        for pair in ordered.windows(2) {
            let [before, after] = pair else { unreachable!("windows of two") };
            assert!(version(before) < version(after), "{before} {after}");
        }
        assert_eq!((version("1.2"), version(" 1.2.0 ")), (version("1.2.0"), version("1.2")));
        assert_eq!(version("4.4.7.a-b_1").to_string(), "4.4.7.a-b_1");
        assert_eq!(Version::of(1, 2, 0).to_string(), "1.2.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let long = "1".repeat(300);
        for text in [
            "a",
            "1.a",
            "1..2",
            "1.2.3.",
            "1.2.3.a b",
            "-1",
            "+1",
            "1.2.3.a.b",
            "2147483648",
            "1,2",
            &long,
            "${v}",
        ] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_include_what_the_framework_says_they_include() {
        let rows = [
            ("", "0.0.0", true),
            ("1.2", "1.1.9", false),
            ("1.2", "1.2.0", true),
            ("1.2", "99", true),
            ("[4.4.6,4.5.0)", "4.4.7", true),
            ("[4.4.6,4.5.0)", "4.5.0", false),
            ("[4.4.6, 4.5.0)", "4.4.999.z", true),
            ("[4.4.6,4.4.7)", "4.4.7", false),
            ("[4.4.6,4.4.6]", "4.4.6", true),
            ("[4.4.6,4.4.6]", "4.4.6.wso2v1", false),
            ("(4.4.6,5]", "4.4.6", false),
            ("(4.4.6,5]", "4.4.6.a", true),
            ("(4.4.6,5]", "5.0.0", true),
            ("[1.6.1.wso2v15,1.7)", "1.6.1.wso2v9", true),
            ("[2,1]", "1.5", false),
        ];
        for (range, candidate, expected) in rows {
            let parsed: VersionRange = range.parse().unwrap();
            assert_eq!(parsed.includes(&version(candidate)), expected, "{range} {candidate}");
        }
        assert!("[1,2)".parse::<VersionRange>().unwrap().has_end());
        assert!(!"1".parse::<VersionRange>().unwrap().has_end());
        for text in ["[1,2", "[1]", "[,2)", "[1,)", "[1,2,3)", "1,2)", "(a,b)", "[1;2]", "${range}"] {
            assert!(text.parse::<VersionRange>().is_err(), "{text}");
        }
    }
}
