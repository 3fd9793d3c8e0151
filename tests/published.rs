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
use std::path::{Path, PathBuf};

use process::{agent, command};
use serde_json::Value;
use upgrade_readiness_agent::product::confluence::license::encode_license;
use upgrade_readiness_agent::store::{Batch, Change, Store};
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

    /// A document in the form.
    fn document(&self, form: &str) -> String {
        let [before, now] = ["before.json", "now.json"].map(|name| self.path(name));
        let [license, config] = ["license.txt", "agent.toml"].map(|name| self.path(name));
        let facts = ["--facts", before.as_str()];
        let arguments: Vec<&str> = match form {
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
    // A configuration is written by people, and a fleet needs a store: `tests/fleet` has one.
    for (form, version) in with_schema().filter(|(form, _)| !["config", "fleet"].contains(&form.as_str())) {
        let document = desk.document(&form);
        desk.write("document.json", &document);
        let schema = of_project(&format!("config/schema/{form}.json"));
        validate(&schema, Path::new(&desk.path("document.json")));

        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["format_version"], version, "{form}");
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
    for (form, version) in [("sarif", "2.1.0"), ("prometheus", "0.0.4")] {
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
