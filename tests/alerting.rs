//! From a privilege that is taken in a real database to the message at a receiver, through the agent, Prometheus
//! with the rules of `deploy/`, and Alertmanager with the sample beside them.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/demo.rs"]
mod demo;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/monitoring.rs"]
mod monitoring;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::routing::post;
use axum::{Json, Router};
use demo::Demo;
use monitoring::{Alertmanager, Prometheus, scraping};
use process::eventually;
use rustix::process::Signal;
use serde_json::{Value, json};
use sqlx::Executor;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

fn deploy(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/prometheus").join(path)).unwrap()
}

/// A text with every part that matters replaced; each must be there.
fn with(mut text: String, replacements: &[(&str, &str)]) -> String {
    for (old, new) in replacements {
        assert!(text.contains(old), "{old} is not in\n{text}");
        text = text.replace(old, new);
    }
    text
}

/// The rules of `deploy/` as they are, but for their times: seconds stand where they have minutes and hours.
fn fast_rules() -> String {
    let rules = with(
        deploy("upgrade-readiness.rules.yml"),
        &[("[30m] offset 1h", "[4s] offset 10s"), ("[10m]", "[4s]"), ("[15m]", "[4s]")],
    );
    let lines = rules.lines().map(|line| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
        _ => format!("{line}\n"),
    });
    lines.collect::<Vec<_>>().concat()
}

/// The sample of `deploy/` as it is, but for its times and its receiver.
fn fast_alertmanager(receiver: &str) -> String {
    with(
        deploy("alertmanager.yml"),
        &[
            ("group_wait: 1m", "group_wait: 0s"),
            ("group_interval: 10m", "group_interval: 1s"),
            ("http://127.0.0.1:9000/alerts", receiver),
        ],
    )
}

/// Whoever is told of alerts: an HTTP server that keeps what it gets.
struct Receiver {
    told: Arc<Mutex<Vec<Value>>>,
    url: String,
    _serving: JoinSet<()>,
}

impl Receiver {
    async fn start() -> Self {
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let keeps = Arc::clone(&told);
        let take = move |Json(message): Json<Value>| {
            keeps.lock().unwrap_or_else(PoisonError::into_inner).push(message);
            std::future::ready(())
        };
        let router = Router::new().route("/alerts", post(take));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { told, url, _serving: serving }
    }

    /// Every alert with these labels that came with this status.
    fn alerts(&self, status: &str, labels: &[(&str, &str)]) -> Vec<Value> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let alerts =
            told.iter().flat_map(|message| message["alerts"].as_array().cloned().unwrap_or_default());
        let is_meant = |alert: &Value| {
            alert["status"] == status && labels.iter().all(|(name, value)| alert["labels"][name] == *value)
        };
        alerts.filter(is_meant).collect()
    }

    /// The first alert with these labels that comes with this status.
    async fn gets(&self, status: &str, labels: &[(&str, &str)]) -> Value {
        let what = format!("{labels:?} comes {status}");
        eventually(&what, async || !self.alerts(status, labels).is_empty()).await;
        self.alerts(status, labels).remove(0)
    }
}

