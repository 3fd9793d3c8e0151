//! The databases of a running home beside those the new release uses in their place.
//!
//! Both are only read, with exact counts of their tables within a time. Which pair is good stands elsewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use upgrade_readiness_checks::facts::{
    Database, Field, KernelRecords, Sessions, StagedDatabase, TableRows, TableState,
};

use super::database::{HomeDatabase, databases};
use super::tables::TABLES;
use crate::collect::database::{CountLimits, DatabaseCollector, DatabaseDirectory, RowCounts, TimeLimits};
use crate::config::{DatabaseAccess, PreparedPlace};

/// Pairs that are compared; a product has one to four databases.
const MOST_PAIRS: usize = 8;

/// How long a look at one database may take, without the counting.
const LIMITS: TimeLimits = TimeLimits {
    connect: Duration::from_secs(5),
    statement: Duration::from_secs(10),
    whole: Duration::from_secs(25),
};

/// How long counting may take.
const COUNTING: CountLimits = CountLimits { table: Duration::from_secs(5), whole: Duration::from_secs(18) };

/// How long everything may take.
const WHOLE: Duration = Duration::from_secs(55);

/// Reads the databases of both homes, each pair side by side: that of user management first.
///
/// Unread when the data sources of one home cannot be read; a database that cannot be asked is unread by itself.
pub async fn staged_databases(
    running: &Path,
    running_access: &DatabaseAccess,
    prepared: &PreparedPlace,
) -> Field<Vec<StagedDatabase>> {
    let asked =
        [(running.to_owned(), running_access.clone()), (prepared.home.clone(), prepared.database.clone())];
    let [production, staging] = asked.map(|(home, access)| find(home, access));
    let (production, staging) = match tokio::join!(production, staging) {
        (Ok(production), Ok(staging)) => (production, staging),
        (Err(why), _) | (_, Err(why)) => return Field::Unread(why),
    };
    let pairs = pairs(production, staging);
    if pairs.len() > MOST_PAIRS {
        let count = pairs.len();
        return Field::Unread(format!("the data sources lead to {count} databases, more than {MOST_PAIRS}"));
    }
    let comparing = pairs.into_iter().map(compare);
    Field::Read(futures_util::future::join_all(comparing).await)
}

async fn find(home: PathBuf, access: DatabaseAccess) -> Result<Vec<HomeDatabase>, String> {
    let reading = tokio::task::spawn_blocking(move || databases(&home, &access));
    match timeout(WHOLE, reading).await {
        Ok(Ok(found)) => found.map_err(|error| error.into_failure().message),
        Ok(Err(broken)) => Err(format!("reading the data sources: {broken}")),
        Err(_elapsed) => Err(format!("reading the data sources: not done within {WHOLE:?}")),
    }
}

/// A database of the running home and that of the new one, when there is such a one.
struct Pair {
    name: String,
    production: Option<HomeDatabase>,
    staging: Option<HomeDatabase>,
}

/// The main ones belong together; others by their names, else by what is kept in them.
fn pairs(production: Vec<HomeDatabase>, staging: Vec<HomeDatabase>) -> Vec<Pair> {
    let mut left: Vec<Option<HomeDatabase>> = staging.into_iter().map(Some).collect();
    let mut pairs: Vec<Pair> = production
        .into_iter()
        .enumerate()
        .map(|(index, one)| {
            let named =
                |other: &Option<HomeDatabase>| other.as_ref().is_some_and(|other| other.name == one.name);
            let at = if index == 0 { Some(0) } else { left.iter().skip(1).position(named).map(|at| at + 1) };
            let staging = at.and_then(|at| left.get_mut(at)?.take());
            Pair { name: one.name.clone(), production: Some(one), staging }
        })
        .collect();
    for pair in pairs.iter_mut().filter(|pair| pair.staging.is_none()) {
        let uses = pair.production.as_ref().map_or(BTreeSet::new(), |one| one.uses.clone());
        let alike = |other: &&mut Option<HomeDatabase>| {
            other.as_ref().is_some_and(|other| !uses.is_empty() && other.uses == uses)
        };
        pair.staging = left.iter_mut().find(alike).and_then(Option::take);
    }
    let further = left.into_iter().flatten();
    pairs.extend(further.map(|one| Pair { name: one.name.clone(), production: None, staging: Some(one) }));
    pairs
}

async fn compare(pair: Pair) -> StagedDatabase {
    let Pair { name, production, staging } = pair;
    let lacking =
        |home: &str| format!("no data source of the {home} home leads to a database in the place of {name}");
    let (production, staging) =
        tokio::join!(state(production, lacking("running")), state(staging, lacking("prepared")));
    StagedDatabase { name, production, staging }
}

async fn state(database: Option<HomeDatabase>, lacking: String) -> Field<TableState> {
    let Some(HomeDatabase { directory, .. }) = database else { return Field::Unread(lacking) };
    read_state(directory).await
}

/// The state of one database.
pub async fn read_state(directory: Arc<dyn DatabaseDirectory>) -> Field<TableState> {
    let collector = DatabaseCollector::new(directory, None)
        .with_kernel_tables(&TABLES)
        .with_row_counts(RowCounts::CountWithin(COUNTING))
        .with_time_limits(LIMITS);
    match timeout(WHOLE, Box::pin(collector.look())).await {
        Ok(Ok(database)) => Field::Read(table_state(database)),
        Ok(Err(error)) => Field::Unread(error.into_failure().message),
        Err(_elapsed) => Field::Unread(format!("reading its tables: not done within {WHOLE:?}")),
    }
}

