//! The history of an agent is handed in once and in order, whatever is killed at whatever moment.

use jiff::Timestamp;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use upgrade_readiness_agent::store::{Batch, Change, Store};
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::rules;

use crate::process::eventually;
use crate::site::{Agent, Site};

/// Writes changes beside the agent, as its recorder would.
async fn happen(agent: &Agent, round: usize, number: usize) {
    let change = |step: usize| Change {
        instance: "wiki".into(),
        target: "9.2.10".into(),
        // Of one check a thousand changes are kept: another one in each round.
        check: rules::ALL.iter().cycle().nth(round).unwrap().id.into(),
        at: Timestamp::now(),
        before: Some(Verdict::Ready),
        after: Verdict::Blocked,
        cause: format!("round {round} step {step} \u{1f418} 'quoted' \0"),
        observed: step.is_multiple_of(2).then(|| "17 B".into()),
    };
    let mut store = Store::open(&agent.dir.join("state/history.db")).await.unwrap();
    store.write(&Batch { changes: (0..number).map(change).collect(), ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
}

/// Number and cause of every change, as this agent remembers them.
async fn remembered(agent: &Agent) -> Vec<String> {
    let mut store = Store::open_to_read(&agent.dir.join("state/history.db")).await.unwrap();
    let changes = store.changes_after(0, 1_000_000).await.unwrap();
    store.close().await.unwrap();
    changes
        .iter()
        .map(|numbered| format!("{}|{}", numbered.sequence, numbered.change.cause.replace('\0', "\u{fffd}")))
        .collect()
}

/// The same, as the shared store has them, in the order in which they arrived.
fn handed_in(site: &Site) -> Vec<String> {
    let all = site.try_ask("change", "SELECT sequence, cause FROM change ORDER BY received_at, sequence");
    all.lines().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let mut site = Site::new();
    let mut agent = site.agent("solo", 1, "");
    agent.start().await;
    eventually("the store is in use", async || agent.metric("fleet_store_up").await.as_deref() == Some("1"))
        .await;

    // Killed again and again, at whatever moment it is; in between the store is away, too.
    for round in 0..8 {
        let before = handed_in(&site).len();
        happen(&agent, round, 300).await;
        if round % 4 == 2 {
            site.store.stop();
            happen(&agent, round + 100, 300).await;
            site.store.start_again();
        }
        if round % 2 == 0 {
            eventually("some of it has arrived", async || handed_in(&site).len() > before).await;
        }
        agent.kill();
        agent.spawn();
    }
    let all = remembered(&agent).await;
    assert!(all.len() >= 3000, "{}", all.len());
    eventually("all of it has arrived", async || handed_in(&site).len() >= all.len()).await;
    assert_eq!(handed_in(&site), remembered(&agent).await);

    // While the store is away, it is known how much waits, and since when.
    site.store.stop();
    eventually("the loss is noticed", async || agent.metric("fleet_store_up").await.as_deref() == Some("0"))
        .await;
    happen(&agent, 200, 5).await;
    eventually("it waits", async || agent.metric("fleet_unsent_changes").await.as_deref() == Some("5")).await;
    assert!(agent.metric("fleet_unsent_oldest_timestamp_seconds").await.is_some());
    site.store.start_again();
    eventually("it has arrived", async || agent.metric("fleet_unsent_changes").await.as_deref() == Some("0"))
        .await;
    assert_eq!(agent.metric("fleet_unsent_oldest_timestamp_seconds").await, None);
    assert_eq!(handed_in(&site), remembered(&agent).await);

    // A shared store that was lost altogether is filled again from what the agent remembers.
    site.ask(
        "DROP SCHEMA upgrade_readiness CASCADE; CREATE SCHEMA upgrade_readiness AUTHORIZATION readiness",
    );
    let known = remembered(&agent).await;
    eventually("it is filled again", async || handed_in(&site) == known).await;
}

#[tokio::test]
async fn a_history_begun_anew_does_not_get_into_the_way_of_the_old_one() {
    let site = Site::new();
    let mut first = site.agent("solo", 1, "");
    first.start().await;
    happen(&first, 1, 3).await;
    eventually("it has arrived", async || {
        handed_in(&site).iter().any(|line| line.contains("round 1 step 2"))
    })
    .await;
    let (old, id) = (handed_in(&site), first.id());
    first.kill();
    for name in ["history.db", "history.db-wal", "history.db-shm"] {
        std::fs::remove_file(first.dir.join("state").join(name)).ok();
    }
    first.start().await;
    happen(&first, 2, 3).await;
    eventually("the new one has arrived, too", async || {
        handed_in(&site).iter().any(|line| line.contains("round 2 step 2"))
    })
    .await;
    assert!(handed_in(&site).starts_with(&old));
    assert_eq!(first.id(), id);
    assert_eq!(site.ask("SELECT count(*) FROM agent"), "1");
}

#[tokio::test]
async fn a_history_that_came_back_from_a_backup_says_so_and_what_to_do() {
    let site = Site::new();
    let mut agent = site.agent("solo", 1, "");
    agent.start().await;
    let history = agent.dir.join("state/history.db");
    let arrived = async |cause: &str| {
        eventually(cause, async || handed_in(&site).iter().any(|line| line.contains(cause))).await;
    };
    happen(&agent, 1, 3).await;
    arrived("round 1 step 2").await;
    agent.kill();
    // Opening and closing it leaves everything in the one file.
    Store::open(&history).await.unwrap().close().await.unwrap();
    let backup = std::fs::read(&history).unwrap();
    agent.start().await;
    happen(&agent, 2, 300).await;
    arrived("round 2 step 299").await;
    agent.kill();
    for name in ["history.db-wal", "history.db-shm"] {
        std::fs::remove_file(agent.dir.join("state").join(name)).ok();
    }
    std::fs::write(&history, backup).unwrap();
    agent.start().await;
    let told =
        format!("sqlite3 '{}' \\\"UPDATE stream SET id = lower(hex(randomblob(16)))\\\"", history.display());
    eventually("it is said", async || {
        let notices = agent.notices().await;
        notices.contains("the history of this agent ends with change") && notices.contains(&told)
    })
    .await;
    happen(&agent, 3, 3).await;
    agent.kill();

    // What was said to be done, by another program with the same library.
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", history.display())).await.unwrap();
    database.execute("UPDATE stream SET id = lower(hex(randomblob(16)))").await.unwrap();
    database.close().await.unwrap();
    agent.start().await;
    arrived("round 3 step 2").await;
    eventually("all is well", async || !agent.notices().await.contains("fleet-store")).await;
    let all = handed_in(&site);
    assert!(all.iter().any(|line| line.contains("round 2 step 299")), "nothing that arrived is forgotten");
}
