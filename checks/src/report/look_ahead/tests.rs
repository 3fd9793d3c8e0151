//! A clock that moves: the day that is named is the day on which judging says so.

use jiff::SignedDuration;
use jiff::civil::date;

use super::*;
use crate::facts::{
    Backup, BackupKind, Field, LicenseText, Memory, Point, Reading, SignOff, Snapshot, Trend, TrendOf, Until,
    Waiver,
};
use crate::golden::Golden;
use crate::model::{Finding, Freeze, Judgement, People, Plan, Products, Undecided};
use crate::projection::project;

const GIB: u64 = 1 << 30;

/// The golden instance without a planned day.
fn golden() -> Golden {
    Golden { plan: Plan::default(), ..crate::golden::golden() }
}

fn judge(golden: &Golden) -> Judge<'_> {
    let Golden { catalog, policy, plan, now, .. } = golden;
    Judge { catalog, policy, plan, now: *now }
}

fn named(golden: &Golden) -> Option<Blocks> {
    judge(golden).blocks_on(&golden.facts, &golden.target)
}

/// What judging says day by day, without any halving: the slow and certain way.
fn walked(golden: &Golden) -> Option<Date> {
    let judge = judge(golden);
    let today = TimeZone::UTC.to_datetime(golden.now).date();
    let blocked = |now: Timestamp, facts: &Snapshot| {
        let plan = Plan { day: None, ..golden.plan.clone() };
        Judge { now, plan: &plan, ..judge }.judge(facts, &golden.target).verdict == Verdict::Blocked
    };
    if blocked(golden.now, &golden.facts) {
        return None;
    }
    let tonight = i32::from(end_of_day(today) <= golden.now);
    (tonight..=HORIZON_DAYS).find_map(|days| {
        let day = today.checked_add(days.days()).unwrap();
        let evening = end_of_day(day);
        blocked(evening, &project(&golden.facts, evening)).then_some(day)
    })
}

/// Some day later, when every source was asked again.
fn later(golden: &mut Golden, now: &str) {
    golden.now = now.parse().unwrap();
    golden.facts = asked_again(&golden.facts, golden.now);
}

fn license_until(golden: &mut Golden, day: Date) {
    if let Reading::Learned(learned) = &mut golden.facts.license
        && let LicenseText::Terms(terms) = &mut learned.facts.text
    {
        terms.expires = Until::Day(day);
        terms.maintenance_ends = Until::Day(day);
    }
}

fn server_license_until(golden: &mut Golden, day: Date) {
    license_until(golden, day);
    if let Reading::Learned(learned) = &mut golden.facts.license
        && let LicenseText::Terms(terms) = &mut learned.facts.text
    {
        (terms.data_center, terms.subscription, terms.expires) = (false, false, Until::Forever);
    }
}

fn read_only_but_waived(golden: &mut Golden, until: Date) {
    if let Reading::Learned(learned) = &mut golden.facts.disk {
        learned.facts.filesystems[0].read_only = true;
    }
    golden.facts.memory.waivers = vec![Waiver {
        check: "disk-space".into(),
        subject: "/".into(),
        target: None,
        reason: "it is mounted writable for the night".into(),
        by: "Anna".into(),
        given_at: golden.now,
        until,
        seen: "blocker: ext4 mounted read-only".into(),
    }];
}

/// A disk that loses so many gibibytes a day and has been watched for twenty days.
fn filling(golden: &mut Golden, a_day: u64) {
    let now = golden.facts.taken_at;
    let Ok(disk) = golden.facts.disk() else { panic!() };
    let free = disk.filesystems[0].free_bytes;
    let point = |days: i64| Point {
        at: now - SignedDuration::from_hours(24 * days),
        value: free + u64::try_from(days).unwrap() * a_day * GIB,
    };
    let points = (0..20).rev().map(point).collect();
    golden.facts.memory = Memory {
        trends: vec![Trend { of: TrendOf::FreeBytes("/".into()), points }],
        ..golden.facts.memory.clone()
    };
}

type Scene = (&'static str, fn(&mut Golden), Option<&'static str>);

