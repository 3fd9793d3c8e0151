//! The HTTP surface: hands out what the publisher made, and passes on what a person asks for.
//!
//! A request computes nothing, unless it asks for a page (`pages`) or a run book (`plan`). Who sends it is looked at
//! before anything else (`admission`), with those who guess slowed down (`throttle`); what changes something is guarded
//! against other web sites (`guard`); connections have limits in number, size and time (`server`), with TLS below them
//! (`tls`).

mod admission;
mod body;
mod discovery;
mod entrance;
mod guard;
mod kept;
mod pages;
mod peer;
mod places;
mod plan;
mod server;
mod throttle;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Response, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Timeout, timeout};
use upgrade_readiness_checks::facts::Source;

pub use entrance::Entrance;
pub use peer::Peer;
pub use server::serve;
pub use tls::{Tls, TlsError, secure};

use admission::Doorkeeper;
use throttle::Throttle;

use super::Published;
use super::page::Past;
use super::pieces::Pieces;
use crate::access::Refusals;
use crate::board::Board;
use crate::command::Command;

/// Reading the configuration takes moments.
const RELOAD_WITHIN: Duration = Duration::from_secs(20);

/// Measuring a large home takes its time; the answer comes when the last source has answered.
const REFRESH_WITHIN: Duration = Duration::from_mins(30);

const TEXT: &str = "text/plain; charset=utf-8";

/// What the HTTP surface hands out, and where it passes on what it is asked for.
#[derive(Debug, Clone)]
pub struct HttpSurface {
    /// What the publisher made last.
    pub published: watch::Receiver<Published>,
    /// What pages and run books are made of.
    pub board: watch::Receiver<Arc<Board>>,
    /// What the pages of the history are made of.
    pub past: Past,
    /// To the daemon.
    pub commands: mpsc::Sender<Command>,
    /// The address the configuration says to listen on; requests that name it are from this site.
    pub address: SocketAddr,
    /// Over what and by whom it is entered.
    pub entrance: watch::Receiver<Arc<Entrance>>,
    /// Where those who are turned away are counted.
    pub refusals: Arc<Refusals>,
}

impl HttpSurface {
    fn doorkeeper(&self) -> Doorkeeper {
        Doorkeeper {
            entrance: self.entrance.clone(),
            address: self.address,
            refusals: self.refusals.clone(),
            throttle: Arc::new(Throttle::new()),
        }
    }

    fn published(&self) -> Published {
        self.published.borrow().clone()
    }
}

/// All routes. A request is believed to come from another host unless it carries its [`Peer`], as those of [`serve`] do.
pub fn router(surface: HttpSurface) -> Router {
    let keeper = surface.doorkeeper();
    routes(surface, keeper)
}

fn routes(surface: HttpSurface, keeper: Doorkeeper) -> Router {
    Router::new()
        .route("/fleet", get(fleet))
        .route("/api/v1/fleet", get(fleet_json))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status))
        .route("/api/v1/status/{instance}", get(status_of))
        .route("/api/v1/sd", get(agents))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .route("/-/refresh", post(refresh))
        .route("/-/remember", post(remember))
        .route(plan::STEPS, post(plan::mark_step))
        .merge(pages::routes(surface.board.clone(), surface.past.clone()))
        .merge(plan::routes(surface.board.clone()))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(body::take_in))
        .layer(from_fn_with_state(keeper, admission::admit))
        .layer(map_response(harden))
        .with_state(surface)
}

async fn fleet(State(surface): State<HttpSurface>) -> Answer {
    of_fleet(surface.published().fleet_page, "text/html; charset=utf-8")
}

async fn fleet_json(State(surface): State<HttpSurface>) -> Answer {
    of_fleet(surface.published().fleet_json, "application/json")
}

/// What was made of the fleet, when there is one.
fn of_fleet(made: Bytes, content_type: &'static str) -> Answer {
    if made.is_empty() {
        return say(
            StatusCode::NOT_FOUND,
            "nothing is known of a fleet: the configuration names no [store], or it was not read yet",
        );
    }
    answer(StatusCode::OK, content_type, made)
}

async fn metrics(State(surface): State<HttpSurface>) -> Answer {
    published(surface.published().metrics, "text/plain; version=0.0.4; charset=utf-8")
}

async fn status(State(surface): State<HttpSurface>) -> Answer {
    published(surface.published().status.whole(), "application/json")
}

async fn status_of(State(surface): State<HttpSurface>, Path(instance): Path<String>) -> Answer {
    match surface.published().status.only(&instance) {
        Some(status) => published(status, "application/json"),
        None => {
            say(StatusCode::NOT_FOUND, "there is no such instance here; /api/v1/status has all there are")
        }
    }
}

