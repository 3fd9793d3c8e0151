//! The databases of a home that is set up with the new release, beside those of the running one.

use super::major;
use crate::facts::{Engine, Missing, Prepared, Source, StagedDatabase, TableState};
use crate::model::{Finding, Severity};
use crate::rules::wording::excerpt;

/// What was seen of every pair.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) seen: Vec<String>,
    pub(super) found: Vec<Finding>,
    pub(super) missing: Vec<Missing>,
}

/// Compares kind and version of each database with that of production.
pub(super) fn compare(prepared: &Prepared) -> Compared {
    let mut compared = Compared::default();
    match prepared.databases.read(Source::Rehearsal, "the staging databases") {
        Ok(databases) if databases.is_empty() => compared.missing.push(Missing::Unread {
            of: Source::Rehearsal,
            what: "the staging databases".to_owned(),
            why: format!("no data source is defined in {}/repository/conf", prepared.place),
        }),
        Ok(databases) => databases.iter().for_each(|database| compared.at(database)),
        Err(missing) => compared.missing.push(missing),
    }
    compared
}

impl Compared {
    fn at(&mut self, database: &StagedDatabase) {
        let StagedDatabase { name, production, staging } = database;
        let what = |which: &str| format!("the database server of {name} in {which}");
        let (staging, production) = match (
            staging.read(Source::Rehearsal, &what("staging")),
            production.read(Source::Rehearsal, &what("production")),
        ) {
            (Ok(staging), Ok(production)) => (staging, production),
            (staging, production) => {
                return self.missing.extend(staging.err().into_iter().chain(production.err()));
            }
        };
        let (theirs, ours) = (staging.engine, production.engine);
        if theirs != ours {
            self.seen.push(format!("{name}: {} and {} differ", ours.name(), theirs.name()));
            return self.found.push(Finding {
                severity: Severity::Blocker,
                subject: format!("{name}: engine"),
                summary: format!("{name} is on {} in staging and on {} in production", theirs.name(), ours.name()),
                observed: format!("{} at {}", theirs.name(), staging.address),
                required: format!("{}, as at {}", ours.name(), production.address),
                remedy: format!(
                    "An upgrade keeps the kind of database: make the staging database on {} and copy the data there.",
                    ours.name()
                ),
            });
        }
        let (theirs, ours) = match (version(name, ours, staging), version(name, ours, production)) {
            (Ok(theirs), Ok(ours)) => (theirs, ours),
            (Err(missing), _) | (_, Err(missing)) => return self.missing.push(missing),
        };
        let engine = production.engine.name();
        self.seen.push(format!("{name}: {engine} {ours} and {theirs}"));
        if theirs != ours {
            self.found.push(Finding {
                severity: Severity::Warning,
                subject: format!("{name}: version"),
                summary: format!("{name} is on {engine} {theirs} in staging and on {engine} {ours} in production"),
                observed: format!("{engine} {theirs} at {}", staging.address),
                required: format!("{engine} {ours}, as at {}", production.address),
                remedy: format!(
                    "Staging becomes production: see that {engine} {theirs} is meant, or make the database on {engine} {ours}."
                ),
            });
        }
    }
}

fn version(name: &str, engine: Engine, state: &TableState) -> Result<String, Missing> {
    let what = format!("the version of the server of {name} at {}", state.address);
    let said = state.version.read(Source::Rehearsal, &what)?;
    major(engine, said).ok_or_else(|| Missing::Unread {
        of: Source::Rehearsal,
        what,
        why: format!("{:?} does not begin with a version", excerpt(said)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::CHECK;
    use super::*;
    use crate::facts::Field;
    use crate::golden::{Golden, golden_carbon};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Spoil, judges_spoilt_from, prepared, read, rehearsal, unread};

    fn database(golden: &mut Golden) -> &mut StagedDatabase {
        rehearsal(golden).staging = None;
        let prepared = read(rehearsal(golden).prepared.as_mut().expect("a prepared home"));
        read(&mut prepared.databases).first_mut().expect("a database")
    }

    fn staging(golden: &mut Golden) -> &mut TableState {
        read(&mut database(golden).staging)
    }

    #[test]
    fn staging_databases_are_of_the_kind_of_production() {
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("without another agent", |g| drop(database(g).name.clone()), Ready, &[]),
            (
                "another engine",
                |g| staging(g).engine = Engine::Mysql,
                Blocked,
                &[(Severity::Blocker, "WSO2_CARBON_DB: engine")],
            ),
            (
                "another version",
                |g| staging(g).version = Field::Read("15.6".into()),
                Warning,
                &[(Severity::Warning, "WSO2_CARBON_DB: version")],
            ),
            ("no version", |g| staging(g).version = Field::Read("CockroachDB".into()), Unknown, &[]),
            ("version unread", |g| staging(g).version = unread(), Unknown, &[]),
            ("staging unread", |g| database(g).staging = unread(), Unknown, &[]),
            ("production unread", |g| database(g).production = unread(), Unknown, &[]),
            (
                "no data source",
                |g| {
                    drop(database(g).name.clone());
                    read(&mut prepared(g).databases).clear();
                },
                Unknown,
                &[],
            ),
            ("home unread", |g| rehearsal(g).prepared = Some(unread()), Unknown, &[]),
            (
                "nothing set up",
                |g| {
                    rehearsal(g).prepared = None;
                    rehearsal(g).staging = None;
                },
                Skipped,
                &[],
            ),
        ];
        judges_spoilt_from(&CHECK, golden_carbon, rows);
    }
}
