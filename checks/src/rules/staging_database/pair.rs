//! One staging database beside the production database it takes the place of.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, few};
use crate::facts::{Engine, Field, Missing, Source, TableState};
use crate::model::Severity;
use crate::rules::kernel_tables::moves;
use crate::rules::wording::counted;
use crate::version::ProductVersion;

/// Tables the scripts of newer releases put a row into.
const SEEDED: [&str; 2] = ["UM_ORG", "UM_ORG_HIERARCHY"];

/// A database of the new home and that of the running one.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) staging: &'a TableState,
    pub(super) production: &'a TableState,
    /// The new home.
    pub(super) place: &'a str,
    /// The kernel of the new home, when it is known.
    pub(super) kernel: Option<&'a ProductVersion>,
}

/// How the rows of staging differ from those of production.
#[derive(Default)]
struct Difference {
    /// Tables of production with rows, as far as they do not always move.
    filled: usize,
    /// Tables with fewer rows, or none at all.
    short: Vec<String>,
    /// Tables with more rows.
    more: Vec<String>,
    /// Tables that could not be counted on one of the sides, and why the first could not.
    uncounted: Vec<String>,
    why: Option<String>,
}

impl Pair<'_> {
    pub(super) fn look(&self, look: &mut Look) {
        match self.is_same() {
            Some(true) => return self.same(look),
            Some(false) => {}
            None => look.missing.push(self.unread(
                "whether it is another database than production's",
                "the servers do not say which they are, and their addresses differ",
            )),
        }
        let rows = match self.staging.rows.read(Source::Rehearsal, &self.of("the rows")) {
            Ok(rows) => rows,
            Err(missing) => return look.missing.push(missing),
        };
        if self.production.rows.value().is_some_and(Vec::is_empty) {
            return look.missing.push(self.unread(
                "what is in production",
                "no table was seen there: the account may not see them, or the data source leads elsewhere",
            ));
        }
        let address = &self.staging.address;
        if rows.is_empty() {
            look.seen.push(format!("{}: virgin, no tables at {address}", self.name));
            return self.to_copy(look, "no tables yet");
        }
        self.at_schema(look);
        let is_empty = |table: &str, count: u64| count == 0 || SEEDED.contains(&table);
        let emptiness = rows.iter().map(|one| one.rows.value().map(|count| is_empty(&one.table, *count)));
        if emptiness.clone().all(|empty| empty == Some(true)) {
            let tables = counted(rows.len() as u64, "table");
            look.seen.push(format!("{}: prepared, {tables} without rows at {address}", self.name));
            return self.to_copy(look, "tables without rows");
        }
        match self.production.rows.read(Source::Rehearsal, &self.of("the rows of production")) {
            Ok(_) => self.at_rows(look),
            Err(missing) => look.missing.push(missing),
        }
    }

    fn of(&self, what: &str) -> String {
        format!("{what} of {}", self.name)
    }

    fn unread(&self, what: &str, why: &str) -> Missing {
        Missing::Unread { of: Source::Rehearsal, what: format!("{}: {what}", self.name), why: why.to_owned() }
    }

    fn subject(&self, what: &str) -> String {
        format!("{}: {what}", self.name)
    }

    /// Whether both are the same database; `None` when that cannot be told.
    fn is_same(&self) -> Option<bool> {
        let database = |state: &TableState| state.address.rsplit('/').next().map(str::to_owned);
        let (one, other) = (self.staging, self.production);
        if one.address == other.address {
            return Some(true);
        }
        match (&one.identity, &other.identity) {
            (Field::Read(a), Field::Read(b)) => Some(a == b && database(one) == database(other)),
            // Databases of other names, or on another engine, are others wherever they are.
            _ if database(one) != database(other) || one.engine != other.engine => Some(false),
            _ => None,
        }
    }

    fn same(&self, look: &mut Look) {
        let (staging, production) = (&self.staging.address, &self.production.address);
        look.seen.push(format!("{}: production's own database", self.name));
        look.find(
            Severity::Blocker,
            self.subject("same database"),
            format!("the new release is connected to production's database {production}"),
            [
                format!("{staging} in the data sources of {}, {production} in those of the running home", self.place),
                "a staging database of its own, to which the data is copied".to_owned(),
                format!(
                    "Do not start the new release. Make an empty database, and name it in the data source {} below \
                     {}/repository/conf.",
                    self.name, self.place
                ),
            ],
        );
    }

    fn to_copy(&self, look: &mut Look, observed: &str) {
        let address = &self.staging.address;
        look.find(
            Severity::Notice,
            self.subject("copy"),
            format!("the data of {} is still to be copied to staging", self.name),
            [
                format!("{observed} at {address}"),
                format!("the rows of {}", self.production.address),
                format!(
                    "Copy the data on the night, with all servers stopped, and leave the new release stopped until then: its \
                     first start on {address} would write rows that collide with the copied ones."
                ),
            ],
        );
    }

    fn at_rows(&self, look: &mut Look) {
        let difference = self.difference();
        let address = &self.staging.address;
        if let Some(why) = &difference.why {
            let tables = few(&difference.uncounted);
            look.missing.push(self.unread(&format!("how many rows {tables} have"), why));
        }
        let Difference { filled, short, more, .. } = &difference;
        if short.len() * 2 > *filled {
            look.seen.push(format!("{}: started, other rows than production's at {address}", self.name));
            return self.started(look, short);
        }
        if short.is_empty() && more.is_empty() {
            look.seen.push(format!("{}: copied, the rows of production at {address}", self.name));
        } else {
            look.seen.push(format!("{}: copied, and not as production now is, at {address}", self.name));
        }
        if !short.is_empty() {
            self.incomplete(look, short);
        }
        if !more.is_empty() {
            self.changed(look, more);
        }
        self.at_counters(look);
        let tenants = (&self.staging.tenants, &self.production.tenants);
        self.at_names(look, "tenants", tenants, |id| format!("tenant {id}"));
        self.at_names(look, "domains", (&self.staging.domains, &self.production.domains), Clone::clone);
    }

    fn difference(&self) -> Difference {
        let rows = |state: &TableState| -> BTreeMap<String, Field<u64>> {
            let rows = state.rows.value().into_iter().flatten();
            rows.map(|one| (one.table.clone(), one.rows.clone())).collect()
        };
        let (staging, production) = (rows(self.staging), rows(self.production));
        let mut difference = Difference::default();
        for (table, of_production) in production.iter().filter(|(table, _)| !moves(table)) {
            let of_staging = staging.get(table).cloned().unwrap_or(Field::Read(0));
            match (of_production, &of_staging) {
                (Field::Read(production), Field::Read(staging)) => {
                    difference.filled += usize::from(*production > 0);
                    let told = format!("{table} ({staging} of {production})");
                    match staging.cmp(production) {
                        std::cmp::Ordering::Less => difference.short.push(told),
                        std::cmp::Ordering::Greater => difference.more.push(told),
                        std::cmp::Ordering::Equal => {}
                    }
                }
                (Field::Unread(why), _) | (Field::Read(_), Field::Unread(why)) => {
                    difference.uncounted.push(table.clone());
                    difference.why.get_or_insert(why.clone());
                }
            }
        }
        difference
    }

    fn started(&self, look: &mut Look, short: &[String]) {
        let address = &self.staging.address;
        look.find(
            Severity::Warning,
            self.subject("started"),
            format!("the staging database of {} holds rows that are not production's", self.name),
            [
                format!("rows at {address}, but not in most tables of production: {}", few(short)),
                "an empty database before the copy, the rows of production after it".to_owned(),
                format!(
                    "Somebody started a server on {address} before the data was copied, or the copy broke off. Copied rows \
                     would collide with those that are there: stop the new release, drop the database, make it again and \
                     copy."
                ),
            ],
        );
    }

    /// Nobody is connected to production any more: its rows stand still.
    fn production_rests(&self) -> bool {
        self.production.sessions.value().is_some_and(Vec::is_empty)
    }

    fn incomplete(&self, look: &mut Look, short: &[String]) {
        let rests = self.production_rests();
        let (severity, note) = if rests {
            (Severity::Blocker, "no server is connected to production any more")
        } else {
            (Severity::Warning, "servers may still add rows to production")
        };
        look.find(
            severity,
            self.subject("incomplete"),
            format!("{} of {} have fewer rows in staging than in production", tables(short), self.name),
            [
                format!("{}; {note}", few(short)),
                "every row of production".to_owned(),
                "With all servers stopped copy the data again into an empty database, with errors ending the copy, and look \
                 again: agent refresh --source rehearsal."
                    .to_owned(),
            ],
        );
    }

    fn changed(&self, look: &mut Look, more: &[String]) {
        look.find(
            Severity::Warning,
            self.subject("changed"),
            format!("{} of {} have more rows in staging than in production", tables(more), self.name),
            [
                few(more),
                "the rows of production and no others when staging becomes production".to_owned(),
                "Tests on staging leave them, and rows that were deleted in production since the copy. Before the switch copy \
                 the data again into an empty database."
                    .to_owned(),
            ],
        );
    }

    fn at_counters(&self, look: &mut Look) {
        let behind = match self.staging.behind.read(Source::Rehearsal, &self.of("the sequences")) {
            Ok(behind) => behind,
            Err(missing) => return look.missing.push(missing),
        };
        if behind.is_empty() {
            return;
        }
        let how = match self.staging.engine {
            Engine::Mysql | Engine::Mariadb => {
                "ALTER TABLE <table> AUTO_INCREMENT = <largest number + 1>; for each"
            }
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
                "SELECT setval('<sequence>', <largest number>); for each"
            }
        };
        look.find(
            Severity::Blocker,
            self.subject("sequences"),
            format!("sequences of {} in staging give numbers that are taken", self.name),
            [
                few(behind),
                "sequences above every number in use".to_owned(),
                format!(
                    "A copy of the data alone leaves them behind, and the first new row then fails on its key. At {}: {how}.",
                    self.staging.address
                ),
            ],
        );
    }

    fn at_names<T: Ord>(
        &self,
        look: &mut Look,
        what: &str,
        (staging, production): (&Field<BTreeSet<T>>, &Field<BTreeSet<T>>),
        told: impl Fn(&T) -> String,
    ) {
        let read = |field| Field::read(field, Source::Rehearsal, &self.of(&format!("the {what}")));
        let (staging, production) = match (read(staging), read(production)) {
            (Ok(staging), Ok(production)) => (staging, production),
            (Err(missing), _) | (_, Err(missing)) => return look.missing.push(missing),
        };
        let lacking: Vec<String> = production.difference(staging).map(told).collect();
        if !lacking.is_empty() {
            look.find(
                Severity::Warning,
                self.subject(what),
                format!("{what} of {} are in production and not in staging", self.name),
                [
                    few(&lacking),
                    format!("the {what} of production"),
                    "Copy the data again into an empty database.".to_owned(),
                ],
            );
        }
    }

    /// Tables of neither the running release nor the new one.
    fn at_schema(&self, look: &mut Look) {
        let read = |state: &TableState| {
            state.schema.read(Source::Rehearsal, &self.of("the signs of a release")).cloned()
        };
        let (staging, production) = match (read(self.staging), read(self.production)) {
            (Ok(staging), Ok(production)) => (staging, production),
            (Err(missing), _) | (_, Err(missing)) => return look.missing.push(missing),
        };
        let release =
            |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<ProductVersion>().ok());
        let (theirs, ours) = (release(&staging.at_least), release(&production.at_least));
        let too_new = theirs.as_ref().zip(self.kernel).is_some_and(|(theirs, kernel)| theirs > kernel);
        if theirs == ours || theirs > ours && !too_new {
            return;
        }
        let told = |release: &Option<String>| {
            release
                .as_ref()
                .map_or("no release after 4.4.5".to_owned(), |release| format!("{release} or later"))
        };
        let of_target = self.kernel.map_or(String::new(), |kernel| format!(", or of the kernel {kernel}"));
        look.find(
            Severity::Warning,
            self.subject("schema"),
            format!("the tables of {} in staging have the signs of another release", self.name),
            [
                format!("{}: {}", told(&staging.at_least), few(&staging.signs)),
                format!("the signs of production ({}){of_target}", told(&production.at_least)),
                "Find out whose tables these are. Make the database anew from a copy of production, or from the script of the \
                 release that is meant, while it is empty."
                    .to_owned(),
            ],
        );
    }
}

fn tables(list: &[String]) -> String {
    counted(list.len() as u64, "table")
}