/// Who shares the configuration, for Prometheus.
async fn agents(State(surface): State<HttpSurface>) -> Answer {
    match discovery::groups(&surface.board.borrow(), surface.address) {
        Ok(groups) => axum::Json(groups).into_response(),
        Err(why) => say(StatusCode::NOT_FOUND, &why),
    }
}

/// What was made; right after the start nothing was made yet.
fn published(made: Pieces, content_type: &'static str) -> Answer {
    if made.is_empty() {
        return say(StatusCode::SERVICE_UNAVAILABLE, "starting; nothing to show yet");
    }
    let length = HeaderValue::from(made.length());
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(content_type)), (CONTENT_LENGTH, length)];
    (StatusCode::OK, headers, made.into_body()).into_response()
}

async fn healthy() -> Answer {
    say(StatusCode::OK, "healthy")
}

async fn ready(State(surface): State<HttpSurface>) -> Answer {
    if surface.published.borrow().ready {
        say(StatusCode::OK, "ready")
    } else {
        say(StatusCode::SERVICE_UNAVAILABLE, "not ready: not every source has been asked yet")
    }
}

async fn reload(State(surface): State<HttpSurface>) -> Answer {
    let (reply, answer) = oneshot::channel();
    pass_on(
        &surface,
        Command::Reload { reply },
        timeout(RELOAD_WITHIN, answer),
        "the configuration is reloaded",
    )
    .await
}

/// What to refresh; everything when nothing is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct What {
    instance: Option<String>,
    source: Option<Source>,
}

async fn refresh(
    State(surface): State<HttpSurface>,
    what: Result<Query<What>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Ok(Query(What { instance, source })) = what else {
        let sources = Source::ALL.map(Source::id).join(", ");
        let told = format!("only instance=NAME and source=SOURCE can be given; sources are: {sources}");
        return say(StatusCode::BAD_REQUEST, &told);
    };
    let (reply, answer) = oneshot::channel();
    let command = Command::Refresh { instance, source, reply };
    pass_on(&surface, command, timeout(REFRESH_WITHIN, answer), "the sources were asked again").await
}

async fn remember(State(surface): State<HttpSurface>) -> Answer {
    let (reply, answer) = oneshot::channel();
    let command = Command::Remember { reply };
    pass_on(&surface, command, timeout(RELOAD_WITHIN, answer), "the store was read again").await
}

/// Passes a command to the daemon and tells what became of it.
async fn pass_on(surface: &HttpSurface, command: Command, answer: Awaited, done: &str) -> Answer {
    match obeyed(surface, command, answer).await {
        Ok(()) => say(StatusCode::OK, done),
        Err(refusal) => refusal,
    }
}

/// What the daemon will answer to a command.
type Awaited = Timeout<oneshot::Receiver<Result<(), String>>>;

/// Passes a command to the daemon; the answer to whoever asked when it is not obeyed.
async fn obeyed(surface: &HttpSurface, command: Command, answer: Awaited) -> Result<(), Answer> {
    // Waiting for room would let anybody who repeats himself fill the memory.
    if surface.commands.try_send(command).is_err() {
        let mut busy =
            say(StatusCode::SERVICE_UNAVAILABLE, "the daemon is busy or stopping; try again later");
        busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
        return Err(busy);
    }
    match answer.await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(refusal))) => Err(say(StatusCode::UNPROCESSABLE_ENTITY, &refusal)),
        Ok(Err(_gone)) => Err(say(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping")),
        Err(_elapsed) => Err(say(
            StatusCode::GATEWAY_TIMEOUT,
            "the daemon has not answered yet; look at its log with `journalctl -u upgrade-readiness-agent`",
        )),
    }
}

async fn not_found() -> Answer {
    say(
        StatusCode::NOT_FOUND,
        "there is nothing here; what there is: / /instances/NAME /instances/NAME/history /checks /checks/ID \
         /plan/INSTANCE/TARGET /fleet /metrics /api/v1/status /api/v1/status/INSTANCE /api/v1/fleet /api/v1/sd \
         /api/v1/plan/INSTANCE/TARGET /-/healthy /-/ready",
    )
}

async fn method_not_allowed() -> Answer {
    say(StatusCode::METHOD_NOT_ALLOWED, "this method is not for this address")
}

type Answer = Response<Body>;

fn say(status: StatusCode, text: &str) -> Answer {
    answer(status, TEXT, Bytes::from(format!("{text}\n")))
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}

