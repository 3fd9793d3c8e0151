//! May anything be changed at the planned time?

use jiff::{Span, Timestamp};

use super::clock::{local, offset, zone_name};
use super::wording::counted;
use crate::model::{
    About, Case, Category, Check, Finding, Freeze, Judgement, People, Plan, Products, Severity, Undecided,
};

pub(super) static CHECK: Check = Check {
    id: "freeze",
    title: "No change freeze at the planned time",
    category: Category::Preparation,
    products: Products::All,
    reads: &[],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The planned day and hour of the upgrade beside the `[[freeze]]` tables of the configuration.

## Why it matters

In a freeze nobody may change anything, and those who would help are not there. It is found out late when an upgrade is \
planned by one person and the freeze by another.

## How to fix it

Plan another day (`upgrade_on`, `upgrade_at` of the instance), or have the freeze lifted for this upgrade and waive the \
finding with the name of who allowed it.

## What it needs

Nothing: both stand in the configuration. A freeze that is not written there is not known.

## Settings

`[[freeze]]` with `name`, `from`, `until`; `upgrade_on`, `upgrade_at`, `downtime` and `time_zone` of the instance.
";

/// The time in which the upgrade is to happen.
struct Planned {
    from: Timestamp,
    until: Timestamp,
    /// The hour is known, and not only the day.
    hour: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "a rule may be undecided; this one never is")]
fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let plan = case.plan;
    if plan.freezes.is_empty() {
        return Ok(Judgement::ready("no freeze is configured"));
    }
    let mut found: Vec<Finding> = Vec::new();
    let evidence = if let Some(planned) = planned(case) {
        found.extend(plan.freezes.iter().filter_map(|freeze| conflict(plan, freeze, &planned)));
        let what = if planned.hour { "hour" } else { "day" };
        format!("the planned {what} beside {} configured", counted(plan.freezes.len() as u64, "freeze"))
    } else {
        let now = plan.freezes.iter().filter(|freeze| (freeze.from..freeze.until).contains(&case.now));
        found.extend(now.map(|freeze| holds_now(plan, freeze)));
        "no upgrade is planned that a freeze could be in the way of".to_owned()
    };
    // Freezes of the same name, such as those of several years, are one finding, as grave as the gravest.
    found.sort_by(|a, b| a.subject.cmp(&b.subject).then(b.severity.cmp(&a.severity)));
    found.dedup_by(|later, first| later.subject == first.subject);
    Ok(Judgement::new(evidence, found))
}

/// When the upgrade is to happen; `None` when it is not planned, or was.
fn planned(case: &Case<'_>) -> Option<Planned> {
    let plan = case.plan;
    let day = plan.day.filter(|day| case.today() <= *day)?;
    if let Some(from) = plan.starts_at {
        let until = plan.downtime.and_then(|downtime| from.checked_add(downtime).ok()).unwrap_or(from);
        return Some(Planned { from, until, hour: true });
    }
    let start = |day: jiff::civil::Date| {
        offset(plan).to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()
    };
    Some(Planned {
        from: start(day)?,
        until: start(day.checked_add(Span::new().days(1)).ok()?)?,
        hour: false,
    })
}

fn conflict(plan: &Plan, freeze: &Freeze, planned: &Planned) -> Option<Finding> {
    let begins_before_it_ends = planned.from < freeze.until;
    let ends_after_it_begins = planned.until > freeze.from || (planned.hour && planned.from >= freeze.from);
    if !(begins_before_it_ends && ends_after_it_begins) {
        return None;
    }
    let covered = freeze.from <= planned.from && planned.until <= freeze.until;
    let (severity, summary) = if planned.hour || covered {
        (Severity::Blocker, format!("The planned time lies in the freeze \"{}\"", freeze.name))
    } else {
        (Severity::Warning, format!("Part of the planned day lies in the freeze \"{}\"", freeze.name))
    };
    let observed = if planned.hour {
        format!("planned from {} to {}", local(planned.from, plan), local(planned.until, plan))
    } else {
        format!(
            "planned for {}, at an hour that is not set",
            plan.day.map_or_else(String::new, |day| day.to_string())
        )
    };
    Some(Finding {
        severity,
        subject: freeze.name.clone(),
        summary,
        observed,
        required: format!("a time outside {}", span(plan, freeze)),
        remedy: "Plan another time (upgrade_on, upgrade_at of the instance), or have the freeze lifted for this upgrade \
                 and waive this finding with the name of who allowed it."
            .to_owned(),
    })
}

