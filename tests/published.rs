//! The forms that programs read are what is published of them, and stay readable for who reads them today.
//!
//! `config/schema/` has the schemas and `tests/published/` what was written in each form when its version was new. After a
//! change that is meant, `UPDATE_PUBLISHED=1 cargo test --test published` writes the schemas anew; what was written before
//! is only added to by hand, with a new version.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something goes wrong")]

#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use process::{agent, command};
use serde_json::Value;
use upgrade_readiness_agent::board::fleet::{
    Entry, FleetReading, PAPER_FORM, Paper, PaperFinding, PaperSource, PaperTarget,
};
use upgrade_readiness_agent::collect::backups::restore::{read_proof, write_proof};
use upgrade_readiness_agent::product::confluence::license::encode_license;
use upgrade_readiness_agent::store::{Batch, Change, Store};
use upgrade_readiness_agent::surface::fleet::{render_fleet_json, view_fleet};
use upgrade_readiness_checks::dossier::{Brief, CatalogIdentity, DOSSIER_FORMAT, Dossier};
use upgrade_readiness_checks::facts::{Condition, Field};
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::model::Verdict;

fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a command prints, whatever its exit code says of the upgrade.
fn printed(arguments: &[&str]) -> String {
    let output = agent().args(arguments).output().unwrap();
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let output = agent().args(arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Form, version and where it is met, as the agent lists them.
fn listed() -> Vec<(String, String)> {
    let list = printed(&["config", "schema", "--list"]);
    let row = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    };
    list.lines().skip(1).map(row).collect()
}

/// The forms whose schema is ours.
fn with_schema() -> impl Iterator<Item = (String, String)> {
    listed().into_iter().filter(|(form, _)| !["sarif", "prometheus"].contains(&form.as_str()))
}

#[test]
fn every_schema_is_the_published_one() {
    for (form, _) in with_schema() {
        let schema = printed(&["config", "schema", &form]);
        let path = of_project(&format!("config/schema/{form}.json"));
        if std::env::var_os("UPDATE_PUBLISHED").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(schema == published, "{} is not what `agent config schema {form}` prints", path.display());
    }
    let published = fs::read_dir(of_project("config/schema")).unwrap().count();
    assert_eq!(published, with_schema().count(), "a schema of a form there is not");
}

/// One of everything, on the golden instance.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        let golden = golden().facts;
        desk.write("before.json", &serde_json::to_string(&golden).unwrap());
        let mut now = golden;
        now.taken_at += jiff::SignedDuration::from_hours(20);
        desk.write("now.json", &serde_json::to_string(&now).unwrap().replace("9.2.7", "9.2.9"));
        let license = [("conf.active", "true"), ("conf.DataCenter", "true"), ("Evaluation", "false")];
        desk.write("license.txt", &encode_license(&license));
        let state_dir = desk.dir.path().to_str().unwrap();
        desk.write(
            "agent.toml",
            &format!(
                "state_dir = '{state_dir}'\n[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n"
            ),
        );
        desk
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn remember_a_change(&self) {
        let change = Change {
            instance: "wiki".into(),
            target: "9.2.10".into(),
            check: "disk-space".into(),
            at: "2025-12-01T20:00:00Z".parse().unwrap(),
            before: Some(Verdict::Ready),
            after: Verdict::Blocked,
            cause: "there is no room".into(),
            observed: Some("1 GiB".into()),
        };
        let path = self.dir.path().join("history.db");
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut store = Store::open(&path).await.unwrap();
            store.write(&Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
            store.close().await.unwrap();
        });
    }

    /// What a webhook gets of `agent notify test`.
    fn notification(&self) -> String {
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = receiver.local_addr().unwrap();
        let heard = std::thread::spawn(move || {
            let (stream, _) = receiver.accept().unwrap();
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let line = line.trim().to_ascii_lowercase();
                if let Some(number) = line.strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            String::from_utf8(body).unwrap()
        });
        let config = fs::read_to_string(self.path("agent.toml")).unwrap();
        let channel = format!("[[channel]]\nname = 'ops'\nkind = 'webhook'\nurl = 'http://{address}/hook'\n");
        self.write("telling.toml", &format!("{config}{channel}"));
        printed(&["notify", "test", "ops", "--config", &self.path("telling.toml")]);
        heard.join().unwrap()
    }

    /// What a restore test leaves.
    fn proof(&self) -> String {
        let path = self.dir.path().join("restore.json");
        let golden = golden().facts;
        let Field::Read(Some(proof)) = &golden.backups.last().unwrap().facts.restore else {
            panic!("no proof")
        };
        write_proof(&path, proof).unwrap();
        fs::read_to_string(path).unwrap()
    }

    /// A document in the form.
    fn document(&self, form: &str) -> String {
        let [before, now] = ["before.json", "now.json"].map(|name| self.path(name));
        let [license, config] = ["license.txt", "agent.toml"].map(|name| self.path(name));
        let facts = ["--facts", before.as_str()];
        let arguments: Vec<&str> = match form {
            "fleet" => return fleet(),
            "snapshot" => return snapshot(),
            "notification" => return self.notification(),
            "backup-marker" => return toml_as_json(&example("backup-home", "backup_marker")),
            "restore-proof" => return self.proof(),
            "status" => [&["check", "--target", "9.2.10", "--target", "10.2.1"][..], &facts].concat(),
            "targets" => [&["targets", "--all"][..], &facts].concat(),
            "plan" => [&["plan", "--target", "9.2.10"][..], &facts].concat(),
            "gate" => [&["gate", "--target", "9.2.10"][..], &facts].concat(),
            "after" => vec!["check", "--after", &before, "--facts", &now],
            "history" => {
                self.remember_a_change();
                vec!["history", "--config", &config]
            }
            "diff" => vec!["diff", &before, &now],
            "license" => vec!["license", &license],
            other => panic!("there is no document in the form {other}"),
        };
        printed(&[&arguments[..], &["--output", "json", "--format-version", "1"]].concat())
    }
}

