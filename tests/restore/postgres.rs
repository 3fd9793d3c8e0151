//! PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use upgrade_readiness_agent::collect::backups::dump::inspect;
use upgrade_readiness_agent::collect::backups::restore::RestoreError;
use upgrade_readiness_agent::collect::blocking::Stop;
use upgrade_readiness_checks::facts::Engine;

use crate::process::eventually;
use crate::support::postgres::Postgres;
use crate::trial::{PASSWORD, Production, Trial, processes_with, program, run};

pub(crate) struct Servers {
    pub(crate) production: Postgres,
    pub(crate) restore: Postgres,
}

impl Servers {
    pub(crate) fn start() -> Self {
        let servers = Self { production: Postgres::start(), restore: Postgres::start() };
        servers.production.run("postgres", &format!("CREATE ROLE conf LOGIN PASSWORD '{PASSWORD}'"));
        servers.production.run("postgres", "CREATE DATABASE wiki OWNER conf");
        servers.production.run(
            "wiki",
            "CREATE TABLE content (id int PRIMARY KEY, title text, body bytea);
             INSERT INTO content SELECT n, E'a\\tb\\\\! ''x'' \\n\\\\connect production', '\\x00ff5c0a'::bytea
                FROM generate_series(1, 500) n;
             CREATE TABLE spaces (id int REFERENCES content);
             INSERT INTO spaces SELECT id FROM content WHERE id <= 40;
             CREATE VIEW titles AS SELECT title FROM content;
             CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;
             CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN DROP DATABASE production; END $x$;
             ALTER TABLE content OWNER TO conf; ALTER TABLE spaces OWNER TO conf; GRANT SELECT ON content TO conf;
             SELECT lo_from_bytea(0, 'large object')",
        );
        servers
            .restore
            .run("postgres", &format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{PASSWORD}'"));
        servers
    }

    pub(crate) fn trial(&self) -> Trial {
        let production = Production {
            engine: Engine::Postgresql,
            host: "127.0.0.1",
            port: self.production.port,
            database: "wiki",
        };
        Trial::new(production, self.restore.port)
    }

    pub(crate) fn dump(&self, trial: &Trial, name: &str, options: &[&str]) -> PathBuf {
        let path = trial.path(name);
        let mut pg_dump =
            program(binary(if options.contains(&"--roles-only") { "pg_dumpall" } else { "pg_dump" }));
        pg_dump.args(["-h", "127.0.0.1", "-U", "admin", "-p", &self.production.port.to_string()]);
        pg_dump.args(["-f", &path.display().to_string()]).args(options);
        run(&mut pg_dump);
        path
    }

    pub(crate) fn databases(&self) -> String {
        self.restore
            .run("postgres", "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database")
            .trim()
            .to_owned()
    }
}

pub(crate) const NOTHING_ELSE: &str = "postgres template0 template1";

fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max().unwrap();
    Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin").join(name)
}

