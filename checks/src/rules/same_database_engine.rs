//! Was the upgrade tried on the kind of database production has?

mod staged;

use super::wording::excerpt;
use crate::facts::{Engine, Missing, Source, Staging};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "same-database-engine",
    title: "Staging on the same database engine",
    category: Category::Database,
    products: Products::All,
    reads: &[Source::Database, Source::Rehearsal],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

Kind and version of the database of this instance and of its staging instance, each as its server states it. For WSO2 Carbon \
also each database of the home that is set up with the new release.

## Why it matters

Most of what an upgrade does, and most of what goes wrong in it, happens in the database. A rehearsal on another engine \
runs other statements, other types and other locks: it proves nothing, so it blocks. MariaDB is another engine than MySQL. \
Another major version of the same engine warns.

## How to fix it

Set staging up on the engine and major version production has, restore a copy of production there, and rehearse again.

## What it needs

Any account that may connect to the database of either instance: PostgreSQL `GRANT CONNECT ON DATABASE confluence TO \
readiness;`, MySQL and MariaDB `GRANT USAGE ON *.* TO 'readiness'@'localhost';`. And an agent that watches the staging \
instance, named under `[instance.rehearsal]`.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let rehearsal = case.facts.rehearsal()?;
    let staging = rehearsal.staging.as_ref();
    let Some(prepared) = &rehearsal.prepared else {
        return match staging {
            Some(staging) => of_instance(case, staging),
            None => Err(Undecided::DoesNotApply(
                "neither a staging instance nor a home with the new release is named in the configuration"
                    .to_owned(),
            )),
        };
    };
    case.facts.database()?;
    let prepared = prepared.read(Source::Rehearsal, "the home with the new release")?;
    let mut compared = staged::compare(prepared);
    match staging.map(|staging| of_instance(case, staging)) {
        None | Some(Err(Undecided::DoesNotApply(_))) => {}
        Some(Ok(Judgement { evidence, findings })) => {
            compared.seen.push(evidence);
            compared.found.extend(findings);
        }
        Some(Err(Undecided::Missing(missing))) => compared.missing.push(missing),
        Some(Err(Undecided::Partly { found, missing })) => {
            compared.found.extend(found);
            compared.missing.push(missing);
        }
    }
    conclude(compared.seen.join("; "), compared.found, compared.missing)
}

/// Compares with what the agent beside the staging instance tells.
fn of_instance(case: &Case<'_>, staging: &Staging) -> Result<Judgement, Undecided> {
    let database = case.facts.database()?;
    let Some(theirs) = staging.profile.engine else {
        return Err(Undecided::Missing(not_told(staging, "its database engine")));
    };
    let ours = database.engine;
    if ours != theirs {
        let finding = Finding {
            severity: Severity::Blocker,
            subject: "engine".to_owned(),
            summary: format!("staging runs on {} and production on {}", theirs.name(), ours.name()),
            observed: format!("{} at {}", theirs.name(), staging.instance),
            required: format!("{}, as here", ours.name()),
            remedy: format!(
                "Set staging up on {}, restore a copy of production there and rehearse again: what was tried on {} proves \
                 nothing for this database.",
                ours.name(),
                theirs.name()
            ),
        };
        return Ok(Judgement::new(format!("{} and {} differ", ours.name(), theirs.name()), vec![finding]));
    }
    let said = database.version.read(Source::Database, "the version of the server")?;
    let Some(their_version) = &staging.profile.database_version else {
        return Err(Undecided::Missing(not_told(staging, "the version of its database")));
    };
    let major = |said: &str, of: &str| {
        major(ours, said).ok_or_else(|| Missing::Unread {
            of: Source::Database,
            what: format!("the version of the database of {of}"),
            why: format!("{:?} does not begin with a version", excerpt(said)),
        })
    };
    let (our_major, their_major) = (major(said, "this instance")?, major(their_version, &staging.instance)?);
    let engine = ours.name();
    if our_major == their_major {
        return Ok(Judgement::ready(format!("{engine} {our_major} here and at {}", staging.instance)));
    }
    let finding = Finding {
        severity: Severity::Warning,
        subject: "version".to_owned(),
        summary: format!("staging runs on {engine} {their_major} and production on {engine} {our_major}"),
        observed: format!("{engine} {their_major} at {}", staging.instance),
        required: format!("{engine} {our_major}, as here"),
        remedy: format!(
            "Rehearse on {engine} {our_major}; or, when production is to move to {their_major} first, do that and look \
             again."
        ),
    };
    Ok(Judgement::new(
        format!("{engine} {our_major} here, {their_major} at {}", staging.instance),
        vec![finding],
    ))
}

