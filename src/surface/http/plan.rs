//! Run books on demand: made when somebody asks, at most a few at a time, and kept until the board changes; and what
//! somebody says of a step on the page of one.
//!
//! As for the pages, this happens off the async threads, and a defect in it ends only the request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER};
use axum::routing::get;
use serde::Deserialize;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use upgrade_readiness_checks::facts::{Missing, StepState};
use upgrade_readiness_checks::model::{Requested, Target};
use upgrade_readiness_checks::plan::book::{Book, make};
use upgrade_readiness_checks::plan::way::Method;
use upgrade_readiness_checks::version::ProductVersion;

use super::kept::Kept;
use super::{Answer, HttpSurface, answer, obeyed, say};
use crate::board::{Board, InstanceState, TargetState};
use crate::command::Command;
use crate::surface::book::{Form, anchor, render, render_page};

/// A book takes a processor for a moment; the daemon has other things to do as well.
const MOST_AT_ONCE: usize = 2;
/// An instance may have hundreds of releases before it.
const MOST_RELEASES_NAMED: usize = 20;

/// Where the page of a run book sends what is said of a step.
pub(super) const STEPS: &str = "/plan/{instance}/{target}/steps";

/// The longest note in the longest spelling, and what else is in the form.
pub(super) const MOST_BYTES_SAID: usize = 32 << 10;

/// To make the book takes a moment, and the store may hang.
const MARK_WITHIN: Duration = Duration::from_mins(1);

/// The routes of run books.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(board: watch::Receiver<Arc<Board>>) -> Router<S> {
    routes_with(board, Arc::new(make_book))
}

fn routes_with<S: Clone + Send + Sync + 'static>(
    board: watch::Receiver<Arc<Board>>,
    maker: Arc<Maker>,
) -> Router<S> {
    let books = Books {
        board,
        maker,
        places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        kept: Arc::new(Mutex::new(Kept::default())),
    };
    Router::new()
        .route("/plan/{instance}/{target}", get(page))
        .route("/api/v1/plan/{instance}/{target}", get(api))
        .with_state(books)
}

/// Makes a book of what stands on the board; the moment of the facts is the moment of the book.
fn make_book(state: &InstanceState, target: &Target, method: Option<Method>) -> Result<Book, Missing> {
    make(state.grounds.judge(state.snapshot.taken_at), &state.snapshot, target, method)
}

type Maker = dyn Fn(&InstanceState, &Target, Option<Method>) -> Result<Book, Missing> + Send + Sync;

#[derive(Clone)]
struct Books {
    board: watch::Receiver<Arc<Board>>,
    maker: Arc<Maker>,
    places: Arc<Semaphore>,
    kept: Arc<Mutex<Kept<u64, Key, Bytes>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    instance: String,
    version: ProductVersion,
    method: Option<Method>,
    shown: Shown,
}

/// How a book is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// To be kept as a file.
    File(Form),
    /// As the page on which steps are marked.
    Page,
}

/// How the book is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    method: Option<Method>,
    form: Option<Form>,
}

/// The same for the page, which has its form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedPage {
    method: Option<Method>,
}

pub(super) type Named = Result<Path<(String, String)>, PathRejection>;

async fn api(
    State(books): State<Books>,
    named: Named,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Answer {
    match wanted {
        Ok(Query(Wanted { method, form })) => {
            books.hand_out(named, method, Shown::File(form.unwrap_or(Form::Json))).await
        }
        Err(_other) => refuse(&format!("{} and {}", methods(), forms())),
    }
}

async fn page(
    State(books): State<Books>,
    named: Named,
    wanted: Result<Query<WantedPage>, QueryRejection>,
) -> Answer {
    match wanted {
        Ok(Query(WantedPage { method })) => for_forms(books.hand_out(named, method, Shown::Page).await),
        Err(_other) => refuse(&methods()),
    }
}

fn refuse(choices: &str) -> Answer {
    say(StatusCode::BAD_REQUEST, &format!("only these can be given: {choices}"))
}

fn one_of(key: &str, words: &[&str]) -> String {
    format!("{key}={}", words.join("|"))
}

fn methods() -> String {
    one_of("method", &Method::ALL.map(Method::id))
}

fn forms() -> String {
    one_of("form", &Form::ALL.map(Form::id))
}

impl Books {
    async fn hand_out(&self, named: Named, method: Option<Method>, shown: Shown) -> Answer {
        let Ok(Path((instance, requested))) = named else {
            return say(
                StatusCode::NOT_FOUND,
                "an instance and a target are named like this: wiki/latest-lts",
            );
        };
        let board = self.board.borrow().clone();
        let (state, target) = match find(&board, &instance, &requested) {
            Ok(found) => found,
            Err(why) => return say(StatusCode::NOT_FOUND, &why),
        };
        let key = Key { instance, version: target.version.clone(), method, shown };
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).find(&board.revision, &key);
        if let Some(text) = known {
            return answer(StatusCode::OK, content_type(shown), text);
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return later("other run books are being made; try again in a moment", "2");
        };
        let maker = self.maker.clone();
        let making = spawn_blocking(move || {
            // Kept until it is made, also when nobody waits for it any more.
            let _place = place;
            maker(&state, &target, method).map(|book| Bytes::from(shown.render(&book, &target, method)))
        });
        match making.await {
            Ok(Ok(text)) => {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.keep(board.revision, key, text.clone());
                answer(StatusCode::OK, content_type(shown), text)
            }
            Ok(Err(missing)) => later(&format!("no run book can be made yet: {missing}"), "60"),
            Err(error) => {
                let Key { instance, version, .. } = key;
                tracing::error!(%instance, target = %version, %error, "a run book could not be made");
                say(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the run book could not be made because of a defect in the agent; its log has the place: \
                     `journalctl -u upgrade-readiness-agent`. Please report it with the facts of \
                     `agent snapshot`",
                )
            }
        }
    }
}

