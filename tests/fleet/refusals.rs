//! A shared store that cannot be used: said plainly, harmless, and without the password.

use std::fs;

use crate::process::eventually;
use crate::site::{PASSWORD, Site, files_with};

#[tokio::test]
async fn a_store_that_cannot_be_used_is_said_plainly_and_the_agent_goes_on() {
    let site = Site::new();
    let mut agent = site.agent("solo", 1, "");
    let good = fs::read_to_string(agent.config()).unwrap();
    site.ask("CREATE SCHEMA other; CREATE SCHEMA newer AUTHORIZATION readiness");
    site.ask("CREATE TABLE newer.form (form integer, made_by text); INSERT INTO newer.form VALUES (99, 'later'); GRANT SELECT ON newer.form TO readiness");
    agent.start().await;
    eventually("the store is in use", async || agent.metric("fleet_store_up").await.as_deref() == Some("1"))
        .await;
    let secret = site.dir.path().join("wrong");
    fs::write(&secret, "wrong-password").unwrap();
    let password = site.dir.path().join("password").display().to_string();
    let store = |keys: &str| good.replace("publish_every = '1s'", &format!("publish_every = '1s'\n{keys}"));
    let rows = [
        (store("schema = 'absent'"), "finds no such schema", "CREATE SCHEMA absent AUTHORIZATION"),
        (store("schema = 'other'"), "may not use the schema", "CREATE SCHEMA other AUTHORIZATION"),
        (store("schema = 'newer'"), "are of form 99", "Install the version"),
        (
            good.replace("/fleet'", "/nothing'"),
            "database \\\"nothing\\\" does not exist|permission denied",
            "Make the database",
        ),
        (good.replace("readiness@", "nobody@"), "password authentication failed", "pg_hba.conf"),
        (
            good.replace(&password, &secret.display().to_string()),
            "password authentication failed",
            "pg_hba.conf",
        ),
        (
            good.replace(&password, "/nothing/there"),
            "password of the shared store cannot be had",
            "store.password_file",
        ),
        (store("tls = 'verify'"), "connecting", ""),
    ];
    for (config, words, remedy) in rows {
        agent.write(&config);
        let (code, text) = agent.run(&["fleet"]);
        assert_eq!(code, Some(3), "{text}");
        let (code, _) = agent.run(&["config", "check"]);
        assert_eq!(code, Some(0));
        agent.running.as_ref().unwrap().signal(rustix::process::Signal::HUP);
        eventually(words, async || {
            let notices = agent.notices().await;
            words.split('|').any(|words| notices.contains(words)) && notices.contains(remedy)
        })
        .await;
        // It goes on by itself.
        assert_eq!(agent.source("host").await["state"], "ok");
        assert!(agent.try_get("/-/healthy").await.is_some());
    }
    assert_eq!(site.ask("SELECT count(*) FROM newer.form"), "1");
    let (code, text) = agent.run(&["fleet", "--print-sql"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("CREATE SCHEMA upgrade_readiness AUTHORIZATION \"readiness\""), "{text}");

    // All is well again, and of the fleet only what can be read is believed.
    agent.write(&good);
    agent.running.as_ref().unwrap().signal(rustix::process::Signal::HUP);
    eventually("all is well", async || !agent.notices().await.contains("fleet-store")).await;
    site.ask("INSERT INTO agent VALUES ('evil', E'host\\x1b[2J<script>', '9', now())");
    site.ask(
        "INSERT INTO paper SELECT 'evil', i, j::timestamptz, now(), h, 'd' || i, b FROM (VALUES \
         ('a', 'now', 60000::bigint, '<html>'), ('b', 'infinity', 60000, '{}'), ('c', '-infinity', 9223372036854775807, '[]'), \
         ('d', 'now', 60000, repeat('x', 300000)), ('e', 'now', -1, repeat('[', 100000)), \
         ('f', 'now', 60000, '{\"form\":7}')) AS v (i, j, h, b)",
    );
    eventually("it is shown", async || agent.get("/fleet").await.contains("form 7")).await;
    let page = agent.get("/fleet").await;
    assert!(!page.contains("<script") && !page.contains('\u{1b}'), "{page}");
    let (code, text) = agent.run(&["fleet", "--all"]);
    assert!(matches!(code, Some(2 | 3)), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("cannot be read"), "{text}");
    let fleet: serde_json::Value = serde_json::from_str(&agent.get("/api/v1/fleet").await).unwrap();
    for instance in fleet["instances"].as_array().unwrap() {
        let evil = instance["reports"][0]["agent"] == "evil";
        assert!(!evil || instance["verdict"] == "unknown", "{instance}");
    }
    let (_, schema) = agent.run(&["fleet", "--output", "markdown"]);
    assert!(schema.starts_with("# Fleet"), "{schema}");

    // The password stands where it was put, and nowhere else.
    for path in ["/", "/metrics", "/api/v1/status", "/fleet", "/api/v1/fleet"] {
        assert!(!agent.get(path).await.contains(PASSWORD), "{path}");
    }
    for arguments in [&["config", "show"][..], &["fleet"], &["fleet", "--print-sql"], &["config", "check"]] {
        assert!(!agent.run(arguments).1.contains(PASSWORD), "{arguments:?}");
    }
    let id = agent.running.as_ref().unwrap().0.id();
    for file in ["cmdline", "environ"] {
        assert!(!fs::read_to_string(format!("/proc/{id}/{file}")).unwrap().contains(PASSWORD));
    }
    assert_eq!(files_with(site.dir.path(), PASSWORD), [site.dir.path().join("password")]);
    let tables = site.ask("SELECT string_agg(t::text, '') FROM (SELECT paper::text AS t FROM paper UNION ALL SELECT change::text FROM change UNION ALL SELECT agent::text FROM agent) AS all_of_it");
    assert!(!tables.contains(PASSWORD));
}

#[tokio::test]
async fn a_copied_state_directory_is_found_out_and_hides_nothing() {
    let site = Site::new();
    let mut agent = site.agent("solo", 1, "");
    agent.start().await;
    eventually("it reports", async || site.try_ask("paper", "SELECT count(*) FROM paper") == "1").await;
    // The copy wrote last, and watches something else.
    let copy = format!("UPDATE agent SET host = 'clone', seen_at = now() WHERE id = '{}'", agent.id());
    site.ask(&format!("{copy}; UPDATE paper SET instance = 'other'"));
    eventually("it is said", async || {
        let notices = agent.notices().await;
        notices.contains("the host clone writes into the shared store")
            && notices.contains("remove agent-id and history.db from")
    })
    .await;
    assert_eq!(site.ask("SELECT string_agg(instance, ' ') FROM paper"), "other");
    assert_eq!(agent.metric("fleet_store_up").await.as_deref(), Some("0"));

    // A host that only got another name is let in again.
    site.ask("UPDATE agent SET seen_at = now() - interval '11 minutes'");
    eventually("it reports again", async || {
        site.ask("SELECT string_agg(instance, ' ') FROM paper") == "wiki"
    })
    .await;
    eventually("all is well", async || !agent.notices().await.contains("fleet-store")).await;
}
