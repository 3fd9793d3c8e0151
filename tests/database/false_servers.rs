//! What answers instead of a database: nobody, silence, hang-ups, other services, poolers.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use upgrade_readiness_agent::collect::database::TimeLimits;
use upgrade_readiness_checks::facts::{Engine, Failure, FailureKind};

use crate::directory::Way;

const ENGINES: [Engine; 2] = [Engine::Postgresql, Engine::Mysql];

fn limits() -> TimeLimits {
    TimeLimits { connect: Duration::from_millis(700), ..TimeLimits::default() }
}

/// A server that does the same with everybody who connects, until the test ends.
async fn listen<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> (u16, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut open = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.spawn(behave(stream));
        }
    });
    (port, tasks)
}

async fn look(engine: Engine, port: u16) -> Failure {
    let failure = Way::to(engine, port, "wiki", "conf").look_within(limits()).await.unwrap_err();
    for needed in ["conf", "wiki", "127.0.0.1", &port.to_string()] {
        assert!(failure.message.contains(needed), "no {needed} in {}", failure.message);
    }
    failure
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for engine in ENGINES {
        let failure = look(engine, port).await;
        assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
        assert!(failure.message.contains("refused") && failure.message.contains("ss -ltn"), "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_knows_the_host() {
    for engine in ENGINES {
        let way = Way { host: "db.invalid", ..Way::to(engine, 5432, "wiki", "conf") };
        let failure = way.look().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
        assert!(failure.message.contains("getent hosts db.invalid"), "{failure:?}");
    }
}

#[tokio::test]
async fn it_accepts_and_says_nothing() {
    for engine in ENGINES {
        let (port, _tasks) = listen(|mut stream| async move {
            let mut sink = Vec::new();
            stream.read_to_end(&mut sink).await.ok();
        })
        .await;
        let began = Instant::now();
        let failure = look(engine, port).await;
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
        assert!(failure.message.contains("no answer within 700ms"), "{failure:?}");
    }
}

#[tokio::test]
async fn it_hangs_up() {
    for engine in ENGINES {
        let (port, _tasks) = listen(|stream| async move { drop(stream) }).await;
        let failure = look(engine, port).await;
        assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
        assert!(failure.message.contains("closes them"), "{failure:?}");
    }
}

#[tokio::test]
async fn it_talks_of_something_else() {
    let nonsense: [(&str, &[u8]); 6] = [
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        ("SSH", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
        ("zeros", &[0; 64]),
        ("ones", &[0xff; 64]),
        ("an empty MySQL packet", &[0, 0, 0, 0]),
        ("an unknown MySQL protocol", &[5, 0, 0, 0, 99, b'x', 0, 0, 0]),
    ];
    for engine in ENGINES {
        for (name, bytes) in nonsense {
            let (port, _tasks) = listen(move |mut stream| async move {
                let mut asked = [0; 1];
                if engine == Engine::Postgresql {
                    stream.read_exact(&mut asked).await.ok();
                }
                stream.write_all(bytes).await.ok();
            })
            .await;
            let failure = look(engine, port).await;
            // Closed in the middle of what could have been an answer, or not an answer.
            let expected = [FailureKind::Malformed, FailureKind::Unreachable, FailureKind::Timeout];
            assert!(expected.contains(&failure.kind), "{engine:?} and {name}: {failure:?}");
            assert!(failure.message.len() < 1500, "{failure:?}");
        }
    }
}

/// What never ends must not be read for ever, nor fill the memory.
#[tokio::test]
async fn it_never_stops_talking() {
    for engine in ENGINES {
        let (port, _tasks) = listen(move |mut stream| async move {
            let mut asked = [0; 1];
            if engine == Engine::Postgresql {
                stream.read_exact(&mut asked).await.ok();
                stream.write_all(b"N").await.ok();
            }
            // PostgreSQL: a notice of 1 GiB. MySQL: a packet of 16 MiB.
            let header: &[u8] =
                if engine == Engine::Postgresql { b"N\x40\x00\x00\x00" } else { b"\xff\xff\xff\x00" };
            stream.write_all(header).await.ok();
            while stream.write_all(&[0; 4096]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let began = Instant::now();
        let failure = look(engine, port).await;
        assert!(began.elapsed() < Duration::from_secs(10));
        assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
    }
}

/// A pooler refuses settings at the start; the agent then comes again without them.
#[tokio::test]
async fn a_pooler_refuses_settings() {
    let (port, _tasks) = listen(|mut stream| async move {
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).await.ok();
        stream.write_all(b"N").await.ok();
        let mut length = [0; 4];
        stream.read_exact(&mut length).await.ok();
        let mut startup = vec![0; (u32::from_be_bytes(length) as usize).clamp(4, 4096) - 4];
        stream.read_exact(&mut startup).await.ok();
        let startup = String::from_utf8_lossy(&startup).into_owned();
        let (code, message) = if startup.contains("options") {
            ("08P01", "unsupported startup parameter: options")
        } else {
            ("57P03", "come again without settings, said the pooler")
        };
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
        let mut answer = vec![b'E'];
        answer.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
        answer.extend(fields.as_bytes());
        stream.write_all(&answer).await.ok();
    })
    .await;
    let failure = look(Engine::Postgresql, port).await;
    assert!(failure.message.contains("said the pooler"), "{failure:?}");
    assert_eq!(failure.kind, FailureKind::Unreachable);
}

/// A server that lets the agent in and then falls silent.
#[tokio::test]
async fn it_falls_silent_after_the_greeting() {
    let (port, _tasks) = listen(|mut stream| async move {
        let mut asked = [0; 1024];
        stream.read_exact(&mut asked[..8]).await.ok();
        stream.write_all(b"N").await.ok();
        stream.read_exact(&mut asked[..4]).await.ok();
        // Let in, and ready.
        stream.write_all(b"R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05I").await.ok();
        while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let limits = TimeLimits { whole: Duration::from_millis(900), ..limits() };
    let failure = Way::to(Engine::Postgresql, port, "wiki", "conf").look_within(limits).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.message.contains("not done within 900ms"), "{failure:?}");
    assert!(failure.message.contains("pg_stat_activity"), "{failure:?}");
}
