//! What a release runs on, as far as it can be changed on the way, and how well each version of it is known to
//! work with each line.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use crate::catalog::{Catalog, Component, Confidence, Ruling, Standing};
use crate::facts::{Engine, Field, Installation, Java, OperatingSystem, RuntimeRole, Snapshot};
use crate::version::Line;

/// A thing below the product that a release may or may not work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A Java that did not come with the installation.
    Java,
    /// The database server.
    Database(Engine),
    /// The JDBC driver that does not come with the program.
    Driver(Engine),
    /// The operating system.
    OperatingSystem,
    /// How the database connection is configured.
    Connection,
}

impl Part {
    /// Where the catalog speaks of it.
    #[must_use]
    pub fn component(self) -> Component {
        match self {
            Self::Java => Component::Java,
            Self::Database(engine) => Component::of_engine(engine).unwrap_or(Component::DatabaseEngine),
            Self::Driver(_) => Component::MysqlDriver,
            Self::OperatingSystem => Component::OperatingSystem,
            Self::Connection => Component::DatabaseConnection,
        }
    }

    /// Old and new can stand beside each other, so that the release and this can be changed in one step.
    #[must_use]
    pub fn moves_with_jump(self) -> bool {
        match self {
            Self::Java | Self::Driver(_) => true,
            Self::Database(_) | Self::OperatingSystem | Self::Connection => false,
        }
    }
}

/// As it stands before its version: `Java`, `PostgreSQL`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Java => f.write_str("Java"),
            Self::Database(engine) => f.write_str(engine.name()),
            Self::Driver(engine) => write!(f, "JDBC driver for {}", engine.name()),
            Self::OperatingSystem => f.write_str("operating system"),
            Self::Connection => f.write_str("database connection by"),
        }
    }
}

/// A part, the versions it may have on the way, and how each stands with each line.
#[derive(Debug)]
pub(super) struct Scale {
    pub(super) part: Part,
    /// The version that is there now, then newer ones in their order.
    pub(super) values: Vec<String>,
    /// By line and version: how much is in doubt; `None` is confirmed not to work.
    standing: Vec<Vec<Option<u32>>>,
    rulings: Vec<Vec<Ruling>>,
}

/// What is said not to work counts as much as a version that is this far from every known one.
const CONTESTED: u32 = 100;

impl Scale {
    /// The scale of a part whose version is known; `None` when the part never matters on these lines.
    pub(super) fn of(catalog: &Catalog, part: Part, now: &str, lines: &[Line]) -> Option<Self> {
        let named = catalog.named_values(part.component());
        let mut values = vec![now.to_owned()];
        values.extend(later(part, now, &named));
        let rulings: Vec<Vec<Ruling>> = lines
            .iter()
            .map(|line| values.iter().map(|value| catalog.ruling(part.component(), value, *line)).collect())
            .collect();
        let ladder = ladder(&named, now);
        let standing: Vec<Vec<Option<u32>>> = (0..lines.len())
            .map(|line| {
                (0..values.len()).map(|value| doubt(&rulings, line, value, &values, &ladder)).collect()
            })
            .collect();
        let mut scale = Self { part, values, standing, rulings };
        if scale.standing.iter().all(|by_value| by_value.first() == Some(&Some(0))) {
            // There is no reason to change it anywhere.
            scale.values.truncate(1);
        }
        let known =
            |by_value: &Vec<Ruling>| by_value.first().is_some_and(|now| now.standing == Standing::Supported);
        (!scale.rulings.iter().all(known)).then_some(scale)
    }

    /// How much is in doubt about a version on a line; `None` when it is confirmed not to work.
    pub(super) fn doubt(&self, line: usize, value: usize) -> Option<u32> {
        *self.standing.get(line)?.get(value)?
    }

    /// What the catalog says of a version on a line.
    pub(super) fn ruling(&self, line: usize, value: usize) -> Option<&Ruling> {
        self.rulings.get(line)?.get(value)
    }
}

