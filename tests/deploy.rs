//! What stands in `deploy/` fits the agent: metric names, rules, unit file.
//!
//! These tests need `promtool` (Debian: prometheus), `amtool` (Debian: prometheus-alertmanager) and
//! `systemd-analyze` (Debian: systemd) and fail without them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jiff::SignedDuration;
use upgrade_readiness_agent::board;
use upgrade_readiness_agent::surface::metrics::{ALL, Kind, Metrics};
use upgrade_readiness_checks::facts::{FailureKind, Source};
use upgrade_readiness_checks::rules;

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/sample.rs"]
mod sample;

const PREFIX: &str = "upgrade_readiness_";

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).expect("a file of deploy/")
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory of deploy/") {
        let path = entry.expect("an entry of deploy/").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Every metric a text names.
fn metrics_named(text: &str) -> BTreeSet<&str> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .filter(|word| word.starts_with(PREFIX))
        .collect()
}

fn exists(name: &str) -> bool {
    ALL.iter().any(|definition| {
        name == definition.name
            || definition.kind == Kind::Histogram
                && ["_bucket", "_sum", "_count"]
                    .iter()
                    .any(|end| name.strip_suffix(end) == Some(definition.name))
    })
}

fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(deploy("prometheus"))
        .write_stdin(input)
        .output()
        .expect("the programs that this file names are installed");
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}:\n{told}");
    told
}

#[test]
fn every_metric_named_in_deploy_exists() {
    let mut named = 0;
    for file in files(&deploy("")) {
        let text = fs::read_to_string(&file).unwrap();
        for name in metrics_named(&text) {
            assert!(exists(name), "{} names {name}, which there is not", file.display());
            named += 1;
        }
    }
    assert!(named >= 10, "only {named} names found: the search is broken");
    assert!(!exists("upgrade_readiness_nonsense") && !exists("upgrade_readiness_findings_bucket"));
}

/// The files with alerts.
const RULES: [&str; 3] =
    ["upgrade-readiness.rules.yml", "upgrade-readiness-shards.rules.yml", "textfile.rules.yml"];

#[test]
fn the_rules_do_what_they_should() {
    for rules in RULES {
        run("promtool", &["check", "rules", "--lint-fatal", rules], "");
    }
    run("promtool", &["test", "rules", "upgrade-readiness.rules.test.yml"], "");
    run("promtool", &["check", "config", "prometheus.yml"], "");
    run("amtool", &["check-config", "alertmanager.yml"], "");
    run("promtool", &["test", "rules", "upgrade-readiness-shards.rules.test.yml"], "");
    run("promtool", &["check", "config", "prometheus-shards.yml"], "");
}

#[test]
fn every_alert_is_whole_tested_and_leads_to_its_section() {
    const BASE: &str = "https://runbooks.example.com/upgrade-readiness";
    let rules = RULES.map(|file| read(&format!("prometheus/{file}"))).concat();
    let tests = ["", "-shards"]
        .map(|part| read(&format!("prometheus/upgrade-readiness{part}.rules.test.yml")))
        .concat();
    let sections = read("prometheus/README.md");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 14);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for member in ["expr:", "for:", "severity:", "summary:", "description:"] {
            assert!(alert.contains(&format!(" {member} ")), "{name} has no {member}");
        }
        let severity = alert.split("severity: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name} is {severity}");
        let section = format!("runbook_url: {BASE}/deploy/prometheus/README.md#{}\n", name.to_lowercase());
        let page = format!("runbook_url: '{BASE}/checks/README.md#{{{{ $labels.check }}}}'\n");
        // What is about one check leads to the page of that check.
        let link = if alert.contains("upgrade_readiness_check_verdict") { page } else { section };
        assert!(alert.contains(&link), "{name} leads elsewhere");
        assert!(sections.contains(&format!("\n## {name}\n")), "{name} has no section");
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is not tested");
    }
}

/// The label `check` is the id of a check, and the end of the link to its page.
#[test]
fn every_check_has_the_page_its_alerts_lead_to() {
    let pages = fs::read_to_string(deploy("../checks/README.md")).unwrap();
    for check in rules::ALL {
        assert!(pages.contains(&format!("\n## {}\n", check.id)), "{} has no page", check.id);
        let is_anchor = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
        assert!(check.id.chars().all(is_anchor), "{} is not an anchor", check.id);
    }
}

/// Every value a text gives a label, in a selector or in a list of labels.
fn values_of<'a>(text: &'a str, label: &str) -> BTreeSet<&'a str> {
    let mut values = BTreeSet::new();
    for opening in [format!("{label}=\""), format!("{label}: ")] {
        let parts: Vec<&str> = text.split(opening.as_str()).collect();
        for pair in parts.windows(2) {
            let [before, after] = pair else { continue };
            if !before.ends_with(|char: char| char.is_ascii_alphanumeric()) {
                values.extend(after.split(['"', '\n', ',', '}']).next().map(str::trim));
            }
        }
    }
    values
}