fn later(text: &str, seconds: &'static str) -> Answer {
    let mut later = say(StatusCode::SERVICE_UNAVAILABLE, text);
    later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    later
}

impl Shown {
    fn render(self, book: &Book, target: &Target, method: Option<Method>) -> String {
        match self {
            Self::File(form) => render(book, form),
            // Relative to the page: a proxy may have put it elsewhere.
            Self::Page => render_page(book, &format!("{}/steps{}", target.version, query_of(method))),
        }
    }
}

fn query_of(method: Option<Method>) -> String {
    method.map_or_else(String::new, |method| format!("?method={}", method.id()))
}

fn content_type(shown: Shown) -> &'static str {
    match shown {
        Shown::File(Form::Markdown) => "text/markdown; charset=utf-8",
        Shown::File(Form::Html) | Shown::Page => "text/html; charset=utf-8",
        Shown::File(Form::Json) => "application/json",
    }
}

/// A page with forms: they go to this site only, and say so (a browser that tells nothing of where it comes from is
/// refused by `guard`).
fn for_forms(mut page: Answer) -> Answer {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; \
                          frame-ancestors 'none'";
    let headers = page.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    page
}

/// What somebody says of a step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaidOfStep {
    step: String,
    state: StepState,
    by: String,
    #[serde(default)]
    took: String,
    #[serde(default)]
    note: String,
}

/// Keeps what somebody says of a step, and shows the step again.
pub(super) async fn mark_step(
    State(surface): State<HttpSurface>,
    named: Named,
    wanted: Result<Query<WantedPage>, QueryRejection>,
    said: Result<axum::Form<SaidOfStep>, FormRejection>,
) -> Answer {
    let (Ok(Path((instance, target))), Ok(Query(WantedPage { method }))) = (named, wanted) else {
        return refuse(&methods());
    };
    let SaidOfStep { step, state, by, took, note } = match said {
        Ok(axum::Form(said)) => said,
        Err(error) => {
            let told = format!(
                "what is said of a step is a form with step, state ({}), by, took and note: {}",
                StepState::ALL.map(StepState::id).join(", "),
                error.body_text()
            );
            return say(error.status(), &told);
        }
    };
    let shown = format!("../{target}{}#{}", query_of(method), anchor(&step));
    let Ok(location) = HeaderValue::try_from(shown) else {
        return say(StatusCode::NOT_FOUND, "a target is a version, or a word that stands for one");
    };
    let (reply, answered) = oneshot::channel();
    let (took, note) = (Some(took), Some(note));
    let command = Command::MarkStep { instance, target, step, state, by, took, note, reply };
    match obeyed(&surface, command, timeout(MARK_WITHIN, answered)).await {
        Ok(()) => {
            let mut seen = say(StatusCode::SEE_OTHER, "it is kept");
            seen.headers_mut().insert(LOCATION, location);
            seen
        }
        Err(refusal) => refusal,
    }
}