fn holds_now(plan: &Plan, freeze: &Freeze) -> Finding {
    Finding {
        severity: Severity::Notice,
        subject: freeze.name.clone(),
        summary: format!("The freeze \"{}\" holds now", freeze.name),
        observed: span(plan, freeze),
        required: "no upgrade before it ends".to_owned(),
        remedy: format!(
            "Plan the upgrade for a time after {} (upgrade_on of the instance).",
            local(freeze.until, plan)
        ),
    }
}

fn span(plan: &Plan, freeze: &Freeze) -> String {
    format!("{} to {} ({})", local(freeze.from, plan), local(freeze.until, plan), zone_name(plan))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Warning};
    use crate::rules::testing::{Row, judges, look};

    const CLOSING: &str = "closing";

    /// The golden upgrade, planned for 6 December 2025 20:00 to 24:00 UTC, with a freeze.
    fn frozen(from: &str, until: &str) -> Golden {
        let mut golden = golden();
        golden.plan.freezes.push(Freeze {
            name: CLOSING.into(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
        });
        golden
    }

    fn with(mut golden: Golden, change: impl FnOnce(&mut Plan)) -> Golden {
        change(&mut golden.plan);
        golden
    }

    #[test]
    fn the_planned_hour_must_be_free() {
        const B: (Severity, &str) = (Severity::Blocker, CLOSING);
        let rows: Vec<Row> = vec![
            (golden(), Ready, &[]),
            (frozen("2025-12-06T00:00:00Z", "2025-12-07T00:00:00Z"), Blocked, &[B]),
            (frozen("2025-12-06T20:00:00Z", "2025-12-06T20:00:01Z"), Blocked, &[B]),
            (frozen("2025-12-06T23:59:59Z", "2025-12-08T00:00:00Z"), Blocked, &[B]),
            (frozen("2025-12-07T00:00:00Z", "2025-12-08T00:00:00Z"), Ready, &[]),
            (frozen("2025-12-01T00:00:00Z", "2025-12-06T20:00:00Z"), Ready, &[]),
            (
                with(frozen("2025-12-06T20:00:00Z", "2025-12-06T21:00:00Z"), |plan| plan.downtime = None),
                Blocked,
                &[B],
            ),
            (
                with(frozen("2025-12-06T21:00:00Z", "2025-12-06T22:00:00Z"), |plan| plan.downtime = None),
                Ready,
                &[],
            ),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn without_an_hour_the_whole_day_counts_in_the_operators_zone() {
        const B: (Severity, &str) = (Severity::Blocker, CLOSING);
        const W: (Severity, &str) = (Severity::Warning, CLOSING);
        let day = |golden: Golden| {
            with(golden, |plan| {
                plan.starts_at = None;
                plan.utc_offset_seconds = 3600;
            })
        };
        let rows: Vec<Row> = vec![
            (day(frozen("2025-12-05T23:00:00Z", "2025-12-06T23:00:00Z")), Blocked, &[B]),
            (day(frozen("2025-12-06T00:00:00Z", "2025-12-06T23:00:00Z")), Warning, &[W]),
            (day(frozen("2025-12-06T22:59:00Z", "2025-12-09T23:00:00Z")), Warning, &[W]),
            (day(frozen("2025-12-06T23:00:00Z", "2025-12-09T23:00:00Z")), Ready, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn without_a_plan_a_freeze_is_only_worth_knowing() {
        const N: (Severity, &str) = (Severity::Notice, CLOSING);
        let unplanned = |golden: Golden| with(golden, |plan| (plan.day, plan.starts_at) = (None, None));
        let now = || frozen("2025-11-30T00:00:00Z", "2025-12-08T00:00:00Z");
        let passed = with(now(), |plan| {
            plan.day = Some(date(2025, 11, 30));
            plan.starts_at = plan.starts_at.map(|start| start - SignedDuration::from_hours(6 * 24));
        });
        let rows: Vec<Row> = vec![
            (unplanned(now()), Ready, &[N]),
            (unplanned(frozen("2025-12-06T00:00:00Z", "2025-12-08T00:00:00Z")), Ready, &[]),
            (unplanned(golden()), Ready, &[]),
            (passed, Ready, &[N]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn times_are_those_of_the_operator_and_a_name_is_found_once() {
        let golden = with(frozen("2025-12-05T23:00:00Z", "2025-12-07T23:00:00Z"), |plan| {
            plan.utc_offset_seconds = 3600;
            let again = plan.freezes[0].clone();
            plan.freezes.push(again);
        });
        let seen = look(&CHECK, &golden);
        assert_eq!(
            seen.findings[0].required,
            "a time outside 2025-12-06 00:00 to 2025-12-08 00:00 (UTC+01:00)"
        );
        assert_eq!(seen.findings[0].observed, "planned from 2025-12-06 21:00 to 2025-12-07 01:00");
        assert_eq!(look(&CHECK, &crate::golden::golden()).reason, "no freeze is configured");
    }
}
