//! Where the catalog comes from, and where it is refreshed from.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use upgrade_readiness_checks::facts::Product;

use super::schedule::parse_duration;
use super::validate::Validation;
use crate::collect::releases::{PublicLists, Refreshing};

const USUAL_ENDOFLIFE: &str = "https://endoflife.date";
const USUAL_FEEDS: &str = "https://my.atlassian.com";
const USUAL_MARKETPLACE: &str = "https://marketplace.atlassian.com";
const USUAL_EVERY: Duration = Duration::from_hours(24);

/// The catalog of releases.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCatalog {
    /// A catalog file to use in place of the embedded one, per product.
    pub(super) file: BTreeMap<Product, String>,
    /// Ask public lists for new releases and dates; default true.
    refresh: Option<bool>,
    /// A file with what an agent with internet has learned (catalog/PRODUCT.json in its state directory), carried in
    /// by hand; then nothing is asked.
    refresh_file: Option<String>,
    /// Each address is asked at most once in this time; default 24h.
    refresh_every: Option<String>,
    /// The public lists.
    refresh_from: RawRefreshFrom,
}

/// The public lists the catalog is refreshed from.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RawRefreshFrom {
    /// Ends of life; default <https://endoflife.date>.
    endoflife: Option<String>,
    /// The vendor's feeds of downloads; default <https://my.atlassian.com>.
    feeds: Option<String>,
    /// The vendor's marketplace; default <https://marketplace.atlassian.com>.
    marketplace: Option<String>,
    /// Certificates to trust beside those of the system (PEM), where a proxy opens encrypted connections.
    ca_file: Option<String>,
}

impl Validation {
    /// How the catalog is refreshed; `time_limit` is that of the source `releases`.
    pub(super) fn refreshing(&mut self, raw: &RawCatalog, time_limit: Duration) -> Refreshing {
        let from = &raw.refresh_from;
        let mut url = |key: &str, text: &Option<String>, usual: &str| {
            self.url(&format!("catalog.refresh_from.{key}"), text.as_deref().unwrap_or(usual))
        };
        let endoflife = url("endoflife", &from.endoflife, USUAL_ENDOFLIFE);
        let feeds = url("feeds", &from.feeds, USUAL_FEEDS);
        let marketplace = url("marketplace", &from.marketplace, USUAL_MARKETPLACE);
        let ca_file = from.ca_file.as_deref().map(|path| self.path("catalog.refresh_from.ca_file", path));
        let every = raw.refresh_every.as_deref().map_or(USUAL_EVERY, |text| {
            parse_duration(text).unwrap_or_else(|error| {
                self.problem("catalog.refresh_every", error.to_string());
                USUAL_EVERY
            })
        });
        match (raw.refresh, raw.refresh_file.as_deref()) {
            (Some(false), None) => return Refreshing::Off,
            (Some(false), Some(_)) => {
                self.problem(
                    "catalog.refresh_file",
                    "names a file although refresh = false; leave one of them out",
                );
                return Refreshing::Off;
            }
            (Some(true) | None, Some(path)) => {
                return Refreshing::File(self.path("catalog.refresh_file", path));
            }
            (Some(true) | None, None) => {}
        }
        match (endoflife, feeds, marketplace) {
            (Some(endoflife), Some(feeds), Some(marketplace)) => Refreshing::Ask(Box::new(PublicLists {
                endoflife,
                feeds,
                marketplace,
                ca_file,
                every,
                time_limit,
            })),
            // The mistakes are taken down.
            (_, _, _) => Refreshing::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn refreshing(keys: &str) -> Result<Refreshing, Vec<String>> {
        let instance = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
        match parse_config(&format!("[catalog]\n{keys}\n{instance}")) {
            Ok(config) => Ok(config.refreshing),
            Err(problems) => Err(problems.into_iter().map(|problem| problem.key).collect()),
        }
    }

    #[test]
    fn public_lists_are_asked_unless_somebody_says_otherwise() {
        let Refreshing::Ask(lists) = refreshing("").unwrap() else { panic!() };
        assert_eq!(lists.endoflife.as_str(), "https://endoflife.date/");
        assert_eq!((lists.every, lists.time_limit), (USUAL_EVERY, Duration::from_mins(1)));
        assert_eq!(refreshing("refresh = false"), Ok(Refreshing::Off));
        assert_eq!(refreshing("refresh_file = '/srv/c.json'"), Ok(Refreshing::File("/srv/c.json".into())));
    }

    #[test]
    fn every_mistake_names_its_key() {
        let rows = [
            ("refresh = false\nrefresh_file = '/srv/c.json'", "catalog.refresh_file"),
            ("refresh_file = 'c.json'", "catalog.refresh_file"),
            ("refresh_every = 'often'", "catalog.refresh_every"),
            ("refresh_from = { feeds = 'ftp://x' }", "catalog.refresh_from.feeds"),
            ("refresh_from = { ca_file = 'x.pem' }", "catalog.refresh_from.ca_file"),
        ];
        for (keys, key) in rows {
            assert_eq!(refreshing(keys), Err(vec![key.to_owned()]), "{keys}");
        }
    }
}
