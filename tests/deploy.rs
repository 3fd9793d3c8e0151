//! What stands in `deploy/` fits the agent: metric names, rules, unit file.
//!
//! These tests need `promtool` (Debian: prometheus) and `systemd-analyze` (Debian: systemd) and fail
//! without them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jiff::SignedDuration;
use upgrade_readiness_agent::board;
use upgrade_readiness_agent::surface::metrics::{ALL, Kind, Metrics};
use upgrade_readiness_checks::facts::{FailureKind, Source};

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

#[test]
fn the_rules_do_what_they_should() {
    run("promtool", &["check", "rules", "--lint-fatal", "upgrade-readiness.rules.yml"], "");
    run("promtool", &["test", "rules", "upgrade-readiness.rules.test.yml"], "");
    run("promtool", &["check", "config", "prometheus.yml"], "");
    run("promtool", &["check", "rules", "--lint-fatal", "upgrade-readiness-shards.rules.yml"], "");
    run("promtool", &["test", "rules", "upgrade-readiness-shards.rules.test.yml"], "");
    run("promtool", &["check", "config", "prometheus-shards.yml"], "");
}

#[test]
fn every_alert_is_whole_tested_and_leads_to_its_section() {
    let both = |end: &str| {
        ["", "-shards"].map(|part| read(&format!("prometheus/upgrade-readiness{part}.{end}"))).concat()
    };
    let (rules, tests) = (both("rules.yml"), both("rules.test.yml"));
    let sections = read("prometheus/README.md");
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 6);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for member in ["expr:", "for:", "severity:", "summary:", "description:"] {
            assert!(alert.contains(&format!(" {member} ")), "{name} has no {member}");
        }
        let link =
            format!("runbook_url: https://runbooks.example.com/upgrade-readiness#{}\n", name.to_lowercase());
        assert!(alert.contains(&link), "{name} leads elsewhere");
        assert!(sections.contains(&format!("\n## {name}\n")), "{name} has no section");
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is not tested");
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

    let drop_in = read("systemd/upgrade-readiness-agent.service.d/files-of-others.conf");
    let place = directory.path().join("upgrade-readiness-agent.service.d");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("files-of-others.conf"), drop_in).unwrap();
    assert_eq!(run("systemd-analyze", &["verify", &unit], ""), "");
}

#[test]
fn the_unit_stays_narrow() {
    let (_directory, unit) = unit();
    // The threshold is ten times the figure that is shown.
    run("systemd-analyze", &["security", "--offline=true", "--threshold=24", &unit], "");
}