/// Named versions that are newer than the one that is there, in their order.
fn later(part: Part, now: &str, named: &BTreeSet<String>) -> Vec<String> {
    let mut later: Vec<String> = named
        .iter()
        .filter(|value| match part {
            Part::Java | Part::Database(_) | Part::Driver(_) => {
                numbers(value).next().is_some() && by_numbers(value, now) == Ordering::Greater
            }
            // Another distribution is another host, and no step of this way.
            Part::OperatingSystem => same_family(value, now) && by_numbers(value, now) == Ordering::Greater,
            Part::Connection => now == DATA_SOURCE && value.as_str() == DIRECT,
        })
        .cloned()
        .collect();
    later.sort_by(|a, b| by_numbers(a, b).then_with(|| a.cmp(b)));
    later
}

const DATA_SOURCE: &str = "data-source";
const DIRECT: &str = "jdbc";

fn same_family(one: &str, other: &str) -> bool {
    let family = |text: &str| text.split_whitespace().next().map(str::to_owned);
    family(one) == family(other) && one.contains(char::is_whitespace)
}

fn numbers(text: &str) -> impl Iterator<Item = u64> {
    let from = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let text = text.get(from..).unwrap_or_default();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end)
        .unwrap_or_default()
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect::<Vec<_>>()
        .into_iter()
}

