//! What the account that looks may do beyond reading, and `agent explain --rights` that tells it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use upgrade_readiness_agent::collect::CollectError;
use upgrade_readiness_agent::collect::database::{
    Connection, DatabaseDirectory, Directions, Looker, rights_beyond_reading,
};
use upgrade_readiness_checks::facts::Engine;

use super::support::mariadb::Mariadb;
use super::support::postgres::Postgres;

/// A database on this host, looked at by an account.
struct Here {
    engine: Engine,
    port: u16,
    username: &'static str,
}

impl DatabaseDirectory for Here {
    fn directions(&self) -> Result<Directions, CollectError> {
        Ok(Directions::Connect(Box::new(Connection {
            engine: self.engine,
            host: "127.0.0.1".into(),
            port: Some(self.port),
            database: "wiki".into(),
            schema: None,
            parameters: [("usessl".to_owned(), "false".to_owned())].into(),
            account: "product".into(),
            username: self.username.into(),
            password: "secret".to_owned().into(),
            ca_file: None,
        })))
    }
}

async fn asked(engine: Engine, port: u16, username: &'static str) -> Looker {
    let asked = rights_beyond_reading(Arc::new(Here { engine, port, username }), Duration::from_secs(30));
    asked.await.map_err(|error| error.into_failure().message).unwrap().unwrap()
}

fn told(looker: &Looker) -> Vec<&str> {
    looker.beyond.iter().map(|beyond| beyond.may.as_str()).collect()
}

fn unclear(looker: &Looker) -> Vec<(&str, &str)> {
    looker.unclear.iter().map(|unclear| (unclear.what.as_str(), unclear.why.as_str())).collect()
}

/// The statement, without the advice behind it.
fn statements(undo: &str) -> &str {
    undo.rsplit_once(';').unwrap().0
}

