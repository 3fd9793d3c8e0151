//! Is the staging database another one than production's, empty before the copy and complete after it?

mod pair;

use super::wording::{excerpt, first_few};
use crate::facts::{Family, Missing, Prepared, Source, StagedDatabase};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "staging-database",
    title: "A staging database that is production's copy",
    category: Category::Preparation,
    products: Products::Only(&[Family::Carbon]),
    reads: &[Source::Rehearsal],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Each database of the home that is set up with the new release, beside the database of the running home it takes the place \
of: whether it is the same one, which tables and exactly how many rows both have, which release of the kernel the tables \
can be of, sequences that stand below the numbers in use, tenants and domains of user stores. And options such as `-Dsetup` \
and `--cleanRegistry` in start scripts and units of the new home.

Every database is in one phase: *virgin* (no tables), *prepared* (tables without rows), *copied* (the rows of production) or \
*started* (rows that are not production's: somebody started a server on it).

## Why it matters

The vendor's guide asks for an empty staging database, a copy of the data in it, and never to connect a new release to a \
database that was not upgraded. A new server on production's database blocks. So does an option that makes tables: the \
kernel's script for PostgreSQL drops each table before it makes it, and on a filled database it emptied 27 of 40 tables \
when it was tried, while the client reported success. A sequence that was left behind by a copy of the data alone makes the \
first new user or resource fail after the switch; it blocks too.

Rows that are missing warn while servers still use production, since its rows go on changing, and block when nobody is \
connected to production any more. Tables of logs, sessions and tokens always move and are not compared. No table states the \
release of the kernel's tables; that is told by indexes, keys and columns, which warn at most. From 4.4.6 to 4.4.7 only the \
names of two indexes change, so tables with the signs of either are right.

Source: the vendor's Database Upgrade Guide (Administration Guide 4.4.x), scripts and code of wso2/carbon-kernel.

## How to fix it

Point the data sources of the new home to the staging database. Where somebody started a server on an empty one, drop it, \
make it again and copy. After a copy of the data alone set the sequences: `SELECT setval('<sequence>', <largest number>);`.

## What it needs

`[instance.prepared]` with `home`, and an account that may read both databases: PostgreSQL `GRANT SELECT ON ALL TABLES IN \
SCHEMA public TO readiness;` and the same for `ALL SEQUENCES`; MySQL and MariaDB `GRANT SELECT ON carbon.* TO \
'readiness'@'%';`. What could not be counted in time is unknown.

## Settings

`[instance.prepared]`: `home`, and `database.username` and `database.password_file` where the agent has an account of its own.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let prepared = prepared(case)?;
    let mut look = Look::default();
    look.at_options(prepared);
    look.at_version(case, prepared);
    match prepared.databases.read(Source::Rehearsal, "the staging databases") {
        Ok(databases) if databases.is_empty() => look.missing.push(Missing::Unread {
            of: Source::Rehearsal,
            what: "the staging databases".to_owned(),
            why: format!("no data source is defined in {}/repository/conf", prepared.place),
        }),
        Ok(databases) => databases.iter().for_each(|database| look.at_database(prepared, database)),
        Err(missing) => look.missing.push(missing),
    }
    conclude(look.seen.join("; "), look.found, look.missing)
}

/// The new release beside the running one.
fn prepared<'a>(case: &Case<'a>) -> Result<&'a Prepared, Missing> {
    match &case.facts.rehearsal()?.prepared {
        Some(prepared) => {
            prepared.read(Source::Rehearsal, "the home with the new release").map(AsRef::as_ref)
        }
        None => Err(Missing::NotConfigured {
            of: Source::Rehearsal,
            what: "where the new release is set up".to_owned(),
            how: "make an empty database of the same kind as production's, unpack the new release beside the running one, \
                  connect it to that database, and name its home under [instance.prepared] as home"
                .to_owned(),
        }),
    }
}

/// What was seen so far.
#[derive(Default)]
struct Look {
    seen: Vec<String>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
}

impl Look {
    fn at_options(&mut self, prepared: &Prepared) {
        let options = &prepared.home.perilous_options;
        match options.read(Source::Rehearsal, "the options of the new home's start scripts") {
            Ok(options) => self.found.extend(options.iter().map(|perilous| {
                let (option, place) = (excerpt(&perilous.option), excerpt(&perilous.place));
                Finding {
                    severity: Severity::Blocker,
                    subject: format!("{option} in {place}"),
                    summary: format!("the new release is started with {option}, which makes or empties tables"),
                    observed: format!("{option} in {place}"),
                    required: "a start that leaves tables and data as they are".to_owned(),
                    remedy: format!(
                        "Take {option} out of {place} before the new release is started: on a filled database it can \
                         destroy the copied data."
                    ),
                }
            })),
            Err(missing) => self.missing.push(missing),
        }
    }

    /// A staging database for another release proves nothing for this one.
    fn at_version(&mut self, case: &Case<'_>, prepared: &Prepared) {
        let target = &case.target.version;
        match prepared.version.read(Source::Rehearsal, "the version of the new home") {
            Ok(version) if version == target => {}
            Ok(version) => self.missing.push(Missing::Unread {
                of: Source::Rehearsal,
                what: format!("a staging database for {target}"),
                why: format!(
                    "the home {} is of {version}; set {target} up there and look again",
                    prepared.place
                ),
            }),
            Err(missing) => self.missing.push(missing),
        }
    }

    fn at_database(&mut self, prepared: &Prepared, database: &StagedDatabase) {
        let StagedDatabase { name, production, staging } = database;
        let of = |which: &str| format!("the tables of {name} in {which}");
        let staging = staging.read(Source::Rehearsal, &of("staging"));
        let production = production.read(Source::Rehearsal, &of("production"));
        let kernel = prepared.home.kernel.value();
        match (staging, production) {
            (Ok(staging), Ok(production)) => {
                pair::Pair { name, staging, production, place: &prepared.place, kernel }.look(self);
            }
            (staging, production) => self.missing.extend(staging.err().into_iter().chain(production.err())),
        }
    }

    fn find(&mut self, severity: Severity, subject: String, summary: String, texts: [String; 3]) {
        let [observed, required, remedy] = texts;
        self.found.push(Finding { severity, subject, summary, observed, required, remedy });
    }
}

/// The first few names of a list.
fn few<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    first_few(names.iter().copied(), names.len() as u64)
}

#[cfg(test)]
#[path = "staging_database/tests.rs"]
mod tests;
