//! Would the database refuse what the upgrade does to it?

mod kernel;

use super::sql;
use super::units::bytes;
use super::wording::{counted, first_few};
use crate::facts::{Database, Engine, Family, Leftover, LeftoverKind, Missing, Records, Source, TableSize};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "database-integrity",
    title: "Data the new tables accept",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Database],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Rows of `user_mapping` without a lower-case name, with one that stands twice, or with one that does not fit; whether a \
unique index keeps them apart. Indexes and constraints an earlier try left half-finished, and constraints that are there \
twice. Tables that are known to grow: `EVENTS`, `SNAPSHOTS`, `scheduler_run_details`, those of apps (`AO_…`). The note \
`migration.required` in `BANDANA`, and the rows of `clustersafety`. Names of users are counted in the server and never read.

WSO2 Carbon: rows of `UM_USER`, `UM_PERMISSION`, `REG_PATH`, `UM_DOMAIN`, `UM_SYSTEM_ROLE` and of the scopes that stand twice \
or are empty where the target's tables have a key; rows whose path, content or tenant is not there; sequences below the \
numbers in use; tables clean-ups left; tables of sessions and tokens. Each database of the product is looked into.

## Why it matters

The upgrade adds keys that refuse missing and double names, and stops half-way where it meets them: \
<https://confluence.atlassian.com/confkb/606470296.html>, <https://confluence.atlassian.com/confkb/636420197.html>. These \
block. A leftover of an earlier try collides with the same step of the next: \
<https://confluence.atlassian.com/confkb/827331093.html>. Oversized tables make backup and upgrade slow; a due migration \
goes through all pages at each start: <https://confluence.atlassian.com/confkb/858707837.html>. These warn.

Kernels add keys over the years: on permissions with 4.4.14, on paths, domains and system roles with 4.5.0, on ids of users \
with 4.6.0, on names of users whatever their case with 4.10. Where issues of the vendor's products confirm that an upgrade \
stops at such rows, they block for a target that has the key; where it is inferred from the scripts, they warn.

## How to fix it

Each finding has the statement that shows the rows. Change data only with the product stopped and a fresh backup, as the \
vendor's page says.

## What it needs

PostgreSQL: `GRANT SELECT ON user_mapping, bandana, clustersafety TO readiness;`; sizes, indexes and constraints are open \
to all. MySQL and MariaDB: `GRANT SELECT ON confluence.* TO 'readiness'@'localhost';`. SQL Server and Oracle cannot be \
asked by this agent.

## Settings

`large_table_rows`: from how many rows on a table is oversized.
";

/// The least a row takes in a table, whatever is in it (PostgreSQL's header is 24 bytes, InnoDB's row not less than 20).
const LEAST_ROW_BYTES: u64 = 20;

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    if database.engine.is_embedded() {
        let reason = format!(
            "{} is embedded; the move to a real database, which database-embedded asks for, writes the tables anew",
            database.engine.name()
        );
        return Err(Undecided::DoesNotApply(reason));
    }
    let mut look =
        Look { database, most_rows: case.policy.large_table_rows, found: Vec::new(), missing: Vec::new() };
    let family = case.facts.product.family();
    match family {
        Family::Confluence => look.at_users(),
        Family::Carbon => look.at_kernel(case),
    }
    look.at_leftovers();
    look.at_sizes();
    let evidence = match family {
        Family::Confluence => {
            look.at_notes();
            format!("looked into the tables of {}", database.address)
        }
        Family::Carbon => {
            let target = &case.target.version;
            format!("looked into the tables of {} for the keys {target} has", database.address)
        }
    };
    conclude(evidence, look.found, look.missing)
}

struct Look<'a> {
    database: &'a Database,
    most_rows: u64,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

