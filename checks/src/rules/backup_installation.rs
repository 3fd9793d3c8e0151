//! Is there a backup of the installation directory that can be relied upon?

use super::backup;
use crate::facts::{BackupKind, Role, Source};
use crate::model::{About, Case, Category, Check, Judgement, People, Products, Undecided, conclude};

pub(super) static CHECK: Check = Check {
    id: "backup-installation",
    title: "A good backup of the installation directory",
    category: Category::Backup,
    products: Products::All,
    reads: &[Source::Backups, Source::Disk],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The backups of the installation directory in the places the configuration names: the newest one's age, whether it can be \
read to its end, its size beside those before it and beside the installation, and whether it lies on another file system. \
See `backup-home` for how they are read and for marker files.

## Why it matters

The installation holds what was changed by hand: `server.xml`, `setenv.sh`, certificates, drivers, customised pages. The \
vendor asks for a backup of it before an upgrade: <https://confluence.atlassian.com/doc/upgrading-confluence-4578.html>. \
The installer makes one too, but only when it is the installer that upgrades. Of a WSO2 Carbon product the installation is \
all there is beside the databases: the product home with configuration, keystores, artifacts and those of tenants; the \
vendor's guide asks for a copy of it together with the databases.

A backup that is missing, empty or older than `backup_installation_max_age_days` blocks, as does a damaged one unless the \
one before it is whole. The rest warns. The installation seldom changes, so its limits are wider than those of the home.

## How to fix it

`tar -czf /backup/wiki-installation-$(date +%F).tar.gz -C /opt/atlassian confluence`, and see that it can be read: \
`tar -tzf FILE > /dev/null`.

## What it needs

    [instance.backups.installation]
    places = [\"/backup/wiki-installation-*.tar.gz\"]

and the right to read them: `setfacl -m u:USER:r FILE`.

## Settings

`backup_installation_warn_age_days`, `backup_installation_max_age_days`, `backup_min_percent_of_usual` and \
`backup_min_percent_of_directory` in `[policy]`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let mut looked = backup::look(case, BackupKind::Installation)?;
    backup::look_at_directory(case, &mut looked, BackupKind::Installation, Role::Installation, &[]);
    conclude(looked.evidence, looked.found, looked.missing)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::facts::Field;
    use crate::golden::Golden;
    use crate::model::Severity;
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, backup_set, contents, judges_spoilt, newest, read, unread};

    const KIND: BackupKind = BackupKind::Installation;

    fn only_one_of(golden: &mut Golden, days: i64) {
        read(&mut backup_set(golden, KIND).backups).truncate(1);
        newest(golden, KIND).finished_at = golden.now - SignedDuration::from_hours(24 * days);
    }

    #[test]
    fn judges_with_wider_limits() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("a month", |g| only_one_of(g, 30), Ready, &[]),
            ("more than a month", |g| only_one_of(g, 31), Warning, &[(W, "age")]),
            ("more than half a year", |g| only_one_of(g, 181), Blocked, &[(B, "age")]),
            ("none", |g| read(&mut backup_set(g, KIND).backups).clear(), Blocked, &[(B, "missing")]),
            ("not read", |g| newest(g, KIND).integrity = unread(), Unknown, &[]),
            ("too little", |g| contents(g, KIND).unpacked_bytes = 1 << 29, Warning, &[(W, "incomplete")]),
            (
                "beside the installation",
                |g| newest(g, KIND).mount_point = Field::Read("/".into()),
                Warning,
                &[(W, "same-disk")],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
