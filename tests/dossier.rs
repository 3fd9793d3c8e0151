//! Facts taken on one machine and judged on another, which knows nothing of the first.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something goes wrong")]

#[path = "support/installation.rs"]
mod installation;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::PathBuf;

use installation::Installation;
use jiff::{Span, Timestamp, tz::TimeZone};
use process::{Running, agent, eventually, free_port};
use serde_json::{Value, json};

/// A machine with an instance and a configuration in which little is as it usually is.
struct Machine {
    dir: tempfile::TempDir,
    port: u16,
}

impl Machine {
    fn new(catalog: &str) -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let machine = Self { dir: tempfile::tempdir().unwrap(), port: free_port() };
        let installation = Installation::lay_out(machine.dir.path(), 1);
        machine.write("token", "hunter2-token\n");
        let yesterday = day(-1);
        let learned = json!({
            "format_version": "1.0",
            "product": "confluence",
            "answers": {
                "feed/current": {
                    "from": "https://mirror.example.com/feed",
                    "learned_at": format!("{yesterday}T00:00:00Z"),
                    "said": { "releases": [{ "version": "10.2.990", "date": yesterday }] },
                },
            },
        });
        machine.write("learned.json", &learned.to_string());
        let text = format!(
            r#"
state_dir = "{state}"
[http]
listen = "127.0.0.1:{port}"
[catalog]
refresh_file = "{learned}"
{catalog}
[policy]
support_warn_days = 3650
license_warn_days = 9
[requirements."10.2"]
postgresql = ["13", "15"]
memory-mib = 123456
[[freeze]]
name = "year-end closing"
from = "{frozen}"
until = "{thawed}"
[[instance]]
name = "wiki"
product = "confluence"
installation_dir = "{installation}"
targets = ["latest-lts", "9.2.10"]
upgrade_on = "{planned}"
upgrade_at = "20:00"
downtime = "5h"
time_zone = "Asia/Kolkata"
environment = "test"
[instance.cluster]
nodes = 3
[instance.http]
base_url = "http://127.0.0.1:1"
token_file = "{token}"
[instance.database]
url = "jdbc:postgresql://127.0.0.1:1/confluence?password=hunter2-url"
username = "look"
password_file = "{token}"
"#,
            state = machine.text("state"),
            port = machine.port,
            learned = machine.text("learned.json"),
            installation = installation.installation_dir.display(),
            token = machine.text("token"),
            planned = day(40),
            frozen = day(30),
            thawed = day(50),
        );
        machine.write("agent.toml", &text);
        fs::create_dir(machine.path("state")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let mut agent = agent();
        agent.args(arguments).arg("--config").arg(self.path("agent.toml"));
        Answer::of(&mut agent)
    }

    /// Runs the daemon, and lets somebody give a word that then stands in its memory.
    async fn waive(&self) {
        let mut run = agent();
        run.args(["run", "--config"]).arg(self.path("agent.toml"));
        let _daemon = Running::start(&mut run, &self.path("stdout"), &self.path("stderr"));
        eventually("the daemon is ready", async || {
            let ready = reqwest::get(format!("http://127.0.0.1:{}/-/ready", self.port)).await;
            ready.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        let until = day(60);
        let waive = ["waive", "release-support", "--subject", "target", "--target", "9.2.10", "--reason"];
        let answer =
            self.run(&[&waive[..], &["the plan is made", "--by", "Ann", "--until", &until]].concat());
        assert_eq!(answer.code, Some(0), "{}{}", answer.out, answer.err);
    }

    /// Takes the facts, and returns the file and its content.
    fn snapshot(&self) -> (String, Value) {
        let file = self.text("facts.json");
        let taken = self.run(&["snapshot", "--output", &file]);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {}", taken.err));
        (file, serde_json::from_str(&text).unwrap())
    }
}

/// A day so many days from now.
fn day(days: i64) -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).date().saturating_add(Span::new().days(days)).to_string()
}

struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Answer {
    fn of(command: &mut std::process::Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn refuses(&self, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(3), ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        assert!(!self.err.contains('\u{1b}') && self.err.len() < 2000, "{}", self.err);
    }
}

/// Runs a command where nothing is configured and nothing was ever learned.
fn elsewhere(arguments: &[&str]) -> Answer {
    let empty = tempfile::tempdir().unwrap();
    Answer::of(agent().args(arguments).env("HOME", empty.path()).current_dir(empty.path()))
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_one_machine_are_judged_the_same_on_another() {
    let machine = Machine::new("");
    machine.waive().await;
    let (file, dossier) = machine.snapshot();

    assert_eq!(dossier["format_version"], "2.0");
    assert_eq!(dossier["agent"], env!("CARGO_PKG_VERSION"));
    assert_eq!(dossier["catalog"]["origin"], "embedded");
    assert_eq!(dossier["catalog"]["digest"], dossier["facts"]["releases"]["facts"]["digest"]);
    let brief = &dossier["brief"];
    assert_eq!(brief["targets"], json!(["latest-lts", "9.2.10"]));
    assert_eq!((&brief["environment"], &brief["cluster_nodes"]), (&json!("test"), &json!(3)));
    assert_eq!(brief["policy"]["license_warn_days"], 9);
    assert_eq!(brief["plan"]["utc_offset_seconds"], 19800);
    assert_eq!(brief["answers"]["10.2"]["supported"]["postgresql"], json!(["13", "15"]));
    let text = fs::read_to_string(&file).unwrap();
    for secret in ["hunter2", "planted-password"] {
        assert!(!text.contains(secret), "{secret}");
    }

    // The facts alone, judged by the configuration, are what the dossier must come to.
    let facts = machine.write("old.json", &dossier["facts"].to_string());
    for form in ["text", "json", "markdown", "nagios"] {
        for more in [&[][..], &["--on", &day(100)], &["--target", "10.0.1"]] {
            let arguments = |file| [&["check", "--output", form, "--facts", file], more].concat();
            let here = machine.run(&arguments(&facts));
            let there = elsewhere(&arguments(&file));
            assert_eq!((&there.out, there.code, there.err.as_str()), (&here.out, here.code, ""), "{form}");
            assert_eq!(machine.run(&arguments(&file)).out, here.out, "{form}");
        }
    }
    // And the configuration did matter: a machine that does not know it finds something else.
    let status: Value =
        serde_json::from_str(&elsewhere(&["check", "--output", "json", "--facts", &file]).out).unwrap();
    let targets = &status["instances"][0]["targets"];
    assert_eq!(targets[0]["version"], "10.2.990", "learned");
    assert_eq!(targets[0]["upgrade_on"], day(40), "planned");
    let told = targets.to_string();
    for word in ["year-end closing", "more than 3650 days", "the plan is made", "needs 120 GiB of memory"] {
        assert!(told.contains(word), "{word:?} is not told");
    }
    let alone: Value =
        serde_json::from_str(&elsewhere(&["check", "--output", "json", "--facts", &facts]).out).unwrap();
    assert_eq!(alone["instances"][0]["targets"].as_array().unwrap().len(), 1);
    assert_ne!(alone["instances"][0]["targets"][0]["version"], "10.2.990");

    // A configuration of somebody else's does not matter.
    let other = Machine::new("");
    let text = fs::read_to_string(other.path("agent.toml"))
        .unwrap()
        .replace("3650", "1")
        .replace("9.2.10", "9.2.11");
    other.write("agent.toml", &text);
    let arguments = ["check", "--facts", &file];
    assert_eq!(other.run(&arguments).out, elsewhere(&arguments).out);
    other.write("agent.toml", "nonsense = 1\n");
    assert_eq!(other.run(&arguments).out, elsewhere(&arguments).out);
}

#[test]
fn a_catalog_that_is_not_here_is_told() {
    let own = tempfile::tempdir().unwrap();
    let path = own.path().join("own.toml");
    let text = upgrade_readiness_checks::catalog::CONFLUENCE.to_owned() + "\n# Ours.\n";
    fs::write(&path, text).unwrap();
    let machine = Machine::new(&format!("file.confluence = \"{}\"", path.display()));
    let (file, dossier) = machine.snapshot();
    let check = ["check", "--facts", &file];
    let here = machine.run(&check);
    assert_eq!(here.err, "");
    let there = elsewhere(&check);
    assert_eq!((there.code, &there.out), (here.code, &here.out));
    let digest = dossier["catalog"]["digest"].as_str().unwrap();
    for word in [digest, path.to_str().unwrap(), "embedded", "may differ", "--config"] {
        assert!(there.err.contains(word), "{word:?} is not in {}", there.err);
    }
    assert_eq!(there.err.lines().count(), 1, "{}", there.err);

    // Named, but not to be read.
    machine.write("broken.toml", "nonsense = 1\n");
    elsewhere(&[&check[..], &["--config", &machine.text("broken.toml")]].concat())
        .refuses(&["nonsense", "do:"]);

    // The checks of another agent may judge otherwise.
    let mut older = dossier;
    older["agent"] = "0.0.1".into();
    let file = machine.write("older.json", &older.to_string());
    let answer = machine.run(&["check", "--facts", &file]);
    assert_eq!(answer.out, here.out);
    assert!(answer.err.contains("0.0.1") && answer.err.contains("checks"), "{}", answer.err);
}

#[test]
fn a_dossier_that_cannot_be_used_is_told_with_what_to_do() {
    let machine = Machine::new("");
    let (_, dossier) = machine.snapshot();
    let changed = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = dossier.clone();
        change(&mut changed);
        machine.write(name, &changed.to_string())
    };
    let text = dossier.to_string();
    let half = &text.as_bytes()[..text.len() / 2];
    let rows = [
        (changed("a.json", &|it| it["wishes"] = json!(1)), vec!["is not a snapshot", "`wishes`", "do:"]),
        (changed("b.json", &|it| it["brief"]["policy"]["hope"] = json!(1)), vec!["unknown field `hope`"]),
        (changed("c.json", &|it| it["brief"]["targets"] = json!([])), vec!["names no target"]),
        (
            changed("d.json", &|it| it["brief"]["plan"]["day"] = json!("soon")),
            vec!["is not a snapshot", "why:"],
        ),
        (
            changed("e.json", &|it| it["facts"]["format_version"] = json!("9.0")),
            vec!["facts in the format", "9.0"],
        ),
        (
            changed("f.json", &|it| it["learned"]["format_version"] = json!("9.0")),
            vec!["learned", "9.0", "do:"],
        ),
        (changed("g.json", &|it| it["format_version"] = json!("3.0")), vec!["\"3.0\"", "2.0 and 1.0", "do:"]),
        (changed("h.json", &|it| it["facts"] = Value::Null), vec!["is not a snapshot", "do:"]),
        (changed("i.json", &|it| it["\u{1b}[31m"] = json!(1)), vec!["is not a snapshot", "unknown field"]),
        (
            changed("j.json", &|it| {
                it["agent"] = json!("9.9.9");
                it["brief"]["later"] = json!(1);
            }),
            vec!["unknown field `later`", "Use agent 9.9.9"],
        ),
        (
            changed("k.json", &|it| it["brief"]["policy"] = json!("x".repeat(100_000))),
            vec!["is not a snapshot", "…"],
        ),
        (machine.write("l.json", &String::from_utf8_lossy(half)), vec!["is not a snapshot", "EOF", "do:"]),
        (machine.write("m.json", "<html>Log in</html>"), vec!["is not a snapshot", "do:"]),
        (machine.write("n.json", ""), vec!["is not a snapshot", "do:"]),
    ];
    for (path, words) in rows {
        let answer = elsewhere(&["check", "--facts", &path]);
        answer.refuses(&words);
        assert!(answer.err.contains(&path), "{}", answer.err);
    }
}

#[test]
fn dossiers_and_facts_alone_can_be_compared() {
    let machine = Machine::new("");
    let (file, mut dossier) = machine.snapshot();
    let old = machine.write("old.json", &dossier["facts"].to_string());
    let diff = |a: &str, b: &str| elsewhere(&["diff", a, b]);
    assert_eq!(diff(&file, &old).out, "Nothing has changed.\n");
    assert_eq!(diff(&old, &file).code, Some(0));
    dossier["brief"]["policy"]["license_warn_days"] = json!(99);
    dossier["facts"]["memory"]["versions"] = json!([]);
    let other = machine.write("other.json", &dossier.to_string());
    let found = diff(&file, &other);
    assert_eq!(found.code, Some(1));
    assert!(found.out.contains("brief.policy.license_warn_days\n  - 9\n  + 99\n"), "{}", found.out);
    assert_eq!(diff(&old, &other).out, "Nothing has changed.\n");
}