impl<'a> Look<'a> {
    fn take<T>(&mut self, read: Result<&'a T, Missing>) -> Option<&'a T> {
        match read {
            Ok(value) => Some(value),
            Err(missing) => {
                self.missing.push(missing);
                None
            }
        }
    }

    fn at_users(&mut self) {
        let database = self.database;
        let read = database.records.users.read(Source::Database, "the rows of user_mapping");
        let read = read.map_err(|missing| match database.engine {
            Engine::SqlServer | Engine::Oracle => sql::ask(missing, BY_HAND),
            Engine::Postgresql | Engine::Mysql | Engine::Mariadb | Engine::H2 | Engine::Hsqldb => missing,
        });
        let Some(users) = self.take(read) else { return };
        let backup = "Stop the product and back the database up before any change, and follow";
        if users.without_lower_name > 0 {
            self.found.push(Finding {
                severity: Severity::Blocker,
                subject: "user-names-missing".to_owned(),
                summary: "user_mapping has rows without a lower-case name, which the upgrade refuses".to_owned(),
                observed: rows(users.without_lower_name),
                required: "a lower_username in every row".to_owned(),
                remedy: format!(
                    "Look at them: SELECT user_key, username FROM user_mapping WHERE lower_username IS NULL; {backup} \
                     https://confluence.atlassian.com/confkb/606470296.html: as a rule UPDATE user_mapping SET \
                     lower_username = lower(username) WHERE lower_username IS NULL;"
                ),
            });
        }
        if users.duplicates > 0 {
            self.found.push(Finding {
                severity: Severity::Blocker,
                subject: "user-names-duplicate".to_owned(),
                summary: "user_mapping has names that stand in several rows, which the upgrade refuses".to_owned(),
                observed: format!("{} more than once", counted_up_to(users.duplicates, "name")),
                required: "each lower_username once".to_owned(),
                remedy: format!(
                    "Look at them: SELECT lower_username, count(*) FROM user_mapping GROUP BY lower_username HAVING count(*) \
                     > 1; Find out which row content refers to. {backup} \
                     https://confluence.atlassian.com/confkb/636420197.html ."
                ),
            });
        }
        if users.differing > 0 {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: "user-names-differing".to_owned(),
                summary: "user_mapping has rows whose lower-case name is another name".to_owned(),
                observed: rows(users.differing),
                required: "lower_username as the lower case of username".to_owned(),
                remedy: format!(
                    "Look at them: SELECT user_key, username, lower_username FROM user_mapping WHERE lower(username) <> \
                     lower_username; A rename that went half-way leaves them. {backup} \
                     https://confluence.atlassian.com/confkb/636420197.html ."
                ),
            });
        }
        if !users.kept_apart {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: "user-names-constraint".to_owned(),
                summary: "no unique key keeps the names in user_mapping apart".to_owned(),
                observed: "no unique index on lower_username alone is in force".to_owned(),
                required: "a unique key such as unq_lwr_username".to_owned(),
                remedy: format!(
                    "An incomplete restore or an undone upgrade loses it. {backup} the vendor's support: as a rule ALTER TABLE \
                     user_mapping ADD CONSTRAINT unq_lwr_username UNIQUE (lower_username);"
                ),
            });
        }
    }

    fn at_leftovers(&mut self) {
        let read = self.database.records.leftovers.read(Source::Database, "indexes and constraints");
        let Some(leftovers) = self.take(read) else { return };
        for kind in [
            LeftoverKind::DuplicateConstraint,
            LeftoverKind::InvalidIndex,
            LeftoverKind::UnvalidatedConstraint,
        ] {
            let names: Vec<String> = leftovers
                .iter()
                .filter(|one| one.kind == kind)
                .map(|one| format!("{} on {}", one.name, one.table))
                .collect();
            if !names.is_empty() {
                let at_least = if leftovers.len() > Leftover::MOST { "at least " } else { "" };
                let list = first_few(names.iter().map(String::as_str), names.len() as u64);
                self.found.push(leftover(kind, format!("{at_least}{list}")));
            }
        }
    }

    fn at_sizes(&mut self) {
        let read = self.database.records.growing_tables.read(Source::Database, "the sizes of tables");
        let Some(tables) = self.take(read) else { return };
        for table in tables {
            match table.rows {
                Some(rows) if rows > self.most_rows => self.found.push(self.oversized(table, rows)),
                Some(_) => {}
                // Nobody counted; what is small enough cannot hold too many.
                None if table.row_bytes / LEAST_ROW_BYTES <= self.most_rows => {}
                None => self.missing.push(Missing::Unread {
                    of: Source::Database,
                    what: format!("how many rows {} has", table.name),
                    why: format!(
                        "the server never counted; as the owner of the table: ANALYZE {}",
                        sql::name(self.database.engine, &table.name)
                    ),
                }),
            }
        }
    }

    fn oversized(&self, table: &TableSize, rows: u64) -> Finding {
        let name = &table.name;
        let (severity, remedy) = match name.to_ascii_lowercase().as_str() {
            "events" | "snapshots" => (
                Severity::Warning,
                "These are edits Synchrony keeps for collaborative editing. See whether the scheduled jobs that evict \
                 Synchrony data are switched on and finish (General Configuration, Scheduled Jobs), and let them catch up \
                 before the upgrade."
                    .to_owned(),
            ),
            name if name.starts_with("idn_") => (
                Severity::Warning,
                "These are sessions and tokens of users. Switch on the clean-up of expired ones, or run the vendor's clean-up \
                 scripts on it well before the upgrade: migrations go through every row."
                    .to_owned(),
            ),
            name if name.starts_with("reg_") => (
                Severity::Notice,
                "This is the registry. Mind it when estimating copy, backup and downtime.".to_owned(),
            ),
            "scheduler_run_details" => (
                Severity::Warning,
                "This is the history of scheduled jobs. Switch on and run the job that purges old run details (General \
                 Configuration, Scheduled Jobs) before the upgrade."
                    .to_owned(),
            ),
            _ => (
                Severity::Notice,
                format!(
                    "The table belongs to an app: ask its vendor how to purge it, and mind it when estimating backup and \
                     downtime; what the upgrade changes in {name} is done row by row."
                ),
            ),
        };
        Finding {
            severity,
            subject: name.clone(),
            summary: format!("the table {name} is so large that backup and upgrade take much longer"),
            observed: format!("about {} million rows, {}", tenths(rows), bytes(table.bytes)),
            required: format!("not more than {} rows", self.most_rows),
            remedy,
        }
    }

    fn at_notes(&mut self) {
        let records = &self.database.records;
        let read = records.remigration.read(Source::Database, "whether pages must be migrated again");
        if self.take(read) == Some(&Some(true)) {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: "migration-required".to_owned(),
                summary: "the product will migrate its pages again at each start".to_owned(),
                observed: "migration.required is true in BANDANA".to_owned(),
                required: "no migration beside the upgrade".to_owned(),
                remedy: "Let it finish once before the upgrade: restart the product in a quiet hour and wait until the log \
                         says so. When it comes back after each start because of macros nobody has any more, switch it off \
                         with -Dconfluence.startup.remigration.disable=true in setenv.sh; see \
                         https://confluence.atlassian.com/confkb/858707837.html ."
                    .to_owned(),
            });
        }
        let read = records.safety_rows.read(Source::Database, "the rows of clustersafety");
        if let Some(Some(count)) = self.take(read)
            && *count > 1
        {
            self.found.push(Finding {
                severity: Severity::Notice,
                subject: "clustersafety".to_owned(),
                summary: "clustersafety has more than one row, as after two servers on one database".to_owned(),
                observed: rows(*count),
                required: "one row".to_owned(),
                remedy: "Make sure that no second server uses this database, also not a copy on staging: the check \
                         database-sessions names who is connected."
                    .to_owned(),
            });
        }
    }
}

