//! No descriptors left: clients hold all of them.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::house::House;
use crate::process::{command, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn without_descriptors_it_lives_says_so_and_recovers() {
    let house = House::new(1);
    let mut limited = command("/usr/bin/prlimit");
    limited.env_clear().env("PATH", "/usr/bin:/bin");
    limited.args(["--nofile=48:48", env!("CARGO_BIN_EXE_agent")]);
    house.configure("1s", &house.instance("wiki", "9.2.10"));
    let mut agent = house.start_as(limited).await;
    let before = house.verdict("license-valid").await;
    house.mark("production.stop", "before").await.unwrap();

    let clients: Vec<_> = (0..100).map(|_| TcpStream::connect(("127.0.0.1", house.port)).unwrap()).collect();
    eventually("it is said", async || house.log().contains("Too many open files")).await;
    // Nobody can ask it now; what it wrote last is what it says, and none of that is green without having been seen.
    assert!(agent.0.try_wait().unwrap().is_none(), "{}", house.log());
    drop(clients);

    eventually("it answers again", async || house.get("/metrics").await.0 == 200).await;
    eventually("all is as before", async || {
        house.post("/-/refresh").await;
        let host = house.source("host").await;
        host["state"] == "ok" && house.verdict("license-valid").await == before
    })
    .await;
    eventually("it remembers", async || {
        house.post("/-/remember").await;
        house.mark("production.start", "after").await.is_ok()
    })
    .await;
    let marks = ["before", "after"].map(str::to_owned);
    house.is_sound_and_has(house.path("state"), &marks, &[]).await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(!house.log().contains("panicked"), "{}", house.log());
}
