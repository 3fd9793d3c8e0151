//! Counting the rows of the main tables on real servers: exactly, only when asked, and never for ever.

use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use upgrade_readiness_agent::collect::database::{CountLimits, RowCounts};
use upgrade_readiness_checks::facts::{Database, Engine, Field, Records, TableRows};

use crate::directory::{PASSWORD, Way, read, unread};
use crate::support::mariadb::Mariadb;
use crate::support::postgres::Postgres;

/// A few of the main tables, and one that is none; both kinds of servers read these statements.
const SITE: &str = "
    CREATE TABLE confversion (confversionid bigint PRIMARY KEY, buildnumber integer);
    CREATE TABLE user_mapping (user_key varchar(190) PRIMARY KEY, username varchar(190), lower_username varchar(190));
    INSERT INTO user_mapping VALUES ('k1', 'Alice', 'alice'), ('k2', 'bob', 'bob');
    CREATE TABLE content (contentid bigint PRIMARY KEY, title varchar(190));
    INSERT INTO content VALUES (1, 'secret page'), (2, 'b'), (3, 'c');
    CREATE TABLE spaces (spaceid bigint PRIMARY KEY);
    CREATE TABLE nobody_counts_this (id bigint PRIMARY KEY);
    ";

/// More rows than other questions ever go through.
const MANY: u64 = Records::MOST * 5;

const ONE_SECOND: RowCounts =
    RowCounts::CountWithin(CountLimits { table: Duration::from_secs(1), whole: Duration::from_secs(30) });

const NO_TIME: RowCounts =
    RowCounts::CountWithin(CountLimits { table: Duration::from_secs(30), whole: Duration::ZERO });

/// Tables and their rows, `?` where they could not be counted.
fn counts(facts: &Database) -> String {
    let rows = |rows: &Field<u64>| rows.value().map_or_else(|| "?".to_owned(), u64::to_string);
    let one = |table: &TableRows| format!("{} {}", table.table, rows(&table.rows));
    read(&facts.records.row_counts).iter().map(one).collect::<Vec<_>>().join(", ")
}

fn why<'a>(facts: &'a Database, table: &str) -> &'a str {
    let counted = read(&facts.records.row_counts).iter().find(|one| one.table == table);
    unread(&counted.expect("the table is listed").rows)
}

fn postgres() -> Postgres {
    let server = Postgres::start();
    for name in ["conf", "agent"] {
        server.run("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"));
    }
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run("wiki", &format!("GRANT CREATE ON SCHEMA public TO conf; SET ROLE conf; {SITE}"));
    server
}

async fn look(server: &Postgres, username: &'static str, row_counts: RowCounts) -> Database {
    let way = Way { username, row_counts, ..Way::to(Engine::Postgresql, server.port, "wiki", "conf") };
    way.look().await.unwrap()
}

#[tokio::test]
async fn postgresql_counts_every_row_when_asked() {
    let server = postgres();
    let facts = look(&server, "conf", RowCounts::Leave).await;
    assert_eq!(unread(&facts.records.row_counts), "only `agent snapshot` counts rows");

    let facts = look(&server, "conf", RowCounts::Count).await;
    assert_eq!(counts(&facts), "content 3, spaces 0, user_mapping 2");
    assert!(!format!("{facts:?}").contains("secret page"));

    // All of them, and under the names the server stores.
    server.run(
        "wiki",
        &format!("SET ROLE conf; INSERT INTO content SELECT n, '' FROM generate_series(4, {MANY}) AS n"),
    );
    server.run(
        "wiki",
        "SET ROLE conf; ALTER TABLE spaces RENAME TO \"SPACES\"; CREATE VIEW label AS SELECT 1 AS a",
    );
    let facts = look(&server, "conf", RowCounts::Count).await;
    assert_eq!(counts(&facts), format!("content {MANY}, SPACES 0, user_mapping 2"), "a view is no table");

    // Another database than the product's.
    server.run("wiki", "SET ROLE conf; DROP TABLE user_mapping");
    let facts = look(&server, "conf", RowCounts::Count).await;
    assert!(unread(&facts.records.row_counts).contains("no table user_mapping"));
}

