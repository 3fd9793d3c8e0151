//! The demo as a person starts it, for tests of each product's example.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::process::{Running, agent, eventually, free_port};

/// A running demo of the agent; it ends with its value.
pub(crate) struct Demo {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) agent: Running,
    pub(crate) address: String,
}

impl Demo {
    /// Starts the example of a product, and waits until everything was looked at once.
    pub(crate) async fn start(product: &str) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let example = dir.path().join("example");
        let mut demo = agent();
        demo.args(["demo", "--product", product, "--listen", &address, "--dir"]).arg(&example);
        let agent = Running::start(&mut demo, &dir.path().join("stdout"), &dir.path().join("stderr"));
        let demo = Self { dir, agent, address };
        eventually("the demo is ready", async || demo.try_get("/-/ready").await.is_some()).await;
        demo
    }

    /// Sends a signal to the example's database server, when it runs.
    pub(crate) fn signal_database(&self, signal: Signal) {
        let written = fs::read_to_string(self.path("postgres/data/postmaster.pid")).unwrap_or_default();
        let pid = written.lines().next().and_then(|pid| Pid::from_raw(pid.parse().ok()?));
        if let Some(pid) = pid {
            kill_process(pid, signal).ok();
        }
    }

    /// A file of the example.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("example").join(name)
    }

    /// What a file beside the example holds.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap()
    }

    /// The answer of the agent, when it is a good one.
    pub(crate) async fn try_get(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    /// The answer of the agent.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.try_get(path).await.unwrap_or_else(|| panic!("{path} does not answer"))
    }

    /// Runs a command of the agent on the example; its exit code and output.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = agent().args(arguments).arg("--config").arg(self.path("agent.toml")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    }

    /// Has the agent ask a source anew.
    pub(crate) fn refresh(&self, source: &str) {
        let (code, text) = self.run(&["refresh", "--source", source]);
        assert_eq!(code, Some(0), "{text}");
    }

    /// A connection of the administrator of the example's database server.
    pub(crate) async fn administrator(&self, database: &str) -> PgConnection {
        let stdout = self.read("stdout");
        let port = stdout.split(" -p ").nth(1).and_then(|rest| rest.split(' ').next()).expect(&stdout);
        let options = PgConnectOptions::new_without_pgpass()
            .socket(self.path("postgres"))
            .port(port.parse().unwrap())
            .username("admin")
            .database(database);
        PgConnection::connect_with(&options).await.unwrap()
    }
}

/// An agent that was killed leaves its database server behind.
impl Drop for Demo {
    fn drop(&mut self) {
        self.signal_database(Signal::INT);
    }
}
