//! What all nodes share is asked by one agent, whatever happens to it and to the store.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::process::eventually;
use crate::site::{Agent, Site};
use crate::support::postgres::Postgres;

/// The database of the product; every connection of an agent stands in its log.
struct Production(Postgres);

impl Production {
    fn start() -> Self {
        let hba = "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        let server = Postgres::start_with(hba, &["log_connections=on"], |_| {});
        server.run("postgres", "CREATE ROLE confluence LOGIN PASSWORD 'planted-password'");
        server.run("postgres", "CREATE DATABASE confluence OWNER confluence");
        Self(server)
    }

    /// How often somebody asked it.
    fn asked(&self) -> usize {
        self.0.log().matches("connection authorized: user=confluence").count()
    }
}

fn node(site: &Site, production: &Production, number: u8) -> Agent {
    let cluster = format!("[instance.cluster]\nnode = 'node-{number}'\nnodes = 3\n");
    site.agent(&format!("node-{number}"), production.0.port, &cluster)
}

async fn leads(agent: &Agent) -> bool {
    agent.metric("fleet_leader{site=\"wiki\",source=\"database\"}").await.as_deref() == Some("1")
}

async fn taken(agent: &Agent) -> String {
    agent.source("database").await["collected_at"].as_str().unwrap_or_default().to_owned()
}

