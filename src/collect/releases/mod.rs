//! Which catalog the targets are judged by, and what public lists say beyond it.
//!
//! The lists are asked politely: each address at most once a day, only for what changed, in small bounds. What
//! is sound is kept in the state directory; whether it is sound is for the catalog to say. That an address does
//! not answer never makes this source fail: the catalog the agent was built with is always there.

mod ask;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod keep;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Url;
use tokio::sync::Mutex;
use upgrade_readiness_checks::facts::{Product, PublicAnswer, Refresh, Releases, Section, Source, Topic};

use super::{CollectError, Collector};
use crate::chain::Chain;

/// How the catalog is refreshed.
#[derive(Debug, Clone, PartialEq)]
pub enum Refreshing {
    /// Not at all.
    Off,
    /// From a file somebody carries in: what an agent with internet keeps in its state directory.
    File(PathBuf),
    /// By asking public lists.
    Ask(Box<PublicLists>),
}

/// Where public lists are, and how often they are asked.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicLists {
    /// endoflife.date.
    pub endoflife: Url,
    /// The vendor's feeds of downloads.
    pub feeds: Url,
    /// The vendor's marketplace.
    pub marketplace: Url,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Each address is asked at most once in this time.
    pub every: Duration,
    /// How long one look may take altogether.
    pub time_limit: Duration,
}

/// The catalog that is being refreshed.
pub trait CatalogInUse: Debug + Send + Sync {
    /// The platforms it knows, by their ids.
    fn platforms(&self) -> Vec<String>;

    /// Why an answer as a whole is not to be believed.
    fn refuses(&self, topic: &Topic, answer: &PublicAnswer) -> Option<String>;

    /// Judges by everything learned from now on, as far as it can be believed; tells what is in use then.
    fn take_in(&self, refresh: &Refresh) -> Releases;

    /// What is in use.
    fn releases(&self) -> Releases;
}

/// Refreshes the catalog of one product, for all its instances together.
#[derive(Debug)]
pub struct Refresher {
    product: Product,
    way: Refreshing,
    /// What was learned, in the state directory.
    kept: PathBuf,
    catalog: Arc<dyn CatalogInUse>,
    asks: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: Refresh,
    /// Until when a host wants to be left alone.
    pauses: BTreeMap<String, Timestamp>,
    /// What is wrong with the file that is read or written now.
    trouble: Option<String>,
    /// What became of the file of an earlier run that could not be used; said until the next start.
    aside: Option<String>,
}

impl Refresher {
    /// A refresher that knows nothing yet beyond the catalog.
    #[must_use]
    pub fn new(product: Product, way: Refreshing, kept: PathBuf, catalog: Arc<dyn CatalogInUse>) -> Self {
        let state =
            State { known: Refresh::empty(product), pauses: BTreeMap::new(), trouble: None, aside: None };
        Self { product, way, kept, catalog, asks: true, state: Mutex::new(state) }
    }

    /// Takes in what was learned in an earlier run, without asking anybody. A file that cannot be used is kept
    /// aside where the agent may write (`mend`), and said.
    #[must_use]
    pub fn recalled(mut self, now: Timestamp, mend: bool) -> Self {
        let read = match &self.way {
            Refreshing::Off => return self,
            Refreshing::File(path) => keep::read(path, self.product, now),
            Refreshing::Ask(_) => match keep::read(&self.kept, self.product, now) {
                Err(error) if error.is_absent() => return self,
                read => read,
            },
        };
        let state = self.state.get_mut();
        match read {
            Ok(refresh) => {
                self.catalog.take_in(&refresh);
                state.known = refresh;
            }
            Err(error) => {
                let mut said = Chain(&error).to_string();
                if matches!(self.way, Refreshing::File(_)) {
                    state.trouble = Some(said);
                    return self;
                }
                if mend {
                    said = match keep::set_aside(&self.kept) {
                        Ok(aside) => format!("{said}; it was kept aside as {}", aside.display()),
                        Err(cause) => format!("{said}; it could not be kept aside: {cause}"),
                    };
                }
                state.aside = Some(said);
            }
        }
        self
    }

    /// What is wrong with what was learned in an earlier run.
    pub fn trouble(&mut self) -> Option<String> {
        let State { trouble, aside, .. } = self.state.get_mut();
        trouble.clone().or_else(|| aside.clone())
    }

    /// The same refresher, which asks nobody: a look by hand leaves no traces.
    #[must_use]
    pub fn without_asking(self) -> Self {
        Self { asks: false, ..self }
    }

    /// Everything learned that is in use, without who was asked when.
    pub async fn learned(&self) -> Refresh {
        let answers = self.state.lock().await.known.answers.clone();
        Refresh { answers, ..Refresh::empty(self.product) }
    }

    /// Looks for news and tells what is in use.
    async fn look(&self) -> Releases {
        let mut state = self.state.lock().await;
        match &self.way {
            Refreshing::Off => return self.catalog.releases(),
            Refreshing::File(path) => {
                let (path, product) = (path.clone(), self.product);
                let reading = tokio::task::spawn_blocking(move || {
                    keep::read(&path, product, Timestamp::now()).map_err(|error| Chain(&error).to_string())
                });
                match reading.await.unwrap_or_else(|_panic| Err("the carried file cannot be read".to_owned()))
                {
                    Ok(refresh) => (state.known, state.trouble) = (refresh, None),
                    Err(trouble) => state.trouble = Some(trouble),
                }
            }
            Refreshing::Ask(_) if !self.asks => {}
            Refreshing::Ask(lists) => {
                let changed = ask::ask_all(lists, self.product, &*self.catalog, &mut state).await;
                if changed {
                    state.trouble = keep::write(&self.kept, &state.known).err().map(|cause| {
                        format!("what was learned could not be kept in {}: {cause}", self.kept.display())
                    });
                }
            }
        }
        let mut releases = self.catalog.take_in(&state.known);
        releases.refreshed = state.known.asked.values().cloned().collect();
        releases.refused.extend(state.aside.iter().chain(&state.trouble).cloned());
        if !state.known.answers.is_empty() {
            let from = match &self.way {
                Refreshing::File(path) => path,
                Refreshing::Off | Refreshing::Ask(_) => &self.kept,
            };
            releases.origin = format!("{}, refreshed by {}", releases.origin, from.display());
        }
        releases
    }
}

/// Tells which catalog is in use, and looks for news of it.
#[derive(Debug)]
pub struct ReleasesCollector {
    refresher: Arc<Refresher>,
}

impl ReleasesCollector {
    /// A collector for the catalog of a refresher.
    #[must_use]
    pub fn new(refresher: Arc<Refresher>) -> Self {
        Self { refresher }
    }
}

#[async_trait]
impl Collector for ReleasesCollector {
    fn source(&self) -> Source {
        Source::Releases
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        Ok(Section::Releases(self.refresher.look().await))
    }
}
