//! What is to come for an instance, as far as its facts, its plan and the catalog tell.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use upgrade_readiness_checks::facts::{LicenseText, Snapshot, Until};
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::projection::full_at;
use upgrade_readiness_checks::report::HORIZON_DAYS;
use upgrade_readiness_checks::version::ProductVersion;

use super::frame::Clock;
use super::row::Row;
use crate::board::{InstanceState, TargetState};

/// More than anybody reads; the first ones are told.
const MOST_EVENTS: usize = 20;
const MOST_TARGETS: usize = 8;
const MOST_FREEZES: usize = 6;

/// From today to the last day that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) today: Date,
    pub(super) last: Date,
    /// Each target with its verdict of today.
    pub(super) targets: Vec<Bar>,
    /// In the order of their days.
    pub(super) events: Vec<Event>,
    /// Events that are not among them.
    pub(super) left_out: usize,
    pub(super) freezes: Vec<Closed>,
    pub(super) planned: Option<Date>,
}

/// A target from today on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// From when on it is blocked if nobody acts.
    pub(super) blocked_from: Option<Date>,
}

/// Something that happens on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) day: Date,
    pub(super) kind: Kind,
    pub(super) words: String,
}

/// What kind of thing happens; each has a shape of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The upgrade becomes impossible.
    Blocked,
    /// The upgrade itself.
    Planned,
    /// Support, a licence or its maintenance ends; a disk is full.
    End,
    /// A person's word ends.
    Word,
}

/// A time in which nothing may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) name: String,
    pub(super) from: Date,
    pub(super) until: Date,
}

impl Ahead {
    pub(super) fn of(state: &InstanceState, clock: Clock) -> Self {
        let today = clock.today();
        let last = today.saturating_add(HORIZON_DAYS.days());
        let mut events = Vec::new();
        let mut put = |day: Date, kind, words: String| {
            if (today..=last).contains(&day) {
                events.push(Event { day, kind, words });
            }
        };
        let rows: Vec<Row<'_>> = Row::of_instance(state, clock.now)
            .filter(|row| row.target.is_some())
            .take(MOST_TARGETS)
            .collect();
        for row in &rows {
            let Some(TargetState::Judged(judged)) = row.target else { continue };
            if let Some(at) = row.blocks_at {
                let because = judged.blocks_because.as_ref();
                let because = because
                    .map_or_else(String::new, |because| format!(": {} ({})", because.check, because.subject));
                put(
                    clock.blocked_from(at),
                    Kind::Blocked,
                    format!("{} is blocked from here on if nobody acts{because}", row.full_name()),
                );
            }
            put_support(state, &judged.report.version, "the target", &mut put);
        }
        if let Some(running) = &state.version {
            put_support(state, running, "the running", &mut put);
        }
        let plan = &state.grounds.plan;
        if let Some(day) = plan.day {
            put(day, Kind::Planned, "The upgrade is planned".to_owned());
        }
        put_license(&state.snapshot, &mut put);
        put_words(&state.snapshot, &mut put);
        for (mount_point, at) in full_at(&state.snapshot) {
            put(
                clock.day_of(at),
                Kind::End,
                format!("{mount_point} is full if it goes on filling as it did"),
            );
        }
        events.sort();
        // Two targets of one line share its end.
        events.dedup();
        let left_out = events.len().saturating_sub(MOST_EVENTS);
        events.truncate(MOST_EVENTS);
        let closed = plan.freezes.iter().filter_map(|freeze| {
            // It ends before the moment that is named. Where summer time has begun or ended meanwhile it seems a day
            // longer, and never shorter.
            let last_moment = freeze.until.saturating_sub(SignedDuration::from_nanos(1)).ok()?;
            let (from, until) = (clock.day_of(freeze.from), clock.day_of(last_moment));
            (until >= today && from <= last).then(|| Closed {
                name: freeze.name.clone(),
                from: from.max(today),
                until: until.min(last),
            })
        });
        let bar = |row: &Row<'_>| Bar {
            name: row.full_name(),
            verdict: row.verdict,
            blocked_from: row.blocks_at.map(|at| clock.blocked_from(at)),
        };
        Self {
            today,
            last,
            targets: rows.iter().map(bar).collect(),
            events,
            left_out,
            freezes: closed.take(MOST_FREEZES).collect(),
            planned: plan.day.filter(|day| (today..=last).contains(day)),
        }
    }

    /// How far a day is from today, in hundredths of the whole way.
    pub(super) fn place(&self, day: Date) -> f64 {
        f64::from((day - self.today).get_days()) * 100.0
            / f64::from((self.last - self.today).get_days().max(1))
    }
}

fn put_support(
    state: &InstanceState,
    version: &ProductVersion,
    which: &str,
    put: &mut impl FnMut(Date, Kind, String),
) {
    let releases = state.grounds.catalog.releases();
    let end = releases
        .iter()
        .filter(|release| release.version.line() == version.line())
        .find_map(|release| release.end_of_life);
    if let Some(end) = end {
        put(end.on, Kind::End, format!("Support of {which} {version} ends"));
    }
}

fn put_license(facts: &Snapshot, put: &mut impl FnMut(Date, Kind, String)) {
    let Ok(license) = facts.license() else { return };
    let LicenseText::Terms(terms) = &license.text else { return };
    if let Until::Day(day) = terms.expires {
        put(day, Kind::End, "The licence ends".to_owned());
    }
    match (&terms.maintenance_ends, &terms.expires) {
        (one, other) if one == other => {}
        (Until::Day(day), _) => put(*day, Kind::End, "Maintenance of the licence ends".to_owned()),
        (Until::NotStated | Until::Forever | Until::AfterActivation(_) | Until::Unreadable(_), _) => {}
    }
}

fn put_words(facts: &Snapshot, put: &mut impl FnMut(Date, Kind, String)) {
    for waiver in &facts.memory.waivers {
        put(
            waiver.until,
            Kind::Word,
            format!("The waiver of {} for {} ({}) ends", waiver.by, waiver.check, waiver.subject),
        );
    }
    for sign_off in &facts.memory.sign_offs {
        let subject = sign_off.subject.as_ref().map_or_else(String::new, |subject| format!(" ({subject})"));
        put(
            sign_off.until,
            Kind::Word,
            format!("The sign-off of {} for {}{subject} ends", sign_off.by, sign_off.check),
        );
    }
}
