//! What was written already, so that only news are.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::facts::{Point, Source, TrendOf, VersionSeen};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::report::{CheckReport, DatedFinding};
use upgrade_readiness_checks::version::ProductVersion;

use crate::board::{Board, InstanceState, JudgedTarget, Since, TargetState, is_pending};
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
    /// The states that were looked through, by instance: of hundreds, few are other ones at each look.
    seen: BTreeMap<String, Weak<InstanceState>>,
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
            let seen = self.0.seen.get(&instance.name);
            if seen.is_some_and(|seen| std::ptr::eq(seen.as_ptr(), Arc::as_ptr(instance))) {
                continue;
            }
            entries.seen.insert(instance.name.clone(), Arc::downgrade(instance));
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
        self.0.seen.append(&mut entries.seen);
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
            let news = self.0.points.get(&key).is_none_or(|known| is_lower(*known, (day, value)));
            if news {
                batch.points.push((key.0.clone(), key.1.clone(), Point { at, value }));
                entries.points.insert(key, (day, value));
            }
        }
    }
}

/// Whether a figure is worth writing down: the first of a day, or lower than the lowest of the day by a thousandth. A
/// log that grows is no reason to write at every look.
fn is_lower((known, lowest): (Date, u64), (day, value): (Date, u64)) -> bool {
    day != known || lowest.saturating_sub(value) >= (lowest / 1000).max(1)
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
        Verdict::Blocked | Verdict::Warning => report.findings.first(),
        Verdict::Ready | Verdict::Skipped | Verdict::Unknown => None,
    };
    let mut cause = first.map_or_else(|| report.reason.clone(), told);
    cause.push_str(&settled(report, first));
    Change {
        instance: instance.clone(),
        target: target.clone(),
        check: check.clone(),
        at,
        before,
        after: report.verdict,
        cause,
        observed: first.map(|dated| dated.finding.observed.clone()),
    }
}

/// What a finding says, when it does not hold yet, and which word stopped settling it.
fn told(dated: &DatedFinding) -> String {
    let summary = &dated.finding.summary;
    let told = match dated.holds_on {
        Some(day) => format!("on the planned day, {day}: {summary}"),
        None => summary.clone(),
    };
    match &dated.lapsed {
        Some(lapsed) => format!("{told}; {lapsed}"),
        None => told,
    }
}

/// What would be graver than what counts, if nobody had said a word; what was settled did not go away.
fn settled(report: &CheckReport, first: Option<&DatedFinding>) -> String {
    let counts = first.map_or(Severity::Notice, |dated| dated.finding.severity);
    let graver = |dated: &&DatedFinding| dated.finding.severity > counts;
    let mut settled =
        report.findings.iter().filter(graver).filter_map(|dated| Some((dated, dated.word.as_ref()?)));
    let Some((dated, word)) = settled.next() else { return String::new() };
    let more = match settled.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = match &dated.finding.summary {
        summary if first.is_none() && *summary == report.reason => String::new(),
        summary => format!(": {summary}"),
    };
    format!("; settled by the {} of {} until {}{what}{more}", word.kind.id(), word.by, word.until)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use upgrade_readiness_checks::model::{Category, Finding};
    use upgrade_readiness_checks::report::{Word, WordKind};

    use super::*;

    fn dated(severity: Severity, summary: &str) -> DatedFinding {
        let finding = Finding {
            severity,
            subject: summary.into(),
            summary: summary.into(),
            observed: format!("seen of {summary}"),
            required: String::new(),
            remedy: String::new(),
        };
        DatedFinding { finding, holds_on: None, word: None, lapsed: None }
    }

    fn waived(severity: Severity, summary: &str) -> DatedFinding {
        let (by, reason, until) = ("Ann".into(), "ordered".into(), date(2027, 1, 31));
        DatedFinding {
            word: Some(Word { kind: WordKind::Waiver, by, reason, until }),
            ..dated(severity, summary)
        }
    }

    #[test]
    fn what_a_word_settled_is_not_told_as_if_it_had_gone_away() {
        use Severity::{Blocker, Notice, Warning};
        let planned = DatedFinding { holds_on: Some(date(2027, 1, 20)), ..dated(Blocker, "ended") };
        let lapsed = DatedFinding {
            lapsed: Some("the waiver of Ann ended on 2026-11-20".into()),
            ..dated(Warning, "full")
        };
        let rows = [
            (Verdict::Ready, vec![], "looked"),
            (Verdict::Ready, vec![dated(Notice, "rare")], "looked"),
            (
                Verdict::Ready,
                vec![waived(Warning, "full"), waived(Notice, "rare")],
                "looked; settled by the waiver of Ann until 2027-01-31: full",
            ),
            (
                Verdict::Ready,
                vec![waived(Warning, "looked")],
                "looked; settled by the waiver of Ann until 2027-01-31",
            ),
            (
                Verdict::Warning,
                vec![dated(Warning, "old"), waived(Blocker, "full"), waived(Blocker, "small")],
                "old; settled by the waiver of Ann until 2027-01-31: full and 1 more",
            ),
            (Verdict::Blocked, vec![dated(Blocker, "full"), waived(Blocker, "small")], "full"),
            (Verdict::Blocked, vec![planned], "on the planned day, 2027-01-20: ended"),
            (Verdict::Warning, vec![lapsed], "full; the waiver of Ann ended on 2026-11-20"),
        ];
        for (verdict, findings, expected) in rows {
            let report = CheckReport {
                id: "disk-space",
                title: "",
                category: Category::Platform,
                verdict,
                reason: "looked".into(),
                findings,
                word: None,
                saw_all: true,
            };
            let key = ("wiki".to_owned(), "9.2.10".to_owned(), "disk-space".to_owned());
            let told = change(&key, Some(Verdict::Unknown), &report, Timestamp::UNIX_EPOCH);
            assert_eq!(told.cause, expected);
        }
    }

    #[test]
    fn a_disk_that_moves_a_little_is_no_news() {
        let known = (date(2026, 11, 21), 1_000_000);
        for (point, expected) in [
            ((date(2026, 11, 21), 1_000_000), false),
            ((date(2026, 11, 21), 999_001), false),
            ((date(2026, 11, 21), 999_000), true),
            ((date(2026, 11, 21), 0), true),
            ((date(2026, 11, 21), 2_000_000), false),
            ((date(2026, 11, 22), 1_000_000), true),
            ((date(2026, 11, 20), 1_000_000), true),
        ] {
            assert_eq!(is_lower(known, point), expected, "{point:?}");
        }
        assert!(!is_lower((date(2026, 11, 21), 0), (date(2026, 11, 21), 0)));
        assert!(is_lower((date(2026, 11, 21), 1), (date(2026, 11, 21), 0)));
    }
}
