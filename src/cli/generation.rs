//! One reading of the configuration at work: a keeper per instance and the schedule that asks its sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use upgrade_readiness_checks::facts::{Asked, Failure, Product, Section, Snapshot, Source};

use super::restore_job::RestoreJobs;
use crate::board::{Board, InstanceState, Notice, Since};
use crate::catalog_in_use::Refreshed;
use crate::collect::database::RowCounts;
use crate::collect::surroundings::Surroundings;
use crate::config::{Config, Detail};
use crate::fleet::Fleet;
use crate::keeper::{History, Keeper};
use crate::product;
use crate::schedule::{Job, Schedule, Sink};
use crate::store::{Memories, State};
use crate::surface::metrics::Metrics;
use crate::surface::status::{StatusFile, read_status};

/// What is known of each instance, by its name.
pub(super) type Known = BTreeMap<String, (Snapshot, History)>;

/// Subject of the notice that this agent has nothing to watch.
const SHARD_EMPTY: &str = "shard-empty";

/// What belongs to one reading of the configuration.
pub(super) struct Generation {
    pub(super) schedule: Arc<Schedule>,
    keepers: Vec<Arc<Keeper>>,
    pub(super) names: Vec<String>,
    restores: RestoreJobs,
    fleet: Fleet,
}

impl Generation {
    /// Starts to watch what a configuration names, beginning with what is known already.
    pub(super) fn start(
        config: &Config,
        mut known: Known,
        board: &watch::Sender<Arc<Board>>,
        metrics: &Arc<Metrics>,
        memories: &watch::Receiver<Memories>,
    ) -> Self {
        metrics.be_lean(config.detail == Detail::Lean);
        let now = Timestamp::now();
        let mut keepers = Vec::new();
        let mut jobs = Vec::new();
        let mut states = Vec::new();
        let mut names = Vec::new();
        let mut fleet = Fleet::of(config);
        // Instances of a product share its catalog, and ask for news of it together.
        let refreshed: BTreeMap<Product, Refreshed> = config
            .catalogs
            .iter()
            .map(|(product, loaded)| (*product, Refreshed::asking(config, *product, loaded)))
            .collect();
        for instance in &config.instances {
            let Some(Refreshed { catalog, refresher }) = refreshed.get(&instance.product) else { continue };
            let (mut snapshot, history) = known.remove(&instance.name).unwrap_or_else(|| {
                (Snapshot::empty(&instance.name, instance.product, now), History::default())
            });
            let (feed, targets) = watch::channel(Vec::new());
            let surroundings = Surroundings {
                refresher: refresher.clone(),
                targets: targets.clone(),
                cache_dir: Some(config.cache_dir(&instance.name)),
                kept_dir: None,
                row_counts: RowCounts::Leave,
            };
            let collectors = product::collectors(instance, &surroundings);
            for source in Source::ALL {
                if collectors.iter().any(|collector| collector.source() == source) {
                    snapshot.switch_on(source);
                } else {
                    snapshot.switch_off(source);
                }
            }
            let shown = snapshot.clone();
            let keeper = Keeper::new(
                instance.clone(),
                catalog.follow(),
                keepers.len(),
                board.clone(),
                feed,
                snapshot,
                history,
            );
            states.push(Arc::new(InstanceState::not_judged(shown, keeper.grounds())));
            let keeper = Arc::new(keeper.remembering(memories.clone()));
            for collector in collectors {
                let source = collector.source();
                let Some(rhythm) = config.rhythms.get(&source) else { continue };
                let (collector, nudge) = fleet.share(instance, collector);
                jobs.push(Job {
                    collector,
                    rhythm: rhythm.clone(),
                    sink: Arc::new(Observed {
                        site: instance.name.clone(),
                        keeper: keeper.clone(),
                        metrics: metrics.clone(),
                    }),
                    instance: instance.name.clone(),
                    targets: (source == Source::Plugins).then(|| targets.clone()),
                    nudge,
                });
            }
            keepers.push(keeper);
            names.push(instance.name.clone());
        }
        board.send_modify(|board| {
            let board = Arc::make_mut(board);
            board.revision += 1;
            board.instances = states;
            board.shard = config.shard.clone();
            board.notices.retain(|notice| notice.subject != SHARD_EMPTY);
            board.notices.extend(empty_shard(config));
        });
        for keeper in &keepers {
            keeper.tick();
        }
        fleet.start(config, board);
        let schedule = Arc::new(Schedule::start(jobs, config.max_concurrent));
        let restores = RestoreJobs::start(config, board, &schedule);
        Self { schedule, keepers, names, restores, fleet }
    }

    /// What is known, for the next configuration to begin with.
    pub(super) fn known(&self) -> Known {
        self.names.iter().cloned().zip(self.keepers.iter().map(|keeper| keeper.known())).collect()
    }

    /// The keeper of an instance.
    pub(super) fn keeper(&self, name: &str) -> Option<Arc<Keeper>> {
        let place = self.names.iter().position(|known| known == name)?;
        self.keepers.get(place).cloned()
    }

    /// Its keepers, in the order of the configuration.
    pub(super) fn keepers(&self) -> &[Arc<Keeper>] {
        &self.keepers
    }

