//! The product's own record of upgrades: what its table is called, and what a row of it says.
//!
//! The names are product knowledge and come from the product. How the table is asked is the engine's.

use jiff::Timestamp;
use upgrade_readiness_checks::facts::UpgradeStep;

use super::gap::Gap;

/// Rows that are read at most, newest first. A product adds a few in each upgrade.
pub(super) const MOST_STEPS: usize = 200;

/// A version tag is cut after this many characters; real ones have fewer than fifty.
const LONGEST_TAG: usize = 200;

/// The table in which a product writes down its upgrades. Names are found whatever their case.
///
/// Only the table and its build column must exist; older products lack the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeTable {
    /// The table.
    pub table: &'static str,
    /// Column with the build number.
    pub build: &'static str,
    /// Column with the time a step was recorded.
    ///
    /// A column without time zone holds the wall clock of the product's host; it is read as UTC.
    pub installed: &'static str,
    /// Column with the version tag.
    pub tag: &'static str,
}

/// A row of the table as text.
#[derive(Debug)]
pub(super) struct Row {
    /// Build number.
    pub(super) build: Option<String>,
    /// When it was recorded.
    pub(super) installed_at: Option<Timestamp>,
    /// Version tag.
    pub(super) tag: Option<String>,
}

/// Reads rows; one that has no build number makes the whole unread, for it could be the newest.
pub(super) fn parse_steps(table: &str, rows: Vec<Row>) -> Result<Vec<UpgradeStep>, Gap> {
    rows.into_iter()
        .map(|row| {
            let build = row.build.as_deref().and_then(|text| text.trim().parse().ok());
            let Some(build) = build else {
                return Err(Gap::Unread(format!(
                    "a row of {table} has no build number; look at it: SELECT * FROM {table}"
                )));
            };
            let tag = row.tag.filter(|tag| !tag.trim().is_empty());
            let tag = tag.map(|tag| tag.chars().take(LONGEST_TAG).collect());
            Ok(UpgradeStep { build, installed_at: row.installed_at, tag })
        })
        .collect()
}

/// Which of the names that are there is meant: exactly this one, or one that differs only in case.
pub(super) fn find_name<'a>(meant: &str, there: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let mut alike = there.clone().filter(|name| name.eq_ignore_ascii_case(meant));
    there.clone().find(|name| *name == meant).or_else(|| alike.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(build: Option<&str>, tag: Option<&str>) -> Row {
        Row { build: build.map(Into::into), installed_at: None, tag: tag.map(Into::into) }
    }

    #[test]
    fn a_row_needs_a_build_number() {
        let steps = parse_steps("confversion", vec![row(Some("9012"), Some("lock_for_upgrade_to_9111"))]);
        let steps = steps.unwrap();
        assert_eq!((steps[0].build, steps[0].tag.as_deref()), (9012, Some("lock_for_upgrade_to_9111")));
        assert_eq!(parse_steps("confversion", vec![row(Some("1"), Some(" "))]).unwrap()[0].tag, None);
        let long = "x".repeat(5000);
        let steps = parse_steps("confversion", vec![row(Some("1"), Some(&long))]).unwrap();
        assert_eq!(steps[0].tag.as_ref().unwrap().len(), LONGEST_TAG);
        for build in [None, Some(""), Some("-1"), Some("99999999999"), Some("<html>")] {
            let outcome = parse_steps("confversion", vec![row(Some("1"), None), row(build, None)]);
            assert!(matches!(outcome, Err(Gap::Unread(why)) if why.contains("confversion")), "{build:?}");
        }
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        let there = ["CONFVERSION", "confversion"];
        assert_eq!(find_name("confversion", there.into_iter()), Some("confversion"));
        assert_eq!(find_name("Confversion", there.into_iter()), Some("CONFVERSION"));
        assert_eq!(find_name("confversions", there.into_iter()), None);
    }
}
