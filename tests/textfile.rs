//! The metrics through the textfile collector of a real `node_exporter`.

#![cfg(test)]

#[path = "support/installation.rs"]
mod installation;
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use installation::Installation;
use process::{NOBODY, Running, agent, agent_without_rights, command, eventually, free_port, set_mode};
use rustix::fs::{Gid, Uid, chown};
use rustix::process::Signal;

/// What the agent says when it cannot write the file.
const TROUBLE: &str = "the textfile cannot be written";

/// An agent that writes its metrics for the collector.
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
        // Nothing listens where the database should be.
        let installation = Installation::lay_out(dir.path(), 1);
        fs::create_dir(dir.path().join("textfiles")).unwrap();
        let house = Self { dir, installation, port: free_port() };
        house.configure("textfiles/upgrade-readiness.prom");
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, textfile: &str) {
        let text = format!(
            "state_dir = '{}'\n[catalog]\nrefresh = false\n[http]\nlisten = '127.0.0.1:{}'\n[metrics]\ntextfile = '{}'\n\
             [[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '{}'\ntargets = ['9.2.10']\n",
            self.path("state").display(),
            self.port,
            self.path(textfile).display(),
            self.installation.installation_dir.display(),
        );
        fs::write(self.path("agent.toml"), text).unwrap();
    }

    async fn start(&self, mut command: Command) -> Running {
        command.args(["run", "--config"]).arg(self.path("agent.toml"));
        let agent = Running::start(&mut command, &self.path("stdout"), &self.path("stderr"));
        eventually("the agent is ready", async || {
            get(&format!("http://127.0.0.1:{}/-/ready", self.port)).await.is_some()
        })
        .await;
        agent
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }
}

async fn get(url: &str) -> Option<String> {
    let answer = reqwest::get(url).await.ok()?;
    answer.error_for_status().ok()?.text().await.ok()
}

/// The series of a text in Prometheus' form, without their values.
fn series(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

/// The value of a series.
fn value<'a>(text: &'a str, series: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

fn written_at(path: &Path) -> f64 {
    fs::metadata(path).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn node_exporter_shows_what_the_agent_writes() {
    let house = House::new();
    let mut running = house.start(agent()).await;
    let file = house.path("textfiles/upgrade-readiness.prom");
    let (address, textfiles) = (format!("127.0.0.1:{}", free_port()), house.path("textfiles"));
    let mut exporter = command("/usr/bin/prometheus-node-exporter");
    exporter
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg(format!("--collector.textfile.directory={}", textfiles.display()))
        .arg(format!("--web.listen-address={address}"));
    let _exporter = Running::start(&mut exporter, &house.path("exporter.out"), &house.path("exporter.err"));
    let url = format!("http://{address}/metrics");
    let judged = r#"upgrade_readiness_target_verdict{requested="9.2.10",site="wiki",target="9.2.10",verdict="unknown"}"#;
    eventually("node_exporter shows the verdict", async || {
        get(&url).await.is_some_and(|text| text.contains(judged))
    })
    .await;

    // The agent ends in order, so that the file stands still.
    running.signal(Signal::TERM);
    assert_eq!(running.wait(), Some(0), "{}", house.log());
    let text = fs::read_to_string(&file).unwrap();
    let shown = get(&url).await.unwrap();
    assert_eq!(value(&shown, "node_textfile_scrape_error"), Some("0"), "{shown}");
    let expected = series(&text);
    assert!(expected.len() > 100, "{text}");
    let found = series(&shown);
    for one in expected {
        // A time at the end would make node_exporter refuse the file.
        let (name, labels) = one.split_once('{').unwrap_or((one, ""));
        assert!(!name.contains(' ') && (labels.is_empty() || labels.ends_with('}')), "{one}");
        assert!(found.contains(&one), "{one} does not come through");
    }
    assert!(text.contains("\nupgrade_readiness_status_file_timestamp_seconds "));

    // What the agent left behind is shown, and so is its age.
    let time = format!("node_textfile_mtime_seconds{{file=\"{}\"}}", file.display());
    let told: f64 = value(&shown, &time).expect(&shown).parse().unwrap();
    assert!((told - written_at(&file)).abs() < 1.0, "{told}");
    let later = get(&url).await.unwrap();
    assert_eq!(value(&later, &time), value(&shown, &time));
    assert!(later.contains(judged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_may_not_be_written_is_told_once_and_ends_nothing() {
    let house = House::new();
    for dir in ["state", "bin"] {
        fs::create_dir(house.path(dir)).unwrap();
    }
    if rustix::process::getuid().is_root() {
        chown(house.path("state"), Some(Uid::from_raw(NOBODY)), Some(Gid::from_raw(NOBODY))).unwrap();
    }
    set_mode(&house.path("textfiles"), 0o555);
    let running = house.start(agent_without_rights(&house.path("bin"))).await;
    eventually("the trouble is told", async || house.log().contains(TROUBLE)).await;
    // Everything else goes on: the metrics are there, the status file is written.
    eventually("the status file is written", async || {
        let metrics = get(&format!("http://127.0.0.1:{}/metrics", house.port)).await.unwrap();
        metrics.contains("\nupgrade_readiness_status_file_timestamp_seconds ")
    })
    .await;

    set_mode(&house.path("textfiles"), 0o777);
    running.signal(Signal::USR1);
    eventually("the textfile is written", async || house.log().contains("can be written again")).await;
    let log = house.log();
    assert_eq!(log.matches(TROUBLE).count(), 1, "{log}");
    for words in ["Permission denied", "textfiles/upgrade-readiness.prom", "right to write in its directory"]
    {
        assert!(log.contains(words), "{words:?} is not in {log}");
    }

    // Another place takes effect with a reload.
    house.configure("textfiles/other.prom");
    running.signal(Signal::HUP);
    eventually("it is written in the other place", async || house.path("textfiles/other.prom").exists())
        .await;
}
