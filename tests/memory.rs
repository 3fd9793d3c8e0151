//! What the daemon remembers, over its own end and beside the commands that write into its store.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[path = "support/installation.rs"]
mod installation;
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use installation::Installation;
use process::{NOBODY, Running, agent, agent_without_rights, eventually, free_port, set_mode};
use rustix::fs::{Gid, Uid, chown};
use rustix::process::Signal;
use serde_json::Value;

struct House {
    dir: tempfile::TempDir,
    installation: Installation,
    port: u16,
}

impl House {
    fn new() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let dir = tempfile::tempdir().unwrap();
        set_mode(dir.path(), 0o755);
        let installation = Installation::lay_out(dir.path(), 1);
        let house = Self { dir, installation, port: free_port() };
        let text = format!(
            "state_dir = \"{}\"\n[catalog]\nrefresh = false\n[http]\nlisten = \"127.0.0.1:{}\"\n[[instance]]\nname = \"wiki\"\n\
             product = \"confluence\"\ninstallation_dir = \"{}\"\ntargets = [\"9.2.10\"]\n\
             [policy]\nsupport_warn_days = 3650\n",
            house.path("state").display(),
            house.port,
            house.installation.installation_dir.display()
        );
        fs::write(house.path("agent.toml"), text).unwrap();
        fs::create_dir(house.path("state")).unwrap();
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Whether the state directory now belongs to a user without rights.
    fn give_state_away(&self) -> bool {
        let root = rustix::process::getuid().is_root();
        if root {
            let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
            chown(self.path("state"), Some(user), Some(group)).unwrap();
        }
        root
    }

    fn unprivileged(&self) -> Command {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        agent_without_rights(&bin)
    }

    async fn start(&self) -> Running {
        self.start_as(agent()).await
    }

