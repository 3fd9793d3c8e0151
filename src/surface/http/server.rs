//! The server below the routes: limits on connections, headers and time, and an orderly end.
//!
//! A slow or greedy client can take a place among the connections for a while, never for good, and never
//! more memory than its place allows.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::{HttpSurface, router};

/// More clients than this wait until one has gone.
const MOST_CONNECTIONS: usize = 256;
/// The whole head of a request.
const MOST_HEADER_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// For the head of a request, and for the pause between two.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// After this a connection takes no further request.
const RENEW_AFTER: Duration = Duration::from_mins(1);
/// For the request that is being answered when a connection should end.
const FINISH_WITHIN: Duration = Duration::from_secs(25);
/// The same when the daemon stops.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// When the host is out of file handles, trying again at once would only heat the processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

/// Serves until the shutdown; then requests under way are answered, and it returns.
pub async fn serve(listener: TcpListener, surface: HttpSurface, shutdown: CancellationToken) {
    let routes = router(surface);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let connections = TaskTracker::new();
    let mut failing = false;
    while let Some(accepted) = shutdown.run_until_cancelled(accept(&listener, &places)).await {
        match accepted {
            Ok((stream, place)) => {
                failing = false;
                connections.spawn(converse(stream, place, routes.clone(), shutdown.clone()));
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!(%error, "a connection could not be accepted; trying on");
                }
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Waits for a place first: who comes when there is none stays in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn converse(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    routes: Router,
    shutdown: CancellationToken,
) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEADER_BYTES);
    let service = TowerToHyperService::new(routes);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    let patience = tokio::select! {
        ended = connection.as_mut() => return log(ended),
        () = shutdown.cancelled() => STOP_WITHIN,
        () = sleep(RENEW_AFTER) => FINISH_WITHIN,
    };
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = timeout(patience, connection.as_mut()) => log(ended.unwrap_or(Ok(()))),
        () = stopping(&shutdown, patience) => {}
    }
}

/// A connection that already had its time gets no more than the others once the daemon stops.
async fn stopping(shutdown: &CancellationToken, patience: Duration) {
    shutdown.cancelled().await;
    sleep(patience.min(STOP_WITHIN)).await;
}

/// Clients that leave in the middle are everyday life.
fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::command::Command;
    use crate::surface::Published;

    struct Stage {
        address: SocketAddr,
        shutdown: CancellationToken,
        server: TaskTracker,
        commands: mpsc::Receiver<Command>,
        _published: watch::Sender<Published>,
    }

    async fn stage(metrics: Bytes) -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let made = Published { metrics, ready: true, ..Published::default() };
        let (sender, published) = watch::channel(made);
        let (commands, receiver) = mpsc::channel(4);
        let shutdown = CancellationToken::new();
        let server = TaskTracker::new();
        let board = tokio::sync::watch::Sender::default().subscribe();
        let past = crate::surface::page::Past::in_store("/nonexistent/history.db".into());
        let surface = HttpSurface { published, board, past, commands, address };
        server.spawn(serve(listener, surface, shutdown.clone()));
        server.close();
        Stage { address, shutdown, server, commands: receiver, _published: sender }
    }

    const GET: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    async fn send(address: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// All that comes until the server closes; a broken connection ends it too.
    async fn rest(mut stream: TcpStream) -> String {
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {}
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn it_answers_and_stops() {
        let stage = stage(Bytes::from_static(b"up 1\n")).await;
        let answer = rest(send(stage.address, GET).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nup 1\n"), "{answer}");
        stage.shutdown.cancel();
        stage.server.wait().await;
        assert!(TcpStream::connect(stage.address).await.is_err());
    }

    #[tokio::test]
    async fn nonsense_and_too_much_are_refused() {
        let stage = stage(Bytes::from_static(b"up 1\n")).await;
        let many = "X-Y: z\r\n".repeat(200);
        let long = format!("X: {}\r\n", "y".repeat(64 * 1024));
        let rows = [
            ("\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned(), "HTTP/1.1 400"),
            (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), "HTTP/1.1 431"),
            (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{long}\r\n"), "HTTP/1.1 431"),
        ];
        for (request, expected) in rows {
            let mut stream = TcpStream::connect(stage.address).await.unwrap();
            // The server may have closed before all of it was sent.
            drop(stream.write_all(request.as_bytes()).await);
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.unwrap();
            assert_eq!(std::str::from_utf8(&start).unwrap(), expected);
        }
        let answer = rest(send(stage.address, GET).await).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "others are served as before");
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_say_nothing_or_half_lose_their_place() {
        let stage = stage(Bytes::from_static(b"up 1\n")).await;
        let mut idle = Vec::new();
        for number in 0..MOST_CONNECTIONS {
            let half = if number % 2 == 0 { "" } else { "GET / HTTP/1.1\r\nHo" };
            idle.push(send(stage.address, half).await);
        }
        // Every place is taken, so this one is answered only after others have lost theirs.
        let answer = rest(send(stage.address, GET).await).await;
        assert!(answer.starts_with("HTTP/1.1 200"));
        for stream in idle {
            rest(stream).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_loses_its_place() {
        let stage = stage(Bytes::from(vec![b'x'; 32 << 20])).await;
        let greedy = send(stage.address, GET).await;
        // Nothing is read until the server has given up; then what was on its way is not all of it.
        sleep(RENEW_AFTER + FINISH_WITHIN + Duration::from_secs(1)).await;
        assert!(rest(greedy).await.len() < 32 << 20);
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_before_the_end() {
        let mut stage = stage(Bytes::new()).await;
        let request = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        let stream = send(stage.address, request).await;
        let Some(Command::Reload { reply }) = stage.commands.recv().await else { panic!("a reload") };
        stage.shutdown.cancel();
        reply.send(Ok(())).unwrap();
        assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
        stage.server.wait().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_for_those_who_say_nothing() {
        let stage = stage(Bytes::from(vec![b'x'; 32 << 20])).await;
        let silent = send(stage.address, "GET").await;
        let greedy = send(stage.address, GET).await;
        stage.shutdown.cancel();
        timeout(STOP_WITHIN * 2, stage.server.wait()).await.unwrap();
        drop((silent, greedy));
    }
}
