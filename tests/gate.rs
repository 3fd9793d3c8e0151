//! `agent gate` as a pipeline uses it: exit codes, and the page for the ticket.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, unused_imports, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;

use jiff::{SignedDuration, Timestamp};
use process::agent;
use serde_json::{Value, json};
use upgrade_readiness_checks::golden::golden;

struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(arguments: &[&str]) -> Answer {
    let output = agent().args(arguments).output().unwrap();
    Answer {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn hours_ago(hours: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(hours)).to_string()
}

/// A status file as the daemon would have written it just now.
struct Desk {
    dir: tempfile::TempDir,
    status: Value,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let facts = dir.path().join("facts.json");
        fs::write(&facts, serde_json::to_string(&golden().facts).unwrap()).unwrap();
        let checked = run(&[
            "check",
            "--facts",
            facts.to_str().unwrap(),
            "--target",
            "9.2.10",
            "--target",
            "10.2.1",
            "--output",
            "json",
        ]);
        let mut status: Value = serde_json::from_str(&checked.out).unwrap();
        status["written_at"] = hours_ago(0).into();
        for source in status["instances"][0]["sources"].as_array_mut().unwrap() {
            if source["state"] == "ok" {
                source["collected_at"] = hours_ago(1).into();
            }
        }
        let mut desk = Self { dir, status };
        desk.target()["verdict"] = "ready".into();
        desk
    }

    fn gate(&self, more: &[&str]) -> Answer {
        let path = self.dir.path().join("status.json");
        fs::write(&path, self.status.to_string()).unwrap();
        let file = path.to_str().unwrap();
        run(&[&["gate", "--file", file], more].concat())
    }

    fn target(&mut self) -> &mut Value {
        let targets = self.status["instances"][0]["targets"].as_array_mut().unwrap();
        targets.iter_mut().find(|target| target["requested"] == "9.2.10").unwrap()
    }
}

#[test]
fn the_exit_code_says_whether_to_go_on() {
    let mut desk = Desk::new();
    let gate = ["--target", "9.2.10"];
    for (verdict, code) in [("ready", 0), ("warning", 1), ("blocked", 2), ("unknown", 3)] {
        desk.target()["verdict"] = verdict.into();
        for form in ["text", "markdown", "json"] {
            let answer = desk.gate(&[&gate[..], &["--output", form]].concat());
            assert_eq!(answer.code, Some(code), "{verdict} {form}: {}{}", answer.out, answer.err);
            assert!(answer.err.is_empty() && answer.out.contains("9.2.10"), "{}", answer.out);
        }
    }
    desk.target()["verdict"] = "warning".into();
    let accepted = desk.gate(&[&gate[..], &["--accept-warnings"]].concat());
    assert_eq!(accepted.code, Some(0));
    assert!(accepted.out.contains("WARNINGS ACCEPTED") && accepted.out.contains("--accept-warnings"));
    let named = desk.gate(&["wiki", "--target", "9.2.10"]);
    assert_eq!(named.code, Some(1), "{}", named.err);
}

#[test]
fn what_is_old_is_not_gone_by() {
    let mut desk = Desk::new();
    assert_eq!(desk.gate(&["--target", "9.2.10"]).code, Some(0));
    let sources = desk.status["instances"][0]["sources"].as_array_mut().unwrap();
    let measured = sources.iter_mut().find(|source| source["source"] == "disk").unwrap();
    measured["collected_at"] = hours_ago(30).into();
    let old = desk.gate(&["--target", "9.2.10"]);
    assert_eq!(old.code, Some(3), "{}", old.out);
    assert!(
        old.out.contains("agent refresh --source disk") && old.out.contains("30 hours, STALE"),
        "{}",
        old.out
    );
    assert_eq!(desk.gate(&["--target", "9.2.10", "--max-age", "48h"]).code, Some(0));

    let mut desk = Desk::new();
    desk.status["written_at"] = hours_ago(1).into();
    let down = desk.gate(&["--target", "9.2.10"]);
    assert_eq!(down.code, Some(3));
    assert!(down.out.contains("STALE") && down.out.contains("systemctl status"), "{}", down.out);
}

