//! A real MariaDB. MySQL speaks the same language, but no server of it is at hand: the shapes of its grants are rows
//! in `mysql/grants.rs`, `mysql/rights.rs` and `mysql/accounts.rs`.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::mysql::MySqlConnectOptions;
use upgrade_readiness_agent::collect::database::TimeLimits;
use upgrade_readiness_checks::facts::{Database, Engine, FailureKind};

use crate::directory::{PASSWORD, Way, names, read, unread};
use crate::support::mariadb::Mariadb;

const ALL: &str = "ALTER ALTER ROUTINE CREATE CREATE ROUTINE CREATE TEMPORARY TABLES CREATE VIEW DELETE DROP EVENT \
    EXECUTE INDEX INSERT LOCK TABLES REFERENCES SELECT SHOW VIEW TRIGGER UPDATE";

const CONFVERSION: &str = "CREATE TABLE wiki.CONFVERSION (CONFVERSIONID bigint PRIMARY KEY, BUILDNUMBER int, \
    INSTALLDATE datetime, VERSIONTAG varchar(255)) ENGINE=InnoDB;";

fn way(server: &Mariadb, account: &'static str) -> Way {
    // Taken for MySQL, as the JDBC URL does; the server knows better.
    Way::to(Engine::Mysql, server.port, "wiki", account)
}

