//! The clock of the host jumps. It is libfaketime's, which changes while the daemon runs; time that only counts on goes on.

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use crate::house::{House, find};
use crate::process::{agent, eventually};

fn libfaketime() -> PathBuf {
    let found = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1").unwrap().next();
    found.expect("libfaketime is needed for this test: apt-get install libfaketime").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_makes_nothing_green_and_stops_nothing() {
    let house = House::new(1);
    let clock = house.path("clock");
    fs::write(&clock, "+0d").unwrap();
    let mut command = agent();
    command.env("LD_PRELOAD", libfaketime()).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command.env("FAKETIME_NO_CACHE", "1").env("NO_FAKE_STAT", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    let mut agent = house.start_as(command).await;
    let check = "database-embedded";
    assert_eq!(house.verdict(check).await, "ready");

    for days in [400_i64, -800, 36_500, 0] {
        let offset = SignedDuration::from_hours(24 * days);
        let there = move || Timestamp::now() + offset;
        fs::write(&clock, format!("{days:+}d")).unwrap();
        // One source is asked anew and everything is judged; the others were asked at a time that is not now.
        house.post("/-/refresh?source=host").await;
        let status = house.status().await;
        let written: Timestamp = status["written_at"].as_str().unwrap().parse().unwrap();
        assert!((written - there()).get_seconds().abs() < 300, "{days}: written at {written}");
        let target = &status["instances"][0]["targets"][0];
        let said = find(&target["checks"], "id", check);
        let database = find(&status["instances"][0]["sources"], "source", "database");
        let collected: Option<Timestamp> = database["collected_at"].as_str().map(|at| at.parse().unwrap());
        let age = collected.map(|at| (there() - at).get_seconds().abs());
        let from_now = age.is_some_and(|age| age < 3600);
        assert!(
            said["verdict"] != "ready" || from_now,
            "{days}: green by facts of another time: {said} {database}"
        );

        house.post("/-/refresh").await;
        eventually("it is seen anew and judged at that time", async || {
            house.post("/-/refresh?source=database").await;
            house.verdict(check).await == "ready"
        })
        .await;
        let seen: Timestamp = house.source("host").await["collected_at"].as_str().unwrap().parse().unwrap();
        assert!((seen - there()).get_seconds().abs() < 300, "{days}: seen at {seen}");
        assert!(agent.0.try_wait().unwrap().is_none(), "{}", house.log());
    }
    // The schedule counts on: with a short interval sources are asked whatever the clock shows.
    house.configure("1s", &house.instance("wiki", "9.2.10"));
    assert_eq!(house.post("/-/reload").await.0, 200);
    let asked = async || house.source("host").await["collected_at"].clone();
    for days in ["+10d", "-10d"] {
        fs::write(&clock, days).unwrap();
        let before = asked().await;
        eventually("it is asked again", async || asked().await != before).await;
        let before = asked().await;
        eventually("and again", async || asked().await != before).await;
    }
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(!house.log().contains("panicked"), "{}", house.log());
}
