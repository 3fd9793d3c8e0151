//! Products with several databases: what is asked about the database is asked of each of them.
//!
//! Rules know one database. For every other one they get facts in which it stands in the place of the main one, and what
//! they say of all is joined. A product with one database costs nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Answer, ask};
use crate::facts::{
    Database, DatabaseConfig, Engine, Failure, FailureKind, Field, Installation, Learned, Missing, Reading,
    Snapshot, Source,
};
use crate::model::{Case, Category, Check, Finding, Judgement, Undecided, conclude};

/// The facts of a moment with another database in the place of the main one.
#[derive(Debug)]
struct Other {
    name: String,
    facts: Snapshot,
    /// The sources that tell of this database.
    told_by: BTreeSet<Source>,
}

/// The other databases of the moment that is judged.
#[derive(Debug, Default)]
pub(super) struct Others {
    moment: Option<Timestamp>,
    list: Vec<Other>,
}

impl Others {
    /// Asks a rule of the main database and, when it is about the database, of every other one.
    pub(super) fn ask(&mut self, check: &Check, case: &Case<'_>) -> Answer {
        let main = ask(check, case);
        if !of_each_database(check) {
            return main;
        }
        if self.moment != Some(case.now) {
            *self = Self { moment: Some(case.now), list: others(case.facts) };
        }
        let told_of = |other: &&Other| check.reads.iter().any(|source| other.told_by.contains(source));
        let mut others = self.list.iter().filter(told_of).peekable();
        if others.peek().is_none() {
            return main;
        }
        let mut joined = Joined::default();
        joined.take(main, None);
        for other in others {
            joined.take(ask(check, &Case { facts: &other.facts, ..*case }), Some(&other.name));
        }
        joined.conclude()
    }
}

/// Whether a rule is asked of each database. Those that look at the staging instance compare all databases themselves.
fn of_each_database(check: &Check) -> bool {
    check.category == Category::Database && !check.reads.contains(&Source::Rehearsal)
}

/// Other databases than the main one, each with the facts a rule gets.
fn others(facts: &Snapshot) -> Vec<Other> {
    let database = facts.database().ok();
    let told = database.map_or(&[][..], |database| &database.others);
    let installation = facts.installation().ok();
    let mut others: Vec<Other> = told
        .iter()
        .map(|other| Other {
            name: other.name.clone(),
            facts: with(facts, &other.config, of_other(facts, &other.name, &other.facts)),
            told_by: BTreeSet::from([Source::Database]),
        })
        .collect();
    for (name, config) in installation.map(further).unwrap_or_default() {
        if let Some(known) = others.iter_mut().find(|other| other.name == name) {
            known.told_by.insert(Source::Installation);
            continue;
        }
        let reading = match database {
            Some(_) => {
                let why = format!("nobody asked it; see the data source in {}", config.place);
                of_other(facts, name, &Field::Unread(why))
            }
            None => facts.database.clone(),
        };
        others.push(Other {
            name: name.to_owned(),
            facts: with(facts, config, reading),
            told_by: BTreeSet::from([Source::Installation]),
        });
    }
    others
}

/// Data sources that lead to another database than that of the installation, each database once.
fn further(installation: &Installation) -> Vec<(&str, &DatabaseConfig)> {
    let Some(sources) = installation.carbon.as_ref().and_then(|carbon| carbon.datasources.value()) else {
        return Vec::new();
    };
    let mut seen: Vec<&DatabaseConfig> = installation.database.value().into_iter().collect();
    let mut further = Vec::new();
    for source in sources {
        if !seen.iter().any(|config| is_same(config, &source.config)) {
            seen.push(&source.config);
            further.push((source.name.as_str(), &source.config));
        }
    }
    further
}

/// Whether two configurations lead to the same database.
fn is_same(one: &DatabaseConfig, other: &DatabaseConfig) -> bool {
    if one.host.is_none() && other.host.is_none() {
        return match (&one.url, &other.url) {
            (Some(one), Some(other)) => one == other,
            (None, None) => one.data_source == other.data_source,
            (Some(_), None) | (None, Some(_)) => false,
        };
    }
    let host = |config: &DatabaseConfig| config.host.as_deref().map(str::to_lowercase);
    let port = |config: &DatabaseConfig| config.port.or(config.engine.and_then(usual_port));
    host(one) == host(other)
        && port(one) == port(other)
        && one.database == other.database
        && one.schema == other.schema
}

