//! The pages for people: made when somebody asks, two at a time, and kept until the board or the minute is another.
//!
//! Everything here is read. A page that shows ages is made for a whole minute, so that a kept one says what a new one
//! would say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    RETRY_AFTER,
};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::kept::Kept;
use super::{Answer, answer, say};
use crate::board::{Board, InstanceState};
use crate::surface::page::{
    ASSETS, Fleet, Past, WantedChanges, WantedRows, WantedTarget, no_such_instance, render_check,
    render_checks, render_instance, render_missing, render_overview, version_of,
};

/// A page takes a processor for some milliseconds; the daemon has other things to do as well.
const MOST_AT_ONCE: usize = 2;

/// So long one waits for those before.
const PLACE_WITHIN: Duration = Duration::from_secs(10);

const HTML: &str = "text/html; charset=utf-8";

/// What the pages need is their own style, script and icon, and the daemon's answers to the script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The routes of the pages.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(
    board: watch::Receiver<Arc<Board>>,
    past: Past,
) -> Router<S> {
    let pages = Pages { board, past, places: Arc::new(Semaphore::new(MOST_AT_ONCE)), kept: Arc::default() };
    Router::new()
        .route("/", get(overview))
        .route("/instances/{name}", get(instance))
        .route("/instances/{name}/history", get(history))
        .route("/checks", get(checks))
        .route("/checks/{id}", get(check))
        .route("/assets/{name}", get(asset))
        // Browsers ask for it where a page names no icon: the run book loads nothing.
        .route(
            "/favicon.ico",
            get(async |asked: HeaderMap| {
                asset(Ok(Path("icon.svg".to_owned())), Ok(Query(Version { v: None })), asked).await
            }),
        )
        .route("/api/v1/revision", get(revision))
        .with_state(pages)
}

#[derive(Clone)]
struct Pages {
    board: watch::Receiver<Arc<Board>>,
    past: Past,
    places: Arc<Semaphore>,
    kept: Arc<Mutex<Kept<Moment, Page, Made>>>,
}

/// The revision of the board, and the minute for which ages are told.
type Moment = (u64, i64);

/// A page, and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Overview(WantedRows),
    Instance(String, WantedTarget),
    History(String, WantedChanges),
    Checks,
    Check(String),
}

/// A page that was made, with the name of its content.
#[derive(Debug, Clone)]
struct Made {
    status: StatusCode,
    text: Bytes,
    tag: HeaderValue,
}

impl Made {
    fn new(status: StatusCode, text: String) -> Self {
        let tag = HeaderValue::try_from(format!("\"{}\"", version_of(text.as_bytes())));
        Self { status, text: Bytes::from(text), tag: tag.unwrap_or(HeaderValue::from_static("\"\"")) }
    }

    fn answer(self, asked: &HeaderMap) -> Answer {
        let known = asked.get(IF_NONE_MATCH).is_some_and(|known| *known == self.tag);
        let mut page = if known && self.status == StatusCode::OK {
            let mut same = Response::new(Body::empty());
            *same.status_mut() = StatusCode::NOT_MODIFIED;
            same
        } else {
            answer(self.status, HTML, self.text)
        };
        let headers = page.headers_mut();
        headers.insert(ETAG, self.tag);
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        page
    }
}

async fn overview(
    State(pages): State<Pages>,
    asked: HeaderMap,
    wanted: Result<Query<WantedRows>, QueryRejection>,
) -> Answer {
    match wanted {
        Ok(Query(wanted)) => pages.hand_out(Page::Overview(wanted), &asked).await,
        Err(_other) => say(
            StatusCode::BAD_REQUEST,
            "only these can be given: q=TEXT, verdict=blocked|unknown|warning|ready, sort=verdict|name|target|\
             blockers|warnings|unknown|blocks|planned|sources and page=NUMBER, each once",
        ),
    }
}

type Named = Result<Path<String>, PathRejection>;

async fn instance(
    State(pages): State<Pages>,
    asked: HeaderMap,
    named: Named,
    wanted: Result<Query<WantedTarget>, QueryRejection>,
) -> Answer {
    let Ok(Path(name)) = named else { return unreadable("../") };
    match wanted {
        Ok(Query(wanted)) => pages.hand_out(Page::Instance(name, wanted), &asked).await,
        Err(_other) => {
            say(StatusCode::BAD_REQUEST, "only these can be given: target=TARGET and open=all, each once")
        }
    }
}

async fn history(
    State(pages): State<Pages>,
    asked: HeaderMap,
    named: Named,
    wanted: Result<Query<WantedChanges>, QueryRejection>,
) -> Answer {
    let Ok(Path(name)) = named else { return unreadable("../../") };
    match wanted {
        Ok(Query(wanted)) => pages.hand_out(Page::History(name, wanted), &asked).await,
        Err(_other) => say(
            StatusCode::BAD_REQUEST,
            "only these can be given: target=TARGET, check=ID and page=NUMBER, each once",
        ),
    }
}

async fn checks(State(pages): State<Pages>, asked: HeaderMap) -> Answer {
    pages.hand_out(Page::Checks, &asked).await
}

