//! Is there a backup of the home directory that can be relied upon?

use super::backup::{self, Looked, is_below};
use super::units::bytes;
use crate::facts::{BackupKind, Family, Role, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "backup-home",
    title: "A good backup of the home directory",
    category: Category::Backup,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Backups, Source::Disk],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The backups of the home directory in the places the configuration names: when the newest was finished, whether it can be \
read to its end (checksums of every file in a zip, of a gzip, zstd or bzip2 stream, the end mark of a tar archive; a plain \
directory is walked), how large it is beside those before it and beside the home itself, and whether it lies on another \
file system. What a file is, is told by its content, not by its name.

A backup that is still being written is passed over. Of several, the two newest are read; what was read once and has not \
changed is not read again. A backup that is encrypted or kept elsewhere is told of by a marker file, see below.

## Why it matters

The home holds the configuration, the attachments and the search index. An upgrade cannot be undone: the way back is the \
backup of home, database and installation from before. The vendor asks for all three: \
<https://confluence.atlassian.com/doc/upgrading-confluence-4578.html>.

A backup that is missing, empty or older than `backup_max_age_days` blocks, as does a damaged one unless the one before it \
is whole. An old, shrunken or incomplete one and one on the same disk warn. One that nobody could read to its end is \
unknown.

## How to fix it

Make a new backup and see that it can be read: `unzip -tq FILE`, `tar -tf FILE > /dev/null`, `gzip -t FILE`.

The index is rebuilt by the product and need not be in the backup. Attachments outside the home need a backup of their \
own: a notice says so when they are not in this one.

## What it needs

In the configuration, for each instance:

    [instance.backups.home]
    places = [\"/backup/wiki-home-*.tar.gz\"]
    # form = \"directory\"   # every place is itself a copy of the home, such as one rsync keeps

Places are files, patterns, or directories whose files are the backups (`**` reaches into directories below). The agent's \
user must be able to read them: `setfacl -m u:USER:r FILE`.

A backup job tells of a backup the agent cannot read by writing, as its last step, a file in one of the places:

    backup_marker = 1
    kind = \"home\"                            # home, database or installation
    finished_at = 2026-11-20T02:13:00Z
    bytes = 21474836480
    location = \"s3://backups/wiki/home.tar.age\"
    verified = true                          # the job read it back and compared
    by = \"restic check, nightly\"

`location` may name a file beside it: then the marker speaks for that file. `agent config \
schema backup-marker` prints its schema.

## Settings

`backup_warn_age_days`, `backup_max_age_days`, `backup_min_percent_of_usual` and `backup_min_percent_of_directory` in \
`[policy]`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let mut looked = backup::look(case, BackupKind::Home)?;
    backup::look_at_directory(case, &mut looked, BackupKind::Home, Role::Home, &[Role::Index]);
    let notice = attachments(case, &looked);
    looked.found.extend(notice);
    conclude(looked.evidence, looked.found, looked.missing)
}

