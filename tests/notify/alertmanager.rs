//! A real Alertmanager gets the alert, shows it, and shows it no more when it is over.

use std::fs;

use serde_json::Value;

use super::house::House;
use super::process::{Running, command, eventually, free_port};

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_shows_what_blocks_and_no_more_when_it_does_not() {
    let port = free_port();
    let base = format!("http://127.0.0.1:{port}");
    let house = House::new(&format!(
        "[[channel]]\nname = \"alerts\"\nkind = \"alertmanager\"\nurl = \"{base}\"\non = [\"blocked\"]\nhold = \"0s\"\n\
         repeat_every = \"2s\"\n"
    ));
    let config = house.path("alertmanager.yml");
    fs::write(&config, "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n").unwrap();
    let mut program = command("prometheus-alertmanager");
    program
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", house.path("alertmanager").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=");
    let _alertmanager = Running::start(&mut program, &house.path("am.out"), &house.path("am.err"));
    eventually("the Alertmanager is ready", async || {
        reqwest::get(format!("{base}/-/ready")).await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;

    let (code, told) = house.told(&["notify", "test", "alerts"]);
    assert!(code == 0 && told.contains("taken; answered 200 OK"), "{told}");
    let alerts = async |name: &str| -> Vec<Value> {
        let answer = reqwest::get(format!("{base}/api/v2/alerts")).await.unwrap().text().await.unwrap();
        let all: Vec<Value> = serde_json::from_str(&answer).unwrap();
        all.into_iter().filter(|alert| alert["labels"]["alertname"] == name).collect()
    };
    assert_eq!(alerts("UpgradeReadinessTest").await.len(), 1);

    let _daemon = house.start().await;
    house.open_gate(false);
    house.refresh().await;
    let gate = async || {
        let all = alerts("UpgradeBlocked").await;
        all.into_iter().find(|alert| alert["labels"]["subject"] == "gate")
    };
    eventually("the alert stands", async || gate().await.is_some()).await;
    let alert = gate().await.unwrap();
    let labels = &alert["labels"];
    for (name, value) in [
        ("severity", "critical"),
        ("site", "wiki"),
        ("target", "9.2.10"),
        ("requested", "9.2.10"),
        ("verdict", "blocked"),
        ("check", "custom"),
    ] {
        assert_eq!(labels[name], value, "{labels}");
    }
    assert!(alert["annotations"]["summary"].as_str().unwrap().contains("gate"), "{alert}");
    let updated = alert["updatedAt"].clone();
    eventually("it is sent again", async || gate().await.is_some_and(|alert| alert["updatedAt"] != updated))
        .await;

    house.open_gate(true);
    house.refresh().await;
    eventually("the alert is over", async || gate().await.is_none()).await;
    let (code, list) = house.told(&["notify", "list"]);
    assert!(code == 0 && list.contains("answered 200 OK"), "{list}");
}
