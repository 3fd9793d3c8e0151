//! All rules on one target: the report. People's words are applied here, and rules are asked about later days.

mod databases;
mod look_ahead;
mod words;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalog::Catalog;
use crate::facts::{Missing, Snapshot};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, Plan, Policy, Requested, Severity, Target, Undecided,
    Verdict,
};
use crate::projection::Projection;
use crate::rules;
use crate::version::ProductVersion;

pub use look_ahead::{Blocks, HORIZON_DAYS};
pub use words::{Heard, Outcome, Remark, Word, WordId, WordKind, first_end, remarks};

use databases::Others;
use words::Words;

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
    /// What became of the words people gave about this target.
    pub heard: Heard,
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

    /// Findings that do not count because of a person's word.
    #[must_use]
    pub fn waived(&self) -> usize {
        self.checks.iter().flat_map(|check| &check.findings).filter(|dated| !dated.counts()).count()
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
    /// Who stands in for what the agent itself could not see; `None` when nobody had to.
    pub word: Option<Word>,
    /// Everything was seen, or somebody stands in for what was not. A blocked check may have seen only a part: what is
    /// not among its findings then need not be over.
    pub saw_all: bool,
}

/// A finding, the day from which it holds, and what people said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedFinding {
    /// The finding.
    pub finding: Finding,
    /// The planned day, when it does not hold today but will then.
    pub holds_on: Option<Date>,
    /// The word that settles it: it stays visible and does not count.
    pub word: Option<Word>,
    /// What became of a word that does not settle it any more: "the waiver of … ended on …".
    pub lapsed: Option<String>,
}

impl DatedFinding {
    /// Whether it counts for the verdict: nobody's word settles it.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.word.is_none()
    }

    /// How much it matters, `None` when somebody's word settles it; a greater one outdoes a smaller one.
    fn weight(&self) -> Option<Severity> {
        self.counts().then_some(self.finding.severity)
    }
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
    ///
    /// Whoever judges several targets of the same facts does it in one [`Judge::sitting`].
    #[must_use]
    pub fn judge(&self, facts: &Snapshot, target: &Target) -> Report {
        self.sitting(facts).judge(target)
    }

    /// The first day on which the target will be blocked; see [`Sitting::blocks_on`].
    #[must_use]
    pub fn blocks_on(&self, facts: &Snapshot, target: &Target) -> Option<Blocks> {
        self.sitting(facts).blocks_on(target)
    }
}

impl<'a> Judge<'a> {
    /// Prepares to judge several targets of the same facts.
    #[must_use]
    pub fn sitting(self, facts: &'a Snapshot) -> Sitting<'a> {
        let (words, projection) = (Words::of(&facts.memory), Projection::of(facts));
        Sitting { judge: self, facts, words, projection, answers: Answers::default(), ahead: false }
    }

    /// The same for a judge whose `now` is a later day than that of the facts: judged are the facts as they will be.
    #[must_use]
    pub fn sitting_ahead(self, facts: &'a Snapshot) -> Sitting<'a> {
        Sitting { ahead: true, ..self.sitting(facts) }
    }
}

/// The facts of one instance before a judge, with the words people gave and the facts of later days.
#[derive(Debug)]
pub struct Sitting<'a> {
    judge: Judge<'a>,
    facts: &'a Snapshot,
    words: Words<'a>,
    projection: Projection<'a>,
    answers: Answers,
    /// Whether "now" is a day the facts are projected to.
    ahead: bool,
}

impl Sitting<'_> {
    /// Judges one target today and, when an upgrade is planned, on that day; the graver answer counts.
    ///
    /// The planned day is judged with the facts as they will be then if everything goes on as it did.
    #[must_use]
    pub fn judge(&mut self, target: &Target) -> Report {
        let Self { judge, facts, words, projection, answers, ahead } = self;
        let now = judge.now;
        let mut heard = Heard::new();
        let case = judge.case(if *ahead { projection.at(now) } else { facts }, target);
        let mut checks: Vec<CheckReport> =
            rules::ALL.iter().map(|check| evaluate(check, &case, words, answers, &mut heard)).collect();
        let planned_for = judge.plan.day.filter(|day| *day > TimeZone::UTC.to_datetime(now).date());
        if let Some(day) = planned_for {
            let evening = end_of_day(day);
            let case = Case { now: evening, ..judge.case(projection.at(evening), target) };
            let mut then = Heard::new();
            let at_that_day =
                |(check, today)| later(today, evaluate(check, &case, words, answers, &mut then), day);
            checks = rules::ALL.iter().copied().zip(checks).map(at_that_day).collect();
            for (id, outcome) in then {
                if outcome == Outcome::Holds {
                    heard.entry(id).or_insert(Outcome::HoldsThen);
                }
            }
        }
        Report {
            requested: target.requested.clone(),
            version: target.version.clone(),
            verdict: Verdict::roll_up(checks.iter().map(|check| check.verdict)),
            judged_at: now,
            planned_for,
            checks,
            heard,
        }
    }
}

