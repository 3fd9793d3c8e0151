//! The agent is killed again and again between writing down what is to be told and its delivery.

use std::collections::BTreeMap;

use super::house::{House, Receiver};
use super::process::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_down_is_delivered_after_a_kill_under_the_same_id() {
    let receiver = Receiver::start();
    let house = House::new(&format!(
        "[[channel]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{}\"\non = [\"blocked\"]\nhold = \"0s\"\n\
         group_wait = \"0s\"\ngroup_interval = \"0s\"\n",
        receiver.url
    ));
    let mut daemon = house.start().await;
    // It has begun: from now on it tells changes.
    eventually("the channel has begun", async || !house.told(&["notify", "list"]).1.contains("not judged"))
        .await;

    let mut open = true;
    for round in 0..4 {
        receiver.hang(true);
        let before = receiver.seen().len();
        open = !open;
        house.open_gate(open);
        house.refresh().await;
        eventually("a message is on its way", async || receiver.seen().len() > before).await;
        daemon.0.kill().unwrap();
        daemon.wait();
        let (_, list) = house.told(&["notify", "list"]);
        assert!(list.contains("waiting") && list.contains("gate"), "{round}: {list}");
        receiver.hang(false);
        daemon = house.start().await;
        eventually("it is delivered", async || receiver.seen().last().is_some_and(|last| last.taken)).await;
    }
    eventually("nothing waits", async || !house.told(&["notify", "list"]).1.contains("waiting")).await;
    let metrics = house.get("/metrics").await.unwrap();
    assert!(metrics.contains("upgrade_readiness_notifications_waiting{channel=\"ops\"} 0"), "{metrics}");
    drop(daemon);

    // What else blocks from the beginning on is told beside it.
    let seen: Vec<_> = receiver.seen().into_iter().filter(|posted| !posted.about_gate().is_empty()).collect();
    let taken: Vec<Vec<String>> =
        seen.iter().filter(|posted| posted.taken).map(super::house::Posted::about_gate).collect();
    assert_eq!(taken, [["new"], ["over"], ["new"], ["over"]], "nothing is lost or told twice");
    // What was sent twice is the same under the same id, and nothing else has that id.
    let mut by_id: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
    for posted in &seen {
        by_id.entry(&posted.id).or_default().push(posted.about_gate());
    }
    assert_eq!(by_id.len(), 4, "{seen:?}");
    assert!(by_id.values().all(|told| told.len() >= 2 && told.iter().all(|one| *one == told[0])));
}