/// The instance and the release that are meant, or what there is.
fn find(board: &Board, instance: &str, requested: &str) -> Result<(Arc<InstanceState>, Target), String> {
    let Some(state) = board.instances.iter().find(|state| state.name == instance) else {
        let names: Vec<&str> = board.instances.iter().map(|state| state.name.as_str()).collect();
        return Err(format!("there is no instance {instance:?}; there are: {}", names.join(", ")));
    };
    let none = |why: &dyn fmt::Display| format!("{why}; {}", what_there_is(state));
    let wanted: Requested = requested.parse().map_err(|_not_a_version| {
        none(&format!(
            "{requested:?} is no target: a version, latest, latest-lts, next and recommended are targets"
        ))
    })?;
    let recommended = state.offering.recommended();
    let recommended = recommended.as_ref().copied().map_err(String::as_str);
    let target = Target::resolve(&wanted, &state.grounds.catalog, state.version.as_ref(), recommended)
        .map_err(|error| none(&error))?;
    if target.release.is_none() && !is_configured(state, &target.version) {
        return Err(none(&format!("the catalog has no release {}", target.version)));
    }
    Ok((state.clone(), target))
}

fn is_configured(state: &InstanceState, version: &ProductVersion) -> bool {
    state.targets.iter().any(|target| match target {
        TargetState::Judged(judged) => judged.report.version == *version,
        TargetState::Unresolved { .. } => false,
    })
}