fn start(options: &[&str]) -> Mariadb {
    let server = Mariadb::start(options);
    server.run("CREATE DATABASE wiki CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    server
}

fn create_user(server: &Mariadb, names: &[&str]) {
    for name in names {
        server.run(&format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'"));
    }
}

fn on_schema(facts: &Database) -> String {
    names(&read(&facts.privileges).on_schema)
}

fn through(facts: &Database) -> String {
    read(&facts.privileges).through.join("; ")
}

#[tokio::test]
async fn an_account_with_all_privileges() {
    let server = start(&["--log-bin=binlog", "--binlog-format=STATEMENT", "--max-allowed-packet=64M"]);
    create_user(&server, &["conf", "stranger"]);
    server.run(&format!(
        "GRANT ALL ON wiki.* TO conf; USE wiki; {CONFVERSION}
         INSERT INTO CONFVERSION VALUES (1, 8703, '2023-05-01 10:00:00', 'lock_for_upgrade_to_9012'),
            (2, 9012, '2024-12-24 20:30:15', NULL), (3, 7901, NULL, '');
         CREATE TABLE content (id int PRIMARY KEY, title varchar(255), body text COLLATE utf8mb4_general_ci);
         CREATE TABLE old (a varchar(5)) ENGINE=MyISAM COLLATE latin1_swedish_ci;
         CREATE DEFINER=stranger@localhost VIEW titles AS SELECT title FROM content;
         CREATE DEFINER=conf@'%' VIEW own AS SELECT id FROM content;
         CREATE DEFINER=stranger@'%' PROCEDURE p() SELECT 1;
         CREATE DEFINER=conf@'%' FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
         CREATE DEFINER=stranger@'%' TRIGGER t BEFORE INSERT ON content FOR EACH ROW SET NEW.title = '';
         CREATE DEFINER=stranger@'%' EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1"
    ));

    let facts = way(&server, "conf").look().await.unwrap();
    assert_eq!(facts.engine, Engine::Mariadb);
    assert!(read(&facts.version).contains("MariaDB"), "{:?}", facts.version);
    assert_eq!(facts.address, format!("127.0.0.1:{}/wiki", server.port));
    assert_eq!((facts.account.as_str(), read(&facts.connected_as).as_str()), ("conf", "conf@%"));
    assert_eq!(read(&facts.schema), "wiki");
    assert_eq!(on_schema(&facts), ALL);
    assert!(!read(&facts.privileges).superuser && read(&facts.privileges).lacking_on_tables.is_empty());
    assert_eq!(through(&facts), "rights of `conf`@`%`; ALL PRIVILEGES on the schema");

    let ownership = read(&facts.ownership);
    let foreign: Vec<String> =
        ownership.foreign.iter().map(|one| format!("{} {} {}", one.kind, one.name, one.owner)).collect();
    let expected = [
        "event e stranger@%",
        "procedure p stranger@%",
        "trigger t stranger@%",
        "view titles stranger@localhost",
    ];
    assert_eq!(foreign, expected);
    assert_eq!((ownership.objects, ownership.foreign_count), (9, 4));

    let settings = read(&facts.settings);
    for (name, value) in [
        ("transaction_isolation", "REPEATABLE-READ"),
        ("log_bin", "ON"),
        ("binlog_format", "STATEMENT"),
        ("max_allowed_packet", "67108864"),
        ("character_set_database", "utf8mb4"),
        ("collation_database", "utf8mb4_bin"),
        ("default_storage_engine", "InnoDB"),
        ("log_bin_trust_function_creators", "OFF"),
        ("innodb_default_row_format", "dynamic"),
    ] {
        assert_eq!(settings.values[name], value, "{name}");
    }
    assert!(settings.values.contains_key("innodb_log_file_size"));
    assert!(settings.values["sql_mode"].contains("STRICT_TRANS_TABLES"), "the server's, not the session's");
    assert!(!settings.values.contains_key("innodb_redo_log_capacity"), "MariaDB has none");
    assert_eq!(settings.tables_by_engine["InnoDB"].count, 2);
    assert_eq!(settings.tables_by_engine["MyISAM"].examples, ["old"]);
    assert_eq!(settings.tables_by_collation["utf8mb4_general_ci"].examples, ["content.body"]);
    let latin = &settings.tables_by_collation["latin1_swedish_ci"];
    assert_eq!((latin.count, latin.examples.join(" ").as_str()), (2, "old old.a"));
    assert_eq!(settings.tables_by_collation["utf8mb4_bin"].count, 4, "two tables, two columns, no view");
    assert!(*read(&facts.size_bytes) > 10_000);

    let steps = read(&facts.upgrade_steps);
    assert_eq!(steps.iter().map(|step| step.build).collect::<Vec<_>>(), [9012, 8703, 7901]);
    assert_eq!(steps[0].installed_at, Some("2024-12-24T20:30:15Z".parse().unwrap()));
    assert_eq!((steps[2].installed_at, steps[2].tag.as_deref()), (None, None));
    assert_eq!(steps[1].tag.as_deref(), Some("lock_for_upgrade_to_9012"));

    // Older products have fewer columns; dates of zeros are none.
    server.run(
        "SET sql_mode = ''; USE wiki; UPDATE CONFVERSION SET INSTALLDATE = '0000-00-00'; ALTER TABLE CONFVERSION DROP \
         VERSIONTAG; RENAME TABLE CONFVERSION TO ConfVersion",
    );
    let facts = way(&server, "conf").look().await.unwrap();
    assert!(read(&facts.upgrade_steps).iter().all(|step| step.installed_at.is_none() && step.tag.is_none()));
    server.run("USE wiki; ALTER TABLE ConfVersion MODIFY BUILDNUMBER varchar(20); UPDATE ConfVersion SET BUILDNUMBER = 'x'");
    let facts = way(&server, "conf").look().await.unwrap();
    assert!(unread(&facts.upgrade_steps).contains("no build number"));
    server.run("USE wiki; ALTER TABLE ConfVersion DROP BUILDNUMBER");
    let facts = way(&server, "conf").look().await.unwrap();
    assert!(unread(&facts.upgrade_steps).contains("no column buildnumber"));
    server.run("USE wiki; DROP TABLE ConfVersion; CREATE VIEW confversion AS SELECT 1 AS buildnumber");
    let facts = way(&server, "conf").look().await.unwrap();
    assert!(unread(&facts.upgrade_steps).contains("no table confversion"));
}

#[tokio::test]
async fn privileges_from_everywhere() {
    let server = start(&["--skip-name-resolve"]);
    server.run("CREATE DATABASE wikX; CREATE TABLE wiki.content (id int, title text); CREATE TABLE wiki.spaces (id int)");
    create_user(
        &server,
        &[
            "part",
            "wild",
            "barred",
            "other",
            "single",
            "columns",
            "roles",
            "idle",
            "super",
            "nothing",
            "`we``ird o'name`",
        ],
    );
    server.run(
        "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON wiki.* TO part; GRANT ALL ON `wik_`.* TO wild;
         GRANT SELECT ON `wik\\_`.* TO barred; GRANT ALL ON `w%`.* TO barred;
         GRANT ALL ON `wik%`.* TO other; GRANT SELECT ON wiki.* TO other;
         GRANT SELECT, INSERT ON wiki.content TO single; GRANT SELECT ON wiki.spaces TO single;
         GRANT SELECT (id) ON wiki.content TO columns;
         CREATE ROLE base; CREATE ROLE app; CREATE ROLE more; GRANT ALL ON wiki.* TO more; GRANT SELECT ON wiki.* TO base;
         GRANT INSERT ON wiki.* TO app; GRANT base TO app; GRANT app TO roles; GRANT more TO roles; SET DEFAULT ROLE app FOR roles;
         GRANT more TO idle; GRANT SELECT ON wiki.* TO idle; GRANT ALL ON *.* TO super WITH GRANT OPTION;
         GRANT DROP ON wiki.* TO `we``ird o'name`",
    );
    let look = |account: &'static str| way(&server, account).look();

    assert_eq!(on_schema(&look("part").await.unwrap()), "CREATE DELETE INSERT SELECT UPDATE");
    let wild = look("wild").await.unwrap();
    assert_eq!(on_schema(&wild), ALL);
    assert!(through(&wild).contains("on schemas like wik_"), "{}", through(&wild));
    assert_eq!(on_schema(&look("barred").await.unwrap()), ALL, "an escaped wildcard stands for itself");
    let other = look("other").await.unwrap();
    assert_eq!(on_schema(&other), "SELECT", "the server uses the closest grant only");
    assert!(through(&other).contains("on schemas like wik% does not count"), "{}", through(&other));
    // And so it does: the account cannot write, whatever the wider grant says.
    let mut session = session(&server, "other").await;
    let denied = sqlx::raw_sql("INSERT INTO wiki.content VALUES (1, '')").execute(&mut session).await;
    assert!(denied.unwrap_err().to_string().contains("denied"));

    let single = look("single").await.unwrap();
    assert_eq!(on_schema(&single), "");
    let lacking = &read(&single.privileges).lacking_on_tables;
    assert_eq!(names(&lacking["spaces"]), "ALTER DELETE DROP INDEX INSERT REFERENCES TRIGGER UPDATE");
    assert_eq!(names(&lacking["content"]), "ALTER DELETE DROP INDEX REFERENCES TRIGGER UPDATE");

    let columns = look("columns").await.unwrap();
    assert_eq!(on_schema(&columns), "");
    assert!(through(&columns).contains("single columns of content are not counted"));

    let roles = look("roles").await.unwrap();
    assert_eq!(on_schema(&roles), "INSERT SELECT");
    assert!(through(&roles).contains("INSERT on the schema through the role app"), "{}", through(&roles));
    assert!(through(&roles).contains("the role more is granted but is no default role"));
    let idle = look("idle").await.unwrap();
    assert_eq!(on_schema(&idle), "SELECT");
    assert!(through(&idle).contains("the role more is granted but is no default role"));

    let all = look("super").await.unwrap();
    assert!(read(&all.privileges).superuser && on_schema(&all) == ALL);
    assert_eq!(on_schema(&look("we`ird o'name").await.unwrap()), "DROP");

    server.run("GRANT TRIGGER ON wiki.* TO PUBLIC");
    let part = look("part").await.unwrap();
    assert!(on_schema(&part).contains("TRIGGER") && through(&part).contains("PUBLIC"));
    server.run("REVOKE TRIGGER ON wiki.* FROM PUBLIC");

    // Not even into the schema.
    let failure = look("nothing").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(
        failure.message.contains("1044") && failure.message.contains("GRANT SELECT ON `wiki`.*"),
        "{failure:?}"
    );

    // The mode in which names are in double quotes.
    server.run("SET GLOBAL sql_mode = 'ANSI_QUOTES'");
    assert_eq!(on_schema(&look("part").await.unwrap()), "CREATE DELETE INSERT SELECT UPDATE");
    assert_eq!(on_schema(&look("we`ird o'name").await.unwrap()), "DROP");
    server.run("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'");
    assert_eq!(on_schema(&look("barred").await.unwrap()), ALL);

    // Rights of another entry of the account count for the server, but it does not tell of them.
    server.run(&format!("CREATE USER part@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"));
    let facts = look("part").await.unwrap();
    assert_eq!(read(&facts.connected_as), "part@127.0.0.1");
    let why = unread(&facts.privileges);
    assert!(why.contains("another entry") && why.contains("mysql.db"), "{why}");
    assert_eq!(read(&facts.ownership).objects, 2, "what it sees is a fact");
}

#[tokio::test]
async fn an_agent_with_an_account_of_its_own() {
    let server = start(&["--skip-name-resolve"]);
    server.run(&format!(
        "{CONFVERSION} INSERT INTO wiki.CONFVERSION VALUES (1, 9012, '2024-01-01', NULL);
         CREATE TABLE wiki.content (id int); CREATE DEFINER=root@localhost VIEW wiki.v AS SELECT 1"
    ));
    create_user(&server, &["conf", "conf@localhost", "conf@'127.0.0.%'", "agent", "far@'192.0.2.1'"]);
    server.run(
        "GRANT ALL ON wiki.* TO conf; CREATE ROLE app; GRANT ALL ON wiki.* TO app; CREATE ROLE base; GRANT base TO app;
         GRANT SELECT ON wiki.content TO agent",
    );
    let look = || Way { username: "agent", ..way(&server, "conf") }.look();

    // A single table is not the schema.
    let facts = look().await.unwrap();
    assert_eq!((facts.account.as_str(), read(&facts.connected_as).as_str()), ("conf", "agent@%"));
    for why in [unread(&facts.ownership), unread(&facts.settings), unread(&facts.size_bytes)] {
        assert!(
            why.contains("more than 1 tables") && why.contains("GRANT SELECT, SHOW VIEW ON `wiki`.*"),
            "{why}"
        );
    }
    assert!(unread(&facts.privileges).contains("GRANT SELECT ON mysql.* TO `agent`@`%`"));
    assert!(unread(&facts.upgrade_steps).contains("GRANT SELECT ON `wiki`.*"));
    server.run("REVOKE SELECT ON wiki.content FROM agent; GRANT EXECUTE ON *.* TO agent");
    server.run("GRANT SELECT, SHOW VIEW ON wiki.* TO agent");

    // All tables, but no triggers and events: what it does not see is not taken for absent.
    let facts = look().await.unwrap();
    assert!(unread(&facts.ownership).contains("all triggers, events"), "{:?}", facts.ownership);
    assert_eq!(read(&facts.settings).tables_by_engine["InnoDB"].count, 2);
    assert_eq!(read(&facts.upgrade_steps)[0].build, 9012);
    assert!(*read(&facts.size_bytes) > 0);
    server.run("GRANT TRIGGER, EVENT ON wiki.* TO agent");
    assert_eq!(read(&look().await.unwrap().ownership).foreign[0].owner, "root@localhost");

    // The entry for this host counts, and for the schema the closest that says something of it.
    server.run("GRANT SELECT ON mysql.* TO agent");
    let facts = look().await.unwrap();
    assert_eq!(on_schema(&facts), ALL);
    assert!(through(&facts).contains("rights of `conf`@`127.0.0.%`"), "{}", through(&facts));
    server.run("GRANT SELECT ON wiki.* TO conf@'127.0.0.%'; GRANT app TO conf@'127.0.0.%'");
    let facts = look().await.unwrap();
    assert_eq!(on_schema(&facts), "SELECT");
    assert!(through(&facts).contains("the role app is granted but is no default role"));
    server.run("SET DEFAULT ROLE app FOR conf@'127.0.0.%'");
    let facts = look().await.unwrap();
    assert_eq!(on_schema(&facts), ALL);
    assert!(through(&facts).contains("ALL PRIVILEGES on the schema through the role app"));
    // The account itself is told the same.
    let same = way(&server, "conf").look().await.unwrap();
    assert_eq!(facts.privileges, same.privileges);

    let facts = Way { username: "agent", ..way(&server, "ghost") }.look().await.unwrap();
    assert!(unread(&facts.privileges).contains("no account ghost"));
    let facts = Way { username: "agent", ..way(&server, "far") }.look().await.unwrap();
    assert!(
        unread(&facts.privileges).contains("192.0.2.1") && unread(&facts.privileges).contains("127.0.0.1")
    );
}

#[tokio::test]
async fn what_the_server_refuses_says_why_and_what_to_do() {
    let server = start(&["--skip-name-resolve"]);
    create_user(&server, &["conf", "locked", "crowded", "far@'192.0.2.1'"]);
    server.run("GRANT ALL ON *.* TO conf; ALTER USER locked ACCOUNT LOCK");
    server.run("GRANT ALL ON wiki.* TO crowded; ALTER USER crowded WITH MAX_USER_CONNECTIONS 1");
    let held = session(&server, "crowded").await;
    let port = server.port.to_string();
    let rows: [(Way, FailureKind, &str); 6] = [
        (Way { password: "wrong", ..way(&server, "conf") }, FailureKind::Denied, "1045"),
        (way(&server, "ghost"), FailureKind::Denied, "1045"),
        (way(&server, "far"), FailureKind::Denied, "1045"),
        (way(&server, "locked"), FailureKind::Denied, "4151"),
        (Way { database: "nowhere", ..way(&server, "conf") }, FailureKind::Absent, "1049"),
        (way(&server, "crowded"), FailureKind::Denied, "1226"),
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
    drop(held);
}

#[tokio::test]
async fn a_look_is_read_only() {
    let server = start(&["--general-log=ON", "--log-output=TABLE"]);
    create_user(&server, &["conf"]);
    server.run(&format!("GRANT ALL ON wiki.* TO conf; {CONFVERSION}"));
    server.run("TRUNCATE mysql.general_log");
    way(&server, "conf").look().await.unwrap();
    let log = server.run(
        "SELECT argument FROM mysql.general_log WHERE user_host LIKE 'conf%' AND command_type IN ('Query', 'Execute')",
    );
    let statements: Vec<&str> = log.lines().filter(|line| !line.trim_start().is_empty()).collect();
    let begin =
        statements.iter().position(|line| *line == "START TRANSACTION READ ONLY").expect("a transaction");
    for (index, statement) in statements.iter().enumerate() {
        let allowed: &[&str] = if index < begin {
            &[
                "SET time_zone",
                "SET SESSION max_statement_time",
                "SET SESSION lock_wait_timeout",
                "SET SESSION information_schema_stats_expiry",
                "SELECT @@version",
            ]
        } else {
            &["START TRANSACTION READ ONLY", "SELECT ", "SHOW ", "ROLLBACK"]
        };
        assert!(allowed.iter().any(|start| statement.starts_with(start)), "{statement}");
    }
    assert_eq!(statements.last(), Some(&"ROLLBACK"));
    assert!(statements.len() > 15, "{statements:#?}");
}

#[tokio::test]
async fn a_question_the_server_ends_costs_only_that_answer() {
    let server = start(&[]);
    create_user(&server, &["conf"]);
    server.run(&format!("GRANT ALL ON wiki.* TO conf; {CONFVERSION} CREATE TABLE wiki.content (id int)"));
    // Somebody holds the table, as an upgrade would.
    let mut holder = session(&server, "conf").await;
    sqlx::raw_sql("LOCK TABLE wiki.CONFVERSION WRITE").execute(&mut holder).await.unwrap();
    let limits = TimeLimits { statement: Duration::from_secs(1), ..TimeLimits::default() };
    let facts = way(&server, "conf").look_within(limits).await.unwrap();
    let why = unread(&facts.upgrade_steps);
    assert!(why.contains("1205") || why.contains("1969"), "{why}");
    assert_eq!(on_schema(&facts), ALL);
}

async fn session(server: &Mariadb, account: &str) -> sqlx::MySqlConnection {
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port).username(account);
    options.password(PASSWORD).database("wiki").connect().await.unwrap()
}
