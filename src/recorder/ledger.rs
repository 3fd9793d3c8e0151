//! What was written already, so that only news are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::facts::{Point, Source, TrendOf, VersionSeen};
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::report::CheckReport;
use upgrade_readiness_checks::version::ProductVersion;

use crate::board::{Board, InstanceState, JudgedTarget, Since, TargetState};
use crate::keeper::is_pending;
use crate::store::{Batch, Change, State};

/// What the store is known to hold.
#[derive(Debug, Default)]
pub(super) struct Ledger(Entries);

/// Entries of the ledger: the last of each kind.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// By instance, target and check.
    verdicts: BTreeMap<(String, String, String), (Verdict, Since)>,
    versions: BTreeMap<String, ProductVersion>,
    /// By instance and figure: the day and its lowest value.
    points: BTreeMap<(String, TrendOf), (Date, u64)>,
}

impl Ledger {
    /// Begins with what the store says of every check.
    pub(super) fn new(states: &[State]) -> Self {
        let entry = |state: &State| {
            let key = (state.instance.clone(), state.target.clone(), state.check.clone());
            (key, (state.verdict, Since { first_seen: state.first_seen, changed_at: state.changed_at }))
        };
        Self(Entries { verdicts: states.iter().map(entry).collect(), ..Entries::default() })
    }

    /// What is on the board and not in the ledger, and what to enter once it is written.
    pub(super) fn news(&self, board: &Board) -> (Batch, Entries) {
        let (mut batch, mut entries) = (Batch::default(), Entries::default());
        for instance in &board.instances {
            for target in &instance.targets {
                match target {
                    TargetState::Judged(judged) => self.verdicts(instance, judged, &mut batch, &mut entries),
                    TargetState::Unresolved { .. } => {}
                }
            }
            self.version(instance, &mut batch, &mut entries);
            self.points(instance, &mut batch, &mut entries);
        }
        (batch, entries)
    }

    /// Enters what was written.
    pub(super) fn enter(&mut self, mut entries: Entries) {
        self.0.verdicts.append(&mut entries.verdicts);
        self.0.versions.append(&mut entries.versions);
        self.0.points.append(&mut entries.points);
    }

    fn verdicts(
        &self,
        instance: &InstanceState,
        judged: &JudgedTarget,
        batch: &mut Batch,
        entries: &mut Entries,
    ) {
        let target = judged.report.version.to_string();
        for (check, since) in judged.report.checks.iter().zip(&judged.since) {
            let key = (instance.name.clone(), target.clone(), check.id.to_owned());
            let before = self.0.verdicts.get(&key).map(|(verdict, _)| *verdict);
            // Two targets of the configuration may stand for the same release.
            let known = before == Some(check.verdict) || entries.verdicts.contains_key(&key);
            if known || is_pending(&instance.snapshot, check.id) {
                continue;
            }
            batch.states.push(State {
                instance: key.0.clone(),
                target: key.1.clone(),
                check: key.2.clone(),
                verdict: check.verdict,
                first_seen: since.first_seen,
                changed_at: since.changed_at,
            });
            if is_worth_telling(before, check.verdict) {
                batch.changes.push(change(&key, before, check, since.changed_at));
            }
            entries.verdicts.insert(key, (check.verdict, *since));
        }
    }

    fn version(&self, instance: &InstanceState, batch: &mut Batch, entries: &mut Entries) {
        let Some(version) = &instance.version else { return };
        if self.0.versions.get(&instance.name) != Some(version) {
            let first_seen = instance.snapshot.taken_at;
            batch
                .versions
                .push((instance.name.clone(), VersionSeen { version: version.clone(), first_seen }));
            entries.versions.insert(instance.name.clone(), version.clone());
        }
    }

    fn points(&self, instance: &InstanceState, batch: &mut Batch, entries: &mut Entries) {
        let Ok(disk) = instance.snapshot.disk() else { return };
        let Some(at) = instance.snapshot.state(Source::Disk).collected_at else { return };
        let day = TimeZone::UTC.to_datetime(at).date();
        for filesystem in &disk.filesystems {
            let value = filesystem.free_bytes;
            let key = (instance.name.clone(), TrendOf::FreeBytes(filesystem.mount_point.clone()));
            let news = self.0.points.get(&key).is_none_or(|(known, lowest)| *known != day || *lowest > value);
            if news {
                batch.points.push((key.0.clone(), key.1.clone(), Point { at, value }));
                entries.points.insert(key, (day, value));
            }
        }
    }
}

/// The instances and targets on the board.
pub(super) fn judged(board: &Board) -> Vec<(String, String)> {
    let of_instance = |instance: &InstanceState| {
        let version = |target: &TargetState| match target {
            TargetState::Judged(judged) => Some(judged.report.version.to_string()),
            TargetState::Unresolved { .. } => None,
        };
        let name = instance.name.clone();
        instance.targets.iter().filter_map(version).map(|target| (name.clone(), target)).collect::<Vec<_>>()
    };
    board.instances.iter().flat_map(|instance| of_instance(instance)).collect()
}

/// A check that is in order, or does not apply, when it is judged for the first time is no news; one that is not
/// is where the trouble begins.
fn is_worth_telling(before: Option<Verdict>, after: Verdict) -> bool {
    before.is_some() || !matches!(after, Verdict::Ready | Verdict::Skipped)
}

fn change(
    (instance, target, check): &(String, String, String),
    before: Option<Verdict>,
    report: &CheckReport,
    at: Timestamp,
) -> Change {
    // When it could not look, what it could not see is the cause, whatever else was found.
    let first = match report.verdict {
        Verdict::Blocked | Verdict::Warning => report.findings.first().map(|dated| &dated.finding),
        Verdict::Ready | Verdict::Skipped | Verdict::Unknown => None,
    };
    Change {
        instance: instance.clone(),
        target: target.clone(),
        check: check.clone(),
        at,
        before,
        after: report.verdict,
        cause: first.map_or_else(|| report.reason.clone(), |finding| finding.summary.clone()),
        observed: first.map(|finding| finding.observed.clone()),
    }
}