#[test]
fn every_id_that_is_named_exists() {
    let files = RULES.map(|file| read(&format!("prometheus/{file}")));
    let text = files.concat() + &read("prometheus/upgrade-readiness.rules.test.yml");
    let checks = values_of(&text, "check");
    assert!(checks.len() >= 3, "{checks:?}");
    for id in checks {
        assert!(rules::ALL.iter().any(|check| check.id == id), "there is no check {id}");
    }
    let sources = values_of(&text, "source");
    assert!(sources.len() >= 3, "{sources:?}");
    for id in sources {
        assert!(id == "status-file" || Source::ALL.iter().any(|source| source.id() == id), "no source {id}");
    }
}

#[test]
fn the_silences_name_alerts_that_exist() {
    let rules = RULES.map(|file| read(&format!("prometheus/{file}"))).concat();
    let sample = read("prometheus/alertmanager.yml");
    let named: Vec<&str> = sample
        .split(|char: char| !char.is_ascii_alphanumeric())
        .filter(|word| word.starts_with("Upgrade") && word.len() > "Upgrade".len())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        assert!(rules.contains(&format!("- alert: {name}\n")), "there is no alert {name}");
    }
}

/// The command of the README, on copies of the files it is for.
#[test]
fn one_command_says_where_the_runbooks_are() {
    let readme = read("prometheus/README.md");
    let line = readme.lines().find(|line| line.starts_with("sed -i ")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    for file in RULES {
        fs::write(directory.path().join(file), read(&format!("prometheus/{file}"))).unwrap();
    }
    Command::new("sh").args(["-c", line]).current_dir(directory.path()).assert().success();
    for file in RULES {
        let changed = fs::read_to_string(directory.path().join(file)).unwrap();
        assert!(!changed.contains("runbooks.example.com"), "{file}");
        let links = changed.matches("runbook_url: ").count();
        assert_eq!(changed.matches("https://wiki.example.com/runbooks/upgrades/").count(), links, "{file}");
    }
}

#[test]
fn the_alerts_look_for_the_job_of_the_sample() {
    let rules = read("prometheus/upgrade-readiness.rules.yml");
    assert!(rules.contains("up{job=\"upgrade-readiness\"}"));
    assert!(read("prometheus/prometheus.yml").contains("job_name: upgrade-readiness\n"));
}

#[test]
fn a_real_scrape_passes_the_linter() {
    let metrics = Metrics::new();
    for failure in [None, Some(FailureKind::Denied)] {
        metrics.observe_source("wiki", Source::Database, SignedDuration::from_millis(31), failure);
    }
    let text = metrics.encode(&sample::board(), Some(sample::now()));
    run("promtool", &["check", "metrics"], &text);
}

/// The unit and its drop-in beside each other, with the program that was just built.
fn unit() -> (tempfile::TempDir, String) {
    const NAME: &str = "upgrade-readiness-agent.service";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let unit = read("systemd/upgrade-readiness-agent.service");
    assert!(unit.contains("ExecStart=/usr/bin/agent run --config /etc/upgrade-readiness-agent/agent.toml\n"));
    let unit = unit.replace("ExecStart=/usr/bin/agent", concat!("ExecStart=", env!("CARGO_BIN_EXE_agent")));
    let path = directory.path().join(NAME);
    fs::write(&path, unit).expect("a file in a temporary directory");
    (directory, path.to_str().expect("a path of ASCII").to_owned())
}

#[test]
fn the_unit_is_understood_by_systemd() {
    let (directory, unit) = unit();
    let told = run("systemd-analyze", &["verify", &unit], "");
    assert_eq!(told, "", "systemd has something to say");

    let place = directory.path().join("upgrade-readiness-agent.service.d");
    fs::create_dir(&place).unwrap();
    for name in ["files-of-others.conf", "credentials.conf", "textfile.conf"] {
        let drop_in = read(&format!("systemd/upgrade-readiness-agent.service.d/{name}"));
        fs::write(place.join(name), drop_in).unwrap();
    }
    assert_eq!(run("systemd-analyze", &["verify", &unit], ""), "");
}

#[test]
fn the_unit_stays_narrow() {
    let (_directory, unit) = unit();
    // The threshold is ten times the figure that is shown, and that the README names.
    run("systemd-analyze", &["security", "--offline=true", "--threshold=15", &unit], "");
    assert!(read("systemd/README.md").contains("1.5 of 10"));
}
