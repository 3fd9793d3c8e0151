//! Ends of life of the platforms a product runs on.

use jiff::civil::Date;
use serde::Deserialize;

/// A platform with its release cycles: PostgreSQL, Debian, Eclipse Temurin …
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// Its id: `postgresql`, `debian`, `eclipse-temurin`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its release cycles.
    pub cycles: Vec<Cycle>,
}

/// One release cycle of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cycle {
    /// The first numbers of its versions: `15`, `10.11`, `22.04`.
    pub cycle: String,
    /// The last day of free support; `None` when the vendor names none.
    pub end_of_life: Option<Date>,
    /// The last day of paid or community long-term support.
    pub extended_end: Option<Date>,
}

impl Platform {
    /// The cycle a version belongs to: the one that shares most leading numbers.
    #[must_use]
    pub fn cycle(&self, version: &str) -> Option<&Cycle> {
        self.cycles
            .iter()
            .filter(|cycle| {
                version
                    .strip_prefix(cycle.cycle.as_str())
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            })
            .max_by_key(|cycle| cycle.cycle.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_finds_its_cycle() {
        let cycle = |name: &str| Cycle { cycle: name.into(), end_of_life: None, extended_end: None };
        let platform = Platform {
            id: "p".into(),
            name: "P".into(),
            cycles: vec![cycle("1"), cycle("10"), cycle("10.1"), cycle("10.11")],
        };
        let found = |version: &str| platform.cycle(version).map(|cycle| cycle.cycle.as_str());
        assert_eq!(found("10.11.6-MariaDB"), Some("10.11"));
        assert_eq!(found("10.1"), Some("10.1"));
        assert_eq!(found("10.9"), Some("10"));
        assert_eq!(found("11"), None);
        assert_eq!(found(""), None);
    }
}
