//! Asking a marketplace over HTTP, gently.
//!
//! Which versions work with a release is read from the ranges that each version states, so no build
//! number is needed. Only where nothing is stated is the marketplace asked to filter by build, and then
//! with the number it uses itself: its numbers are not the product's own (its file for 8.5.27 once said
//! 19288 where the product says 9012).

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{FailureKind, Field, Listing, Plugin};
use upgrade_readiness_checks::version::ProductVersion;

use super::memory::{App, Builds, List, Memory, Progress};
use super::versions::{By, Links, RawPage, Told, judge};
use super::{Clock, Listings};
use crate::collect::http::{Client, HttpError};
use crate::collect::targets::TargetBuild;
use crate::config::Credentials;
use crate::product::confluence::rest::{is_askable_key, why_unread};

/// No release of Confluence has this build number.
const NO_BUILD: u64 = 1;

/// Pages of a list that are read; no plug-in has a thousand versions.
const MOST_PAGES: usize = 20;

/// Questions begin only within this time of one look; the next look goes on where this one stopped.
const TIME_FOR_A_LOOK: SignedDuration = SignedDuration::from_mins(1);

/// Looks plug-ins up at a marketplace.
#[derive(Debug)]
pub(in crate::product::confluence) struct Online {
    url: Url,
    ca_file: Option<PathBuf>,
    clock: Clock,
    memory: Memory,
}

/// One look: a client, and the moment after which no question begins.
struct Look {
    client: Client,
    ends_at: Timestamp,
}

impl Online {
    /// A lookup that knows nothing yet.
    pub(super) fn new(url: Url, ca_file: Option<PathBuf>, clock: Clock) -> Self {
        Self { url, ca_file, clock, memory: Memory::default() }
    }

    /// What is stated of each plug-in, for each target in turn.
    pub(super) async fn ask(&self, plugins: &[&Plugin], targets: &[TargetBuild]) -> Vec<Listings> {
        let keys: BTreeSet<&str> = plugins.iter().map(|plugin| plugin.key.as_str()).collect();
        self.memory.keep_only(&keys);
        let client = match Client::new(&self.url, &Credentials::Anonymous, self.ca_file.as_deref()) {
            Ok(client) => client,
            Err(error) => {
                let why = why_unread(error);
                let unread = |plugin: &&Plugin| (plugin.key.clone(), Field::Unread(why.clone()));
                return targets.iter().map(|_| plugins.iter().map(unread).collect()).collect();
            }
        };
        let now = self.clock.now();
        let look = Look { client, ends_at: now.checked_add(TIME_FOR_A_LOOK).unwrap_or(now) };
        let mut answers = Vec::new();
        for TargetBuild { version, .. } in targets {
            let mut listings = Listings::new();
            for plugin in plugins {
                let listing = match self.listing(&look, plugin, version).await {
                    Ok(listing) => Field::Read(listing),
                    Err(why) => Field::Unread(why),
                };
                listings.insert(plugin.key.clone(), listing);
            }
            answers.push(listings);
        }
        answers
    }

    /// What is stated of one plug-in for one target, or why that is not known.
    async fn listing(
        &self,
        look: &Look,
        plugin: &Plugin,
        target: &ProductVersion,
    ) -> Result<Listing, String> {
        if !is_askable_key(&plugin.key) {
            return Err("its key has characters that no plug-in's key has".to_owned());
        }
        let mut app = self.memory.app(&plugin.key, self.clock.now());
        let first = format!(
            "rest/2/addons/{}/versions?application=confluence&hosting=datacenter&limit=50&offset=0",
            plugin.key
        );
        loop {
            if let Some(listing) = answer_of(&app.all, &plugin.version, By::Statement(target))? {
                return Ok(listing);
            }
            if app.all.progress == Progress::Complete {
                break;
            }
            self.read_page(look, &mut app.all, &first).await?;
            self.memory.keep_app(&plugin.key, app.clone(), self.clock.now());
        }
        self.filtered_listing(look, plugin, target, app).await
    }

