//! The server below the routes: limits on connections, headers and time, TLS when it is set up, and an orderly end.
//!
//! A slow or greedy client can take a place among the connections for a while, never for good, and never
//! more memory than its place allows.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::admission::Doorkeeper;
use super::peer::Peer;
use super::places::{MOST_OF_ONE_CLIENT, Place, Places};
use super::tls::shake_hands;
use super::{HttpSurface, routes};
use crate::access::Refusal;

/// The whole head of a request.
const MOST_HEADER_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// For the head of a request, and for the pause between two.
const HEADER_WITHIN: Duration = Duration::from_secs(10);
/// After this a connection takes no further request.
const RENEW_AFTER: Duration = Duration::from_mins(1);
/// For taking in the answer when a connection should end.
const FINISH_WITHIN: Duration = Duration::from_secs(25);
/// For the request under way, and taking in its answer, when the daemon stops.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// When the host is out of file handles, trying again at once would only heat the processor.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(500);

/// Serves until the shutdown; then requests under way are answered, and it returns.
pub async fn serve(listener: TcpListener, surface: HttpSurface, shutdown: CancellationToken) {
    let keeper = surface.doorkeeper();
    let server = Server { routes: routes(surface, keeper.clone()), keeper, shutdown: shutdown.clone() };
    let places = Places::new();
    let connections = TaskTracker::new();
    let mut failing = false;
    while let Some(accepted) = shutdown.run_until_cancelled(accept(&listener, &places)).await {
        match accepted {
            Ok((stream, from, place)) => {
                failing = false;
                let peer = Peer::new(from, stream.local_addr().ok());
                let share = if peer.on_this_host { None } else { places.share(peer.address) };
                if share.is_none() && !peer.on_this_host {
                    server.turn_away(&peer);
                    continue;
                }
                let serving = server.clone().meet(stream, peer);
                connections.spawn(async move {
                    serving.await;
                    drop((place, share));
                });
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
async fn accept(listener: &TcpListener, places: &Places) -> io::Result<(TcpStream, SocketAddr, Place)> {
    let place = places.take().await?;
    let (stream, from) = listener.accept().await?;
    Ok((stream, from, place))
}

/// What every connection needs.
#[derive(Clone)]
struct Server {
    routes: Router,
    keeper: Doorkeeper,
    shutdown: CancellationToken,
}

impl Server {
    fn turn_away(&self, peer: &Peer) {
        self.keeper.refusals.count(Refusal::Connections);
        self.keeper.write_line(|| {
            warn!(
                client = %peer.address,
                "more than {MOST_OF_ONE_CLIENT} connections of one client; those beyond are closed at once"
            );
        });
    }

    /// Speaks with a client, over TLS when that is set up.
    async fn meet(self, stream: TcpStream, mut peer: Peer) {
        let tls = self.keeper.entrance.borrow().tls.as_ref().map(|tls| tls.config.clone());
        let Some(config) = tls else { return self.converse(stream, peer).await };
        let shaken = tokio::select! {
            shaken = shake_hands(stream, config) => shaken,
            () = self.shutdown.cancelled() => return,
        };
        match shaken {
            Ok(secured) => {
                peer.certificate = secured.certificate.map(Arc::new);
                self.converse(secured.stream, peer).await;
            }
            Err(error) => {
                self.keeper.refusals.count(Refusal::Handshake);
                // Everyday life beyond this host: scanners, and clients that do not trust the certificate.
                debug!(client = %peer.address, %error, "no TLS with a client");
            }
        }
    }

    async fn converse<S>(self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { routes, shutdown, .. } = self;
        let mut server = http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_WITHIN)
            .max_headers(MOST_HEADERS)
            .max_buf_size(MOST_HEADER_BYTES);
        let at_work = Arc::new(AtomicBool::new(false));
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            let answered = routes.clone().oneshot(request);
            let working = Working::begin(&at_work);
            async move {
                let answer = answered.await;
                drop(working);
                answer
            }
        });
        let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
        let patience = tokio::select! {
            ended = connection.as_mut() => return log(ended),
            () = shutdown.cancelled() => STOP_WITHIN,
            () = sleep(RENEW_AFTER) => FINISH_WITHIN,
        };
        connection.as_mut().graceful_shutdown();
        loop {
            tokio::select! {
                ended = timeout(patience, connection.as_mut()) => match ended {
                    Ok(ended) => return log(ended),
                    // The daemon is still at it, within limits of its own; this client is not the one to blame.
                    Err(_elapsed) if at_work.load(Ordering::Relaxed) && !shutdown.is_cancelled() => {}
                    Err(_elapsed) => return,
                },
                () = stopping(&shutdown, patience) => return,
            }
        }
    }
}

/// Says that a request is being answered, as long as it is held.
struct Working(Arc<AtomicBool>);

impl Working {
    fn begin(at_work: &Arc<AtomicBool>) -> Self {
        at_work.store(true, Ordering::Relaxed);
        Self(at_work.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
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

    use super::super::places::MOST_CONNECTIONS;
    use super::super::tls::HANDSHAKE_WITHIN;
    use super::super::{Entrance, body, secure};
    use super::*;
    use crate::access::Refusals;
    use crate::command::Command;
    use crate::surface::Published;

    struct Stage {
        address: SocketAddr,
        shutdown: CancellationToken,
        server: TaskTracker,
        commands: mpsc::Receiver<Command>,
        refusals: Arc<Refusals>,
        _published: watch::Sender<Published>,
    }

    async fn stage(metrics: Bytes) -> Stage {
        stage_with(metrics, Entrance::default()).await
    }

    async fn stage_with(metrics: Bytes, entrance: Entrance) -> Stage {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let made = Published { metrics: metrics.into(), ready: true, ..Published::default() };
        let (sender, published) = watch::channel(made);
        let (commands, receiver) = mpsc::channel(4);
        let shutdown = CancellationToken::new();
        let server = TaskTracker::new();
        let board = tokio::sync::watch::Sender::default().subscribe();
        let refusals = Arc::<Refusals>::default();
        let surface = HttpSurface {
            published,
            board,
            past: crate::surface::page::Past::in_store("/nonexistent/history.db".into()),
            commands,
            address,
            entrance: watch::Sender::new(Arc::new(entrance)).subscribe(),
            refusals: refusals.clone(),
        };
        server.spawn(serve(listener, surface, shutdown.clone()));
        server.close();
        Stage { address, shutdown, server, commands: receiver, refusals, _published: sender }
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
    async fn what_the_daemon_takes_long_for_is_not_cut_off() {
        let mut stage = stage(Bytes::new()).await;
        let request = "POST /-/refresh HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        let stream = send(stage.address, request).await;
        let Some(Command::Refresh { reply, .. }) = stage.commands.recv().await else { panic!("a refresh") };
        sleep(5 * (RENEW_AFTER + FINISH_WITHIN)).await;
        reply.send(Ok(())).unwrap();
        assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_a_body_slowly_is_told_so_and_loses_its_place() {
        let stage = stage(Bytes::new()).await;
        let request = "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf";
        let began = tokio::time::Instant::now();
        assert!(rest(send(stage.address, request).await).await.starts_with("HTTP/1.1 408"));
        assert!(began.elapsed() <= body::BODY_WITHIN + HEADER_WITHIN + Duration::from_secs(1));
        let long = format!(
            "POST /-/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n{}",
            "x".repeat(0x10000)
        );
        assert!(rest(send(stage.address, &long).await).await.starts_with("HTTP/1.1 413"));
    }

    async fn secured_stage() -> Stage {
        let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = secrecy::SecretString::from(own.signing_key.serialize_pem());
        let tls = secure(&own.cert.pem(), &key, None, false).unwrap();
        stage_with(Bytes::new(), Entrance { tls: Some(tls), ..Entrance::default() }).await
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_finish_the_handshake_loses_its_place() {
        let stage = secured_stage().await;
        let rows: [&[u8]; 4] = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\x16nonsense nonsense nonsense"];
        for sent in rows {
            let began = tokio::time::Instant::now();
            let mut stream = TcpStream::connect(stage.address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let answer = rest(stream).await;
            assert!(!answer.contains("HTTP"), "{answer}");
            assert!(began.elapsed() <= HANDSHAKE_WITHIN + Duration::from_secs(1), "{sent:?}");
        }
        assert!(stage.refusals.counted(Refusal::Handshake) >= 4);
        let mut silent = Vec::new();
        for _ in 0..MOST_CONNECTIONS {
            silent.push(TcpStream::connect(stage.address).await.unwrap());
        }
        let answer = rest(send(stage.address, GET).await).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("https://"), "{answer}");
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
