//! The databases of a Carbon product: several data sources may name the same one.

use crate::facts::{
    CarbonHome, Database as DatabaseFacts, DatabaseConfig, Datasource, Engine, Prepared, Settings, Snapshot,
};
use crate::plan::book::site::{Database, Site, usual_port};
use crate::version::ProductVersion;

/// A database, and the new one that takes its place.
#[derive(Debug, Clone)]
pub(super) struct Store<'a> {
    /// The data sources that name it: `WSO2_CARBON_DB`; empty when they could not be read.
    pub(super) names: Vec<&'a str>,
    /// The file that configures it in the running home, when that was read.
    pub(super) place: Option<&'a str>,
    pub(super) running: Database,
    pub(super) new: Database,
    /// The home that is prepared names the running database where the new one should stand.
    pub(super) still_running: bool,
    /// What the database itself says; `None` when it was not asked.
    pub(super) facts: Option<&'a DatabaseFacts>,
}

impl<'a> Store<'a> {
    /// Every database once, in the order of the data sources.
    pub(super) fn all(
        site: &Site<'a>,
        carbon: Option<&'a CarbonHome>,
        prepared: Option<&'a Prepared>,
        to: &ProductVersion,
    ) -> Vec<Self> {
        let listed = carbon.and_then(|home| home.datasources.value()).map_or(&[][..], Vec::as_slice);
        let mut stores: Vec<Self> = Vec::new();
        for (index, datasource) in listed.iter().enumerate() {
            let running = database_of(&datasource.config, &word_of(&datasource.name, index));
            if let Some(known) = stores.iter_mut().find(|store| same(&store.running, &running)) {
                known.names.push(&datasource.name);
                continue;
            }
            let staged = prepared.and_then(|prepared| staged(prepared, datasource));
            let of_running =
                |staged: &Database| listed.iter().any(|any| same(&database_of(&any.config, "DB"), staged));
            let still_running = staged.as_ref().is_some_and(of_running);
            let new = staged.filter(|_| !still_running).unwrap_or_else(|| proposed(&running, to));
            stores.push(Self {
                names: vec![&datasource.name],
                place: Some(&datasource.config.place),
                facts: asked(site.facts, datasource),
                running,
                new,
                still_running,
            });
        }
        if stores.is_empty() {
            stores.push(Self {
                names: Vec::new(),
                place: None,
                running: site.database.clone(),
                new: proposed(&site.database, to),
                still_running: false,
                facts: site.facts.database().ok(),
            });
        }
        stores
    }

    /// What people call it: the names of its data sources, or the name of the database.
    pub(super) fn called(&self) -> String {
        if self.names.is_empty() { self.running.name.clone() } else { self.names.join(", ") }
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.facts?.size_bytes.value().copied()
    }

    pub(super) fn settings(&self) -> Option<&'a Settings> {
        self.facts?.settings.value()
    }

    /// Hosts that have sessions on it, besides the one it is judged from.
    pub(super) fn hosts(&self) -> Vec<&'a str> {
        let Some(sessions) = self.facts.and_then(|facts| facts.sessions.value()) else { return Vec::new() };
        sessions.groups.iter().map(|group| group.host.as_str()).collect()
    }
}

/// The account and name of the new database, where nobody has named one yet.
fn proposed(running: &Database, to: &ProductVersion) -> Database {
    let mut new = running.clone();
    "STAGING_DB_HOST".clone_into(&mut new.host);
    let marked = |name: &str| format!("{name}_{}", to.as_str().replace(['.', '-', '+'], "_"));
    // Of Oracle the service stays, and the schema is another.
    if running.engine == Some(Engine::Oracle) {
        new.account = marked(&running.account);
    } else {
        new.name = marked(&running.name);
    }
    new
}

fn staged(prepared: &Prepared, datasource: &Datasource) -> Option<Database> {
    let there = prepared.home.datasources.value()?;
    let same_name = there.iter().find(|staged| staged.name == datasource.name)?;
    same_name.config.database.as_ref()?;
    same_name.config.host.as_ref()?;
    Some(database_of(&same_name.config, "STAGING_DB"))
}

/// What a database says of itself: the first one of the product, or one of the others.
fn asked<'a>(facts: &'a Snapshot, datasource: &Datasource) -> Option<&'a DatabaseFacts> {
    let asked = facts.database().ok()?;
    if let Some(other) = asked.others.iter().find(|other| other.name == datasource.name) {
        return other.facts.value().map(AsRef::as_ref);
    }
    let main = facts.installation().ok()?.database.value()?;
    let word = "DB";
    same(&database_of(main, word), &database_of(&datasource.config, word)).then_some(asked)
}

fn database_of(config: &DatabaseConfig, word: &str) -> Database {
    let or = |value: Option<&String>, what: &str| value.cloned().unwrap_or_else(|| format!("{word}_{what}"));
    let embedded = config.engine.is_some_and(Engine::is_embedded);
    Database {
        engine: config.engine,
        host: if embedded { String::new() } else { or(config.host.as_ref(), "HOST") },
        port: config.port.unwrap_or(usual_port(config.engine)),
        name: or(config.database.as_ref().or(config.url.as_ref().filter(|_| embedded)), "NAME"),
        account: or(config.account.as_ref(), "USER"),
    }
}

/// A word in capitals that stands for what is not known of a data source.
fn word_of(name: &str, index: usize) -> String {
    let word: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
    if word.is_empty() { format!("DB{}", index + 1) } else { word.to_ascii_uppercase() }
}

/// Whether both are one database, as far as names tell.
fn same(one: &Database, other: &Database) -> bool {
    let schema = one.engine != Some(Engine::Oracle) || one.account.eq_ignore_ascii_case(&other.account);
    one.engine == other.engine
        && one.host.eq_ignore_ascii_case(&other.host)
        && one.port == other.port
        && one.name.eq_ignore_ascii_case(&other.name)
        && schema
}
