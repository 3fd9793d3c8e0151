//! The golden instance stands on one file system: 2 GiB of installation, 30 GiB of home with 20 GiB of
//! attachments and 3 GiB of index in it, 12 GiB of database. The upgrade writes 4 + 30 + 6 + 12 = 52 GiB.

use super::*;
use crate::facts::{DirectorySize, Field, Role, Search};
use crate::golden::{Golden, golden};
use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
use crate::rules::testing::{Row, database, disk, installation, judges, look, unread};

const GIB: u64 = 1 << 30;
const B: Severity = Severity::Blocker;
const W: Severity = Severity::Warning;

fn root(golden: &mut Golden) -> &mut FileSystem {
    &mut disk(golden).filesystems[0]
}

fn place(golden: &mut Golden, role: Role) -> &mut crate::facts::Place {
    disk(golden).places.iter_mut().find(|place| place.role == role).unwrap()
}

fn resize(golden: &mut Golden, role: Role, bytes: u64, entries: u64) {
    place(golden, role).size = Field::Read(DirectorySize { bytes, entries });
}

/// Puts a role on a file system of its own.
fn mount(golden: &mut Golden, roles: &[Role], mount_point: &str, free_bytes: u64) {
    let filesystem = FileSystem {
        mount_point: mount_point.into(),
        free_bytes,
        total_bytes: free_bytes,
        ..root(golden).clone()
    };
    disk(golden).filesystems.push(filesystem);
    for role in roles {
        place(golden, *role).mount_point = Field::Read(mount_point.into());
    }
}

fn free(bytes: u64) -> Golden {
    let mut golden = golden();
    root(&mut golden).free_bytes = bytes;
    golden
}

fn needs(golden: &Golden) -> Vec<(String, u64)> {
    let needs = requirements_by_mount(&golden.case());
    needs.into_iter().map(|need| (need.mount_point, need.required_bytes)).collect()
}

#[test]
fn needs_are_summed_up_and_a_reserve_stays() {
    // The reserve is a tenth of 500 GiB.
    let rows: Vec<Row> = vec![
        (golden(), Ready, &[]),
        (free(102 * GIB), Ready, &[]),
        (free(102 * GIB - 1), Warning, &[(W, "/")]),
        (free(52 * GIB), Warning, &[(W, "/")]),
        (free(52 * GIB - 1), Blocked, &[(B, "/")]),
        (free(0), Blocked, &[(B, "/")]),
        (free(u64::MAX), Ready, &[]),
    ];
    judges(&CHECK, rows);
    assert_eq!(needs(&golden()), [("/".to_owned(), 52 * GIB)]);
    assert_eq!(needs(&free(0)), [("/".to_owned(), 52 * GIB)]);
}

#[test]
fn the_finding_says_what_needs_the_room() {
    let seen = look(&CHECK, &free(20 * GIB));
    let finding = &seen.findings[0];
    for part in [
        "4 GiB for the backup of the inst",
        "30 GiB for the backup of the home",
        "6 GiB for copies",
        "12 GiB for",
    ] {
        assert!(finding.required.contains(part), "{}", finding.required);
    }
    assert!(finding.remedy.contains("add 32 GiB on /"), "{}", finding.remedy);
}

#[test]
fn each_file_system_is_judged_on_its_own() {
    let mut golden = golden();
    mount(&mut golden, &[Role::HomeParent], "/var", 29 * GIB);
    mount(&mut golden, &[Role::Index], "/srv/index", 100 * GIB);
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.found(), [(B, "/var")], "{}", seen.text());
    // The index is mounted into the home, so the backup of the home holds it as well.
    let wanted = [("/", 16 * GIB), ("/srv/index", 6 * GIB), ("/var", 33 * GIB)];
    assert_eq!(needs(&golden), wanted.map(|(mount_point, bytes)| (mount_point.to_owned(), bytes)));

    place(&mut golden, Role::Index).path = "/srv/index".into();
    assert!(
        needs(&golden).contains(&("/var".to_owned(), 30 * GIB)),
        "an index elsewhere is not in the home's backup"
    );
    let sibling = "/var/atlassian/application-data/confluence-old";
    place(&mut golden, Role::Index).path = sibling.into();
    assert!(needs(&golden).contains(&("/var".to_owned(), 30 * GIB)), "neither is a sibling of the home");
}

