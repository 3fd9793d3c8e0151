//! The commands as a person uses them, on good and on bad input. The daemon has tests of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use jiff::civil::date;
use process::{agent, agent_without_rights, set_mode};
use upgrade_readiness_agent::product::confluence::license::encode_license;
use upgrade_readiness_checks::facts::{Field, LicenseText, Reading, Until};
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::rules;

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
    /// An error: code 3, nothing on standard output, and all of these words on standard error.
    fn refuses(&self, words: &[&str]) {
        assert_eq!(self.code, Some(3), "{}{}", self.out, self.err);
        assert_eq!(self.out, "");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        assert!(!self.err.contains("panicked") && !self.err.contains('\u{1b}'), "{}", self.err);
    }

    fn gives(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert_eq!(self.err, "");
        &self.out
    }
}

fn run(arguments: &[&str]) -> Answer {
    agent().args(arguments).stdin(Stdio::null()).output().unwrap().into()
}

fn run_with_input(arguments: &[&str], input: &str) -> Answer {
    let mut agent = agent();
    agent.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = agent.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// A directory with the golden instance's facts, and a configuration with the answers they were judged by.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap() };
        desk.write("agent.toml", CONFIG);
        desk.write("facts.json", &serde_json::to_string(&golden().facts).unwrap());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        agent().args(arguments).arg("--config").arg(self.path("agent.toml")).output().unwrap().into()
    }

    fn check(&self, arguments: &[&str]) -> Answer {
        self.run(&[&["check", "--facts", &self.text("facts.json")], arguments].concat())
    }
}

const CONFIG: &str = r#"
state_dir = "/nonexistent/state"
[requirements."9.2"]
database-engine = ["postgresql", "mysql", "sql-server", "oracle"]
postgresql = ["14", "15", "16"]
mysql = ["8.0"]
mysql-driver = ["8"]
mysql-character-set = ["utf8mb4"]
operating-system = ["linux", "windows"]
cpus = 4
memory-mib = 6144
heap-mib = 1024
free-beside-heap-mib = 2048
[[instance]]
name = "wiki"
product = "confluence"
installation_dir = "/opt/atlassian/confluence"
targets = ["9.2.10"]
"#;

const SUBCOMMANDS: &[&[&str]] = &[
    &["run"],
    &["status"],
    &["targets"],
    &["check"],
    &["plan"],
    &["plan", "step"],
    &["gate"],
    &["explain"],
    &["snapshot"],
    &["refresh"],
    &["notify"],
    &["notify", "list"],
    &["notify", "test"],
    &["license"],
    &["config"],
    &["config", "check"],
    &["config", "schema"],
    &["config", "show"],
    &["demo"],
    &["healthy"],
    &["completions"],
];

