//! All rules on one target: the report.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::catalog::Catalog;
use crate::facts::{Missing, Snapshot};
use crate::model::{
    Case, Category, Check, Finding, Judgement, Plan, Policy, Requested, Severity, Target, Undecided, Verdict,
};
use crate::rules;
use crate::version::ProductVersion;

/// How many days ahead is looked for the first day on which a target is blocked.
pub const HORIZON_DAYS: i32 = 365;

/// All verdicts of an instance for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The target as it was asked for.
    pub requested: Requested,
    /// The release it stands for.
    pub version: ProductVersion,
    /// What follows from all checks together.
    pub verdict: Verdict,
    /// When it was judged.
    pub judged_at: Timestamp,
    /// The planned day that was judged too; `None` when none is planned or it has passed.
    pub planned_for: Option<Date>,
    /// Every check, in the order of the registry.
    pub checks: Vec<CheckReport>,
}

impl Report {
    /// Checks that apply here.
    #[must_use]
    pub fn planned(&self) -> usize {
        self.count(|verdict| verdict != Verdict::Skipped)
    }

    /// Checks that apply here and could look.
    #[must_use]
    pub fn decided(&self) -> usize {
        self.count(|verdict| !matches!(verdict, Verdict::Skipped | Verdict::Unknown))
    }

    fn count(&self, wanted: impl Fn(Verdict) -> bool) -> usize {
        self.checks.iter().filter(|check| wanted(check.verdict)).count()
    }
}

/// What one check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// The check's id.
    pub id: &'static str,
    /// The check's title.
    pub title: &'static str,
    /// What the check belongs to.
    pub category: Category,
    /// What follows from it.
    pub verdict: Verdict,
    /// Why: what was seen, what could not be seen, or why it does not apply.
    pub reason: String,
    /// What stands in the way, the gravest first.
    pub findings: Vec<DatedFinding>,
}

/// A finding, and the day from which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedFinding {
    /// The finding.
    pub finding: Finding,
    /// The planned day, when it does not hold today but will then.
    pub holds_on: Option<Date>,
}

/// What a target is judged against, and when.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// What is known of releases.
    pub catalog: &'a Catalog,
    /// The operator's limits.
    pub policy: &'a Policy,
    /// Now.
    pub now: Timestamp,
    /// What is planned.
    pub plan: &'a Plan,
}

impl Judge<'_> {
    /// The case as it stands today.
    #[must_use]
    pub fn case<'c>(&'c self, facts: &'c Snapshot, target: &'c Target) -> Case<'c> {
        Case { facts, target, catalog: self.catalog, policy: self.policy, plan: self.plan, now: self.now }
    }

    /// Judges one target today and, when an upgrade is planned, on that day; the graver answer counts.
    #[must_use]
    pub fn judge(&self, facts: &Snapshot, target: &Target) -> Report {
        let planned_for = self.plan.day.filter(|day| *day > TimeZone::UTC.to_datetime(self.now).date());
        let evaluate =
            |check: &Check, now: Timestamp| evaluate(check, &Case { now, ..self.case(facts, target) });
        let checks: Vec<CheckReport> = rules::ALL
            .iter()
            .map(|check| {
                let today = evaluate(check, self.now);
                match planned_for {
                    Some(day) => later(today, evaluate(check, end_of_day(day)), day),
                    None => today,
                }
            })
            .collect();
        Report {
            requested: target.requested.clone(),
            version: target.version.clone(),
            verdict: Verdict::roll_up(checks.iter().map(|check| check.verdict)),
            judged_at: self.now,
            planned_for,
            checks,
        }
    }
}

impl Judge<'_> {
    /// The first day on which the target will be blocked if nobody acts; `None` when it is blocked today
    /// already, or when nothing is known that will block within [`HORIZON_DAYS`].
    ///
    /// The same rules are asked at later days with the facts of today. What time alone blocks, it keeps
    /// blocked, so that the day can be found by halving.
    #[must_use]
    pub fn blocks_on(&self, facts: &Snapshot, target: &Target) -> Option<Date> {
        let today = TimeZone::UTC.to_datetime(self.now).date();
        let blocked_at = |check: &Check, now: Timestamp| {
            evaluate(check, &Case { now, ..self.case(facts, target) }).verdict == Verdict::Blocked
        };
        let blocked_in = |check: &Check, days: i32| {
            let then = today.checked_add(days.days()).ok().map(end_of_day);
            then.is_some_and(|then| blocked_at(check, then))
        };
        if rules::ALL.iter().any(|check| blocked_at(check, self.now)) {
            return None;
        }
        let first = rules::ALL.iter().filter(|check| blocked_in(check, HORIZON_DAYS)).map(|check| {
            let (mut free, mut blocked) = (0, HORIZON_DAYS);
            while blocked - free > 1 {
                let middle = free.midpoint(blocked);
                if blocked_in(check, middle) { blocked = middle } else { free = middle }
            }
            blocked
        });
        today.checked_add(first.min()?.days()).ok()
    }
}

