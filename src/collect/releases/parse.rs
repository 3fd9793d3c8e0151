//! From the answers of public lists to what they say. Nothing is judged here but the form.
//!
//! Unknown fields and values are passed over: the lists say of themselves that they will grow.

use jiff::civil::Date;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{CycleSeen, ReleaseSeen, Said};

/// Reads a product of endoflife.date.
///
/// Shape: version 1 of its interface, `GET /api/v1/products/{product}`: `result.releases[]` with `name`, `releaseDate`,
/// `isLts`, `eolFrom`, `eoesFrom` where the product has that phase, and `latest` (<https://endoflife.date/docs/api/v1/>).
pub(super) fn parse_endoflife(bytes: &[u8]) -> Result<Said, serde_json::Error> {
    #[derive(Deserialize)]
    struct Document {
        result: Details,
    }
    #[derive(Deserialize)]
    struct Details {
        releases: Vec<Cycle>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cycle {
        name: String,
        release_date: Option<String>,
        #[serde(default)]
        is_lts: bool,
        eol_from: Option<String>,
        eoes_from: Option<String>,
        latest: Option<Latest>,
    }
    #[derive(Deserialize)]
    struct Latest {
        name: String,
        date: Option<String>,
    }
    let document: Document = serde_json::from_slice(bytes)?;
    let cycles = document.result.releases.into_iter().map(|cycle| CycleSeen {
        released_on: day(cycle.release_date.as_deref()),
        long_term_support: cycle.is_lts,
        end_of_life: day(cycle.eol_from.as_deref()),
        extended_end: day(cycle.eoes_from.as_deref()),
        newest: cycle.latest.map(|latest| ReleaseSeen {
            version: latest.name,
            date: day(latest.date.as_deref()),
            long_term_support: cycle.is_lts,
        }),
        name: cycle.name,
    });
    Ok(Said::Cycles(cycles.collect()))
}

/// Reads a feed of the vendor's downloads.
///
/// Shape: a JSON array wrapped in a function call, `downloads([{"version": …, "released": "05-Aug-2025", "edition":
/// "Enterprise", …}])`, one item per package. It is not documented; three public clients agree on it
/// (`atlassian/data-center-helm-charts`, `src/test/scripts/product_versions.py`, is one).
pub(super) fn parse_feed(text: &str) -> Result<Said, serde_json::Error> {
    #[derive(Deserialize)]
    struct Item {
        version: Option<String>,
        released: Option<String>,
        edition: Option<String>,
    }
    let array = text
        .find('[')
        .zip(text.rfind(']'))
        .and_then(|(begin, end)| text.get(begin..=end))
        // What is no array is refused by the reader of JSON, with the place.
        .unwrap_or(text);
    let items: Vec<Item> = serde_json::from_str(array)?;
    let mut releases: Vec<ReleaseSeen> = items
        .into_iter()
        .filter_map(|item| {
            let long = item.edition.is_some_and(|edition| edition.eq_ignore_ascii_case("enterprise"));
            let date = item.released.and_then(|text| Date::strptime("%d-%b-%Y", text.trim()).ok());
            Some(ReleaseSeen { version: item.version?, date, long_term_support: long })
        })
        .collect();
    // One release stands there once for each of its packages.
    releases.sort_by(|a, b| a.version.cmp(&b.version).then(a.date.cmp(&b.date)));
    releases.dedup();
    Ok(Said::Releases(releases))
}

/// A page of the marketplace's list of releases.
///
/// Shape: `redradishtech/atl_manage` (`bin/atl_productversions`) reads `_embedded.versions[]` with `version` and
/// `releaseDate`, page by page. Its build numbers are not those of the product and are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct MarketplacePage {
    #[serde(rename = "_embedded")]
    embedded: MarketplaceReleases,
}

#[derive(Debug, Deserialize)]
struct MarketplaceReleases {
    versions: Vec<MarketplaceRelease>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarketplaceRelease {
    version: String,
    release_date: Option<String>,
}

impl MarketplacePage {
    pub(super) fn into_releases(self) -> Vec<ReleaseSeen> {
        let seen = |release: MarketplaceRelease| ReleaseSeen {
            version: release.version,
            date: day(release.release_date.as_deref()),
            long_term_support: false,
        };
        self.embedded.versions.into_iter().map(seen).collect()
    }
}

/// A day, also where a time stands behind it; a text that is none says nothing.
fn day(text: Option<&str>) -> Option<Date> {
    text?.get(..10)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_read_whatever_is_wrapped_around_it() {
        let text = r#"downloads([{"version":"9.2.98","released":"05-Aug-2026","edition":"Enterprise","zipUrl":null},
            {"version":"9.2.98","released":"05-Aug-2026","edition":"Enterprise"},
            {"version":"11.1.0","released":"soon","edition":null},{"version":null}])"#;
        let Said::Releases(releases) = parse_feed(text).unwrap() else { panic!() };
        let seen: Vec<String> = releases
            .iter()
            .map(|release| format!("{} {:?} {}", release.version, release.date, release.long_term_support))
            .collect();
        assert_eq!(seen, ["11.1.0 None false", "9.2.98 Some(2026-08-05) true"]);
        for broken in ["", "downloads(", "][", "downloads([{\"version\":1}])", "[{\"version\":\"9.2"] {
            assert!(parse_feed(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn cycles_are_read_with_and_without_their_phases() {
        let text = r#"{"schema_version":"1.2.1","new":1,"result":{"name":"debian","releases":[
            {"name":"12","releaseDate":"2023-06-10","isLts":false,"ltsFrom":null,"isEol":false,"eolFrom":"2026-06-10",
             "isEoes":false,"eoesFrom":"2028-06-30","isMaintained":true,"latest":{"name":"12.11","date":"2025-05-17","link":null}},
            {"name":"14","releaseDate":"2027-08-01","isLts":false,"eolFrom":null,"latest":null}]}}"#;
        let Said::Cycles(cycles) = parse_endoflife(text.as_bytes()).unwrap() else { panic!() };
        assert_eq!(cycles[0].end_of_life, "2026-06-10".parse().ok());
        assert_eq!(cycles[0].extended_end, "2028-06-30".parse().ok());
        assert_eq!(cycles[0].newest.as_ref().unwrap().version, "12.11");
        assert_eq!((cycles[1].end_of_life, cycles[1].newest.as_ref()), (None, None));
        for broken in ["{}", "[]", "{\"result\":{\"releases\":[{\"releaseDate\":\"x\"}]}}", "{\"result\":"] {
            assert!(parse_endoflife(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
