//! What a product keeps in its own tables, and who is connected, on real servers.
//!
//! The tables are our own statements, with the columns that administrators and the vendor's pages name.

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};
use upgrade_readiness_checks::facts::{
    CustomisedKind, Database, Engine, Field, LeftoverKind, Records, Sessions, UserRows,
};

use crate::directory::{PASSWORD, Way, read, unread};
use crate::support::mariadb::Mariadb;
use crate::support::postgres::Postgres;

/// The tables as a site has them; both kinds of servers read these statements.
const SITE: &str = "
    CREATE TABLE confversion (confversionid bigint PRIMARY KEY, buildnumber integer);
    CREATE TABLE user_mapping (user_key varchar(190) PRIMARY KEY, username varchar(190) NOT NULL,
        lower_username varchar(190));
    CREATE UNIQUE INDEX unq_lwr_username ON user_mapping (lower_username);
    INSERT INTO user_mapping VALUES ('k1', 'Alice', 'alice'), ('k2', 'bob', 'bob'), ('k3', 'carol', 'carol');
    CREATE TABLE bandana (bandanaid bigint PRIMARY KEY, bandanacontext varchar(190), bandanakey varchar(190),
        bandanavalue text);
    INSERT INTO bandana VALUES
        (1, '_GLOBAL', 'atlassian.confluence.settings',
            '<settings><customHtmlSettings><beforeHeadEnd></beforeHeadEnd><afterBodyStart/></customHtmlSettings></settings>'),
        (2, '_GLOBAL', 'migration.required', '<boolean>false</boolean>'),
        (3, '_GLOBAL', 'atlassian.confluence.theme.settings', '<settings><themeName/></settings>');
    CREATE TABLE decorator (decoratorid bigint PRIMARY KEY, spacekey varchar(190), decoratorname varchar(190),
        body text);
    CREATE TABLE clustersafety (clustersafetyid bigint PRIMARY KEY, safetynumber integer);
    INSERT INTO clustersafety VALUES (1, 4711);
    CREATE TABLE cwd_directory (id bigint PRIMARY KEY, directory_name varchar(190), directory_type varchar(60),
        active char(1));
    INSERT INTO cwd_directory VALUES (1, 'Confluence Internal Directory', 'INTERNAL', 'T'),
        (2, 'Corporate', 'CONNECTOR', 'T'), (3, 'Old', 'CROWD', 'F');
    CREATE TABLE cwd_user (id bigint PRIMARY KEY, user_name varchar(190), lower_user_name varchar(190), active char(1),
        directory_id bigint);
    INSERT INTO cwd_user VALUES (1, 'Alice', 'alice', 'T', 1), (2, 'bob', 'bob', 'T', 2), (3, 'carol', 'carol', 'T', 1);
    CREATE TABLE cwd_group (id bigint PRIMARY KEY, group_name varchar(190), lower_group_name varchar(190),
        directory_id bigint);
    INSERT INTO cwd_group VALUES (1, 'confluence-administrators', 'confluence-administrators', 1),
        (2, 'confluence-administrators', 'confluence-administrators', 2), (3, 'Operators', 'operators', 1);
    CREATE TABLE cwd_membership (id bigint PRIMARY KEY, parent_id bigint, child_group_id bigint, child_user_id bigint);
    INSERT INTO cwd_membership VALUES (1, 1, NULL, 1), (2, 2, NULL, 2), (3, 3, NULL, 3);
    CREATE TABLE spacepermissions (permid bigint PRIMARY KEY, spaceid bigint, permtype varchar(190),
        permgroupname varchar(190), permusername varchar(190));
    CREATE TABLE scheduler_run_details (id bigint PRIMARY KEY, job_id varchar(190));
    ";