/// What time brings, and the check that will block; those that only warn block never.
const SCENES: [Scene; 22] = [
    ("nothing", |_| (), None),
    ("licence", |g| license_until(g, date(2026, 2, 10)), Some("license-covers-target")),
    ("licence, tonight", |g| license_until(g, date(2025, 12, 1)), Some("license-covers-target")),
    (
        "licence, on the last day that is looked at",
        |g| license_until(g, date(2026, 11, 30)),
        Some("license-covers-target"),
    ),
    ("licence, a day later", |g| license_until(g, date(2026, 12, 1)), None),
    ("licence, ended", |g| license_until(g, date(2025, 11, 1)), None),
    ("maintenance of a Server licence", |g| server_license_until(g, date(2026, 1, 5)), None),
    ("waiver ends", |g| read_only_but_waived(g, date(2026, 3, 3)), Some("disk-space")),
    ("waiver ends tonight", |g| read_only_but_waived(g, date(2025, 12, 1)), Some("disk-space")),
    ("waiver ended", |g| read_only_but_waived(g, date(2025, 11, 30)), None),
    ("disk fills slowly", |g| filling(g, 1), Some("disk-space")),
    ("disk fills fast", |g| filling(g, 47), Some("disk-space")),
    ("disk fills too slowly", |g| filling(g, 0), None),
    (
        "two things, the licence first",
        |g| {
            filling(g, 2);
            license_until(g, date(2026, 1, 15));
        },
        Some("license-covers-target"),
    ),
    (
        "two things, the disk first",
        |g| {
            filling(g, 20);
            license_until(g, date(2026, 6, 15));
        },
        Some("disk-space"),
    ),
    (
        "two things on one day",
        |g| {
            read_only_but_waived(g, date(2026, 1, 14));
            license_until(g, date(2026, 1, 14));
        },
        Some("disk-space"),
    ),
    (
        "the disk fills and its warning is waived",
        |g| {
            filling(g, 5);
            read_only_but_waived(g, date(2026, 2, 2));
        },
        Some("disk-space"),
    ),
    ("Java runs out of support", |g| later(g, "2027-09-30T20:00:00Z"), None),
    ("the operating system does", |g| later(g, "2026-05-30T20:00:00Z"), Some("license-covers-target")),
    (
        "database and target do",
        |g| {
            later(g, "2026-10-30T20:00:00Z");
            license_until(g, date(2030, 1, 1));
        },
        None,
    ),
    (
        "a planned day changes nothing",
        |g| {
            g.plan.day = Some(date(2026, 4, 1));
            license_until(g, date(2026, 2, 10));
        },
        Some("license-covers-target"),
    ),
    (
        "blocked on the planned day only",
        |g| {
            g.plan.day = Some(date(2026, 4, 1));
            license_until(g, date(2026, 3, 10));
        },
        Some("license-covers-target"),
    ),
];

#[test]
fn the_day_that_is_named_is_the_first_one_on_which_judging_says_so() {
    for (name, spoil, check) in SCENES {
        let mut golden = golden();
        spoil(&mut golden);
        let (named, walked) = (named(&golden), walked(&golden));
        assert_eq!(named.as_ref().map(|blocks| blocks.day), walked, "{name}: {named:?}");
        assert_eq!(named.map(|blocks| blocks.check), check, "{name}");
        let judge = judge(&golden);
        let mut sitting = judge.sitting(&golden.facts);
        let report = sitting.judge(&golden.target);
        let after = sitting.blocks_after(&golden.target, &report);
        assert_eq!(after.map(|blocks| blocks.day), walked, "{name}: after the report");
    }
}

#[test]
fn as_the_days_go_by_the_named_day_stays_and_then_comes_true() {
    for (name, spoil, check) in SCENES {
        let Some(check) = check else { continue };
        let mut golden = golden();
        spoil(&mut golden);
        let first = named(&golden).unwrap();
        let (start, facts) = (golden.now, golden.facts.clone());
        let mut come_true = None;
        for days in 1.. {
            // A day later every source is asked again: what moves has moved, and its history has grown.
            let now = start + SignedDuration::from_hours(24 * days);
            golden.now = now;
            golden.facts = asked_again(&facts, now);
            let report = judge(&golden).judge(&golden.facts, &golden.target);
            let today = TimeZone::UTC.to_datetime(now).date();
            let blocked = report.checks.iter().any(|said| {
                said.verdict == Verdict::Blocked && said.findings.iter().any(|dated| dated.holds_on.is_none())
            });
            if blocked {
                come_true = Some(today);
                break;
            }
            let now_named = named(&golden).unwrap();
            assert_eq!((now_named.day, now_named.check), (first.day, check), "{name}, seen on {today}");
        }
        // A disk is full between this hour and the evening the name is given for.
        let late = (come_true.unwrap() - first.day).get_days();
        assert!(late == 0 || check == "disk-space" && late == 1, "{name}: {come_true:?}, named {first:?}");
    }
}

