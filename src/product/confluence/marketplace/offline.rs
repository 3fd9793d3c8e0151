//! Looking plug-ins up in a file that was carried in by hand.
//!
//! The file is a JSON object: `{"addons": {"<plug-in key>": <the marketplace's answer>}}`, each answer as
//! `/rest/2/addons/<plug-in key>/versions?application=confluence&hosting=datacenter&limit=50` gives it, or
//! `null` where the marketplace answered 404.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use upgrade_readiness_checks::facts::{Field, Listing, Plugin};
use upgrade_readiness_checks::version::ProductVersion;

use super::Listings;
use super::versions::{By, Page, RawPage, Told, judge};
use crate::collect::CollectError;
use crate::collect::targets::TargetBuild;
use crate::collect::text_file::read_text_up_to;

/// Hundreds of plug-ins with fifty versions each stay below this.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// What the file has by key.
type Addons = BTreeMap<String, Entry>;

/// What the file has for one plug-in.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    /// Its versions.
    Page(Page),
    /// The marketplace does not know it.
    NotListed,
    /// Something else.
    Malformed,
}

/// What is stated of each plug-in, for each target in turn.
pub(super) async fn look_up(path: &Path, plugins: &[&Plugin], targets: &[TargetBuild]) -> Vec<Listings> {
    let owned = path.to_owned();
    let addons = tokio::task::spawn_blocking(move || read_addons(&owned))
        .await
        .unwrap_or_else(|_broken| Err(format!("reading {} broke off", path.display())));
    let answer = |plugin: &Plugin, target: &ProductVersion| match &addons {
        Ok(addons) => listing(addons, plugin, target, path),
        Err(why) => Err(why.clone()),
    };
    targets
        .iter()
        .map(|target| {
            let one = |plugin: &&Plugin| {
                let listing = answer(plugin, &target.version).map_or_else(Field::Unread, Field::Read);
                (plugin.key.clone(), listing)
            };
            plugins.iter().map(one).collect()
        })
        .collect()
}

fn read_addons(path: &Path) -> Result<Addons, String> {
    let text = read_text_up_to(path, MOST_BYTES)
        .map_err(|error| CollectError::from(error).into_failure().message)?;
    parse_addons(&text).ok_or_else(|| {
        format!(
            "{} is not a JSON object of the form {{\"addons\": {{\"<plug-in key>\": <the marketplace's answer>}}}}",
            path.display()
        )
    })
}

/// A door for the fuzz targets: reads a file of answers, and looks up whether they speak for a release.
#[cfg(feature = "fuzzing")]
pub(in crate::product::confluence) fn fuzz(text: &str) {
    drop(parse_addons(text));
    let page = serde_json::from_str::<RawPage>(text).map(RawPage::into_page);
    if let (Ok(page), Ok(target)) = (page, "9.2.10".parse()) {
        drop(super::versions::judge(&page.versions, "1.0", super::versions::By::Statement(&target)));
    }
}

fn parse_addons(text: &str) -> Option<Addons> {
    #[derive(Deserialize)]
    struct File {
        addons: BTreeMap<String, serde_json::Value>,
    }
    let File { addons } = serde_json::from_str(text).ok()?;
    let entries = addons.into_iter().map(|(key, value)| {
        let entry = if value.is_null() {
            Entry::NotListed
        } else {
            serde_json::from_value::<RawPage>(value)
                .map_or(Entry::Malformed, |page| Entry::Page(page.into_page()))
        };
        (key, entry)
    });
    Some(entries.collect())
}

fn listing(
    addons: &Addons,
    plugin: &Plugin,
    target: &ProductVersion,
    path: &Path,
) -> Result<Listing, String> {
    let (key, path) = (&plugin.key, path.display());
    let fetch = format!(
        "Fetch https://marketplace.atlassian.com/rest/2/addons/{key}/versions?application=confluence&hosting=datacenter&limit=50 \
         into it."
    );
    let page = match addons.get(key) {
        Some(Entry::Page(page)) => page,
        Some(Entry::NotListed) => return Ok(Listing::NotListed),
        Some(Entry::Malformed) => {
            return Err(format!(
                "{path} has something for {key} that is no answer of the marketplace. {fetch}"
            ));
        }
        None => return Err(format!("{path} has nothing for {key}. {fetch}")),
    };
    let works_not = |listing: &Listing| matches!(listing, Listing::Listed { newest_compatible: None, .. });
    match judge(&page.versions, &plugin.version, By::Statement(target)) {
        Told::SoFar(listing) if works_not(&listing) && page.next.is_some() => Err(format!(
            "{path} has only the first page of the versions of {key}, and none on it works with {target}: join \
             the versions of all pages in its entry"
        )),
        Told::Enough(listing) | Told::SoFar(listing) => Ok(listing),
        Told::Unclear => Err(format!("no version of {key} in {path} states which Confluence it works with")),
    }
}