/// What a browser is told about every answer, unless it has its own rules.
async fn harden(mut answer: Answer) -> Answer {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in HEADERS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::http::{Method, Request};
    use tower::ServiceExt;

    use super::*;
    use crate::surface::metrics::Metrics;
    use crate::surface::parts::{Parts, StatusText};
    use crate::surface::sample;

    struct Probe {
        router: Router,
        published: watch::Sender<Published>,
        commands: mpsc::Receiver<Command>,
    }

    fn status() -> StatusText {
        let board = sample::board();
        let mut parts = Parts::default();
        parts.update(&board, &Metrics::new());
        parts.status(&board, sample::now())
    }

    fn probe() -> Probe {
        let (sender, published) = watch::channel(Published {
            metrics: Bytes::from_static(b"# metrics\n").into(),
            status: status(),
            fleet_page: Bytes::from_static(b"<!DOCTYPE html>fleet"),
            fleet_json: Bytes::from_static(b"{\"fleet\":1}\n"),
            ready: false,
            status_file_trouble: None,
            revision: 0,
        });
        let (commands, receiver) = mpsc::channel(1);
        let address = "192.0.2.7:9977".parse().unwrap();
        let board = watch::Sender::new(Arc::new(sample::board())).subscribe();
        let (entrance, refusals) = (Entrance::open(), Arc::default());
        let past = Past::in_store("/nonexistent/history.db".into());
        let surface = HttpSurface { published, board, past, commands, address, entrance, refusals };
        Probe { router: router(surface), published: sender, commands: receiver }
    }

    /// Somebody on this host.
    fn here() -> Peer {
        Peer::new("127.0.0.1:40000".parse().unwrap(), None)
    }

    async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, Answer) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.extension(here()).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        (answer.status().as_u16(), answer)
    }

    async fn body(answer: Answer) -> String {
        String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_was_published_is_handed_out() {
        let probe = probe();
        let agents = r#"[{"targets":["192.0.2.7:9977"],"labels":{"__meta_upgrade_readiness_shard":"1","__meta_upgrade_readiness_shards":"1"}}]"#;
        let (whole, docs) = (status().whole().to_text(), status().only("docs").unwrap().to_text());
        let rows = [
            ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "# metrics\n"),
            ("/api/v1/status", "application/json", &whole),
            ("/api/v1/status/docs", "application/json", &docs),
            ("/api/v1/sd", "application/json", agents),
            ("/fleet", "text/html; charset=utf-8", "<!DOCTYPE html>fleet"),
            ("/api/v1/fleet", "application/json", "{\"fleet\":1}\n"),
            ("/-/healthy", TEXT, "healthy\n"),
        ];
        for (path, content_type, content) in rows {
            let (code, answer) = ask(&probe.router, Method::GET, path, &[]).await;
            assert_eq!(code, 200);
            assert_eq!(answer.headers()[CONTENT_TYPE], content_type);
            assert!(
                answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'")
            );
            assert_eq!(answer.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(body(answer).await, content);

            let (code, answer) = ask(&probe.router, Method::HEAD, path, &[]).await;
            assert_eq!(
                (code, answer.headers()["content-length"].to_str().unwrap()),
                (200, content.len().to_string().as_str())
            );
            assert_eq!(body(answer).await, "");
        }
    }

    #[tokio::test]
    async fn readiness_follows_the_board() {
        let probe = probe();
        assert_eq!(ask(&probe.router, Method::GET, "/-/ready", &[]).await.0, 503);
        probe.published.send_modify(|published| published.ready = true);
        assert_eq!(ask(&probe.router, Method::GET, "/-/ready", &[]).await.0, 200);
        probe.published.send_replace(Published::default());
        for path in ["/metrics", "/api/v1/status"] {
            assert_eq!(ask(&probe.router, Method::GET, path, &[]).await.0, 503, "{path}");
        }
        assert_eq!(ask(&probe.router, Method::GET, "/fleet", &[]).await.0, 404);
    }

    #[tokio::test]
    async fn the_page_is_made_for_whoever_looks() {
        let (code, answer) = ask(&probe().router, Method::GET, "/", &[]).await;
        assert_eq!(
            (code, answer.headers()[CONTENT_TYPE].to_str().unwrap()),
            (200, "text/html; charset=utf-8")
        );
        let page = body(answer).await;
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("10.2.14"), "{page:.200}");
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_in_plain_text() {
        let probe = probe();
        let rows = [
            (Method::GET, "/nothing", 404),
            (Method::GET, "/api/v1/status/nobody", 404),
            (Method::GET, "/api/v1/status/..%2f..%2fetc", 404),
            (Method::GET, "/../etc/passwd", 404),
            (Method::POST, "/metrics", 405),
            (Method::GET, "/-/reload", 405),
            (Method::DELETE, "/", 405),
            (Method::POST, "/plan/wiki/9.2.10", 405),
            (Method::GET, "/plan/wiki/nothing", 404),
        ];
        for (method, path, expected) in rows {
            let (code, answer) = ask(&probe.router, method, path, &HERE).await;
            assert_eq!((code, answer.headers()[CONTENT_TYPE].to_str().unwrap()), (expected, TEXT), "{path}");
            assert_eq!(answer.headers()[X_FRAME_OPTIONS], "DENY");
        }
    }

    const HERE: [(&str, &str); 1] = [("host", "127.0.0.1:9977")];

    #[tokio::test]
    async fn commands_reach_the_daemon_and_its_answer_comes_back() {
        let Probe { router, mut commands, .. } = probe();
        let path = "/-/refresh?instance=wiki&source=database";
        let (answered, ()) = tokio::join!(ask(&router, Method::POST, path, &HERE), async {
            let Some(Command::Refresh { instance, source, reply }) = commands.recv().await else { panic!() };
            assert_eq!((instance.as_deref(), source), (Some("wiki"), Some(Source::Database)));
            reply.send(Ok(())).unwrap();
        });
        assert_eq!(answered.0, 200);

        let (answered, ()) = tokio::join!(ask(&router, Method::POST, "/-/reload", &HERE), async {
            let Some(Command::Reload { reply }) = commands.recv().await else { panic!() };
            reply.send(Err("line 3: unknown key".into())).unwrap();
        });
        assert_eq!((answered.0, body(answered.1).await.as_str()), (422, "line 3: unknown key\n"));

        let (answered, ()) = tokio::join!(ask(&router, Method::POST, "/-/reload", &HERE), async {
            drop(commands.recv().await);
        });
        assert_eq!(answered.0, 503);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_or_silent_daemon_keeps_nobody_waiting_for_ever() {
        let probe = probe();
        let (silent, busy) = tokio::join!(
            ask(&probe.router, Method::POST, "/-/reload", &HERE),
            ask(&probe.router, Method::POST, "/-/reload", &HERE),
        );
        assert_eq!((silent.0, busy.0), (504, 503));
        assert_eq!(busy.1.headers()[RETRY_AFTER], "10");
    }

    #[tokio::test]
    async fn unknown_sources_are_refused() {
        let probe = probe();
        for query in ["source=nonsense", "instance=a&instance=b", "other=1"] {
            let path = format!("/-/refresh?{query}");
            assert_eq!(ask(&probe.router, Method::POST, &path, &HERE).await.0, 400, "{query}");
        }
    }

    #[tokio::test]
    async fn other_web_sites_are_refused() {
        let mut probe = probe();
        let rows: [(&[(&str, &str)], bool); 16] = [
            (&[("host", "127.0.0.1:9977")], true),
            (&[("host", "localhost:9977")], true),
            (&[("host", "[::1]:9977")], true),
            (&[("host", "127.8.9.1")], true),
            (&[("host", "192.0.2.7:9977")], true),
            (&[("host", "localhost:9977"), ("origin", "http://localhost:9977")], true),
            (&[("host", "localhost:9977"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "localhost:9977"), ("sec-fetch-site", "none")], true),
            // A name of the attacker's that points here now: DNS rebinding.
            (&[("host", "evil.example.com:9977")], false),
            (&[("host", "localhost.evil.example.com")], false),
            (&[("host", "203.0.113.9:9977")], false),
            (&[], false),
            (&[("host", "localhost:9977"), ("origin", "https://evil.example.com")], false),
            (&[("host", "localhost:9977"), ("origin", "http://localhost:8090")], false),
            (&[("host", "localhost:9977"), ("origin", "null")], false),
            (&[("host", "localhost:9977"), ("sec-fetch-site", "cross-site")], false),
        ];
        for (headers, allowed) in rows {
            let asked = ask(&probe.router, Method::POST, "/-/reload", headers);
            let command = async { probe.commands.try_recv() };
            let (answered, ()) = tokio::join!(asked, async {
                tokio::task::yield_now().await;
                if let Ok(Command::Reload { reply }) = command.await {
                    reply.send(Ok(())).unwrap();
                }
            });
            assert_eq!(answered.0, if allowed { 200 } else { 403 }, "{headers:?}");
        }
    }

    type Headers<'a> = &'a [(&'a str, &'a str)];

    /// Sends a form to the page of a run book; what the daemon answers when it is asked.
    async fn say_of_step(
        probe: &mut Probe,
        path: &str,
        form: &str,
        headers: Headers<'_>,
        outcome: Result<(), String>,
    ) -> (u16, Option<String>, String, Option<Command>) {
        let mut request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.extension(here()).body(Body::from(form.to_owned())).unwrap();
        let asked = probe.router.clone().oneshot(request);
        let (answer, command) = tokio::join!(asked, async {
            tokio::task::yield_now().await;
            match probe.commands.try_recv() {
                Ok(Command::MarkStep { instance, target, step, state, by, took, note, reply }) => {
                    reply.send(outcome).unwrap();
                    let reply = oneshot::channel().0;
                    Some(Command::MarkStep { instance, target, step, state, by, took, note, reply })
                }
                _ => None,
            }
        });
        let answer = answer.unwrap();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location, body(answer).await, command)
    }

    #[tokio::test]
    async fn what_is_said_of_a_step_on_the_page_is_passed_on_and_shown() {
        let mut probe = probe();
        let path = "/plan/wiki/9.2.10/steps?method=archive";
        let form = "step=production.stop&state=failed&by=Anna+L%C3%B6w&took=12m&note=it+hung%3B+killed";
        let (code, location, text, command) = say_of_step(&mut probe, path, form, &HERE, Ok(())).await;
        assert_eq!(
            (code, location.as_deref()),
            (303, Some("../9.2.10?method=archive#production.stop")),
            "{text}"
        );
        let Some(Command::MarkStep { instance, target, step, state, by, took, note, .. }) = command else {
            panic!("nothing was passed on")
        };
        assert_eq!(
            (instance.as_str(), target.as_str(), step.as_str()),
            ("wiki", "9.2.10", "production.stop")
        );
        assert_eq!((state.id(), by.as_str()), ("failed", "Anna Löw"));
        assert_eq!((took.as_deref(), note.as_deref()), (Some("12m"), Some("it hung; killed")));

        let refusal = Err("there is no step \"x\"".to_owned());
        let form = "step=x&state=done&by=Anna";
        let (code, location, text, _) = say_of_step(&mut probe, path, form, &HERE, refusal).await;
        assert_eq!((code, location, text.as_str()), (422, None, "there is no step \"x\"\n"));
    }

    #[tokio::test]
    async fn what_cannot_be_said_of_a_step_is_not_passed_on() {
        let mut probe = probe();
        let long = format!("step=production.stop&state=done&by={}", "x".repeat(plan::MOST_BYTES_SAID));
        let rows: [(&str, Headers<'_>, u16); 6] = [
            ("step=production.stop&state=perhaps&by=Anna", &HERE, 422),
            ("step=production.stop&state=done", &HERE, 422),
            ("step=production.stop&state=done&by=Anna&target=x", &HERE, 422),
            (&long, &HERE, 413),
            ("step=production.stop&state=done&by=Anna", &[("host", "evil.example.com")], 403),
            (
                "step=production.stop&state=done&by=Anna",
                &[("host", "localhost:9977"), ("origin", "https://evil.example.com")],
                403,
            ),
        ];
        for (form, headers, expected) in rows {
            let (code, location, text, command) =
                say_of_step(&mut probe, "/plan/wiki/9.2.10/steps", form, headers, Ok(())).await;
            assert_eq!((code, location), (expected, None), "{form:.80}: {text}");
            assert!(command.is_none(), "{form:.80}");
        }
    }

    #[tokio::test]
    async fn only_the_page_of_a_run_book_has_forms() {
        let probe = probe();
        let (code, answer) =
            ask(&probe.router, Method::GET, "/plan/wiki/latest-lts?method=archive", &[]).await;
        assert_eq!(code, 200);
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("form-action 'self'"), "{policy}");
        // Without it a browser sends `Origin: null`, which is refused.
        assert_eq!(answer.headers()[REFERRER_POLICY], "same-origin");
        let page = body(answer).await;
        assert!(
            page.contains("/steps?method=archive\">") && page.contains("name=\"state\" value=\"skipped\"")
        );
        for path in ["/", "/api/v1/plan/wiki/latest-lts?form=html"] {
            let (code, answer) = ask(&probe.router, Method::GET, path, &[]).await;
            assert_eq!(
                (code, &answer.headers()[REFERRER_POLICY]),
                (200, &HeaderValue::from_static("no-referrer"))
            );
            // The overview may look for instances; nothing else sends anything.
            let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            let action = if path == "/" { "form-action 'self'" } else { "form-action 'none'" };
            assert!(policy.contains(action), "{policy}");
            assert!(!body(answer).await.contains("method=\"post\""), "{path}");
        }
    }
}