const PRIVILEGES: (&str, &str) = ("check", "database-privileges");

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_taken_reaches_the_receiver_and_so_does_its_return() {
    let demo = Demo::start("confluence").await;
    let dir = demo.dir.path();
    let receiver = Receiver::start().await;
    let alertmanager = Alertmanager::start(dir, &fast_alertmanager(&receiver.url)).await;
    fs::write(dir.join("rules.yml"), fast_rules()).unwrap();
    let config = format!(
        "{}rule_files: [rules.yml]\nalerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['{}']\n",
        scraping(&demo.address),
        alertmanager.address
    );
    let prometheus = Prometheus::start(dir, &config).await;

    // The example is blocked to begin with, by other checks, and has been watched for long enough to tell what is new.
    let blocked = receiver.gets("firing", &[("alertname", "UpgradeBlocked"), ("site", "wiki")]).await;
    let target = blocked["labels"]["target"].as_str().unwrap();
    receiver.gets("firing", &[("alertname", "UpgradeCheckBlocked"), ("check", "java-version")]).await;
    prometheus.gives("max_over_time(upgrade_readiness_check_verdict{check='database-privileges', verdict='blocked'}[4s] offset 10s) == 0").await;
    assert!(receiver.alerts("firing", &[PRIVILEGES]).is_empty());

    let mut admin = demo.administrator("confluence").await;
    admin.execute("REVOKE CREATE ON SCHEMA public FROM confluence").await.unwrap();
    demo.refresh("database");
    for (alertname, severity) in [("UpgradeCheckBlocked", "warning"), ("UpgradeNewBlocker", "critical")] {
        let labels = [("alertname", alertname), PRIVILEGES, ("target", target)];
        let alert = receiver.gets("firing", &labels).await;
        let expected = json!({
            "alertname": alertname, "check": "database-privileges", "verdict": "blocked", "site": "wiki",
            "target": target, "severity": severity, "job": "upgrade-readiness", "instance": demo.address,
        });
        assert_eq!(alert["labels"], expected);
        let said = &alert["annotations"];
        let page = "https://runbooks.example.com/upgrade-readiness/checks/README.md#database-privileges";
        assert_eq!(said["runbook_url"], page);
        assert!(said["summary"].as_str().unwrap().contains("database-privileges"), "{said}");
        let description = said["description"].as_str().unwrap();
        assert!(description.contains("`agent ") && description.contains(&demo.address), "{description}");
    }

    admin.execute("GRANT CREATE ON SCHEMA public TO confluence").await.unwrap();
    demo.refresh("database");
    let labels = [("alertname", "UpgradeCheckBlocked"), PRIVILEGES, ("target", target)];
    receiver.gets("resolved", &labels).await;
    // What else blocks it still does.
    assert!(receiver.alerts("resolved", &[("check", "java-version")]).is_empty());
    assert!(receiver.alerts("resolved", &[("alertname", "UpgradeBlocked")]).is_empty());

    // An agent that is killed says nothing, and silence is no good news.
    demo.agent.signal(Signal::KILL);
    let down = receiver.gets("firing", &[("alertname", "UpgradeReadinessAgentDown")]).await["labels"].clone();
    assert_eq!(down["instance"], demo.address.as_str());
    // Twice as long as any rule looks back.
    prometheus.gives("count_over_time((up == 0)[1m:1s]) >= 8").await;
    for alert in ["UpgradeBlocked", "UpgradeCheckBlocked"] {
        let firing = format!("ALERTS{{alertname='{alert}', alertstate='firing', target='{target}'}}");
        assert!(!prometheus.query(&firing).await.unwrap().is_empty(), "{alert} has ended");
    }
    assert!(receiver.alerts("resolved", &[("check", "java-version")]).is_empty());
    assert!(receiver.alerts("resolved", &[("alertname", "UpgradeBlocked")]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_more_silences_what_says_less_and_nothing_else() {
    upgrade_readiness_agent::collect::http::install_tls_provider();
    let dir = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(dir.path(), &deploy("alertmanager.yml")).await;
    // What comes, beside what, and whether it is silenced.
    let rows = [
        ("UpgradeBlocked", "wiki", "10.2.14", "", false),
        ("UpgradeWillBeBlocked", "wiki", "10.2.14", "", true),
        ("UpgradeWillSoonBeBlocked", "wiki", "10.2.14", "", true),
        ("UpgradeCheckBlocked", "wiki", "10.2.14", "", false),
        // Another target, and another site.
        ("UpgradeWillSoonBeBlocked", "wiki", "9.2.10", "", false),
        ("UpgradeWillBeBlocked", "wiki", "9.2.10", "", true),
        ("UpgradeWillBeBlocked", "docs", "10.2.14", "", false),
        ("UpgradeSourceFailing", "wiki", "", "database", false),
        ("UpgradeFactsStale", "wiki", "", "database", true),
        ("UpgradeFactsStale", "wiki", "", "disk", false),
        ("UpgradeFactsStale", "", "", "status-file", false),
        ("UpgradeReadinessAgentDown", "", "", "", false),
    ];
    let alerts: Vec<Value> = rows
        .iter()
        .map(|(alertname, site, target, source, _)| {
            let mut labels = json!({ "alertname": alertname, "severity": "warning", "instance": "h:9977" });
            for (name, value) in [("site", site), ("target", target), ("source", source)] {
                if !value.is_empty() {
                    labels[name] = json!(value);
                }
            }
            json!({ "labels": labels })
        })
        .collect();
    let url = format!("http://{}/api/v2/alerts", alertmanager.address);
    let client = reqwest::Client::builder().build().unwrap();
    let sent = client.post(&url).header("content-type", "application/json").body(json!(alerts).to_string());
    assert!(sent.send().await.unwrap().status().is_success());

    let seen = async || -> Vec<Value> {
        serde_json::from_str(&reqwest::get(&url).await.unwrap().text().await.unwrap()).unwrap()
    };
    let is_as_it_should_be = |shown: &[Value], sent: &Value, is_silenced: bool| {
        let alert = shown.iter().find(|alert| alert["labels"] == sent["labels"]);
        let by = alert.and_then(|alert| alert["status"]["inhibitedBy"].as_array());
        by.is_some_and(|by| by.is_empty() != is_silenced)
    };
    for ((.., is_silenced), sent) in rows.iter().zip(&alerts) {
        eventually(&format!("{sent} is silenced: {is_silenced}"), async || {
            is_as_it_should_be(&seen().await, sent, *is_silenced)
        })
        .await;
    }
}