fn fleet_of(agent: &Agent) -> Value {
    let (_, text) = agent.run(&["fleet", "--output", "json", "--format-version", "1"]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn one_agent_asks_for_all_and_another_takes_over() {
    let (mut site, production) = (Site::new(), Production::start());
    let mut nodes = [1, 2, 3].map(|number| node(&site, &production, number));

    // One agent of three: it asks, and the fleet cannot tell yet.
    nodes[0].start().await;
    eventually("the first agent leads", async || leads(&nodes[0]).await).await;
    assert_eq!(nodes[0].source("database").await["state"], "ok", "{}", nodes[0].source("database").await);
    eventually("it has told", async || {
        site.ask("SELECT count(*) FROM letter WHERE source = 'database'") == "1"
    })
    .await;
    let once = production.asked();
    assert!(once >= 1, "{}", production.0.log());
    eventually("it is in the fleet", async || fleet_of(&nodes[0])["instances"][0]["name"] == "wiki").await;
    let fleet = fleet_of(&nodes[0]);
    assert!(fleet["instances"][0]["doubts"][0].as_str().unwrap().contains("1 of 3 nodes report"), "{fleet}");

    // The others take what it learned, as old as it is, and ask nothing.
    for node in &mut nodes[1..] {
        node.start().await;
        eventually("it takes the facts", async || node.source("database").await["state"] == "ok").await;
        assert!(!leads(node).await);
    }
    let age = |at: String| at.parse::<jiff::Timestamp>().unwrap();
    let (leader, follower) = (age(taken(&nodes[0]).await), age(taken(&nodes[1]).await));
    assert!(leader.duration_since(follower).abs().as_millis() < 2000, "{leader} {follower}");
    let (code, text) = nodes[1].run(&["refresh", "--source", "database"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(production.asked(), once);
    // Each node looks at what is its own.
    for node in &nodes {
        assert_eq!(node.source("host").await["state"], "ok");
    }
    eventually("all are in the fleet", async || {
        fleet_of(&nodes[2])["instances"][0]["doubts"].as_array().is_some_and(Vec::is_empty)
    })
    .await;

    // When the leader asks again, the others hear of it.
    let before = taken(&nodes[2]).await;
    nodes[0].run(&["refresh", "--source", "database"]);
    eventually("the news arrive", async || taken(&nodes[2]).await != before).await;
    let twice = production.asked();
    assert_eq!(twice, 2 * once);

    // The leader is killed.
    let died = Instant::now();
    nodes[0].kill();
    eventually("another one leads", async || leads(&nodes[1]).await || leads(&nodes[2]).await).await;
    assert!(died.elapsed().as_secs() < 20, "{:?}", died.elapsed());
    eventually("it asks at once", async || production.asked() == 3 * once).await;
    assert_eq!(site.ask("SELECT epoch FROM lead WHERE source = 'database'"), "2");
    eventually("its letter counts", async || {
        site.ask("SELECT epoch FROM letter WHERE source = 'database'") == "2"
    })
    .await;
    let (second, third) = if leads(&nodes[1]).await { (1, 2) } else { (2, 1) };

    // The next one is frozen: the server takes it for dead, and what it says when it wakes up does not count.
    let frozen = Instant::now();
    nodes[second].running.as_ref().unwrap().signal(Signal::STOP);
    eventually("the third one leads", async || leads(&nodes[third]).await).await;
    assert!(frozen.elapsed().as_secs() < 40, "{:?}", frozen.elapsed());
    nodes[second].running.as_ref().unwrap().signal(Signal::CONT);
    eventually("the frozen one follows", async || !leads(&nodes[second]).await).await;
    eventually("the third one's letter counts", async || {
        site.ask("SELECT epoch FROM letter WHERE source = 'database'") == "3"
    })
    .await;

    // Without the store every agent asks for itself, and says so.
    site.store.stop();
    let lost = production.asked();
    eventually("both ask for themselves", async || production.asked() >= lost + once).await;
    eventually("it is said", async || nodes[third].notices().await.contains("fleet-store")).await;
    assert_eq!(nodes[second].source("database").await["state"], "ok");
    assert_eq!(nodes[third].metric("fleet_store_up").await.as_deref(), Some("0"));
    let (code, text) = nodes[third].run(&["fleet"]);
    assert_eq!(code, Some(3), "{text}");

    // It comes back: one leads again, and the fleet is as before, without the killed one.
    site.store.start_again();
    eventually("one leads again", async || leads(&nodes[1]).await != leads(&nodes[2]).await).await;
    eventually("it is not said any more", async || !nodes[third].notices().await.contains("fleet-store"))
        .await;
    site.ask("UPDATE paper SET judged_at = judged_at - interval '1 hour' WHERE agent = (SELECT agent FROM paper ORDER BY written_at LIMIT 1)");
    let (code, text) = nodes[third].run(&["fleet", "--all"]);
    assert!(matches!(code, Some(2 | 3)), "{text}");
    assert!(text.contains("node-1: last heard of") && text.contains("2 of 3 nodes report"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    eventually("the page says so, too", async || nodes[third].get("/fleet").await.contains("last heard of"))
        .await;
    let json: Value = serde_json::from_str(&nodes[third].get("/api/v1/fleet").await).unwrap();
    assert!(["unknown", "blocked"].contains(&json["verdict"].as_str().unwrap()), "{json}");

    // An agent that was taken down for good is forgotten.
    let (code, text) = nodes[third].run(&["fleet", "--forget", &nodes[0].id()]);
    assert_eq!(code, Some(0), "{text}");
    let (_, text) = nodes[third].run(&["fleet"]);
    assert!(!text.contains("node-1"), "{text}");
    let (code, text) = nodes[third].run(&["fleet", "--forget", "nobody"]);
    assert_eq!(code, Some(3), "{text}");
}

#[tokio::test]
async fn what_another_node_wrote_counts_only_when_it_fits() {
    let (site, production) = (Site::new(), Production::start());
    let mut first = node(&site, &production, 1);
    let mut second = node(&site, &production, 2);
    first.start().await;
    eventually("the first agent leads", async || leads(&first).await).await;
    eventually("it has told", async || {
        site.ask("SELECT count(*) FROM letter WHERE source = 'database'") == "1"
    })
    .await;
    second.start().await;
    eventually("the second takes it", async || second.source("database").await["state"] == "ok").await;

    let once = production.asked();
    let next = "stamp = nextval('letter_stamp')";
    let rows = [
        ("body = '<html>login</html>'", "failed", "no letter of an agent"),
        ("body = ''", "failed", "no letter of an agent"),
        ("body = repeat('[', 1000000)", "failed", "no letter of an agent"),
        ("body = repeat('x', 5000000)", "failed", "5000000 bytes long"),
        ("body = replace(kept, 'confluence', 'wso2-carbon')", "failed", "no letter|another product"),
        (
            "body = regexp_replace(kept, '\"fingerprint\":\"[0-9a-f]+\"', '\"fingerprint\":\"0\"')",
            "failed",
            "looks elsewhere",
        ),
        (
            "body = regexp_replace(kept, '\"source\":\"database\"', '\"source\":\"plugins\"')",
            "failed",
            "another source",
        ),
        ("body = kept, collected_at = 'infinity'", "failed", "cannot tell how old"),
        (
            "body = kept, collected_at = clock_timestamp() + interval '1 hour'",
            "failed",
            "cannot tell how old",
        ),
        ("body = kept, collected_at = clock_timestamp() - interval '900 days'", "stale", ""),
        ("body = kept, collected_at = clock_timestamp()", "ok", ""),
    ];
    site.ask("ALTER TABLE letter ADD COLUMN kept text; UPDATE letter SET kept = body");
    for (change, state, words) in rows {
        site.ask(&format!("UPDATE letter SET {next}, {change} WHERE source = 'database'"));
        eventually(change, async || {
            let source = second.source("database").await;
            let error = source["error"].as_str().unwrap_or_default();
            source["state"] == state && words.split('|').any(|words| error.contains(words))
        })
        .await;
        let verdict = second.status().await["instances"][0]["verdict"].clone();
        assert_ne!(verdict, "ready", "{change}");
    }
    assert_eq!(production.asked(), once);
    // A letter of another version of the agent may mean something else: then each asks for itself.
    site.ask(&format!("UPDATE letter SET {next}, body = replace(kept, '\"form\":\"1/', '\"form\":\"2/') WHERE source = 'database'"));
    eventually("the second asks for itself", async || production.asked() > once).await;
    assert_eq!(second.source("database").await["state"], "ok");
}
