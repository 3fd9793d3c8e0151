//! What a waiver of each check's findings waives: time and figures that move by themselves do not void it, and another
//! fact or a graver word does.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::ALL;
use super::testing::{
    application, config, database, disk, host, installation, java, license, look, plugins, read, service,
    terms,
};
use crate::facts::{
    Driver, Engine, Field, ForeignObject, JavaVersion, LicenseText, Limits, Listing, Seats, Until,
    UpdateCheck, UserCount,
};
use crate::golden::{Golden, golden};
use crate::model::Finding;

type Spoil = fn(&mut Golden);

/// The check, what spoils it, what then changes without anything having happened, and what is another fact.
const ROWS: [(&str, Spoil, Spoil, Spoil); 26] = [
    (
        "application-health",
        |g| application(g).state = Field::Read("STARTING".into()),
        later,
        |g| application(g).state = Field::Read("STOPPING".into()),
    ),
    (
        "application-health",
        |g| unhealthy(g, "The disk is 91% full, 940 users are online"),
        |g| unhealthy(g, "The disk is 93% full, 12 users are online"),
        |g| unhealthy(g, "The index is damaged"),
    ),
    (
        "database-driver",
        |g| read(&mut installation(g).drivers).push(driver("42.2.1")),
        later,
        |g| {
            let drivers = read(&mut installation(g).drivers);
            drivers.pop();
            drivers.push(driver("42.2.2"));
        },
    ),
    (
        "database-embedded",
        |g| config(g).engine = Some(Engine::H2),
        later,
        |g| config(g).engine = Some(Engine::Hsqldb),
    ),
    (
        "database-ownership",
        |g| foreign(g, "content"),
        |g| read(&mut database(g).ownership).objects = 415,
        |g| foreign(g, "spaces"),
    ),
    (
        "database-privileges",
        |g| {
            read(&mut database(g).privileges).on_schema.remove("CREATE");
        },
        later,
        |g| read(&mut database(g).privileges).on_schema.clear(),
    ),
    (
        "database-settings",
        |g| setting(g, "encoding", "LATIN1"),
        later,
        |g| setting(g, "encoding", "SQL_ASCII"),
    ),
    (
        "database-supported",
        |g| database(g).version = Field::Read("12.4".into()),
        later,
        |g| database(g).version = Field::Read("13.4".into()),
    ),
    (
        "disk-space",
        |g| disk(g).filesystems[0].free_bytes = 85 << 30,
        |g| disk(g).filesystems[0].free_bytes = 84 << 30,
        |g| disk(g).filesystems[0].free_bytes = 1 << 30,
    ),
    (
        "disk-space",
        |g| disk(g).filesystems[0].inodes_free = Some(12),
        |g| disk(g).filesystems[0].inodes_free = Some(9),
        |g| disk(g).filesystems[0].read_only = true,
    ),
    (
        "file-ownership",
        |g| installation(g).ownership[2].usable = Field::Read(false),
        later,
        |g| installation(g).ownership[2].owner = "backup".into(),
    ),
    (
        "hardware",
        |g| host(g).memory_total_bytes = 2 << 30,
        |g| host(g).memory_total_bytes = (2 << 30) - (90 << 20),
        |g| {
            host(g).memory_total_bytes = 16 << 30;
            host(g).cpus = 1;
        },
    ),
    ("hardware", |g| host(g).cpus = 2, later, |g| host(g).cpus = 1),
    (
        "java-memory",
        |g| read(&mut java(g).options).max_heap_bytes = Some(512 << 20),
        later,
        |g| read(&mut java(g).options).max_heap_bytes = None,
    ),
    ("java-version", |g| runs_on(g, 11, "11.0.2"), later, |g| runs_on(g, 8, "8.0.402")),
    (
        "license-covers-target",
        |g| terms(g).expires = Until::Day(date(2025, 11, 1)),
        later,
        |g| terms(g).expires = Until::Day(date(2025, 10, 1)),
    ),
    ("license-seats", |g| users(g, 950), |g| users(g, 960), |g| users(g, 1200)),
    (
        "license-valid",
        |g| terms(g).expires = Until::Day(date(2026, 1, 10)),
        later,
        |g| g.now = "2026-02-01T20:00:00Z".parse().unwrap(),
    ),
    (
        "license-valid",
        |g| license(g).text = LicenseText::Absent,
        later,
        |g| license(g).text = LicenseText::Damaged("cut off".into()),
    ),
    (
        "locale-encoding",
        |g| locale(g, "C", 1234),
        |g| locale(g, "C", 999_999),
        |g| locale(g, "de_DE.ISO-8859-1", 1234),
    ),
    (
        "operating-system",
        |g| host(g).os.version = Some("10".into()),
        later,
        |g| host(g).os.version = Some("9".into()),
    ),
    (
        "plugin-compatibility",
        |g| incompatible(g),
        later,
        |g| plugins(g).installed[0].version = "4.0.0".into(),
    ),
    (
        "plugin-state",
        |g| plugins(g).installed[0].enabled = false,
        later,
        |g| plugins(g).installed[0].version = "4.0.0".into(),
    ),
    ("process-limits", |g| open_files(g, 1024), |g| service(g).pid = 77, |g| open_files(g, 512)),
    (
        "release-support",
        |g| g.now = "2029-06-01T20:00:00Z".parse().unwrap(),
        later,
        |g| *g = g.clone().to("10.2.1"),
    ),
    (
        "upgrade-interrupted",
        |g| read(&mut database(g).upgrade_steps)[0].tag = Some("lock_for_upgrade_to_9115".into()),
        later,
        |g| read(&mut database(g).upgrade_steps)[0].tag = Some("lock_for_upgrade_to_9120".into()),
    ),
];