    async fn start_as(&self, mut command: Command) -> Running {
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let mut agent = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        eventually("it is ready", async || {
            assert!(agent.0.try_wait().unwrap().is_none(), "it has ended: {}", self.read("stderr"));
            let ready = reqwest::get(format!("http://127.0.0.1:{}/-/ready", self.port)).await;
            ready.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        agent
    }

    async fn refresh(&self) {
        let client = reqwest::Client::builder().build().unwrap();
        client.post(format!("http://127.0.0.1:{}/-/refresh", self.port)).send().await.unwrap();
    }

    async fn remember(&self) {
        let client = reqwest::Client::builder().build().unwrap();
        client.post(format!("http://127.0.0.1:{}/-/remember", self.port)).send().await.unwrap();
    }

    async fn check(&self, id: &str) -> Value {
        let answer = reqwest::get(format!("http://127.0.0.1:{}/api/v1/status", self.port)).await.unwrap();
        let status: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let checks = status["instances"][0]["targets"][0]["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["id"] == id).unwrap()
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        agent().args(arguments).arg("--config").arg(self.path("agent.toml")).output().unwrap()
    }

    /// The exit code, and all that was said.
    fn told(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.ask(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn history(&self, check: &str) -> Vec<Value> {
        let (code, text) = self.told(&["history", "--check", check, "--output", "json"]);
        assert_eq!(code, 0, "{text}");
        let history: Value = serde_json::from_str(&text).unwrap();
        history["changes"].as_array().unwrap().clone()
    }

    /// Turns the database of the instance into the embedded one, as its configuration tells.
    fn embed_database(&self) {
        let path = self.installation.cfg_xml();
        let text = fs::read_to_string(&path).unwrap();
        let embedded = text
            .replace("org.postgresql.Driver", "org.h2.Driver")
            .replace("jdbc:postgresql://127.0.0.1:1/confluence", "jdbc:h2:file:/srv/home/database/h2db");
        fs::write(path, embedded).unwrap();
    }
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("planted-password"), "{text}");
}

/// A day some weeks ahead.
fn later() -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.saturating_add(jiff::Span::new().days(30)).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_remembered_with_its_cause_and_told_without_the_daemon() {
    let house = House::new();
    let mut agent = house.start().await;
    assert_eq!(house.check("database-embedded").await["verdict"], "ready");
    assert!(house.history("database-embedded").is_empty(), "in order from the first look on is no news");
    house.embed_database();
    house.refresh().await;
    eventually("it is written", async || !house.history("database-embedded").is_empty()).await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));

    let (code, text) = house.told(&["history", "wiki", "--target", "9.2.10", "--since", "1d"]);
    assert_eq!(code, 0);
    has(
        &text,
        &["wiki to 9.2.10", "database-embedded: ready → blocked", "embedded database H2", "seen  H2 in"],
    );
    has(&text, &["license-valid: first judged → blocked"]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (code, text) = house.told(&["history", "intranet"]);
    assert_eq!(code, 3);
    has(&text, &["there is no instance \"intranet\"; there are: wiki", "do:"]);
    let (code, text) = house.told(&["history", "--since", "someday"]);
    assert_eq!(code, 3);
    has(&text, &["someday", "do:", "7d"]);
    fs::remove_file(house.path("state/history.db")).unwrap();
    let (code, text) = house.told(&["history"]);
    assert_eq!(code, 3);
    has(&text, &["there is no store", "do:", "systemctl start"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_remembered_outlives_a_kill() {
    let house = House::new();
    let mut agent = house.start().await;
    house.embed_database();
    house.refresh().await;
    eventually("it is written", async || !house.history("database-embedded").is_empty()).await;
    let moments = async |check: &str| {
        let check = house.check(check).await;
        ["verdict", "first_seen", "changed_at"].map(|key| check[key].as_str().unwrap().to_owned())
    };
    let before = [moments("database-embedded").await, moments("license-valid").await];
    let (_, history) = house.told(&["history", "--output", "json"]);
    agent.signal(Signal::KILL);
    agent.wait();
    // The store alone must know.
    fs::remove_file(house.path("state/status.json")).unwrap();

    for _ in 0..3 {
        let mut agent = house.start().await;
        assert_eq!([moments("database-embedded").await, moments("license-valid").await], before);
        house.refresh().await;
        agent.signal(Signal::KILL);
        agent.wait();
    }
    assert_eq!(house.told(&["history", "--output", "json"]).1, history, "a start is no change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_spoilt_or_of_a_newer_agent_is_kept_aside() {
    let house = House::new();
    let store = house.path("state/history.db");
    let newer = async || {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&store);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        let row = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   VALUES (99, 'later', 1, x'00', 0)";
        sqlx::query(row).execute(&mut connection).await.unwrap();
        sqlx::Connection::close(connection).await.unwrap();
    };
    let rows = [("damaged", "database-embedded"), ("another version", "license-valid")];
    for (number, (what, check)) in rows.into_iter().enumerate() {
        if number == 0 {
            fs::write(&store, "this was a database once ".repeat(400)).unwrap();
        } else {
            newer().await;
            let (code, text) = house.told(&["history"]);
            assert_eq!(code, 3);
            has(&text, &[what, "do:", "agent --version"]);
        }
        let mut agent = house.start().await;
        has(&house.read("stderr"), &["was kept aside", what, "ERROR"]);
        let names = fs::read_dir(house.path("state")).unwrap();
        let is_aside = |name: &str| {
            name.starts_with("history.db.aside-") && !name.ends_with("-wal") && !name.ends_with("-shm")
        };
        let asides =
            names.filter(|name| is_aside(name.as_ref().unwrap().file_name().to_str().unwrap())).count();
        assert_eq!(asides, number + 1);
        house.check(check).await;
        eventually("it remembers again", async || !house.history("license-valid").is_empty()).await;
        agent.signal(Signal::TERM);
        assert_eq!(agent.wait(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_to_write_it_goes_on_without_memory_and_tries_again() {
    let house = House::new();
    house.give_state_away();
    set_mode(&house.path("state"), 0o555);
    let _agent = house.start_as(house.unprivileged()).await;
    has(&house.read("stderr"), &["goes on without memory", "history.db", "ERROR"]);
    assert_eq!(house.check("license-valid").await["verdict"], "blocked");

    set_mode(&house.path("state"), 0o755);
    eventually("it remembers again", async || {
        house.remember().await;
        house.path("state/history.db").exists() && !house.history("license-valid").is_empty()
    })
    .await;
    has(&house.read("stderr"), &["the store can be used again"]);
    assert_eq!(house.read("stderr").matches("goes on without memory").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_with_advice() {
    let house = House::new();
    let until = later();
    let waive =
        ["waive", "release-support", "--reason", "r", "--by", "b", "--subject", "target", "--until", &until];
    let (code, text) = house.told(&waive);
    assert_eq!(code, 3, "nobody knows what is found");
    has(&text, &["status file", "do:"]);

    let _agent = house.start().await;
    let rows: [(&[&str], &[&str]); 7] = [
        (&["waive", "tea", "--subject", "x", "--reason", "r", "--by", "b", "--until", &until], &["tea"]),
        (
            &[
                "waive",
                "license-valid",
                "--subject",
                "license",
                "--reason",
                "r",
                "--by",
                "b",
                "--until",
                &until,
            ],
            &["cannot be waived", "data is lost", "agent explain license-valid"],
        ),
        (
            &[
                "waive",
                "release-support",
                "--subject",
                "tea",
                "--reason",
                "r",
                "--by",
                "b",
                "--until",
                &until,
            ],
            &["finds nothing about \"tea\"", "do:", "target"],
        ),
        (
            &[
                "waive",
                "release-support",
                "--subject",
                "target",
                "--reason",
                "r",
                "--by",
                "b",
                "--until",
                "2020-01-01",
            ],
            &["has passed", "do:"],
        ),
        (
            &[
                "waive",
                "release-support",
                "--subject",
                "target",
                "--reason",
                " ",
                "--by",
                "b",
                "--until",
                &until,
            ],
            &["--reason is empty", "do:"],
        ),
        (&["waive", "release-support", "--subject", "target", "--until", &until], &["--reason", "--by"]),
        (
            &[
                "sign-off",
                "release-support",
                "--subject",
                "target",
                "--reason",
                "r",
                "--by",
                "b",
                "--until",
                &until,
            ],
            &["no task", "agent waive release-support"],
        ),
    ];
    for (arguments, words) in rows {
        let (code, text) = house.told(arguments);
        assert_eq!(code, 3, "{text}");
        has(&text, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_taken_in_shown_and_taken_back() {
    let house = House::new();
    let until = later();
    let _agent = house.start().await;
    let (code, text) = house.told(&[
        "waive",
        "release-support",
        "--subject",
        "target",
        "--reason",
        "the plan is made",
        "--by",
        "Ann",
        "--until",
        &until,
    ]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["release-support, target of wiki is waived until", "taken it in"]);
    let (code, text) = house.told(&[
        "sign-off",
        "plugin-state",
        "--reason",
        "looked by hand",
        "--by",
        "Bob",
        "--until",
        &until,
        "--target",
        "9.2.10",
    ]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["plugin-state (to 9.2.10) of wiki is signed off"]);
    has(
        &house.told(&["waive", "--list"]).1,
        &["wiki: release-support, target", "the plan is made", "Ann", &until],
    );

    let memory = || {
        let (_, text) = house.told(&["snapshot"]);
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        snapshot["facts"]["memory"].clone()
    };
    let known = memory();
    assert_eq!(known["waivers"][0]["by"], "Ann");
    assert!(known["waivers"][0]["seen"].as_str().unwrap().contains("support"), "{known}");
    assert_eq!(known["sign_offs"][0]["check"], "plugin-state");
    assert_eq!(known["versions"][0]["version"], "9.2.7");
    assert!(!known["trends"].as_array().unwrap().is_empty(), "{known}");

    let withdraw = ["waive", "release-support", "--subject", "target", "--withdraw"];
    let (code, text) = house.told(&withdraw);
    assert_eq!(code, 0, "{text}");
    let (code, text) = house.told(&withdraw);
    assert_eq!(code, 3, "{text}");
    has(&text, &["was not waived", "--list"]);
    assert!(memory()["waivers"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_of_root_does_not_take_the_store_from_the_daemon() {
    let house = House::new();
    let root = house.give_state_away();
    let _agent = house.start_as(house.unprivileged()).await;
    let until = later();
    let waive =
        ["waive", "release-support", "--subject", "target", "--reason", "r", "--by", "b", "--until", &until];
    let mut asking: Vec<_> = (0..6)
        .map(|_| agent().args(waive).arg("--config").arg(house.path("agent.toml")).spawn().unwrap())
        .collect();
    // The daemon writes meanwhile.
    house.embed_database();
    house.refresh().await;
    for one in &mut asking {
        assert_eq!(one.wait().unwrap().code(), Some(0));
    }
    eventually("the daemon goes on writing", async || !house.history("database-embedded").is_empty()).await;
    for entry in fs::read_dir(house.path("state")).unwrap() {
        let entry = entry.unwrap();
        let owner = entry.metadata().unwrap().uid();
        assert!(!root || owner == NOBODY, "{:?} belongs to {owner}", entry.file_name());
    }
    let (_, text) = house.told(&["waive", "--list"]);
    assert_eq!(text.matches("release-support").count(), 1, "{text}");
    assert!(!house.read("stderr").contains("without memory"), "{}", house.read("stderr"));
}

#[test]
fn two_files_of_a_kind_are_compared() {
    let house = House::new();
    for name in ["a.json", "b.json", "c.json"] {
        if name == "c.json" {
            house.embed_database();
        }
        let path = house.path(name);
        house.told(&["snapshot", "--output", path.to_str().unwrap()]);
    }
    let [a, b, c] = ["a.json", "b.json", "c.json"].map(|name| house.path(name).to_str().unwrap().to_owned());
    let (_, status) = house.told(&["check", "--facts", &a, "--output", "json"]);
    fs::write(house.path("status.json"), status).unwrap();
    let status = house.path("status.json").to_str().unwrap().to_owned();
    let told = |arguments: &[&str]| {
        let output = agent().arg("diff").args(arguments).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), text)
    };
    let (code, text) = told(&[&a, &b]);
    // Free room and the like may have moved; nothing else may.
    assert!(code <= 1 && !text.contains("collected_at") && !text.contains("taken_at"), "{text}");
    let (code, text) = told(&[&a, &a]);
    assert_eq!((code, text.as_str()), (0, "Nothing has changed.\n"));
    let (code, text) = told(&[&a, &c]);
    assert_eq!(code, 1, "{text}");
    has(&text, &["database", "  - ", "  + ", "h2"]);
    let (code, text) = told(&["--output", "json", &a, &c]);
    assert_eq!(code, 1);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(!json["differences"].as_array().unwrap().is_empty());
    let (code, text) = told(&[&a, &status]);
    assert_eq!(code, 3);
    has(&text, &["is a snapshot", "status file", "do:"]);
    assert_eq!(told(&[&status, &status]).0, 0);
    assert_eq!(told(&[&a, "/nowhere"]).0, 3);
}

/// Stands in for a daemon with a run book of these steps.
struct Teller {
    port: u16,
    ends: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

const STEPS: &str = r#"{"target": "9.2.10", "verdict": "warning", "sections": [
    {"steps": [{"id": "preparation.license", "title": "Renew the licence", "proven": true, "mark": null}]},
    {"steps": [{"id": "staging.start", "title": "Start it", "proven": false, "mark": {"state": "done"}}]},
    {"steps": [{"id": "production.stop", "title": "Stop it", "proven": true, "mark": {"state": "failed"}},
               {"id": "production.start", "title": "Start it", "proven": false, "mark": null}]},
    {"steps": [{"id": "way-back.restore", "title": "Restore it", "proven": false, "mark": null}]}]}"#;

impl Teller {
    fn begin(status: u16, content: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ends, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (ending, noted) = (ends.clone(), asked.clone());
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if ending.load(Ordering::Relaxed) {
                    break;
                }
                let mut connection = BufReader::new(connection.unwrap());
                let (mut first, mut line) = (String::new(), String::new());
                connection.read_line(&mut first).unwrap();
                while line != "\r\n" {
                    line.clear();
                    connection.read_line(&mut line).unwrap();
                }
                let (status, content) = if first.starts_with("GET") { (status, content) } else { (200, "") };
                let length = content.len();
                let answer = format!(
                    "HTTP/1.1 {status} So\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{content}"
                );
                // Who has the answer looks at once for what was asked.
                noted.lock().unwrap().push(first.trim_end().to_owned());
                // Whoever asked need not read all of it.
                drop(connection.get_mut().write_all(answer.as_bytes()));
            }
        });
        Self { port, ends, asked, thread: Some(thread) }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl House {
    /// Has the commands ask another daemon than the one that runs.
    fn turn_to(&self, teller: &Teller) {
        let text = self.read("agent.toml");
        fs::write(self.path("told.toml"), text.replace(&self.port.to_string(), &teller.port.to_string()))
            .unwrap();
    }

    fn told_by_teller(&self, arguments: &[&str]) -> (i32, String) {
        let output = agent().args(arguments).arg("--config").arg(self.path("told.toml")).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn steps(&self) -> Vec<Value> {
        let (_, text) = self.told(&["snapshot"]);
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        snapshot["facts"]["memory"]["steps"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_step_is_kept_shown_and_taken_back() {
    let house = House::new();
    let teller = Teller::begin(200, STEPS);
    house.turn_to(&teller);
    let mut daemon = house.start().await;
    let note = "the log said\nFATAL \u{1b}[2J'; DROP TABLE step; -- ünïcode";
    let step = |more: &[&str]| house.told_by_teller(&[&["plan", "step"], more].concat());
    let (code, text) =
        step(&["production.start", "failed", "--by", "Ann", "--note", note, "--took", "1h 30m"]);
    assert_eq!(code, 0, "{text}");
    has(
        &text,
        &["production.start of wiki to 9.2.10 is failed after 1h 30m, says Ann", "`agent plan` shows"],
    );
    has(&teller.asked().join("\n"), &["GET /api/v1/plan/wiki/9.2.10?form=json HTTP", "POST /-/remember"]);
    assert_eq!(step(&["staging.start", "done", "--by", "Bob", "--target", "9.2.10"]).0, 0);
    has(&teller.asked().join("\n"), &["/wiki/9.2.10?form=json"]);

    let (code, text) = step(&["--list"]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["wiki to 9.2.10: production.start is failed", "took    1h 30m", "DROP TABLE", "Bob"]);
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let steps = house.steps();
    assert_eq!((steps.len(), steps[0]["state"].as_str()), (2, Some("failed")), "{steps:?}");
    assert_eq!((&steps[0]["took"], &steps[0]["profile"]), (&"PT1H30M".into(), &Value::Null));
    assert_eq!((&steps[1]["step"], &steps[1]["by"]), (&"staging.start".into(), &"Bob".into()));
    assert_eq!(steps[1]["profile"]["version"], "9.2.7", "what it was when staging was done");

    daemon.signal(Signal::KILL);
    daemon.wait();
    let mut daemon = house.start().await;
    assert_eq!(house.steps(), steps, "nothing is lost");
    assert_eq!(step(&["production.start", "done", "--by", "Ann"]).0, 0);
    let steps = house.steps();
    assert_eq!((steps.len(), &steps[1]["state"]), (2, &"done".into()), "{steps:?}");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(), Some(0));

    for target in ["9.2.9", "latest"] {
        let (code, text) = step(&["production.start", "--withdraw", "--target", target]);
        assert_eq!(code, 3, "{text}");
    }
    let (code, text) = step(&["production.start", "--withdraw"]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["is not marked any more"]);
    let (code, text) = step(&["production.start", "--withdraw"]);
    assert_eq!(code, 3, "{text}");
    has(&text, &["nothing was said", "do:", "--list"]);
    assert_eq!(house.steps().len(), 1);
}

#[test]
fn a_step_that_cannot_be_meant_is_refused_with_advice() {
    let house = House::new();
    let teller = Teller::begin(200, STEPS);
    house.turn_to(&teller);
    let long = "x".repeat(5000);
    let rows: [(&[&str], &[&str]); 8] = [
        (
            &["production.stp", "done", "--by", "Ann"],
            &["no step \"production.stp\"", "do:", "production.stop,"],
        ),
        (&["\u{1b}[2J", "done", "--by", "Ann"], &["no step", "do:"]),
        (&[&long, "done", "--by", "Ann"], &["no step", "do:"]),
        (&["production.stop", "failed", "--by", "Ann"], &["needs a note", "do:"]),
        (&["production.stop", "done", "--by", " "], &["is empty", "do:"]),
        (&["production.stop", "done", "--by", "Ann", "--note", &long], &["room for 1000", "do:"]),
        (&["production.stop", "done", "--by", "Ann", "--took", "-3m"], &["between a second", "do:"]),
        (&["production.stop", "done", "--by", "Ann", "--instance", "intranet"], &["there are: wiki"]),
    ];
    for (arguments, words) in rows {
        let (code, text) = house.told_by_teller(&[&["plan", "step"], arguments].concat());
        assert_eq!(code, 3, "{text}");
        has(&text, words);
        assert!(!text.contains('\u{1b}') && text.len() < 1500, "{text}");
    }
    assert!(!house.path("state/history.db").exists(), "nothing was written");
    let (code, text) = house.told_by_teller(&["plan", "step", "--list"]);
    assert_eq!((code, text.as_str()), (0, "No step is marked.\n"));
    // Without a daemon that writes it, nobody knows what the instance is.
    let (code, text) = house.told_by_teller(&["plan", "step", "staging.start", "skipped", "--by", "Ann"]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["is not kept with the step", "there is no status file", "is skipped"]);
    assert_eq!(house.steps()[0]["profile"], Value::Null);
}

#[test]
fn the_next_step_and_the_verdict_are_those_the_daemon_tells() {
    let house = House::new();
    let teller = Teller::begin(200, STEPS);
    house.turn_to(&teller);
    let (code, text) = house.told_by_teller(&["plan", "step", "--next"]);
    assert_eq!(code, 0, "{text}");
    has(&text, &["production.stop: Stop it\n", "Next of wiki to 9.2.10. One more is left after it."]);
    let (code, text) = house.told_by_teller(&["plan", "--output", "json", "--target", "latest-lts"]);
    assert_eq!((code, text.trim_end()), (1, STEPS));
    assert_eq!(teller.asked().pop().unwrap(), "GET /api/v1/plan/wiki/latest-lts?form=json HTTP/1.1");
    let (code, _) = house.told_by_teller(&["plan", "--output", "html", "--method", "archive"]);
    assert_eq!(code, 1);
    let last = teller.asked().pop().unwrap();
    assert_eq!(last, "GET /api/v1/plan/wiki/9.2.10?form=html&method=archive HTTP/1.1");
}

#[test]
fn a_daemon_that_tells_no_book_is_told_or_replaced_by_a_look() {
    let house = House::new();
    let rows: [(u16, &str, &[&str]); 5] = [
        (
            404,
            "there is no target \"9.2.10\"; there are: \u{1b}tea",
            &["the daemon refused", "there are: \\u{1b}tea"],
        ),
        (503, "busy", &["cannot answer now: busy", "do:", "--look"]),
        (500, "", &["the daemon refused"]),
        (200, "<html>", &["reading the run book", "why:", "do:", "agent of the same version"]),
        (200, r#"{"target": "tea", "verdict": "ready", "sections": []}"#, &["reading the run book", "tea"]),
    ];
    for (status, content, words) in rows {
        let teller = Teller::begin(status, content);
        house.turn_to(&teller);
        let (code, text) = house.told_by_teller(&["plan"]);
        assert_eq!(code, 3, "{text}");
        has(&text, words);
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let teller = Teller::begin(200, "x".repeat(17 * 1024 * 1024).leak());
    house.turn_to(&teller);
    let (_, text) = house.told_by_teller(&["plan"]);
    has(&text, &["longer than 16777216 bytes", "looking now", "9.2.10"]);
    let teller = Teller::begin(404, "there is nothing here; what there is: /");
    house.turn_to(&teller);
    let (_, text) = house.told_by_teller(&["plan", "--output", "markdown"]);
    has(&text, &["tells no run book (it is of an older version); looking now", "9.2.10"]);
    teller.asked();
    let (code, text) = house.told_by_teller(&["plan", "--look"]);
    has(&text, &["9.2.10"]);
    assert!(code > 0 && !text.contains("looking now") && teller.asked().is_empty(), "{text}");
    // Nobody listens at the address of the house.
    let (_, text) = house.told(&["plan", "--output", "json"]);
    has(&text, &["tells no run book (", "looking now", "9.2.10"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_root_do_not_take_the_store_from_the_daemon() {
    let house = House::new();
    let root = house.give_state_away();
    let teller = Teller::begin(200, STEPS);
    house.turn_to(&teller);
    let _agent = house.start_as(house.unprivileged()).await;
    let one = |number: usize| {
        let step = if number.is_multiple_of(2) { "production.stop" } else { "production.start" };
        let by = format!("Ann {number}");
        let mut command = agent();
        command
            .args(["plan", "step", step, "done", "--by", &by])
            .arg("--config")
            .arg(house.path("told.toml"));
        command.spawn().unwrap()
    };
    let mut marking: Vec<_> = (0..8).map(one).collect();
    house.embed_database();
    house.refresh().await;
    for one in &mut marking {
        assert_eq!(one.wait().unwrap().code(), Some(0));
    }
    eventually("the daemon goes on writing", async || !house.history("database-embedded").is_empty()).await;
    for entry in fs::read_dir(house.path("state")).unwrap() {
        let entry = entry.unwrap();
        let owner = entry.metadata().unwrap().uid();
        assert!(!root || owner == NOBODY, "{:?} belongs to {owner}", entry.file_name());
    }
    let steps = house.steps();
    assert_eq!(steps.len(), 2, "one word a step: {steps:?}");
    assert!(!house.read("stderr").contains("without memory"), "{}", house.read("stderr"));
}
