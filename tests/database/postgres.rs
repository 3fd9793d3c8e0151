//! A real PostgreSQL.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use upgrade_readiness_agent::collect::database::TimeLimits;
use upgrade_readiness_checks::facts::{Database, Engine, FailureKind};

use crate::directory::{PASSWORD, Way, names, read, unread};
use crate::support::postgres::Postgres;

fn way(server: &Postgres, database: &'static str, account: &'static str) -> Way {
    Way::to(Engine::Postgresql, server.port, database, account)
}

fn create_role(server: &Postgres, names: &[&str]) {
    for name in names {
        server.run("postgres", &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"));
    }
}

const CONFVERSION: &str = "CREATE TABLE confversion (confversionid bigint PRIMARY KEY, buildnumber integer, \
    installdate timestamp, versiontag varchar(255), lastmoddate timestamp, finalized char(1));";

fn foreign(facts: &Database) -> Vec<String> {
    let foreign = &read(&facts.ownership).foreign;
    foreign.iter().map(|object| format!("{} {} {}", object.kind, object.name, object.owner)).collect()
}

#[tokio::test]
async fn an_account_that_owns_everything() {
    let server = Postgres::start();
    create_role(&server, &["conf", "stranger"]);
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run(
        "wiki",
        &format!(
            "GRANT CREATE ON SCHEMA public TO conf; SET ROLE conf; {CONFVERSION}
             CREATE TABLE content (id bigserial PRIMARY KEY, title text);
             CREATE TYPE mood AS ENUM ('good'); CREATE VIEW titles AS SELECT title FROM content;
             CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
             INSERT INTO confversion VALUES
                (1, 8703, '2023-05-01 10:00:00', 'lock_for_upgrade_to_9012'), (2, 9012, '2024-12-24 20:30:15.5', NULL),
                (3, 7901, NULL, NULL), (4, 7801, 'infinity', '');"
        ),
    );

    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert_eq!(facts.engine, Engine::Postgresql);
    assert!(read(&facts.version).starts_with("15."), "{:?}", facts.version);
    assert_eq!(facts.address, format!("127.0.0.1:{}/wiki", server.port));
    assert_eq!((facts.account.as_str(), read(&facts.connected_as).as_str()), ("conf", "conf"));
    assert_eq!(read(&facts.schema), "public");
    let privileges = read(&facts.privileges);
    assert!(!privileges.superuser && privileges.lacking_on_tables.is_empty());
    assert_eq!(
        names(&privileges.on_schema),
        "CREATE DATABASE CONNECT DATABASE CREATE DATABASE TEMPORARY USAGE"
    );
    let ownership = read(&facts.ownership);
    // Two tables, a view, a function and a type; the sequence of a serial column belongs to its table.
    assert_eq!((ownership.objects, ownership.foreign_count, ownership.foreign.len()), (5, 0, 0));
    let values = &read(&facts.settings).values;
    assert_eq!(values["encoding"], "UTF8");
    assert_eq!((values["lc_collate"].as_str(), values["lc_ctype"].as_str()), ("C", "C"));
    assert_eq!(values["default_transaction_isolation"], "read committed");
    assert_eq!(values["in_recovery"], "false");
    assert!(values["server_version_num"].starts_with("15"));
    assert!(*read(&facts.size_bytes) > 1_000_000);
    let steps = read(&facts.upgrade_steps);
    let builds: Vec<u32> = steps.iter().map(|step| step.build).collect();
    assert_eq!(builds, [7801, 9012, 8703, 7901], "newest first; infinity is later than any day");
    assert_eq!(steps[1].installed_at, Some("2024-12-24T20:30:15Z".parse().unwrap()));
    assert_eq!((steps[0].installed_at, steps[0].tag.as_deref()), (None, None));
    assert_eq!(steps[2].tag.as_deref(), Some("lock_for_upgrade_to_9012"));

    // Nobody else changed anything: no transaction has written since.
    let ids = "SELECT pg_current_snapshot()";
    let before = server.run("wiki", ids);
    way(&server, "wiki", "conf").look().await.unwrap();
    assert_eq!(server.run("wiki", ids), before, "a look takes no transaction number");
}

#[tokio::test]
async fn accounts_that_do_not_own_everything() {
    let server = Postgres::start();
    create_role(&server, &["conf", "stranger", "heir", "stubborn"]);
    server.run(
        "postgres",
        "CREATE ROLE owner_role; GRANT owner_role TO heir, stubborn; ALTER ROLE stubborn NOINHERIT",
    );
    server.run("postgres", "CREATE DATABASE wiki");
    server.run(
        "wiki",
        &format!(
            "{CONFVERSION} ALTER TABLE confversion OWNER TO conf; GRANT ALL ON confversion TO owner_role;
             CREATE TABLE a (id int); CREATE TABLE \"AO_1\" (id int); CREATE SEQUENCE s;
             CREATE TABLE numbered (a serial, b int GENERATED ALWAYS AS IDENTITY); GRANT ALL ON numbered TO conf; CREATE VIEW v AS SELECT 1;
             CREATE FUNCTION f(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 1';
             CREATE TYPE mood AS ENUM ('good'); CREATE TYPE pair AS (a int, b int); CREATE DOMAIN d AS int;
             CREATE MATERIALIZED VIEW m AS SELECT 1;
             CREATE TABLE parts (id int) PARTITION BY LIST (id);
             CREATE EXTENSION hstore;
             ALTER TABLE a OWNER TO owner_role;
             GRANT SELECT, INSERT ON \"AO_1\" TO conf; GRANT ALL ON parts TO conf"
        ),
    );

    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert_eq!(names(&read(&facts.privileges).on_schema), "DATABASE CONNECT DATABASE TEMPORARY USAGE");
    let lacking = &read(&facts.privileges).lacking_on_tables;
    assert_eq!(names(&lacking["AO_1"]), "DELETE UPDATE");
    assert_eq!(names(&lacking["a"]), "DELETE INSERT SELECT UPDATE");
    assert_eq!(lacking.len(), 2);
    assert_eq!(
        foreign(&facts),
        [
            "table AO_1 admin",
            "table a owner_role",
            "type d admin",
            "function f(a integer, b text) admin",
            "materialized view m admin",
            "type mood admin",
            "table numbered admin",
            "type pair admin",
            "table parts admin",
            "sequence s admin",
            "view v admin",
        ],
        "and nothing of the extension"
    );
    assert_eq!((read(&facts.ownership).objects, read(&facts.ownership).foreign_count), (12, 11));
    assert_eq!(read(&facts.upgrade_steps).len(), 0, "a table without rows");

    let heir = way(&server, "wiki", "heir").look().await.unwrap();
    assert!(!foreign(&heir).contains(&"table a owner_role".to_owned()));
    assert!(
        read(&heir.privileges)
            .through
            .contains(&"heir is a member of owner_role, which owns objects in the schema (1)".to_owned())
    );
    assert!(!read(&heir.privileges).lacking_on_tables.contains_key("a"));

    let stubborn = way(&server, "wiki", "stubborn").look().await.unwrap();
    assert!(foreign(&stubborn).contains(&"table a owner_role".to_owned()));
    let through = names(&read(&stubborn.privileges).through);
    assert!(through.contains("does not inherit its rights") && through.contains("INHERIT TRUE"), "{through}");
    assert!(read(&stubborn.privileges).lacking_on_tables.contains_key("a"));
    assert!(unread(&stubborn.upgrade_steps).contains("GRANT SELECT ON \"public\".\"confversion\""));

    server.run("wiki", "ALTER ROLE stranger SUPERUSER");
    let superuser = way(&server, "wiki", "stranger").look().await.unwrap();
    assert!(
        read(&superuser.privileges).superuser && read(&superuser.privileges).on_schema.contains("CREATE")
    );
    assert_eq!(read(&superuser.ownership).foreign_count, 0);

    server.run("wiki", "GRANT CREATE ON SCHEMA public TO PUBLIC");
    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert!(read(&facts.privileges).on_schema.contains("CREATE"));
    assert!(names(&read(&facts.privileges).through).contains("PUBLIC"));

    server.run(
        "wiki",
        "DO 'BEGIN FOR i IN 1..300 LOOP EXECUTE ''CREATE TABLE z'' || i || ''()''; END LOOP; END'",
    );
    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert_eq!((read(&facts.ownership).foreign.len(), read(&facts.ownership).foreign_count), (50, 311));
    assert_eq!(read(&facts.privileges).lacking_on_tables.len(), 200);
    assert!(names(&read(&facts.privileges).through).contains("102 more tables"));
}

#[tokio::test]
async fn the_schema_is_found_where_the_product_would_find_it() {
    let server = Postgres::start();
    create_role(&server, &["conf", "agent"]);
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run("wiki", &format!("CREATE SCHEMA wiki_schema; SET search_path = wiki_schema; {CONFVERSION}
        INSERT INTO confversion VALUES (1, 9012, now(), NULL); GRANT USAGE ON SCHEMA wiki_schema TO agent, conf;
        GRANT SELECT ON confversion TO conf"));

    // Nothing leads there.
    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert_eq!(read(&facts.schema), "public");
    assert!(unread(&facts.upgrade_steps).contains("the schema public holds no table confversion"));

    // The URL does, folded to lower case as the server does it.
    for schema in ["wiki_schema", "Wiki_Schema", "nowhere, wiki_schema"] {
        let facts = Way { schema: Some(schema), ..way(&server, "wiki", "conf") }.look().await.unwrap();
        assert_eq!(read(&facts.schema), "wiki_schema", "{schema}");
        assert_eq!(read(&facts.upgrade_steps)[0].build, 9012);
        assert_eq!(read(&facts.ownership).foreign_count, 1);
    }
    let facts = Way { schema: Some("\"Wiki_Schema\""), ..way(&server, "wiki", "conf") }.look().await.unwrap();
    let why = unread(&facts.schema);
    assert!(why.contains("Wiki_Schema") && why.contains("the table confversion is in wiki_schema"), "{why}");
    assert_eq!(unread(&facts.privileges), why);
    assert_eq!(read(&facts.settings).values["encoding"], "UTF8", "what needs no schema is read");

    // The database does, and then the account in this database, also for an agent with an account of its own.
    server.run("wiki", "ALTER DATABASE wiki SET search_path = 'wiki_schema'");
    for username in ["conf", "agent"] {
        let facts = Way { username, ..way(&server, "wiki", "conf") }.look().await.unwrap();
        assert_eq!(read(&facts.schema), "wiki_schema", "{username}");
    }
    server
        .run("wiki", "CREATE SCHEMA conf; ALTER ROLE conf IN DATABASE wiki SET search_path = '$user', other");
    server.run("wiki", "ALTER ROLE conf SET default_transaction_isolation = 'repeatable read'");
    for username in ["conf", "agent"] {
        let facts = Way { username, ..way(&server, "wiki", "conf") }.look().await.unwrap();
        assert_eq!(read(&facts.schema), "conf", "{username}");
        assert_eq!(read(&facts.settings).values["default_transaction_isolation"], "repeatable read");
    }
}

#[tokio::test]
async fn an_agent_with_an_account_of_its_own() {
    let server = Postgres::start();
    create_role(&server, &["conf", "agent"]);
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run(
        "wiki",
        &format!(
            "{CONFVERSION} CREATE TABLE content (id int); ALTER TABLE confversion OWNER TO conf;
        INSERT INTO confversion VALUES (1, 9012, now(), NULL)"
        ),
    );
    let look = || Way { username: "agent", ..way(&server, "wiki", "conf") }.look();

    let facts = look().await.unwrap();
    assert_eq!((facts.account.as_str(), read(&facts.connected_as).as_str()), ("conf", "agent"));
    assert_eq!(foreign(&facts), ["table content admin"], "judged for conf, not for agent");
    assert_eq!(names(read(&facts.privileges).lacking_on_tables.keys()), "content");
    let why = unread(&facts.upgrade_steps);
    assert!(why.contains("agent") && why.contains("GRANT SELECT"), "{why}");

    server.run("wiki", "GRANT SELECT ON confversion TO agent");
    assert_eq!(read(&look().await.unwrap().upgrade_steps).len(), 1);

    // Rows somebody hides are not read as if there were none.
    server.run("wiki", "ALTER TABLE confversion ENABLE ROW LEVEL SECURITY");
    assert!(unread(&look().await.unwrap().upgrade_steps).contains("row-level security"));
    server.run("wiki", "ALTER TABLE confversion DISABLE ROW LEVEL SECURITY");

    // A wrong type of a column costs that fact only; an older product has no such column.
    server.run("wiki", "ALTER TABLE confversion DROP versiontag, DROP installdate, ADD installdate text");
    assert_eq!(read(&look().await.unwrap().upgrade_steps)[0].build, 9012);
    server.run("wiki", "ALTER TABLE confversion ALTER buildnumber TYPE text USING 'x'");
    assert!(unread(&look().await.unwrap().upgrade_steps).contains("no build number"));
    server.run("wiki", "ALTER TABLE confversion DROP buildnumber");
    assert!(unread(&look().await.unwrap().upgrade_steps).contains("no column buildnumber"));

    // A view of the name could run anything.
    server.run("wiki", "DROP TABLE confversion; CREATE VIEW confversion AS SELECT 1 AS buildnumber");
    assert!(unread(&look().await.unwrap().upgrade_steps).contains("holds no table confversion"));
    // Upper case, as after a migration from another engine.
    server.run("wiki", "CREATE TABLE \"CONFVERSION\" (\"BUILDNUMBER\" int, \"INSTALLDATE\" timestamptz);
        INSERT INTO \"CONFVERSION\" VALUES (9012, '2025-01-01 12:00+02'); GRANT SELECT ON \"CONFVERSION\" TO agent");
    let facts = look().await.unwrap();
    assert_eq!(read(&facts.upgrade_steps)[0].installed_at, Some("2025-01-01T10:00:00Z".parse().unwrap()));

    let facts = Way { username: "agent", ..way(&server, "wiki", "nobody") }.look().await.unwrap();
    for why in [unread(&facts.schema), unread(&facts.privileges), unread(&facts.ownership)] {
        assert!(why.contains("no account nobody"), "{why}");
    }
    assert!(read(&facts.version).starts_with("15."));

    // A schema the product's account may not even look into.
    server.run("wiki", "REVOKE USAGE ON SCHEMA public FROM PUBLIC; ALTER DATABASE wiki OWNER TO admin");
    let facts = look().await.unwrap();
    assert_eq!(read(&facts.schema), "public");
    assert_eq!(names(&read(&facts.privileges).on_schema), "DATABASE CONNECT DATABASE TEMPORARY");

    // A function that stands in for one of the server's is not asked.
    server.run("wiki", "GRANT USAGE ON SCHEMA public TO PUBLIC; CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC;
        CREATE FUNCTION trap.has_schema_privilege(oid, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE FUNCTION trap.pg_database_size(name) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
        ALTER ROLE agent SET search_path = trap, pg_catalog");
    let facts = look().await.unwrap();
    assert!(!read(&facts.privileges).on_schema.contains("CREATE"));
    assert!(*read(&facts.size_bytes) > 1);
}

#[tokio::test]
async fn a_look_is_read_only_and_says_who_it_is() {
    let settings = ["log_statement=all", "log_line_prefix=%a|%u|", "log_disconnections=on"];
    let server = Postgres::start_with("host all all 127.0.0.1/32 trust\n", &settings, |_| {});
    way(&server, "postgres", "admin").look().await.unwrap();
    let mark = "upgrade-readiness-agent|admin|";
    until("the goodbye of the agent in the log", || {
        server.log().lines().any(|line| line.starts_with(mark) && line.contains("disconnection"))
    })
    .await;
    let log = server.log();
    let is_statement =
        |line: &&str| line.contains("LOG:  statement: ") || line.contains("LOG:  execute <unnamed>: ");
    let statements = log.lines().filter(|line| line.starts_with(mark)).filter(is_statement);
    let statements: Vec<&str> = statements.filter_map(|line| line.splitn(3, ": ").nth(2)).collect();
    assert_eq!(statements.first(), Some(&"BEGIN READ ONLY"));
    assert_eq!(statements.last(), Some(&"ROLLBACK"));
    assert!(statements.len() > 10, "{statements:#?}");
    for statement in &statements {
        let first = statement.split_whitespace().next().unwrap_or_default();
        assert!(["BEGIN", "SELECT", "SET", "WITH", "ROLLBACK"].contains(&first), "{statement}");
        assert!(!statement.contains("COMMIT") && !statement.contains("READ WRITE"));
    }
}

/// A product's account, or whoever got hold of it, must not be able to run something with the agent's rights.
#[tokio::test]
async fn nothing_of_the_schema_is_run() {
    let server = Postgres::start();
    create_role(&server, &["conf"]);
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run(
        "wiki",
        "CREATE TYPE evil AS ENUM ('9012'); CREATE TABLE witness (id int);
         CREATE FUNCTION run(evil) RETURNS text LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''it ran''; RETURN 1; END';
         CREATE CAST (evil AS text) WITH FUNCTION run(evil);
         CREATE TABLE confversion (buildnumber evil, versiontag text); INSERT INTO confversion VALUES ('9012', '');
         GRANT SELECT ON confversion TO conf",
    );
    let facts = way(&server, "wiki", "conf").look().await.unwrap();
    assert!(unread(&facts.upgrade_steps).contains("not the server's"), "{:?}", facts.upgrade_steps);
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect(what);
}

#[tokio::test]
async fn what_the_server_refuses_says_why_and_what_to_do() {
    let server = Postgres::start_with(
        "host wiki locked 127.0.0.1/32 reject\nhost all admin 127.0.0.1/32 trust\n\
         host wiki,nowhere,shut all 127.0.0.1/32 scram-sha-256\n",
        &[],
        |_| {},
    );
    create_role(&server, &["conf", "locked", "asleep", "one_at_a_time"]);
    server.run("postgres", "ALTER ROLE asleep NOLOGIN; ALTER ROLE one_at_a_time CONNECTION LIMIT 0");
    server.run("postgres", "CREATE DATABASE wiki");
    server.run("postgres", "CREATE DATABASE shut");
    server.run("postgres", "REVOKE CONNECT ON DATABASE shut FROM PUBLIC");
    let port = server.port.to_string();
    let rows: [(Way, FailureKind, &str); 8] = [
        (Way { password: "wrong", ..way(&server, "wiki", "conf") }, FailureKind::Denied, "28P01"),
        (way(&server, "wiki", "ghost"), FailureKind::Denied, "28P01"),
        (way(&server, "nowhere", "conf"), FailureKind::Absent, "3D000"),
        (way(&server, "wiki", "locked"), FailureKind::Denied, "pg_hba.conf"),
        (way(&server, "postgres", "conf"), FailureKind::Denied, "no pg_hba.conf entry"),
        (way(&server, "wiki", "asleep"), FailureKind::Denied, "ALTER ROLE \"asleep\" LOGIN"),
        (way(&server, "wiki", "one_at_a_time"), FailureKind::Denied, "53300"),
        (way(&server, "shut", "conf"), FailureKind::Denied, "GRANT CONNECT ON DATABASE"),
    ];
    for (way, kind, text) in rows {
        let (account, database) = (way.account, way.database);
        let failure = way.look().await.unwrap_err();
        assert_eq!(failure.kind, kind, "{account}@{database}: {failure:?}");
        for needed in [text, account, database, "127.0.0.1", &port] {
            assert!(
                failure.message.contains(needed),
                "{account}@{database}: no {needed} in {}",
                failure.message
            );
        }
        assert!(!failure.message.contains('\n'));
    }
}

#[tokio::test]
async fn a_question_the_server_ends_costs_only_that_answer() {
    let server = Postgres::start();
    create_role(&server, &["conf"]);
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    server.run("wiki", &format!("{CONFVERSION} ALTER TABLE confversion OWNER TO conf"));
    // Somebody holds the table, as an upgrade would.
    let options =
        PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port).username("admin");
    let mut holder = options.database("wiki").connect().await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE confversion IN ACCESS EXCLUSIVE MODE")
        .execute(&mut holder)
        .await
        .unwrap();
    let limits = TimeLimits { statement: Duration::from_millis(300), ..Default::default() };
    let facts = way(&server, "wiki", "conf").look_within(limits).await.unwrap();
    assert!(unread(&facts.upgrade_steps).contains("timeout"), "{:?}", facts.upgrade_steps);
    assert!(read(&facts.privileges).on_schema.contains("USAGE"));
    drop(holder);
}
