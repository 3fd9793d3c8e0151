//! The tables of a Carbon kernel on real servers.
//!
//! The statements are our own, with the names, keys and columns the kernel's scripts give them as far as anybody looks.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use upgrade_readiness_agent::collect::CollectError;
use upgrade_readiness_agent::collect::database::DatabaseCollector;
use upgrade_readiness_agent::product::carbon::staged::read_state;
use upgrade_readiness_agent::product::carbon::tables::TABLES;
use upgrade_readiness_checks::facts::{
    Database, Engine, Field, KernelKey, KernelRecords, Records, TableState,
};

use crate::directory::{PASSWORD, Way, read, unread};
use crate::support::mariadb::Mariadb;
use crate::support::postgres::Postgres;

/// Tables with a number of their own: its column, and the other columns and keys.
const NUMBERED: [(&str, &str, &str); 9] = [
    ("REG_LOG", "REG_LOG_ID", "REG_PATH varchar(750), REG_USER_ID varchar(20), REG_TENANT_ID int"),
    ("REG_PATH", "REG_PATH_ID", "REG_PATH_VALUE varchar(500), REG_TENANT_ID int"),
    ("REG_CONTENT", "REG_CONTENT_ID", "REG_TENANT_ID int"),
    ("UM_TENANT", "UM_ID", "UM_DOMAIN_NAME varchar(255) NOT NULL, UM_ACTIVE boolean"),
    ("UM_DOMAIN", "UM_DOMAIN_ID", "UM_DOMAIN_NAME varchar(255), UM_TENANT_ID int"),
    (
        "UM_USER",
        "UM_ID",
        "UM_USER_NAME varchar(255) NOT NULL, UM_TENANT_ID int, UNIQUE (UM_USER_NAME, UM_TENANT_ID)",
    ),
    (
        "UM_PERMISSION",
        "UM_ID",
        "UM_RESOURCE_ID varchar(255) NOT NULL, UM_ACTION varchar(255) NOT NULL, UM_TENANT_ID int",
    ),
    ("UM_SYSTEM_ROLE", "UM_ID", "UM_ROLE_NAME varchar(255), UM_TENANT_ID int"),
    (
        "UM_HYBRID_USER_ROLE",
        "UM_ID",
        "UM_USER_NAME varchar(255), UM_ROLE_ID int, UM_TENANT_ID int, UM_DOMAIN_ID int,
         UNIQUE (UM_USER_NAME, UM_ROLE_ID, UM_TENANT_ID)",
    ),
];

/// A table without a number of its own, and the indexes 4.4.6 made under names of its own.
const REST: &str = "
    CREATE TABLE REG_RESOURCE (REG_PATH_ID int NOT NULL, REG_NAME varchar(256), REG_CONTENT_ID int, REG_TENANT_ID int,
        REG_UUID varchar(100));
    CREATE INDEX REG_LOG_IND_BY_REG_LOGGED_TIME ON REG_LOG (REG_PATH, REG_TENANT_ID);
    CREATE INDEX REG_RESOURCE_IND_BY_TENANT_UUID ON REG_RESOURCE (REG_TENANT_ID, REG_UUID);";

/// What a running server keeps in them.
const ROWS: &str = "
    INSERT INTO UM_TENANT VALUES (1, 'a.example.com', true), (2, 'b.example.com', true), (3, 'gone.example.com', false);
    INSERT INTO UM_DOMAIN VALUES (1, 'PRIMARY', -1234), (2, 'CORP.EXAMPLE.COM', -1234), (3, 'PRIMARY', 1);
    INSERT INTO UM_USER VALUES (1, 'admin', -1234), (2, 'secret-alice', -1234), (3, 'secret-alice', 1);
    INSERT INTO UM_PERMISSION VALUES (1, '/permission/admin', 'ui.execute', -1234), (2, '/permission/admin', 'ui.execute', 1);
    INSERT INTO UM_SYSTEM_ROLE VALUES (1, 'everyone', -1234);
    INSERT INTO REG_PATH VALUES (1, '/', -1234), (2, '/_system', -1234), (7, '/', 1);
    INSERT INTO REG_CONTENT VALUES (4, -1234);
    INSERT INTO REG_RESOURCE VALUES (1, NULL, NULL, -1234, 'u1'), (2, 'x', 4, -1234, 'u2'), (7, NULL, NULL, 1, 'u3');
    INSERT INTO REG_LOG VALUES (12, '/', 'admin', -1234);";

