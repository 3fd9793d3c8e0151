//! The OSGi bundles people put into a Carbon home, and what the home of a new release offers them.
//!
//! Only manifests, names and the first bytes of classes are read. What has not changed since the last look is not read
//! again. Whether a bundle resolves is not decided here.

mod bundle;
mod clause;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod jar;
mod java;
mod list;
mod manifest;
mod offers;
mod origin;
mod people;
mod places;
mod reader;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{Bundles, FailureKind, Field, Offered, Plugins, Section, Source};
use upgrade_readiness_checks::version::ProductVersion;

use crate::chain::Chain;
use crate::collect::blocking::{Lookout, Stop};
use crate::collect::text_file::read_text_up_to;
use crate::collect::{CollectError, Collector};
use crate::config::Instance;
use offers::{read_list, read_offered};
use people::{OfPeople, Untouched};
use places::{PlaceError, Places};
use reader::Reader;

/// Where it is remembered what was learned of jars, below the agent's own directory for the instance.
const NOTES: &str = "bundles";

/// The files that state a version have one line.
const MOST_STATED: u64 = 4 * 1024;

/// Looks at the bundles of a Carbon home and of the one prepared beside it.
#[derive(Debug)]
pub struct BundlesCollector {
    instance: Arc<Instance>,
    cache_dir: Option<PathBuf>,
    lookout: Lookout,
}

impl BundlesCollector {
    /// A collector that keeps what it learned in `cache_dir`.
    #[must_use]
    pub fn new(instance: Arc<Instance>, cache_dir: Option<PathBuf>) -> Self {
        Self { instance, cache_dir, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for BundlesCollector {
    fn source(&self) -> Source {
        Source::Plugins
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let instance = Arc::clone(&self.instance);
        let notes = self.cache_dir.as_ref().map(|directory| directory.join(NOTES));
        self.lookout
            .run(move |stop| {
                let bundles = Some(Box::new(look(&instance, notes, stop)?));
                let plugins = Plugins {
                    installed: Vec::new(),
                    safe_mode: Field::Read(false),
                    for_targets: Vec::new(),
                    bundles,
                };
                Ok(Section::Plugins(plugins))
            })
            .await
    }
}

/// Looks once.
fn look(instance: &Instance, notes: Option<PathBuf>, stop: &Stop) -> Result<Bundles, CollectError> {
    let home = &instance.installation_dir;
    let mut reader = Reader::new(notes, stop);
    let places = Places::of(home).map_err(failed)?;
    // Without it, the vendor's own are taken for those of people: more is judged, and nothing is missed.
    let untouched = Untouched::read(instance.files.pristine.as_deref(), &mut reader).unwrap_or_default();
    let people = OfPeople::read(&places, &untouched, &mut reader).map_err(failed)?;
    let list = places
        .plugins()
        .map_or_else(|error| Field::Unread(error.line()), |plugins| read_list(&places, &plugins));
    let offered = match &instance.prepared {
        None => Field::Read(None),
        Some(prepared) => {
            let untouched = Untouched::read(prepared.pristine.as_deref(), &mut reader).unwrap_or_default();
            let read = read_offered(&prepared.home, &untouched, &people.custom, &mut reader);
            read.map_or_else(
                |error| Field::Unread(error.line()),
                |offered: Offered| Field::Read(Some(offered)),
            )
        }
    };
    if stop.is_wanted() {
        return Err(CollectError::new(FailureKind::Timeout, "nobody waited for the result any more", ""));
    }
    reader.close();
    let mut machine_made = people.made;
    machine_made.extend(people.made_elsewhere.into_iter().map(|(file, _)| file));
    machine_made.sort_unstable();
    Ok(Bundles {
        place: home.display().to_string(),
        kernel: stated_version(home, "bin/wso2carbon-version.txt"),
        custom: people.custom.into_iter().map(|(bundle, _)| bundle).collect(),
        machine_made,
        no_bundles: people.no_bundles,
        broken: people.broken,
        list_defects: match list {
            Field::Read(list) => Field::Read(list.defects),
            Field::Unread(why) => Field::Unread(why),
        },
        offered,
    })
}

/// The version one of the two text files of a home states: `WSO2 Carbon v4.4.7`.
fn stated_version(home: &Path, below: &str) -> Field<ProductVersion> {
    let file = home.join(below);
    let text = match read_text_up_to(&file, MOST_STATED) {
        Ok(text) => text,
        Err(error) => return Field::Unread(Chain(&error).to_string()),
    };
    let version =
        text.lines().next().and_then(|line| line.trim().rsplit_once(" v")).map(|(_, version)| version);
    let parsed = version.and_then(|version| version.parse().ok());
    parsed.map_or_else(
        || {
            Field::Unread(format!(
                "{} does not say a name and a version, such as WSO2 Carbon v4.4.7",
                file.display()
            ))
        },
        Field::Read,
    )
}

fn failed(error: PlaceError) -> CollectError {
    let uid = rustix::process::getuid().as_raw();
    let remedy = match error.kind() {
        FailureKind::Denied => {
            format!("Let the agent's user read it: setfacl -R -m u:{uid}:rX on repository/components.")
        }
        FailureKind::Absent => {
            "Check installation_dir of the instance in the agent's configuration.".to_owned()
        }
        FailureKind::Unreachable | FailureKind::Timeout | FailureKind::Malformed | FailureKind::Internal => {
            "Check the disk and its mount.".to_owned()
        }
    };
    CollectError::new(error.kind(), error, remedy)
}