/// What an agent says of an instance and what it cannot say of another, from a shared store; `tests/fleet` has a real one.
fn fleet() -> String {
    let now = golden().now;
    let finding = PaperFinding {
        verdict: Verdict::Blocked,
        check: "disk-space".into(),
        summary: "there is no room".into(),
    };
    let target = PaperTarget {
        requested: "latest-lts".into(),
        version: Some("10.2.14".into()),
        verdict: Verdict::Blocked,
        reason: None,
        blocks_at: Some(now),
        blocks_because: Some("disk-space".into()),
        blockers: 1,
        warnings: 0,
        unknown: 0,
        findings: vec![finding],
    };
    let paper = Paper {
        form: PAPER_FORM,
        product: "confluence".into(),
        version: Some("9.2.7".into()),
        node: Some("node-1".into()),
        nodes: Some(1),
        verdict: Verdict::Blocked,
        targets: vec![target],
        sources: vec![PaperSource { source: "disk".into(), state: Condition::Failed, leads: Some(true) }],
    };
    let entry = |instance: &str, paper| Entry {
        agent: "c0ffee".into(),
        host: "wiki-1".into(),
        agent_version: "0.1.0".into(),
        instance: instance.into(),
        age: Some(jiff::SignedDuration::from_secs(20)),
        holds: jiff::SignedDuration::from_mins(4),
        paper,
    };
    let entries = vec![entry("wiki", Ok(Arc::new(paper))), entry("docs", Err("it is no paper".into()))];
    let reading = FleetReading { read_at: now, entries, more: false };
    render_fleet_json(&view_fleet(&reading, "db.example.com:5432/fleet", now))
}

/// Facts of the golden instance with all they are judged by.
fn snapshot() -> String {
    let golden = golden();
    let dossier = Dossier {
        format_version: DOSSIER_FORMAT.to_owned(),
        agent: "0.1.0".into(),
        catalog: CatalogIdentity { origin: "embedded".into(), digest: "0".repeat(64) },
        brief: Brief {
            targets: vec!["latest-lts".parse().unwrap()],
            policy: golden.policy,
            plan: golden.plan,
            answers: golden.catalog.answers().clone(),
        },
        learned: None,
        facts: golden.facts,
    };
    serde_json::to_string_pretty(&dossier).unwrap()
}

