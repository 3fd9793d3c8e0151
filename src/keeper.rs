//! Keeps one instance: takes in answers, has them judged, and puts the result on the board.

mod choices;
mod offered;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{Asked, Failure, Memory, Section, Snapshot, Source};
use upgrade_readiness_checks::model::{Case, Requested, Target, Verdict};
use upgrade_readiness_checks::report::{CheckReport, Judge, Report, Sitting, remarks};
use upgrade_readiness_checks::rules::{self, PluginCounts};
use upgrade_readiness_checks::version::ProductVersion;

use crate::board::{
    Board, FactsDigest, Grounds, InstanceState, JudgedTarget, Offering, Since, TargetState, is_pending,
    judged_reports,
};
use crate::collect::targets::TargetBuild;
use crate::config::Instance;
use crate::schedule::Sink;
use crate::store::Memories;

pub use choices::builds;
pub use offered::judge_offering;

use choices::Recommended;
use offered::{Basis, Offered};

/// Keeps one instance of one configuration.
pub struct Keeper {
    instance: Arc<Instance>,
    catalog: watch::Receiver<Arc<Catalog>>,
    /// Its place on the board.
    index: usize,
    board: watch::Sender<Arc<Board>>,
    targets: watch::Sender<Vec<TargetBuild>>,
    memories: watch::Receiver<Memories>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// The board shows the same one; it is copied when it changes.
    snapshot: Arc<Snapshot>,
    history: History,
    /// What was judged last.
    judged: Option<Arc<InstanceState>>,
    offered: Offered,
    recommended: Recommended,
    /// Made anew only when the catalog is another one.
    grounds: Arc<Grounds>,
}

/// Since when each check of each target says what it says.
#[derive(Debug, Clone, Default)]
pub struct History(BTreeMap<(String, String), (Verdict, Since)>);

impl History {
    /// Takes in what was known before the agent was started.
    pub fn remember(&mut self, target: &str, check: &str, verdict: Verdict, since: Since) {
        self.0.insert((target.to_owned(), check.to_owned()), (verdict, since));
    }

    fn note(&mut self, target: &str, check: &str, verdict: Verdict, pending: bool, now: Timestamp) -> Since {
        let (known, since) = self
            .0
            .entry((target.to_owned(), check.to_owned()))
            .or_insert((verdict, Since { first_seen: now, changed_at: now }));
        // That nobody has looked yet since the start is no news.
        if *known != verdict && !pending {
            *known = verdict;
            since.changed_at = now;
        }
        *since
    }
}

/// Why an instance is looked at anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// A source answered. Most answers say what the one before said: then nothing has to be judged.
    Answer,
    /// Time has passed, or something other than an answer changed.
    TimePassed,
}

/// Whether what was judged follows from these facts and grounds as well. Time is not looked at: that has its own
/// occasion.
fn says_what_is(judged: &InstanceState, snapshot: &Snapshot, grounds: &Arc<Grounds>) -> bool {
    Arc::ptr_eq(&judged.grounds, grounds)
        && judged.snapshot.memory == snapshot.memory
        && snapshot.news_since(&judged.snapshot).is_empty()
}

impl Keeper {
    /// A keeper that begins with what is known already.
    #[must_use]
    pub fn new(
        instance: Arc<Instance>,
        catalog: watch::Receiver<Arc<Catalog>>,
        index: usize,
        board: watch::Sender<Arc<Board>>,
        targets: watch::Sender<Vec<TargetBuild>>,
        snapshot: Snapshot,
        history: History,
    ) -> Self {
        let Instance { policy, plan, .. } = &*instance;
        let grounds = Arc::new(Grounds {
            catalog: catalog.borrow().clone(),
            policy: policy.clone(),
            plan: plan.clone(),
        });
        let (offered, recommended) = (Offered::default(), Recommended::default());
        let (snapshot, judged) = (Arc::new(snapshot), None);
        let known = Mutex::new(Known { snapshot, history, judged, offered, recommended, grounds });
        // Without a sender it stays empty.
        let memories = watch::Sender::default().subscribe();
        Self { instance, catalog, index, board, targets, memories, known }
    }

    /// The same keeper, judging by what the store remembers, too.
    #[must_use]
    pub fn remembering(self, memories: watch::Receiver<Memories>) -> Self {
        Self { memories, ..self }
    }

    /// Judges anew, because time has passed.
    pub fn tick(&self) {
        self.update(Occasion::TimePassed, |_| ());
    }