/// The evening of a day: what ends that day has not ended yet, what ended before has.
///
/// The last days there are have no evening that can be told; the last moment there is stands for it.
fn end_of_day(day: Date) -> Timestamp {
    day.at(23, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

fn evaluate(check: &Check, case: &Case<'_>) -> CheckReport {
    let outcome = if check.products.include(case.facts.product) {
        // A defect of one rule must not end the daemon, nor keep the others from speaking. Rules have no state
        // that could be left half-changed.
        match catch_unwind(AssertUnwindSafe(|| (check.evaluate)(case))) {
            Ok(outcome) => outcome,
            Err(_panic) => Err(Undecided::Missing(Missing::Broken { check: check.id })),
        }
    } else {
        Err(Undecided::DoesNotApply(format!("not a question for {}", case.facts.product)))
    };
    let (verdict, reason, mut findings) = match outcome {
        Ok(Judgement { evidence, findings }) => (Verdict::of_findings(&findings), evidence, findings),
        Err(Undecided::Missing(missing)) => (Verdict::Unknown, missing.to_string(), Vec::new()),
        Err(Undecided::DoesNotApply(reason)) => (Verdict::Skipped, reason, Vec::new()),
        Err(Undecided::Partly { found, missing }) => partly(found, &missing),
    };
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.subject.cmp(&b.subject)));
    CheckReport {
        id: check.id,
        title: check.title,
        category: check.category,
        verdict,
        reason,
        findings: findings.into_iter().map(|finding| DatedFinding { finding, holds_on: None }).collect(),
    }
}

/// A blocker blocks whatever else could not be seen; without one, not having seen it all is unknown.
fn partly(found: Vec<Finding>, missing: &Missing) -> (Verdict, String, Vec<Finding>) {
    let verdict = match Verdict::of_findings(&found) {
        Verdict::Blocked => Verdict::Blocked,
        Verdict::Skipped | Verdict::Ready | Verdict::Warning | Verdict::Unknown => Verdict::Unknown,
    };
    (verdict, format!("could not look at everything: {missing}"), found)
}