#[test]
fn every_command_has_help_that_fits() {
    for subcommand in SUBCOMMANDS.iter().copied() {
        let answer = run(&[subcommand, &["--help"][..]].concat());
        let help = answer.gives(0);
        assert!(help.contains(&format!("Usage: agent {}", subcommand.join(" "))), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(run(&["--help"]).gives(0).contains(subcommand[0]));
    }
    assert!(run(&["--version"]).gives(0).starts_with("agent "));
}

#[test]
fn wrong_usage_is_told_and_is_code_3() {
    let rows: [(&[&str], &[&str]); 18] = [
        (&["plan", "--target", "newest"], &["newest", "--target"]),
        (&["plan", "--method", "magic"], &["magic", "rolling"]),
        (&["plan", "--output", "text"], &["text", "markdown"]),
        (&["plan", "--facts", "f", "--look"], &["--facts", "--look"]),
        (&["plan", "step"], &["STEP", "Usage: agent plan step"]),
        (&["plan", "step", "production.stop", "broken"], &["broken", "skipped"]),
        (&["plan", "step", "production.stop", "done"], &["--by"]),
        (&["plan", "step", "production.stop", "done", "--withdraw"], &["--withdraw"]),
        (&["targets", "--facts", "a", "--file", "b"], &["--file", "--facts", "Usage: agent targets"]),
        (&[], &["Usage: agent <COMMAND>"]),
        (&["stat"], &["'stat'", "status", "--help"]),
        (&["status", "--bogus"], &["--bogus", "Usage: agent status"]),
        (&["status", "--output", "xml"], &["xml", "nagios"]),
        (&["check", "--on", "soon"], &["soon", "--on"]),
        (&["check", "--target", "newest"], &["newest", "--target"]),
        (&["check", "--only", "licence-valid"], &["'license-valid'"]),
        (&["explain", "database-privilege"], &["'database-privileges'"]),
        (&["completions", "csh"], &["csh", "bash"]),
    ];
    for (arguments, words) in rows {
        run(arguments).refuses(words);
    }
}

#[test]
fn a_status_file_that_cannot_be_used_is_told_with_what_to_do() {
    let desk = Desk::new();
    let rows = [
        (desk.text("absent.json"), vec!["there is no status file", "do:", "systemctl start", "agent check"]),
        (desk.write("garbage.json", "<html>"), vec!["is not a status file", "why:", "do:", "--file"]),
        (desk.write("empty.json", ""), vec!["is not a status file", "do:"]),
        (
            desk.write("old.json", r#"{"format_version":"2.0"}"#),
            vec!["\"2.0\"", "1.0", "do:", "agent --version"],
        ),
        (desk.write("half.json", r#"{"format_version":"1.0","#), vec!["is not a status file", "do:"]),
        (desk.text(""), vec!["is not a regular file", "do:", "--file"]),
        ("/dev/zero".to_owned(), vec!["is not a regular file", "do:"]),
    ];
    for (path, words) in rows {
        for command in ["status", "targets"] {
            let answer = run(&[command, "--file", &path]);
            answer.refuses(&words);
            assert!(answer.err.contains(&path), "{}", answer.err);
        }
    }
}

#[test]
fn a_status_file_nobody_gave_rights_to_is_told() {
    let desk = Desk::new();
    let path = desk.write("status.json", "{}");
    set_mode(&desk.path("status.json"), 0o600);
    set_mode(desk.dir.path(), 0o755);
    let bin = tempfile::tempdir().unwrap();
    let mut agent = agent_without_rights(bin.path());
    let answer = Answer::from(agent.args(["status", "--file", &path]).output().unwrap());
    answer.refuses(&["Permission denied", "do:", "ls -l", &path]);
}

#[test]
fn a_configuration_that_is_named_must_be_there() {
    for command in ["status", "targets", "check", "run", "refresh", "snapshot", "plan"] {
        let answer = run(&[command, "--config", "/nonexistent/agent.toml"]);
        answer.refuses(&["reading the configuration", "/nonexistent/agent.toml", "do:", "--config FILE"]);
    }
}

#[test]
fn configurations_are_checked_with_every_mistake() {
    let desk = Desk::new();
    assert!(desk.run(&["config", "check"]).gives(0).ends_with("is good; instances: wiki\n"));
    desk.write("agent.toml", "nonsense = 1\n[http]\nlisten = \"here\"\n[[instance]]\nname = \"w\"\n");
    let answer = desk.run(&["config", "check"]);
    answer.refuses(&["line 1: nonsense", "line 3: http.listen", "product", "do:", "agent config schema"]);
    desk.write("agent.toml", "[[instance\n");
    desk.run(&["config", "check"]).refuses(&["line 1"]);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/agent.toml");
    run(&["config", "check", "--config", sample]).gives(0);
}

#[test]
fn the_schemas_are_json_and_name_every_table() {
    let schema: serde_json::Value = serde_json::from_str(run(&["config", "schema"]).gives(0)).unwrap();
    let tables = ["state_dir", "http", "log", "schedule", "policy", "catalog", "requirements", "instance"];
    for table in tables {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
    let status: serde_json::Value =
        serde_json::from_str(run(&["config", "schema", "--status"]).gives(0)).unwrap();
    for member in ["format_version", "agent", "written_at", "instances"] {
        assert!(status["properties"][member].is_object(), "{member}");
    }
    let book: serde_json::Value =
        serde_json::from_str(run(&["config", "schema", "--plan"]).gives(0)).unwrap();
    for member in ["format_version", "instance", "target", "way", "no_way", "sections"] {
        assert!(book["properties"][member].is_object(), "{member}");
    }
    run(&["config", "schema", "--plan", "--status"]).refuses(&["--status"]);
}

#[test]
fn what_was_understood_is_shown_without_secrets() {
    let desk = Desk::new();
    let secret = desk.write("secret", "hunter2-token\n");
    let more = format!(
        "sources_off = [\"disk\"]\n[instance.http]\nbase_url = \"http://127.0.0.1:8090\"\ntoken_file = \"{secret}\"\n\
         [instance.database]\nurl = \"jdbc:postgresql://db/wiki?password=hunter2-url\"\nusername = \"look\"\n\
         password_env = \"PASSWORD\"\n"
    );
    desk.write("agent.toml", &format!("{CONFIG}{more}"));
    let answer = desk.run(&["config", "show"]);
    let shown = answer.gives(0);
    for word in [
        "9.2.10",
        "every 1m",
        &secret,
        "as look",
        "environment variable PASSWORD",
        "disk",
        "license_warn_days",
    ] {
        assert!(shown.contains(word), "{word:?} is not in\n{shown}");
    }
    assert!(!shown.contains("hunter2") && !shown.contains("Some("), "{shown}");
}

#[test]
fn a_run_book_is_made_from_facts_in_every_form() {
    let desk = Desk::new();
    let facts = desk.text("facts.json");
    let plan = |more: &[&str]| desk.run(&[&["plan", "--facts", &facts], more].concat());
    let verdict = desk.check(&[]).code.unwrap();
    let book = plan(&[]);
    assert!(book.gives(verdict).contains("9.2.10"), "{}", book.out);
    assert!(!book.out.contains('\u{1b}'), "{}", book.out);
    assert!(plan(&["--output", "html"]).gives(verdict).starts_with("<!DOCTYPE html>"));
    let json = plan(&["--output", "json", "--method", "archive"]);
    let json: serde_json::Value = serde_json::from_str(json.gives(verdict)).unwrap();
    assert_eq!(json["target"], "9.2.10");

    assert_eq!(plan(&["--to", &desk.text("book.md")]).gives(verdict), "");
    assert_eq!(fs::read_to_string(desk.path("book.md")).unwrap().trim_end(), book.out.trim_end());
    plan(&["--to", "/nonexistent/book.md"]).refuses(&["writing /nonexistent/book.md", "why:", "do:"]);

    // The rules know a release the catalog does not; how it ends is theirs to say.
    for target in ["latest", "latest-lts", "next", "recommended", "9.2.10"] {
        let answer = plan(&["--target", target, "--output", "json"]);
        assert!(
            answer.err.is_empty() && answer.code.is_some_and(|code| code <= 3),
            "{target}: {}",
            answer.err
        );
    }
    desk.write("agent.toml", &CONFIG.replace("[\"9.2.10\"]", "[\"9.2.10\", \"latest\"]"));
    plan(&[]).refuses(&["several are configured", "do:", "--target: 9.2.10, latest, recommended"]);
    plan(&["--target", "9.2.10"]).gives(verdict);
}

#[test]
fn facts_no_run_book_can_be_made_from_are_told_with_what_to_do() {
    let desk = Desk::new();
    let mut unread = golden().facts;
    unread.installation = Reading::Pending;
    let rows = [
        (desk.text("absent.json"), vec!["absent.json", "why: No such file", "do:"]),
        (desk.write("empty.json", ""), vec!["is not a snapshot", "do:"]),
        (desk.text(""), vec!["is not a regular file", "do:"]),
        (
            desk.write("unread.json", &serde_json::to_string(&unread).unwrap()),
            vec!["a run book for wiki cannot be made", "why: installation", "do:"],
        ),
    ];
    for (path, words) in rows {
        desk.run(&["plan", "--facts", &path]).refuses(&words);
    }
}

#[test]
fn every_check_is_explained() {
    let answer = run(&["explain"]);
    let list = answer.gives(0);
    assert_eq!(list.lines().count(), rules::ALL.len());
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for check in rules::ALL {
        assert!(list.contains(check.id));
        let answer = run(&["explain", check.id]);
        let page = answer.gives(0);
        for heading in ["What it looks at", "Why it matters", "How to fix it", "Settings"] {
            assert!(page.contains(&format!("## {heading}")), "{heading} is not in\n{page}");
        }
    }
    run(&["explain", "java-version", "--file", "/nonexistent"]).refuses(&["no status file", "do:"]);
}

#[test]
fn every_command_has_a_page_in_the_manual() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    run(&["manual", path]).gives(0);
    for subcommand in SUBCOMMANDS {
        let page = dir.path().join(format!("agent-{}.1", subcommand.join("-")));
        assert!(fs::read_to_string(&page).unwrap().contains(".SH SYNOPSIS"), "{}", page.display());
    }
    assert!(dir.path().join("agent.1").exists() && !dir.path().join("agent-manual.1").exists());
    run(&["manual", "/nonexistent"]).refuses(&["writing manual pages into /nonexistent"]);
}

#[test]
fn it_is_healthy_as_long_as_somebody_writes_the_status() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("status.json");
    let write = |age: jiff::SignedDuration| {
        let written = jiff::Timestamp::now() - age;
        let text = format!(
            r#"{{"format_version": "1.0", "agent": {{"version": "1", "revision": "1"}}, "written_at": "{written}", "instances": []}}"#
        );
        fs::write(&path, text).unwrap();
        run(&["healthy", "--file", path.to_str().unwrap()])
    };
    assert!(write(jiff::SignedDuration::from_secs(30)).gives(0).starts_with("at work"));
    for minutes in [6, -1] {
        write(jiff::SignedDuration::from_mins(minutes))
            .refuses(&["which is not just now", "See whether the daemon runs"]);
    }
    run(&["healthy", "--file", "/nonexistent"]).refuses(&["no status file", "do:"]);

    // The daemon goes on with the configuration it has; what it would say of the new one is not asked here.
    assert!(write(jiff::SignedDuration::from_secs(30)).gives(0).starts_with("at work"));
    let config = dir.path().join("agent.toml");
    let state = dir.path().display();
    let named = ["healthy", "--config", config.to_str().unwrap()];
    for (wrong, is_found) in [
        (format!("state_dir = '{state}'\nno_key = 1\n[[instance]]\nname = 3"), true),
        (format!("state_dir = '{state}'\n[[instance]]\nname = \n[half"), true),
        (format!("state_dir = '{state}\n[[instance]]"), false),
        ("state_dir = 7".to_owned(), false),
        ("<html>".to_owned(), false),
    ] {
        fs::write(&config, &wrong).unwrap();
        if is_found {
            assert!(run(&named).gives(0).starts_with("at work"), "{wrong}");
        } else {
            run(&named).refuses(&["agent.toml"]);
        }
    }
}

#[test]
fn completions_are_there_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).gives(0).contains("database-privileges"), "{shell}");
    }
}