const BY_HAND: &str = "SELECT COUNT(*) FROM user_mapping WHERE lower_username IS NULL; and SELECT lower_username FROM \
    user_mapping GROUP BY lower_username HAVING COUNT(*) > 1; must both find nothing";

fn leftover(kind: LeftoverKind, observed: String) -> Finding {
    let (subject, summary, required, remedy) = match kind {
        LeftoverKind::DuplicateConstraint => (
            "duplicate-constraints",
            "there are constraints that say the same as another one on their table",
            "each constraint once",
            "An earlier try of an upgrade leaves them, and the next collides with them; see \
             https://confluence.atlassian.com/confkb/827331093.html . Try the upgrade on a copy of this database; with a backup \
             at hand drop the newer of two that say the same.",
        ),
        LeftoverKind::InvalidIndex => (
            "invalid-indexes",
            "there are indexes that were begun and never finished",
            "indexes that are valid",
            "A broken-off CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY leaves them: they cost time and are not used. As \
             their owner REINDEX INDEX each, or drop it when there is another one like it.",
        ),
        LeftoverKind::UnvalidatedConstraint => (
            "unvalidated-constraints",
            "there are constraints the rows were never compared with",
            "constraints that all rows fulfil",
            "As the owner of the table run ALTER TABLE … VALIDATE CONSTRAINT … for each: it shows whether rows break it, which \
             the upgrade would stumble over.",
        ),
    };
    Finding {
        severity: Severity::Warning,
        subject: subject.to_owned(),
        summary: summary.to_owned(),
        observed,
        required: required.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn rows(count: u64) -> String {
    counted_up_to(count, "row")
}

/// Counting ends at [`Records::MOST`].
fn counted_up_to(count: u64, noun: &str) -> String {
    if count > Records::MOST {
        format!("more than {}", counted(Records::MOST, noun))
    } else {
        counted(count, noun)
    }
}

/// Millions with one decimal.
fn tenths(rows: u64) -> String {
    let tenths = rows / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::UserRows;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, database, judges_spoilt, look, read, unread};

    fn users(golden: &mut Golden) -> &mut UserRows {
        read(&mut database(golden).records.users)
    }

    fn table(golden: &mut Golden, name: &str, rows: Option<u64>, row_bytes: u64) {
        let tables = read(&mut database(golden).records.growing_tables);
        tables.push(TableSize { name: name.into(), rows, row_bytes, bytes: 2 * row_bytes });
    }

    fn leave(golden: &mut Golden, kind: LeftoverKind, name: &str) {
        let leftovers = read(&mut database(golden).records.leftovers);
        leftovers.push(Leftover { kind, table: "content".into(), name: name.into() });
    }

    #[test]
    fn what_new_keys_refuse_blocks() {
        use Severity::{Blocker, Notice};
        const WARNED: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            (
                "a name missing",
                |g| users(g).without_lower_name = 1,
                Blocked,
                &[(Blocker, "user-names-missing")],
            ),
            ("a name twice", |g| users(g).duplicates = 1001, Blocked, &[(Blocker, "user-names-duplicate")]),
            ("another name", |g| users(g).differing = 3, Warning, &[(WARNED, "user-names-differing")]),
            ("no key", |g| users(g).kept_apart = false, Warning, &[(WARNED, "user-names-constraint")]),
            (
                "half-finished",
                |g| {
                    leave(g, LeftoverKind::InvalidIndex, "i");
                    leave(g, LeftoverKind::DuplicateConstraint, "fk_2");
                    leave(g, LeftoverKind::UnvalidatedConstraint, "c");
                    leave(g, LeftoverKind::DuplicateConstraint, "fk_3");
                },
                Warning,
                &[
                    (WARNED, "duplicate-constraints"),
                    (WARNED, "invalid-indexes"),
                    (WARNED, "unvalidated-constraints"),
                ],
            ),
            ("a million events", |g| table(g, "EVENTS2", Some(1_000_000), 1 << 30), Ready, &[]),
            (
                "and one more",
                |g| table(g, "snapshots", Some(1_000_001), 1 << 30),
                Warning,
                &[(WARNED, "snapshots")],
            ),
            (
                "run details",
                |g| table(g, "SCHEDULER_RUN_DETAILS", Some(9_000_000), 1 << 30),
                Warning,
                &[(WARNED, "SCHEDULER_RUN_DETAILS")],
            ),
            ("of an app", |g| table(g, "AO_1", Some(u64::MAX), 1 << 30), Ready, &[(Notice, "AO_1")]),
            (
                "the operator's limit",
                |g| {
                    table(g, "SNAPSHOTS", Some(9_000_000), 1 << 30);
                    g.policy.large_table_rows = 10_000_000;
                },
                Ready,
                &[],
            ),
            ("never counted and small", |g| table(g, "SNAPSHOTS", None, 20_000_000), Ready, &[]),
            ("never counted and large", |g| table(g, "SNAPSHOTS", None, 20_000_020), Unknown, &[]),
            (
                "pages to be migrated",
                |g| database(g).records.remigration = crate::facts::Field::Read(Some(true)),
                Warning,
                &[(WARNED, "migration-required")],
            ),
            ("no such note", |g| *read(&mut database(g).records.remigration) = None, Ready, &[]),
            (
                "two servers",
                |g| *read(&mut database(g).records.safety_rows) = Some(2),
                Ready,
                &[(Notice, "clustersafety")],
            ),
            ("no such table", |g| *read(&mut database(g).records.safety_rows) = None, Ready, &[]),
            ("users unread", |g| database(g).records.users = unread(), Unknown, &[]),
            ("leftovers unread", |g| database(g).records.leftovers = unread(), Unknown, &[]),
            ("sizes unread", |g| database(g).records.growing_tables = unread(), Unknown, &[]),
            ("note unread", |g| database(g).records.remigration = unread(), Unknown, &[]),
            ("safety unread", |g| database(g).records.safety_rows = unread(), Unknown, &[]),
            (
                "one unread, another blocks",
                |g| {
                    database(g).records.leftovers = unread();
                    users(g).duplicates = 2;
                },
                Blocked,
                &[(Blocker, "user-names-duplicate")],
            ),
            ("an older snapshot", |g| database(g).records = Records::default(), Unknown, &[]),
            ("embedded", |g| database(g).engine = Engine::Hsqldb, Skipped, &[]),
            ("off", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn numbers_are_told_as_far_as_they_are_known() {
        let mut golden = golden();
        users(&mut golden).duplicates = Records::MOST + 1;
        users(&mut golden).without_lower_name = 1;
        table(&mut golden, "EVENTS3", Some(1), 1);
        table(&mut golden, "SNAPSHOTS", Some(12_345_678), 1 << 30);
        for number in 0..=Leftover::MOST {
            leave(&mut golden, LeftoverKind::InvalidIndex, &format!("i{number:03}"));
        }
        let text = look(&CHECK, &golden).text();
        for part in [
            "more than 1000 names more than once",
            "\"1 row\"",
            "about 12.3 million rows, 2 GiB",
            "at least i000 on content",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        database(&mut golden).engine = Engine::SqlServer;
        database(&mut golden).records = Records::unread("this agent cannot ask SQL Server");
        assert!(look(&CHECK, &golden).reason.contains("must both find nothing"));
    }
}