/// The targets of the configuration, and the newest releases of the catalog.
fn what_there_is(state: &InstanceState) -> String {
    let configured = state.targets.iter().map(|target| match target {
        TargetState::Judged(judged) => judged.report.requested.to_string(),
        TargetState::Unresolved { requested, .. } => requested.to_string(),
    });
    let configured: Vec<String> = configured.collect();
    let newer = state.grounds.catalog.releases().iter().rev().map(|release| &release.version);
    let newer = newer.take_while(|version| state.version.as_ref().is_none_or(|running| *version > running));
    let newer: Vec<String> = newer.take(MOST_RELEASES_NAMED).map(ToString::to_string).collect();
    format!(
        "the targets of {} are: {}; the newest releases are: {}",
        state.name,
        configured.join(", "),
        newer.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use axum::body::{Body, to_bytes};
    use axum::http::header::CONTENT_TYPE;
    use axum::http::{Method as Verb, Request};
    use tower::ServiceExt;

    use super::*;
    use crate::surface::sample;

    struct Probe {
        router: Router,
        board: watch::Sender<Arc<Board>>,
        made: Arc<AtomicUsize>,
    }

    fn probe() -> Probe {
        let board = watch::Sender::new(Arc::new(Board { revision: 7, ..sample::board() }));
        let made = Arc::new(AtomicUsize::new(0));
        let counted = made.clone();
        let maker = Arc::new(move |state: &InstanceState, target: &Target, method| {
            counted.fetch_add(1, Ordering::SeqCst);
            make_book(state, target, method)
        });
        Probe { router: routes_with(board.subscribe(), maker).with_state(()), board, made }
    }

    async fn ask(router: &Router, verb: Verb, path: &str) -> (u16, Answer) {
        let request = Request::builder().method(verb).uri(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        (answer.status().as_u16(), answer)
    }

    async fn get(router: &Router, path: &str) -> (u16, String, String) {
        let (code, answer) = ask(router, Verb::GET, path).await;
        let content_type = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        (code, content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_book_is_handed_out_in_each_form() {
        let probe = probe();
        let rows = [
            ("/api/v1/plan/wiki/9.2.10", "application/json", "\"format_version\": \"1.0\""),
            ("/api/v1/plan/wiki/9.2.10?form=json", "application/json", "\"target\": \"9.2.10\""),
            ("/api/v1/plan/wiki/9.2.10?form=markdown", "text/markdown; charset=utf-8", "# Run book: wiki"),
            ("/api/v1/plan/wiki/9.2.10?form=html", "text/html; charset=utf-8", "<!DOCTYPE html>"),
            ("/plan/wiki/9.2.10", "text/html; charset=utf-8", "<!DOCTYPE html>"),
            ("/api/v1/plan/wiki/9.2.10?method=archive", "application/json", "\"method\": \"archive\""),
            ("/plan/wiki/9.2.10?method=rolling", "text/html; charset=utf-8", "node by node"),
            // A word of the configuration, and a release that only the catalog has.
            ("/api/v1/plan/wiki/latest-lts", "application/json", "\"running\": \"9.2.7\""),
            ("/api/v1/plan/wiki/9.2.8", "application/json", "\"target\": \"9.2.8\""),
        ];
        for (path, content_type, part) in rows {
            let (code, shown, text) = get(&probe.router, path).await;
            assert_eq!((code, shown.as_str()), (200, content_type), "{path}: {text}");
            assert!(text.contains(part), "{path}");
        }
        let (code, answer) = ask(&probe.router, Verb::HEAD, "/plan/wiki/9.2.10").await;
        assert_eq!(code, 200);
        assert!(to_bytes(answer.into_body(), 1).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_not_there_is_told_with_what_there_is() {
        let probe = probe();
        let rows: [(&str, u16, &[&str]); 8] = [
            ("/plan/nobody/9.2.10", 404, &["there is no instance \"nobody\"; there are: wiki, docs"]),
            (
                "/plan/wiki/newest",
                404,
                &["\"newest\" is no target", "targets of wiki are: latest-lts, 9.2.10"],
            ),
            ("/plan/wiki/99.1.0", 404, &["the catalog has no release 99.1.0", "the newest releases are: "]),
            ("/api/v1/plan/docs/next", 404, &["the running version is not known"]),
            ("/plan/%ff/9.2.10", 404, &["wiki/latest-lts"]),
            ("/plan/wiki/9.2.10?method=magic", 400, &["method=rolling|installer|archive"]),
            ("/plan/wiki/9.2.10?form=json", 400, &["only these can be given: method="]),
            ("/api/v1/plan/wiki/9.2.10?form=pdf", 400, &["form=markdown|html|json"]),
        ];
        for (path, expected, parts) in rows {
            let (code, content_type, text) = get(&probe.router, path).await;
            assert_eq!(
                (code, content_type.as_str()),
                (expected, "text/plain; charset=utf-8"),
                "{path}: {text}"
            );
            for part in parts {
                assert!(text.contains(part), "{path}: {text}");
            }
        }
        let (code, answer) = ask(&probe.router, Verb::GET, "/plan/docs/9.2.10").await;
        assert_eq!((code, answer.headers()[RETRY_AFTER].to_str().unwrap()), (503, "60"));
        let text = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        assert!(String::from_utf8_lossy(&text).contains("no run book can be made yet: installation:"));
    }

    #[tokio::test]
    async fn a_book_is_made_once_until_the_board_changes() {
        let probe = probe();
        let first = get(&probe.router, "/plan/wiki/9.2.10").await;
        assert_eq!(get(&probe.router, "/plan/wiki/9.2.10").await, first);
        assert_eq!(probe.made.load(Ordering::SeqCst), 1);
        get(&probe.router, "/plan/wiki/9.2.10?method=archive").await;
        assert_eq!(probe.made.load(Ordering::SeqCst), 2);
        probe.board.send_modify(|board| Arc::make_mut(board).revision += 1);
        assert_eq!(get(&probe.router, "/plan/wiki/9.2.10").await, first);
        assert_eq!(probe.made.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn two_are_made_at_a_time_and_the_next_is_told_to_come_again() {
        let (entered, mut inside) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let maker = Arc::new(move |state: &InstanceState, target: &Target, method| {
            entered.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            make_book(state, target, method)
        });
        let board = watch::Sender::new(Arc::new(sample::board()));
        let router: Router = routes_with(board.subscribe(), maker).with_state(());
        let (one, two, ()) = tokio::join!(
            ask(&router, Verb::GET, "/plan/wiki/9.2.10"),
            ask(&router, Verb::GET, "/plan/wiki/latest-lts"),
            async {
                inside.recv().await.unwrap();
                inside.recv().await.unwrap();
                let (code, answer) = ask(&router, Verb::GET, "/plan/wiki/9.2.8").await;
                assert_eq!((code, answer.headers()[RETRY_AFTER].to_str().unwrap()), (503, "2"));
                release.send(()).unwrap();
                release.send(()).unwrap();
            }
        );
        assert_eq!((one.0, two.0), (200, 200));
        release.send(()).unwrap();
        assert_eq!(ask(&router, Verb::GET, "/plan/wiki/9.2.8").await.0, 200);
    }

    #[tokio::test]
    async fn a_defect_ends_the_request_and_nothing_else() {
        let calls = AtomicUsize::new(0);
        let maker = Arc::new(move |state: &InstanceState, target: &Target, method| {
            assert!(calls.fetch_add(1, Ordering::SeqCst) > 2, "a defect");
            make_book(state, target, method)
        });
        let board = watch::Sender::new(Arc::new(sample::board()));
        let router: Router = routes_with(board.subscribe(), maker).with_state(());
        for _ in 0..3 {
            let (code, content_type, text) = get(&router, "/plan/wiki/9.2.10").await;
            assert_eq!((code, content_type.as_str()), (500, "text/plain; charset=utf-8"));
            assert!(
                text.contains("because of a defect in the agent") && !text.contains("a defect\n"),
                "{text}"
            );
        }
        // The places of those that broke are free again.
        assert_eq!(get(&router, "/plan/wiki/9.2.10").await.0, 200);
    }
}
