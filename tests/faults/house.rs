//! Directories, a port and a configuration for a daemon, and what must hold of all it says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use upgrade_readiness_checks::rules;

use crate::installation::Installation;
use crate::process::{Running, agent, eventually, free_port, set_mode};

/// A daemon that can be built up, and all it needs.
pub(crate) struct House {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) installation: Installation,
    pub(crate) port: u16,
    client: reqwest::Client,
}

impl House {
    /// The database is said to listen on that port.
    pub(crate) fn new(database_port: u16) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o755);
        let installation = Installation::lay_out(dir.path(), database_port);
        // A connection for each question: what was open when a daemon was killed says nothing.
        let client = reqwest::Client::builder()
            .timeout(Duration::from_mins(1))
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none());
        let house = Self { dir, installation, port: free_port(), client: client.build().unwrap() };
        fs::create_dir(house.path("state")).unwrap();
        house.configure("1h", &house.instance("wiki", "9.2.10"));
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration: how often sources are asked, and the instances.
    pub(crate) fn configure(&self, every: &str, instances: &str) {
        let schedule = ["host", "disk", "java", "installation", "license", "database"];
        let schedule = schedule.map(|source| format!("{source} = \"{every}\"\n")).concat();
        let text = format!(
            "state_dir = \"{}\"\n[catalog]\nrefresh = false\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [schedule]\n{schedule}[schedule.time_limit]\ndatabase = \"2s\"\n{instances}",
            self.path("state").display(),
            self.port
        );
        fs::write(self.path("agent.toml"), text).unwrap();
    }

    pub(crate) fn instance(&self, name: &str, target: &str) -> String {
        format!(
            "[[instance]]\nname = \"{name}\"\nproduct = \"confluence\"\ninstallation_dir = \"{}\"\ntargets = [\"{target}\"]\n",
            self.installation.installation_dir.display()
        )
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// Starts a daemon and does not wait for it.
    pub(crate) fn launch(&self, mut command: Command) -> Running {
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        Running::start(&mut command, &self.path("stdout"), &self.path("stderr"))
    }

    /// Starts a daemon and waits until every source has answered.
    pub(crate) async fn start_as(&self, command: Command) -> Running {
        let mut agent = self.launch(command);
        self.answers("/-/ready", &mut agent).await;
        agent
    }

    /// Waits until it answers there; all it says meanwhile is looked at.
    pub(crate) async fn answers(&self, path: &str, agent: &mut Running) {
        let since = Timestamp::now();
        eventually("it answers", async || {
            assert!(agent.0.try_wait().unwrap().is_none(), "it has ended: {}", self.log());
            let (code, status) = self.get("/api/v1/status").await;
            if code == 200 {
                nothing_green_unseen(&serde_json::from_str(&status).unwrap(), since);
            }
            self.get(path).await.0 == 200
        })
        .await;
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_as(agent()).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        answer(self.client.get(self.url(path)).send().await).await
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, String) {
        answer(self.client.post(self.url(path)).send().await).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Says what became of a step; whether it was acknowledged.
    pub(crate) async fn mark(&self, step: &str, note: &str) -> Result<(), String> {
        let request = self.client.post(self.url("/plan/wiki/9.2.10/steps"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body = format!("step={step}&state=done&by=Ann&took=5m&note={note}");
        match answer(request.body(body).send().await).await {
            (200..400, _) => Ok(()),
            (code, text) => Err(format!("{code} {text}")),
        }
    }

    /// The steps of the run book; none while it cannot be made.
    pub(crate) async fn steps(&self) -> Vec<String> {
        let (_, book) = self.get("/api/v1/plan/wiki/9.2.10?form=json").await;
        let book: Value = serde_json::from_str(&book).unwrap_or_default();
        let sections = book["sections"].as_array().into_iter().flatten();
        let steps = sections.filter_map(|section| section["steps"].as_array()).flatten();
        steps.filter_map(|step| Some(step["id"].as_str()?.to_owned())).collect()
    }

    pub(crate) async fn status(&self) -> Value {
        let (code, text) = self.get("/api/v1/status").await;
        assert_eq!(code, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What is said of a source of the first instance.
    pub(crate) async fn source(&self, source: &str) -> Value {
        let status = self.status().await;
        find(&status["instances"][0]["sources"], "source", source).clone()
    }

    /// The verdict on a check for the first instance and its first target.
    pub(crate) async fn verdict(&self, check: &str) -> String {
        let status = self.status().await;
        let check = find(&status["instances"][0]["targets"][0]["checks"], "id", check);
        check["verdict"].as_str().unwrap().to_owned()
    }

    /// The store, opened beside the daemon.
    pub(crate) async fn store(&self, state_dir: PathBuf) -> SqliteConnection {
        let path = state_dir.join("history.db");
        let options = SqliteConnectOptions::new().filename(path);
        options.disable_statement_logging().connect().await.unwrap()
    }

    /// Holds the store against what was acknowledged: it is sound, and has every word and every mark.
    pub(crate) async fn is_sound_and_has(&self, state_dir: PathBuf, marks: &[String], words: &[String]) {
        let mut store = self.store(state_dir.clone()).await;
        let told: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut store).await.unwrap();
        assert_eq!(told, "ok");
        let notes: Vec<String> =
            sqlx::query_scalar("SELECT note FROM step").fetch_all(&mut store).await.unwrap();
        let reasons: Vec<String> =
            sqlx::query_scalar("SELECT reason FROM word").fetch_all(&mut store).await.unwrap();
        store.close().await.unwrap();
        for (wanted, there) in [(marks, notes), (words, reasons)] {
            for one in wanted {
                assert!(there.contains(one), "{one} was acknowledged and is lost: {there:?}");
            }
        }
        let names = fs::read_dir(state_dir).unwrap().map(|entry| entry.unwrap().file_name());
        let aside: Vec<_> = names.filter(|name| name.to_string_lossy().contains("aside")).collect();
        assert!(aside.is_empty(), "a store was taken for damaged: {aside:?}\n{}", self.log());
    }
}

async fn answer(answer: reqwest::Result<reqwest::Response>) -> (u16, String) {
    match answer {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(_) => (0, String::new()),
    }
}

pub(crate) fn find<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|entry| entry[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

/// No check is ready none of whose sources has answered since that moment.
pub(crate) fn nothing_green_unseen(status: &Value, since: Timestamp) {
    for instance in status["instances"].as_array().unwrap() {
        let seen = |source: &str| {
            let source = find(&instance["sources"], "source", source);
            let at = source["collected_at"].as_str().map(|at| at.parse::<Timestamp>().unwrap());
            // What is shown is cut to the second.
            source["state"] == "ok" && at.is_some_and(|at| at.as_second() >= since.as_second())
        };
        for target in instance["targets"].as_array().unwrap() {
            let checks = target["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
            for check in checks.iter().filter(|check| check["verdict"] == "ready") {
                let rule = rules::ALL.iter().find(|rule| check["id"] == rule.id).unwrap();
                let fair = rule.reads.is_empty() || rule.reads.iter().any(|source| seen(source.id()));
                assert!(
                    fair,
                    "{} is ready and nothing was seen since {since}: {check} {}",
                    rule.id, instance["sources"]
                );
            }
        }
    }
}