async fn check(State(pages): State<Pages>, asked: HeaderMap, named: Named) -> Answer {
    let Ok(Path(id)) = named else { return unreadable("../") };
    pages.hand_out(Page::Check(id), &asked).await
}

/// A name in an address that is no text.
fn unreadable(root: &str) -> Answer {
    let text = render_missing("The name in the address cannot be read.", root, Fleet::Alone, this_minute());
    Made::new(StatusCode::NOT_FOUND, text).answer(&HeaderMap::new())
}

fn this_minute() -> Timestamp {
    let seconds = Timestamp::now().as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or_default()
}

impl Pages {
    async fn hand_out(&self, page: Page, asked: &HeaderMap) -> Answer {
        let now = this_minute();
        let find = || {
            let board = self.board.borrow().clone();
            let of = (board.revision, now.as_second());
            let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).find(&of, &page);
            (board, of, known)
        };
        if let (_, _, Some(made)) = find() {
            return made.answer(asked);
        }
        let Ok(Ok(place)) = timeout(PLACE_WITHIN, self.places.clone().acquire_owned()).await else {
            let mut later =
                say(StatusCode::SERVICE_UNAVAILABLE, "other pages are being made; try again in a moment");
            later.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            return later;
        };
        // Who waited may find that somebody else has asked for the same.
        let (board, of, known) = find();
        if let Some(made) = known {
            return made.answer(asked);
        }
        match self.make(board, page.clone(), now, place).await {
            Some(made) => {
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.keep(of, page, made.clone());
                made.answer(asked)
            }
            None => say(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be made because of a defect in the agent; its log has the place: \
                 `journalctl -u upgrade-readiness-agent`. Please report it",
            ),
        }
    }

    /// Makes a page; `None` when a defect hindered it.
    async fn make(
        &self,
        board: Arc<Board>,
        page: Page,
        now: Timestamp,
        place: OwnedSemaphorePermit,
    ) -> Option<Made> {
        if let Page::History(name, wanted) = &page
            && let Some(state) = find_instance(&board, name)
        {
            let text = self.past.render(&state, wanted, Fleet::of(&board), now).await;
            drop(place);
            return Some(Made::new(StatusCode::OK, text));
        }
        let making = spawn_blocking(move || {
            // Kept until it is made, also when nobody waits for it any more.
            let _place = place;
            render(&board, &page, now)
        });
        match making.await {
            Ok(made) => Some(made),
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                None
            }
        }
    }
}

fn find_instance(board: &Board, name: &str) -> Option<Arc<InstanceState>> {
    board.instances.iter().find(|state| state.name == name).cloned()
}

fn render(board: &Board, page: &Page, now: Timestamp) -> Made {
    let found = match page {
        Page::Overview(wanted) => Ok(render_overview(board, wanted, now)),
        Page::Checks => Ok(render_checks(board, now)),
        Page::Check(id) => render_check(board, id, now).map_err(|why| (why, "../")),
        Page::Instance(name, wanted) => match find_instance(board, name) {
            Some(state) => render_instance(&state, wanted, Fleet::of(board), now).map_err(|why| (why, "../")),
            None => Err((no_such_instance(board, name), "../")),
        },
        // Of one that is there, it was made already.
        Page::History(name, _) => Err((no_such_instance(board, name), "../../")),
    };
    match found {
        Ok(text) => Made::new(StatusCode::OK, text),
        Err((why, root)) => {
            Made::new(StatusCode::NOT_FOUND, render_missing(&why, root, Fleet::of(board), now))
        }
    }
}

/// Which revision of the board is shown, for the script: it looks again when this is another.
async fn revision(State(pages): State<Pages>) -> Answer {
    let revision = pages.board.borrow().revision;
    answer(StatusCode::OK, "application/json", Bytes::from(format!("{{\"revision\":{revision}}}\n")))
}

/// Which content of an asset is meant.
#[derive(Debug, Deserialize)]
struct Version {
    v: Option<String>,
}

async fn asset(named: Named, version: Result<Query<Version>, QueryRejection>, asked: HeaderMap) -> Answer {
    let Ok(Path(name)) = named else { return say(StatusCode::NOT_FOUND, "there is no such file") };
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        let known: Vec<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        return say(
            StatusCode::NOT_FOUND,
            &format!("there is no such file; there are: {}", known.join(", ")),
        );
    };
    let tag =
        HeaderValue::try_from(format!("\"{}\"", asset.version)).unwrap_or(HeaderValue::from_static("\"\""));
    let mut file = if asked.get(IF_NONE_MATCH) == Some(&tag) {
        let mut same = Response::new(Body::empty());
        *same.status_mut() = StatusCode::NOT_MODIFIED;
        same.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        same
    } else {
        answer(StatusCode::OK, asset.content_type, Bytes::from_static(asset.body.as_bytes()))
    };
    // An address with the version of the content stands for that content for ever.
    let named = version.is_ok_and(|Query(version)| version.v.as_ref() == Some(&asset.version));
    let cached = if named { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = file.headers_mut();
    headers.insert(ETAG, tag);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    file
}

#[cfg(test)]
#[path = "pages/tests.rs"]
mod tests;