/// By as many numbers as both have: 16 and 16.4 are the same.
fn by_numbers(one: &str, other: &str) -> Ordering {
    numbers(one)
        .zip(numbers(other))
        .map(|(a, b)| a.cmp(&b))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Every version somebody names, and the one that is there, in their order: the distance between two of them is how
/// many lie between.
fn ladder(named: &BTreeSet<String>, now: &str) -> Vec<String> {
    let mut all: Vec<String> = named.iter().cloned().chain([now.to_owned()]).collect();
    all.sort_by(|a, b| by_numbers(a, b).then_with(|| a.cmp(b)));
    all.dedup_by(|a, b| by_numbers(a, b).is_eq() && numbers(a).next().is_some());
    all
}

fn doubt(
    rulings: &[Vec<Ruling>],
    line: usize,
    value: usize,
    values: &[String],
    ladder: &[String],
) -> Option<u32> {
    let ruling = rulings.get(line)?.get(value)?;
    let text = values.get(value)?;
    match (ruling.standing, ruling.confidence) {
        (Standing::Supported, _) => Some(0),
        (Standing::Excluded, Confidence::Confirmed) => None,
        (Standing::Excluded, Confidence::Partial | Confidence::Inferred) => Some(CONTESTED),
        (Standing::NotListed, _) => Some(distance(text, &ruling.supported, ladder)),
        (Standing::Unknown, _) => Some(by_neighbours(rulings, line, value, text, ladder)),
    }
}

/// How far a version is from those that are known to work; nothing for one between two of them.
fn distance(value: &str, known: &[String], ladder: &[String]) -> u32 {
    let step = |text: &str| ladder.iter().position(|rung| by_numbers(rung, text).is_eq());
    let known: Vec<usize> = known.iter().filter_map(|text| step(text)).collect();
    let (Some(own), Some(least), Some(most)) = (step(value), known.iter().min(), known.iter().max()) else {
        return 1;
    };
    let away = if own < *least { least - own } else { own.saturating_sub(*most) };
    u32::try_from(away).unwrap_or(CONTESTED).min(CONTESTED - 1)
}

/// Of a line of which nothing is known the closest one is asked of which something is; the older one first.
fn by_neighbours(rulings: &[Vec<Ruling>], line: usize, value: usize, text: &str, ladder: &[String]) -> u32 {
    let told = |at: &usize| {
        rulings
            .get(*at)
            .and_then(|by_value| by_value.get(value))
            .filter(|ruling| ruling.standing != Standing::Unknown)
    };
    let closest =
        (0..rulings.len()).filter(|at| told(at).is_some()).min_by_key(|at| (at.abs_diff(line), *at));
    match closest.as_ref().and_then(told) {
        None => 0,
        Some(ruling) => match ruling.standing {
            Standing::Supported | Standing::Unknown => 0,
            Standing::Excluded => CONTESTED,
            Standing::NotListed => distance(text, &ruling.supported, ladder),
        },
    }
}

/// The parts of an instance with their versions, and what could not be seen of them.
pub(super) fn of_instance(facts: &Snapshot, catalog: &Catalog) -> (Vec<(Part, String)>, Vec<String>) {
    let (mut parts, mut unseen) = (Vec::new(), Vec::new());
    let mut take = |found: Result<Option<(Part, String)>, String>| match found {
        Ok(found) => parts.extend(found),
        Err(why) => unseen.push(why),
    };
    take(match facts.java() {
        Ok(java) => own_java(java),
        Err(missing) => Err(missing.to_string()),
    });
    let installation = facts.installation();
    take(database(facts));
    if let Ok(installation) = installation {
        take(Ok(driver(installation)));
        take(Ok(connection(installation)));
    }
    take(match facts.host() {
        Ok(host) => Ok(operating_system(&host.os, catalog)),
        Err(missing) => Err(missing.to_string()),
    });
    (parts, unseen)
}

/// The Java in use, when the next installer does not bring another one.
fn own_java(java: &Java) -> Result<Option<(Part, String)>, String> {
    let Some(runtime) = java.in_use() else {
        return Err("java: the Java the service uses was not found".to_owned());
    };
    if runtime.role == RuntimeRole::Bundled || java.is_bundled(&runtime.home) {
        return Ok(None);
    }
    match &runtime.version {
        Field::Read(version) => Ok(Some((Part::Java, version.feature.to_string()))),
        Field::Unread(why) => {
            Err(format!("java: the version of the Java in {} could not be read: {why}", runtime.home))
        }
    }
}

fn database(facts: &Snapshot) -> Result<Option<(Part, String)>, String> {
    let database = facts.database().map_err(|missing| missing.to_string())?;
    if database.engine.is_embedded() {
        return Ok(None);
    }
    match &database.version {
        Field::Read(said) => {
            let end = said.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(said.len());
            match said.get(..end).filter(|number| !number.is_empty()) {
                Some(number) => {
                    Ok(Some((Part::Database(database.engine), number.trim_end_matches('.').to_owned())))
                }
                None => Err("database: the version of the server does not begin with a number".to_owned()),
            }
        }
        Field::Unread(why) => Err(format!("database: the version of the server could not be read: {why}")),
    }
}

/// The driver of a database whose driver does not come with the program.
fn driver(installation: &Installation) -> Option<(Part, String)> {
    let engine = installation.database.value()?.engine?;
    match engine {
        Engine::Mysql | Engine::Mariadb => {
            let drivers = installation.drivers.value()?;
            let driver = drivers.iter().find(|driver| driver.engine == engine && driver.version.is_some())?;
            Some((Part::Driver(engine), driver.version.clone()?))
        }
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => None,
    }
}

fn connection(installation: &Installation) -> Option<(Part, String)> {
    // Every product on Carbon takes its databases from data sources: there is no other way to connect.
    if installation.carbon.is_some() {
        return None;
    }
    installation.database.value()?.data_source.as_ref().map(|_| (Part::Connection, DATA_SOURCE.to_owned()))
}

/// The operating system, where the catalog or the operator names versions of this one.
fn operating_system(os: &OperatingSystem, catalog: &Catalog) -> Option<(Part, String)> {
    let value = format!("{} {}", os.id.as_ref()?, os.version.as_ref()?);
    let named = catalog.named_values(Component::OperatingSystem);
    named.iter().any(|named| same_family(named, &value)).then_some((Part::OperatingSystem, value))
}
