//! What the marketplace answered lately, and whether it wants to be left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::versions::AppVersion;

/// An answer is asked for anew after this time.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// While the marketplace does not answer, its last word counts a day longer.
const USABLE: SignedDuration = SignedDuration::from_hours(48);

/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// No wait of our own choice is longer.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

/// A list of versions, as far as it has been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct List {
    /// The versions, the newest first.
    pub(super) versions: Vec<AppVersion>,
    /// How far the reading went.
    pub(super) progress: Progress,
    /// The pages that were read.
    pub(super) pages: BTreeSet<String>,
}

/// How far the reading of a list went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing was asked yet.
    #[default]
    NotBegun,
    /// The next page is at this path.
    Next(String),
    /// Everything was read.
    Complete,
    /// The marketplace does not know what was asked for.
    NotListed,
    /// It has more pages than are read.
    TooLong,
}

/// What is known of one plug-in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct App {
    /// All its versions.
    pub(super) all: List,
    /// Those the marketplace says work with a release, by the release's build number there.
    pub(super) filtered: BTreeMap<u64, List>,
}

/// Build numbers of the product's releases, as the marketplace counts them, by version.
pub(super) type Builds = BTreeMap<String, u64>;

#[derive(Debug, Clone)]
struct Remembered<T> {
    at: Timestamp,
    value: T,
}

#[derive(Debug, Default)]
struct Inner {
    apps: BTreeMap<String, Remembered<App>>,
    builds: Option<Remembered<Builds>>,
    pause: Option<(Timestamp, String)>,
    failures: u32,
}

/// The memory of one collector.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Inner>);

impl Memory {
    /// What is known of a plug-in and may still be believed.
    pub(super) fn app(&self, key: &str, now: Timestamp) -> App {
        let inner = self.lock();
        let limit = inner.limit(now);
        inner
            .apps
            .get(key)
            .filter(|app| is_younger(app.at, limit, now))
            .map_or_else(App::default, |app| app.value.clone())
    }

    /// Keeps what is known of a plug-in; its age is that of its oldest part.
    pub(super) fn keep_app(&self, key: &str, app: App, now: Timestamp) {
        let mut inner = self.lock();
        let limit = inner.limit(now);
        let since =
            inner.apps.get(key).filter(|old| is_younger(old.at, limit, now)).map_or(now, |old| old.at);
        inner.apps.insert(key.to_owned(), Remembered { at: since, value: app });
    }

    /// Forgets all plug-ins but these.
    pub(super) fn keep_only(&self, keys: &BTreeSet<&str>) {
        self.lock().apps.retain(|key, _| keys.contains(key.as_str()));
    }

    /// The build numbers, when they are known and may still be believed.
    pub(super) fn builds(&self, now: Timestamp) -> Option<Builds> {
        let inner = self.lock();
        let limit = inner.limit(now);
        inner
            .builds
            .as_ref()
            .filter(|builds| is_younger(builds.at, limit, now))
            .map(|builds| builds.value.clone())
    }

    /// Keeps the build numbers.
    pub(super) fn keep_builds(&self, builds: Builds, now: Timestamp) {
        self.lock().builds = Some(Remembered { at: now, value: builds });
    }

    /// Until when nothing may be asked, and why.
    pub(super) fn pause(&self, now: Timestamp) -> Option<(Timestamp, String)> {
        self.lock().pause.clone().filter(|(until, _)| now < *until)
    }

    /// The marketplace failed as a whole: it is left alone until the moment it named, or longer and longer.
    pub(super) fn note_failure(&self, now: Timestamp, named: Option<Timestamp>, why: String) {
        let mut inner = self.lock();
        inner.failures = inner.failures.saturating_add(1);
        let doublings = inner.failures.saturating_sub(1).min(16);
        let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let own = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        inner.pause = Some((named.unwrap_or(own), why));
    }

    /// The marketplace answered.
    pub(super) fn note_success(&self) {
        let mut inner = self.lock();
        inner.failures = 0;
        inner.pause = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single assignment, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The age up to which an answer may be believed now.
    fn limit(&self, now: Timestamp) -> SignedDuration {
        if self.pause.as_ref().is_some_and(|(until, _)| now < *until) { USABLE } else { FRESH }
    }
}

/// Whether something learned at `at` is younger than `limit`; what lies in the future is not.
fn is_younger(at: Timestamp, limit: SignedDuration, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < limit
}
