//! The example of a Carbon server, as a person uses it: what stands in the way goes when it is mended.

#![cfg(test)]

#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/demo.rs"]
mod demo;
#[expect(dead_code, reason = "shared with tests that use more of it")]
#[path = "support/process.rs"]
mod process;

use std::fs;

use demo::Demo;
use process::{command, eventually};
use serde_json::Value;
use sqlx::Executor;

const DATABASE_PASSWORD: &str = "example-secret-7f3a";

const RUNNING: &str = "opt/wso2/wso2carbon-4.4.6";
const PREPARED: &str = "opt/wso2/wso2carbon-4.4.7";

/// A check as the agent tells of it now.
async fn check(demo: &Demo, id: &str) -> Value {
    let status: Value = serde_json::from_str(&demo.get("/api/v1/status").await).unwrap();
    let checks = status["instances"][0]["targets"][0]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}")).clone()
}

/// Subjects of what a check found that blocks.
fn blockers(check: &Value) -> Vec<String> {
    let findings = check["findings"].as_array().unwrap().iter();
    let blocking = findings.filter(|finding| finding["severity"] == "blocker");
    blocking.map(|finding| finding["subject"].as_str().unwrap().to_owned()).collect()
}

/// Waits until nothing of a check blocks whose subject has a word in it.
async fn no_longer_blocks(demo: &Demo, id: &str, word: &str) {
    eventually(&format!("{id} has no blocker about {word:?}"), async || {
        !blockers(&check(demo, id).await).iter().any(|subject| subject.contains(word))
    })
    .await;
}

/// Changes a text of the prepared home.
fn mend(demo: &Demo, file: &str, from: &str, to: &str) {
    let path = demo.path(PREPARED).join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_prepared_home_blocks_until_it_is_mended() {
    let demo = Demo::start("carbon").await;
    let rows = [
        ("staging-isolation", "clustering"),
        ("staging-copy", "repository/deployment/server"),
        ("staging-copy", "repository/tenants"),
        ("staging-database", "-Dsetup"),
        ("upgrade-interrupted", "configuration-copied"),
        ("osgi-bundles", "com.example.audit"),
        ("database-ownership", "former_dba"),
    ];
    for (id, subject) in rows {
        let check = check(&demo, id).await;
        assert_eq!(check["verdict"], "blocked", "{check}");
        assert!(blockers(&check).iter().any(|other| other.contains(subject)), "{subject}: {check}");
    }
    let ready = [
        "upgrade-path",
        "java-version",
        "database-driver",
        "database-embedded",
        "customised-files",
        "disk-space",
    ];
    for id in ready {
        let check = check(&demo, id).await;
        assert_eq!(check["verdict"], "ready", "{check}");
    }
    let drift = check(&demo, "configuration-drift").await.to_string();
    assert!(drift.contains("carbon.xml") && drift.contains("log4j.properties"), "{drift}");

    mend(&demo, "bin/wso2server.sh", "-Dsetup", "");
    mend(&demo, "repository/conf/axis2/axis2.xml", "enable=\"true\"", "enable=\"false\"");
    mend(&demo, "repository/conf/carbon.xml", "<Version>4.4.6<", "<Version>4.4.7<");
    for forgotten in
        ["deployment/server/axis2services/OrderService.aar", "tenants/2/axis2services/PriceService.aar"]
    {
        let below = format!("repository/{forgotten}");
        let copy = demo.path(PREPARED).join(&below);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(demo.path(RUNNING).join(&below), copy).unwrap();
    }
    demo.refresh("rehearsal");
    no_longer_blocks(&demo, "staging-isolation", "clustering").await;
    no_longer_blocks(&demo, "staging-copy", "repository").await;
    no_longer_blocks(&demo, "staging-database", "-Dsetup").await;
    no_longer_blocks(&demo, "upgrade-interrupted", "configuration-copied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privilege_that_is_taken_blocks_until_it_is_given_back_and_no_secret_is_told() {
    let demo = Demo::start("wso2-carbon").await;
    let becomes = async |verdict: &str| {
        demo.refresh("database");
        eventually(&format!("database-privileges is {verdict}"), async || {
            check(&demo, "database-privileges").await["verdict"] == verdict
        })
        .await;
    };
    // While somebody else is connected, nobody waits for silence.
    let mut admin = demo.administrator("carbon").await;
    becomes("ready").await;
    admin.execute("REVOKE CREATE ON SCHEMA public FROM carbon").await.unwrap();
    becomes("blocked").await;
    admin.execute("GRANT CREATE ON SCHEMA public TO carbon").await.unwrap();
    becomes("ready").await;

    let snapshot = demo.path("facts.json");
    let (_, said) = demo.run(&["snapshot", "--output", snapshot.to_str().unwrap()]);
    let facts = fs::read_to_string(&snapshot).unwrap_or_else(|error| panic!("{error}: {said}"));
    let told = [
        ("facts", facts),
        ("status", demo.get("/api/v1/status").await),
        ("metrics", demo.get("/metrics").await),
        ("page", demo.get("/instances/carbon?open=all").await),
        ("run book", demo.get("/api/v1/plan/carbon/4.4.7").await),
        ("log", demo.read("stderr")),
        ("stdout", demo.read("stdout")),
        ("process list", String::from_utf8(command("ps").args(["axww"]).output().unwrap().stdout).unwrap()),
    ];
    for (name, text) in told {
        assert!(!text.contains(DATABASE_PASSWORD), "the password is in the {name}");
    }
}
