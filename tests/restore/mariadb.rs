//! MariaDB, which speaks as MySQL does.

use std::path::PathBuf;

use upgrade_readiness_agent::collect::backups::restore::RestoreError;
use upgrade_readiness_checks::facts::Engine;

use crate::support::mariadb::Mariadb;
use crate::trial::{PASSWORD, Production, Trial, program, run};

struct Servers {
    production: Mariadb,
    restore: Mariadb,
}

impl Servers {
    fn start() -> Self {
        let servers = Self { production: Mariadb::start(&[]), restore: Mariadb::start(&[]) };
        let password = PASSWORD.replace('\\', "\\\\");
        servers.production.run(&format!(
            "CREATE DATABASE wiki CHARACTER SET utf8mb4; CREATE USER conf IDENTIFIED BY '{password}'; \
             GRANT ALL ON wiki.* TO conf; USE wiki; CREATE TABLE CONTENT (id int PRIMARY KEY, title text, body blob); \
             INSERT INTO CONTENT SELECT seq, 'a\\\\! ''x''; USE production;\\n', x'005c27ff0a' FROM seq_1_to_500; \
             CREATE TABLE SPACES (id int, `a;``b` int); INSERT INTO SPACES SELECT seq, 1.5 FROM seq_1_to_40; \
             CREATE TABLE empty (id int); CREATE TRIGGER t BEFORE INSERT ON SPACES FOR EACH ROW SET NEW.id = NEW.id + 1"
        ));
        servers.restore.run(&format!(
            "CREATE USER restorer IDENTIFIED BY '{password}'; \
             CREATE DATABASE production; CREATE TABLE production.precious AS SELECT 1 AS a"
        ));
        servers
    }

    fn trial(&self) -> Trial {
        let production = Production {
            engine: Engine::Mysql,
            host: "127.0.0.1",
            port: self.production.port,
            database: "wiki",
        };
        let trial = Trial::new(production, self.restore.port);
        let prefix = trial.settings.database_prefix.replace('_', "\\_");
        self.restore.run(&format!("GRANT ALL ON `{prefix}\\_%`.* TO restorer"));
        trial
    }

    fn dump(&self, trial: &Trial, options: &[&str]) -> PathBuf {
        let path = trial.path("dump.sql");
        let mut dump = program("/usr/bin/mariadb-dump");
        dump.args(["--no-defaults", "--host=127.0.0.1", "--user=conf", "--single-transaction"]);
        dump.arg(format!("--port={}", self.production.port)).arg(format!("--result-file={}", path.display()));
        run(dump.args(options));
        path
    }

    fn databases(&self) -> String {
        self.restore
            .run("SELECT GROUP_CONCAT(schema_name ORDER BY 1) FROM information_schema.schemata")
            .trim()
            .to_owned()
    }
}

const NOTHING_ELSE: &str = "information_schema,mysql,performance_schema,production,sys";

#[tokio::test(flavor = "multi_thread")]
async fn a_good_dump_is_restored_counted_and_dropped() {
    let servers = Servers::start();
    let mut trial = servers.trial();
    for options in [&["wiki"][..], &["--skip-extended-insert", "--hex-blob", "wiki"]] {
        let proof = trial.proved(&servers.dump(&trial, options)).await;
        assert_eq!(proof.tables, 3);
        let rows: Vec<_> = proof.rows.iter().map(|row| (row.restored, row.production)).collect();
        assert_eq!(rows, [(500, Some(500)), (40, Some(40))]);
        assert_eq!(servers.databases(), NOTHING_ELSE);
    }
    let dump = servers.dump(&trial, &["wiki"]);
    // What a killed run left behind is dropped, what somebody else made is not.
    let scratch = trial.scratch();
    let mine = |name: &str| servers.restore.run(&format!("CREATE DATABASE {name}"));
    let (precious, begun, marked) =
        (format!("{scratch}_0123456789ab"), format!("{scratch}_0123456789ac"), scratch.clone());
    for name in [&precious, &begun, &marked] {
        mine(name);
    }
    trial.write_begun(&begun);
    servers.restore.run(&format!(
        "CREATE TABLE {marked}.upgrade_readiness_scratch (a int) COMMENT = 'scratch database of the upgrade readiness \
         agent; it is dropped without asking'; CREATE TABLE {marked}.CONTENT (a int)"
    ));
    trial.proved(&dump).await;
    let databases = servers.databases();
    assert!(databases.contains(&precious) && !databases.contains(&begun), "{databases}");
    servers.restore.run(&format!("DROP DATABASE {precious}"));
    assert_eq!(servers.databases(), NOTHING_ELSE);
    servers.restore.run("GRANT ALL ON *.* TO restorer");
    assert!(trial.refused(&dump).await.contains("may do everything"));
    trial.settings.port = Some(servers.production.port);
    trial.settings.host = "localhost".to_owned();
    assert!(trial.refused(&dump).await.contains("own database"));
    assert_eq!(servers.databases(), NOTHING_ELSE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_dump_is_told_and_does_nothing() {
    let servers = Servers::start();
    let trial = servers.trial();
    let good = std::fs::read(servers.dump(&trial, &["wiki"])).unwrap();
    for (bytes, said) in
        [(&b""[..], "empty"), (&good[..good.len() - 30], "cut off"), (&good[..2000], "cut off")]
    {
        let defect = trial.defect(&trial.write("bad.sql", bytes)).await;
        assert!(defect.contains(said), "{defect}");
    }
    let all = servers.dump(&trial, &["--databases", "wiki"]);
    assert!(trial.refused(&all).await.contains("CREATE DATABASE"));

    let touched = trial.path("touched");
    let touch = touched.display();
    let text = String::from_utf8_lossy(&good);
    let (before, behind) = text.split_at(text.find("DROP TABLE IF EXISTS").unwrap());
    for evil in [
        "USE production;\nDROP TABLE precious;".to_owned(),
        "/*!40000 DROP DATABASE IF EXISTS production */;".to_owned(),
        "DROP TABLE production.precious;".to_owned(),
        format!("\\! touch {touch}"),
        format!("system touch {touch}"),
        format!("SELECT 1 \\! touch {touch}\n;"),
        format!("tee {touch}"),
        format!("/*!\\! touch {touch}\n*/;"),
        format!("SELECT 1 INTO OUTFILE '{touch}';"),
    ] {
        let dump = trial.write("evil.sql", format!("{before}{evil}\n{behind}"));
        let outcome = trial.prove(&dump).await;
        assert!(matches!(outcome, Err(RestoreError::Refused(_))), "{evil}: {outcome:?}");
        assert!(!touched.exists(), "{evil}");
    }
    assert_eq!(servers.restore.run("SELECT a FROM production.precious").trim(), "1");
    let mut wrong =
        Trial::new(Production { engine: Engine::Postgresql, port: 1, ..trial.production.clone() }, 2);
    wrong.settings.same_server = true;
    assert!(wrong.refused(&trial.write("good.sql", &good)).await.contains("server is PostgreSQL"));
    // An account that may write elsewhere: what a trigger of a dump does, nobody sees before it fires.
    servers.restore.run("GRANT INSERT ON production.* TO restorer");
    assert!(trial.refused(&trial.write("good.sql", &good)).await.contains("other databases"));
    servers.restore.run("REVOKE INSERT ON production.* FROM restorer");
    assert_eq!(servers.databases(), NOTHING_ELSE);
}