/// The port a server listens on when nobody says otherwise.
fn usual_port(engine: Engine) -> Option<u16> {
    match engine {
        Engine::Postgresql => Some(5432),
        Engine::Mysql | Engine::Mariadb => Some(3306),
        Engine::SqlServer => Some(1433),
        Engine::Oracle => Some(1521),
        Engine::H2 | Engine::Hsqldb => None,
    }
}

/// The reading of another database: as old as that of the main one.
fn of_other(facts: &Snapshot, name: &str, other: &Field<Box<Database>>) -> Reading<Box<Database>> {
    let Reading::Learned(main) = &facts.database else { return facts.database.clone() };
    let Learned { collected_at, took, fresh_for, .. } = *main;
    match other {
        Field::Read(database) => {
            Reading::Learned(Learned { collected_at, took, fresh_for, facts: database.clone() })
        }
        Field::Unread(why) => Reading::Failed {
            failure: Failure { kind: FailureKind::Unreachable, message: format!("{name}: {why}") },
            failed_at: collected_at,
            took,
            last: None,
        },
    }
}

/// What rules about the database read, with another one in the place of the main one.
fn with(facts: &Snapshot, config: &DatabaseConfig, database: Reading<Box<Database>>) -> Snapshot {
    let mut other = Snapshot::empty(&facts.instance, facts.product, facts.taken_at);
    other.installation = facts.installation.clone();
    if let Reading::Learned(installation) = &mut other.installation {
        installation.facts.database = Field::Read(config.clone());
    }
    other.database = database;
    other
}

/// What a rule says of several databases.
#[derive(Default)]
struct Joined {
    evidence: Vec<String>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
    /// Why it does not apply to some.
    skipped: Vec<String>,
    applies: bool,
}

impl Joined {
    /// Takes in what was said of the main database, or of another one.
    fn take(&mut self, answer: Answer, name: Option<&str>) {
        self.applies |= !matches!(answer, Err(Undecided::DoesNotApply(_)));
        let (evidence, found, missing) = match answer {
            Ok(Judgement { evidence, findings }) => (Some(evidence), findings, None),
            Err(Undecided::Missing(missing)) => (None, Vec::new(), Some(missing)),
            Err(Undecided::Partly { found, missing }) => (None, found, Some(missing)),
            Err(Undecided::DoesNotApply(reason)) => return self.skipped.push(told(reason, name)),
        };
        self.evidence.extend(evidence.map(|evidence| told(evidence, name)));
        self.found.extend(found.into_iter().map(|finding| named(finding, name)));
        self.missing.extend(missing.map(|missing| missing_of(missing, name)));
    }

    fn conclude(self) -> Answer {
        let Self { mut evidence, found, missing, skipped, applies } = self;
        if !applies {
            return Err(Undecided::DoesNotApply(skipped.join("; ")));
        }
        evidence.extend(skipped);
        let joined = conclude(evidence.join("; "), found, missing);
        match joined {
            Err(Undecided::Partly { found, missing }) if found.is_empty() && evidence.is_empty() => {
                Err(Undecided::Missing(missing))
            }
            joined => joined,
        }
    }
}

fn told(text: String, name: Option<&str>) -> String {
    match name {
        None => text,
        Some(name) => format!("{name}: {text}"),
    }
}

/// The finding of another database, told apart from the same one of the main database.
fn named(finding: Finding, name: Option<&str>) -> Finding {
    Finding { subject: told(finding.subject, name), summary: told(finding.summary, name), ..finding }
}

fn missing_of(missing: Missing, name: Option<&str>) -> Missing {
    match missing {
        Missing::Unread { of, what, why } => Missing::Unread { of, what: told(what, name), why },
        other @ (Missing::Pending { .. }
        | Missing::Off { .. }
        | Missing::NotConfigured { .. }
        | Missing::Failed { .. }
        | Missing::Stale { .. }
        | Missing::ClockSetBack { .. }
        | Missing::Unknown { .. }
        | Missing::Broken { .. }) => other,
    }
}

#[cfg(test)]
#[path = "databases/tests.rs"]
mod tests;