fn asked_again(facts: &Snapshot, now: Timestamp) -> Snapshot {
    let mut again = project(facts, now).into_owned();
    let moved = now.duration_since(facts.taken_at);
    again.taken_at = now;
    macro_rules! collected {
        ($($source:ident),*) => {$(
            if let Reading::Learned(learned) = &mut again.$source { learned.collected_at += moved; }
        )*};
    }
    collected!(
        host,
        disk,
        java,
        installation,
        files,
        license,
        database,
        application,
        plugins,
        backups,
        traffic,
        releases,
        rehearsal,
        custom
    );
    let free = again.disk().unwrap().filesystems[0].free_bytes;
    for trend in &mut again.memory.trends {
        let last = trend.points.last().unwrap().at;
        let days = now.duration_since(last).as_hours() / 24;
        let before = trend.points.last().unwrap().value;
        for day in 1..=days {
            let part = (before - free) / u64::try_from(days).unwrap();
            let value = before - part * u64::try_from(day).unwrap();
            trend.points.push(Point { at: last + SignedDuration::from_hours(24 * day), value });
        }
    }
    again
}

fn finding(subject: &str) -> Finding {
    Finding {
        severity: Severity::Blocker,
        subject: subject.into(),
        summary: "so".into(),
        observed: "so".into(),
        required: "else".into(),
        remedy: "Do.".into(),
    }
}

fn old_backup(case: &Case<'_>, days: i64) -> Result<Judgement, Undecided> {
    let newest = case.facts.backups()?.set(BackupKind::Database).and_then(|set| set.backups.value()?.first());
    let age = case.now.duration_since(newest.unwrap().finished_at);
    let found =
        if age > SignedDuration::from_hours(days * 24) { vec![finding("database")] } else { Vec::new() };
    Ok(Judgement::new("seen", found))
}

fn frozen(case: &Case<'_>) -> Judgement {
    let covers = |freeze: &&Freeze| freeze.from <= case.now && case.now < freeze.until;
    let found = case.plan.freezes.iter().filter(covers).map(|freeze| finding(&freeze.name)).collect();
    Judgement::new("seen", found)
}

fn not_out_yet(case: &Case<'_>) -> Judgement {
    let out = case.target.release.as_ref().and_then(|release| release.released_on);
    // Comes in the meantime and goes again.
    let blocks = out.is_some_and(|out| (0..4).contains(&case.days_until(out)));
    Judgement::new("seen", if blocks { vec![finding("release")] } else { Vec::new() })
}

fn a_task(_: &Case<'_>) -> Judgement {
    Judgement::new("seen", vec![finding("task")])
}