/// Rows no key of a newer release takes, rows that point to nothing, and what a clean-up leaves.
const SPOIL: &str = "
    INSERT INTO UM_USER VALUES (4, 'Secret-Alice', -1234), (5, 'bob', 77);
    INSERT INTO UM_PERMISSION VALUES (3, '/permission/admin', 'ui.execute', 1);
    INSERT INTO UM_DOMAIN VALUES (4, 'PRIMARY', -1234), (5, NULL, -1234);
    INSERT INTO UM_SYSTEM_ROLE VALUES (2, 'everyone', -1234), (3, NULL, -1234);
    INSERT INTO REG_PATH VALUES (8, '/_system', -1234), (9, '/_SYSTEM', -1234), (10, NULL, 1);
    INSERT INTO REG_RESOURCE VALUES (99, 'y', 5, -1234, 'u4');
    CREATE TABLE REG_LOG_BACKUP (x int); CREATE TABLE auditlog_x (x int); CREATE TABLE IDN_OAUTH2_SCOPE (NAME varchar(20),
        TENANT_ID int); CREATE TABLE IDN_OIDC_SCOPE (NAME varchar(20), TENANT_ID int);
    INSERT INTO IDN_OAUTH2_SCOPE VALUES ('openid', -1234), ('mine', -1234);
    INSERT INTO IDN_OIDC_SCOPE VALUES ('openid', -1234), ('mine', 1);
    ALTER TABLE UM_USER ADD UM_USER_ID varchar(36) DEFAULT 'NONE';
    UPDATE UM_USER SET UM_USER_ID = 'same' WHERE UM_ID < 3;";

fn tables(number: impl Fn(&str) -> (String, String)) -> String {
    let create = |(table, column, rest): (&str, &str, &str)| {
        let (before, number) = number(table);
        format!("{before} CREATE TABLE {table} ({column} {number} PRIMARY KEY, {rest});\n")
    };
    NUMBERED.map(create).concat() + REST
}

fn postgres_tables() -> String {
    tables(|table| (format!("CREATE SEQUENCE {table}_SEQ;"), format!("int DEFAULT nextval('{table}_SEQ')")))
}

fn mariadb_tables() -> String {
    tables(|_| (String::new(), "int AUTO_INCREMENT".to_owned()))
}

async fn look(way: Way, apart: Option<Duration>) -> Database {
    let collector = DatabaseCollector::new(way.into_directory(), None).with_kernel_tables(&TABLES);
    let collector = match apart {
        Some(apart) => collector.with_watched_silence(apart),
        None => collector,
    };
    let database = collector.look().await.map_err(CollectError::into_failure).unwrap();
    let seen = format!("{database:?}");
    for private in ["secret-alice", "a.example.com", PASSWORD] {
        assert!(!seen.contains(private), "{private} in {seen}");
    }
    database
}

fn kernel(database: &Database) -> &KernelRecords {
    database.records.kernel.as_deref().expect("a kernel was looked for")
}

/// Rows by table, those that have some.
fn filled(state: &TableState) -> Vec<(String, u64)> {
    let rows = read(&state.rows).iter().map(|one| (one.table.clone(), *read(&one.rows)));
    rows.filter(|(_, rows)| *rows > 0).collect()
}

async fn state(way: Way) -> TableState {
    match read_state(way.into_directory()).await {
        Field::Read(state) => state,
        Field::Unread(why) => panic!("{why}"),
    }
}

/// Whatever the engine says of a database with nothing in it.
fn is_virgin(state: &TableState) {
    assert_eq!((read(&state.kernel_tables).len(), *read(&state.other_tables)), (0, 0), "{state:?}");
    assert!(
        read(&state.rows).is_empty() && read(&state.tenants).is_empty() && read(&state.domains).is_empty()
    );
    assert_eq!((read(&state.schema).at_least.as_deref(), read(&state.behind).len()), (None, 0));
}

/// After the script of 4.4.6 and nothing else.
fn is_prepared(state: &TableState) {
    let names: Vec<&str> = read(&state.kernel_tables).iter().map(String::as_str).collect();
    assert_eq!(names.len(), NUMBERED.len() + 1, "{names:?}");
    assert!(names.contains(&"REG_RESOURCE") && names.contains(&"UM_TENANT"), "{names:?}");
    assert_eq!(filled(state), []);
    assert_eq!(read(&state.rows).len(), names.len());
    let schema = read(&state.schema);
    assert_eq!((schema.at_least.as_deref(), schema.exactly.as_deref()), (Some("4.4.6"), Some("4.4.6")));
    assert!(read(&state.behind).is_empty(), "{:?}", state.behind);
}

