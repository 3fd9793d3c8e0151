//! From a board to a receiver, through a real store.

use std::sync::Arc;

use jiff::SignedDuration;
use tokio_util::task::TaskTracker;

use super::scene::{House, Mood, Receiver, board, channel, minutes, now, pass, site};
use crate::board::Board;
use crate::channel::{Channel, Secret, Transport};
use crate::surface::notify::Outcome;

fn five_hundred() -> Board {
    board((0..500).map(|number| site(&format!("wiki-{number:03}"), &["draw"])))
}

#[tokio::test]
async fn what_stands_is_told_once_and_again_never_after_a_restart() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let channel = channel(&receiver.url);
    let (draw, free) = (board([site("wiki", &["draw"])]), board([site("wiki", &[])]));

    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel);
    pass(&mut desk, &draw, now(), now() + minutes(10)).await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].events(), ["new draw"]);
    assert_eq!(seen[0].json()["places"][0]["verdict"], "blocked");
    assert_eq!(seen[0].path, "/hook/s3cret-token");
    house.close().await;

    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel);
    pass(&mut desk, &draw, now() + minutes(11), now() + minutes(20)).await;
    assert_eq!(receiver.seen().len(), 0);
    pass(&mut desk, &free, now() + minutes(21), now() + minutes(30)).await;
    let seen = receiver.seen();
    assert_eq!(seen.iter().flat_map(super::scene::Seen::events).collect::<Vec<_>>(), ["over draw"]);
    assert_eq!(seen[0].json()["places"][0]["verdict"], "ready");
    house.close().await;
}

#[tokio::test]
async fn a_first_start_with_many_blocked_instances_sends_one_message() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel(&receiver.url));
    pass(&mut desk, &five_hundred(), now(), now() + minutes(30)).await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1);
    let json = seen[0].json();
    assert_eq!(json["subject"], "[500 blocked] news of 500 instances");
    assert_eq!((json["places"].as_array().unwrap().len(), &json["left_out"]), (500, &400.into()));
    assert!(json["text"].as_str().unwrap().contains("400 more things happened"));
    house.close().await;
}

#[tokio::test]
async fn after_a_day_down_a_receiver_is_told_how_it_stands_and_in_short_what_happened() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel(&receiver.url));
    pass(&mut desk, &board([site("wiki", &["draw"])]), now(), now() + minutes(10)).await;
    assert_eq!(receiver.seen().len(), 1);

    receiver.is(Mood::Answers(503, Vec::new(), "down".into()));
    let hour = |number: i64| now() + minutes(60 * number);
    // A blocker that comes and goes every hour, one that stays, and the first one ends.
    for number in 1..24 {
        let mut blockers = if number < 20 { vec!["draw"] } else { vec!["gantt"] };
        if number % 2 == 0 {
            blockers.push("clock");
        }
        pass(&mut desk, &board([site("wiki", &blockers)]), hour(number), hour(number + 1) - minutes(1)).await;
    }
    let tries = receiver.seen();
    assert!((50..200).contains(&tries.len()), "{} attempts in a day", tries.len());
    assert_eq!(*house.counts.1.lock().unwrap(), Some(1), "one message waits");
    let board = house.board.borrow().clone();
    assert!(
        board.notices.iter().any(|notice| notice.text.contains("The channel ops gets nothing through since"))
    );

    receiver.is(Mood::Takes);
    pass(&mut desk, &self::board([site("wiki", &["gantt"])]), hour(24), hour(26)).await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].events(), ["new gantt", "over draw", "passed clock"]);
    let json = seen[0].json();
    assert_eq!(
        (&json["places"][0]["verdict"], &json["places"][0]["blockers"]),
        (&"blocked".into(), &1.into())
    );
    assert!(json["text"].as_str().unwrap().starts_with("This is late: what happened since 2025-12-01 22:"));
    assert!(house.board.borrow().notices.iter().all(|notice| notice.subject != "channels"));
    house.close().await;
}