/// Does what is told to take rights away, until there are none.
async fn taken_away(run: impl Fn(&str), at: impl AsyncFn() -> Looker) {
    let looker = at().await;
    let undo: BTreeSet<&str> = looker.beyond.iter().map(|beyond| statements(&beyond.undo)).collect();
    for sql in undo {
        run(&sql.replace('…', "admin"));
    }
    assert_eq!(told(&at().await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_what_goes_beyond_reading() {
    let postgres = Postgres::start();
    postgres.run("postgres", "CREATE DATABASE wiki");
    postgres.run("postgres", "CREATE DATABASE other");
    postgres.run(
        "wiki",
        "CREATE ROLE product LOGIN PASSWORD 'secret'; CREATE ROLE reader LOGIN PASSWORD 'secret'; \
         CREATE ROLE writer LOGIN CREATEDB PASSWORD 'secret'; CREATE ROLE mighty LOGIN SUPERUSER PASSWORD 'secret'; \
         CREATE TABLE content (id int, a int); CREATE TABLE \"od'd\" (id int); CREATE SEQUENCE numbers; \
         CREATE VIEW seen AS SELECT 1 AS id; GRANT SELECT ON content, numbers, seen TO reader; \
         GRANT pg_monitor TO reader; GRANT SELECT (id) ON \"od'd\" TO reader; \
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader; GRANT CONNECT ON DATABASE wiki TO reader; \
         GRANT SELECT, INSERT ON content, \"od'd\" TO writer; GRANT CREATE ON SCHEMA public TO writer; \
         GRANT pg_write_server_files TO writer; GRANT UPDATE (a) ON content TO writer; \
         GRANT SELECT ON seen TO writer WITH GRANT OPTION; GRANT USAGE ON SEQUENCE numbers TO writer; \
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT DELETE ON TABLES TO writer; \
         GRANT CREATE ON DATABASE other TO writer; GRANT pg_monitor TO writer WITH ADMIN OPTION; \
         ALTER TABLE content OWNER TO product",
    );
    let at = |username| asked(Engine::Postgresql, postgres.port, username);
    let reader = at("reader").await;
    assert_eq!((told(&reader), unclear(&reader)), (vec![], vec![]), "reading is what is needed");
    assert!(!reader.is_the_products);

    let writer = at("writer").await;
    let expected = [
        "make databases",
        "what pg_write_server_files may",
        "give others the role pg_monitor",
        "USAGE on 1 of the sequences of the schema public, such as numbers",
        "INSERT, UPDATE on 2 of the tables of the schema public, such as content",
        "give others SELECT on 1 of the tables of the schema public, such as seen",
        "CREATE on the database other",
        "CREATE on the schema public",
        "DELETE on new tables of admin",
    ];
    assert_eq!((told(&writer), unclear(&writer)), (expected.to_vec(), vec![]));
    assert_eq!(told(&at("mighty").await), ["everything: it is a superuser"]);
    let product = at("product").await;
    assert!(product.is_the_products);
    assert_eq!(told(&product), ["change and drop what it owns: the table content"]);

    // The account it proposes may only read, whatever was made of it.
    postgres.run("wiki", &product.reading_account.replace('…', "secret"));
    let proposed = at("readiness").await;
    assert_eq!((told(&proposed), unclear(&proposed)), (vec![], vec![]));

    for username in ["writer", "product"] {
        taken_away(|sql| drop(postgres.run("wiki", sql)), async || at(username).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_what_roles_and_everybody_may() {
    let postgres = Postgres::start();
    postgres.run("postgres", "CREATE DATABASE wiki");
    postgres.run("postgres", "CREATE DATABASE other");
    postgres.run(
        "wiki",
        "CREATE ROLE product; CREATE ROLE member LOGIN NOINHERIT PASSWORD 'secret'; CREATE ROLE outer_role NOINHERIT; \
         CREATE ROLE inner_role CREATEROLE; CREATE ROLE admin_role SUPERUSER; CREATE ROLE giver; \
         GRANT outer_role TO member; GRANT inner_role TO outer_role; GRANT inner_role TO admin_role; \
         CREATE SCHEMA deep; CREATE TABLE deep.t (id int); CREATE TABLE deep.owned (id int); \
         ALTER TABLE deep.owned OWNER TO inner_role; GRANT UPDATE (id) ON deep.t TO inner_role; \
         GRANT INSERT ON deep.t TO PUBLIC; GRANT USAGE ON SCHEMA deep TO giver; \
         GRANT DELETE ON deep.t TO giver WITH GRANT OPTION; SET ROLE giver; GRANT DELETE ON deep.t TO member; RESET ROLE; \
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT EXECUTE ON FUNCTION f() TO inner_role",
    );
    postgres.run("other", "CREATE TABLE t (id int); GRANT SELECT ON t TO member");
    let at = || asked(Engine::Postgresql, postgres.port, "member");
    let member = at().await;
    let expected = [
        "make and change roles, through the role inner_role",
        "UPDATE on 1 of the tables of the schema deep, such as t, through the role inner_role",
        "INSERT on 1 of the tables of the schema deep, such as t, as everybody may",
        "DELETE on 1 of the tables of the schema deep, such as t",
        "change and drop what it owns, through the role inner_role: the table deep.owned",
    ];
    assert_eq!(told(&member), expected);
    let expected = [
        (
            "what the database account may, through the role inner_role",
            "1 of its grants were not looked into, such as that on the function f()",
        ),
        ("what the database account may in the database other", "1 of its grants were not looked into"),
    ];
    assert_eq!(unclear(&member), expected);
    assert_eq!(member.beyond[0].undo, "REVOKE outer_role FROM member;");

    // One statement takes away all that comes through a role.
    let run = |sql: &str| drop(postgres.run("wiki", &format!("SET client_min_messages = error; {sql}")));
    taken_away(run, at).await;
    assert_eq!(unclear(&at().await).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_of_ten_thousand_tables_in_time() {
    let hba = "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    let postgres = Postgres::start_with(hba, &["max_locks_per_transaction=400"], |_| {});
    postgres.run("postgres", "CREATE DATABASE wiki");
    postgres.run("wiki", "CREATE ROLE product; CREATE ROLE writer LOGIN PASSWORD 'secret'");
    for thousand in 0..10 {
        let tables = format!(
            "DO $$ BEGIN FOR i IN {thousand}*1000..{thousand}*1000+999 LOOP EXECUTE \
             format('CREATE TABLE t%s (id int); GRANT SELECT, DELETE ON t%s TO writer', i, i); END LOOP; END $$"
        );
        postgres.run("wiki", &tables);
    }
    let started = std::time::Instant::now();
    let writer = asked(Engine::Postgresql, postgres.port, "writer").await;
    assert_eq!(told(&writer), ["DELETE on 10000 of the tables of the schema public, such as t0"]);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_tells_what_goes_beyond_reading() {
    let mariadb = Mariadb::start(&[]);
    mariadb.run(
        "CREATE DATABASE wiki; CREATE TABLE wiki.content (id int, a int); CREATE PROCEDURE wiki.p() SELECT 1; \
         CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT SELECT, SHOW VIEW ON wiki.* TO reader@'%'; \
         GRANT PROCESS ON *.* TO reader@'%'; CREATE USER writer@'%' IDENTIFIED BY 'secret'; \
         GRANT SELECT, DELETE, UPDATE (a) ON wiki.content TO writer@'%'; GRANT SELECT ON wiki.* TO writer@'%' WITH GRANT OPTION; \
         CREATE ROLE authors; CREATE ROLE base; CREATE ROLE idle; GRANT base TO authors; GRANT INSERT ON wiki.* TO authors; \
         GRANT DROP ON wiki.* TO base; GRANT ALTER ON wiki.* TO idle; GRANT authors TO writer@'%'; \
         GRANT idle TO writer@'%' WITH ADMIN OPTION; SET DEFAULT ROLE authors FOR writer@'%'; \
         GRANT INDEX ON wiki.content TO PUBLIC; GRANT EXECUTE ON PROCEDURE wiki.p TO writer@'%'",
    );
    let at = |username| asked(Engine::Mariadb, mariadb.port, username);
    let everybody = "INDEX on `wiki`.`content`, as everybody may";
    let reader = at("reader").await;
    assert_eq!((told(&reader), unclear(&reader)), (vec![everybody], vec![]));
    let writer = at("writer").await;
    let expected = [
        "give others what it may on `wiki`.*",
        "DELETE, UPDATE (`a`) on `wiki`.`content`",
        everybody,
        "DROP, INSERT on `wiki`.*, through the role `authors`",
        "ALTER on `wiki`.*, through the role `idle`",
        "give others the role `idle`",
    ];
    assert_eq!(told(&writer), expected);
    assert_eq!(unclear(&writer).len(), 1, "{:?}", writer.unclear);
    assert!(writer.unclear[0].why.starts_with("1 of its grants are on routines"), "{:?}", writer.unclear);

    mariadb.run(&writer.reading_account.replace('…', "secret"));
    let proposed = at("readiness").await;
    assert_eq!((told(&proposed), unclear(&proposed)), (vec![everybody], vec![]));

    let run = |sql: &str| drop(mariadb.run(sql));
    taken_away(run, async || at("writer").await).await;
}