    /// Ends all looks; those under way are given up after the time given.
    pub(super) async fn stop(&self, patience: Duration) {
        self.restores.stop(patience).await;
        self.fleet.stop(patience).await;
        self.schedule.stop(patience).await;
    }
}

/// That this agent has nothing to watch: right as it is, and nothing anybody should find out by chance.
fn empty_shard(config: &Config) -> Option<Notice> {
    let (index, of) = (config.shard.index, config.shard.of);
    let text = || {
        format!(
            "No instance of the configuration falls into shard {index} of {of}: this agent watches nothing, and the \
             others watch all there are. Nothing has to be done; with a smaller `shard.of` for all agents it is not needed."
        )
    };
    config.instances.is_empty().then(|| Notice { subject: SHARD_EMPTY, text: text() })
}

/// Judges every instance anew of which something else is remembered.
pub(super) fn recall_all(keepers: &[Arc<Keeper>]) {
    for keeper in keepers {
        keeper.recall();
    }
}

/// What was learned where the new configuration looks too; of another place nothing is known yet.
pub(super) fn still_true(known: Known, old: &Config, new: &Config) -> Known {
    let of = |config: &Config, name: &str| config.instances.iter().find(|known| known.name == name).cloned();
    let keep = |(name, (snapshot, history)): (String, (Snapshot, History))| {
        let same = of(old, &name).zip(of(new, &name)).is_some_and(|(old, new)| new.looks_where(&old));
        let empty = || Snapshot::empty(&name, snapshot.product, snapshot.taken_at);
        let snapshot = if same { snapshot } else { empty() };
        (name, (snapshot, history))
    };
    known.into_iter().map(keep).collect()
}

/// Counts every look before the keeper takes its answer in.
struct Observed {
    site: String,
    keeper: Arc<Keeper>,
    metrics: Arc<Metrics>,
}

impl Sink for Observed {
    fn take(&self, source: Source, answer: Result<Section, Failure>, asked: Asked) {
        let failure = answer.as_ref().err().map(|failure| failure.kind);
        self.metrics.observe_source(&self.site, source, asked.took, failure);
        self.keeper.take(source, answer, asked);
    }
}

/// Since when verdicts stand, as the store says. Of an instance it knows nothing of, the status file of the last
/// run may know: that of a version without a store, or when the store was lost.
pub(super) fn remembered(config: &Config, states: &[State]) -> Known {
    let mut told: BTreeMap<&str, History> = BTreeMap::new();
    for State { instance, target, check, verdict, first_seen, changed_at, .. } in states {
        let since = Since { first_seen: *first_seen, changed_at: *changed_at };
        told.entry(instance).or_default().remember(target, check, *verdict, since);
    }
    let all_told = config.instances.iter().all(|instance| told.contains_key(instance.name.as_str()));
    // The file of hundreds of instances is long, and not read in vain.
    let file = if all_told { None } else { read_status(&config.status_file()).ok() };
    let of_instance = |name: &str| match (told.get(name), &file) {
        (Some(history), _) => history.clone(),
        (None, Some(file)) => history_of(file, name),
        (None, None) => History::default(),
    };
    config
        .instances
        .iter()
        .map(|instance| {
            let snapshot = Snapshot::empty(&instance.name, instance.product, Timestamp::now());
            (instance.name.clone(), (snapshot, of_instance(&instance.name)))
        })
        .collect()
}

fn history_of(file: &StatusFile, instance: &str) -> History {
    let mut history = History::default();
    let targets =
        file.instances.iter().filter(|known| known.name == instance).flat_map(|known| &known.targets);
    for target in targets {
        for check in &target.checks {
            if let (Some(version), Some(first_seen), Some(changed_at)) =
                (&target.version, check.first_seen, check.changed_at)
            {
                history.remember(version, &check.id, check.verdict, Since { first_seen, changed_at });
            }
        }
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    const OLD: &str = r#"
        [[instance]]
        name = "wiki"
        product = "confluence"
        installation_dir = "/opt/a"
        targets = ["latest"]
    "#;

    #[test]
    fn facts_of_another_place_do_not_outlive_a_reload() {
        let old = parse_config(OLD).unwrap();
        let rows = [
            (OLD.replace("latest", "9.2.10"), true),
            (OLD.replace("/opt/a", "/opt/b"), false),
            (format!("{OLD}home_dir = \"/srv/home\""), false),
            (format!("{OLD}http = {{ base_url = \"http://127.0.0.1:8090\" }}"), false),
            (format!("{OLD}database = {{ url = \"jdbc:postgresql://db/other\" }}"), false),
            (format!("{OLD}marketplace = {{ enabled = false }}"), false),
        ];
        for (text, kept) in rows {
            let new = parse_config(&text).unwrap();
            let mut snapshot = Snapshot::empty("wiki", old.instances[0].product, Timestamp::now());
            snapshot.switch_off(Source::Host);
            let known = BTreeMap::from([("wiki".to_owned(), (snapshot.clone(), History::default()))]);
            let (seen, _) = still_true(known, &old, &new).remove("wiki").unwrap();
            assert_eq!(seen == snapshot, kept, "{text}");
        }
    }
}