#[tokio::test]
async fn without_a_store_nobody_knows_what_waits() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel(&receiver.url));
    pass(&mut desk, &board([site("wiki", &["draw"])]), now(), now() + minutes(10)).await;
    assert_eq!(*house.counts.1.lock().unwrap(), Some(0), "nothing waits");
    let counts = Arc::clone(&house.counts);
    house.close().await;
    let changed = board([site("wiki", &["draw", "gantt"])]);
    pass(&mut desk, &changed, now() + minutes(20), now() + minutes(30)).await;
    assert_eq!(*counts.1.lock().unwrap(), None, "that nothing waits is not known any more");
}

#[tokio::test]
async fn many_instances_that_change_while_a_receiver_is_down_become_one_message() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel(&receiver.url));
    let quiet = |number: usize| site(&format!("wiki-{number:02}"), &[]);
    pass(&mut desk, &board((0..40).map(quiet)), now(), now() + minutes(5)).await;
    assert_eq!(receiver.seen().len(), 0);

    receiver.is(Mood::Answers(500, Vec::new(), String::new()));
    for step in 1..=40_usize {
        let number_of = |number: usize| {
            let name = format!("wiki-{number:02}");
            if number < step { site(&name, &["draw"]) } else { site(&name, &[]) }
        };
        let from = now() + minutes(10 * i64::try_from(step).unwrap());
        pass(&mut desk, &board((0..40).map(number_of)), from, from + minutes(9)).await;
        assert!(house.counts.1.lock().unwrap().unwrap() <= 5);
    }
    drop(receiver.seen());
    receiver.is(Mood::Takes);
    let all = board((0..40).map(|number| site(&format!("wiki-{number:02}"), &["draw"])));
    pass(&mut desk, &all, now() + minutes(410), now() + minutes(450)).await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].events().len(), 40);
    house.close().await;
}

#[tokio::test]
async fn a_message_keeps_its_id_over_attempts_and_restarts_and_waits_as_it_is_asked_to() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let channel = channel(&receiver.url);
    let draw = board([site("wiki", &["draw"])]);
    receiver.is(Mood::Answers(429, vec![("retry-after", "1800".into())], String::new()));
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel);
    pass(&mut desk, &draw, now(), now() + minutes(30)).await;
    let refused = receiver.seen();
    assert_eq!(refused.len(), 1, "it is left alone as long as it asked for");
    house.close().await;

    receiver.is(Mood::Takes);
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel);
    pass(&mut desk, &draw, now() + minutes(31), now() + minutes(60)).await;
    let taken = receiver.seen();
    assert_eq!((taken.len(), taken[0].id()), (1, refused[0].id()));
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_delivered_for_a_week_is_given_up_and_said() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let mut desk = house.desk(&channel(&receiver.url));
    receiver.is(Mood::Answers(404, Vec::new(), String::new()));
    let draw = board([site("wiki", &["draw"])]);
    for hour in 0..24 * 8 {
        for minute in [0, 3] {
            desk.step(&draw, now() + minutes(hour * 60 + minute)).await;
        }
    }
    assert!(house.counts.0.lock().unwrap().contains(&Outcome::GivenUp));
    // It was told to nobody and still stands, so it waits anew.
    assert_eq!(*house.counts.1.lock().unwrap(), Some(1));
    drop(receiver.seen());
    receiver.is(Mood::Takes);
    let later = now() + minutes(60 * 24 * 9);
    pass(&mut desk, &draw, later, later + minutes(30)).await;
    let seen = receiver.seen();
    assert_eq!(seen[0].events(), ["new draw"]);
    assert!(seen[0].json()["text"].as_str().unwrap().contains("1 earlier messages could not be delivered"));
    house.close().await;
}

