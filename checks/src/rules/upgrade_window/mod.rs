//! Is the planned time a quiet one, and long enough?

mod downtime;
mod quiet;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use self::downtime::estimate;
use self::quiet::{Week, Window};
use super::clock::{local, offset, span, zone_name};
use super::vocabulary::Vocabulary;
use super::wording::{excerpt, sign_off};
use crate::facts::{Missing, Source, Traffic};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "upgrade-window",
    title: "A quiet time that is long enough",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Traffic, Source::Disk, Source::Database],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Requests per hour of the week, from the access logs of the last weeks, beside the planned day, hour and downtime; and how \
long the upgrade will take, estimated from the sizes of installation, home and database: `downtime_base_minutes`, and \
the time to pack installation and home and to dump and change the database at the rates of the policy.

## Why it matters

An upgrade in a busy hour throws people out of their work, and one that takes longer than announced does so the next \
morning. The vendor says to schedule it outside the hours in which people need the instance.

## How to fix it

Plan one of the quiet times the finding proposes (`upgrade_on`, `upgrade_at`), or announce a longer downtime (`downtime`). \
When the time is wanted as it is, sign the finding off.

## What it needs

A planned day, access logs of two weeks that the agent may read (`[instance.traffic]`), and the sizes of the directories \
and of the database. Hours of days without a log count as unknown, never as quiet.

## Settings

`upgrade_on`, `upgrade_at`, `downtime`, `time_zone` of the instance. `quiet_hour_percent_of_peak`: an hour is quiet while \
it has at most this share of the requests of the busiest hour. `traffic_weeks_minimum`: weeks in which an hour must have \
been seen. `downtime_base_minutes`, `downtime_backup_mib_per_second`, `downtime_database_mib_per_second`: put in what a \
rehearsal took. `disk_home_copies = 0` leaves the home out.
";

const BUSY: &str = "busy";
const DOWNTIME: &str = "downtime";

/// Quiet times that are proposed.
const PROPOSED: usize = 3;

/// When more than one in so many lines is no request, the form of the log is not understood.
const STRANGE_LINES: u64 = 10;

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let plan = case.plan;
    let Some(day) = plan.day else {
        return Err(Undecided::DoesNotApply(format!(
            "no upgrade is planned (upgrade_on of the instance){}",
            proposals_without_plan(case)
        )));
    };
    if case.today() > day {
        return Err(Undecided::DoesNotApply(format!(
            "the planned day, {day}, has passed; set upgrade_on anew"
        )));
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let estimate = match estimate(case) {
        Ok(estimate) => {
            found.extend(plan.downtime.filter(|planned| *planned < estimate.total).map(|planned| Finding {
                severity: Severity::Warning,
                subject: DOWNTIME.to_owned(),
                summary: format!("The upgrade will take about {}, longer than the planned downtime", span(estimate.total)),
                observed: estimate.story.clone(),
                required: format!("at most {}, as planned", span(planned)),
                remedy: format!(
                    "Plan a longer downtime, or take work out of it: {}. When a rehearsal was faster, put its rates into \
                     the policy.",
                    Vocabulary::of(case.facts.product).less_work
                ),
            }));
            Some(estimate.total)
        }
        Err(reason) => {
            missing.push(reason);
            None
        }
    };
    let Some(length) = plan.downtime.or(estimate) else {
        // How long a quiet time must be is not known without either.
        return conclude("", found, missing);
    };
    let mut evidence = String::new();
    match judge_hour(case, length) {
        Ok((seen, finding)) => {
            found.extend(finding);
            evidence = seen;
        }
        Err(reason) => missing.push(reason),
    }
    let takes =
        estimate.map_or_else(String::new, |total| format!(", for an upgrade of about {}", span(total)));
    conclude(format!("{evidence}{takes}"), found, missing)
}

