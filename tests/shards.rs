//! Two real agents that share one configuration, found by a real Prometheus through what they say of themselves and
//! through a file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something goes wrong"
)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use process::{Running, agent, command, eventually, free_port};
use serde_json::Value;

const SITES: usize = 12;

/// A directory with one configuration for two agents, but for where each listens and keeps its state.
struct Site {
    dir: tempfile::TempDir,
    agents: [String; 2],
}

impl Site {
    fn new() -> Self {
        upgrade_readiness_agent::collect::http::install_tls_provider();
        let agents = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        Self { dir: tempfile::tempdir().unwrap(), agents }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts one of the agents; the environment says which it takes itself for.
    fn start(&self, which: usize, shard: &str) -> Running {
        let state = self.path(&format!("state-{which}"));
        let head = format!(
            "state_dir = '{}'\n[http]\nlisten = '{}'\n[catalog]\nrefresh = false\n[shard]\nindex_env = 'SHARD'\nagents = ['{}', '{}']\n",
            state.display(),
            self.agents[which],
            self.agents[0],
            self.agents[1]
        );
        let instance = |number| {
            format!(
                "[[instance]]\nname = 'wiki-{number}'\nproduct = 'confluence'\ninstallation_dir = '/nonexistent/{number}'\n"
            )
        };
        let instances: Vec<String> = (0..SITES).map(instance).collect();
        let config = self.path(&format!("agent-{which}.toml"));
        fs::write(&config, head + &instances.concat()).unwrap();
        let mut agent = agent();
        agent.args(["run", "--config"]).arg(&config).env("SHARD", shard);
        let name = |end: &str| self.path(&format!("agent-{which}.{end}"));
        Running::start(&mut agent, &name("out"), &name("err"))
    }

    /// Starts a Prometheus that is told of one agent and asks it for the others, and finds all in a file as well.
    fn prometheus(&self) -> (Running, String) {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/prometheus-shards.yml");
        let sample = fs::read_to_string(sample).unwrap();
        assert!(sample.contains("/api/v1/sd\n") && sample.contains("__meta_upgrade_readiness_shard]"));
        // An agent's own label must not be pushed aside by one that Prometheus gives it.
        assert!(sample.contains("target_label: listed_shard\n") && !sample.contains("target_label: shard\n"));
        let [first, second] = &self.agents;
        fs::write(self.path("agents.json"), format!("[{{\"targets\": [\"{first}\", \"{second}\"]}}]"))
            .unwrap();
        let config = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: upgrade-readiness\n    http_sd_configs:\n      - url: http://{first}/api/v1/sd\n        refresh_interval: 1s\n    relabel_configs:\n      - source_labels: [__meta_upgrade_readiness_shard]\n        target_label: listed_shard\n  - job_name: by-file\n    file_sd_configs:\n      - files: [agents.json]\n"
        );
        fs::write(self.path("prometheus.yml"), config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let mut server = command("/usr/bin/prometheus");
        server
            .arg(format!("--config.file={}", self.path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", self.path("tsdb").display()))
            .arg(format!("--web.listen-address={address}"));
        let server = Running::start(&mut server, &self.path("prometheus.out"), &self.path("prometheus.err"));
        (server, address)
    }
}

/// What Prometheus answers: the value of each series by one of its labels.
async fn ask(address: &str, query: &str, label: &str) -> BTreeMap<String, String> {
    let mut url = reqwest::Url::parse(&format!("http://{address}/api/v1/query")).unwrap();
    url.query_pairs_mut().append_pair("query", query);
    let Ok(answer) = reqwest::get(url).await else { return BTreeMap::new() };
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap_or_default()).unwrap_or_default();
    let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    let of = |series: Value| {
        let name = series["metric"][label].as_str().unwrap_or_default().to_owned();
        (name, series["value"][1].as_str().unwrap_or_default().to_owned())
    };
    series.into_iter().map(of).collect()
}

/// The expression of an alert of the rules for shards.
fn expression(alert: &str) -> String {
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus/upgrade-readiness-shards.rules.yml");
    let rules = fs::read_to_string(rules).unwrap();
    let (_, rule) = rules.split_once(&format!("alert: {alert}\n")).unwrap();
    rule.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_finds_all_agents_and_each_site_once() {
    let site = Site::new();
    let _first = site.start(0, "agent-0");
    let second = site.start(1, "agent-1");
    let (_server, prometheus) = site.prometheus();
    let watching = |job: &'static str| {
        format!("count by (site) (group by (site, instance) (upgrade_readiness_source_up{{job=\"{job}\"}}))")
    };
    for job in ["upgrade-readiness", "by-file"] {
        eventually(&format!("every site is watched once, as {job} finds"), async || {
            let found = ask(&prometheus, &watching(job), "site").await;
            found.len() == SITES && found.values().all(|agents| agents == "1")
        })
        .await;
    }
    let shards = "upgrade_readiness_agent_shards{job=\"upgrade-readiness\"}";
    for label in ["shard", "listed_shard"] {
        let found = ask(&prometheus, shards, label).await;
        let both = ["1", "2"].map(|shard| (shard.to_owned(), "2".to_owned()));
        assert_eq!(found, BTreeMap::from(both), "{label}");
    }
    // Everything here is scraped by two jobs, which the alerts would take for two agents.
    let ours = |alert: &str| {
        let expression = expression(alert);
        expression
            .replace("_up)", "_up{job=\"upgrade-readiness\"})")
            .replace("_shards >", "_shards{job=\"upgrade-readiness\"} >")
    };
    for alert in ["UpgradeSiteWatchedTwice", "UpgradeShardMissing", "UpgradeShardsDisagree"] {
        assert_eq!(ask(&prometheus, &ours(alert), "site").await, BTreeMap::new(), "{alert}");
    }

    drop(second);
    eventually("a shard is missing", async || {
        ask(&prometheus, &ours("UpgradeShardMissing"), "").await.values().any(|missing| missing == "1")
    })
    .await;

    let _second = site.start(1, "1");
    eventually("sites are watched twice", async || {
        let twice = ask(&prometheus, &ours("UpgradeSiteWatchedTwice"), "site").await;
        !twice.is_empty() && twice.len() < SITES && twice.values().all(|agents| agents == "2")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_to_which_no_instance_falls_is_ready_and_says_so() {
    let site = Site::new();
    let [address, _] = &site.agents;
    let config = site.path("agent.toml");
    let index = (1..=3).find(|index| *index != upgrade_readiness_agent::shard::shard_of("wiki", 3)).unwrap();
    let text = format!(
        "state_dir = '{}'\n[http]\nlisten = '{address}'\n[catalog]\nrefresh = false\n[shard]\nindex = {index}\nof = 3\n\
         [[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/nonexistent'\n",
        site.path("state").display()
    );
    fs::write(&config, text).unwrap();
    let mut daemon = agent();
    daemon.args(["run", "--config"]).arg(&config);
    let _daemon = Running::start(&mut daemon, &site.path("out"), &site.path("err"));
    let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await;
    eventually("it is ready", async || {
        get("/-/ready").await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    let status = get("/api/v1/status").await.unwrap().text().await.unwrap();
    let told = format!("No instance of the configuration falls into shard {index} of 3");
    assert!(status.contains(&told), "{status}");
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    let shards = format!("upgrade_readiness_agent_shards{{shard=\"{index}\"}} 3");
    assert!(metrics.contains(&shards), "{metrics}");
    // It can tell nothing of any instance, and where the others are was not said.
    let seen = agent().args(["status", "--config"]).arg(&config).output().unwrap();
    assert_eq!(seen.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&seen.stdout).contains(&told), "{seen:?}");
    let others = get("/api/v1/sd").await.unwrap();
    assert_eq!(others.status().as_u16(), 404);
    assert!(others.text().await.unwrap().contains("shard.agents"));
}