fn is_copied(state: &TableState) {
    let expected = [
        ("REG_CONTENT", 1),
        ("REG_LOG", 1),
        ("REG_PATH", 3),
        ("REG_RESOURCE", 3),
        ("UM_DOMAIN", 3),
        ("UM_PERMISSION", 2),
        ("UM_SYSTEM_ROLE", 1),
        ("UM_TENANT", 3),
        ("UM_USER", 3),
    ];
    assert_eq!(filled(state), expected.map(|(table, rows)| (table.to_owned(), rows)));
    assert_eq!(*read(&state.tenants), BTreeSet::from([1, 2]));
    assert_eq!(*read(&state.domains), ["CORP.EXAMPLE.COM", "PRIMARY"].map(str::to_owned).into());
}

fn keys(records: &KernelRecords) -> Vec<(KernelKey, u64, u64)> {
    read(&records.keys).iter().map(|one| (one.key, *read(&one.duplicates), *read(&one.empty))).collect()
}

fn orphans(records: &KernelRecords) -> Vec<(String, u64)> {
    let rows = read(&records.orphans).iter();
    let named = rows.map(|one| (format!("{} {}", one.table, one.points_to), *read(&one.rows)));
    named.filter(|(_, rows)| *rows > 0).collect()
}

/// What both kinds of servers say of the rows after [`SPOIL`].
fn is_spoilt(database: &Database) {
    use KernelKey::{
        Domains, Permissions, RegistryPaths, Scopes, SystemRoles, UserIds, UserNames, UserNamesWhateverCase,
    };
    let records = kernel(database);
    let expected = [
        (UserNames, 0, 0),
        (UserNamesWhateverCase, 1, 0),
        (Permissions, 1, 0),
        (RegistryPaths, 1, 1),
        (Domains, 1, 1),
        (SystemRoles, 1, 1),
        (UserIds, 1, 3),
        (Scopes, 1, 0),
    ];
    assert_eq!(keys(records), expected);
    assert_eq!(
        orphans(records),
        [("REG_RESOURCE REG_PATH", 1), ("REG_RESOURCE REG_CONTENT", 1), ("UM_USER UM_TENANT", 1)]
            .map(|(pair, rows)| (pair.to_owned(), rows))
    );
    assert_eq!(*read(&records.leftover_tables), ["AUDITLOG_X", "REG_LOG_BACKUP"]);
    assert_eq!(*read(&records.other_tables), 4, "two left over, two of the product");
    assert_eq!(read(&records.schema).at_least.as_deref(), Some("4.6.0"), "{:?}", records.schema);
    assert!(unread(&database.records.users).contains(Records::OF_ANOTHER_PRODUCT));
}

fn postgres() -> Postgres {
    let server = Postgres::start();
    for name in ["carbon", "agent"] {
        server.run("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"));
    }
    server.run("postgres", "CREATE DATABASE regdb OWNER carbon");
    server.run("regdb", "GRANT CREATE ON SCHEMA public TO carbon");
    server
}

fn to(server: &Postgres, username: &'static str) -> Way {
    Way { username, ..Way::to(Engine::Postgresql, server.port, "regdb", "carbon") }
}

fn as_carbon(server: &Postgres, sql: &str) {
    server.run("regdb", &format!("SET ROLE carbon; {sql}"));
}

