//! Versions of one plug-in as the marketplace lists them, and what they state about a release.
//!
//! Shapes: Atlassian's Java client (`marketplace-client-java`, `ModelBuilders.versionCompatibilityFor*`) and a
//! public TypeScript interface for `compatibilities[].hosting.dataCenter.{min,max}.{version,build}`; some
//! older entries have `hosting` as a list and `minVersion`/`maxVersion` beside it. So it is read leniently,
//! and what cannot be read counts as not stated.

use serde::Deserialize;
use serde_json::Value;
use upgrade_readiness_checks::facts::Listing;
use upgrade_readiness_checks::version::ProductVersion;

use crate::product::confluence::rest::bounded;

/// Versions listed on one page, the newest first, and where the next page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) versions: Vec<AppVersion>,
    pub(super) next: Option<String>,
}

/// One version of a plug-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AppVersion {
    /// Its name, `3.2.1`; the vendor's own order.
    pub(super) name: String,
    /// The releases of Confluence Data Center it is stated to work with.
    statement: Statement,
}

/// What a version states about the releases it works with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Statement {
    /// From the first to the second of each, both included. None at all: for other products or for the
    /// cloud only.
    Ranges(Vec<(ProductVersion, ProductVersion)>),
    /// Nothing that could be read.
    Nothing,
}

/// What a list is good for.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    /// It has all versions: each one's own statement decides about this release.
    Statement(&'a ProductVersion),
    /// The marketplace put only those in that work with the release in question.
    Filter,
}

impl AppVersion {
    /// Whether it is stated to work; `None` when nothing is stated.
    fn suits(&self, by: By<'_>) -> Option<bool> {
        match (by, &self.statement) {
            (By::Filter, _) => Some(true),
            (By::Statement(target), Statement::Ranges(ranges)) => {
                Some(ranges.iter().any(|(first, last)| first <= target && target <= last))
            }
            (By::Statement(_), Statement::Nothing) => None,
        }
    }
}

/// What a list tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Enough, whatever may follow in it.
    Enough(Listing),
    /// This much; more of the list may tell more.
    SoFar(Listing),
    /// Some versions state nothing, and none that states something works with the release.
    Unclear,
}

/// What a list of versions, the newest first, tells of a plug-in.
pub(super) fn judge(versions: &[AppVersion], installed: &str, by: By<'_>) -> Told {
    let newest = versions.iter().find(|version| version.suits(by) == Some(true));
    let own = versions.iter().find(|version| version.name == installed);
    let listing = Listing::Listed {
        newest_compatible: newest.map(|version| version.name.clone()),
        installed_compatible: own.is_some_and(|version| version.suits(by) == Some(true)),
    };
    if newest.is_some() && own.is_some() {
        Told::Enough(listing)
    } else if newest.is_none() && versions.iter().any(|version| version.suits(by).is_none()) {
        Told::Unclear
    } else {
        Told::SoFar(listing)
    }
}

/// A page as it comes.
#[derive(Debug, Deserialize)]
pub(super) struct RawPage {
    #[serde(rename = "_embedded")]
    embedded: Embedded,
    #[serde(rename = "_links", default)]
    links: Links,
}

