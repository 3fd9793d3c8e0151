//! Telling people directly, without a Prometheus: an Alertmanager, webhooks of chat tools, and mail.
//!
//! ```text
//! board ─► conditions ─► watch: told? stood long enough? ─► letter per instance and target ─► outbox ─► receiver
//!          (pure)        (pure; what was told is in          (folded while it waits)          (in the
//!                         the store)                                                           store)
//! ```
//!
//! Only changes are told, each once it has stood for a while. A desk per channel does all of it, one step after
//! another, so a receiver that hangs holds up nobody else. Bounded: of each channel at most a handful of messages wait,
//! then they become one; a message has at most a hundred entries and says how many more there were.
//!
//! It reads the board and writes its own tables of the store; nothing of what is watched is touched.

mod alertmanager;
mod carry;
mod condition;
mod desk;
mod fold;
mod forms;
mod letter;
mod mail;
mod post;
mod retry;
mod trial;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch as latest;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::board::{Board, Notice};
use crate::channel::Channel;
use crate::recorder::Reminder;
use crate::surface::Published;
use desk::Desk;

pub use forms::{FORMAT_VERSION, message_schema};
pub use post::{Refusal, Taken};
pub use trial::{check_templates, subject_of, try_channel};

/// Subject of the notice that the status file cannot be written.
const STATUS_FILE: &str = "status-file";

/// What became of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Sent,
    /// It did not, and is tried again.
    Failed,
    /// It did not for too long.
    GivenUp,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::GivenUp];

    /// The value of the label `result`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::GivenUp => "given-up",
        }
    }
}

/// Counts what channels do.
pub trait Tally: Send + Sync {
    /// An attempt ended.
    fn count(&self, channel: &str, outcome: Outcome);

    /// So much waits, the oldest since then.
    fn queue(&self, channel: &str, waiting: usize, oldest: Option<Timestamp>);

    /// Nobody knows what waits.
    fn lose_sight(&self, channel: &str);
}

/// The channels of one configuration at work.
#[derive(Debug)]
pub struct Channels {
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

impl Channels {
    /// Begins to tell through these channels.
    pub fn start(
        channels: &[Channel],
        board: &latest::Sender<Arc<Board>>,
        published: latest::Receiver<Published>,
        reminder: &Reminder,
        tally: &Arc<dyn Tally>,
    ) -> Self {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let troubles = Troubles::new(board.clone());
        troubles.show();
        let names: BTreeSet<String> = channels.iter().map(|channel| channel.name.clone()).collect();
        let forgetting = reminder.clone();
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let keep = forgetting.with_store(move |store| Box::pin(async move { store.keep_channels(&names).await }));
            tokio::select! {
                () = stop.cancelled() => {}
                kept = keep => if let Ok(lost @ 1..) = kept {
                    warn!(messages = lost, "messages of channels that are not configured any more were dropped");
                },
            }
        });
        tasks.spawn(watch_status_file(published, board.clone(), shutdown.clone()));
        for channel in channels {
            let desk = Desk::new(channel.clone(), reminder.clone(), Arc::clone(tally), troubles.clone());
            tasks.spawn(desk.run(board.subscribe(), shutdown.clone()));
        }
        tasks.close();
        Self { tasks, shutdown }
    }

    /// Ends them; what is on its way is sent at the next start.
    pub async fn stop(&self, patience: Duration) {
        self.shutdown.cancel();
        // They end at once, but for a store that hangs.
        drop(tokio::time::timeout(patience, self.tasks.wait()).await);
    }
}

/// Puts on the board that the status file cannot be written: whoever reads it cannot see that.
async fn watch_status_file(
    mut published: latest::Receiver<Published>,
    board: latest::Sender<Arc<Board>>,
    shutdown: CancellationToken,
) {
    loop {
        let trouble = published.borrow_and_update().status_file_trouble.clone();
        let text = trouble.map(|why| {
            format!("The status file cannot be written: {why}. `agent status` shows what was; make room, or give the \
                     agent's user the right to write there.")
        });
        put(&board, STATUS_FILE, text);
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = published.changed() => if changed.is_err() { return },
        }
    }
}

/// Has a notice stand on the board, or none.
fn put(board: &latest::Sender<Arc<Board>>, subject: &'static str, text: Option<String>) {
    let notice = text.map(|text| Notice { subject, text });
    board.send_if_modified(|board| {
        if board.notices.iter().find(|notice| notice.subject == subject) == notice.as_ref() {
            return false;
        }
        let board = Arc::make_mut(board);
        board.notices.retain(|notice| notice.subject != subject);
        board.notices.extend(notice);
        board.revision += 1;
        true
    });
}

/// What is the matter with channels, as the board shows it.
#[derive(Debug, Clone)]
struct Troubles {
    of: Arc<Mutex<BTreeMap<String, String>>>,
    board: latest::Sender<Arc<Board>>,
}

impl Troubles {
    fn new(board: latest::Sender<Arc<Board>>) -> Self {
        Self { of: Arc::default(), board }
    }

    fn set(&self, channel: &str, trouble: Option<String>) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = match trouble {
            Some(trouble) => of.insert(channel.to_owned(), trouble.clone()).as_ref() != Some(&trouble),
            None => of.remove(channel).is_some(),
        };
        drop(of);
        if changed {
            self.show();
        }
    }

    fn show(&self) {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let text = of.values().cloned().collect::<Vec<_>>().join(" ");
        drop(of);
        put(&self.board, condition::CHANNELS, (!text.is_empty()).then_some(text));
    }
}
