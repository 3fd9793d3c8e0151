//! The operator's own questions in SQL, asked of real servers.

use std::time::Duration;

use upgrade_readiness_agent::collect::Collector;
use upgrade_readiness_agent::collect::custom::{CustomCollector, CustomProbe, Question};
use upgrade_readiness_checks::facts::{Engine, Probe, ProbeOutcome, Section};

use crate::directory::{PASSWORD, Way};
use crate::support::mariadb::Mariadb;
use crate::support::postgres::Postgres;

async fn ask(way: Way, queries: &[&str]) -> Vec<Probe> {
    let probe = |query: &&str| CustomProbe {
        name: "rows".to_owned(),
        question: Question::Sql(query.parse().unwrap()),
        warning: Some("5".parse().unwrap()),
        critical: Some("10".parse().unwrap()),
        time_limit: Duration::from_secs(2),
        remedy: None,
    };
    let collector = CustomCollector::new(queries.iter().map(probe).collect(), Some(way.into_directory()));
    let Section::Custom(custom) = collector.collect().await.unwrap() else { panic!("another section") };
    custom.probes
}

fn outcomes(probes: &[Probe]) -> Vec<ProbeOutcome> {
    probes.iter().map(|probe| probe.outcome).collect()
}

#[tokio::test]
async fn a_number_is_judged_and_nothing_can_be_changed() {
    use ProbeOutcome::{Critical, Ok, Unknown, Warning};

    let postgres = Postgres::start();
    postgres.run("postgres", &format!("CREATE ROLE conf LOGIN PASSWORD '{PASSWORD}'"));
    postgres.run("postgres", "CREATE DATABASE wiki OWNER conf");
    postgres.run("wiki", "CREATE TABLE t (a int); INSERT INTO t VALUES (7); ALTER TABLE t OWNER TO conf");
    let mariadb = Mariadb::start(&[]);
    mariadb.run("CREATE DATABASE wiki");
    mariadb.run(&format!("CREATE USER conf IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON wiki.* TO conf"));
    mariadb.run("CREATE TABLE wiki.t (a int); INSERT INTO wiki.t VALUES (7)");

    let shared = [
        "SELECT 3",
        "SELECT a FROM t",
        "SELECT a * 2 FROM t",
        "SELECT avg(a) FROM t",
        "SELECT a FROM t WHERE a = 0",
        "SELECT max(a) FROM t WHERE a = 0",
        "SELECT 'many'",
        "SELECT nothing FROM nowhere",
    ];
    let expected = [Ok, Warning, Critical, Warning, Unknown, Unknown, Unknown, Unknown];
    let to_postgres = || Way::to(Engine::Postgresql, postgres.port, "wiki", "conf");
    let to_mariadb = || Way::to(Engine::Mysql, mariadb.port, "wiki", "conf");
    for way in [to_postgres(), to_mariadb()] {
        let probes = ask(way, &shared).await;
        assert_eq!(outcomes(&probes), expected, "{probes:#?}");
        assert_eq!(probes[2].said, "the query gives 14, and should be inside 0 to 10");
        assert!(probes.iter().all(|probe| !probe.said.contains(PASSWORD)), "{probes:#?}");
    }

    let writes =
        ask(to_postgres(), &["WITH gone AS (DELETE FROM t RETURNING a) SELECT count(*) FROM gone"]).await;
    assert_eq!(outcomes(&writes), [Unknown], "{writes:#?}");
    assert!(writes[0].said.contains("read-only"), "{writes:#?}");
    let slow = ask(to_postgres(), &["SELECT 1 FROM (SELECT pg_sleep(60)) AS s"]).await;
    assert_eq!(outcomes(&slow), [Unknown], "{slow:#?}");
    assert_eq!(postgres.run("wiki", "SELECT count(*) FROM t").trim(), "1");
}
