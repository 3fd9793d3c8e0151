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
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Output};

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