    /// Asks the marketplace itself to say which versions work with a release.
    ///
    /// The spelling of the parameter could not be confirmed, and a server passes over parameters it does not
    /// know: so a build that does not exist must give an empty list before the answer is believed.
    async fn filtered_listing(
        &self,
        look: &Look,
        plugin: &Plugin,
        target: &ProductVersion,
        mut app: App,
    ) -> Result<Listing, String> {
        let unstated = "no version of it states which Confluence it works with";
        let page = format!("See https://marketplace.atlassian.com/search?query={}.", plugin.key);
        let build = self.build_of(look, target).await?;
        let build = build.ok_or_else(|| {
            format!("{unstated}, and the marketplace does not list Confluence {target} to ask by. {page}")
        })?;
        let none = app.filtered.entry(NO_BUILD).or_default();
        if none.progress == Progress::NotBegun {
            self.read_page(look, none, &filtered_path(&plugin.key, NO_BUILD)).await?;
            self.memory.keep_app(&plugin.key, app.clone(), self.clock.now());
        }
        if app.filtered.get(&NO_BUILD).is_none_or(|none| !none.versions.is_empty()) {
            return Err(format!("{unstated}, and the marketplace does not sort them by release. {page}"));
        }
        loop {
            let list = app.filtered.entry(build).or_default();
            match answer_of(list, &plugin.version, By::Filter)? {
                // The plug-in is known: only that no version fits is said this way.
                Some(Listing::NotListed) => {
                    return Ok(Listing::Listed { newest_compatible: None, installed_compatible: false });
                }
                Some(listing) => return Ok(listing),
                None => {}
            }
            self.read_page(look, list, &filtered_path(&plugin.key, build)).await?;
            self.memory.keep_app(&plugin.key, app.clone(), self.clock.now());
        }
    }

    /// Reads the next page of a list of versions.
    async fn read_page(&self, look: &Look, list: &mut List, first: &str) -> Result<(), String> {
        let path = match &list.progress {
            Progress::NotBegun => first.to_owned(),
            Progress::Next(path) => path.clone(),
            Progress::Complete | Progress::NotListed | Progress::TooLong => return Ok(()),
        };
        let raw: RawPage = match self.fetch(look, &path).await? {
            Some(raw) => raw,
            None if list.progress == Progress::NotBegun => {
                list.progress = Progress::NotListed;
                return Ok(());
            }
            None => return Err("the marketplace ended the list of its versions in the middle".to_owned()),
        };
        let page = raw.into_page();
        list.versions.extend(page.versions);
        list.pages.insert(path);
        list.progress = match next_path(look, page.next, &list.pages)? {
            None => Progress::Complete,
            Some(_) if list.pages.len() >= MOST_PAGES => Progress::TooLong,
            Some(path) => Progress::Next(path),
        };
        Ok(())
    }

