//! `agent check --after` as a person uses it after the upgrade, on good and on bad input.

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
use std::path::PathBuf;
use std::process::Output;

use jiff::SignedDuration;
use process::agent;
use serde_json::Value;
use upgrade_readiness_checks::facts::{Field, Reading, Snapshot, StatementOf};
use upgrade_readiness_checks::golden::golden;

/// What a command answered.
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Answer {
    fn gives(&self, code: i32) -> &str {
        assert_eq!((self.code, self.err.as_str()), (Some(code), ""), "{}", self.out);
        assert!(!self.out.contains('\u{1b}'), "{}", self.out);
        &self.out
    }

    /// An error: code 3, nothing on standard output, and all of these words on standard error.
    fn refuses(&self, words: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(3), ""), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        assert!(!self.err.contains("panicked") && !self.err.contains('\u{1b}'), "{}", self.err);
    }
}

/// A directory with the golden instance before its upgrade and after it.
struct Desk {
    dir: tempfile::TempDir,
    before: Snapshot,
    now: Snapshot,
}

fn facts<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => panic!("the golden instance has them"),
    }
}

impl Desk {
    fn new() -> Self {
        let mut now = golden().facts;
        let before = Snapshot { taken_at: now.taken_at - SignedDuration::from_mins(4), ..now.clone() };
        let installation = facts(&mut now.installation);
        installation.version = Field::Read("9.2.10".parse().unwrap());
        for statement in &mut installation.statements {
            if statement.of == StatementOf::ProgramVersion {
                statement.says = Field::Read("9.2.10".into());
            }
        }
        facts(&mut now.application).version = Field::Read(Some("9.2.10".into()));
        Self { dir: tempfile::tempdir().unwrap(), before, now }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Compares what is on the desk now.
    fn check(&self, arguments: &[&str]) -> Answer {
        let before = self.write("before.json", &serde_json::to_string(&self.before).unwrap());
        self.check_after(&before, arguments)
    }

    fn check_after(&self, before: &std::path::Path, arguments: &[&str]) -> Answer {
        let now = self.write("now.json", &serde_json::to_string(&self.now).unwrap());
        let mut agent = agent();
        agent.arg("check").arg("--after").arg(before).arg("--facts").arg(now);
        agent.args(["--config", "/nonexistent/agent.toml"]).args(arguments).output().unwrap().into()
    }

    /// One plug-in disabled, a table with fewer rows, no licence to be seen, a heap that shrank.
    fn spoil(&mut self) {
        facts(&mut self.now.plugins).installed[0].enabled = false;
        let Field::Read(tables) = &mut facts(&mut self.now.database).records.row_counts else { panic!() };
        tables.iter_mut().find(|table| table.table == "content").unwrap().rows = Field::Read(80_000);
        self.now.license = Reading::Pending;
        let Field::Read(options) = &mut facts(&mut self.now.java).options else { panic!() };
        options.max_heap_bytes = Some(1 << 30);
    }
}

#[test]
fn an_upgrade_that_went_well_is_ready_in_one_line_each() {
    let desk = Desk::new();
    for arguments in [&[][..], &["--target", "9.2.10"]] {
        let answer = desk.check(arguments);
        let text = answer.gives(0);
        assert!(
            text.starts_with("ready    wiki: Confluence 9.2.7 → 9.2.10\n         0 to put right,"),
            "{text}"
        );
        for line in [
            "ready    version: 9.2.10 is installed, after 9.2.7",
            "ready    plugins: 1 plug-in of people there and enabled",
            "ready    row-counts: 5 tables counted, none has other rows than before",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("ready    ")).count(), 22, "{text}");
    }
}