const SPOIL: &str = "
    DROP INDEX unq_lwr_username;
    INSERT INTO user_mapping VALUES ('k4', 'ALICE', 'alice'), ('k5', 'dave', NULL), ('k6', 'eve', NULL),
        ('k7', 'Frank', 'fred'), ('k8', 'ÄGIDE', 'ägide');
    UPDATE bandana SET bandanavalue = '<boolean>true</boolean>' WHERE bandanakey = 'migration.required';
    UPDATE bandana SET bandanavalue = '<x><beforeHeadEnd>&lt;script&gt;</beforeHeadEnd></x>' WHERE bandanaid = 1;
    UPDATE bandana SET bandanavalue = '<x><string>com.example:blue</string></x>' WHERE bandanaid = 3;
    INSERT INTO bandana VALUES (4, 'DS', 'atlassian.confluence.css.resource.custom', 'secret style'),
        (5, '_GLOBAL', 'atlassian.confluence.user.macros', '<map/>');
    INSERT INTO decorator VALUES (1, NULL, 'decorators/main.vmd', 'secret body'), (2, 'DS', 'decorators/space.vmd', ''),
        (3, 'DS', 'decorators/main.vmd', '');
    INSERT INTO clustersafety VALUES (2, 4712);
    UPDATE cwd_user SET active = 'F' WHERE id = 1;
    ";

fn customised(facts: &Database) -> Vec<String> {
    let found = read(&facts.records.customised).iter();
    found.map(|one| format!("{:?} {:?} {}", one.kind, one.space.as_deref(), one.key)).collect()
}

fn layouts(facts: &Database) -> Vec<String> {
    let found = read(&facts.records.layouts).iter();
    found.map(|one| format!("{} {}", one.space.as_deref().unwrap_or("-"), one.name)).collect()
}

/// What both kinds of servers say of the site as it should be.
fn sound(facts: &Database) {
    let records = &facts.records;
    assert_eq!(*read(&records.users), UserRows { kept_apart: true, ..UserRows::default() });
    assert_eq!(*read(&records.remigration), Some(false));
    assert_eq!(*read(&records.safety_rows), Some(1));
    assert_eq!((layouts(facts), customised(facts)), (vec![], vec![]));
    assert!(read(&records.leftovers).is_empty(), "{:?}", records.leftovers);
    let administrators = read(&records.administrators);
    assert_eq!(
        (administrators.internal_directories, administrators.external.join(" "), administrators.internal),
        (1, "CONNECTOR".to_owned(), 1)
    );
}

