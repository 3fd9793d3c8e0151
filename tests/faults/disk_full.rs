//! No room where the daemon writes. The file system is a small one in a mount namespace of the daemon's own.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;
use upgrade_readiness_agent::surface::status::read_status;

use crate::house::House;
use crate::kill::step;
use crate::process::{Running, command, eventually};

/// A command that starts the agent with a file system of two mebibytes where it keeps its state.
fn agent_with_little_room(house: &House) -> Command {
    let mut command = command("/usr/bin/unshare");
    command.env_clear().env("PATH", "/usr/bin:/bin").arg("--mount");
    if !rustix::process::getuid().is_root() {
        command.arg("--map-root-user");
    }
    let script = "mount -t tmpfs -o size=2m,mode=755 state \"$1\" && shift && exec \"$@\"";
    command.args(["sh", "-c", script, "sh"]).arg(house.path("state")).arg(env!("CARGO_BIN_EXE_agent"));
    command
}

/// The state directory, as the daemon sees it.
fn state(house: &House, agent: &Running) -> PathBuf {
    let inside = house.path("state");
    PathBuf::from(format!("/proc/{}/root", agent.0.id())).join(inside.strip_prefix("/").unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_it_goes_on_and_says_so_and_recovers() {
    let house = House::new(1);
    let mut agent = house.start_as(agent_with_little_room(&house)).await;
    let state = state(&house, &agent);
    eventually("the first status is written", async || state.join("status.json").exists()).await;
    let mut marks = Vec::new();
    for round in 0..2 {
        house.mark("production.stop", &format!("before-{round}")).await.unwrap();
        marks.push(format!("before-{round}"));
        let ballast = state.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        while file.write_all(&[0x55; 4096]).is_ok() {}
        while file.write_all(&[0x55]).is_ok() {}
        drop(file);

        // What the log of the store has room for inside its file is still taken; then it refuses with a reason.
        let mut refusal = String::new();
        for turn in 0..400 {
            let note = format!("full-{round}-{turn}-{}", "x".repeat(400));
            match house.mark(step(turn), &note).await {
                Ok(()) => marks.push(note),
                Err(told) => {
                    refusal = told;
                    break;
                }
            }
        }
        assert!(refusal.contains("full") || refusal.contains("Nothing is remembered"), "{refusal}");
        eventually("it is said that there is no room", async || {
            house.post("/-/refresh?source=host").await;
            let status = house.status().await.to_string();
            status.contains("Nothing is remembered")
                && house.log().contains("the status file cannot be written")
        })
        .await;
        assert_eq!(house.get("/metrics").await.0, 200);
        read_status(&state.join("status.json")).expect("the old status is whole");

        fs::remove_file(&ballast).unwrap();
        eventually("it remembers again", async || {
            house.post("/-/remember").await;
            house.mark("production.start", &format!("after-{round}")).await.is_ok()
        })
        .await;
        marks.push(format!("after-{round}"));
        eventually("nothing is said any more", async || {
            house.post("/-/refresh?source=host").await;
            !house.status().await.to_string().contains("Nothing is remembered")
        })
        .await;
        // SQLite would follow the link out of the namespace. Nothing is written meanwhile: all sources are asked hourly.
        let copy = house.path(&format!("copy-{round}"));
        fs::create_dir(&copy).unwrap();
        for name in ["history.db", "history.db-wal"] {
            fs::copy(state.join(name), copy.join(name)).unwrap();
        }
        house.is_sound_and_has(copy, &marks, &[]).await;
    }
    assert!(house.log().contains("the status file can be written again"), "{}", house.log());
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(!house.log().contains("panicked"), "{}", house.log());
}