#[tokio::test]
async fn postgresql_names_the_grant_for_a_table_that_cannot_be_counted() {
    let server = postgres();
    server.run("wiki", "GRANT SELECT ON user_mapping, spaces TO agent");
    let facts = look(&server, "agent", RowCounts::Count).await;
    assert_eq!(counts(&facts), "content ?, spaces 0, user_mapping 2");
    assert!(why(&facts, "content").contains("GRANT SELECT ON \"public\".\"content\" TO \"agent\""));
}

#[tokio::test]
async fn a_table_of_postgresql_that_takes_too_long_costs_only_its_own_count() {
    let server = postgres();
    let options =
        PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port).username("admin");
    let mut holder = options.database("wiki").connect().await.unwrap();
    let lock = "BEGIN; LOCK TABLE content IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    let facts = look(&server, "conf", ONE_SECOND).await;
    assert_eq!(counts(&facts), "content ?, spaces 0, user_mapping 2");
    assert!(why(&facts, "content").contains("timeout"), "{}", why(&facts, "content"));
    assert!(read(&facts.records.users).without_lower_name == 0, "the rest of the look stands");
    holder.close().await.unwrap();

    let facts = look(&server, "conf", NO_TIME).await;
    assert_eq!(counts(&facts), "content ?, spaces ?, user_mapping ?");
    assert!(why(&facts, "spaces").contains("counting all tables took longer"));
}

fn mariadb() -> Mariadb {
    let server = Mariadb::start(&[]);
    server.run("CREATE DATABASE wiki CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    for name in ["conf", "agent"] {
        server.run(&format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'"));
    }
    server.run(&format!("GRANT ALL ON wiki.* TO conf; USE wiki; {SITE}"));
    server
}

async fn ask(server: &Mariadb, username: &'static str, row_counts: RowCounts) -> Database {
    let way = Way { username, row_counts, ..Way::to(Engine::Mysql, server.port, "wiki", "conf") };
    way.look().await.unwrap()
}

#[tokio::test]
async fn mariadb_counts_every_row_when_asked() {
    let server = mariadb();
    let facts = ask(&server, "conf", RowCounts::Leave).await;
    assert_eq!(unread(&facts.records.row_counts), "only `agent snapshot` counts rows");
    server.run(&format!(
        "USE wiki; INSERT INTO content SELECT seq, '' FROM seq_4_to_{MANY}; RENAME TABLE spaces TO SPACES;
         CREATE VIEW label AS SELECT 1 AS a"
    ));
    let facts = ask(&server, "conf", RowCounts::Count).await;
    assert_eq!(counts(&facts), format!("content {MANY}, SPACES 0, user_mapping 2"), "a view is no table");
    assert!(!format!("{facts:?}").contains("secret page"));

    // Of what is not shown nobody can say that it is not there.
    server.run("GRANT SELECT ON wiki.user_mapping TO agent");
    let facts = ask(&server, "agent", RowCounts::Count).await;
    assert!(counts(&facts).ends_with("user_mapping 2, usercontent_relation ?"), "{}", counts(&facts));
    assert!(why(&facts, "content").contains("GRANT SELECT"), "{}", why(&facts, "content"));
}

#[tokio::test]
async fn a_table_of_mariadb_that_takes_too_long_costs_only_its_own_count() {
    let server = mariadb();
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port).username("conf");
    let mut holder = options.password(PASSWORD).database("wiki").connect().await.unwrap();
    sqlx::raw_sql("LOCK TABLES content WRITE").execute(&mut holder).await.unwrap();
    let facts = ask(&server, "conf", ONE_SECOND).await;
    assert_eq!(counts(&facts), "content ?, spaces 0, user_mapping 2");
    assert!(why(&facts, "content").contains("max_statement_time"), "{}", why(&facts, "content"));
    assert!(read(&facts.records.users).without_lower_name == 0, "the rest of the look stands");
    holder.close().await.unwrap();

    let facts = ask(&server, "conf", NO_TIME).await;
    assert_eq!(counts(&facts), "content ?, spaces ?, user_mapping ?");
}