    /// Judges anew when something else is remembered than was.
    pub fn recall(&self) {
        let remembered = self.memories.borrow().get(&self.instance.name).cloned();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).snapshot.clone();
        if remembered.is_some_and(|memory| *memory != known.memory) {
            self.tick();
        }
    }

    /// What it judges by.
    #[must_use]
    pub fn grounds(&self) -> Arc<Grounds> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).grounds.clone()
    }

    /// What is known, for the next configuration to begin with.
    #[must_use]
    pub fn known(&self) -> (Snapshot, History) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (Snapshot::clone(&known.snapshot), known.history.clone())
    }

    /// What it judges, and by what: for whoever asks more of them than the board shows.
    #[must_use]
    pub fn basis(&self) -> (Snapshot, Arc<Catalog>, Arc<Instance>) {
        let (snapshot, _) = self.known();
        (snapshot, self.catalog.borrow().clone(), self.instance.clone())
    }

    fn update(&self, occasion: Occasion, change: impl FnOnce(&mut Snapshot)) {
        let mut due = self.judge(occasion, |known| change(Arc::make_mut(&mut known.snapshot)));
        // To judge every release takes a while. Other answers do not wait for it: the board shows them beside the
        // offer there was.
        while let Some(basis) = due {
            let offered = basis.judge(&self.instance);
            due = self.judge(Occasion::TimePassed, |known| known.offered = offered);
        }
    }

    /// Judges the targets after a change; what every release has to be judged by, when that is due and nobody does
    /// it yet.
    fn judge(&self, occasion: Occasion, change: impl FnOnce(&mut Known)) -> Option<Basis> {
        // Held until the result is on the board: of two answers at once the later one must stand there.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        change(&mut known);
        let Known { snapshot, history, judged, offered, recommended, grounds } = &mut *known;
        let facts = Arc::make_mut(snapshot);
        if let Some(memory) = self.memories.borrow().get(&self.instance.name)
            && facts.memory != **memory
        {
            facts.memory = Memory::clone(memory);
        }
        facts.taken_at = now;
        // What was learned of releases may have changed since the last judgement.
        let catalog = self.catalog.borrow().clone();
        if !Arc::ptr_eq(&catalog, &grounds.catalog) {
            *grounds = Arc::new(Grounds { catalog: catalog.clone(), ..Grounds::clone(grounds) });
        }
        let offering = offered.offering();
        let before = judged.take().filter(|_| occasion == Occasion::Answer);
        let before = before.filter(|before| says_what_is(before, snapshot, grounds));
        let state = Arc::new(if let Some(before) = before {
            before.still_true(snapshot.clone())
        } else {
            let targets = &self.instance.targets;
            let judging = Judging { grounds, targets, offering, now, ahead: false };
            judge_instance(&judging, snapshot, history)
        });
        *judged = Some(state.clone());
        recommended.note(&catalog, offering);
        self.publish_targets(&state, recommended, &catalog);
        let instances = self.board.borrow().instances.len();
        let due = offered.begin(&state.snapshot, &catalog, now, instances);
        self.board.send_modify(|board| {
            let board = Arc::make_mut(board);
            board.revision += 1;
            if let Some(place) = board.instances.get_mut(self.index) {
                *place = state;
            }
        });
        due
    }

    fn publish_targets(&self, state: &InstanceState, recommended: &Recommended, catalog: &Catalog) {
        let versions = state.targets.iter().filter_map(|target| match target {
            TargetState::Judged(judged) => Some(&judged.report.version),
            TargetState::Unresolved { .. } => None,
        });
        let resolved = builds(versions.chain(recommended.versions()), &state.offering, catalog);
        self.targets.send_if_modified(|current| {
            let changed = *current != resolved;
            if changed {
                *current = resolved;
            }
            changed
        });
    }
}

impl Sink for Keeper {
    fn take(&self, source: Source, answer: Result<Section, Failure>, asked: Asked) {
        self.update(Occasion::Answer, |snapshot| match answer {
            Ok(section) => snapshot.learn(section, asked),
            Err(failure) => {
                let news = match snapshot.state(source).failure {
                    Some(before) => *before != failure,
                    None => true,
                };
                if news {
                    tracing::warn!(instance = %self.instance.name, %source, kind = failure.kind.id(), reason = %failure.message, "source cannot be read");
                }
                snapshot.fail(source, failure, asked);
            }
        });
    }
}

/// The version that runs, as the installation states it, else as the application does.
#[must_use]
pub fn running_version(snapshot: &Snapshot) -> Option<ProductVersion> {
    let installed = snapshot.installation().ok().and_then(|facts| facts.version.value().cloned());
    installed.or_else(|| snapshot.application().ok()?.version.value()?.as_deref()?.parse().ok())
}

/// What an instance is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Judging<'a> {
    /// Catalog, limits and plan.
    pub grounds: &'a Arc<Grounds>,
    /// The releases to judge.
    pub targets: &'a [Requested],
    /// What is recommended, for the target that stands for it.
    pub offering: &'a Offering,
    /// The moment to judge at.
    pub now: Timestamp,
    /// Whether that is a later day than that of the facts, so that they are to be as they will be then.
    pub ahead: bool,
}