#[tokio::test]
async fn postgresql_tells_a_virgin_a_prepared_and_a_copied_database_apart() {
    let server = postgres();
    let virgin = state(to(&server, "carbon")).await;
    is_virgin(&virgin);
    assert_eq!((virgin.engine, read(&virgin.sessions).len()), (Engine::Postgresql, 0));

    as_carbon(&server, &postgres_tables());
    is_prepared(&state(to(&server, "carbon")).await);

    // A copy of the data alone leaves the sequences where they were.
    as_carbon(&server, ROWS);
    let copied = state(to(&server, "carbon")).await;
    is_copied(&copied);
    let behind = read(&copied.behind);
    assert_eq!(behind.len(), 8, "{behind:?}");
    assert!(
        behind.contains(&"reg_log_seq gives 1 next, and reg_log.reg_log_id goes up to 12".to_owned()),
        "{behind:?}"
    );
    as_carbon(&server, "SELECT setval('reg_log_seq', 12), setval('reg_path_seq', 6)");
    let behind = state(to(&server, "carbon")).await.behind;
    let of = |name: &str| read(&behind).iter().filter(|one| one.starts_with(name)).count();
    assert_eq!((of("reg_log_seq"), of("reg_path_seq")), (0, 1), "{behind:?}");

    // The indexes 4.4.7 made under shorter names.
    as_carbon(
        &server,
        "DROP INDEX reg_log_ind_by_reg_logged_time; CREATE INDEX reg_log_ind_by_reg_logtime ON reg_log (reg_path)",
    );
    let schema = state(to(&server, "carbon")).await.schema;
    assert_eq!((read(&schema).at_least.as_deref(), read(&schema).exactly.as_deref()), (Some("4.4.7"), None));
    as_carbon(
        &server,
        "ALTER TABLE reg_log ALTER reg_user_id TYPE varchar(31); ALTER TABLE um_hybrid_user_role
        ADD UNIQUE (um_user_name, um_role_id, um_tenant_id, um_domain_id)",
    );
    let schema = state(to(&server, "carbon")).await.schema;
    assert_eq!(
        (read(&schema).at_least.as_deref(), read(&schema).signs.len()),
        (Some("4.4.21"), 4),
        "{schema:?}"
    );
}

#[tokio::test]
async fn postgresql_counts_rows_that_newer_keys_refuse() {
    let server = postgres();
    as_carbon(&server, &format!("{}{ROWS}", postgres_tables()));
    let sound = look(to(&server, "carbon"), None).await;
    assert!(keys(kernel(&sound)).iter().all(|(_, twice, empty)| (*twice, *empty) == (0, 0)), "{sound:?}");
    assert_eq!(orphans(kernel(&sound)), []);
    as_carbon(&server, SPOIL);
    is_spoilt(&look(to(&server, "carbon"), None).await);
    // With the key of 4.4.14 in force nobody has to look.
    as_carbon(
        &server,
        "DELETE FROM um_permission; ALTER TABLE um_permission ADD UNIQUE (um_tenant_id, um_action, um_resource_id)",
    );
    let keyed = look(to(&server, "carbon"), None).await;
    let permissions =
        read(&kernel(&keyed).keys).iter().find(|one| one.key == KernelKey::Permissions).unwrap();
    assert!(permissions.in_force);
}

#[tokio::test]
async fn postgresql_names_the_rights_that_are_lacking() {
    let server = postgres();
    as_carbon(&server, &format!("{}{ROWS}", postgres_tables()));
    let blind = state(to(&server, "agent")).await;
    assert_eq!(read(&blind.kernel_tables).len(), 10, "the catalogue is open to all");
    assert!(
        read(&blind.rows).iter().all(|one| unread(&one.rows).contains("GRANT SELECT")),
        "{:?}",
        blind.rows
    );
    assert!(unread(&blind.behind).contains("GRANT SELECT ON ALL SEQUENCES"), "{:?}", blind.behind);
    for why in [unread(&blind.tenants), unread(&blind.domains)] {
        assert!(why.contains("GRANT SELECT ON") && why.contains("\"agent\""), "{why}");
    }
    let records = look(to(&server, "agent"), None).await;
    let refused =
        read(&kernel(&records).keys).iter().filter(|one| matches!(one.duplicates, Field::Unread(_)));
    assert!(refused.count() >= 4, "{records:?}");
    server.run("regdb", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO agent; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO agent");
    is_copied(&state(to(&server, "agent")).await);
}

#[tokio::test]
async fn a_server_is_told_from_every_other_whoever_asks() {
    let (one, other) = (postgres(), postgres());
    let identity = |state: &TableState| read(&state.identity).clone();
    let first = identity(&state(to(&one, "carbon")).await);
    assert_eq!(first, identity(&state(to(&one, "agent")).await));
    assert_ne!(first, identity(&state(to(&other, "carbon")).await));
}

#[tokio::test]
async fn nobody_is_nobody_only_after_several_looks() {
    let server = postgres();
    let apart = Duration::from_millis(50);
    let quiet = look(to(&server, "carbon"), Some(apart)).await;
    assert_eq!((read(&quiet.sessions).count, read(&quiet.sessions).looks), (0, 3));
    assert_eq!(read(&look(to(&server, "carbon"), None).await.sessions).looks, 1);

    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port);
    let options = options.username("carbon").password(PASSWORD).database("regdb");
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        options.connect().await.unwrap()
    };
    // A pool that fills again between two looks is seen.
    let (looked, session) = tokio::join!(look(to(&server, "carbon"), Some(Duration::from_secs(2))), late);
    assert_eq!((read(&looked.sessions).count, read(&looked.sessions).looks), (1, 2));
    let busy = look(to(&server, "carbon"), Some(apart)).await;
    assert_eq!((read(&busy.sessions).count, read(&busy.sessions).looks), (1, 1), "one look suffices");
    session.close().await.unwrap();
    // Where others are hidden, looking again shows no more.
    server.run("postgres", "GRANT CONNECT ON DATABASE regdb TO agent");
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port);
    let session = options.username("carbon").password(PASSWORD).database("regdb").connect().await.unwrap();
    let hidden = look(to(&server, "agent"), Some(apart)).await;
    assert!(read(&hidden.sessions).hidden.is_some());
    assert_eq!(read(&hidden.sessions).looks, 1);
    session.close().await.unwrap();
}

