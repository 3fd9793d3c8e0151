//! What the account that looks may do beyond reading, and `agent explain --rights` that tells it.

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

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_tells_what_goes_beyond_reading() {
    let postgres = Postgres::start();
    postgres.run("postgres", "CREATE DATABASE wiki");
    postgres.run(
        "wiki",
        "CREATE ROLE product LOGIN PASSWORD 'secret'; CREATE ROLE reader LOGIN PASSWORD 'secret'; \
         CREATE ROLE writer LOGIN CREATEDB PASSWORD 'secret'; CREATE ROLE mighty LOGIN SUPERUSER PASSWORD 'secret'; \
         CREATE TABLE content (id int); CREATE TABLE \"od'd\" (id int); GRANT SELECT ON content TO reader; \
         GRANT pg_monitor TO reader; GRANT SELECT, INSERT ON content, \"od'd\" TO writer; GRANT CREATE ON SCHEMA public TO \
         writer; GRANT pg_write_server_files TO writer; ALTER TABLE content OWNER TO product",
    );
    let at = |username| asked(Engine::Postgresql, postgres.port, username);
    let reader = at("reader").await;
    assert_eq!((told(&reader), reader.is_the_products), (vec![], false), "reading is what is needed");

    let writer = at("writer").await;
    let expected = [
        "make databases",
        "what pg_write_server_files may",
        "make tables in the schema public",
        "change rows of 2 tables, such as public.content",
    ];
    assert_eq!(told(&writer), expected);
    assert_eq!(told(&at("mighty").await), ["everything: it is a superuser"]);
    let product = at("product").await;
    assert!(product.is_the_products && told(&product) == ["change rows of 1 tables, such as public.content"]);

    // What is told to take a right away does.
    for beyond in &writer.beyond {
        let statement = beyond.undo.split(';').next().unwrap();
        postgres.run("wiki", statement);
    }
    assert_eq!(told(&at("writer").await), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_tells_what_goes_beyond_reading() {
    let mariadb = Mariadb::start(&[]);
    mariadb.run(
        "CREATE DATABASE wiki; CREATE TABLE wiki.content (id int); \
         CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT SELECT, SHOW VIEW ON wiki.* TO reader@'%'; \
         GRANT PROCESS ON *.* TO reader@'%'; CREATE USER writer@'%' IDENTIFIED BY 'secret'; \
         GRANT SELECT, DELETE ON wiki.content TO writer@'%'; CREATE ROLE authors; GRANT INSERT ON wiki.* TO authors; \
         GRANT authors TO writer@'%'",
    );
    let at = |username| asked(Engine::Mariadb, mariadb.port, username);
    assert_eq!(told(&at("reader").await), Vec::<&str>::new());
    let writer = at("writer").await;
    let mut told = told(&writer);
    told.sort_unstable();
    // MariaDB does not tell what a role may that is not in force: that is said, and not passed over.
    assert_eq!(
        told,
        ["DELETE on `wiki`.`content`", "what the role `authors` may, which the server does not tell"]
    );
}
