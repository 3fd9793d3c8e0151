//! What the Atlassian Marketplace says of plug-ins for a release of Confluence.
//!
//! It asks by key only, without credentials, one question at a time, and keeps each answer for a day.
//! Keys of private plug-ins are asked for too; who does not want that sets an offline file, or nothing.

mod memory;
pub(in crate::product::confluence) mod offline;
mod online;
mod versions;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use upgrade_readiness_checks::facts::{Field, Listing, Plugin};

use crate::collect::targets::TargetBuild;
use crate::config::Marketplace;

use online::Online;

/// Where a collector that remembers takes the time from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The answers for one target by plug-in key.
type Listings = BTreeMap<String, Field<Listing>>;

/// Looks plug-ins up, the way the configuration says.
#[derive(Debug)]
pub(super) enum Lookup {
    /// Not at all.
    Off,
    /// At a marketplace.
    Online(Box<Online>),
    /// In a file.
    Offline(PathBuf),
}

impl Lookup {
    /// A lookup that has nothing in memory yet. The certificates serve where a proxy opens encrypted
    /// connections.
    pub(super) fn new(marketplace: Marketplace, ca_file: Option<PathBuf>, clock: Clock) -> Self {
        match marketplace {
            Marketplace::Off => Self::Off,
            Marketplace::Online(url) => Self::Online(Box::new(Online::new(url, ca_file, clock))),
            Marketplace::Offline(path) => Self::Offline(path),
        }
    }

    /// What is stated of each plug-in, for each target in turn.
    pub(super) async fn ask(&self, plugins: &[&Plugin], targets: &[TargetBuild]) -> Vec<Listings> {
        match self {
            Self::Off => targets.iter().map(|_| Listings::new()).collect(),
            Self::Online(online) => online.ask(plugins, targets).await,
            Self::Offline(path) => offline::look_up(path, plugins, targets).await,
        }
    }
}