/// Judges every target of an instance from one snapshot.
#[must_use]
pub fn judge_instance(
    judging: &Judging<'_>,
    snapshot: &Arc<Snapshot>,
    history: &mut History,
) -> InstanceState {
    let Judging { grounds, targets, offering, now, ahead } = *judging;
    let version = running_version(snapshot);
    let recommended = offering.recommended();
    let recommended = recommended.as_ref().copied().map_err(String::as_str);
    let judge = grounds.judge(now);
    let resolve = |requested| Target::resolve(requested, judge.catalog, version.as_ref(), recommended);
    let mut sitting = if ahead { judge.sitting_ahead(snapshot) } else { judge.sitting(snapshot) };
    let targets: Vec<TargetState> = targets
        .iter()
        .map(|requested| match resolve(requested) {
            Ok(target) => judge_target(&target, &judge, &mut sitting, snapshot, history),
            Err(error) => TargetState::Unresolved { requested: requested.clone(), reason: error.to_string() },
        })
        .collect();
    let reports = judged_reports(&targets);
    let remarks = remarks(snapshot, &reports, targets.len() - reports.len(), now);
    InstanceState {
        name: snapshot.instance.clone(),
        product: snapshot.product,
        version,
        snapshot: snapshot.clone(),
        grounds: grounds.clone(),
        targets,
        offering: offering.clone(),
        remarks,
        catalog_digest: judge.catalog.digest().map(ToOwned::to_owned),
        facts_digest: FactsDigest::default(),
    }
}

fn judge_target(
    target: &Target,
    judge: &Judge<'_>,
    sitting: &mut Sitting<'_>,
    snapshot: &Snapshot,
    history: &mut History,
) -> TargetState {
    let report = sitting.judge(target);
    let blocks = sitting.blocks_after(target, &report);
    let since = remember(&report, snapshot, history, judge.now);
    let case = judge.case(snapshot, target);
    TargetState::Judged(Arc::new(JudgedTarget {
        report,
        since,
        blocks_at: blocks.as_ref().map(|blocks| blocks.at(judge.now)),
        blocks_because: blocks,
        disk_needs: unless_broken(|| disk_needs(&case)),
        plugin_counts: unless_broken(|| plugin_counts(&case)),
    }))
}

fn remember(report: &Report, snapshot: &Snapshot, history: &mut History, now: Timestamp) -> Vec<Since> {
    let target = report.version.to_string();
    let note = |check: &CheckReport| {
        history.note(&target, check.id, check.verdict, is_pending(snapshot, check.id), now)
    };
    report.checks.iter().map(note).collect()
}

/// A defect in what people plot beside the verdicts must not end the daemon: then there is nothing to plot.
fn unless_broken<T: Default>(figures: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(figures)).unwrap_or_default()
}

/// Empty when a size that counts could not be read.
fn disk_needs(case: &Case<'_>) -> Vec<(String, u64)> {
    rules::disk_needs(case).into_iter().map(|need| (need.mount_point, need.required_bytes)).collect()
}