/// A week passes and an hour, and nothing else.
fn later(golden: &mut Golden) {
    golden.now += jiff::SignedDuration::from_hours(7 * 24 + 1);
}

fn unhealthy(golden: &mut Golden, reason: &str) {
    let check = &mut read(&mut application(golden).health)[0];
    (check.healthy, check.severity, check.reason) = (false, "major".into(), reason.into());
}

fn driver(version: &str) -> Driver {
    Driver {
        engine: Engine::Postgresql,
        file: format!("postgresql-{version}.jar"),
        version: Some(version.into()),
    }
}

fn foreign(golden: &mut Golden, table: &str) {
    let ownership = read(&mut database(golden).ownership);
    ownership.foreign =
        vec![ForeignObject { kind: "table".into(), name: table.into(), owner: "admin".into() }];
    ownership.foreign_count = 1;
}

fn setting(golden: &mut Golden, name: &str, value: &str) {
    read(&mut database(golden).settings).values.insert(name.into(), value.into());
}

fn runs_on(golden: &mut Golden, feature: u32, text: &str) {
    for runtime in &mut java(golden).runtimes {
        runtime.version = Field::Read(JavaVersion { feature, text: text.into() });
    }
}

fn users(golden: &mut Golden, users: u64) {
    terms(golden).users = Seats::Limited(1000);
    *read(&mut application(golden).users) = UserCount { users, allowed: Some(1000) };
}

fn locale(golden: &mut Golden, value: &str, pid: u32) {
    // An old Java takes its encoding from the locale.
    runs_on(golden, 17, "17.0.9");
    let service = service(golden);
    service.pid = pid;
    service.locale = Field::Read(BTreeMap::from([("LANG".into(), value.into())]));
}

fn incompatible(golden: &mut Golden) {
    let key = plugins(golden).installed[0].key.clone();
    let answers = &mut plugins(golden).for_targets[0];
    read(&mut answers.instance).insert(key.clone(), UpdateCheck::Incompatible);
    let none = Listing::Listed { newest_compatible: None, installed_compatible: false };
    answers.marketplace.insert(key, Field::Read(none));
}

fn open_files(golden: &mut Golden, limit: u64) {
    service(golden).limits =
        Field::Read(Limits { open_files: Some(limit), open_files_hard: Some(limit), processes: Some(63000) });
}

fn found(id: &str, spoils: &[Spoil]) -> Vec<Finding> {
    let mut golden = golden();
    for spoil in spoils {
        spoil(&mut golden);
    }
    let check = ALL.iter().find(|check| check.id == id).unwrap();
    look(check, &golden).findings
}

#[test]
fn moving_figures_do_not_void_a_waiver_and_other_facts_do() {
    for (row, (id, spoil, passes, other)) in ROWS.into_iter().enumerate() {
        let waived = found(id, &[spoil]);
        assert!(!waived.is_empty(), "row {row}, {id}: nothing was found");
        let seen = |finding: &Finding| {
            waived.iter().find(|one| one.subject == finding.subject).map(Finding::fingerprint)
        };
        let then = found(id, &[spoil, passes]);
        assert_eq!(then.len(), waived.len(), "row {row}, {id}: {then:#?}");
        for finding in &then {
            let seen = seen(finding).unwrap();
            assert!(
                finding.is_what_was_waived(&seen),
                "row {row}, {id}: {seen} is not {}",
                finding.fingerprint()
            );
        }
        let changed = found(id, &[spoil, other]);
        let new =
            changed.iter().any(|finding| seen(finding).is_none_or(|seen| !finding.is_what_was_waived(&seen)));
        assert!(new, "row {row}, {id}: {changed:#?}");
    }
}