fn not_told(staging: &Staging, what: &str) -> Missing {
    Missing::Unread {
        of: Source::Rehearsal,
        what: what.to_owned(),
        why: format!(
            "{} does not tell it at {}; is the source database of the agent there up? See agent status on that host",
            staging.instance, staging.place
        ),
    }
}

/// What the maker of an engine calls a major version: PostgreSQL 16, MySQL 8.0 and 8.4, MariaDB 10.11.
fn major(engine: Engine, said: &str) -> Option<String> {
    let parts = match engine {
        Engine::Mysql | Engine::Mariadb => 2,
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => 1,
    };
    let number: String = said.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let mut numbers = number.split('.').filter(|part| !part.is_empty());
    let major: Vec<&str> = numbers.by_ref().take(parts).collect();
    (major.len() == parts).then(|| major.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Field, Reading};
    use crate::golden::Golden;
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, database, judges_spoilt, unread};

    fn staging(golden: &mut Golden) -> &mut Staging {
        match &mut golden.facts.rehearsal {
            Reading::Learned(learned) => learned.facts.staging.as_mut().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn versions(golden: &mut Golden, engine: Engine, ours: &str, theirs: &str) {
        database(golden).engine = engine;
        database(golden).version = Field::Read(ours.into());
        staging(golden).profile.engine = Some(engine);
        staging(golden).profile.database_version = Some(theirs.into());
    }

    #[test]
    fn a_rehearsal_counts_on_the_same_engine_only() {
        let blocked: &[(Severity, &str)] = &[(Severity::Blocker, "engine")];
        let warned: &[(Severity, &str)] = &[(Severity::Warning, "version")];
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("another engine", |g| staging(g).profile.engine = Some(Engine::H2), Blocked, blocked),
            (
                "MariaDB is not MySQL",
                |g| {
                    versions(g, Engine::Mysql, "8.0.36", "8.0.36");
                    staging(g).profile.engine = Some(Engine::Mariadb);
                },
                Blocked,
                blocked,
            ),
            (
                "another engine, versions not known",
                |g| {
                    staging(g).profile.engine = Some(Engine::Oracle);
                    staging(g).profile.database_version = None;
                    database(g).version = unread();
                },
                Blocked,
                blocked,
            ),
            ("a minor release", |g| versions(g, Engine::Postgresql, "16.4 (Debian)", "16.1"), Ready, &[]),
            ("a major one", |g| versions(g, Engine::Postgresql, "16.4", "15.6"), Warning, warned),
            ("not the same tenth", |g| versions(g, Engine::Postgresql, "16.4", "1.6"), Warning, warned),
            ("MySQL 8.4", |g| versions(g, Engine::Mysql, "8.0.36", "8.4.1"), Warning, warned),
            ("MySQL 8.0", |g| versions(g, Engine::Mysql, "8.0.36", "8.0.11-log"), Ready, &[]),
            (
                "MariaDB",
                |g| versions(g, Engine::Mariadb, "10.11.6-MariaDB", "10.6.1-MariaDB"),
                Warning,
                warned,
            ),
            ("SQL Server", |g| versions(g, Engine::SqlServer, "16.0.4", "16.1.1"), Ready, &[]),
            ("no number", |g| versions(g, Engine::Postgresql, "CockroachDB", "16"), Unknown, &[]),
            ("no number there", |g| versions(g, Engine::Mysql, "8.0.36", "8"), Unknown, &[]),
            ("engine not told", |g| staging(g).profile.engine = None, Unknown, &[]),
            ("version not told", |g| staging(g).profile.database_version = None, Unknown, &[]),
            ("version unread", |g| database(g).version = unread(), Unknown, &[]),
            (
                "no staging",
                |g| match &mut g.facts.rehearsal {
                    Reading::Learned(learned) => learned.facts.staging = None,
                    other => panic!("{other:?}"),
                },
                Skipped,
                &[],
            ),
            ("off", |g| g.facts.switch_off(Source::Rehearsal), Unknown, &[]),
            ("no database", |g| g.facts.switch_off(Source::Database), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }
}