fn table_state(database: Database) -> TableState {
    let Database { engine, address, version, records, sessions, .. } = database;
    let why = match &records.row_counts {
        Field::Unread(why) => why.clone(),
        Field::Read(_) => "nobody looked into its tables".to_owned(),
    };
    let kernel = records.kernel.map_or_else(|| KernelRecords::unread(&why), |kernel| *kernel);
    let KernelRecords { identity, tables, other_tables, schema, behind, tenants, domains, .. } = kernel;
    TableState {
        engine,
        address,
        identity,
        version,
        kernel_tables: tables,
        other_tables,
        rows: match records.row_counts {
            Field::Read(rows) => Field::Read(rows.into_iter().map(in_upper_case).collect()),
            Field::Unread(why) => Field::Unread(why),
        },
        schema,
        behind,
        tenants,
        domains,
        sessions: match sessions {
            Field::Read(sessions) => hosts(&sessions),
            Field::Unread(why) => Field::Unread(why),
        },
    }
}

fn in_upper_case(counted: TableRows) -> TableRows {
    TableRows { table: counted.table.to_uppercase(), ..counted }
}

/// The hosts others are connected from, each once; unread when not everybody was shown.
fn hosts(sessions: &Sessions) -> Field<Vec<String>> {
    if let Some(why) = &sessions.hidden {
        return Field::Unread(why.clone());
    }
    let hosts: BTreeSet<&str> = sessions.groups.iter().map(|group| group.host.as_str()).collect();
    Field::Read(hosts.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::{
        DatabaseConfig, DatabaseUse, Engine, FailureKind, PasswordKind, SessionGroup,
    };

    use super::*;
    use crate::collect::CollectError;
    use crate::collect::database::Directions;

    struct Nowhere;

    impl DatabaseDirectory for Nowhere {
        fn directions(&self) -> Result<Directions, CollectError> {
            Err(CollectError::new(FailureKind::Denied, "the file is closed", "Open it."))
        }
    }

    fn database(name: &str, uses: &[DatabaseUse]) -> HomeDatabase {
        HomeDatabase {
            name: name.into(),
            uses: uses.iter().copied().collect(),
            config: DatabaseConfig {
                place: "master-datasources.xml".into(),
                engine: Some(Engine::Postgresql),
                url: None,
                host: None,
                port: None,
                database: None,
                schema: None,
                parameters: std::collections::BTreeMap::new(),
                account: None,
                password: PasswordKind::Absent,
                data_source: None,
                driver_class: None,
                isolation: None,
                pool_size: None,
                defect: None,
            },
            directory: Arc::new(Nowhere),
        }
    }

    fn paired(production: Vec<HomeDatabase>, staging: Vec<HomeDatabase>) -> Vec<String> {
        let name = |one: Option<HomeDatabase>| one.map_or("-".into(), |one| one.name);
        let told = |pair: Pair| format!("{} {}", name(pair.production), name(pair.staging));
        pairs(production, staging).into_iter().map(told).collect()
    }

    #[test]
    fn databases_belong_together_by_name_or_by_what_is_in_them() {
        use DatabaseUse::{LocalRegistry, MountedRegistry, Product, UserManagement};
        let production = || {
            vec![
                database("WSO2_UM_DB", &[UserManagement]),
                database("WSO2_CARBON_DB", &[LocalRegistry]),
                database("WSO2_REG_DB", &[MountedRegistry]),
            ]
        };
        assert_eq!(
            paired(production(), production()),
            ["WSO2_UM_DB WSO2_UM_DB", "WSO2_CARBON_DB WSO2_CARBON_DB", "WSO2_REG_DB WSO2_REG_DB"]
        );
        let renamed = vec![
            database("WSO2_SHARED_DB", &[UserManagement, MountedRegistry]),
            database("LOCAL", &[LocalRegistry]),
            database("WSO2AM_DB", &[Product]),
        ];
        assert_eq!(
            paired(production(), renamed),
            ["WSO2_UM_DB WSO2_SHARED_DB", "WSO2_CARBON_DB LOCAL", "WSO2_REG_DB -", "- WSO2AM_DB"]
        );
        assert_eq!(paired(Vec::new(), Vec::new()), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_asked_is_unread_by_itself() {
        let pair = Pair { name: "X".into(), production: Some(database("X", &[])), staging: None };
        let StagedDatabase { production, staging, .. } = compare(pair).await;
        let why = |field: Field<TableState>| match field {
            Field::Read(state) => panic!("{state:?}"),
            Field::Unread(why) => why,
        };
        assert_eq!(why(production), "the file is closed. Open it.");
        assert!(why(staging).contains("of the prepared home leads"), "it says what is lacking");
    }

    #[test]
    fn hosts_are_told_once_and_only_when_all_are_shown() {
        let group = |account: &str, host: &str| SessionGroup {
            account: account.into(),
            host: host.into(),
            program: None,
            count: 2,
        };
        let mut sessions = Sessions {
            groups: vec![group("a", "10.0.0.7"), group("b", "10.0.0.7"), group("b", "10.0.0.8")],
            count: 6,
            ..Sessions::default()
        };
        assert_eq!(hosts(&sessions), Field::Read(vec!["10.0.0.7".into(), "10.0.0.8".into()]));
        sessions.hidden = Some("PROCESS is lacking".into());
        assert_eq!(hosts(&sessions), Field::Unread("PROCESS is lacking".into()));
    }
}