/// The evening of a day: what ends that day has not ended yet, what ended before has.
///
/// The last days there are have no evening that can be told; the last moment there is stands for it.
fn end_of_day(day: Date) -> Timestamp {
    day.at(23, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// What a rule gave.
type Answer = Result<Judgement, Undecided>;

/// What a rule says of a case.
fn ask(check: &Check, case: &Case<'_>) -> Answer {
    if !check.products.include(case.facts.product) {
        return Err(Undecided::DoesNotApply(format!("not a question for {}", case.facts.product)));
    }
    // A defect of one rule must not end the daemon, nor keep the others from speaking. Rules have no state
    // that could be left half-changed.
    match catch_unwind(AssertUnwindSafe(|| (check.evaluate)(case))) {
        Ok(outcome) => outcome,
        Err(_panic) => Err(Undecided::Missing(Missing::Broken { check: check.id })),
    }
}

/// Answers about the instance itself, by check and moment: they are the same for every target of a sitting.
#[derive(Debug, Default)]
struct Answers {
    of_instance: BTreeMap<(&'static str, Timestamp), Answer>,
    databases: Others,
}

impl Answers {
    /// What a rule says of a case; a rule about the instance is asked once for each moment.
    fn of(&mut self, check: &Check, case: &Case<'_>) -> Answer {
        let Self { of_instance, databases } = self;
        match check.about {
            About::Target => databases.ask(check, case),
            About::Instance => {
                of_instance.entry((check.id, case.now)).or_insert_with(|| databases.ask(check, case)).clone()
            }
        }
    }
}

/// What a check says, with people's words applied.
fn evaluate(
    check: &Check,
    case: &Case<'_>,
    words: &Words<'_>,
    answers: &mut Answers,
    heard: &mut Heard,
) -> CheckReport {
    let outcome = answers.of(check, case);
    let mut report = CheckReport {
        id: check.id,
        title: check.title,
        category: check.category,
        verdict: Verdict::Skipped,
        reason: String::new(),
        findings: Vec::new(),
        word: None,
        saw_all: true,
    };
    let (found, missing) = match outcome {
        Ok(Judgement { evidence, findings }) => {
            report.reason = evidence;
            (findings, None)
        }
        Err(Undecided::Missing(missing)) => {
            report.reason = missing.to_string();
            (Vec::new(), Some(missing))
        }
        Err(Undecided::Partly { found, missing }) => {
            report.reason = format!("could not look at everything: {missing}");
            (found, Some(missing))
        }
        Err(Undecided::DoesNotApply(reason)) => return CheckReport { reason, ..report },
    };
    report.findings =
        found.into_iter().map(|finding| words.on_finding(check, case, finding, heard)).collect();
    sort(&mut report.findings);
    report.verdict = verdict_of(&report.findings);
    let Some(missing) = missing else { return report };
    match words.on_missing(check, case, &missing, heard) {
        Ok(word) => {
            let Word { by, reason, until, .. } = &word;
            report.reason = format!(
                "signed off by {by} until {until}: {reason}; the agent itself could not see it: {missing}"
            );
            report.word = Some(word);
        }
        Err(lapsed) => {
            report.saw_all = false;
            // A blocker blocks whatever else could not be seen; without one, not having seen it all is unknown.
            report.verdict = match report.verdict {
                Verdict::Blocked => Verdict::Blocked,
                Verdict::Skipped | Verdict::Ready | Verdict::Warning | Verdict::Unknown => Verdict::Unknown,
            };
            if let Some(lapsed) = lapsed {
                report.reason = format!("{}; {lapsed}", report.reason);
            }
        }
    }
    report
}

/// What findings amount to; those somebody's word settles do not count.
fn verdict_of(findings: &[DatedFinding]) -> Verdict {
    match findings.iter().filter_map(DatedFinding::weight).max() {
        Some(Severity::Blocker) => Verdict::Blocked,
        Some(Severity::Warning) => Verdict::Warning,
        Some(Severity::Notice) | None => Verdict::Ready,
    }
}

/// The gravest first; what does not count stands behind what does.
fn sort(findings: &mut [DatedFinding]) {
    findings.sort_by(|a, b| {
        b.weight()
            .cmp(&a.weight())
            .then_with(|| b.finding.severity.cmp(&a.finding.severity))
            .then_with(|| a.finding.subject.cmp(&b.finding.subject))
    });
}

/// Joins today's answer with that of the planned day.
fn later(today: CheckReport, then: CheckReport, day: Date) -> CheckReport {
    // "Ends in 45 days" says nothing beside "will have ended", nor does a waiver that will have ended by then.
    let outdone = |dated: &DatedFinding, by: &[DatedFinding], or_equal: bool| {
        by.iter()
            .filter(|other| other.finding.subject == dated.finding.subject)
            .any(|other| other.weight() > dated.weight() || or_equal && other.weight() == dated.weight())
    };
    let new: Vec<DatedFinding> =
        then.findings.into_iter().filter(|dated| !outdone(dated, &today.findings, true)).collect();
    let mut findings: Vec<DatedFinding> =
        today.findings.into_iter().filter(|dated| !outdone(dated, &new, false)).collect();
    findings.extend(new.into_iter().map(|dated| DatedFinding { holds_on: Some(day), ..dated }));
    sort(&mut findings);
    let graver = then.verdict > today.verdict;
    CheckReport {
        saw_all: today.saw_all && then.saw_all,
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
    use crate::model::{People, Products};

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
            assert_eq!(found.map(|blocks| blocks.day), expected, "the licence ends on {ends}");
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
    fn a_rule_that_breaks_is_unknown_and_does_not_break_the_report() {
        let golden = golden();
        let check = Check {
            id: "broken",
            title: "Broken",
            category: Category::Platform,
            products: Products::All,
            reads: &[],
            people: People::MayWaive,
            about: crate::model::About::Target,
            explain: "",
            evaluate: |_| panic!("a defect"),
        };
        let report = evaluate(
            &check,
            &golden.case(),
            &Words::of(&golden.facts.memory),
            &mut Answers::default(),
            &mut Heard::new(),
        );
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