#[test]
fn a_file_system_that_only_fills_up_is_told() {
    let mut golden = golden();
    mount(&mut golden, &[Role::Attachments], "/data", 100 * GIB);
    place(&mut golden, Role::Attachments).path = "/data/attachments".into();
    disk(&mut golden).filesystems[1].free_bytes = 9 * GIB;
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.found(), [(W, "/data")], "{}", seen.text());
}

#[test]
fn a_part_that_does_not_happen_needs_no_room_and_no_facts() {
    let mut golden = golden();
    golden.policy.disk_home_copies = 0;
    golden.policy.disk_recovery_percent_of_database = 0;
    golden.facts.switch_off(Source::Database);
    assert_eq!(needs(&golden), [("/".to_owned(), 10 * GIB)]);
    installation(&mut golden).search = Search::OpenSearch;
    disk(&mut golden).places.retain(|place| place.role != Role::Index);
    assert_eq!(needs(&golden), [("/".to_owned(), 4 * GIB)]);
    assert_eq!(look(&CHECK, &golden).verdict, Ready);
}

#[test]
fn files_can_run_out_before_bytes_do() {
    // 10,000 of the new program, twice 10,000 of the index, and the archives.
    let mut golden = golden();
    root(&mut golden).inodes_free = Some(30_002);
    assert_eq!(look(&CHECK, &golden).verdict, Ready);
    root(&mut golden).inodes_free = Some(30_001);
    assert_eq!(look(&CHECK, &golden).found(), [(B, "/ inodes")]);
    root(&mut golden).inodes_free = None;
    assert_eq!(look(&CHECK, &golden).verdict, Ready, "not every file system counts them");
}

#[test]
fn nothing_can_be_written_to_a_read_only_file_system() {
    let mut golden = golden();
    mount(&mut golden, &[Role::Installation], "/opt", 0);
    disk(&mut golden).filesystems[1].read_only = true;
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.found(), [(B, "/opt")], "{}", seen.text());
    assert!(seen.findings[0].summary.contains("read-only"), "{}", seen.text());
}

#[test]
fn what_could_not_be_measured_is_unknown_and_blockers_stand() {
    type Row = (&'static str, fn(&mut Golden), &'static str);
    let rows: [Row; 9] = [
        ("size of the home", |g| place(g, Role::Home).size = unread(), "home"),
        ("size of the index", |g| place(g, Role::Index).size = unread(), "index"),
        ("mount of the parent", |g| place(g, Role::HomeParent).mount_point = unread(), "application-data"),
        (
            "mount of the attachments",
            |g| place(g, Role::Attachments).mount_point = Field::Read("/nowhere".into()),
            "/nowhere",
        ),
        ("no index", |g| disk(g).places.retain(|place| place.role != Role::Index), "index directory"),
        ("no places", |g| disk(g).places.clear(), "installation directory"),
        ("no file systems", |g| disk(g).filesystems.clear(), "nothing is known of /"),
        ("size of the database", |g| database(g).size_bytes = unread(), "size of the database"),
        ("kind of search", |g| g.facts.switch_off(Source::Installation), "installation"),
    ];
    for (name, spoil, named) in rows {
        let mut golden = golden();
        spoil(&mut golden);
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown, "{name}: {}", seen.text());
        assert!(seen.reason.contains(named), "{name}: {}", seen.reason);
        assert!(needs(&golden).is_empty(), "{name}");
    }
    let mut golden = free(GIB);
    database(&mut golden).size_bytes = unread();
    assert_eq!(look(&CHECK, &golden).verdict, Blocked);
}

#[test]
fn sizes_beyond_all_measure_do_not_overflow() {
    let mut golden = golden();
    for role in [Role::Installation, Role::Home, Role::Index] {
        resize(&mut golden, role, u64::MAX, u64::MAX);
    }
    database(&mut golden).size_bytes = Field::Read(u64::MAX);
    assert_eq!(look(&CHECK, &golden).found(), [(B, "/"), (B, "/ inodes")]);
}
