//! `agent snapshot`: the facts of an instance, in a file; and looking once, for every command that does.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{
    Asked, Condition, Failure, SNAPSHOT_FORMAT, Section, Snapshot, Source,
};
use upgrade_readiness_checks::model::Target;

use super::output::{Output, advise};
use super::recall::recall;
use super::run::block_on;
use super::{CANNOT_TELL, ConfigArgs};
use crate::catalog_in_use::Refreshed;
use crate::collect::surroundings::Surroundings;
use crate::collect::targets::TargetBuild;
use crate::config::{Config, Instance};
use crate::keeper::{builds, judge_offering, running_version};
use crate::product;
use crate::schedule::{Job, Sink, look};

/// No snapshot is longer than this.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Arguments of `agent snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// The instance; may be left out when there is only one.
    instance: Option<String>,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &SnapshotArgs, output: &mut Output) -> anyhow::Result<u8> {
    let config = args.config.read()?;
    let instance = choose_instance(&config, args.instance.as_deref())?;
    let mut snapshot = block_on(look_once(&config, &instance))??;
    recall(&config, &mut snapshot, output)?;
    let text = serde_json::to_string_pretty(&snapshot).context("rendering the snapshot")?;
    if args.output == Path::new("-") {
        output.text(&text)?;
    } else {
        fs::write(&args.output, text + "\n").with_context(|| format!("writing {}", args.output.display()))?;
    }
    let all_answered = Source::ALL
        .iter()
        .all(|source| matches!(snapshot.state(*source).condition, Condition::Ok | Condition::Off));
    Ok(if all_answered { 0 } else { CANNOT_TELL })
}

/// Reads a snapshot somebody made before.
pub(super) fn read_snapshot(path: &Path) -> anyhow::Result<Snapshot> {
    let remedy = format!("Make one with `agent snapshot --output {}`.", path.display());
    let malformed = |error: serde_json::Error| {
        advise(anyhow::Error::new(error).context(format!("{} is not a snapshot", path.display())), &remedy)
    };
    let bytes = read_bytes(path).map_err(|error| {
        advise(error.context(format!("reading the facts in {}", path.display())), &remedy)
    })?;
    let Head { format_version } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if major(&format_version) != major(SNAPSHOT_FORMAT) {
        let found: String = format_version.chars().take(32).collect();
        let error = anyhow::anyhow!(
            "{} has the format {found:?}, and this agent reads {SNAPSHOT_FORMAT}",
            path.display()
        );
        return Err(advise(error, "Use the agent that wrote it, or take a new snapshot with this one."));
    }
    serde_json::from_slice(&bytes).map_err(malformed)
}

/// What can be told before the rest is understood.
#[derive(Deserialize)]
struct Head {
    format_version: String,
}

fn major(version: &str) -> &str {
    version.split_once('.').map_or(version, |(major, _)| major)
}

pub(super) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
    anyhow::ensure!(fs::metadata(path)?.is_file(), "it is not a regular file");
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() as u64 <= MOST_BYTES,
        "it is longer than {MOST_BYTES} bytes, which no snapshot is"
    );
    Ok(bytes)
}

/// The instance that is meant: the named one, or the only one.
pub(super) fn choose_instance(config: &Config, name: Option<&str>) -> anyhow::Result<Arc<Instance>> {
    let names = || config.instances.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, config.instances.as_slice()) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => anyhow::bail!("several instances are configured; name one of {}", names()),
        (Some(name), all) => all
            .iter()
            .find(|known| known.name == name)
            .cloned()
            .with_context(|| format!("there is no instance {name:?}; there are: {}", names())),
    }
}

/// The catalog of an instance with what the daemon learned since, as far as it can be read here.
pub(super) fn catalog_of(config: &Config, instance: &Instance) -> anyhow::Result<Refreshed> {
    let product = instance.product;
    let loaded =
        config.catalogs.get(&product).with_context(|| format!("there is no catalog of {product}"))?;
    Ok(Refreshed::recalled(config, product, loaded))
}