fn mariadb() -> Mariadb {
    let server = Mariadb::start(&[]);
    server.run("CREATE DATABASE regdb CHARACTER SET latin1 COLLATE latin1_bin");
    for name in ["carbon", "agent"] {
        server.run(&format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'"));
    }
    server.run("GRANT ALL ON regdb.* TO carbon");
    server
}

fn to_mariadb(server: &Mariadb, username: &'static str) -> Way {
    Way { username, ..Way::to(Engine::Mysql, server.port, "regdb", "carbon") }
}

#[tokio::test]
async fn mariadb_tells_the_same() {
    let server = mariadb();
    let virgin = state(to_mariadb(&server, "carbon")).await;
    is_virgin(&virgin);
    assert!(unread(&virgin.sessions).contains("GRANT PROCESS"), "who may not see all sees none");
    server.run(&format!("USE regdb; {}", mariadb_tables()));
    is_prepared(&state(to_mariadb(&server, "carbon")).await);
    server.run(&format!("USE regdb; {ROWS}"));
    let copied = state(to_mariadb(&server, "carbon")).await;
    is_copied(&copied);
    assert!(read(&copied.behind).is_empty(), "this engine moves its counters along: {:?}", copied.behind);
    let sound = look(to_mariadb(&server, "carbon"), None).await;
    assert!(keys(kernel(&sound)).iter().all(|(_, twice, empty)| (*twice, *empty) == (0, 0)), "{sound:?}");

    server.run("GRANT PROCESS ON *.* TO carbon");
    server.run(&format!("USE regdb; ALTER TABLE REG_PATH DROP PRIMARY KEY, ADD KEY (REG_PATH_ID); {SPOIL}"));
    is_spoilt(&look(to_mariadb(&server, "carbon"), Some(Duration::from_millis(50))).await);
    let quiet = look(to_mariadb(&server, "carbon"), Some(Duration::from_millis(50))).await;
    assert_eq!((read(&quiet.sessions).count, read(&quiet.sessions).looks), (0, 3));
    // A key over the first letters keeps nothing apart.
    server.run("USE regdb; DELETE FROM UM_SYSTEM_ROLE; CREATE UNIQUE INDEX part ON UM_SYSTEM_ROLE (UM_ROLE_NAME(3), UM_TENANT_ID)");
    let partly = look(to_mariadb(&server, "carbon"), None).await;
    let roles = read(&kernel(&partly).keys).iter().find(|one| one.key == KernelKey::SystemRoles).unwrap();
    assert!(!roles.in_force);
}

#[tokio::test]
async fn mariadb_says_which_server_it_is_and_what_it_does_not_show() {
    let (server, other) = (mariadb(), mariadb());
    server.run(&format!("USE regdb; {}{ROWS}", mariadb_tables()));
    server.run("GRANT SELECT ON regdb.UM_TENANT TO agent");
    let blind = state(to_mariadb(&server, "agent")).await;
    for why in
        [unread(&blind.kernel_tables), unread(&blind.behind), unread(&blind.rows), unread(&blind.domains)]
    {
        assert!(why.contains("GRANT SELECT"), "{why}");
    }
    let identity = |state: &TableState| read(&state.identity).clone();
    let first = identity(&state(to_mariadb(&server, "carbon")).await);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(first, identity(&blind));
    assert_eq!(first, identity(&state(to_mariadb(&server, "agent")).await));
    assert_ne!(first, identity(&state(to_mariadb(&other, "carbon")).await));
    server.run("GRANT SELECT ON regdb.* TO agent");
    is_copied(&state(to_mariadb(&server, "agent")).await);
}