#[derive(Debug, Deserialize)]
struct Embedded {
    versions: Vec<RawVersion>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Links {
    next: Option<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    href: String,
}

impl Links {
    /// Where the next page is.
    pub(super) fn into_next(self) -> Option<String> {
        self.next.map(|link| link.href)
    }
}

#[derive(Debug, Deserialize)]
struct RawVersion {
    name: String,
    #[serde(default)]
    status: Value,
    #[serde(default)]
    compatibilities: Value,
}

impl RawPage {
    /// The page in our terms; versions that are not public do not count.
    pub(super) fn into_page(self) -> Page {
        let public = |version: &RawVersion| {
            version.status.as_str().is_none_or(|status| status.eq_ignore_ascii_case("public"))
        };
        let versions = self.embedded.versions.into_iter().filter(public).map(|version| AppVersion {
            name: bounded(&version.name, 100),
            statement: parse_statement(&version.compatibilities),
        });
        Page { versions: versions.collect(), next: self.links.into_next() }
    }
}

fn parse_statement(compatibilities: &Value) -> Statement {
    let Some(entries) = compatibilities.as_array().filter(|entries| !entries.is_empty()) else {
        return Statement::Nothing;
    };
    let mut ranges = Vec::new();
    for entry in entries {
        let Some(application) = entry.get("application").and_then(Value::as_str) else {
            return Statement::Nothing;
        };
        if application.eq_ignore_ascii_case("confluence") {
            match parse_entry(entry) {
                Ok(Some(range)) => ranges.push(range),
                Ok(None) => {}
                Err(NotStated) => return Statement::Nothing,
            }
        }
    }
    Statement::Ranges(ranges)
}

/// An entry says nothing that could be read.
struct NotStated;

/// The range of one entry for Data Center; `None` when it is for other hosting only.
fn parse_entry(entry: &Value) -> Result<Option<(ProductVersion, ProductVersion)>, NotStated> {
    match entry.get("hosting") {
        Some(Value::Object(hosting)) => {
            let data_center = hosting.iter().find(|(name, _)| is_data_center(name)).map(|(_, value)| value);
            match data_center {
                None | Some(Value::Null | Value::Bool(false)) => Ok(None),
                Some(range @ Value::Object(_)) => parse_range(range).map(Some),
                Some(_) => parse_range(entry).map(Some),
            }
        }
        Some(Value::Array(names)) => {
            let for_us = names.iter().filter_map(Value::as_str).any(is_data_center);
            if for_us { parse_range(entry).map(Some) } else { Ok(None) }
        }
        Some(Value::String(name)) => {
            if is_data_center(name) {
                parse_range(entry).map(Some)
            } else {
                Ok(None)
            }
        }
        Some(Value::Null) | None => parse_range(entry).map(Some),
        Some(Value::Bool(_) | Value::Number(_)) => Err(NotStated),
    }
}

fn is_data_center(name: &str) -> bool {
    name.eq_ignore_ascii_case("dataCenter") || name.eq_ignore_ascii_case("data_center")
}

fn parse_range(value: &Value) -> Result<(ProductVersion, ProductVersion), NotStated> {
    let bound = |short: &str, long: &str| {
        let bound = value.get(short).or_else(|| value.get(long))?;
        bound.as_str().or_else(|| bound.get("version")?.as_str())?.parse::<ProductVersion>().ok()
    };
    match (bound("min", "minVersion"), bound("max", "maxVersion")) {
        (Some(first), Some(last)) => Ok((first, last)),
        (Some(_) | None, Some(_) | None) => Err(NotStated),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(compatibilities: &Value) -> Page {
        let raw = json!({"_embedded": {"versions": [
            {"name": "3.2.1", "status": "public", "compatibilities": compatibilities}]}});
        serde_json::from_value::<RawPage>(raw).unwrap().into_page()
    }

    fn suits(compatibilities: &Value, target: &str) -> Option<bool> {
        let target = target.parse().unwrap();
        page(compatibilities).versions[0].suits(By::Statement(&target))
    }

    #[test]
    fn every_known_form_of_a_statement_is_read() {
        let forms = [
            // marketplace-client-java: hosting by kind, each with its own range.
            json!([{"application": "confluence", "hosting": {
                "server": {"min": {"build": 1, "version": "6.0"}, "max": {"build": 2, "version": "7.0"}},
                "dataCenter": {"min": {"build": 8804, "version": "8.0.0"}, "max": {"build": 9, "version": "9.2.9"}}}}]),
            // A public TypeScript interface: hosting as a list, versions beside it.
            json!([{"application": "Confluence", "hosting": ["server", "dataCenter"],
                "minVersion": "8.0", "maxVersion": "9.2.9"}]),
            // Without hosting.
            json!([{"application": "jira", "hosting": {"cloud": true}},
                {"application": "confluence", "min": {"version": "8.0"}, "max": "9.2.9"}]),
            // Two ranges of which one fits.
            json!([{"application": "confluence", "hosting": {"dataCenter":
                    {"min": {"version": "7.0"}, "max": {"version": "7.20.1"}}}},
                {"application": "confluence", "hosting": {"dataCenter":
                    {"min": {"version": "8.0"}, "max": {"version": "9.2.9"}}}}]),
        ];
        for form in forms {
            for (target, expected) in [
                ("8.0.0", true),
                ("8.5.27", true),
                ("9.2.9", true),
                ("9.2.10", false),
                ("9.3.0", false),
                ("7.21", false),
            ] {
                assert_eq!(suits(&form, target), Some(expected), "{target}: {form}");
            }
        }
    }

    #[test]
    fn what_is_for_others_is_not_for_us() {
        for form in [
            json!([{"application": "jira", "hosting": {"dataCenter":
                {"min": {"version": "8.0"}, "max": {"version": "10.0"}}}}]),
            json!([{"application": "confluence", "hosting": {"cloud": true}}]),
            json!([{"application": "confluence", "hosting": {"cloud": true, "dataCenter": null}}]),
            json!([{"application": "confluence", "hosting": ["cloud"], "minVersion": "8.0", "maxVersion": "10.0"}]),
            json!([{"application": "confluence", "hosting": {"server":
                {"min": {"version": "8.0"}, "max": {"version": "10.0"}}}}]),
        ] {
            assert_eq!(suits(&form, "9.2.9"), Some(false), "{form}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_stated() {
        for form in [
            json!(null),
            json!([]),
            json!({}),
            json!("all"),
            json!([null]),
            json!([{"hosting": {}}]),
            json!([{"application": 7}]),
            json!([{"application": "confluence"}]),
            json!([{"application": "confluence", "hosting": 1}]),
            json!([{"application": "confluence", "hosting": {"dataCenter": {}}}]),
            json!([{"application": "confluence", "hosting": {"dataCenter": true}}]),
            json!([{"application": "confluence", "hosting": {"dataCenter": {"min": {"version": "8.0"}}}}]),
            json!([{"application": "confluence", "hosting": {"dataCenter":
                {"min": {"version": "8.0"}, "max": {"version": "any"}}}}]),
            json!([{"application": "confluence", "hosting": {"dataCenter":
                {"min": {"version": 8}, "max": {"version": 10}}}}]),
        ] {
            assert_eq!(suits(&form, "9.2.9"), None, "{form}");
        }
    }

    #[test]
    fn a_list_tells_the_newest_that_works_and_whether_the_installed_one_does() {
        let version = |name: &str, first: &str, last: &str| AppVersion {
            name: name.to_owned(),
            statement: Statement::Ranges(vec![(first.parse().unwrap(), last.parse().unwrap())]),
        };
        let silent = |name: &str| AppVersion { name: name.to_owned(), statement: Statement::Nothing };
        let versions =
            [version("4.0", "9.0", "10.2.0"), version("3.9", "8.0", "9.2.9"), version("2.0", "6.0", "7.19")];
        let target = "9.2.3".parse().unwrap();
        let by = By::Statement(&target);
        let listed = |newest: Option<&str>, installed| Listing::Listed {
            newest_compatible: newest.map(str::to_owned),
            installed_compatible: installed,
        };
        assert_eq!(judge(&versions, "3.9", by), Told::Enough(listed(Some("4.0"), true)));
        assert_eq!(judge(&versions, "2.0", by), Told::Enough(listed(Some("4.0"), false)));
        assert_eq!(judge(&versions, "1.0-own", by), Told::SoFar(listed(Some("4.0"), false)));
        assert_eq!(judge(&versions[2..], "2.0", by), Told::SoFar(listed(None, false)));
        assert_eq!(judge(&[], "2.0", by), Told::SoFar(listed(None, false)));
        assert_eq!(judge(&[silent("5"), versions[2].clone()], "2.0", by), Told::Unclear);
        assert_eq!(
            judge(&[silent("5"), versions[1].clone()], "5", by),
            Told::Enough(listed(Some("3.9"), false))
        );
        assert_eq!(judge(&[silent("5")], "5", By::Filter), Told::Enough(listed(Some("5"), true)));
    }

    #[test]
    fn versions_that_are_not_public_do_not_count() {
        let raw = json!({"_embedded": {"versions": [
            {"name": "5.0-draft", "status": "private"}, {"name": "4.0"}, {"name": "3.0", "status": "Public"}]},
            "_links": {"next": {"href": "/rest/2/x"}}});
        let page = serde_json::from_value::<RawPage>(raw).unwrap().into_page();
        let names: Vec<_> = page.versions.iter().map(|version| version.name.as_str()).collect();
        assert_eq!((names, page.next.as_deref()), (vec!["4.0", "3.0"], Some("/rest/2/x")));
    }
}
