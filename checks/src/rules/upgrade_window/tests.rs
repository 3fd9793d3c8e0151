//! The golden instance is quiet at night and at the weekend; its upgrade is planned for a Saturday, 20:00 to 24:00.

use jiff::civil::date;

use super::*;
use crate::golden::{Golden, golden};
use crate::model::Verdict::{Ready, Skipped, Unknown, Warning};
use crate::rules::testing::{Spoil, database, disk, judges_spoilt, look, traffic, unread};

const W: Severity = Severity::Warning;

fn start(golden: &mut Golden, day: i8, moment: &str) {
    golden.plan.day = Some(date(2025, 12, day));
    golden.plan.starts_at = Some(moment.parse().unwrap());
}

#[test]
fn busy_hours_and_short_downtimes_need_a_decision() {
    let rows: &[Spoil] = &[
        ("golden", |_| {}, Ready, &[]),
        ("Tuesday noon", |g| start(g, 2, "2025-12-02T12:00:00Z"), Warning, &[(W, BUSY)]),
        ("into the morning", |g| start(g, 2, "2025-12-02T02:01:00Z"), Warning, &[(W, BUSY)]),
        ("until the morning", |g| start(g, 2, "2025-12-02T02:00:00Z"), Ready, &[]),
        ("over the end of the week", |g| start(g, 7, "2025-12-07T22:30:00Z"), Ready, &[]),
        (
            "only the day, a Tuesday",
            |g| {
                g.plan.day = Some(date(2025, 12, 2));
                g.plan.starts_at = None;
            },
            Ready,
            &[],
        ),
        (
            "only the day, too short a night",
            |g| {
                g.plan.day = Some(date(2025, 12, 2));
                g.plan.starts_at = None;
                g.plan.downtime = Some(SignedDuration::from_hours(13));
            },
            Warning,
            &[(W, BUSY)],
        ),
        (
            "an hour of downtime",
            |g| g.plan.downtime = Some(SignedDuration::from_hours(1)),
            Warning,
            &[(W, DOWNTIME)],
        ),
        (
            "both",
            |g| {
                g.plan.downtime = Some(SignedDuration::from_hours(1));
                start(g, 2, "2025-12-02T12:00:00Z");
            },
            Warning,
            &[(W, DOWNTIME), (W, BUSY)],
        ),
        ("downtime not planned", |g| g.plan.downtime = None, Ready, &[]),
        (
            "nobody ever comes",
            |g| {
                for hour in &mut traffic(g).by_hour {
                    (hour.requests, hour.most) = (0, 0);
                }
            },
            Ready,
            &[],
        ),
        (
            "busy at all hours",
            |g| {
                for hour in &mut traffic(g).by_hour {
                    hour.requests = 4000;
                }
            },
            Ready,
            &[(Severity::Notice, BUSY)],
        ),
        ("no plan", |g| g.plan.day = None, Skipped, &[]),
        ("the day has passed", |g| start(g, 1, "2025-12-01T12:00:00Z"), Warning, &[(W, BUSY)]),
        ("the day before has passed", |g| g.plan.day = Some(date(2025, 11, 30)), Skipped, &[]),
    ];
    judges_spoilt(&CHECK, rows);
}

#[test]
fn what_was_not_seen_is_not_quiet() {
    let rows: &[Spoil] = &[
        ("traffic off", |g| g.facts.switch_off(Source::Traffic), Unknown, &[]),
        ("no log", |g| (traffic(g).requests, traffic(g).ignored) = (0, 0), Unknown, &[]),
        ("some unread", |g| traffic(g).unread = Some("1 of 9: /x: permission denied".into()), Unknown, &[]),
        ("another form", |g| traffic(g).strange_lines = 100_000_000, Unknown, &[]),
        ("some strange lines", |g| traffic(g).strange_lines = 100, Ready, &[]),
        ("one week", |g| traffic(g).by_hour.iter_mut().for_each(|hour| hour.seen = 1), Unknown, &[]),
        ("never on Saturdays", |g| traffic(g).by_hour[5 * 24 + 22].seen = 1, Unknown, &[]),
        (
            "never on Mondays",
            |g| traffic(g).by_hour[..24].iter_mut().for_each(|hour| hour.seen = 0),
            Ready,
            &[],
        ),
        ("a list that is too short", |g| traffic(g).by_hour.truncate(3), Unknown, &[]),
        ("database size unread", |g| database(g).size_bytes = unread(), Unknown, &[]),
        (
            "home not measured",
            |g| disk(g).places.retain(|place| place.role != crate::facts::Role::Home),
            Unknown,
            &[],
        ),
        (
            "neither length known, but busy",
            |g| {
                database(g).size_bytes = unread();
                start(g, 2, "2025-12-02T12:00:00Z");
            },
            Unknown,
            &[(W, BUSY)],
        ),
        (
            "no length at all",
            |g| {
                database(g).size_bytes = unread();
                g.plan.downtime = None;
            },
            Unknown,
            &[],
        ),
        (
            "home backed up elsewhere",
            |g| {
                g.policy.disk_home_copies = 0;
                g.plan.downtime = Some(SignedDuration::from_mins(55));
            },
            Ready,
            &[],
        ),
        (
            "rates of nothing",
            |g| {
                g.policy.downtime_backup_mib_per_second = 0;
                g.policy.downtime_database_mib_per_second = 0;
            },
            Warning,
            &[(W, DOWNTIME)],
        ),
    ];
    judges_spoilt(&CHECK, rows);
}

#[test]
fn quiet_times_are_proposed_on_the_operators_clock() {
    let mut golden = golden();
    start(&mut golden, 2, "2025-12-02T12:00:00Z");
    golden.plan.utc_offset_seconds = 3600;
    let seen = look(&CHECK, &golden);
    let remedy = &seen.findings[0].remedy;
    assert!(remedy.contains("quiet times (UTC+01:00): Friday 19:00 to 23:00 (about 40 requests"), "{remedy}");
    assert_eq!(remedy.matches(" to ").count(), 3, "{remedy}");
    let observed = &seen.findings[0].observed;
    assert!(
        observed.starts_with("2025-12-02 13:00 to 2025-12-02 17:00 (UTC+01:00): about 20000 requests"),
        "{observed}"
    );

    golden.plan.day = None;
    golden.plan.starts_at = None;
    let reason = look(&CHECK, &golden).reason;
    assert!(reason.contains("upgrade_on") && reason.contains("quiet times of 4 h"), "{reason}");
}

#[test]
fn windows_wrap_around_the_end_of_the_week() {
    let mut golden = golden();
    // Only from Sunday 23:00 to Monday 02:00 it is quiet.
    for (slot, hour) in traffic(&mut golden).by_hour.iter_mut().enumerate() {
        hour.requests = if slot == 167 || slot < 2 { 4 } else { 40_000 };
    }
    let facts = traffic(&mut golden).clone();
    let week = Week::new(&facts, 2).unwrap();
    let quietest = week.quietest(SignedDuration::from_hours(3), 3);
    assert_eq!(quietest[0], Window { start: 167, length: 3, busiest: 1 });
    assert_eq!(quietest[0].name(&golden.plan), "Sunday 23:00 to Monday 02:00");
    assert_eq!(quietest.len(), 3);
    assert!(week.quietest(SignedDuration::from_hours(1000), 3).len() == 1);
}
