//! A site with a shared store, the database of a product, and agents.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::installation::Installation;
use crate::process::{Running, agent, eventually, free_port};
use crate::support::postgres::Postgres;

/// Password of the role in the shared store; it must never be seen again.
pub(crate) const PASSWORD: &str = "planted-fleet-password";

/// Every source, so that each is asked once and then when told to.
const SOURCES: [&str; 14] = [
    "host",
    "disk",
    "java",
    "installation",
    "files",
    "license",
    "database",
    "application",
    "plugins",
    "backups",
    "traffic",
    "releases",
    "rehearsal",
    "custom",
];

/// Servers and a directory for agents.
pub(crate) struct Site {
    pub(crate) store: Postgres,
    pub(crate) dir: tempfile::TempDir,
}

impl Site {
    /// A shared store as `agent fleet --print-sql` says it is made.
    pub(crate) fn new() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let store = Postgres::start();
        store.run("postgres", &format!("CREATE ROLE readiness LOGIN PASSWORD '{PASSWORD}'"));
        store.run("postgres", "CREATE DATABASE fleet");
        store.run(
            "fleet",
            "REVOKE ALL ON DATABASE fleet FROM PUBLIC; GRANT CONNECT ON DATABASE fleet TO readiness",
        );
        store.run("fleet", "REVOKE ALL ON SCHEMA public FROM PUBLIC");
        store.run("fleet", "CREATE SCHEMA upgrade_readiness AUTHORIZATION readiness");
        let dir = tempfile::tempdir().unwrap();
        crate::process::set_mode(dir.path(), 0o755);
        fs::write(dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        Self { store, dir }
    }

    /// What the shared store holds, as its administrator sees it.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let sql = format!("SET search_path = upgrade_readiness; {sql}");
        self.store.run("fleet", &sql).trim().to_owned()
    }

    /// The same, also before there are tables.
    pub(crate) fn try_ask(&self, table: &str, sql: &str) -> String {
        match self.ask(&format!("SELECT to_regclass('{table}') IS NOT NULL")).as_str() {
            "t" => self.ask(sql),
            _ => String::new(),
        }
    }

    /// An agent on a host of its own, as far as files go; `more` stands below its instance.
    pub(crate) fn agent(&self, name: &str, database_port: u16, more: &str) -> Agent {
        let dir = self.dir.path().join(name);
        fs::create_dir_all(&dir).unwrap();
        let installation = Installation::lay_out(&dir, database_port);
        let this = Agent { dir, port: free_port(), running: None };
        let schedule = SOURCES.map(|source| format!("{source} = '1h'\n")).concat();
        this.write(&format!(
            "state_dir = '{state}'\n[catalog]\nrefresh = false\n[http]\nlisten = '127.0.0.1:{port}'\n[schedule]\n{schedule}\
             [store]\nurl = 'postgres://readiness@127.0.0.1:{store}/fleet'\npassword_file = '{password}'\npublish_every = '1s'\n\
             [[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '{install}'\ntargets = ['9.2.10']\n\
             marketplace = {{ enabled = false }}\n{more}",
            state = this.dir.join("state").display(),
            port = this.port,
            store = self.store.port,
            password = self.dir.path().join("password").display(),
            install = installation.installation_dir.display(),
        ));
        this
    }
}

/// One agent.
pub(crate) struct Agent {
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) running: Option<Running>,
}

impl Agent {
    pub(crate) fn write(&self, config: &str) {
        fs::write(self.config(), config).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("agent.toml")
    }

    /// Starts it, and does not wait for anything.
    pub(crate) fn spawn(&mut self) {
        let mut command = agent();
        command.args(["run", "--config"]).arg(self.config());
        self.running = Some(Running::start(&mut command, &self.dir.join("stdout"), &self.dir.join("stderr")));
    }

    /// Starts it and waits until every source was asked once.
    pub(crate) async fn start(&mut self) {
        self.spawn();
        eventually("the agent is ready", async || self.try_get("/-/ready").await.is_some()).await;
    }

    /// Kills it without a warning.
    pub(crate) fn kill(&mut self) {
        // Dropping it does.
        self.running = None;
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("stderr")).unwrap_or_default()
    }

    pub(crate) async fn try_get(&self, path: &str) -> Option<String> {
        let answer = reqwest::get(format!("http://127.0.0.1:{}{path}", self.port)).await.ok()?;
        answer.error_for_status().ok()?.text().await.ok()
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        self.try_get(path).await.unwrap_or_else(|| panic!("{path} does not answer: {}", self.log()))
    }

    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/api/v1/status").await).unwrap()
    }

    /// How a source stands.
    pub(crate) async fn source(&self, source: &str) -> Value {
        let status = self.status().await;
        let sources = status["instances"][0]["sources"].as_array().unwrap();
        sources.iter().find(|known| known["source"] == source).unwrap().clone()
    }

    /// What the agent says of itself, in one text.
    pub(crate) async fn notices(&self) -> String {
        self.status().await["notices"].to_string()
    }

    /// A metric's value.
    pub(crate) async fn metric(&self, series: &str) -> Option<String> {
        let text = self.get("/metrics").await;
        let series = format!("upgrade_readiness_{series} ");
        text.lines().find_map(|line| line.strip_prefix(&series).map(ToOwned::to_owned))
    }

    /// Runs a command on its configuration; exit code and everything it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = agent().args(arguments).arg("--config").arg(self.config()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text)
    }

    /// The id of the agent.
    pub(crate) fn id(&self) -> String {
        fs::read_to_string(self.dir.join("state/agent-id")).unwrap().trim().to_owned()
    }
}

/// Every file below a directory that holds a text.
pub(crate) fn files_with(dir: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}