#[test]
fn a_licence_is_told_from_a_file_and_from_standard_input() {
    let desk = Desk::new();
    let license = encode_license(&[
        ("conf.active", "true"),
        ("conf.DataCenter", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("conf.NumberOfUsers", "500"),
        ("Subscription", "true"),
        ("Evaluation", "false"),
        ("CreationDate", "2025-01-02"),
        ("LicenseExpiryDate", "2999-01-01"),
        ("MaintenanceExpiryDate", "2999-01-01"),
        ("Organisation", "Hunter Ltd"),
    ]);
    let file = desk.write("license.txt", &license);
    let told = run(&["license", &file]);
    assert!(told.gives(0).contains("500") && !told.out.contains("Hunter"), "{}", told.out);
    assert_eq!(run_with_input(&["license"], &license).gives(0), told.out);
    assert_eq!(run_with_input(&["license", "-"], &license).gives(0), told.out);
    let json = run(&["license", &file, "--output", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(json.gives(0)).unwrap().is_object());

    // What cannot be read as a licence cannot be used: blocked, as license-valid says of an instance.
    // Without any text nobody can tell.
    for (text, code) in [(&license[..license.len() / 2], 2), ("not a licence", 2), ("", 3)] {
        let answer = run_with_input(&["license"], text);
        assert_eq!(answer.code, Some(code), "{text:?}: {}", answer.out);
        assert!(answer.out.contains("licence"), "{}", answer.out);
    }
    run(&["license", "/nonexistent"]).refuses(&["/nonexistent", "why: No such file"]);
    let past = encode_license(&[
        ("conf.active", "true"),
        ("conf.DataCenter", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("Subscription", "true"),
        ("LicenseExpiryDate", "2020-01-01"),
        ("MaintenanceExpiryDate", "2020-01-01"),
    ]);
    assert_eq!(run_with_input(&["license"], &past).code, Some(2));
}

#[test]
fn facts_of_a_good_instance_are_ready_and_replay_the_same() {
    let desk = Desk::new();
    let first = desk.check(&[]);
    assert!(first.gives(0).contains("9.2.10"), "{}", first.out);
    assert_eq!(desk.check(&[]).out, first.out);
    assert!(first.out.lines().all(|line| line.chars().count() <= 80), "{}", first.out);
    assert!(!first.out.contains('\u{1b}'));
}

#[test]
fn facts_are_judged_for_the_targets_and_the_day_asked_for() {
    let desk = Desk::new();
    let far = desk.check(&["--target", "10.2.1", "--target", "9.2.10"]);
    assert!([Some(2), Some(3)].contains(&far.code), "{}", far.out);
    assert!(far.out.contains("10.2.1") && far.out.contains("9.2.10"), "{}", far.out);
    assert!(desk.check(&["--only", "license-valid"]).gives(0).contains("9.2.10"));
    let later = desk.check(&["--only", "license-valid", "--on", "2039-01-01"]);
    assert!(later.gives(2).contains("license-valid"), "{}", later.out);
    let unknown = desk.check(&["--target", "999.9.9"]);
    assert_eq!(unknown.code, Some(3), "{}", unknown.out);
}

/// The golden instance's facts with a licence of this kind and end; a Server licence may run on without maintenance.
fn with_license(data_center: bool, ends: jiff::civil::Date) -> String {
    let mut facts = golden().facts;
    let Reading::Learned(license) = &mut facts.license else { panic!("the golden licence is learned") };
    let LicenseText::Terms(terms) = &mut license.facts.text else { panic!("and has terms") };
    (terms.data_center, terms.subscription) = (data_center, data_center);
    terms.expires = if data_center { Until::Day(ends) } else { Until::NotStated };
    terms.maintenance_ends = Until::Day(ends);
    if !data_center && let Reading::Learned(installation) = &mut facts.installation {
        installation.facts.version = Field::Read("8.5.1".parse().unwrap());
    }
    serde_json::to_string(&facts).unwrap()
}

#[test]
fn the_release_to_choose_is_told_with_what_the_licence_permits() {
    let desk = Desk::new();
    let facts = desk.text("facts.json");
    let targets = |arguments: &[&str]| desk.run(&[&["targets", "--facts", &facts], arguments].concat());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");

    let short = targets(&[]);
    assert!([Some(1), Some(2), Some(3)].contains(&short.code), "{}", short.out);
    assert!(short.out.lines().all(|line| line.chars().count() <= 80), "{}", short.out);
    assert!(!short.out.contains('\u{1b}') && short.err.is_empty(), "{}", short.err);
    for part in
        ["choose 10.2.", "why the licence in force allows it", "every release until the subscription ends"]
    {
        assert!(words(&short.out).contains(part), "{part:?} is not in {}", short.out);
    }
    assert!(short.out.contains("+ 9.2.10"), "a target is shown: {}", short.out);
    let all = targets(&["--all"]);
    assert_eq!(all.code, short.code);
    assert!(all.out.lines().count() > short.out.lines().count() + 10, "{}", all.out);
    assert!(all.out.lines().all(|line| line.chars().count() <= 80), "{}", all.out);
    assert!(targets(&["--output", "markdown"]).out.contains("**Recommended: 10.2."));

    let json: serde_json::Value = serde_json::from_str(&targets(&["--output", "json"]).out).unwrap();
    let offer = &json["instances"][0]["offer"];
    assert_eq!((&json["format_version"], &offer["running"]), (&"1.0".into(), &"9.2.7".into()));
    let recommended = offer["recommended"]["version"].as_str().unwrap();
    assert!(recommended.starts_with("10.2."), "{offer}");
    assert!(offer["releases"].as_array().unwrap().iter().any(|release| release["version"] == recommended));
    let check = desk.check(&["--target", "recommended", "--output", "json"]);
    let check: serde_json::Value = serde_json::from_str(&check.out).unwrap();
    let target = &check["instances"][0]["targets"][0];
    assert_eq!((&target["requested"], &target["version"]), (&"recommended".into(), &recommended.into()));

    desk.write("facts.json", &with_license(true, date(2025, 11, 1)));
    let none = targets(&[]);
    let told = words(none.gives(2));
    assert!(
        told.contains("NONE no release is recommended why the licence in force allows no newer release"),
        "{told}"
    );
    assert!(told.contains("no release any more: the subscription ended on 2025-11-01"), "{told}");
    let check = desk.check(&["--target", "recommended"]);
    assert!(
        words(check.gives(3)).contains(
            "the target \"recommended\" stands for no release: the licence in force allows no newer release"
        ),
        "{}",
        check.out
    );

    desk.write("facts.json", &with_license(false, date(2024, 1, 20)));
    let server = targets(&[]);
    let told = words(&server.out);
    assert!(told.contains("choose 8.5."), "{told}");
    assert!(
        told.contains(
            "releases published before maintenance ended on 2024-01-20 may still be installed; the newest"
        ),
        "{told}"
    );

    let mut unknown = golden().facts;
    unknown.installation = Reading::Pending;
    desk.write("facts.json", &serde_json::to_string(&unknown).unwrap());
    assert!(
        words(targets(&[]).gives(3))
            .contains("UNKNOWN which release to choose why the releases cannot be judged")
    );
    targets(&["docs"]).refuses(&["there is no instance \"docs\"", "wiki", "do:"]);
}

#[test]
fn the_releases_in_a_status_file_are_told_with_its_age() {
    let desk = Desk::new();
    let status = desk.check(&["--target", "recommended", "--output", "json"]).out;
    let mut status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let written = desk.write("status.json", &status.to_string());
    let stale = run(&["targets", "--file", &written]);
    assert!(stale.gives(3).starts_with("STALE"), "{}", stale.out);
    assert!(stale.out.contains("10.2."), "{}", stale.out);
    status["written_at"] = jiff::Timestamp::now().to_string().into();
    let written = desk.write("status.json", &status.to_string());
    let fresh = run(&["targets", "wiki", "--file", &written]);
    assert!(fresh.out.starts_with("Upgrade readiness, written"), "{}", fresh.out);
    // One by an agent that did not judge releases.
    status["instances"][0].as_object_mut().unwrap().remove("offer");
    let written = desk.write("status.json", &status.to_string());
    let old = run(&["targets", "--file", &written]);
    assert!(old.gives(3).contains("the releases have not been judged"), "{}", old.out);
}

#[test]
fn trouble_that_lies_in_the_future_is_ready_today_and_named_with_its_day() {
    let desk = Desk::new();
    // The last day of the licence, which is valid through it, and the day it blocks from.
    for (ends, blocks) in [
        (date(2026, 2, 20), "2026-02-21"),
        (date(2026, 2, 28), "2026-03-01"),
        (date(2026, 4, 30), "2026-05-01"),
    ] {
        let mut facts = golden().facts;
        let Reading::Learned(license) = &mut facts.license else { panic!("the golden licence is learned") };
        let LicenseText::Terms(terms) = &mut license.facts.text else { panic!("and has terms") };
        (terms.expires, terms.maintenance_ends) = (Until::Day(ends), Until::Day(ends));
        desk.write("facts.json", &serde_json::to_string(&facts).unwrap());

        let json = desk.check(&["--target", "9.2.10", "--output", "json"]);
        let status: serde_json::Value = serde_json::from_str(json.gives(0)).unwrap();
        let target = &status["instances"][0]["targets"][0];
        assert_eq!(target["verdict"], "ready", "{ends}");
        assert_eq!(target["blocks_at"], format!("{blocks}T00:00:00Z"), "{ends}");
        assert_eq!(
            target["blocks_because"],
            serde_json::json!({ "check": "license-covers-target", "subject": "expiry" })
        );

        let text = desk.check(&["--target", "9.2.10"]);
        let words = text.gives(0).split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence =
            format!("will be blocked from {blocks} 00:00 UTC if nobody acts: license-covers-target (expiry)");
        assert!(words.contains(&sentence), "{}", text.out);

        let day_before = desk.check(&["--on", &ends.to_string(), "--only", "license-valid"]);
        assert_eq!(day_before.code, Some(1), "it warns on its last day: {}", day_before.out);
        assert!(desk.check(&["--on", blocks]).gives(2).contains("license-valid"));
    }
}

#[test]
fn a_later_day_is_judged_with_the_facts_as_they_will_be() {
    let desk = Desk::new();
    // Three weeks later the nightly backups would be three weeks old if they did not go on.
    let later = desk.check(&["--on", "2025-12-22", "--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(later.gives(0)).unwrap();
    let target = &status["instances"][0]["targets"][0];
    assert_eq!(target["verdict"], "ready", "{target}");
    // What is not renewed by itself does age, and the day it blocks is the same from wherever one looks.
    let today = desk.check(&["--output", "json"]);
    let today: serde_json::Value = serde_json::from_str(today.gives(0)).unwrap();
    for key in ["blocks_at", "blocks_because"] {
        assert_eq!(target[key], today["instances"][0]["targets"][0][key], "{key}");
    }

    let mut facts = golden().facts;
    let Reading::Learned(backups) = &mut facts.backups else { panic!("the golden backups are learned") };
    for set in &mut backups.facts.sets {
        let Field::Read(list) = &mut set.backups else { panic!("and listed") };
        list.truncate(1);
    }
    desk.write("facts.json", &serde_json::to_string(&facts).unwrap());
    let only = ["--only", "backup-home"];
    desk.check(&only).gives(0);
    desk.check(&[&only[..], &["--on", "2025-12-22"]].concat()).gives(2);
}

#[test]
fn answers_come_in_every_form() {
    let desk = Desk::new();
    let json = desk.check(&["--output", "json"]);
    let status: serde_json::Value = serde_json::from_str(json.gives(0)).unwrap();
    assert_eq!(status["instances"][0]["targets"][0]["verdict"], "ready");
    assert!(desk.check(&["--output", "markdown"]).gives(0).contains("9.2.10"));
    let nagios = desk.check(&["--output", "nagios"]);
    assert!(
        nagios.gives(0).starts_with("UPGRADE READY") && nagios.out.lines().count() == 1,
        "{}",
        nagios.out
    );
}

#[test]
fn the_text_has_no_colour_where_nobody_wants_it() {
    let desk = Desk::new();
    for (name, value) in [("TERM", "xterm-256color"), ("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut agent = agent();
        agent.env(name, value).args(["check", "--facts", &desk.text("facts.json")]);
        let answer: Answer = agent.arg("--config").arg(desk.path("agent.toml")).output().unwrap().into();
        assert!(!answer.gives(0).contains('\u{1b}'));
    }
}

#[test]
fn facts_that_cannot_be_used_are_told_with_what_to_do() {
    let desk = Desk::new();
    let mut other: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(desk.path("facts.json")).unwrap()).unwrap();
    other["format_version"] = "3.0".into();
    let huge = fs::File::create(desk.path("huge.json")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let rows = [
        (desk.text("absent.json"), vec!["reading the facts", "No such file", "do:", "agent snapshot"]),
        (desk.write("garbage.json", "{]"), vec!["is not a snapshot", "why:", "do:", "agent snapshot"]),
        (desk.write("binary.json", "\u{0}\u{1}"), vec!["is not a snapshot", "do:"]),
        (desk.write("status.json", r#"{"format_version":"1.0"}"#), vec!["is not a snapshot", "why:"]),
        (desk.write("other.json", &other.to_string()), vec!["\"3.0\"", "2.0 and 1.0", "do:"]),
        (desk.text("huge.json"), vec!["longer than", "do:"]),
        ("/dev/zero".to_owned(), vec!["not a regular file", "do:"]),
    ];
    for (path, words) in rows {
        let answer = run(&["check", "--facts", &path]);
        answer.refuses(&words);
        assert!(answer.err.contains(&path), "{}", answer.err);
    }
}

/// A status as the daemon writes it, its time replaced.
fn status_written_at(desk: &Desk, written_at: &str) -> String {
    let json = desk.check(&["--output", "json"]);
    let mut status: serde_json::Value = serde_json::from_str(json.gives(0)).unwrap();
    status["written_at"] = written_at.into();
    desk.write("status.json", &status.to_string())
}

#[test]
fn the_age_of_a_status_decides_what_it_is_worth() {
    let desk = Desk::new();
    let fresh = status_written_at(&desk, &jiff::Timestamp::now().to_string());
    assert!(run(&["status", "--file", &fresh]).gives(0).contains("9.2.10"));
    assert!(run(&["status", "wiki", "--target", "9.2.10", "--file", &fresh]).gives(0).contains("wiki"));
    run(&["status", "intranet", "--file", &fresh]).refuses(&["\"intranet\"", "wiki", "do:"]);
    run(&["status", "--target", "1.0", "--file", &fresh]).refuses(&["\"1.0\"", "9.2.10", "do:"]);
    for moment in ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"] {
        let file = status_written_at(&desk, moment);
        for form in ["text", "markdown", "nagios", "json"] {
            let answer = run(&["status", "--file", &file, "--output", form]);
            assert_eq!(answer.code, Some(3), "{moment} {form}: {}{}", answer.out, answer.err);
        }
        let text = run(&["status", "--file", &file]).out;
        assert!(text.contains("systemctl") || text.contains("clock"), "{text}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut agent = agent();
    agent.args(["check", "--facts", &desk.text("facts.json")]).arg("--config").arg(desk.path("agent.toml"));
    let output = agent.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut agent = process::agent();
    let output = agent.arg("explain").stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("No space left"));
}

#[test]
fn a_daemon_that_does_not_run_is_told() {
    let desk = Desk::new();
    desk.write("agent.toml", &format!("{CONFIG}[http]\nlisten = \"127.0.0.1:{}\"\n", process::free_port()));
    desk.run(&["refresh"]).refuses(&["asking the agent", "Connection refused", "do:", "systemctl status"]);
}
