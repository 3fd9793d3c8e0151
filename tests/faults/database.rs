//! A database that comes and goes: refused, silent, cut off in the middle of an answer, crashed and back again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::chance::{Chance, rounds};
use crate::house::House;
use crate::postgres::Postgres;
use crate::process::eventually;
use crate::vitals::Vitals;

/// What the way to the database does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Passes everything on.
    Open,
    /// Hangs up at once.
    Refuse,
    /// Accepts, and says nothing.
    Silent,
    /// Hangs up in the middle of an answer.
    Cut,
}

const WAYS: [Way; 4] = [Way::Open, Way::Refuse, Way::Silent, Way::Cut];

/// Stands between the agent and its database.
struct Proxy {
    port: u16,
    way: Arc<AtomicU8>,
}

impl Proxy {
    async fn start(database: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(AtomicU8::new(0));
        let chosen = way.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                match WAYS[usize::from(chosen.load(Ordering::SeqCst))] {
                    Way::Open => drop(tokio::spawn(pass(client, database, u64::MAX))),
                    Way::Refuse => drop(client),
                    Way::Silent => silent.push(client),
                    // Later than the greeting, sooner than the end.
                    Way::Cut => drop(tokio::spawn(pass(client, database, 700))),
                }
            }
        });
        Self { port, way }
    }

    fn go(&self, way: Way) {
        let index = WAYS.iter().position(|known| *known == way).unwrap();
        self.way.store(u8::try_from(index).unwrap(), Ordering::SeqCst);
    }
}

/// Passes on what both say; the answers only up to so many bytes.
async fn pass(client: TcpStream, database: u16, most: u64) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", database)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move {
        drop(tokio::io::copy(&mut from_client, &mut to_server).await);
        drop(to_server.shutdown().await);
    });
    drop(tokio::io::copy(&mut from_server.take(most), &mut to_client).await);
    drop(to_client);
    asking.abort();
}

const CHECKS: [&str; 3] = ["database-supported", "database-privileges", "database-ownership"];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_and_goes_is_never_green_while_it_is_gone() {
    // Not in another thread: the server ends with the one that started it.
    let postgres = Postgres::start();
    postgres.run("postgres", "CREATE ROLE confluence LOGIN PASSWORD 'planted-password'");
    postgres.run("postgres", "CREATE DATABASE confluence OWNER confluence");
    let proxy = Proxy::start(postgres.port).await;
    let house = House::new(proxy.port);
    let mut agent = house.start().await;
    let look = async || {
        house.post("/-/refresh?source=database").await;
        house.source("database").await
    };
    let seen = look().await;
    assert_eq!(seen["state"], "ok", "{seen}");
    let mut verdicts = Vec::new();
    for check in CHECKS {
        verdicts.push(house.verdict(check).await);
    }
    assert!(verdicts.iter().any(|verdict| verdict == "ready"), "{verdicts:?}");
    let before = Vitals::of(agent.0.id());

    let mut chance = Chance::new(0x6461_7461);
    for round in 0..rounds(8) {
        let way = WAYS[usize::try_from(1 + (chance.below(3) + round as u64) % 3).unwrap()];
        proxy.go(way);
        let seen = look().await;
        assert_eq!(seen["state"], "failed", "{way:?}: {seen}");
        for check in CHECKS {
            assert_eq!(house.verdict(check).await, "unknown", "{way:?}: {check}");
        }
        let status = house.status().await;
        assert_ne!(status["instances"][0]["targets"][0]["verdict"], "ready", "{way:?}");
        assert!(!status.to_string().contains("planted-password"), "{way:?}");
        proxy.go(Way::Open);
        if round % 3 == 0 {
            crash(&postgres);
        }
        eventually("it is back", async || look().await["state"] == "ok").await;
        for (check, verdict) in CHECKS.iter().zip(&verdicts) {
            assert_eq!(&house.verdict(check).await, verdict, "{check} after {way:?}");
        }
    }
    eventually("no session is left", async || {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'confluence'";
        postgres.run("postgres", sessions).trim() == "0"
    })
    .await;
    let after = Vitals::of(agent.0.id());
    assert!(after.descriptors <= before.descriptors + 8, "{before:?} {after:?}");
    assert!(!postgres.log().contains("too many clients"), "{}", postgres.log());
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait(), Some(0));
    assert!(
        !house.log().contains("planted-password") && !house.log().contains("panicked"),
        "{}",
        house.log()
    );
}

/// Kills a process of the server, which then ends all sessions and starts again.
fn crash(postgres: &Postgres) {
    let pid =
        postgres.run("postgres", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}