/// What is indented in the page of a check, from the line that begins so.
fn example(check: &str, begins: &str) -> String {
    let page = printed(&["explain", check]);
    let lines = page.lines().map(str::trim_end).skip_while(|line| !line.trim_start().starts_with(begins));
    let lines: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    lines.join("\n")
}

fn toml_as_json(text: &str) -> String {
    let table: toml::Table = text.parse().unwrap();
    let value = |value: toml::Value| match value {
        toml::Value::Datetime(at) => at.to_string().into(),
        other => serde_json::to_value(other).unwrap(),
    };
    Value::Object(table.into_iter().map(|(key, it)| (key, value(it))).collect()).to_string()
}

/// Validates documents by a schema validator that is not ours.
fn validate(schema: &Path, document: &Path) {
    let program = "import json, sys, jsonschema\n\
                   schema, document = (json.load(open(path)) for path in sys.argv[1:])\n\
                   jsonschema.Draft202012Validator.check_schema(schema)\n\
                   jsonschema.Draft202012Validator(schema).validate(document)";
    let output = command("/usr/bin/python3").args(["-c", program]).args([schema, document]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} by {}: {told}", document.display(), schema.display());
}

/// What of an older document the newer one lacks: members, and members that became something else.
fn lost(older: &Value, newer: &Value, at: &str, lost: &mut Vec<String>) {
    match (older, newer) {
        (Value::Object(older), Value::Object(newer)) => {
            for (name, value) in older {
                let at = format!("{at}.{name}");
                match newer.get(name) {
                    Some(now) => self::lost(value, now, &at, lost),
                    None => lost.push(at),
                }
            }
        }
        (Value::Array(older), Value::Array(newer)) => {
            // Lists of names grow and shrink; those of things have things of one form.
            for (older, newer) in older.iter().zip(newer) {
                self::lost(older, newer, &format!("{at}[]"), lost);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (older, newer) if std::mem::discriminant(older) == std::mem::discriminant(newer) => {}
        _ => lost.push(format!("{at} became something else")),
    }
}

#[test]
fn every_document_fits_its_schema_and_has_what_it_had() {
    let desk = Desk::new();
    // A configuration is written by people.
    for (form, version) in with_schema().filter(|(form, _)| form != "config") {
        let document = desk.document(&form);
        desk.write("document.json", &document);
        let schema = of_project(&format!("config/schema/{form}.json"));
        validate(&schema, Path::new(&desk.path("document.json")));

        let document: Value = serde_json::from_str(&document).unwrap();
        match form.as_str() {
            "backup-marker" => assert_eq!(document["backup_marker"].to_string(), version),
            form => assert_eq!(document["format_version"], version, "{form}"),
        }
        let major = version.split('.').next().unwrap();
        let path = of_project(&format!("tests/published/{form}-{major}.json"));
        if std::env::var_os("UPDATE_PUBLISHED").is_some() && !path.exists() {
            fs::write(&path, serde_json::to_string(&document).unwrap() + "\n").unwrap();
        }
        let first: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut gone = Vec::new();
        lost(&first, &document, &form, &mut gone);
        assert!(gone.is_empty(), "who reads {form} {major} would miss {gone:?}: raise its major number");
    }
}

#[test]
fn a_snapshot_of_an_instance_that_is_hardly_there_fits_the_schema_too() {
    let desk = Desk::new();
    let file = desk.path("facts.json");
    let arguments = ["snapshot", "--config", &desk.path("agent.toml"), "--output", &file];
    assert_eq!(agent().args(arguments).output().unwrap().status.code(), Some(3), "hardly anything answers");
    validate(&of_project("config/schema/snapshot.json"), Path::new(&file));
}

#[test]
fn the_proof_its_page_shows_fits_the_schema_and_is_read() {
    let desk = Desk::new();
    desk.write("proof.json", &example("backup-restore", "{"));
    let path = desk.path("proof.json");
    validate(&of_project("config/schema/restore-proof.json"), Path::new(&path));
    let proof = read_proof(Path::new(&path)).unwrap().unwrap();
    assert_eq!((proof.tables, proof.took.as_mins(), proof.rows.len()), (412, 24, 1));
}

#[test]
fn a_status_file_of_before_is_read_by_every_command() {
    let status = of_project("tests/published/status-1.json");
    let status = status.to_str().unwrap();
    // Nobody renews it: it is stale, and still there to be read.
    for arguments in [&["status"][..], &["targets"], &["gate", "--target", "9.2.10"]] {
        let output = agent().args(arguments).args(["--file", status]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{arguments:?}");
    }
    let output = agent().args(["diff", status, status]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_its_reader_would_not_understand_is_refused() {
    let desk = Desk::new();
    let facts = desk.path("now.json");
    let check = ["check", "--facts", &facts, "--target", "9.2.10"];
    let refused_with = |more: &[&str]| refused(&[&check[..], more].concat());
    let told = refused_with(&["--output", "json", "--format-version", "2"]);
    assert!(told.contains("status in version 1.0, and 2 was asked for") && told.contains("do:"), "{told}");
    let told = refused_with(&["--output", "json", "--format-version", "1.7"]);
    assert!(told.contains("1.7"), "{told}");
    let told = refused_with(&["--format-version", "1"]);
    assert!(told.contains("for people") && told.contains("--output json"), "{told}");
    assert!(refused_with(&["--format-version", "one"]).contains("such as 1 or 1.0"));
    assert!(refused(&["config", "schema", "sarif"]).contains("status"));
    assert!(refused(&["config", "schema", "status", "--plan"]).contains("--plan"));
    let told = refused(&["fleet", "--output", "json", "--format-version", "2"]);
    assert!(told.contains("fleet in version 1.0") && told.contains("`agent config schema fleet`"), "{told}");
    assert!(refused(&["fleet", "--format-version", "1"]).contains("for people"));
    assert!(printed(&["fleet", "--help"]).contains("`agent config schema fleet` prints its schema"));
    for (form, version) in [("sarif", "2.1.0"), ("prometheus", "0.0.4")] {
        // There is no schema of ours that could be printed.
        let told = refused_with(&["--output", form, "--format-version", "9"]);
        assert!(told.contains(version) && !told.contains("config schema"), "{told}");
        printed(&[&check[..], &["--output", form, "--format-version", version]].concat());
    }
}

#[test]
fn reports_for_other_tools_say_what_the_status_says() {
    let desk = Desk::new();
    let facts = desk.path("before.json");
    let check = |form| printed(&["check", "--facts", &facts, "--target", "10.2.1", "--output", form]);
    let status: Value = serde_json::from_str(&check("json")).unwrap();
    let target = &status["instances"][0]["targets"][0];
    let checks = target["checks"].as_array().unwrap();
    let with = |verdict: &str| checks.iter().filter(|check| check["verdict"] == verdict).count();

    let junit = check("junit");
    let report = roxmltree::Document::parse(&junit).unwrap();
    let cases = |tag| report.descendants().filter(|node| node.has_tag_name(tag)).count();
    assert_eq!(cases("failure"), with("blocked") + with("warning"));
    assert_eq!(cases("error"), with("unknown"));
    assert_eq!(cases("skipped"), with("skipped"));

    let log: Value = serde_json::from_str(&check("sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let findings: usize = checks.iter().map(|check| check["findings"].as_array().unwrap().len()).sum();
    assert_eq!(results.len(), findings + with("unknown"));
    assert_eq!(log["runs"][0]["properties"]["verdict"], target["verdict"]);

    let metrics = check("prometheus");
    let verdict = target["verdict"].as_str().unwrap();
    let series = format!(
        "upgrade_readiness_target_verdict{{requested=\"10.2.1\",site=\"wiki\",target=\"10.2.1\",verdict=\"{verdict}\"}} 1\n"
    );
    assert!(metrics.contains(&series), "{metrics}");
    // Facts are at hand, so the figures people plot are there too.
    assert!(metrics.contains("upgrade_readiness_filesystem_free_bytes{"));

    desk.write("status.json", &status.to_string());
    let file = desk.path("status.json");
    for form in ["junit", "sarif", "prometheus"] {
        let output = agent().args(["status", "--file", &file, "--output", form]).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "an old status is never good news");
        let text = String::from_utf8(output.stdout).unwrap();
        let says_so = text.contains("days old") || text.contains("verdict=\"unknown\"} 1");
        assert!(says_so, "{text}");
    }
}
