//! Where a collector learns whether to ask, to ask and tell, or to take what another node learned.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout};
use upgrade_readiness_checks::facts::{Product, Source};

use super::letter::Letter;

/// Who asks a source, as this agent knows it.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Nobody knows yet.
    Undecided,
    /// This agent does, for all.
    Leads {
        /// Proves it to the store.
        epoch: i64,
    },
    /// Another agent does.
    Follows(Option<Arc<Heard>>),
    /// Nobody can know: the store cannot be used since then.
    Lost {
        since: Instant,
        /// What was heard before.
        heard: Option<Arc<Heard>>,
        /// It has been for too long, and the agent was told to ask for itself.
        too_long: bool,
    },
}

/// What the leader wrote.
#[derive(Debug)]
pub(super) struct Heard {
    /// What it was, or why it cannot be read; `None` when another version of the agent wrote it.
    pub(super) letter: Result<Option<Letter>, String>,
    /// How old the facts were when it was read, by the clock of the store; `None` when that cannot be told.
    pub(super) age: Option<SignedDuration>,
    /// When it was asked for.
    pub(super) at: Instant,
    /// The same by the clock of this host: the other one stands still while the host sleeps.
    pub(super) at_clock: Timestamp,
    /// Which one it was.
    pub(super) stamp: i64,
}

impl Heard {
    /// How old the facts are now; no clocks of two hosts are compared for it.
    pub(super) fn age_now(&self) -> Option<SignedDuration> {
        let since = SignedDuration::try_from(self.at.elapsed()).ok()?;
        // A clock that was set on makes facts older than they are, never younger.
        let since = since.max(Timestamp::now().duration_since(self.at_clock));
        self.age.filter(|age| !age.is_negative()).map(|age| age.saturating_add(since))
    }
}

/// What is to be told to the other nodes.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) instance: String,
    pub(super) source: Source,
    pub(super) epoch: i64,
    pub(super) body: String,
    /// When the facts were learned.
    pub(super) learned: Instant,
}

/// What a collector is to do.
#[derive(Debug)]
pub(super) enum Way {
    /// Ask, as if there were no other.
    Ask,
    /// Ask, and tell the others.
    AskAndTell { epoch: i64 },
    /// Take what the leader learned.
    Take(Arc<Heard>),
    /// There is nothing to take yet.
    Nothing,
}

/// One shared source of one instance.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) instance: String,
    pub(super) source: Source,
    pub(super) product: Product,
    pub(super) node: String,
    pub(super) fingerprint: String,
    /// Number of its lock.
    pub(super) key: i64,
    pub(super) standing: watch::Sender<Standing>,
    /// Raised when it is worth looking again.
    pub(super) nudge: Arc<Notify>,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    /// How long nobody may know who asks before this agent asks for itself.
    pub(super) patience: Duration,
}

impl Post {
    /// What to do now; waits a little for what is being settled.
    pub(super) async fn way(&self) -> Way {
        let mut standing = self.standing.subscribe();
        let settled = standing.wait_for(|standing| match standing {
            Standing::Undecided | Standing::Follows(None) => false,
            Standing::Leads { .. } | Standing::Follows(Some(_)) | Standing::Lost { .. } => true,
        });
        // When it does not settle, what stands there then is told apart below.
        drop(timeout(self.patience, settled).await);
        let standing = {
            let standing = self.standing.borrow();
            // What it was nudged for is what stands here: no second look is due for it.
            let _was_nudged: Option<()> = self.nudge.notified().now_or_never();
            standing.clone()
        };
        match standing {
            Standing::Undecided => Way::Ask,
            Standing::Leads { epoch } => Way::AskAndTell { epoch },
            Standing::Follows(None) => Way::Nothing,
            Standing::Follows(Some(heard)) => Way::Take(heard),
            Standing::Lost { since, heard, .. } => match heard {
                Some(heard) if since.elapsed() < self.patience => Way::Take(heard),
                Some(_) | None => Way::Ask,
            },
        }
    }

    /// Takes in who asks; looks again when that is news for the collector.
    pub(super) fn stand(&self, new: Standing) {
        let news = match (&*self.standing.borrow(), &new) {
            (Standing::Leads { epoch: before }, Standing::Leads { epoch }) => before != epoch,
            (Standing::Follows(Some(before)), Standing::Follows(Some(heard))) => before.stamp != heard.stamp,
            (_, Standing::Leads { .. } | Standing::Follows(Some(_))) => true,
            // That it is lost is news only when it has been for too long: then `nudge` comes by itself.
            (_, Standing::Follows(None) | Standing::Lost { .. } | Standing::Undecided) => false,
        };
        self.standing.send_modify(|standing| {
            *standing = new;
            if news {
                self.nudge();
            }
        });
    }

    pub(super) fn nudge(&self) {
        self.nudge.notify_one();
    }

    pub(super) fn heard(&self) -> Option<Arc<Heard>> {
        match &*self.standing.borrow() {
            Standing::Follows(heard) | Standing::Lost { heard, .. } => heard.clone(),
            Standing::Undecided | Standing::Leads { .. } => None,
        }
    }

    pub(super) fn leads(&self) -> Option<i64> {
        match &*self.standing.borrow() {
            Standing::Leads { epoch } => Some(*epoch),
            Standing::Undecided | Standing::Follows(_) | Standing::Lost { .. } => None,
        }
    }
}
