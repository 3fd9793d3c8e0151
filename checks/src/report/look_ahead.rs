//! The first day on which a target will be blocked if nobody acts.
//!
//! The same rules are asked at later days, with people's words as they hold then and the facts as they will be.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::words::Words;
use super::{Answers, Heard, Judge, Report, Sitting, end_of_day, evaluate};
use crate::facts::Source;
use crate::model::{Case, Category, Check, Severity, Target, Verdict};
use crate::projection::Projection;
use crate::rules;

/// How many days ahead is looked for the first day on which a target is blocked.
pub const HORIZON_DAYS: i32 = 365;

/// The day on which a target will be blocked, and what will block it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// The day, in UTC.
    pub day: Date,
    /// The check that will block.
    pub check: &'static str,
    /// The subject of its finding.
    pub subject: String,
}

impl Blocks {
    /// The moment that stands for the day: its start, or its evening when it has begun already.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Timestamp {
        let start = self.day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        start.ok().filter(|start| *start > now).unwrap_or_else(|| end_of_day(self.day))
    }
}

impl Sitting<'_> {
    /// The first day on which the target will be blocked if nobody acts; `None` when it is blocked today already, or
    /// when nothing is known that will block within [`HORIZON_DAYS`].
    #[must_use]
    pub fn blocks_on(&mut self, target: &Target) -> Option<Blocks> {
        let facts = if self.ahead { self.projection.at(self.judge.now) } else { self.facts };
        let case = self.judge.case(facts, target);
        let answers = &mut self.answers;
        let blocked = rules::ALL.iter().any(|check| blocker(check, &case, &self.words, answers).is_some());
        if blocked { None } else { self.search(target) }
    }

    /// The same for a target that was judged already, without judging today again where that is known.
    #[must_use]
    pub fn blocks_after(&mut self, target: &Target, report: &Report) -> Option<Blocks> {
        match (report.verdict, report.planned_for) {
            (Verdict::Blocked, None) => None,
            // The planned day may be what is blocked, and not today.
            (Verdict::Blocked, Some(_)) => self.blocks_on(target),
            (Verdict::Skipped | Verdict::Ready | Verdict::Warning | Verdict::Unknown, _) => {
                self.search(target)
            }
        }
    }

    fn search(&mut self, target: &Target) -> Option<Blocks> {
        let Self { judge, words, projection, answers, .. } = self;
        let today = TimeZone::UTC.to_datetime(judge.now).date();
        let turns = Turns::of(judge, target, projection, today);
        let mut days = Days { judge, target, words, projection, answers, today };
        let mut first: Option<(i32, Blocks)> = None;
        for check in rules::ALL {
            // A later day than one that is found already is of no interest.
            let horizon = first.as_ref().map_or(HORIZON_DAYS, |(day, _)| day - 1);
            if let Some(found) = days.first_blocked(check, turns.of_check(check), horizon) {
                first = Some(found);
            }
        }
        first.map(|(_, blocks)| blocks)
    }
}

/// Days on which what is blocked may come free again, as days from today: between two of them, what time alone
/// blocks stays blocked, so that the day can be found by halving.
struct Turns {
    /// For every check: what the catalog and the plan tell.
    all: BTreeSet<i32>,
    /// For checks that look at backups: the runs that are expected.
    of_backups: BTreeSet<i32>,
    /// For checks about the planned time: freezes end.
    of_plan: BTreeSet<i32>,
}

impl Turns {
    fn of(judge: &Judge<'_>, target: &Target, projection: &Projection<'_>, today: Date) -> Self {
        let around = |day: Date| {
            let from_today = (day - today).get_days();
            [from_today, from_today.saturating_add(1)]
        };
        let day_of = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
        let release = target.release.as_ref().and_then(|release| release.released_on);
        let of_backups = projection.expected_backups().into_iter().map(day_of).flat_map(around);
        let freezes = judge.plan.freezes.iter().map(|freeze| day_of(freeze.until));
        let planned = judge.plan.day.into_iter().chain(judge.plan.starts_at.map(day_of));
        Self {
            all: release.into_iter().flat_map(around).collect(),
            of_backups: of_backups.collect(),
            of_plan: freezes.chain(planned).flat_map(around).collect(),
        }
    }

    /// The first day of each stretch after the first, in order.
    fn of_check(&self, check: &Check) -> BTreeSet<i32> {
        let mut turns = self.all.clone();
        if check.reads.contains(&Source::Backups) {
            turns.extend(&self.of_backups);
        }
        if check.category == Category::Preparation {
            turns.extend(&self.of_plan);
        }
        turns
    }
}

/// Later days, as days from today, on which a target can be judged.
struct Days<'d, 'a> {
    judge: &'d Judge<'a>,
    target: &'d Target,
    words: &'d Words<'a>,
    projection: &'d mut Projection<'a>,
    answers: &'d mut Answers,
    today: Date,
}

impl Days<'_, '_> {
    fn first_blocked(
        &mut self,
        check: &'static Check,
        turns: BTreeSet<i32>,
        horizon: i32,
    ) -> Option<(i32, Blocks)> {
        // What changes by the hour may still come tonight.
        let mut from = i32::from(end_of_day(self.today) <= self.judge.now);
        let ends = turns.into_iter().map(|turn| turn - 1).chain([horizon]);
        for end in ends {
            let end = end.min(horizon);
            if end < from {
                continue;
            }
            if let Some(blocks) = self.blocked_on(check, end) {
                return Some(self.halve(check, from, end, blocks));
            }
            from = end + 1;
        }
        None
    }

    /// The first blocked day of a stretch whose last day is blocked.
    fn halve(&mut self, check: &'static Check, from: i32, last: i32, blocks: Blocks) -> (i32, Blocks) {
        let (mut low, mut found) = (from, (last, blocks));
        while low < found.0 {
            let middle = low.midpoint(found.0);
            match self.blocked_on(check, middle) {
                Some(blocks) => found = (middle, blocks),
                None => low = middle + 1,
            }
        }
        found
    }

    fn blocked_on(&mut self, check: &'static Check, days: i32) -> Option<Blocks> {
        let day = self.today.checked_add(days.days()).ok()?;
        let evening = end_of_day(day);
        let case = Case { now: evening, ..self.judge.case(self.projection.at(evening), self.target) };
        let subject = blocker(check, &case, self.words, self.answers)?;
        Some(Blocks { day, check: check.id, subject })
    }
}

/// The subject of the first finding that blocks.
fn blocker(check: &Check, case: &Case<'_>, words: &Words<'_>, answers: &mut Answers) -> Option<String> {
    let report = evaluate(check, case, words, answers, &mut Heard::new());
    let blocks = |dated: &super::DatedFinding| dated.counts() && dated.finding.severity == Severity::Blocker;
    report.findings.into_iter().find(blocks).map(|dated| dated.finding.subject)
}

#[cfg(test)]
mod tests;
