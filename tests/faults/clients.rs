//! Clients that mean no good: slow ones, ones that do not read, and thousands of them.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::house::House;
use crate::process::eventually;
use crate::vitals::Vitals;

/// A scrape that had to wait until a slow client lost its place would take longer: they keep theirs for ten seconds.
const AT_ONCE: Duration = Duration::from_secs(8);

/// Sends a byte of something endless every now and then.
async fn drip(port: u16, head: &'static str, byte: u8) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let mut sent = stream.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sent = stream.write_all(&[byte]).await;
    }
}

/// Asks for much, reads nothing, and stays.
async fn greedy(port: u16) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let asked = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(200);
    drop(stream.write_all(asked.as_bytes()).await);
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_keep_nobody_from_scraping() {
    let house = House::new(1);
    let mut agent = house.start().await;
    let mut clients = JoinSet::new();
    for index in 0..210 {
        match index % 3 {
            0 => drop(clients.spawn(drip(
                house.port,
                "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
                b'x',
            ))),
            1 => drop(clients.spawn(drip(
                house.port,
                "POST /plan/wiki/9.2.10/steps HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: \
                 application/x-www-form-urlencoded\r\nContent-Length: 30000\r\n\r\nnote=",
                b'y',
            ))),
            _ => drop(clients.spawn(greedy(house.port))),
        }
    }
    eventually("they are all there", async || Vitals::of(agent.0.id()).descriptors > 200).await;
    for _ in 0..30 {
        let began = Instant::now();
        assert_eq!(house.get("/metrics").await.0, 200);
        assert!(began.elapsed() < AT_ONCE, "a scrape took {:?}", began.elapsed());
    }
    clients.shutdown().await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_connections_take_bounded_memory_and_descriptors() {
    let house = House::new(1);
    let mut agent = house.start().await;
    let before = Vitals::of(agent.0.id());
    let mut clients = JoinSet::new();
    for _ in 0..2000 {
        // Those the kernel has no room for in its queue keep trying.
        clients.spawn(drip(house.port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b'x'));
    }
    eventually("places are taken", async || Vitals::of(agent.0.id()).descriptors > 200).await;
    // Long enough that the first have lost their places to the next.
    let began = Instant::now();
    let mut full = before;
    while began.elapsed() < Duration::from_secs(12) {
        let now = Vitals::of(agent.0.id());
        full.descriptors = full.descriptors.max(now.descriptors);
        full.threads = full.threads.max(now.threads);
        full.resident_kib = full.resident_kib.max(now.resident_kib);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(full.descriptors <= before.descriptors + 300, "{before:?} {full:?}");
    assert!(full.threads <= before.threads + 16, "{before:?} {full:?}");
    assert!(full.resident_kib <= before.resident_kib + 32 * 1024, "{before:?} {full:?}");
    clients.shutdown().await;
    eventually("it answers", async || house.get("/metrics").await.0 == 200).await;
    eventually("what they took is given back", async || {
        Vitals::of(agent.0.id()).descriptors <= before.descriptors + 8
    })
    .await;
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(!house.log().contains("panicked"), "{}", house.log());
}