/// Asks every source once, with its time limit; what fails is in the snapshot as failed.
///
/// Plug-ins are asked last: which releases to ask about may depend on the running version.
pub(super) async fn look_once(config: &Config, instance: &Arc<Instance>) -> anyhow::Result<Snapshot> {
    look_where(config, instance, |_source| true).await
}

/// Asks one source once.
pub(super) async fn look_at(
    config: &Config,
    instance: &Arc<Instance>,
    source: Source,
) -> anyhow::Result<Snapshot> {
    look_where(config, instance, |asked| asked == source).await
}

async fn look_where(
    config: &Config,
    instance: &Arc<Instance>,
    wanted: impl Fn(Source) -> bool,
) -> anyhow::Result<Snapshot> {
    let Refreshed { catalog, refresher } = catalog_of(config, instance)?;
    let (feed, targets) = watch::channel(Vec::new());
    let gathered =
        Arc::new(Gathered(Mutex::new(Snapshot::empty(&instance.name, instance.product, Timestamp::now()))));
    // A look by hand leaves no traces: the cache belongs to the daemon, and is only read.
    let surroundings = Surroundings {
        refresher,
        targets: targets.clone(),
        cache_dir: None,
        kept_dir: Some(config.cache_dir(&instance.name)),
    };
    let mut collectors = product::collectors(instance, &surroundings);
    collectors.retain(|collector| wanted(collector.source()));
    for source in Source::ALL {
        if !collectors.iter().any(|collector| collector.source() == source) {
            gathered.with(|snapshot| snapshot.switch_off(source));
        }
    }
    let jobs: Vec<Job> = collectors
        .into_iter()
        .filter_map(|collector| {
            let rhythm = config.rhythms.get(&collector.source())?.clone();
            let sink = gathered.clone() as Arc<dyn Sink>;
            Some(Job { collector, rhythm, sink, instance: instance.name.clone(), targets: None })
        })
        .collect();
    let (last, first): (Vec<_>, Vec<_>) =
        jobs.iter().partition(|job| job.collector.source() == Source::Plugins);
    futures_util::future::join_all(first.into_iter().map(look)).await;
    if !last.is_empty() {
        let snapshot = gathered.with(|snapshot| snapshot.clone());
        feed.send_replace(asked_about(instance, &snapshot, &catalog.current()));
    }
    futures_util::future::join_all(last.into_iter().map(look)).await;
    Ok(gathered.with(|snapshot| {
        snapshot.taken_at = Timestamp::now();
        snapshot.clone()
    }))
}

/// The releases to ask about, by what was learned so far.
fn asked_about(instance: &Instance, facts: &Snapshot, catalog: &Catalog) -> Vec<TargetBuild> {
    let offering = judge_offering(facts, catalog, &instance.policy, &instance.plan);
    let recommended = offering.recommended();
    let running = running_version(facts);
    let resolve = |requested| {
        let recommended = recommended.as_ref().copied().map_err(String::as_str);
        Target::resolve(requested, catalog, running.as_ref(), recommended).ok()
    };
    let targets: Vec<Target> = instance.targets.iter().filter_map(resolve).collect();
    let wanted = targets.iter().map(|target| &target.version).chain(recommended.as_ref().ok().copied());
    builds(wanted, &offering, catalog)
}

struct Gathered(Mutex<Snapshot>);

impl Gathered {
    fn with<T>(&self, change: impl FnOnce(&mut Snapshot) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Gathered {
    fn take(&self, source: Source, answer: Result<Section, Failure>, asked: Asked) {
        self.with(|snapshot| match answer {
            Ok(section) => snapshot.learn(section, asked),
            Err(failure) => snapshot.fail(source, failure, asked),
        });
    }
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Product;

    use super::*;

    #[test]
    fn facts_in_another_format_are_not_judged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("facts.json");
        let mut snapshot = Snapshot::empty("wiki", Product::Confluence, Timestamp::UNIX_EPOCH);
        for (format, readable) in [(SNAPSHOT_FORMAT, true), ("1.7", true), ("2.0", false), ("", false)] {
            snapshot.format_version = format.to_owned();
            fs::write(&path, serde_json::to_string(&snapshot).unwrap()).unwrap();
            assert_eq!(read_snapshot(&path).is_ok(), readable, "{format:?}");
        }
    }
}
