//! A real Prometheus and a real Alertmanager; both end with their value.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::process::{Running, command, eventually, free_port};

/// A configuration that scrapes a target every second, as the job the alerts look for.
pub(crate) fn scraping(target: &str) -> String {
    format!(
        "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\nscrape_configs:\n  - job_name: upgrade-readiness\n    static_configs:\n      - targets: ['{target}']\n"
    )
}

/// A Prometheus.
pub(crate) struct Prometheus {
    _server: Running,
    address: String,
}

impl Prometheus {
    /// Starts it with a configuration, in a directory that is there.
    pub(crate) async fn start(dir: &Path, config: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        fs::write(dir.join("prometheus.yml"), config).unwrap();
        let mut server = command("/usr/bin/prometheus");
        server
            .arg(format!("--config.file={}", dir.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"));
        let server = start(&mut server, dir, "prometheus", &address).await;
        Self { _server: server, address }
    }

    /// What a query gives now: series, or why there is no answer.
    pub(crate) async fn query(&self, promql: &str) -> Result<Vec<Value>, String> {
        self.ask("query", &[("query", promql)]).await
    }

    /// What a query gives at every second of the last minute.
    pub(crate) async fn query_range(&self, promql: &str) -> Result<Vec<Value>, String> {
        let now = jiff::Timestamp::now().as_second();
        let (start, end) = ((now - 60).to_string(), now.to_string());
        self.ask(
            "query_range",
            &[("query", promql), ("start", start.as_str()), ("end", end.as_str()), ("step", "1")],
        )
        .await
    }

    async fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let mut url = reqwest::Url::parse(&format!("http://{}/api/v1/{what}", self.address)).unwrap();
        url.query_pairs_mut().extend_pairs(parameters);
        let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
        let answer = answer.text().await.map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(series) => Ok(series.clone()),
            None => Err(answer["error"].to_string()),
        }
    }

    /// Waits until a query gives something.
    pub(crate) async fn gives(&self, promql: &str) {
        eventually(promql, async || self.query(promql).await.is_ok_and(|series| !series.is_empty())).await;
    }
}

/// An Alertmanager.
pub(crate) struct Alertmanager {
    _server: Running,
    pub(crate) address: String,
}

impl Alertmanager {
    /// Starts it with a configuration, in a directory that is there.
    pub(crate) async fn start(dir: &Path, config: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        fs::write(dir.join("alertmanager.yml"), config).unwrap();
        let mut server = command("/usr/bin/prometheus-alertmanager");
        server
            .arg(format!("--config.file={}", dir.join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", dir.join("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let server = start(&mut server, dir, "alertmanager", &address).await;
        Self { _server: server, address }
    }
}

/// Starts a server and waits until it says that it is ready.
async fn start(server: &mut Command, dir: &Path, name: &str, address: &str) -> Running {
    let log = dir.join(format!("{name}.err"));
    let mut server = Running::start(server, &dir.join(format!("{name}.out")), &log);
    eventually(&format!("{name} is ready"), async || {
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none(), "{name} has ended: {}", fs::read_to_string(&log).unwrap());
        let url = format!("http://{address}/-/ready");
        reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    server
}