/// Attachments outside the home are told of when they cannot be in the backup.
fn attachments(case: &Case<'_>, looked: &Looked<'_>) -> Option<Finding> {
    let disk = case.facts.disk().ok()?;
    let (home, attachments) = (disk.place(Role::Home)?, disk.place(Role::Attachments)?);
    if is_below(&attachments.path, &home.path) && attachments.mount_point == home.mount_point {
        return None;
    }
    let (backup, held) = (looked.chosen?, looked.contents()?.unpacked_bytes);
    let size = attachments.size.value()?.bytes;
    (held > 0 && held < size).then(|| Finding {
        severity: Severity::Notice,
        subject: "attachments".to_owned(),
        summary: format!(
            "The attachments in {} are not in the home directory's backup",
            attachments.path
        ),
        observed: format!("attachments of {}; {} unpacked", bytes(size), bytes(held)),
        required: "a backup of the attachments too".to_owned(),
        remedy: format!(
            "See that {} is backed up by itself, at about the same time as the database; {} does not hold it.",
            attachments.path, backup.path
        ),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::facts::{Backup, Contents, Field, Integrity};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, backup_set, contents, disk, judges_spoilt, look, newest, read, unread,
    };

    const KIND: BackupKind = BackupKind::Home;
    const GIB: u64 = 1 << 30;

    fn list(golden: &mut Golden) -> &mut Vec<Backup> {
        read(&mut backup_set(golden, KIND).backups)
    }

    fn make_whole(golden: &mut Golden, index: usize) {
        let contents = Contents { entries: 9, unpacked_bytes: 29 * GIB, ..Contents::default() };
        list(golden)[index].integrity = Field::Read(Integrity::Whole(contents));
    }

    fn damage(golden: &mut Golden, index: usize) {
        list(golden)[index].integrity = Field::Read(Integrity::Damaged("it was cut off".into()));
    }

    fn age(golden: &mut Golden, days: i64) {
        for backup in list(golden) {
            backup.finished_at -= SignedDuration::from_hours(24 * days);
        }
    }

    fn place(golden: &mut Golden, role: Role) -> &mut crate::facts::Place {
        disk(golden).places.iter_mut().find(|place| place.role == role).unwrap()
    }

    #[test]
    fn judges_presence_and_age() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("none", |g| list(g).clear(), Blocked, &[(B, "missing")]),
            ("not set up", |g| g.facts.switch_off(Source::Backups), Unknown, &[]),
            ("could not look", |g| backup_set(g, KIND).backups = unread(), Unknown, &[]),
            ("the newest is being written", |g| newest(g, KIND).being_written = true, Unknown, &[]),
            (
                "the newest is being written, the one before is whole",
                |g| {
                    newest(g, KIND).being_written = true;
                    make_whole(g, 1);
                },
                Ready,
                &[],
            ),
            (
                "the only one is being written",
                |g| {
                    list(g).truncate(1);
                    newest(g, KIND).being_written = true;
                },
                Blocked,
                &[(B, "missing")],
            ),
            (
                "exactly two days old",
                |g| newest(g, KIND).finished_at = g.now - SignedDuration::from_hours(48),
                Ready,
                &[],
            ),
            ("more than two days old", |g| age(g, 2), Warning, &[(W, "age")]),
            ("more than seven days old", |g| age(g, 7), Blocked, &[(B, "age")]),
            (
                "a limit of its own",
                |g| {
                    age(g, 7);
                    (g.policy.backup_warn_age_days, g.policy.backup_max_age_days) = (14, 30);
                },
                Ready,
                &[],
            ),
            (
                "of the future",
                |g| newest(g, KIND).finished_at = g.now + SignedDuration::from_hours(2),
                Unknown,
                &[(W, "future")],
            ),
            (
                "a clock slightly ahead",
                |g| newest(g, KIND).finished_at = g.now + SignedDuration::from_mins(5),
                Ready,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn judges_wholeness() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("damaged", |g| damage(g, 0), Blocked, &[(B, "damaged")]),
            (
                "damaged, the one before is whole",
                |g| {
                    damage(g, 0);
                    make_whole(g, 1);
                },
                Warning,
                &[(W, "damaged")],
            ),
            (
                "damaged, the whole one is old",
                |g| {
                    damage(g, 0);
                    make_whole(g, 9);
                },
                Blocked,
                &[(W, "damaged"), (B, "age")],
            ),
            ("not read", |g| newest(g, KIND).integrity = unread(), Unknown, &[]),
            (
                "not read, the one before is whole",
                |g| {
                    newest(g, KIND).integrity = unread();
                    make_whole(g, 1);
                },
                Warning,
                &[(W, "not-verified")],
            ),
            (
                "not read, the whole one is too old to count",
                |g| {
                    newest(g, KIND).integrity = unread();
                    make_whole(g, 9);
                },
                Unknown,
                &[],
            ),
            ("nothing in it", |g| *contents(g, KIND) = Contents::default(), Blocked, &[(B, "empty")]),
            (
                "whole by the word of a marker",
                |g| {
                    newest(g, KIND).form = "marker".into();
                    newest(g, KIND).mount_point = Field::Unread("it is elsewhere".into());
                    *contents(g, KIND) =
                        Contents { written_by: Some("restic check".into()), ..Contents::default() };
                },
                Ready,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn judges_size_and_place() {
        const W: Severity = Severity::Warning;
        const N: Severity = Severity::Notice;
        let rows: &[Spoil] = &[
            ("half the usual size", |g| newest(g, KIND).bytes = 10 * GIB, Ready, &[]),
            ("less than that", |g| newest(g, KIND).bytes = 10 * GIB - 1, Warning, &[(W, "shrunk")]),
            (
                "no history",
                |g| {
                    newest(g, KIND).bytes = GIB;
                    list(g).truncate(3);
                },
                Ready,
                &[],
            ),
            (
                "a history of another form",
                |g| {
                    newest(g, KIND).bytes = GIB;
                    newest(g, KIND).form = "zip".into();
                },
                Ready,
                &[],
            ),
            (
                "shrunk, and nobody minds",
                |g| {
                    newest(g, KIND).bytes = GIB;
                    g.policy.backup_min_percent_of_usual = 0;
                },
                Ready,
                &[],
            ),
            // 30 GiB without an index of 3 GiB.
            ("half of the home", |g| contents(g, KIND).unpacked_bytes = 27 * GIB / 2, Ready, &[]),
            (
                "less than half",
                |g| contents(g, KIND).unpacked_bytes = 13 * GIB,
                Warning,
                &[(W, "incomplete")],
            ),
            (
                "less, and nobody minds",
                |g| {
                    contents(g, KIND).unpacked_bytes = GIB;
                    g.policy.backup_min_percent_of_directory = 0;
                },
                Ready,
                &[],
            ),
            ("size not known", |g| place(g, Role::Home).size = unread(), Unknown, &[]),
            ("size of the index not known", |g| place(g, Role::Index).size = unread(), Unknown, &[]),
            (
                "an index elsewhere does not count",
                |g| {
                    place(g, Role::Index).size = unread();
                    place(g, Role::Index).path = "/srv/index".into();
                },
                Ready,
                &[],
            ),
            (
                "beside the home",
                |g| newest(g, KIND).mount_point = Field::Read("/".into()),
                Warning,
                &[(W, "same-disk")],
            ),
            (
                "where the home is, is not known",
                |g| place(g, Role::Home).mount_point = unread(),
                Unknown,
                &[],
            ),
            (
                "attachments elsewhere",
                |g| {
                    place(g, Role::Attachments).path = "/srv/attachments".into();
                    place(g, Role::Home).size =
                        Field::Read(crate::facts::DirectorySize { bytes: 10 * GIB, entries: 9 });
                    contents(g, KIND).unpacked_bytes = 7 * GIB;
                },
                Ready,
                &[(N, "attachments")],
            ),
            (
                "attachments elsewhere, and in the backup",
                |g| place(g, Role::Attachments).path = "/srv/attachments".into(),
                Ready,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn a_damaged_one_is_told_with_the_command_that_shows_it() {
        let mut golden = golden();
        damage(&mut golden, 0);
        newest(&mut golden, KIND).form = "zip".into();
        let seen = look(&CHECK, &golden);
        assert!(seen.findings[0].remedy.contains("`unzip -tq '/backup/home-0'`"), "{}", seen.text());
    }
}
