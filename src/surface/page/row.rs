//! One instance and one target of it in a line: what the overview lists.

use jiff::Timestamp;
use jiff::civil::Date;
use upgrade_readiness_checks::facts::{Condition, Source};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::report::Report;

use super::frame::Clock;
use crate::board::{InstanceState, TargetState};

/// An instance with one of its targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) instance: &'a InstanceState,
    /// `None` until its targets were judged for the first time.
    pub(super) target: Option<&'a TargetState>,
    pub(super) verdict: Verdict,
    pub(super) count: Count,
    /// From when on it will be blocked, when that is to come.
    pub(super) blocks_at: Option<Timestamp>,
    pub(super) planned: Option<Date>,
    pub(super) sources: Sources,
}

/// How many of what stands in the way; what a person's word settles is not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) blockers: usize,
    pub(super) warnings: usize,
    pub(super) unknown: usize,
}

/// How the sources of an instance stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sources {
    pub(super) failed: usize,
    pub(super) stale: usize,
    pub(super) pending: usize,
    pub(super) answering: usize,
}

impl Count {
    fn of(report: &Report) -> Self {
        let mut count = Self::default();
        for check in &report.checks {
            count.unknown += usize::from(check.verdict == Verdict::Unknown);
            for dated in check.findings.iter().filter(|dated| dated.counts()) {
                match dated.finding.severity {
                    Severity::Blocker => count.blockers += 1,
                    Severity::Warning => count.warnings += 1,
                    Severity::Notice => {}
                }
            }
        }
        count
    }
}

impl Sources {
    pub(super) fn of(instance: &InstanceState) -> Self {
        let mut sources = Self::default();
        for source in Source::ALL {
            match instance.snapshot.state(source).condition {
                Condition::Ok => sources.answering += 1,
                Condition::Failed => sources.failed += 1,
                Condition::Stale => sources.stale += 1,
                Condition::Pending => sources.pending += 1,
                Condition::Off => {}
            }
        }
        sources
    }

    /// In a few words, and the class of their sign.
    pub(super) fn words(self) -> (&'static str, String) {
        let Self { failed, stale, pending, answering } = self;
        match (failed, stale, pending) {
            (0, 0, 0) => ("ready", format!("all {answering} answer")),
            (0, 0, _) => ("unknown", format!("{pending} not asked yet")),
            (0, _, _) => ("unknown", format!("{stale} too old")),
            (_, _, _) => ("unknown", format!("{failed} failed")),
        }
    }
}

impl<'a> Row<'a> {
    /// Every target of an instance.
    pub(super) fn of_instance(instance: &'a InstanceState, now: Timestamp) -> impl Iterator<Item = Self> {
        let sources = Sources::of(instance);
        let plan = &instance.grounds.plan;
        // For the operator it may be that day still when UTC has the next one.
        let planned = plan.day.filter(|day| *day >= Clock::of(plan, now).today());
        let none = instance.targets.is_empty().then_some(None);
        let targets = instance.targets.iter().map(Some).chain(none);
        targets.map(move |target| {
            let nothing = Row {
                instance,
                target,
                verdict: Verdict::Unknown,
                count: Count { unknown: 1, ..Count::default() },
                blocks_at: None,
                planned: None,
                sources,
            };
            match target {
                Some(TargetState::Judged(judged)) => Row {
                    verdict: judged.report.verdict,
                    count: Count::of(&judged.report),
                    blocks_at: judged
                        .blocks_at
                        .filter(|at| *at > now && judged.report.verdict != Verdict::Blocked),
                    planned: judged.report.planned_for.or(planned),
                    ..nothing
                },
                Some(TargetState::Unresolved { .. }) | None => nothing,
            }
        })
    }

    /// The target as it was asked for, and the release it stands for.
    pub(super) fn names(&self) -> Option<(String, Option<String>)> {
        self.target.map(target_names)
    }

    /// Both in one text.
    pub(super) fn full_name(&self) -> String {
        match self.names() {
            Some((requested, Some(version))) if version != requested => format!("{version} ({requested})"),
            Some((requested, _)) => requested,
            None => "no target judged yet".to_owned(),
        }
    }
}

/// A target as it was asked for, and the release it stands for.
pub(super) fn target_names(target: &TargetState) -> (String, Option<String>) {
    match target {
        TargetState::Judged(judged) => {
            (judged.report.requested.to_string(), Some(judged.report.version.to_string()))
        }
        TargetState::Unresolved { requested, .. } => (requested.to_string(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::sample;
    use crate::surface::status::view;

    #[test]
    fn a_row_counts_what_the_status_counts() {
        let board = sample::board();
        let status = view(&board, sample::now());
        let rows: Vec<Row<'_>> =
            board.instances.iter().flat_map(|instance| Row::of_instance(instance, sample::now())).collect();
        let targets: Vec<_> = status.instances.iter().flat_map(|instance| &instance.targets).collect();
        assert_eq!(rows.len(), targets.len());
        for (row, target) in rows.iter().zip(targets) {
            let tally = target.tally();
            let expected = (tally.blockers, tally.warnings, tally.unknown);
            let Count { blockers, warnings, unknown } = row.count;
            assert_eq!((blockers, warnings, unknown), expected, "{}", row.full_name());
            assert_eq!((row.verdict, row.planned), (target.verdict, target.upgrade_on));
            assert_eq!(row.full_name(), target.full_name());
        }
    }

    #[test]
    fn an_instance_that_was_not_judged_is_unknown() {
        let mut instance = InstanceState::clone(&sample::board().instances[0]);
        instance.targets.clear();
        let rows: Vec<Row<'_>> = Row::of_instance(&instance, sample::now()).collect();
        assert_eq!((rows.len(), rows[0].verdict, rows[0].count.unknown), (1, Verdict::Unknown, 1));
    }

    #[test]
    fn the_worst_of_the_sources_is_told() {
        let sources = |failed, stale, pending| Sources { failed, stale, pending, answering: 9 }.words();
        assert_eq!(sources(0, 0, 0), ("ready", "all 9 answer".to_owned()));
        assert_eq!(sources(0, 0, 2), ("unknown", "2 not asked yet".to_owned()));
        assert_eq!(sources(0, 3, 2), ("unknown", "3 too old".to_owned()));
        assert_eq!(sources(1, 3, 2), ("unknown", "1 failed".to_owned()));
    }
}