fn stub(category: Category, evaluate: fn(&Case<'_>) -> Result<Judgement, Undecided>) -> &'static Check {
    Box::leak(Box::new(Check {
        id: "stub",
        title: "Stub",
        category,
        products: Products::All,
        reads: &[Source::Backups],
        people: People::MaySignOff,
        about: crate::model::About::Target,
        explain: "",
        evaluate,
    }))
}

/// What a check that is not in the registry is said to do, and what it does day by day.
fn of_stub(golden: &Golden, check: &'static Check) -> (Option<Date>, Option<Date>) {
    let judge = judge(golden);
    let mut sitting = judge.sitting(&golden.facts);
    let today = TimeZone::UTC.to_datetime(golden.now).date();
    let Sitting { judge, words, projection, .. } = &mut sitting;
    let turns = Turns::of(judge, &golden.target, projection, today);
    let mut days =
        Days { judge, answers: &mut Answers::default(), target: &golden.target, words, projection, today };
    let named = days.first_blocked(check, turns.of_check(check), HORIZON_DAYS).map(|(_, blocks)| blocks.day);
    let walked = (0..=HORIZON_DAYS).find_map(|day| days.blocked_on(check, day)).map(|blocks| blocks.day);
    (named, walked)
}

type Change<'a> = &'a dyn Fn(&mut Golden);

#[test]
fn what_comes_and_goes_is_found_on_its_first_day() {
    let backups = |golden: &mut Golden, ages: &[i64]| {
        let now = golden.now;
        let Reading::Learned(learned) = &mut golden.facts.backups else { panic!() };
        let set = learned.facts.sets.iter_mut().find(|set| set.kind == BackupKind::Database).unwrap();
        let Field::Read(list) = &mut set.backups else { panic!() };
        let one = list[0].clone();
        let aged = |age: &i64| Backup { finished_at: now - SignedDuration::from_hours(*age), ..one.clone() };
        *list = ages.iter().map(aged).collect();
    };
    let freeze = |golden: &mut Golden, from: &str, until: &str| {
        let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
        golden.plan.freezes.push(Freeze { name: from_name(from), from, until });
    };
    let two_days = stub(Category::Backup, |case| old_backup(case, 2));
    let nine_days = stub(Category::Backup, |case| old_backup(case, 9));
    let freezes = stub(Category::Preparation, |case| Ok(frozen(case)));
    let release = stub(Category::Release, |case| Ok(not_out_yet(case)));
    let rows: [(&str, Change<'_>, &'static Check, Option<Date>); 11] = [
        ("daily backups go on", &|g| backups(g, &[15, 39, 63, 87]), two_days, None),
        (
            "weekly ones are too old in between",
            &|g| backups(g, &[15, 183, 351, 519]),
            two_days,
            Some(date(2025, 12, 3)),
        ),
        ("too old in the next week only", &|g| backups(g, &[167, 335, 503, 671]), nine_days, None),
        ("irregular ones age", &|g| backups(g, &[15]), nine_days, Some(date(2025, 12, 10))),
        ("they ceased", &|g| backups(g, &[60, 84, 108, 132]), nine_days, Some(date(2025, 12, 8))),
        (
            "a freeze of two days",
            &|g| freeze(g, "2026-03-03T08:00:00Z", "2026-03-05T08:00:00Z"),
            freezes,
            Some(date(2026, 3, 3)),
        ),
        (
            "a freeze within a day",
            &|g| freeze(g, "2026-03-03T08:00:00Z", "2026-03-03T18:00:00Z"),
            freezes,
            None,
        ),
        (
            "the second freeze is over the evening",
            &|g| {
                freeze(g, "2026-01-03T08:00:00Z", "2026-01-03T18:00:00Z");
                freeze(g, "2026-05-03T08:00:00Z", "2026-05-04T08:00:00Z");
            },
            freezes,
            Some(date(2026, 5, 3)),
        ),
        (
            "a freeze until midnight",
            &|g| freeze(g, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"),
            freezes,
            Some(date(2026, 3, 3)),
        ),
        (
            "a release to come",
            &|g| g.target.release.as_mut().unwrap().released_on = Some(date(2026, 2, 20)),
            release,
            Some(date(2026, 2, 17)),
        ),
        (
            "a sign-off ends",
            &|g| {
                g.facts.memory.sign_offs = vec![SignOff {
                    check: "stub".into(),
                    subject: Some("task".into()),
                    target: None,
                    reason: "done".into(),
                    by: "Anna".into(),
                    given_at: g.now,
                    until: date(2026, 6, 30),
                    seen: None,
                }];
            },
            stub(Category::Preparation, |case| Ok(a_task(case))),
            Some(date(2026, 7, 1)),
        ),
    ];
    for (name, change, check, expected) in rows {
        let mut golden = golden();
        change(&mut golden);
        let (named, walked) = of_stub(&golden, check);
        assert_eq!((named, walked), (expected, expected), "{name}");
    }
}

fn from_name(from: Timestamp) -> String {
    format!("freeze of {from}")
}

#[test]
fn the_moment_of_a_day_lies_ahead() {
    let blocks = Blocks { day: date(2025, 12, 2), check: "x", subject: String::new() };
    let at = |now: &str| blocks.at(now.parse().unwrap()).to_string();
    assert_eq!(at("2025-12-01T20:00:00Z"), "2025-12-02T00:00:00Z");
    assert_eq!(at("2025-12-02T00:00:00Z"), "2025-12-02T23:00:00Z");
}

#[test]
fn what_will_block_is_named() {
    let mut golden = golden();
    license_until(&mut golden, date(2026, 2, 10));
    let blocks = named(&golden).unwrap();
    assert_eq!(
        (blocks.day, blocks.check, blocks.subject.as_str()),
        (date(2026, 2, 11), "license-covers-target", "expiry")
    );
}

#[test]
fn the_planned_day_is_judged_with_the_facts_of_that_day() {
    let mut golden = golden();
    filling(&mut golden, 5);
    let blocked_from = named(&golden).unwrap().day;
    for (day, verdict) in
        [(blocked_from, Verdict::Blocked), (blocked_from.yesterday().unwrap(), Verdict::Warning)]
    {
        golden.plan.day = Some(day);
        let report = judge(&golden).judge(&golden.facts, &golden.target);
        let disk = report.checks.iter().find(|check| check.id == "disk-space").unwrap();
        assert_eq!((disk.verdict, disk.findings[0].holds_on), (verdict, Some(day)), "{disk:#?}");
    }
    assert_eq!(named(&golden).unwrap().day, blocked_from, "that the planned day is blocked is not today");
}
