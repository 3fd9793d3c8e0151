//! Killed at any moment, again and again.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use tokio::task::JoinSet;
use upgrade_readiness_agent::surface::status::{StatusError, read_status};

use crate::chance::{Chance, rounds};
use crate::house::{House, nothing_green_unseen};
use crate::process::{agent, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let house = Arc::new(House::new(1));
    house.configure("1s", &house.instance("wiki", "9.2.10"));
    let mut chance = Chance::new(0x6b69_6c6c);
    let (mut marks, mut words) = (Vec::new(), Vec::new());
    let mut steps = Arc::<Vec<String>>::default();
    let cfg_xml = house.installation.cfg_xml();
    let whole = fs::read_to_string(&cfg_xml).unwrap();
    for round in 0..rounds(30) {
        // What was good when it was killed is broken when it starts again, and the other way round.
        let text = if round % 2 == 0 { whole.clone() } else { whole.replace("</properties>", "") };
        fs::write(&cfg_xml, text).unwrap();
        let since = Timestamp::now();
        let mut agent = house.launch(agent());
        house.answers("/api/v1/status", &mut agent).await;
        house.is_sound_and_has(house.path("state"), &marks, &words).await;

        if round == 0 {
            // What is known of the instance comes a moment after the start.
            eventually("there is a book", async || !house.steps().await.is_empty()).await;
            steps = Arc::new(house.steps().await);
        }
        let stop = Arc::new(AtomicBool::new(false));
        // An answer comes when what was said is published, which takes up to a second: several speak at a time.
        let mut marking = JoinSet::new();
        for who in 0..3 {
            let name = format!("note-{round}-{who}");
            marking.spawn(mark(house.clone(), Arc::clone(&steps), name, stop.clone()));
        }
        let speaking = tokio::task::spawn_blocking({
            let (house, stop) = (house.clone(), stop.clone());
            move || say(&house, round, &stop)
        });
        let looking = tokio::spawn(look(house.clone(), since, stop.clone()));
        // Not a wait for something: the moment is what is tried.
        tokio::time::sleep(Duration::from_millis(chance.below(1600))).await;
        agent.signal(Signal::KILL);
        stop.store(true, Ordering::Relaxed);
        marks.extend(marking.join_all().await.concat());
        words.extend(speaking.await.unwrap());
        looking.await.unwrap();
        drop(agent);
        match read_status(&house.path("state/status.json")) {
            Ok(_) | Err(StatusError::Absent { .. }) => {}
            Err(error) => panic!("round {round}: half a status file: {error:?}"),
        }
    }
    assert!(marks.len() >= 10 && words.len() >= 5, "{} marks and {} words", marks.len(), words.len());
    let _agent = house.start().await;
    house.is_sound_and_has(house.path("state"), &marks, &words).await;
}

/// Marks steps until it is time to stop; the notes of those that were acknowledged.
///
/// Of what was said of one step fifty words are kept, so another step is marked each time.
async fn mark(
    house: Arc<House>,
    steps: Arc<Vec<String>>,
    name: String,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let mut kept = Vec::new();
    for turn in 0.. {
        let note = format!("{name}-{turn}");
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some(marked) = steps.get(turn % steps.len().max(1)) else { break };
        if house.mark(marked, &note).await.is_ok() {
            kept.push(note);
        }
    }
    kept
}

/// Steps that every book has.
pub(crate) fn step(turn: usize) -> &'static str {
    ["production.stop", "production.start"][turn % 2]
}

/// Signs off with the command, which writes into the store beside the daemon; the reasons of those that were taken.
fn say(house: &House, round: usize, stop: &AtomicBool) -> Vec<String> {
    let until = (Timestamp::now() + SignedDuration::from_hours(24 * 90)).to_string();
    let mut kept = Vec::new();
    for turn in 0.. {
        let reason = format!("reason-{round}-{turn}");
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut command = agent();
        command.args(["sign-off", "rehearsal", "--by", "Ann", "--until", &until[..10], "--reason", &reason]);
        let output = command.arg("--config").arg(house.path("agent.toml")).output().unwrap();
        if output.status.code() == Some(0) {
            kept.push(reason);
        }
    }
    kept
}

/// Has everything looked at again and again, so that there is always something to write, and looks at what is said.
async fn look(house: Arc<House>, since: Timestamp, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        house.post("/-/refresh").await;
        let (code, status) = house.get("/api/v1/status").await;
        // Cut off in the middle it is no JSON.
        if let (200, Ok(status)) = (code, serde_json::from_str(&status)) {
            nothing_green_unseen(&status, since);
        }
    }
}
