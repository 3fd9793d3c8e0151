//! `agent snapshot`: the facts of an instance, in a file; and looking once, for every command that does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use tokio::sync::watch;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::dossier::{Brief, CatalogIdentity, DOSSIER_FORMAT, Dossier};
use upgrade_readiness_checks::facts::{
    Asked, Condition, Failure, Refresh, Releases, Section, Snapshot, Source,
};
use upgrade_readiness_checks::model::Target;

use super::output::Output;
use super::recall::recall;
use super::run::block_on;
use super::{CANNOT_TELL, ConfigArgs};
use crate::catalog_in_use::Refreshed;
use crate::collect::database::RowCounts;
use crate::collect::releases::CatalogInUse;
use crate::collect::surroundings::Surroundings;
use crate::collect::targets::TargetBuild;
use crate::config::{Config, Instance};
use crate::keeper::{builds, judge_offering, running_version};
use crate::product;
use crate::schedule::{Job, Sink, look};

/// Arguments of `agent snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// The instance; may be left out when there is only one.
    instance: Option<String>,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Do not count the rows of the main tables: `agent check --after` then cannot compare them.
    #[arg(long)]
    no_row_counts: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &SnapshotArgs, output: &mut Output) -> anyhow::Result<u8> {
    let config = args.config.read()?;
    let instance = choose_instance(&config, args.instance.as_deref())?;
    let row_counts = if args.no_row_counts { RowCounts::Leave } else { RowCounts::Count };
    let mut looked = block_on(look_at(&config, &instance, &Source::ALL, row_counts))??;
    recall(&config, &mut looked.snapshot, output)?;
    let dossier = looked.into_dossier(&instance);
    let text = serde_json::to_string_pretty(&dossier).context("rendering the snapshot")?;
    if args.output == Path::new("-") {
        output.text(&text)?;
    } else {
        fs::write(&args.output, text + "\n").with_context(|| format!("writing {}", args.output.display()))?;
    }
    let all_answered = Source::ALL
        .iter()
        .all(|source| matches!(dossier.facts.state(*source).condition, Condition::Ok | Condition::Off));
    Ok(if all_answered { 0 } else { CANNOT_TELL })
}

/// What a look by hand gave, and the catalog it is to be judged by.
#[derive(Debug)]
pub(super) struct Looked {
    /// The facts, without what is remembered.
    pub(super) snapshot: Snapshot,
    /// The catalog, with what was learned since.
    pub(super) catalog: Arc<Catalog>,
    /// Which one it is.
    identity: CatalogIdentity,
    /// What was learned since.
    learned: Refresh,
}

impl Looked {
    /// The facts with all they are judged by.
    fn into_dossier(self, instance: &Instance) -> Dossier {
        let brief = Brief {
            targets: instance.targets.clone(),
            policy: instance.policy.clone(),
            plan: instance.plan.clone(),
            answers: self.catalog.answers().clone(),
        };
        Dossier {
            format_version: DOSSIER_FORMAT.to_owned(),
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            catalog: self.identity,
            brief,
            learned: Some(self.learned).filter(|learned| !learned.answers.is_empty()),
            facts: self.snapshot,
        }
    }
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
pub(super) async fn look_once(config: &Config, instance: &Arc<Instance>) -> anyhow::Result<Looked> {
    look_at(config, instance, &Source::ALL, RowCounts::Leave).await
}

/// Asks these sources once; the others are taken for switched off.
pub(super) async fn look_at(
    config: &Config,
    instance: &Arc<Instance>,
    wanted: &[Source],
    row_counts: RowCounts,
) -> anyhow::Result<Looked> {
    let Refreshed { catalog, refresher } = catalog_of(config, instance)?;
    let (feed, targets) = watch::channel(Vec::new());
    let gathered =
        Arc::new(Gathered(Mutex::new(Snapshot::empty(&instance.name, instance.product, Timestamp::now()))));
    // A look by hand leaves no traces: the cache belongs to the daemon, and is only read.
    let surroundings = Surroundings {
        refresher: refresher.clone(),
        targets: targets.clone(),
        cache_dir: None,
        kept_dir: Some(config.cache_dir(&instance.name)),
        row_counts,
    };
    let mut collectors = product::collectors(instance, &surroundings);
    collectors.retain(|collector| wanted.contains(&collector.source()));
    for source in Source::ALL {
        if !collectors.iter().any(|collector| collector.source() == source) {
            gathered.with(|snapshot| snapshot.switch_off(source));
        }
    }
    let counting = row_counts.limits().map_or(Duration::ZERO, |limits| limits.whole);
    let jobs: Vec<Job> = collectors
        .into_iter()
        .filter_map(|collector| {
            let mut rhythm = config.rhythms.get(&collector.source())?.clone();
            if collector.source() == Source::Database {
                rhythm.time_limit += counting;
            }
            let sink = gathered.clone() as Arc<dyn Sink>;
            Some(Job { collector, rhythm, sink, instance: instance.name.clone(), targets: None, nudge: None })
        })
        .collect();
    let (last, mut first): (Vec<_>, Vec<_>) =
        jobs.iter().partition(|job| job.collector.source() == Source::Plugins);
    // While rows are counted, what is believed for minutes only would grow old.
    if !counting.is_zero() {
        let (database, others) =
            first.into_iter().partition(|job| job.collector.source() == Source::Database);
        first = others;
        futures_util::future::join_all(Vec::from_iter(database).into_iter().map(look)).await;
    }
    futures_util::future::join_all(first.into_iter().map(look)).await;
    let current = catalog.current();
    if !last.is_empty() {
        let snapshot = gathered.with(|snapshot| snapshot.clone());
        feed.send_replace(asked_about(instance, &snapshot, &current));
    }
    futures_util::future::join_all(last.into_iter().map(look)).await;
    let snapshot = gathered.with(|snapshot| {
        snapshot.taken_at = Timestamp::now();
        snapshot.clone()
    });
    let Releases { origin, digest, .. } = catalog.releases();
    Ok(Looked {
        snapshot,
        catalog: current,
        identity: CatalogIdentity { origin, digest },
        learned: refresher.learned().await,
    })
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