    /// The number by which this marketplace calls a release; `None` when it does not list it.
    ///
    /// Shape: `redradishtech/atl_manage` (`bin/atl_productversions`) reads `_embedded.versions[]` with
    /// `buildNumber` and `version`.
    async fn build_of(&self, look: &Look, target: &ProductVersion) -> Result<Option<u64>, String> {
        #[derive(Deserialize)]
        struct Releases {
            #[serde(rename = "_embedded")]
            embedded: Embedded,
            #[serde(rename = "_links", default)]
            links: Links,
        }
        #[derive(Deserialize)]
        struct Embedded {
            versions: Vec<Release>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Release {
            version: String,
            build_number: u64,
        }
        let find = |builds: &Builds| builds.get(target.as_str()).copied();
        if let Some(builds) = self.memory.builds(self.clock.now()) {
            return Ok(find(&builds));
        }
        let (mut builds, mut pages) = (Builds::new(), BTreeSet::new());
        let mut next = Some("rest/2/applications/confluence/versions?limit=50&offset=0".to_owned());
        while let Some(path) = next {
            let Some(releases) = self.fetch::<Releases>(look, &path).await? else { break };
            for release in releases.embedded.versions {
                builds.insert(release.version, release.build_number);
            }
            pages.insert(path);
            next = next_path(look, releases.links.into_next(), &pages)?.filter(|_| pages.len() < MOST_PAGES);
        }
        let build = find(&builds);
        self.memory.keep_builds(builds, self.clock.now());
        Ok(build)
    }

    /// Asks one question; `None` when what is asked for does not exist.
    async fn fetch<T: serde::de::DeserializeOwned>(
        &self,
        look: &Look,
        path: &str,
    ) -> Result<Option<T>, String> {
        let now = self.clock.now();
        if let Some((until, why)) = self.memory.pause(now) {
            return Err(format!("the marketplace is not asked again until {until:.0}: {why}"));
        }
        if now >= look.ends_at {
            return Err(
                "not asked yet: plug-ins are looked up one at a time, and the next look goes on here"
                    .to_owned(),
            );
        }
        match look.client.get_json(path).await {
            Ok(value) => {
                self.memory.note_success();
                Ok(Some(value))
            }
            Err(HttpError::Status { code: 404, .. }) => {
                self.memory.note_success();
                Ok(None)
            }
            Err(error) => {
                let (everything, named) = weigh(&error, self.clock.now());
                let why = why_unread(error);
                if !everything {
                    return Err(why);
                }
                self.memory.note_failure(self.clock.now(), named, why.clone());
                match named {
                    Some(until) => Err(format!("the marketplace asked to wait until {until:.0}: {why}")),
                    None => Err(why),
                }
            }
        }
    }
}

fn filtered_path(key: &str, build: u64) -> String {
    format!(
        "rest/2/addons/{key}/versions?application=confluence&applicationBuild={build}&hosting=datacenter&limit=50&offset=0"
    )
}

/// Whether a failure concerns every question, and the moment until which the marketplace asked to wait.
fn weigh(error: &HttpError, now: Timestamp) -> (bool, Option<Timestamp>) {
    let everything = match error.kind() {
        FailureKind::Unreachable | FailureKind::Denied | FailureKind::Timeout => true,
        FailureKind::Malformed | FailureKind::Absent | FailureKind::Internal => {
            matches!(error, HttpError::Redirected { .. } | HttpError::NotJson { .. })
        }
    };
    let named = match error {
        HttpError::Status { retry_after: Some(retry_after), .. } => Some(retry_after.until(now)),
        _ => None,
    };
    (everything, named)
}

/// Where the next page is; an error when it leads elsewhere or back.
fn next_path(look: &Look, link: Option<String>, read: &BTreeSet<String>) -> Result<Option<String>, String> {
    let Some(link) = link else { return Ok(None) };
    let path = look.client.path_of_link(&link).map_err(why_unread)?;
    if read.contains(&path) {
        return Err("the marketplace's list of its versions leads in a circle".to_owned());
    }
    Ok(Some(path))
}

/// What a list answers as far as it was read; `None` when more must be read or asked.
fn answer_of(list: &List, installed: &str, by: By<'_>) -> Result<Option<Listing>, String> {
    let told = judge(&list.versions, installed, by);
    match (&list.progress, told) {
        (Progress::NotListed, _) => Ok(Some(Listing::NotListed)),
        (_, Told::Enough(listing)) | (Progress::Complete, Told::SoFar(listing)) => Ok(Some(listing)),
        (Progress::TooLong, Told::SoFar(listing @ Listing::Listed { newest_compatible: Some(_), .. })) => {
            Ok(Some(listing))
        }
        (Progress::TooLong, Told::SoFar(_) | Told::Unclear) => Err(format!(
            "the marketplace lists more versions of it than the {MOST_PAGES} pages that are read"
        )),
        (Progress::NotBegun | Progress::Next(_), Told::SoFar(_) | Told::Unclear)
        | (Progress::Complete, Told::Unclear) => Ok(None),
    }
}