/// Empty when nothing is known of the plug-ins.
fn plugin_counts(case: &Case<'_>) -> Vec<(&'static str, u64)> {
    let Ok(counts) = rules::plugin_counts(case.facts, case.target, case.policy) else { return Vec::new() };
    let PluginCounts { compatible, update_before, update_after, incompatible, unknown } = counts;
    vec![
        ("compatible", compatible),
        ("update-before", update_before),
        ("update-after", update_after),
        ("incompatible", incompatible),
        ("unknown", unknown),
    ]
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::{FailureKind, Product, Releases, VersionSeen};

    use super::*;
    use crate::config::parse_config;

    const CONFIG: &str = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";

    #[test]
    fn of_many_answers_at_once_the_last_one_stands_on_the_board() {
        let config = parse_config(CONFIG).unwrap();
        let instance = config.instances[0].clone();
        let catalog = watch::Sender::new(config.catalogs[&Product::Confluence].catalog.clone()).subscribe();
        let snapshot = Snapshot::empty("wiki", Product::Confluence, Timestamp::now());
        let shown = snapshot.clone();
        let board = watch::Sender::new(Arc::new(Board::default()));
        let seen = board.subscribe();
        let keeper = Keeper::new(
            instance,
            catalog,
            0,
            board.clone(),
            watch::Sender::default(),
            snapshot,
            History::default(),
        );
        let state = InstanceState::not_judged(shown, keeper.grounds());
        board.send_modify(|board| Arc::make_mut(board).instances = vec![Arc::new(state)]);
        let answer = |digest: String| {
            let collected_on = jiff::civil::date(2026, 1, 1);
            let asked = Asked {
                at: Timestamp::now(),
                took: jiff::SignedDuration::ZERO,
                fresh_for: jiff::SignedDuration::from_hours(1),
            };
            let releases = Releases::unrefreshed("embedded", collected_on, digest);
            keeper.take(Source::Releases, Ok(Section::Releases(releases)), asked);
        };
        for round in 0..50 {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    scope.spawn(move || answer(format!("{round}-{thread}")));
                }
            });
            let on_board = seen.borrow().instances[0].snapshot.releases.clone();
            assert_eq!(on_board, keeper.known().0.releases, "round {round}");
        }
    }

    #[test]
    fn what_says_the_same_again_is_not_judged_again_and_time_is() {
        let config = parse_config(CONFIG).unwrap();
        let catalog = watch::Sender::new(config.catalogs[&Product::Confluence].catalog.clone()).subscribe();
        let snapshot = Snapshot::empty("wiki", Product::Confluence, Timestamp::now());
        let board = watch::Sender::new(Arc::new(Board::default()));
        let seen = board.subscribe();
        let (shown, instance) = (snapshot.clone(), config.instances[0].clone());
        let feed = watch::Sender::default();
        let keeper = Keeper::new(instance, catalog, 0, board.clone(), feed, snapshot, History::default());
        let state = InstanceState::not_judged(shown, keeper.grounds());
        board.send_modify(|board| Arc::make_mut(board).instances = vec![Arc::new(state)]);
        let answer = |digest: &str| {
            let releases =
                Releases::unrefreshed("embedded", jiff::civil::date(2026, 1, 1), digest.to_owned());
            let asked = Asked {
                at: Timestamp::now(),
                took: jiff::SignedDuration::ZERO,
                fresh_for: jiff::SignedDuration::from_hours(1),
            };
            keeper.take(Source::Releases, Ok(Section::Releases(releases)), asked);
            seen.borrow().instances[0].clone()
        };
        let judgement = |state: &InstanceState| match &state.targets[0] {
            TargetState::Judged(judged) => judged.clone(),
            TargetState::Unresolved { reason, .. } => panic!("{reason}"),
        };
        let (first, again) = (answer("one"), answer("one"));
        assert!(Arc::ptr_eq(&judgement(&first), &judgement(&again)), "it was judged again");
        let learned = |state: &InstanceState| state.snapshot.state(Source::Releases).collected_at;
        assert!(learned(&again) > learned(&first) && again.facts_digest() == first.facts_digest());
        let other = answer("another");
        assert!(!Arc::ptr_eq(&judgement(&again), &judgement(&other)), "there is news");
        assert_ne!(other.facts_digest(), first.facts_digest());
        keeper.tick();
        let later = seen.borrow().instances[0].clone();
        assert!(!Arc::ptr_eq(&judgement(&other), &judgement(&later)), "time has passed");
        let failed = || Err(Failure { kind: FailureKind::Denied, message: "may not".into() });
        let asked = Asked {
            at: Timestamp::now(),
            took: jiff::SignedDuration::ZERO,
            fresh_for: jiff::SignedDuration::from_hours(1),
        };
        keeper.take(Source::Releases, failed(), asked);
        let failing = seen.borrow().instances[0].clone();
        assert!(!Arc::ptr_eq(&judgement(&later), &judgement(&failing)), "a failure is news");
        keeper.take(Source::Releases, failed(), asked);
        let still = seen.borrow().instances[0].clone();
        assert!(Arc::ptr_eq(&judgement(&failing), &judgement(&still)), "the same failure is none");
    }

    #[test]
    fn what_is_remembered_is_in_the_snapshot_that_is_judged() {
        let config = parse_config(CONFIG).unwrap();
        let snapshot = Snapshot::empty("wiki", Product::Confluence, Timestamp::now());
        let catalog = watch::Sender::new(config.catalogs[&Product::Confluence].catalog.clone()).subscribe();
        let (sender, memories) = watch::channel(Memories::default());
        let keeper = Keeper::new(
            config.instances[0].clone(),
            catalog,
            0,
            watch::Sender::default(),
            watch::Sender::default(),
            snapshot,
            History::default(),
        )
        .remembering(memories);
        let version = VersionSeen { version: "9.2.7".parse().unwrap(), first_seen: Timestamp::now() };
        let memory = Memory { versions: vec![version], ..Memory::default() };
        sender.send_replace(Arc::new(BTreeMap::from([("wiki".to_owned(), Arc::new(memory.clone()))])));
        keeper.tick();
        assert_eq!(keeper.known().0.memory, memory);
        let grounds = keeper.grounds();
        // Another instance's memory, or none at all, is not this one's.
        sender.send_replace(Arc::new(BTreeMap::from([("docs".to_owned(), Arc::default())])));
        keeper.tick();
        assert_eq!(keeper.known().0.memory, memory);
        // The catalog is the same one, so nothing of the grounds was copied.
        assert!(Arc::ptr_eq(&grounds, &keeper.grounds()));
    }
}