/// Joins today's answer with that of the planned day.
fn later(today: CheckReport, then: CheckReport, day: Date) -> CheckReport {
    let key = |dated: &DatedFinding| (dated.finding.subject.clone(), dated.finding.severity);
    let known: Vec<(String, Severity)> = today.findings.iter().map(key).collect();
    let new: Vec<DatedFinding> =
        then.findings.into_iter().filter(|dated| !known.contains(&key(dated))).collect();
    // "Ends in 45 days" says nothing beside "will have ended".
    let outdone = |dated: &DatedFinding| {
        let Finding { subject, severity, .. } = &dated.finding;
        new.iter().any(|later| later.finding.subject == *subject && later.finding.severity > *severity)
    };
    let mut findings: Vec<DatedFinding> =
        today.findings.into_iter().filter(|dated| !outdone(dated)).collect();
    findings.extend(new.into_iter().map(|dated| DatedFinding { holds_on: Some(day), ..dated }));
    findings.sort_by(|a, b| {
        b.finding.severity.cmp(&a.finding.severity).then_with(|| a.finding.subject.cmp(&b.finding.subject))
    });
    let graver = then.verdict > today.verdict;
    CheckReport {
        verdict: today.verdict.max(then.verdict),
        reason: if graver { format!("on {day}: {}", then.reason) } else { today.reason },
        findings,
        ..today
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::facts::{LicenseText, Reading, Until};
    use crate::golden::{Golden, golden};
    use crate::model::{People, Products, Severity};

    fn judge(golden: &Golden, upgrade_on: Option<Date>) -> Judge<'_> {
        let plan = Box::leak(Box::new(Plan { day: upgrade_on, ..Plan::default() }));
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan, now: golden.now }
    }

    fn with_license_until(day: Date) -> Golden {
        let mut golden = golden();
        if let Reading::Learned(learned) = &mut golden.facts.license
            && let LicenseText::Terms(terms) = &mut learned.facts.text
        {
            terms.expires = Until::Day(day);
            terms.maintenance_ends = Until::Day(day);
        }
        golden
    }

    #[test]
    fn the_planned_day_is_judged_beside_today_and_the_graver_counts() {
        let golden = with_license_until(date(2026, 2, 10));
        let license = |upgrade_on| {
            let report = judge(&golden, upgrade_on).judge(&golden.facts, &golden.target);
            let check = report.checks.into_iter().find(|check| check.id == "license-valid").unwrap();
            (check.verdict, check.findings.first().and_then(|found| found.holds_on), report.planned_for)
        };
        assert_eq!(license(None), (Verdict::Ready, None, None));
        assert_eq!(
            license(Some(date(2026, 2, 14))),
            (Verdict::Blocked, Some(date(2026, 2, 14)), Some(date(2026, 2, 14)))
        );
        let soon = with_license_until(date(2025, 12, 24));
        let report = judge(&soon, Some(date(2026, 1, 10))).judge(&soon.facts, &soon.target);
        let check = report.checks.iter().find(|check| check.id == "license-valid").unwrap();
        let expiry = check.findings.iter().filter(|found| found.finding.subject == "expiry");
        assert_eq!(expiry.count(), 1, "the graver word of the planned day stands alone: {check:?}");
        assert_eq!(license(Some(date(2025, 1, 1))), (Verdict::Ready, None, None), "a day that has passed");
        assert_eq!(license(Some(date(2025, 12, 1))), (Verdict::Ready, None, None), "today is judged anyway");
    }

    #[test]
    fn the_day_on_which_it_will_be_blocked_is_right_to_the_day() {
        for (ends, expected) in [
            (date(2026, 2, 10), Some(date(2026, 2, 11))),
            (date(2025, 12, 1), Some(date(2025, 12, 2))),
            (date(2026, 11, 30), Some(date(2026, 12, 1))),
            (date(2026, 12, 1), None),
            (date(2025, 11, 30), None),
        ] {
            let mut golden = with_license_until(ends);
            // Backups are made anew meanwhile.
            golden.policy.backup_max_age_days = 10_000;
            golden.policy.backup_installation_max_age_days = 10_000;
            let found = judge(&golden, None).blocks_on(&golden.facts, &golden.target);
            assert_eq!(found, expected, "the licence ends on {ends}");
        }
    }

    #[test]
    fn the_same_facts_give_the_same_report() {
        let golden = golden();
        let planned = Some(date(2026, 6, 1));
        let report = || judge(&golden, planned).judge(&golden.facts, &golden.target);
        assert_eq!(report(), report());
        assert_eq!(report().planned(), report().decided());
    }

    #[test]
    fn what_could_only_partly_be_seen_is_unknown_unless_it_blocks() {
        let missing = Missing::Off { of: crate::facts::Source::Disk };
        let finding = |severity| Finding {
            severity,
            subject: "x".into(),
            summary: String::new(),
            observed: String::new(),
            required: String::new(),
            remedy: String::new(),
        };
        assert_eq!(partly(vec![finding(Severity::Blocker)], &missing).0, Verdict::Blocked);
        assert_eq!(partly(vec![finding(Severity::Warning)], &missing).0, Verdict::Unknown);
        assert_eq!(partly(Vec::new(), &missing).0, Verdict::Unknown);
    }

    #[test]
    fn a_rule_that_breaks_is_unknown_and_does_not_break_the_report() {
        let golden = golden();
        let check = Check {
            id: "broken",
            title: "Broken",
            category: Category::Platform,
            products: Products::All,
            reads: &[],
            people: People::MayWaive,
            explain: "",
            evaluate: |_| panic!("a defect"),
        };
        let report = evaluate(&check, &golden.case());
        assert_eq!(report.verdict, Verdict::Unknown);
        assert!(report.reason.contains("broken"), "{}", report.reason);
    }

    #[test]
    fn the_last_day_there_is_is_judged_as_well() {
        let golden = golden();
        let case = golden.case();
        let plan = Plan { day: Some(Date::MAX), ..Plan::default() };
        let judge = Judge { catalog: case.catalog, policy: case.policy, plan: &plan, now: case.now };
        let report = judge.judge(case.facts, case.target);
        assert_eq!(report.planned_for, Some(Date::MAX));
        let license = report.checks.iter().find(|check| check.id == "license-valid").unwrap();
        assert_ne!(
            license.verdict,
            Verdict::Ready,
            "a licence that ends before then is not ready: {license:?}"
        );
    }
}