fn look(path: &Path) -> Result<upgrade_readiness_agent::collect::backups::dump::DumpFacts, String> {
    let mut reader = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    inspect(&mut reader, &Stop::default()).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_every_form_are_restored_counted_and_dropped() {
    let servers = Servers::start();
    let trial = servers.trial();
    let forms: &[(&str, &[&str])] = &[
        ("custom", &["-Fc", "wiki"]),
        ("uncompressed", &["-Fc", "-Z0", "wiki"]),
        ("tar", &["-Ft", "wiki"]),
        ("plain.sql", &["wiki"]),
        ("inserts.sql", &["--inserts", "wiki"]),
        ("clean.sql", &["--clean", "--if-exists", "wiki"]),
        ("directory", &["-Fd", "wiki"]),
    ];
    for (name, options) in forms {
        let dump = servers.dump(&trial, name, options);
        if dump.is_file() {
            let facts = look(&dump).unwrap();
            assert_eq!(facts.tables, ["content", "spaces"], "{name}");
            assert!(facts.leaves_database.is_empty() && facts.runs_commands.is_empty(), "{name}: {facts:?}");
            assert!(facts.server_version.is_some_and(|version| version.contains('.')), "{name}");
        }
        let proof = trial.proved(&dump).await;
        assert_eq!(proof.tables, 2, "{name}");
        let rows: Vec<_> =
            proof.rows.iter().map(|row| (row.table.as_str(), row.restored, row.production)).collect();
        assert_eq!(rows, [("content", 500, Some(500)), ("spaces", 40, Some(40))], "{name}");
        assert_eq!(
            (proof.server.as_str(), servers.databases().as_str()),
            (format!("127.0.0.1:{}", servers.restore.port).as_str(), NOTHING_ELSE)
        );
        assert!(proof.took.is_positive() && proof.restored_at >= proof.dump_finished_at);
    }
    // Compressed by somebody else.
    let plain = std::fs::read(trial.path("plain.sql")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &plain).unwrap();
    trial.proved(&trial.write("plain.sql.gz", packed.finish().unwrap())).await;
    let mut packed = Vec::new();
    ruzstd::encoding::compress(plain.as_slice(), &mut packed, ruzstd::encoding::CompressionLevel::Fastest);
    trial.proved(&trial.write("plain.sql.zst", packed)).await;
    let steps = trial.steps.lock().unwrap().join("\n");
    assert!(
        steps.contains("restoring 2 tables with") && steps.contains("dropping the scratch database"),
        "{steps}"
    );
    for log in [servers.production.log(), servers.restore.log()] {
        assert!(!log.contains("Hush"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_that_are_no_backup_are_told_and_leave_nothing_behind() {
    let servers = Servers::start();
    let trial = servers.trial();
    let custom = std::fs::read(servers.dump(&trial, "custom", &["-Fc", "wiki"])).unwrap();
    let plain = std::fs::read_to_string(servers.dump(&trial, "plain", &["wiki"])).unwrap();
    for (name, bytes, said) in [
        ("empty", &b""[..], "empty"),
        ("cut archive", &custom[..custom.len() - 40], "cut off"),
        ("cut table of contents", &custom[..900], "cut off"),
        ("cut script", &plain.as_bytes()[..plain.len() / 2], "cut off"),
        ("a page", b"<!DOCTYPE html>", "not a dump"),
    ] {
        let defect = trial.defect(&trial.write(name, bytes)).await;
        assert!(defect.contains(said), "{name}: {defect}");
    }
    let schema = servers.dump(&trial, "schema", &["-Fc", "--schema-only", "wiki"]);
    assert!(trial.defect(&schema).await.contains("no data"));
    // Whole to look at, and refused by the server: a row twice, where there may be only one.
    let twice = plain.replacen("\n1\ta", "\n1\ta\\tb\t\\\\x\n1\ta", 1);
    assert_ne!(twice, plain);
    let defect = trial.defect(&trial.write("twice", twice)).await;
    assert!(defect.contains("could not restore it") && defect.contains("content"), "{defect}");
    // Of another site.
    servers.production.run("postgres", "CREATE DATABASE shop");
    servers.production.run("shop", "CREATE TABLE orders AS SELECT 1 AS a");
    let shop = servers.dump(&trial, "shop", &["-Fc", "shop"]);
    let defect = trial.defect(&shop).await;
    assert!(
        defect.contains("production has the table content") && defect.contains("2 tables and 1"),
        "{defect}"
    );
    // A dump of long ago: it restores, and the rows say the rest.
    let stale = servers.dump(&trial, "stale", &["-Fc", "wiki"]);
    servers.production.run("wiki", "INSERT INTO content SELECT n, '', '' FROM generate_series(501, 5000) n");
    let proof = trial.proved(&stale).await;
    assert_eq!((proof.rows[0].restored, proof.rows[0].production), (500, Some(5000)));
    assert!(matches!(trial.prove(&trial.path("nowhere")).await, Err(RestoreError::Dump { .. })));
    assert_eq!(servers.databases(), NOTHING_ELSE);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_lacks_is_not_held_against_the_dump() {
    let servers = Servers::start();
    let mut trial = servers.trial();
    servers.production.run("wiki", "CREATE EXTENSION pg_stat_statements");
    let dump = servers.dump(&trial, "custom", &["-Fc", "wiki"]);
    let error = trial.prove(&dump).await.unwrap_err();
    assert!(
        matches!(&error, RestoreError::Program(text) if text.contains("permission denied to create")),
        "{error}"
    );
    assert!(error.to_string().contains("allow_superuser"), "{error}");
    assert_eq!(servers.databases(), NOTHING_ELSE);
    // Production that cannot be asked may be the very server that is restored on.
    trial.production.port = 1;
    assert!(trial.refused(&dump).await.contains("it cannot be told"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_with_bad_intentions_does_nothing() {
    let servers = Servers::start();
    let trial = servers.trial();
    servers.restore.run("postgres", "CREATE DATABASE production OWNER restorer");
    servers
        .restore
        .run("production", "CREATE TABLE precious AS SELECT 1 AS a; ALTER TABLE precious OWNER TO restorer");
    let plain = std::fs::read_to_string(servers.dump(&trial, "plain", &["wiki"])).unwrap();
    let touched = trial.path("touched");
    let at = plain.find("CREATE TABLE public.content").unwrap();
    let (before, behind) = plain.split_at(at);
    let hidden = |evil: &str| format!("{before}{evil}\n{behind}");
    let touch = touched.display();
    for evil in [
        "\\connect production\nDROP TABLE precious;".to_owned(),
        "DROP DATABASE production;".to_owned(),
        "ALTER ROLE restorer SUPERUSER;".to_owned(),
        format!("\\! touch {touch}"),
        format!("\\o {touch}"),
        format!("SELECT 1 \\g {touch}\n;"),
        format!("COPY pg_class TO PROGRAM 'touch {touch}';"),
        format!(
            "SET standard_conforming_strings = off;\nCOMMENT ON VIEW public.titles IS '\\'' \\! touch {touch}\n';"
        ),
        format!(
            "CREATE FUNCTION e() RETURNS int BEGIN ATOMIC SELECT 1; COPY x FROM stdin;\n\\! touch {touch}\nEND;"
        ),
    ] {
        let dump = trial.write("evil.sql", hidden(&evil));
        let outcome = trial.prove(&dump).await;
        match &outcome {
            Err(RestoreError::Refused(_)) => {}
            Ok(proof) => assert!(!proof.defects.is_empty(), "{evil}: {proof:?}"),
            Err(other) => panic!("{evil}: {other}"),
        }
        assert!(!touched.exists(), "{evil}");
        assert_eq!(servers.restore.run("production", "SELECT a FROM precious").trim(), "1", "{evil}");
    }
    for options in [&["-C", "wiki"][..], &["--roles-only"]] {
        let dump = servers.dump(&trial, "whole.sql", options);
        let said = trial.prove(&dump).await;
        assert!(matches!(said, Err(RestoreError::Refused(_)) | Ok(_)), "{said:?}");
        if options.contains(&"-C") {
            assert!(said.unwrap_err().to_string().contains("CREATE DATABASE wiki"));
        }
    }
    assert_eq!(servers.databases(), "postgres production template0 template1");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_its_own_scratch_database_is_ever_touched() {
    let servers = Servers::start();
    let mut trial = servers.trial();
    let dump = servers.dump(&trial, "custom", &["-Fc", "wiki"]);
    let scratch = trial.scratch();

    // Databases with such names that somebody else made, whatever they say of themselves.
    let precious = ["", "_0123456789ab", "_0123456789ac"].map(|end| format!("{scratch}{end}"));
    let mark = "scratch database of the upgrade readiness agent; it is dropped without asking";
    for name in &precious {
        servers.restore.run("postgres", &format!("CREATE DATABASE {name} OWNER restorer"));
        servers.restore.run("postgres", &format!("COMMENT ON DATABASE {name} IS 'precious'"));
    }
    // Nor is one that belongs to another account, whatever is said of it.
    let last = precious.last().unwrap();
    servers.restore.run("postgres", &format!("ALTER DATABASE {last} OWNER TO admin"));
    servers.restore.run("postgres", &format!("COMMENT ON DATABASE {last} IS '{mark}'"));
    trial.write_begun(last);
    trial.proved(&dump).await;
    let databases = servers.databases();
    assert!(precious.iter().all(|name| databases.split(' ').any(|other| other == name)), "{databases}");
    servers.restore.run("postgres", &format!("DROP DATABASE {last}"));
    // Those that killed runs of the agent left behind, one of them an agent of old, with somebody still in it.
    for name in precious.iter().filter(|name| *name != last) {
        servers.restore.run("postgres", &format!("COMMENT ON DATABASE {name} IS '{mark}'"));
        servers.restore.run(name, "CREATE TABLE content (a int)");
    }
    trial.proved(&dump).await;
    assert_eq!(servers.databases(), NOTHING_ELSE);

    // An account that may do everything.
    servers.restore.run("postgres", "ALTER ROLE restorer SUPERUSER");
    assert!(trial.refused(&dump).await.contains("may do everything"));
    trial.settings.allow_superuser = true;
    trial.proved(&dump).await;
    trial.settings.allow_superuser = false;
    servers.restore.run("postgres", "ALTER ROLE restorer NOSUPERUSER NOCREATEDB");
    let error = trial.prove(&dump).await.unwrap_err().to_string();
    assert!(error.contains("permission denied"), "{error}");
    servers.restore.run("postgres", "ALTER ROLE restorer CREATEDB");

    // The instance's own server, by its name, by another of its names.
    servers.production.run("postgres", &format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{PASSWORD}'"));
    trial.settings.port = Some(servers.production.port);
    for host in ["127.0.0.1", "localhost", "127.0.0.9"] {
        trial.settings.host = host.to_owned();
        assert!(trial.refused(&dump).await.contains("the server of the instance's own database"), "{host}");
    }
    trial.settings.host = "127.0.0.1".to_owned();
    trial.settings.same_server = true;
    trial.proved(&dump).await;
    trial.production.database = Box::leak(scratch.into_boxed_str());
    assert!(trial.refused(&dump).await.contains("own database"));
    assert!(servers.production.run("wiki", "SELECT count(*) FROM content").trim() == "500");
}

/// Holds a table of the server until it is dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Servers {
    async fn hold(&self, table: &str) -> Held {
        let sql = format!("BEGIN; LOCK TABLE pg_catalog.{table} IN EXCLUSIVE MODE; SELECT pg_sleep(600)");
        let mut psql = program(binary("psql"));
        psql.args(["-X", "-q", "-h", "127.0.0.1", "-U", "admin", "-d", "postgres", "-c", &sql]);
        // That it is ended in the middle is no news.
        psql.stdout(Stdio::null()).stderr(Stdio::null());
        let held = Held(psql.arg("-p").arg(self.restore.port.to_string()).spawn().unwrap());
        self.until("usename = 'admin' AND wait_event = 'PgSleep'").await;
        held
    }

    /// Ends the one that holds a table; the server would go on sleeping for a client that has gone.
    async fn release(&self, held: Held) {
        let sleeping = "usename = 'admin' AND wait_event = 'PgSleep'";
        self.restore.run(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {sleeping}"),
        );
        drop(held);
        self.until_none(sleeping).await;
    }

    async fn until(&self, what: &str) {
        eventually(what, async || self.sessions(what) > 0).await;
    }

    async fn until_none(&self, what: &str) {
        eventually(what, async || self.sessions(what) == 0).await;
    }

    fn sessions(&self, what: &str) -> u32 {
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE {what}");
        self.restore.run("postgres", &count).trim().parse().unwrap()
    }
}

const MAKING: &str = "usename = 'restorer' AND wait_event_type = 'Lock' AND query LIKE 'CREATE DATABASE%'";
const MARKING: &str =
    "usename = 'restorer' AND wait_event_type = 'Lock' AND query LIKE 'COMMENT ON DATABASE%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_ends_before_its_database_is_marked_leaves_one_the_next_drops() {
    let servers = Servers::start();
    let trial = servers.trial();
    let dump = servers.dump(&trial, "custom", &["-Fc", "wiki"]);
    let end_while = async |what: &str| {
        tokio::select! {
            outcome = trial.prove(&dump) => panic!("{outcome:?}"),
            () = servers.until(what) => {}
        }
    };
    let left = || {
        servers.restore.run(
            "postgres",
            &format!(
                "SELECT shobj_description(oid, 'pg_database') IS NULL FROM pg_database WHERE datname LIKE '{}%'",
                trial.scratch()
            ),
        )
    };

    // It was made, and its server never came to mark it.
    let held = servers.hold("pg_shdescription").await;
    end_while(MARKING).await;
    servers
        .restore
        .run("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'restorer'");
    servers.until_none("usename = 'restorer'").await;
    servers.release(held).await;
    assert_eq!(left().trim(), "t", "{}", servers.databases());
    trial.proved(&dump).await;
    assert_eq!(servers.databases(), NOTHING_ELSE);

    // The server made it when its client was long gone.
    let held = servers.hold("pg_database").await;
    end_while(MAKING).await;
    assert_eq!(left(), "", "not yet");
    servers.release(held).await;
    eventually("it is made", async || left().trim() == "t").await;
    trial.proved(&dump).await;
    assert_eq!(servers.databases(), NOTHING_ELSE);

    // The server is still about to make it when the next run begins.
    let held = servers.hold("pg_database").await;
    end_while(MAKING).await;
    let first = format!(
        "{MAKING} AND pid = {}",
        servers.restore.run("postgres", &format!("SELECT pid FROM pg_stat_activity WHERE {MAKING}"),).trim()
    );
    let released = async {
        servers.until_none(&first).await;
        servers.until(MAKING).await;
        servers.release(held).await;
    };
    let (proof, ()) = tokio::join!(trial.proved(&dump), released);
    assert!(proof.defects.is_empty());
    assert_eq!(servers.databases(), NOTHING_ELSE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_hangs_is_killed_and_its_password_is_nowhere() {
    let servers = Servers::start();
    let mut trial = servers.trial();
    let plain = std::fs::read_to_string(servers.dump(&trial, "plain", &["wiki"])).unwrap();
    let slow = plain.replacen(
        "CREATE TABLE public.content (",
        "CREATE TABLE public.slow AS SELECT 1 AS a FROM pg_catalog.pg_sleep(600);\nCREATE TABLE public.content (",
        1,
    );
    let dump = trial.write("slow.sql", slow);
    trial.settings.time_limit = Duration::from_secs(5);
    let scratch = trial.scratch();
    let watching = tokio::task::spawn_blocking(move || {
        let until = std::time::Instant::now() + Duration::from_mins(1);
        loop {
            let found: Vec<String> =
                processes_with(&scratch).into_iter().filter(|line| line.contains("psql")).collect();
            if !found.is_empty() || std::time::Instant::now() > until {
                return found;
            }
            std::thread::yield_now();
        }
    });
    let defect = trial.defect(&dump).await;
    assert!(defect.contains("not restored within"), "{defect}");
    let seen = watching.await.unwrap().join("\n");
    assert!(seen.contains("PGPASSFILE") && seen.contains("--single-transaction"), "{seen}");
    assert!(!seen.contains("Hush"), "{seen}");
    assert_eq!(servers.databases(), NOTHING_ELSE);
    let left = processes_with(&trial.scratch());
    assert!(!left.iter().any(|line| line.contains("psql")), "{left:?}");
}
