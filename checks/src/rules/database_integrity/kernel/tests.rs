use super::super::CHECK;
use super::*;
use crate::facts::OrphanRows;
use crate::golden::{Golden, golden_carbon};
use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
use crate::rules::testing::{Spoil, database, judges_spoilt_from, look, read, unread};

fn records(golden: &mut Golden) -> &mut KernelRecords {
    database(golden).records.kernel.as_mut().expect("the golden kernel")
}

fn key(golden: &mut Golden, key: KernelKey) -> &mut KeyRows {
    let keys = read(&mut records(golden).keys);
    keys.iter_mut().find(|one| one.key == key).expect("a golden key")
}

fn to_447(key_of: KernelKey) -> Golden {
    let mut golden = golden_carbon();
    key(&mut golden, key_of).duplicates = Field::Read(2);
    golden
}

#[test]
fn rows_are_judged_by_the_keys_of_the_target() {
    let rows = [
        (KernelKey::UserNames, "4.4.7", Blocked),
        (KernelKey::Permissions, "4.4.7", Ready),
        (KernelKey::Permissions, "4.4.14", Blocked),
        (KernelKey::RegistryPaths, "4.4.14", Ready),
        (KernelKey::RegistryPaths, "4.5.0", Warning),
        (KernelKey::Domains, "4.5.0", Warning),
        (KernelKey::SystemRoles, "4.5.0", Warning),
        (KernelKey::UserIds, "4.5.0", Ready),
        (KernelKey::UserIds, "4.6.0", Blocked),
        (KernelKey::Scopes, "4.6.0", Blocked),
        (KernelKey::UserNamesWhateverCase, "4.6.0", Ready),
        (KernelKey::UserNamesWhateverCase, "4.10.25", Blocked),
    ];
    for (key, target, verdict) in rows {
        let seen = look(&CHECK, &to_447(key).to(target));
        assert_eq!(seen.verdict, verdict, "{key:?} {target}: {}", seen.text());
    }
}

#[test]
fn the_kernels_tables_are_looked_into() {
    use Severity::{Blocker, Notice};
    const WARNED: Severity = Severity::Warning;
    let rows: &[Spoil] = &[
        ("golden", |_| {}, Ready, &[]),
        (
            "no table seen at all",
            |g| {
                let records = records(g);
                read(&mut records.tables).clear();
                records.other_tables = crate::facts::Field::Read(0);
                read(&mut records.keys).clear();
                read(&mut records.orphans).clear();
            },
            Unknown,
            &[],
        ),
        (
            "in force",
            |g| {
                key(g, KernelKey::UserNames).duplicates = Field::Read(3);
                key(g, KernelKey::UserNames).in_force = true;
            },
            Ready,
            &[],
        ),
        (
            "twice",
            |g| key(g, KernelKey::UserNames).duplicates = Field::Read(1001),
            Blocked,
            &[(Blocker, "user-names")],
        ),
        ("not counted", |g| key(g, KernelKey::UserNames).duplicates = unread(), Unknown, &[]),
        ("not counted, and not for this target", |g| key(g, KernelKey::UserIds).empty = unread(), Ready, &[]),
        (
            "orphans",
            |g| {
                read(&mut records(g).orphans).push(OrphanRows {
                    table: "REG_RESOURCE".into(),
                    points_to: "REG_PATH".into(),
                    rows: Field::Read(4),
                });
            },
            Ready,
            &[(Notice, "orphans")],
        ),
        (
            "left behind",
            |g| read(&mut records(g).leftover_tables).push("REG_LOG_BACKUP".into()),
            Warning,
            &[(WARNED, "leftover-tables")],
        ),
        (
            "behind",
            |g| read(&mut records(g).behind).push("UM_USER_SEQ gives 1 next".into()),
            Warning,
            &[(WARNED, "sequences")],
        ),
        ("keys unread", |g| records(g).keys = unread(), Unknown, &[]),
        ("orphans unread", |g| records(g).orphans = unread(), Unknown, &[]),
        ("left behind unread", |g| records(g).leftover_tables = unread(), Unknown, &[]),
        ("behind unread", |g| records(g).behind = unread(), Unknown, &[]),
        ("sizes unread", |g| database(g).records.growing_tables = unread(), Unknown, &[]),
        ("constraints unread", |g| database(g).records.leftovers = unread(), Unknown, &[]),
        ("not looked at", |g| database(g).records.kernel = None, Unknown, &[]),
        ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows);
}
