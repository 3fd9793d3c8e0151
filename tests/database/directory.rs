//! Directions to a database, and looking at it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use upgrade_readiness_agent::collect::database::{
    Connection, DatabaseCollector, DatabaseDirectory, Directions, RowCounts, TimeLimits, UpgradeTable,
};
use upgrade_readiness_agent::collect::{CollectError, Collector};
use upgrade_readiness_agent::product::confluence::tables::TABLES;
use upgrade_readiness_checks::facts::{Database, Engine, Failure, Field, Section};

/// The password of every account in these tests; it must never be seen.
pub(crate) const PASSWORD: &str = "Hush-3141-hush";

/// Confluence's record of upgrades.
pub(crate) const STEPS: UpgradeTable =
    UpgradeTable { table: "confversion", build: "buildnumber", installed: "installdate", tag: "versiontag" };

/// Directions as a test wants them.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) engine: Engine,
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) database: &'static str,
    pub(crate) schema: Option<&'static str>,
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    pub(crate) account: &'static str,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) row_counts: RowCounts,
}

impl Way {
    /// The way to a server on this host with the product's own account.
    pub(crate) fn to(engine: Engine, port: u16, database: &'static str, account: &'static str) -> Self {
        Self {
            engine,
            host: "127.0.0.1",
            port,
            database,
            schema: None,
            parameters: &[],
            account,
            username: account,
            password: PASSWORD,
            ca_file: None,
            row_counts: RowCounts::Leave,
        }
    }

    /// Looks with time limits for tests, and sees to it that the password is nowhere.
    pub(crate) async fn look(self) -> Result<Database, Failure> {
        let limits = TimeLimits {
            connect: Duration::from_secs(20),
            statement: Duration::from_secs(20),
            whole: Duration::from_secs(40),
        };
        self.look_within(limits).await
    }

    fn into_directions(self) -> Directions {
        Directions::Connect(Box::new(Connection {
            engine: self.engine,
            host: self.host.to_owned(),
            port: Some(self.port),
            database: self.database.to_owned(),
            schema: self.schema.map(str::to_owned),
            parameters: self.parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            account: self.account.to_owned(),
            username: self.username.to_owned(),
            password: SecretString::from(self.password),
            ca_file: self.ca_file,
        }))
    }

    /// Somebody who knows the way, for whoever asks again and again.
    pub(crate) fn into_directory(self) -> Arc<dyn DatabaseDirectory> {
        struct Known(Mutex<Way>);
        impl DatabaseDirectory for Known {
            fn directions(&self) -> Result<Directions, CollectError> {
                Ok(self.0.lock().unwrap().clone().into_directions())
            }
        }
        Arc::new(Known(Mutex::new(self)))
    }

    pub(crate) async fn look_within(self, limits: TimeLimits) -> Result<Database, Failure> {
        let directions = self.clone().into_directions();
        let looked = ask_counting(directions, limits, self.row_counts).await;
        let seen = format!("{looked:?}");
        assert!(!seen.contains(PASSWORD) && !seen.contains("IDENTIFIED"), "{seen}");
        looked
    }
}

/// Looks where the directions lead.
pub(crate) async fn ask(directions: Directions, limits: TimeLimits) -> Result<Database, Failure> {
    ask_counting(directions, limits, RowCounts::Leave).await
}

async fn ask_counting(
    directions: Directions,
    limits: TimeLimits,
    row_counts: RowCounts,
) -> Result<Database, Failure> {
    struct Fixed(Mutex<Option<Directions>>);
    impl DatabaseDirectory for Fixed {
        fn directions(&self) -> Result<Directions, CollectError> {
            Ok(self.0.lock().unwrap().take().expect("a collector asks once"))
        }
    }
    let directory = Arc::new(Fixed(Mutex::new(Some(directions))));
    let collector = DatabaseCollector::new(directory, Some(STEPS))
        .with_tables(&TABLES)
        .with_row_counts(row_counts)
        .with_time_limits(limits);
    match collector.collect().await.map_err(CollectError::into_failure)? {
        Section::Database(database) => Ok(*database),
        other => panic!("facts of another source: {other:?}"),
    }
}

/// The value of a field that must have been read.
pub(crate) fn read<T>(field: &Field<T>) -> &T {
    match field {
        Field::Read(value) => value,
        Field::Unread(why) => panic!("unread: {why}"),
    }
}

/// The reason of a field that must be unread.
pub(crate) fn unread<T>(field: &Field<T>) -> &str {
    match field {
        Field::Read(_) => panic!("it was read"),
        Field::Unread(why) => why,
    }
}

/// The names of a set, in one text.
pub(crate) fn names<'a>(set: impl IntoIterator<Item = &'a String>) -> String {
    set.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn what_the_agent_cannot_ask_is_unread_with_what_to_do_instead() {
    for engine in [Engine::SqlServer, Engine::Oracle, Engine::H2, Engine::Hsqldb] {
        let directions =
            || Directions::CannotAsk { engine, address: "db:1433/wiki".into(), account: "wiki".into() };
        let facts = ask(directions(), TimeLimits::default()).await.unwrap();
        assert_eq!(
            (facts.engine, facts.address.as_str(), facts.account.as_str()),
            (engine, "db:1433/wiki", "wiki")
        );
        for why in [
            unread(&facts.version),
            unread(&facts.connected_as),
            unread(&facts.schema),
            unread(&facts.privileges),
            unread(&facts.ownership),
            unread(&facts.settings),
            unread(&facts.size_bytes),
            unread(&facts.upgrade_steps),
            unread(&facts.sessions),
            unread(&facts.records.users),
            unread(&facts.records.growing_tables),
            unread(&facts.records.leftovers),
            unread(&facts.records.remigration),
            unread(&facts.records.safety_rows),
            unread(&facts.records.layouts),
            unread(&facts.records.customised),
            unread(&facts.records.administrators),
            unread(&facts.records.row_counts),
        ] {
            assert!(why.contains(engine.name()) && why.len() > 60, "{why}");
        }
        // Directions that say otherwise change nothing.
        let connection = Connection {
            engine,
            host: "db".into(),
            port: Some(1433),
            database: "wiki".into(),
            schema: None,
            parameters: BTreeMap::new(),
            account: "wiki".into(),
            username: "wiki".into(),
            password: SecretString::from(PASSWORD),
            ca_file: None,
        };
        let same = ask(Directions::Connect(Box::new(connection)), TimeLimits::default()).await.unwrap();
        assert_eq!(same, facts);
    }
}
