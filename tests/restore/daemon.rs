//! The daemon restores by itself, what it learned shows, and nothing of it outlives it.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::Value;

use crate::installation::Installation;
use crate::postgres::{NOTHING_ELSE, Servers};
use crate::process::{DEADLINE, Running, agent, eventually, free_port};
use crate::trial::{PASSWORD, Trial, processes_with};

/// A daemon whose instance has dumps in a directory.
struct House {
    trial: Trial,
    port: u16,
}

impl House {
    fn new(servers: &Servers) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let house = Self { trial: servers.trial(), port: free_port() };
        let installation = Installation::lay_out(house.trial.dir.path(), servers.production.port);
        std::fs::create_dir(house.trial.path("backup")).unwrap();
        let path = |name: &str| house.trial.path(name).display().to_string();
        let config = format!(
            "state_dir = '{state}'\n[catalog]\nrefresh = false\n[http]\nlisten = '127.0.0.1:{listen}'\n[[instance]]\nname = 'wiki'\n\
             product = 'confluence'\ninstallation_dir = '{dir}'\ntargets = ['9.2.10']\n[instance.database]\n\
             url = 'jdbc:postgresql://127.0.0.1:{own}/wiki'\nusername = 'conf'\npassword_file = '{password}'\n\
             [instance.backups.database]\nplaces = ['{places}']\n\
             [instance.backups.restore_test]\nenabled = true\nurl = 'jdbc:postgresql://127.0.0.1:{port}/postgres'\n\
             username = 'restorer'\npassword_file = '{password}'\ndatabase_prefix = '{prefix}'\n\
             key_tables = ['content', 'spaces']\n",
            prefix = house.trial.settings.database_prefix,
            state = path("state"),
            listen = house.port,
            dir = installation.installation_dir.display(),
            own = servers.production.port,
            password = path("password"),
            places = path("backup/*"),
            port = servers.restore.port,
        );
        house.trial.write("agent.toml", config);
        house
    }

    /// Dumps were written some hours ago; one of this minute may still be in the making.
    fn age(dump: &PathBuf, hours: u64) {
        let then = SystemTime::now() - Duration::from_hours(hours);
        File::options().write(true).open(dump).unwrap().set_modified(then).unwrap();
    }

    fn start(&self) -> Running {
        let mut agent = agent();
        agent.args(["run", "--config"]).arg(self.trial.path("agent.toml"));
        Running::start(&mut agent, &self.trial.path("stdout"), &self.trial.path("stderr"))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.trial.path("stderr")).unwrap()
    }

    async fn check(&self, id: &str) -> Value {
        let answer = reqwest::get(format!("http://127.0.0.1:{}/api/v1/status", self.port)).await;
        let Ok(answer) = answer else { return Value::Null };
        let text = answer.text().await.unwrap();
        assert!(!text.contains("Hush"), "{text}");
        let status: Value = serde_json::from_str(&text).unwrap_or_default();
        let checks = status["instances"][0]["targets"][0]["checks"].as_array().cloned().unwrap_or_default();
        checks.into_iter().find(|check| check["id"] == id).unwrap_or_default()
    }

    /// The check, once it is ready.
    async fn ready(&self) -> Value {
        let mut last = Value::Null;
        let until = Instant::now() + DEADLINE;
        while last["verdict"] != "ready" {
            let log = self.log();
            assert!(!log.contains("restore test not done") && Instant::now() < until, "{last}\n{log}");
            last = self.check("backup-restore").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        last
    }

    fn clients(&self) -> Vec<String> {
        let of_agent = |line: &String| line.contains("/psql ") || line.contains("/pg_restore ");
        processes_with(&self.trial.scratch()).into_iter().filter(of_agent).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_proves_a_dump_by_itself_and_its_check_becomes_ready() {
    let servers = Servers::start();
    let house = House::new(&servers);
    let dump = servers.dump(&house.trial, "backup/wiki.dump", &["-Fc", "wiki"]);
    House::age(&dump, 2);
    let mut agent = house.start();
    let last = house.ready().await;
    assert!(last.to_string().contains("wiki.dump") && last.to_string().contains("2 tables"), "{last}");
    assert_eq!(servers.databases(), NOTHING_ELSE);
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    let log = house.log();
    assert!(log.contains("restore test ended") && !log.contains("panicked"), "{log}");
    assert!(!log.contains(PASSWORD) && !log.contains("Hush"), "{log}");

    // Who asks by hand sees the daemon's proof.
    let config = house.trial.path("agent.toml");
    let check = agent_says(&["check", "--only", "backup-restore", "--config", &config.display().to_string()]);
    assert!(check.contains("ready    backup-restore"), "{check}");
}

fn agent_says(arguments: &[&str]) -> String {
    let output = agent().args(arguments).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_in_the_middle_leaves_no_program_and_the_next_one_cleans_up() {
    let servers = Servers::start();
    let house = House::new(&servers);
    let good = servers.dump(&house.trial, "good.sql", &["wiki"]);
    let plain = std::fs::read_to_string(&good).unwrap();
    let slow = plain.replacen(
        "CREATE TABLE public.content (",
        "CREATE TABLE public.slow AS SELECT 1 AS a FROM pg_catalog.pg_sleep(600);\nCREATE TABLE public.content (",
        1,
    );
    House::age(&house.trial.write("backup/wiki.sql", slow), 2);
    let mut agent = house.start();
    eventually("the client runs", async || !house.clients().is_empty()).await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0), "{}", house.log());
    eventually("the client is gone", async || house.clients().is_empty()).await;
    assert!(!house.trial.path("state/cache/wiki/restore-secret").exists(), "the password file is gone");
    assert!(!house.trial.path("state/cache/wiki/restore.json").exists(), "nothing was proved");
    assert!(servers.databases().contains(&house.trial.scratch()), "there was no time to drop it");

    // It is dropped before anything is restored again: here there is nothing to restore.
    let dump = house.trial.path("backup/wiki.sql");
    std::fs::remove_file(&dump).unwrap();
    let mut agent = house.start();
    eventually("it is dropped", async || servers.databases() == NOTHING_ELSE).await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0), "{}", house.log());

    // Another day, another dump.
    House::age(&house.trial.write("backup/wiki.sql", &plain), 1);
    let _agent = house.start();
    house.ready().await;
    assert_eq!(servers.databases(), NOTHING_ELSE, "{}", house.log());
}
