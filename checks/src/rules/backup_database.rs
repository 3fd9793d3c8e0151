//! Is there a backup of the database that can be relied upon?

use std::fmt;

use super::backup::{self, Looked, is_dump};
use super::units::bytes;
use super::vocabulary::Vocabulary;
use super::wording::{counted, excerpt, first_few};
use crate::facts::{BackupKind, Contents, Database, DatabaseConfig, Engine, Field, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "backup-database",
    title: "A good backup of the database",
    category: Category::Backup,
    products: Products::All,
    reads: &[Source::Backups, Source::Database, Source::Installation],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The backups of the database in the places the configuration names: the newest one's age, whether it can be read to its \
end (dumps of PostgreSQL in custom and plain form and of MySQL and MariaDB are read through to their last line, packed or \
not), its size beside those before it and beside the database, and whether it is of the database the product uses: by \
the name the dump gives, and by the product's own table in it. See `backup-home` for marker files.

## Why it matters

An upgrade changes the database and cannot be undone: the way back is the dump. The vendor's guide: \"Surprisingly, many \
companies get in trouble for broken database backups because they skip this basic but vital smoke test\", \
<https://confluence.atlassian.com/doc/upgrading-confluence-4578.html>. A dump that is whole is not yet one that \
restores: `backup-restore` looks for that.

A backup that is missing, empty, not of the product or older than `backup_max_age_days` blocks, as does a damaged one \
unless the one before it is whole. An old, shrunken or incomplete one, and one that names another database, warn. A dump \
from another version of the server, or by a tool older than the server, is a notice: that tool refuses the server next \
time. An embedded database (H2, HSQLDB) is part of the home \
directory's backup: the check does not apply.

## How to fix it

PostgreSQL: `pg_dump -Fc -f /backup/wiki-$(date +%F).dump DATABASE`, and see that it can be read: \
`pg_restore -f /dev/null FILE`. MySQL: `mysqldump --single-transaction DATABASE | gzip > FILE`; its last line says \
`Dump completed`.

## What it needs

    [instance.backups.database]
    places = [\"/backup/wiki-*.dump\"]

the right to read them (`setfacl -m u:USER:r FILE`), and the database itself for its size.

## Settings

`backup_warn_age_days`, `backup_max_age_days`, `backup_min_percent_of_usual` and `backup_min_percent_of_database` in \
`[policy]`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let config = case.facts.installation()?.database.read(Source::Installation, "the database connection");
    if let Ok(DatabaseConfig { engine: Some(engine), .. }) = config
        && engine.is_embedded()
    {
        return Err(Undecided::DoesNotApply(format!(
            "the embedded database {} is kept in the home directory, and backed up with it",
            engine.name()
        )));
    }
    let mut looked = backup::look(case, BackupKind::Database)?;
    let mut found = Vec::new();
    match config {
        Ok(config) => found.extend(another_database(config, &looked)),
        Err(missing) => looked.missing.push(missing),
    }
    found.extend(not_a_dump(&looked));
    found.extend(not_the_product(case, &looked));
    found.extend(leaves(&looked));
    match case.facts.database() {
        Ok(database) => {
            found.extend(versions(database, &looked));
            let percent = case.policy.backup_min_percent_of_database;
            match database.size_bytes.read(Source::Database, "the size of the database") {
                _ if percent == 0 => {}
                Ok(size) => {
                    let of = format!("{} holds {}", database.address, bytes(*size));
                    let setting = "backup_min_percent_of_database";
                    found.extend(backup::incomplete(&looked, *size, percent, &of, setting));
                }
                Err(missing) => looked.missing.push(missing),
            }
        }
        Err(missing) => looked.missing.push(missing),
    }
    looked.found.extend(found);
    conclude(looked.evidence, looked.found, looked.missing)
}

/// The name may differ for good reasons, such as a pooler's alias or a replica: somebody must look.
fn another_database(config: &DatabaseConfig, looked: &Looked<'_>) -> Option<Finding> {
    let (of, configured) = (looked.contents()?.database.as_deref()?, config.database.as_deref()?);
    let backup = looked.chosen?;
    (!of.eq_ignore_ascii_case(configured)).then(|| Finding {
        severity: Severity::Warning,
        subject: "another-database".to_owned(),
        summary: format!("The dump is of the database {}, and {configured} is the one in use", excerpt(of)),
        observed: format!("database {}", excerpt(of)),
        required: format!("database {configured}, as {} has it", config.place),
        remedy: format!(
            "See what {} is a dump of. If the job dumps another site or an old database, correct it; if {} is only \
             another name of the same database, waive this.",
            backup.path,
            excerpt(of)
        ),
    })
}

/// Of an archive it is known that it can be unpacked, and not whose files are in it.
fn not_a_dump(looked: &Looked<'_>) -> Option<Finding> {
    let (backup, contents) = (looked.chosen?, looked.contents()?);
    let vouched = backup.form == "marker" || contents.written_by.is_some();
    (!is_dump(backup) && !vouched).then(|| Finding {
        severity: Severity::Warning,
        subject: "not-a-dump".to_owned(),
        summary: "The newest backup of the database is an archive, and nobody can tell whether a database is in it"
            .to_owned(),
        observed: format!("{} is a {}", backup.path, backup.form),
        required: "a dump, or somebody's word that the archive is a backup of the database".to_owned(),
        remedy: format!(
            "See that [instance.backups.database] places does not name the backups of something else. If {} is a \
             copy of the server's own files (pg_basebackup, mariabackup, a snapshot), test that it can be restored \
             and sign this check off, or name only the marker file its job writes.",
            backup.path
        ),
    })
}

/// Only a complete list of tables can show that one is lacking.
fn not_the_product(case: &Case<'_>, looked: &Looked<'_>) -> Option<Finding> {
    let (backup, contents) = (looked.chosen?, looked.contents()?);
    let product = case.facts.product;
    let own_tables = Vocabulary::of(product).own_tables;
    let Contents { tables, entries, .. } = contents;
    let complete = !tables.is_empty() && *entries <= tables.len() as u64;
    let own = |table: &String| {
        let name = table.rsplit('.').next().unwrap_or(table);
        let name = name.trim_matches(['"', '`']);
        own_tables.iter().any(|own| name.eq_ignore_ascii_case(own))
    };
    (is_dump(backup) && complete && !tables.iter().any(own)).then(|| Finding {
        severity: Severity::Blocker,
        subject: "not-the-product".to_owned(),
        summary: format!("The dump is not of a {product} database, or not of all of it"),
        observed: format!(
            "{} without {}: {}",
            counted(*entries, "table"),
            own_tables.join(" or "),
            first_few(tables.iter().map(String::as_str), *entries)
        ),
        required: format!("a dump with the table {}, which every {product} has", own_tables.join(" or ")),
        remedy: format!(
            "See which database and which tables the job that writes {} dumps: it must be the whole database of \
             the product.",
            backup.path
        ),
    })
}

fn leaves(looked: &Looked<'_>) -> Option<Finding> {
    let (backup, contents) = (looked.chosen?, looked.contents()?);
    let first = contents.leaves_database.first()?;
    Some(Finding {
        severity: Severity::Notice,
        subject: "leaves-database".to_owned(),
        summary: "Restoring the dump would write into the database it names, wherever it is restored"
            .to_owned(),
        observed: excerpt(first),
        required: "a dump without statements that choose, create or drop a database".to_owned(),
        remedy: format!(
            "Mind this when you restore {} for a test: it could overwrite production. Dump without --create and \
             --databases to be free of it.",
            backup.path
        ),
    })
}

/// Notices only: neither keeps a dump from being restored.
fn versions(database: &Database, looked: &Looked<'_>) -> Vec<Finding> {
    let Some((backup, contents)) = looked.chosen.zip(looked.contents()) else { return Vec::new() };
    let Field::Read(now) = &database.version else { return Vec::new() };
    if !is_dump(backup) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(then) = contents.server_version.as_deref()
        && let Some((then_major, now_major)) = major(database.engine, then).zip(major(database.engine, now))
        && then_major != now_major
    {
        found.push(Finding {
            severity: Severity::Notice,
            subject: "server-version".to_owned(),
            summary: "The dump was taken from another version of the server".to_owned(),
            observed: format!("dumped from {}, now {}", excerpt(then), excerpt(now)),
            required: "a dump of the server in use".to_owned(),
            remedy:
                "Make a new dump after a change of the server, so that what is restored is what is in use."
                    .to_owned(),
        });
    }
    if database.engine == Engine::Postgresql
        && let Some(tool) = contents.written_by.as_deref()
        && let Some((tool_major, now_major)) = major(database.engine, tool).zip(major(database.engine, now))
        && tool_major < now_major
    {
        found.push(Finding {
            severity: Severity::Notice,
            subject: "dump-tool".to_owned(),
            summary: "The tool that wrote the dump is older than the server, which it will refuse".to_owned(),
            observed: format!("pg_dump {}, server {}", excerpt(tool), excerpt(now)),
            required: format!("pg_dump {now_major} or newer"),
            remedy: format!(
                "Install the client of PostgreSQL {now_major} where dumps are made: pg_dump stops with \"server \
                 version mismatch\" otherwise."
            ),
        });
    }
    found
}

/// What tells a feature release: the first number, for MySQL and MariaDB the first two.
fn major(engine: Engine, version: &str) -> Option<Major> {
    let text = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let first = numbers.next()?.ok()?;
    let second = match engine {
        Engine::Mysql | Engine::Mariadb => numbers.next().and_then(Result::ok).or(Some(0)),
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => None,
    };
    Some(Major(first, second))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Major(u32, Option<u32>);

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(second) => write!(f, "{}.{second}", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, backup_set, config, contents, database, installation, judges_spoilt, look, newest, read,
        unread,
    };

    const KIND: BackupKind = BackupKind::Database;

    fn dump(golden: &mut Golden) -> &mut Contents {
        contents(golden, KIND)
    }

    #[test]
    fn judges_dumps() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        const N: Severity = Severity::Notice;
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("embedded", |g| config(g).engine = Some(Engine::H2), Skipped, &[]),
            ("embedded, old", |g| config(g).engine = Some(Engine::Hsqldb), Skipped, &[]),
            ("none", |g| read(&mut backup_set(g, KIND).backups).clear(), Blocked, &[(B, "missing")]),
            ("not set up", |g| g.facts.backups = without(g), Unknown, &[]),
            ("another", |g| dump(g).database = Some("jira".into()), Warning, &[(W, "another-database")]),
            ("the same in capitals", |g| dump(g).database = Some("Confluence".into()), Ready, &[]),
            (
                "an archive of something",
                |g| {
                    newest(g, KIND).form = "tar.gz".into();
                    dump(g).written_by = None;
                },
                Warning,
                &[(W, "not-a-dump")],
            ),
            ("it does not say of what it is", |g| dump(g).database = None, Ready, &[]),
            (
                "of another product",
                |g| {
                    dump(g).tables = vec!["public.jiraissue".into(), "public.project".into()];
                    dump(g).entries = 2;
                },
                Blocked,
                &[(B, "not-the-product")],
            ),
            (
                "with its schema and quoted",
                |g| {
                    dump(g).tables = vec!["public.\"CONFVERSION\"".into()];
                    dump(g).entries = 1;
                },
                Ready,
                &[],
            ),
            (
                "a list that was cut shows nothing",
                |g| dump(g).tables = vec!["public.content".into()],
                Ready,
                &[],
            ),
            (
                "leaves",
                |g| dump(g).leaves_database = vec!["USE `prod`".into()],
                Ready,
                &[(N, "leaves-database")],
            ),
            (
                "older server",
                |g| dump(g).server_version = Some("15.9".into()),
                Ready,
                &[(N, "server-version")],
            ),
            ("minor update", |g| dump(g).server_version = Some("16.2".into()), Ready, &[]),
            ("older tool", |g| dump(g).written_by = Some("9.6.24".into()), Ready, &[(N, "dump-tool")]),
            ("newer tool", |g| dump(g).written_by = Some("17.1".into()), Ready, &[]),
            ("too little", |g| dump(g).unpacked_bytes = 1 << 20, Warning, &[(W, "incomplete")]),
            (
                "too little, and nobody minds",
                |g| {
                    dump(g).unpacked_bytes = 1 << 20;
                    g.policy.backup_min_percent_of_database = 0;
                },
                Ready,
                &[],
            ),
            ("size not known", |g| database(g).size_bytes = unread(), Unknown, &[]),
            (
                "size not known and not needed",
                |g| {
                    database(g).size_bytes = unread();
                    g.policy.backup_min_percent_of_database = 0;
                },
                Ready,
                &[],
            ),
            ("connection not known", |g| installation(g).database = unread(), Unknown, &[]),
            ("not read", |g| newest(g, KIND).integrity = unread(), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    fn without(golden: &mut Golden) -> crate::facts::Reading<crate::facts::Backups> {
        let mut reading = golden.facts.backups.clone();
        if let crate::facts::Reading::Learned(learned) = &mut reading {
            learned.facts.sets.retain(|set| set.kind != KIND);
        }
        reading
    }

    #[test]
    fn who_did_not_say_where_dumps_are_learns_how_to() {
        let mut golden = golden();
        golden.facts.backups = without(&mut golden);
        let seen = look(&CHECK, &golden);
        assert!(seen.reason.contains("[instance.backups.database] places = "), "{}", seen.reason);
    }

    #[test]
    fn feature_releases_are_compared_as_numbers() {
        let of = |engine, text| major(engine, text).map(|major| major.to_string());
        assert_eq!(of(Engine::Postgresql, "16.4 (Debian 16.4-1.pgdg120+1)").as_deref(), Some("16"));
        assert_eq!(of(Engine::Mariadb, "10.11.6-MariaDB").as_deref(), Some("10.11"));
        assert_eq!(of(Engine::Mysql, "8").as_deref(), Some("8.0"));
        assert_eq!(of(Engine::Mysql, "unknown"), None);
        assert_eq!(of(Engine::Mysql, "99999999999999.1"), None);
        assert!(major(Engine::Postgresql, "9.6") < major(Engine::Postgresql, "16"));
    }
}