/// Whether people would notice; with what was seen.
fn judge_hour(case: &Case<'_>, length: SignedDuration) -> Result<(String, Option<Finding>), Missing> {
    let plan = case.plan;
    let traffic = case.facts.traffic()?;
    let week = week(case, traffic)?;
    let window = match plan.starts_at {
        Some(start) => week.window_at(start, length),
        None => week.quietest_of_day(case, length),
    };
    let Some(window) = window else {
        return Err(unseen(format!(
            "the planned hours were not seen in {} weeks of logs; look at [instance.traffic] logs and days",
            case.policy.traffic_weeks_minimum
        )));
    };
    let when = match plan.starts_at {
        Some(start) => {
            format!("{} to {} ({})", local(start, plan), local(start + length, plan), zone_name(plan))
        }
        None => format!("the quietest time of the planned day, {}", window.name(plan)),
    };
    let seen = format!("{when}: {}; the busiest hour of the week has {}", window.load(), week.peak_load());
    let limit = week.peak.saturating_mul(case.policy.quiet_hour_percent_of_peak.into()) / 100;
    if window.busiest <= limit {
        return Ok((seen, None));
    }
    let quietest = week.quietest(length, PROPOSED);
    let best = quietest.first().map_or(0, |window| window.busiest);
    // Somebody who already has nearly the quietest time there is can only know it.
    let no_better = window.busiest <= best.saturating_add(best / 4);
    let proposals: Vec<String> =
        quietest.iter().map(|window| format!("{} ({})", window.name(plan), window.load())).collect();
    let finding = Finding {
        severity: if no_better { Severity::Notice } else { Severity::Warning },
        subject: BUSY.to_owned(),
        summary: if no_better {
            "People use the instance at the planned time, as they do at every other".to_owned()
        } else {
            "People use the instance at the planned time".to_owned()
        },
        observed: seen.clone(),
        required: format!("at most {} % of the busiest hour", case.policy.quiet_hour_percent_of_peak),
        remedy: format!(
            "Plan one of the quiet times ({}): {}. If the time is wanted as it is: {}.",
            zone_name(plan),
            proposals.join("; "),
            sign_off(case, CHECK.id, BUSY)
        ),
    };
    Ok((seen, Some(finding)))
}

/// The week as the logs show it, when they show all of it that they should.
fn week<'a>(case: &Case<'_>, traffic: &'a Traffic) -> Result<Week<'a>, Missing> {
    if let Some(why) = &traffic.unread {
        return Err(unseen(format!("some logs could not be read: {}", excerpt(why))));
    }
    if traffic.requests.saturating_add(traffic.ignored) == 0 {
        return Err(unseen(format!(
            "there is no access log in {}; name those of the proxy in [instance.traffic] logs",
            traffic.places.join(", ")
        )));
    }
    if traffic.strange_lines > traffic.requests.saturating_add(traffic.ignored) / STRANGE_LINES {
        return Err(unseen(format!(
            "{} of {} lines are no requests in a known form; their time must be in the common log format or ISO 8601",
            traffic.strange_lines,
            traffic.strange_lines.saturating_add(traffic.requests).saturating_add(traffic.ignored)
        )));
    }
    Week::new(traffic, case.policy.traffic_weeks_minimum).ok_or_else(|| {
        unseen(format!(
            "the logs do not cover any hour of the week {} times; keep them longer, or wait",
            case.policy.traffic_weeks_minimum
        ))
    })
}

fn unseen(why: String) -> Missing {
    Missing::Unread { of: Source::Traffic, what: "how busy the planned time is".to_owned(), why }
}

/// What to plan, for those who have not planned yet; nothing when it is not known.
fn proposals_without_plan(case: &Case<'_>) -> String {
    let length = case.plan.downtime.or_else(|| estimate(case).ok().map(|estimate| estimate.total));
    let (Some(length), Ok(traffic)) = (length, case.facts.traffic()) else { return String::new() };
    let Ok(week) = week(case, traffic) else { return String::new() };
    let names: Vec<String> =
        week.quietest(length, PROPOSED).iter().map(|window| window.name(case.plan)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!("; quiet times of {} ({}): {}", span(length), zone_name(case.plan), names.join("; "))
}

impl Week<'_> {
    /// The hours an upgrade takes that starts at a moment.
    fn window_at(&self, start: Timestamp, length: SignedDuration) -> Option<Window> {
        let minute = start.as_second().div_euclid(60);
        let minutes = length.as_secs().max(0).saturating_add(59) / 60;
        let first = minute.div_euclid(60);
        let last = minute.saturating_add(minutes.max(1)).saturating_sub(1).div_euclid(60);
        self.window(Week::slot(first), usize::try_from(last - first + 1).ok()?)
    }

    /// The quietest time that begins on the planned day.
    fn quietest_of_day(&self, case: &Case<'_>, length: SignedDuration) -> Option<Window> {
        let midnight = case.plan.day?.to_datetime(jiff::civil::Time::midnight());
        let midnight = offset(case.plan).to_timestamp(midnight).ok()?;
        let starts = (0..24).filter_map(|hour| midnight.checked_add(SignedDuration::from_hours(hour)).ok());
        starts
            .filter_map(|start| self.window_at(start, length))
            .min_by_key(|window| (window.busiest, window.start))
    }
}