#[test]
fn wrong_usage_says_what_there_is() {
    let mut desk = Desk::new();
    let refused = |answer: Answer, words: &[&str]| {
        assert_eq!((answer.code, answer.out.as_str()), (Some(3), ""), "{}", answer.err);
        for word in words {
            assert!(answer.err.contains(word), "{word:?} is not in {}", answer.err);
        }
    };
    refused(desk.gate(&["--target", "1.0"]), &["\"1.0\"", "9.2.10", "10.2.1", "do:"]);
    refused(desk.gate(&["docs", "--target", "9.2.10"]), &["\"docs\"", "wiki", "do:"]);
    refused(desk.gate(&[]), &["--target"]);
    refused(desk.gate(&["--target", "9.2.10", "--max-age", "soon"]), &["24h"]);
    refused(desk.gate(&["--target", "9.2.10", "--facts", "x"]), &["cannot be used with"]);
    refused(run(&["gate", "--target", "9.2.10", "--file", "/nonexistent"]), &["no status file", "do:"]);
    refused(run(&["gate", "--target", "9.2.10", "--facts", "/nonexistent"]), &["reading the facts", "do:"]);
    refused(run(&["gate", "--target", "soon", "--facts", "/nonexistent"]), &["\"soon\"", "latest-lts"]);
    let mut second = desk.status["instances"][0].clone();
    second["name"] = "docs".into();
    desk.status["instances"].as_array_mut().unwrap().push(second);
    refused(desk.gate(&["--target", "9.2.10"]), &["several instances", "wiki", "docs"]);
    assert_eq!(desk.gate(&["docs", "--target", "9.2.10"]).code, Some(0));
}

#[test]
fn the_page_names_people_and_can_be_traced() {
    let mut desk = Desk::new();
    let facts = desk.status["instances"][0]["facts_digest"].as_str().unwrap().to_owned();
    let catalog = desk.status["instances"][0]["catalog_digest"].as_str().unwrap().to_owned();
    assert_eq!((facts.len(), catalog.len()), (64, 64));
    assert_eq!(Desk::new().status["instances"][0]["facts_digest"], facts.as_str(), "the same facts");
    desk.target()["checks"][0]["findings"] = json!([{
        "severity": "warning", "subject": "scanner", "summary": "A scanner runs", "observed": "o", "required": "r",
        "remedy": "m", "holds_on": null, "lapsed": null,
        "waiver": { "kind": "waiver", "by": "Ann", "reason": "OPS-17", "until": "2099-01-15" },
    }]);
    for form in ["text", "markdown", "json"] {
        let page = desk.gate(&["--target", "9.2.10", "--output", form]).out;
        for word in [&facts, &catalog, "Ann", "OPS-17", "2099", "scanner"] {
            assert!(page.contains(word), "{word:?} is not in {page}");
        }
    }
    let page = desk.gate(&["--target", "9.2.10"]).out;
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let json: Value =
        serde_json::from_str(&desk.gate(&["--target", "9.2.10", "--output", "json"]).out).unwrap();
    assert_eq!(json["format_version"], "1.0");
    assert!(!json["warnings"].to_string().contains("A scanner runs"), "{}", json["warnings"]);
    assert_eq!(json["words"][0]["by"], "Ann");

    // A status of an older agent.
    let instance = desk.status["instances"][0].as_object_mut().unwrap();
    instance.remove("facts_digest");
    instance.remove("catalog_digest");
    let older = desk.gate(&["--target", "9.2.10"]);
    assert_eq!(older.code, Some(0), "{}", older.err);
    assert!(older.out.contains("not told by the agent that judged"), "{}", older.out);
}

#[test]
fn facts_in_a_file_are_attested_too() {
    let desk = Desk::new();
    let path = desk.dir.path().join("facts.json");
    let gate = ["gate", "--target", "9.2.10", "--output", "json", "--facts", path.to_str().unwrap()];
    let old = run(&gate);
    assert_eq!(old.code, Some(3), "{}", old.err);
    let old: Value = serde_json::from_str(&old.out).unwrap();
    assert!(old["stale"].to_string().contains("agent snapshot"), "{old}");
    assert_eq!(old["facts_digest"], desk.status["instances"][0]["facts_digest"]);
    let mut facts: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let taken_at: Timestamp = hours_ago(2).parse().unwrap();
    facts["taken_at"] = serde_json::to_value(taken_at).unwrap();
    let facts_at = facts["taken_at"].clone();
    for reading in facts.as_object_mut().unwrap().values_mut() {
        if reading["collected_at"].is_string() {
            reading["collected_at"] = facts_at.clone();
        }
    }
    fs::write(&path, facts.to_string()).unwrap();
    let young: Value = serde_json::from_str(&run(&gate).out).unwrap();
    assert_eq!((&young["stale"], &young["judged_at"]), (&json!([]), &facts["taken_at"]));
    assert_eq!(young["facts_digest"], old["facts_digest"], "the same facts");
    assert_eq!(run(&[&gate[..], &["--max-age", "1h"]].concat()).code, Some(3));
}
