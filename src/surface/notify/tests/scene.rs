//! Boards, a store that is kept by a recorder, and a receiver that can be in any mood.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch as latest;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use upgrade_readiness_checks::model::{Finding, Severity, Verdict};
use upgrade_readiness_checks::report::DatedFinding;

use crate::board::{Board, InstanceState, TargetState};
use crate::channel::{Address, Body, Channel, Event, Form, Level, Secret, Transport};
use crate::recorder::{Recorder, Reminder};
use crate::surface::notify::desk::Desk;
use crate::surface::notify::{Outcome, Tally, Troubles};
use crate::surface::sample;

/// The check whose findings scenes are made of.
pub(super) const CHECK: &str = "plugin-compatibility";

pub(super) fn now() -> Timestamp {
    sample::now()
}

pub(super) fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// Made once: it takes a while, and scenes have hundreds.
static BASE: LazyLock<InstanceState> = LazyLock::new(|| {
    let mut instance = InstanceState::clone(&sample::board().instances[0]);
    instance.snapshot = Arc::new(upgrade_readiness_checks::golden::golden().facts);
    instance.targets.truncate(1);
    instance
});

/// An instance all of whose sources have answered, with one target, blocked by these subjects.
pub(super) fn site(name: &str, blockers: &[&str]) -> InstanceState {
    let mut instance = InstanceState::clone(&BASE);
    instance.name = name.to_owned();
    change(&mut instance, |judged| {
        judged.blocks_at = None;
        judged.blocks_because = None;
        for check in &mut judged.report.checks {
            check.findings.clear();
            if check.verdict != Verdict::Skipped {
                check.verdict = Verdict::Ready;
            }
            if check.id == CHECK {
                check.findings = blockers.iter().map(|subject| blocker(subject)).collect();
                if !blockers.is_empty() {
                    check.verdict = Verdict::Blocked;
                }
            }
        }
        judged.report.verdict = if blockers.is_empty() { Verdict::Ready } else { Verdict::Blocked };
    });
    instance
}

pub(super) fn change(instance: &mut InstanceState, change: impl FnOnce(&mut crate::board::JudgedTarget)) {
    let TargetState::Judged(judged) = &mut instance.targets[0] else { panic!("the first target is judged") };
    change(std::sync::Arc::make_mut(judged));
}

/// The same with a check that could not look.
pub(super) fn blind(mut instance: InstanceState) -> InstanceState {
    change(&mut instance, |judged| {
        let check = judged.report.checks.iter_mut().find(|check| check.id == CHECK).unwrap();
        check.findings.clear();
        check.verdict = Verdict::Unknown;
        judged.report.verdict = Verdict::Unknown;
    });
    instance
}

/// The same with a check that could look at a part only.
pub(super) fn partly(mut instance: InstanceState) -> InstanceState {
    change(&mut instance, |judged| {
        let check = judged.report.checks.iter_mut().find(|check| check.id == CHECK).unwrap();
        check.saw_all = false;
    });
    instance
}

fn blocker(subject: &str) -> DatedFinding {
    let finding = Finding {
        severity: Severity::Blocker,
        subject: subject.to_owned(),
        summary: format!("{subject} has no version for 10.2.14"),
        observed: "4.1.0".into(),
        required: "a version that works with 10.2.14".into(),
        remedy: "Ask the vendor for a version.".into(),
    };
    DatedFinding { finding, holds_on: None, word: None, lapsed: None }
}

pub(super) fn board(instances: impl IntoIterator<Item = InstanceState>) -> Board {
    Board { instances: instances.into_iter().map(Arc::new).collect(), ..Board::default() }
}