/// What both kinds of servers say of the site after [`SPOIL`].
fn spoilt(facts: &Database) {
    let records = &facts.records;
    let users = UserRows { without_lower_name: 2, duplicates: 1, differing: 1, kept_apart: false };
    assert_eq!(*read(&records.users), users);
    assert_eq!(*read(&records.remigration), Some(true));
    assert_eq!(*read(&records.safety_rows), Some(2));
    assert_eq!(
        layouts(facts),
        ["- decorators/main.vmd", "DS decorators/main.vmd", "DS decorators/space.vmd"]
    );
    assert_eq!(
        customised(facts),
        [
            "Html None atlassian.confluence.settings",
            "Stylesheet Some(\"DS\") atlassian.confluence.css.resource.custom",
            "Theme None atlassian.confluence.theme.settings",
            "UserMacros None atlassian.confluence.user.macros",
        ]
    );
    assert_eq!(read(&records.administrators).internal, 0, "switched off, and in another directory");
    let seen = format!("{facts:?}");
    for private in ["secret", "script", "alice", "carol"] {
        assert!(!seen.contains(private), "{private} in {seen}");
    }
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

async fn look(server: &Postgres, username: &'static str) -> Database {
    let way = Way { username, ..Way::to(Engine::Postgresql, server.port, "wiki", "conf") };
    way.look().await.unwrap()
}

#[tokio::test]
async fn postgresql_tells_what_the_tables_hold() {
    let server = postgres();
    sound(&look(&server, "conf").await);

    server.run("wiki", &format!("SET ROLE conf; {SPOIL}"));
    spoilt(&look(&server, "conf").await);

    // Administrators by a group that may administer, and by name.
    server.run("wiki", "SET ROLE conf; INSERT INTO spacepermissions VALUES (1, NULL, 'SYSTEMADMINISTRATOR', 'operators', NULL)");
    assert_eq!(read(&look(&server, "conf").await.records.administrators).internal, 1);
    server
        .run("wiki", "SET ROLE conf; UPDATE spacepermissions SET permgroupname = NULL, permusername = 'k3'");
    assert_eq!(read(&look(&server, "conf").await.records.administrators).internal, 1);
    server.run("wiki", "SET ROLE conf; UPDATE spacepermissions SET spaceid = 7");
    assert_eq!(read(&look(&server, "conf").await.records.administrators).internal, 0, "of one space only");
    server
        .run("wiki", "SET ROLE conf; UPDATE spacepermissions SET spaceid = NULL, permtype = 'USECONFLUENCE'");
    assert_eq!(read(&look(&server, "conf").await.records.administrators).internal, 0);

    // Counting ends somewhere.
    server.run("wiki", "SET ROLE conf; INSERT INTO user_mapping SELECT 'n' || n, 'n' || n, NULL FROM generate_series(1, 3000) AS n;
        INSERT INTO decorator SELECT n, 'S' || n, 'decorators/main.vmd' FROM generate_series(10, 3000) AS n");
    let facts = look(&server, "conf").await;
    assert_eq!(read(&facts.records.users).without_lower_name, Records::MOST + 1);
    assert_eq!(read(&facts.records.layouts).len() as u64, Records::MOST + 1);

    // Upper case, as after a migration from another engine.
    server.run("wiki", "SET ROLE conf; DROP TABLE decorator; CREATE TABLE \"DECORATOR\" (\"DECORATORNAME\" text, \"SPACEKEY\" text);
        INSERT INTO \"DECORATOR\" VALUES ('decorators/main.vmd', '')");
    assert_eq!(layouts(&look(&server, "conf").await), ["- decorators/main.vmd"]);
    // A product without layouts has none changed; a table without the column says nothing.
    server.run("wiki", "SET ROLE conf; DROP TABLE \"DECORATOR\", clustersafety");
    let facts = look(&server, "conf").await;
    assert_eq!((layouts(&facts).len(), *read(&facts.records.safety_rows)), (0, None));
    server.run(
        "wiki",
        "SET ROLE conf; CREATE TABLE decorator (spacekey text); ALTER TABLE user_mapping DROP lower_username",
    );
    let facts = look(&server, "conf").await;
    assert!(
        unread(&facts.records.layouts).contains("no column decoratorname"),
        "{:?}",
        facts.records.layouts
    );
    assert!(unread(&facts.records.users).contains("no column lower_username"));
    assert!(unread(&facts.records.administrators).contains("no column lower_username"));
    assert_eq!(*read(&facts.records.remigration), Some(true), "each stands for itself");

    // Another database than the product's: what is missing there says nothing.
    server.run("wiki", "SET ROLE conf; DROP TABLE user_mapping");
    let records = look(&server, "conf").await.records;
    for why in [unread(&records.leftovers), unread(&records.layouts), unread(&records.growing_tables)] {
        assert!(why.contains("no table user_mapping"), "{why}");
    }
}

#[tokio::test]
async fn postgresql_tells_sizes_and_what_was_left_behind() {
    let server = postgres();
    server.run(
        "wiki",
        "SET ROLE conf; CREATE TABLE \"EVENTS\" (id int, data text); CREATE TABLE \"AO_950DC3_TC\" (id int PRIMARY KEY);
         INSERT INTO \"EVENTS\" SELECT n, repeat('x', 100) FROM generate_series(1, 5000) AS n; ANALYZE \"EVENTS\";
         INSERT INTO \"AO_950DC3_TC\" SELECT n FROM generate_series(1, 500) AS n;
         CREATE TABLE content (id int PRIMARY KEY);
         CREATE TABLE child (a int REFERENCES content, b int REFERENCES content, UNIQUE (a), UNIQUE (b));
         ALTER TABLE child ADD CONSTRAINT again FOREIGN KEY (a) REFERENCES content,
            ADD CONSTRAINT blindly CHECK (a > 0) NOT VALID",
    );
    server.run(
        "wiki",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'unq_lwr_username'::regclass",
    );
    let facts = look(&server, "conf").await;
    let tables = read(&facts.records.growing_tables);
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["EVENTS", "AO_950DC3_TC", "scheduler_run_details"]);
    assert!(tables[0].rows.is_some_and(|rows| (4500..5500).contains(&rows)), "{tables:?}");
    assert!(tables[0].bytes >= tables[0].row_bytes && tables[0].row_bytes > 500_000);
    assert_eq!((tables[1].rows, tables[2].rows), (None, Some(0)), "never counted, and empty");
    let found: Vec<_> = read(&facts.records.leftovers)
        .iter()
        .map(|one| (one.kind, one.table.as_str(), one.name.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (LeftoverKind::DuplicateConstraint, "child", "again"),
            (LeftoverKind::InvalidIndex, "user_mapping", "unq_lwr_username"),
            (LeftoverKind::UnvalidatedConstraint, "child", "blindly"),
        ]
    );
    assert!(!read(&facts.records.users).kept_apart, "an index that is not valid keeps nothing apart");
}

#[tokio::test]
async fn postgresql_names_the_grant_that_is_lacking() {
    let server = postgres();
    let facts = look(&server, "agent").await;
    let why = unread(&facts.records.users);
    assert!(why.contains("GRANT SELECT ON \"public\".\"user_mapping\" TO \"agent\""), "{why}");
    server.run("wiki", "GRANT SELECT ON user_mapping, decorator TO agent");
    let facts = look(&server, "agent").await;
    assert!(read(&facts.records.users).kept_apart && read(&facts.records.layouts).is_empty());
    assert!(read(&facts.records.growing_tables).len() == 1 && read(&facts.records.leftovers).is_empty());
    for (why, table) in [
        (unread(&facts.records.customised), "bandana"),
        (unread(&facts.records.remigration), "bandana"),
        (unread(&facts.records.safety_rows), "clustersafety"),
        (unread(&facts.records.administrators), "cwd_directory"),
    ] {
        assert!(why.contains(&format!("GRANT SELECT ON \"public\".\"{table}\" TO \"agent\"")), "{why}");
    }
    server.run("wiki", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO agent");
    sound(&look(&server, "agent").await);
}

/// The accounts of the sessions that were seen, with what their programs call themselves.
fn seen(sessions: &Sessions) -> Vec<String> {
    let groups = sessions.groups.iter();
    groups
        .map(|one| {
            format!("{} {} {} {}", one.account, one.host, one.program.as_deref().unwrap_or("-"), one.count)
        })
        .collect()
}

#[tokio::test]
async fn postgresql_tells_who_is_connected() {
    let server = postgres();
    let sessions = |facts: &Database| match &facts.sessions {
        Field::Read(sessions) => sessions.clone(),
        Field::Unread(why) => panic!("{why}"),
    };
    let found = sessions(&look(&server, "conf").await);
    assert_eq!((found.count, found.hidden, found.agent_host.as_str()), (0, None, "localhost"));

    let connect = |user: &'static str, database: &'static str, program: &'static str| {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port);
        let options = options.username(user).password(PASSWORD).database(database).application_name(program);
        async move { options.connect().await }
    };
    let product = [
        connect("conf", "wiki", "PostgreSQL JDBC Driver"),
        connect("conf", "wiki", "PostgreSQL JDBC Driver"),
    ];
    let product = futures_util::future::try_join_all(product).await.unwrap();
    let other = connect("admin", "wiki", "psql").await.unwrap();
    let elsewhere = connect("admin", "postgres", "psql").await.unwrap();

    // An account is shown its own; of others only that they are there.
    let found = sessions(&look(&server, "conf").await);
    assert_eq!(seen(&found), ["conf localhost PostgreSQL JDBC Driver 2"]);
    let hidden = found.hidden.unwrap();
    assert!(
        hidden.contains("1 of admin") && hidden.contains("GRANT pg_read_all_stats TO \"conf\""),
        "{hidden}"
    );
    let found = sessions(&look(&server, "agent").await);
    assert_eq!((found.count, found.groups.len()), (0, 0));
    let hidden = found.hidden.unwrap();
    assert!(hidden.contains("1 of admin, 2 of conf"), "{hidden}");

    server.run("wiki", "GRANT pg_read_all_stats TO agent");
    let found = sessions(&look(&server, "agent").await);
    assert_eq!(seen(&found), ["admin localhost psql 1", "conf localhost PostgreSQL JDBC Driver 2"]);
    assert_eq!((found.count, found.hidden), (3, None));
    for session in product.into_iter().chain([other, elsewhere]) {
        session.close().await.unwrap();
    }
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

async fn ask(server: &Mariadb, username: &'static str) -> Database {
    Way { username, ..Way::to(Engine::Mysql, server.port, "wiki", "conf") }.look().await.unwrap()
}

#[tokio::test]
async fn mariadb_tells_what_the_tables_hold() {
    let server = mariadb();
    sound(&ask(&server, "conf").await);
    let spoil = SPOIL.replace("DROP INDEX unq_lwr_username;", "DROP INDEX unq_lwr_username ON user_mapping;");
    server.run(&format!("SET NAMES utf8mb4; USE wiki; {spoil}"));
    spoilt(&ask(&server, "conf").await);

    server.run(
        "USE wiki; INSERT INTO spacepermissions VALUES (1, NULL, 'SYSTEMADMINISTRATOR', 'operators', NULL);
         CREATE TABLE content (id int PRIMARY KEY);
         CREATE TABLE child (a int, b int, CONSTRAINT one FOREIGN KEY (a) REFERENCES content (id),
            CONSTRAINT two FOREIGN KEY (a) REFERENCES content (id), CONSTRAINT three FOREIGN KEY (b) REFERENCES content (id));
         CREATE TABLE EVENTS (id int PRIMARY KEY); CREATE TABLE AO_1 (id int PRIMARY KEY);
         RENAME TABLE decorator TO DECORATOR; DROP TABLE clustersafety",
    );
    let facts = ask(&server, "conf").await;
    assert_eq!(read(&facts.records.administrators).internal, 1);
    assert_eq!(layouts(&facts).len(), 3, "found whatever its case");
    assert_eq!(*read(&facts.records.safety_rows), None);
    let leftovers = read(&facts.records.leftovers);
    assert_eq!(leftovers.len(), 1, "{leftovers:?}");
    assert_eq!(
        (leftovers[0].kind, leftovers[0].table.as_str()),
        (LeftoverKind::DuplicateConstraint, "child")
    );
    let mut names: Vec<&str> =
        read(&facts.records.growing_tables).iter().map(|table| table.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["AO_1", "EVENTS", "scheduler_run_details"]);
    assert!(customised(&facts).iter().any(|one| one.contains(&format!("{:?}", CustomisedKind::UserMacros))));
}

#[tokio::test]
async fn mariadb_names_the_grant_that_is_lacking() {
    let server = mariadb();
    // Only one table is shown: what is not shown may be there.
    server.run("GRANT SELECT ON wiki.user_mapping TO agent");
    let records = ask(&server, "agent").await.records;
    assert!(read(&records.users).kept_apart);
    for why in [unread(&records.layouts), unread(&records.safety_rows), unread(&records.growing_tables)] {
        assert!(why.contains("GRANT SELECT") && why.contains("`agent`@`%`"), "{why}");
    }
    // All are shown, none may be read.
    server.run("REVOKE ALL, GRANT OPTION FROM agent; GRANT INSERT ON wiki.* TO agent");
    let records = ask(&server, "agent").await.records;
    let why = unread(&records.layouts);
    assert!(why.contains("GRANT SELECT ON `wiki`.* TO `agent`@`%`"), "{why}");
    server.run("REVOKE ALL, GRANT OPTION FROM agent; GRANT SELECT ON wiki.* TO agent");
    sound(&ask(&server, "agent").await);
    // What an account that only reads is told of keys is what the product's account is told.
    server.run("USE wiki; CREATE TABLE content (id int PRIMARY KEY); CREATE TABLE child (a int, CONSTRAINT one FOREIGN KEY (a)
        REFERENCES content (id), CONSTRAINT two FOREIGN KEY (a) REFERENCES content (id))");
    assert_eq!(read(&ask(&server, "agent").await.records.leftovers).len(), 1);
}

#[tokio::test]
async fn mariadb_tells_who_is_connected() {
    let server = mariadb();
    server.run("CREATE DATABASE other; GRANT SELECT ON wiki.* TO agent; GRANT SELECT ON other.* TO agent");
    let connect = |user: &'static str, database: &'static str| {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port).username(user);
        let options = options.password(PASSWORD).database(database);
        async move { options.connect().await }
    };
    let held = [connect("conf", "wiki"), connect("agent", "wiki"), connect("agent", "other")];
    let held = futures_util::future::try_join_all(held).await.unwrap();
    let facts = ask(&server, "conf").await;
    let sessions = read(&facts.sessions);
    assert_eq!(seen(sessions), ["conf localhost - 1"]);
    let hidden = sessions.hidden.as_deref().unwrap();
    assert!(hidden.contains("GRANT PROCESS ON *.* TO `conf`@`%`"), "{hidden}");
    server.run("GRANT PROCESS ON *.* TO conf");
    let facts = ask(&server, "conf").await;
    let sessions = read(&facts.sessions);
    assert_eq!(seen(sessions), ["agent localhost - 1", "conf localhost - 1"]);
    assert_eq!(
        (sessions.count, sessions.hidden.as_deref(), sessions.agent_host.as_str()),
        (2, None, "localhost")
    );
    for session in held {
        session.close().await.unwrap();
    }
}