#[test]
fn problems_stand_first_and_what_cannot_be_told_before_what_is_well() {
    let mut desk = Desk::new();
    desk.spoil();
    let answer = desk.check(&[]);
    let text = answer.gives(2);
    let places: Vec<usize> = [
        "BLOCKED  wiki: Confluence 9.2.7 → 9.2.10\n",
        "2 to put right, 1 to decide, 1 cannot be told, 17 well",
        "BLOCKED  Gantt for Confluence is disabled",
        "BLOCKED  content lost 120 rows",
        "         before  80120 rows",
        "         now     80000 rows",
        "         topic   row-counts, content",
        "WARNING  the heap is smaller than before",
        "UNKNOWN  the licence cannot be compared",
        "         now     not known: license: not asked yet",
        "ready    version: ",
    ]
    .map(|words| text.find(words).unwrap_or_else(|| panic!("{words} is not in {text}")))
    .into();
    assert!(places.is_sorted(), "{places:?} in {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn exit_codes_tell_the_gravest() {
    let mut desk = Desk::new();
    let Field::Read(options) = &mut facts(&mut desk.now.java).options else { panic!() };
    options.max_heap_bytes = Some(1 << 20);
    desk.check(&[]).gives(1);
    desk.now.license = Reading::Pending;
    desk.check(&[]).gives(3);
    facts(&mut desk.now.plugins).installed.remove(0);
    desk.check(&[]).gives(2);
}

#[test]
fn the_release_that_was_meant_and_an_upgrade_that_never_was_are_told() {
    let mut desk = Desk::new();
    let answer = desk.check(&["--target", "9.2.11"]);
    assert!(answer.gives(2).contains("9.2.10 is installed, and 9.2.11 was meant"), "{}", answer.out);
    desk.check(&["--target", "9.2.10", "--target", "9.2.11"]).refuses(&["one release", "do:"]);

    desk.now = Snapshot { taken_at: golden().facts.taken_at, ..desk.before.clone() };
    let answer = desk.check(&[]);
    assert!(
        answer.gives(2).contains("9.2.7 is installed as before: was it upgraded at all?"),
        "{}",
        answer.out
    );
}

#[test]
fn rows_that_were_not_counted_before_are_not_taken_for_kept() {
    let mut desk = Desk::new();
    facts(&mut desk.before.database).records.row_counts =
        Field::Unread("only `agent snapshot` counts rows".into());
    let answer = desk.check(&[]);
    let text = answer.gives(3);
    assert!(text.contains("UNKNOWN  the rows of the main tables cannot be compared"), "{text}");
    assert!(text.contains("only `agent snapshot`"), "{text}");

    // An older agent did not even know of it.
    let mut old: Value = serde_json::to_value(&desk.before).unwrap();
    let records = old.pointer_mut("/database/facts/records").unwrap().as_object_mut().unwrap();
    assert!(records.remove("row_counts").is_some());
    let old = desk.write("old.json", &old.to_string());
    assert!(desk.check_after(&old, &[]).gives(3).contains("did not ask for it"));
}

#[test]
fn programs_and_tickets_get_the_same_answer() {
    let mut desk = Desk::new();
    desk.spoil();
    let answer = desk.check(&["--output", "json"]);
    let told: Value = serde_json::from_str(answer.gives(2)).unwrap();
    assert_eq!((&told["format_version"], &told["verdict"]), (&"1.0".into(), &"blocked".into()));
    assert_eq!(
        (&told["from"], &told["to"], &told["expected"]),
        (&"9.2.7".into(), &"9.2.10".into(), &Value::Null)
    );
    let items = told["items"].as_array().unwrap();
    let first = &items[0];
    assert_eq!(
        (&first["topic"], &first["subject"], &first["verdict"]),
        (&"plugins".into(), &"com.example.gantt".into(), &"blocked".into())
    );
    assert!(first["remedy"].as_str().unwrap().contains("enable it"));
    assert!(items.iter().all(|item| item["before"].is_string() && item["now"].is_string()));

    let answer = desk.check(&["--output", "markdown"]);
    let page = answer.gives(2);
    for words in [
        "# After the upgrade of wiki: Confluence 9.2.7 → 9.2.10 – blocked",
        "- **Problem: Gantt for Confluence is disabled**",
        "- **Cannot tell: the licence cannot be compared**",
        "| version | 9.2.10 is installed, after 9.2.7 | 9.2.7 | 9.2.10 |",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    desk.check(&["--output", "nagios"]).refuses(&["no such form", "do:"]);
}

#[test]
fn hostile_names_do_not_reach_the_terminal_or_the_ticket() {
    let mut desk = Desk::new();
    let gantt = &mut facts(&mut desk.now.plugins).installed[0];
    gantt.enabled = false;
    gantt.name = format!("\u{1b}[2Jx|<script>\n# {}", "y".repeat(5000));
    let answer = desk.check(&[]);
    let text = answer.gives(2);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let answer = desk.check(&["--output", "markdown"]);
    let page = answer.gives(2);
    assert!(!page.contains("<script>") && !page.contains("\n# \\") && page.len() < 20_000, "{page}");
}

#[test]
fn what_is_no_snapshot_from_before_is_told() {
    let mut desk = Desk::new();
    let missing = desk.dir.path().join("missing.json");
    desk.check_after(&missing, &[]).refuses(&["missing.json", "agent snapshot --output"]);
    for content in ["", "{}", "[]", "<html>", "{\"format_version\": \"2.0\"}"] {
        let path = desk.write("other.json", content);
        desk.check_after(&path, &[]).refuses(&["other.json", "do:"]);
    }
    let directory = desk.dir.path().to_owned();
    desk.check_after(&directory, &[]).refuses(&["not a regular file"]);

    // The wrong way round, and the same one twice.
    std::mem::swap(&mut desk.before, &mut desk.now);
    desk.check(&[]).refuses(&["not before", "taken before its upgrade"]);
    desk.before = desk.now.clone();
    desk.check(&[]).refuses(&["not before"]);

    desk.before.instance = "intranet".into();
    desk.check(&[]).refuses(&["\"intranet\"", "\"wiki\""]);
}

#[test]
fn a_comparison_has_no_other_day_and_no_selected_checks() {
    let desk = Desk::new();
    for arguments in [["--on", "2026-12-05"], ["--only", "disk-space"]] {
        desk.check(&arguments).refuses(&["--after", "cannot be used with"]);
    }
}

#[test]
fn looking_now_is_refused_before_the_look_for_another_instance() {
    let mut desk = Desk::new();
    desk.before.instance = "intranet".into();
    let before = desk.write("before.json", &serde_json::to_string(&desk.before).unwrap());
    let config = desk.write(
        "agent.toml",
        "state_dir = \"/nonexistent/state\"\n[[instance]]\nname = \"wiki\"\nproduct = \"confluence\"\n\
         installation_dir = \"/nonexistent/confluence\"\ntargets = [\"9.2.10\"]\n",
    );
    let run = |before: &std::path::Path| -> Answer {
        let mut agent = agent();
        agent.arg("check").arg("--after").arg(before).arg("--config").arg(&config);
        agent.output().unwrap().into()
    };
    run(&before).refuses(&["\"intranet\"", "\"wiki\"", "do:"]);

    // Nothing is where the instance should be: every topic is unknown, with the reason.
    desk.before.instance = "wiki".into();
    let before = desk.write("before.json", &serde_json::to_string(&desk.before).unwrap());
    let answer = run(&before);
    let text = answer.gives(3);
    assert!(text.contains("21 cannot be told, 0 well"), "{text}");
    assert!(text.contains("now     not known, as for version\n"), "{text}");
    assert_eq!(text.matches("not known: installation: finding").count(), 1, "{text}");
}