#[tokio::test]
async fn what_stands_is_told_again_when_that_is_asked_for() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let receiver = Receiver::start(&tasks).await;
    let house = House::open(dir.path()).await;
    let every = Some(SignedDuration::from_hours(1));
    let mut desk = house.desk(&Channel { repeat_every: every, ..channel(&receiver.url) });
    pass(&mut desk, &board([site("wiki", &["draw"])]), now(), now() + minutes(150)).await;
    let events: Vec<_> = receiver.seen().iter().flat_map(super::scene::Seen::events).collect();
    assert_eq!(events, ["new draw", "still draw", "still draw"]);
    house.close().await;
}

#[tokio::test]
async fn receivers_in_a_bad_mood_do_no_harm() {
    let (dir, tasks) = (tempfile::tempdir().unwrap(), TaskTracker::new());
    let (receiver, other) = (Receiver::start(&tasks).await, Receiver::start(&tasks).await);
    let huge = "x".repeat(10 * 1024 * 1024);
    let page = "<!DOCTYPE html><html><form><input type=password></form></html>".to_owned();
    let html = vec![("content-type", "text/html".to_owned())];
    let rows = [
        (Mood::Takes, None),
        (Mood::Answers(204, vec![], String::new()), None),
        (Mood::Answers(200, vec![], huge.clone()), None),
        (Mood::Answers(200, html.clone(), "ok".into()), None),
        (Mood::Answers(200, html, page), Some("a page for people")),
        (Mood::Answers(500, vec![], huge), Some("answered 500")),
        (
            Mood::Answers(307, vec![("location", other.url.clone())], String::new()),
            Some("sends its callers on to"),
        ),
        (Mood::Answers(404, vec![], "no /hook/s3cret-token here".into()), Some("answered 404")),
    ];
    let house = House::open(dir.path()).await;
    for (number, (mood, expected)) in rows.into_iter().enumerate() {
        receiver.is(mood.clone());
        let name = format!("ops-{number}");
        let outcome =
            crate::surface::notify::try_channel(&Channel { name, ..channel(&receiver.url) }, now()).await;
        match (outcome, expected) {
            (Ok(_), None) => {}
            (Err(refusal), Some(part)) => {
                assert!(refusal.told.contains(part), "{refusal:?}");
                assert!(!format!("{refusal:?}").contains("s3cret"), "{refusal:?}");
                assert!(!refusal.remedy.is_empty());
            }
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
    assert_eq!(other.seen().len(), 0, "nothing is sent on to another place");
    house.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_is_given_up_in_time() {
    let tasks = TaskTracker::new();
    let receiver = Receiver::start(&tasks).await;
    receiver.is(Mood::Hangs);
    let outcome = crate::surface::notify::try_channel(&channel(&receiver.url), now()).await;
    assert!(outcome.unwrap_err().told.contains("did not answer"));
}

#[tokio::test]
async fn what_is_posted_can_be_signed_and_an_address_in_the_clear_is_refused() {
    let tasks = TaskTracker::new();
    let receiver = Receiver::start(&tasks).await;
    let mut signed = channel(&receiver.url);
    if let Transport::Webhook { signed_with, .. } = &mut signed.transport {
        *signed_with = Some(Secret::new("the file /etc/key", || Ok("key".into())));
    }
    crate::surface::notify::try_channel(&signed, now()).await.unwrap();
    let seen = receiver.seen();
    let signature = seen[0].headers["x-readiness-signature"].to_str().unwrap().to_owned();
    assert!(signature.starts_with("sha256=") && signature.len() == 7 + 64, "{signature}");
    assert!(seen[0].headers.contains_key("x-readiness-timestamp"));

    let plain = channel("http://hooks.example.com/s3cret-token");
    let refusal = crate::surface::notify::try_channel(&plain, now()).await.unwrap_err();
    assert!(refusal.told.contains("begins with http://") && !format!("{refusal:?}").contains("s3cret"));
    for nonsense in ["", "hooks.example.com", "file:///etc/passwd", "https://"] {
        let refusal = crate::surface::notify::try_channel(&channel(nonsense), now()).await.unwrap_err();
        assert!(refusal.told.contains("the file /etc/hook"), "{refusal:?}");
    }
}
