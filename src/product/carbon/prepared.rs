//! The new release that was set up beside the running one, and what the agent that watches staging says: together they
//! are the source `rehearsal`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{Drift, Field, Prepared, Rehearsal, Section, Source, TreeCopy};

use super::copies::{Places, compare_copies};
use super::drift::{Homes, compare_configurations};
use super::home::{read_drivers, read_home, read_versions};
use super::staged::staged_databases;
use crate::collect::blocking::{Lookout, Stop};
use crate::collect::rehearsal::RehearsalCollector;
use crate::collect::{CollectError, Collector};
use crate::config::{Instance, PreparedPlace};

/// Reads the prepared home beside the running one.
#[derive(Debug)]
pub struct PreparedCollector {
    instance: Arc<Instance>,
    place: PreparedPlace,
    staging: RehearsalCollector,
    cache_dir: Option<PathBuf>,
    lookout: Lookout,
}

impl PreparedCollector {
    /// A collector for the home at `place`, which keeps what it learned of files in `cache_dir`.
    #[must_use]
    pub fn new(instance: Arc<Instance>, place: PreparedPlace, cache_dir: Option<PathBuf>) -> Self {
        let staging = RehearsalCollector::new(instance.rehearsal.clone());
        Self { instance, place, staging, cache_dir, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for PreparedCollector {
    fn source(&self) -> Source {
        Source::Rehearsal
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let Self { instance, place, staging, cache_dir, lookout } = self;
        let (running, new, cache) = (instance.clone(), place.clone(), cache_dir.clone());
        let look = lookout.run(move |stop| Ok(look(&running, &new, cache.as_deref(), stop)));
        let databases = staged_databases(&instance.installation_dir, &instance.database, place);
        let (said, looked, databases) = tokio::join!(staging.collect(), look, databases);
        let staging = match said? {
            Section::Rehearsal(Rehearsal { staging, .. }) => staging,
            other => return Ok(other),
        };
        let prepared = Prepared { databases, ..looked? };
        Ok(Section::Rehearsal(Rehearsal { staging, prepared: Some(Field::Read(Box::new(prepared))) }))
    }
}

/// Everything but the databases.
fn look(instance: &Instance, place: &PreparedPlace, cache_dir: Option<&Path>, stop: &Stop) -> Prepared {
    let versions = read_versions(&place.home);
    Prepared {
        place: place.home.display().to_string(),
        is_running_home: is_same(&instance.installation_dir, &place.home),
        version: versions.of(instance.product).clone(),
        home: read_home(&place.home, Path::new("/proc")),
        drivers: read_drivers(&place.home),
        copies: copies(instance, place, cache_dir, stop),
        drift: drift(instance, place, stop).map_or_else(Field::Unread, Field::Read),
        databases: Field::Unread("they were not asked".to_owned()),
        statements: versions.statements,
    }
}

/// Whether both are the same directory, through a link or a mount.
fn is_same(running: &Path, prepared: &Path) -> Field<bool> {
    let identity = |path: &Path| {
        let found = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<_, String>((found.dev(), found.ino()))
    };
    match (identity(running), identity(prepared)) {
        (Ok(running), Ok(prepared)) => Field::Read(running == prepared),
        (Err(why), _) | (_, Err(why)) => Field::Unread(why),
    }
}

fn copies(
    instance: &Instance,
    place: &PreparedPlace,
    cache_dir: Option<&Path>,
    stop: &Stop,
) -> Vec<TreeCopy> {
    let places = Places {
        running: &instance.installation_dir,
        prepared: &place.home,
        untouched: instance.files.pristine.as_deref().zip(place.pristine.as_deref()),
        cache_dir,
    };
    compare_copies(places, stop)
}

fn drift(instance: &Instance, place: &PreparedPlace, stop: &Stop) -> Result<Drift, String> {
    let name = |which: &str, table: &str| {
        format!(
            "there is nothing to compare with: put {which} on this host as it was downloaded, an archive or a directory, \
             and name it as pristine in {table}"
        )
    };
    let Some(base) = instance.files.pristine.as_deref() else {
        return Err(name("the release that runs", "[instance.files]"));
    };
    let Some(target) = place.pristine.as_deref() else {
        return Err(name("the new release", "[instance.prepared]"));
    };
    let homes = Homes {
        product: instance.product,
        base,
        local: &instance.installation_dir,
        target,
        prepared: &place.home,
    };
    compare_configurations(homes, stop)
}

#[cfg(test)]
mod tests;