/// A channel to a place, with the usual times.
pub(super) fn channel(url: &str) -> Channel {
    let url = url.to_owned();
    Channel {
        name: "ops".into(),
        transport: Transport::Webhook {
            address: Address {
                url: Secret::new("the file /etc/hook", move || Ok(SecretString::from(url.clone()))),
                account: None,
                ca_file: None,
                allow_plain: false,
            },
            body: Body::Known(Form::Json),
            signed_with: None,
        },
        instances: None,
        on: BTreeSet::from(Event::ALL),
        minimum: Level::Info,
        hold: minutes(2),
        unknown_for: minutes(30),
        group_wait: SignedDuration::from_secs(30),
        group_interval: minutes(5),
        repeat_every: None,
        blocked_within_days: 30,
        waiver_within_days: 7,
        give_up_after: SignedDuration::from_hours(7 * 24),
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub(super) enum Mood {
    Takes,
    Answers(u16, Vec<(&'static str, String)>, String),
    Hangs,
}

/// A receiver, and what it was sent.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) url: String,
    mood: Arc<Mutex<Mood>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn id(&self) -> String {
        self.headers["idempotency-key"].to_str().unwrap().to_owned()
    }

    /// What happened, as `what subject`, place by place.
    pub(super) fn events(&self) -> Vec<String> {
        let json = self.json();
        let places = json["places"].as_array().unwrap().iter();
        let events = places.flat_map(|place| place["events"].as_array().unwrap());
        let told = |event: &Value| {
            let (what, subject) = (event["what"].as_str().unwrap(), event["subject"].as_str().unwrap());
            format!("{what} {subject}")
        };
        events.map(told).collect()
    }
}

impl Receiver {
    pub(super) async fn start(tasks: &TaskTracker) -> Self {
        crate::collect::http::install_tls_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/hook/s3cret-token", listener.local_addr().unwrap()),
            mood: Arc::new(Mutex::new(Mood::Takes)),
            seen: Arc::default(),
        };
        let app = Router::new().fallback(answer).with_state(receiver.clone());
        tasks.spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    pub(super) fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// What it took or refused since this was asked last.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    receiver.seen.lock().unwrap().push(Seen { path: uri.path().to_owned(), headers, body });
    let mood = receiver.mood.lock().unwrap().clone();
    match mood {
        Mood::Takes => "ok".into_response(),
        Mood::Hangs => std::future::pending().await,
        Mood::Answers(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counts(pub(super) Mutex<Vec<Outcome>>, pub(super) Mutex<Option<usize>>);

impl Tally for Counts {
    fn count(&self, _channel: &str, outcome: Outcome) {
        self.0.lock().unwrap().push(outcome);
    }

    fn queue(&self, _channel: &str, waiting: usize, _oldest: Option<Timestamp>) {
        *self.1.lock().unwrap() = Some(waiting);
    }

    fn lose_sight(&self, _channel: &str) {
        *self.1.lock().unwrap() = None;
    }
}

/// A recorder with its store, until it is dropped.
pub(super) struct House {
    pub(super) reminder: Reminder,
    pub(super) board: latest::Sender<Arc<Board>>,
    pub(super) counts: Arc<Counts>,
    shutdown: CancellationToken,
}

impl House {
    pub(super) async fn open(dir: &Path) -> Self {
        let (recorder, _, reminder) = Recorder::open(dir.join("history.db")).await;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let board = latest::Sender::new(Arc::new(Board::default()));
        tasks.spawn(recorder.run(board.clone(), shutdown.clone()));
        Self { reminder, board, counts: Arc::default(), shutdown }
    }

    pub(super) fn desk(&self, channel: &Channel) -> Desk {
        let troubles = Troubles::new(self.board.clone());
        Desk::new(channel.clone(), self.reminder.clone(), self.counts.clone(), troubles)
    }

    /// Ends the recorder, so that another may open the store.
    pub(super) async fn close(self) {
        self.shutdown.cancel();
        drop(
            tokio::time::timeout(Duration::from_secs(5), async {
                while !self.reminder.is_closed() {
                    tokio::task::yield_now().await;
                }
            })
            .await,
        );
    }
}

/// Steps at each moment from one to another, a minute apart, with the same board.
pub(super) async fn pass(desk: &mut Desk, board: &Board, from: Timestamp, until: Timestamp) {
    let mut at = from;
    while at <= until {
        desk.step(board, at).await;
        at += minutes(1);
    }
}
