//! Many agents, one view: what each knows is written into a PostgreSQL database they share, and what the nodes of a
//! cluster have in common is asked by one of them.
//!
//! ```text
//!            ┌─ publish: papers, history ──►┌──────────────┐──► reading ──► board.fleet ──► `agent fleet`, /fleet
//!  board ────┤                              │ shared store │
//!            └─ lead: locks, letters  ◄────►└──────────────┘
//!                     │ standing
//!  schedule ─► shared ┴─► collector (when this agent leads, or nobody can know who does)
//! ```
//!
//! The store in the state directory stays the truth of every agent. Without the shared store each goes on by itself,
//! and what could not be written is written later. Everything read from it may have been written by anybody with the
//! role's password: it is bounded, checked, and what does not fit reads "cannot tell".

mod desk;
mod error;
mod identity;
mod key;
mod lead;
mod letter;
mod publish;
mod read;
mod shared;
mod shared_store;
mod sharing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use error::FleetError;
pub use identity::{ID_FILE, Identity};
pub use read::Reader;
pub use shared_store::{SharedStore, setup_sql};
pub use sharing::{Sharing, sharing};

use crate::board::Board;
use crate::board::fleet::FleetState;
use crate::collect::Collector;
use crate::config::{Config, Instance, SharedStorePlace};
use desk::{Outgoing, Post, Standing};
use key::lock_key;
use lead::{Leadership, beat};
use publish::Publisher;
use shared::Shared;

/// So many beats of the store may be missed before every agent asks for itself, and at least this time must pass.
const PATIENT_BEATS: u32 = 3;
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// More letters than any agent has shared sources at a time.
const MOST_OUTGOING: usize = 256;

/// The part of one agent in a fleet, for one reading of the configuration.
#[derive(Debug)]
pub struct Fleet {
    place: Option<SharedStorePlace>,
    posts: Vec<Arc<Post>>,
    letters: (mpsc::Sender<Outgoing>, Option<mpsc::Receiver<Outgoing>>),
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Fleet {
    /// What the configuration says; nothing runs yet.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let (sender, receiver) = mpsc::channel(MOST_OUTGOING);
        Self {
            place: config.shared_store.clone(),
            posts: Vec::new(),
            letters: (sender, Some(receiver)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// The collector to ask in place of this one, and what tells when to look again; the same one when every agent
    /// asks for itself.
    pub fn share(
        &mut self,
        instance: &Instance,
        collector: Arc<dyn Collector>,
    ) -> (Arc<dyn Collector>, Option<Arc<Notify>>) {
        let source = collector.source();
        let (Some(place), Some(node), Sharing::OfAll(_)) = (&self.place, &instance.node, sharing(source))
        else {
            return (collector, None);
        };
        let post = Arc::new(Post {
            instance: instance.name.clone(),
            source,
            product: instance.product,
            node: node.clone(),
            fingerprint: sharing::fingerprint_of(instance, source),
            key: lock_key(&[&place.schema, &instance.name, source.id()]),
            standing: watch::Sender::new(Standing::Undecided),
            nudge: Arc::default(),
            outgoing: self.letters.0.clone(),
            patience: LEAST_PATIENCE.max(beat(place) * PATIENT_BEATS),
        });
        self.posts.push(post.clone());
        let nudged = post.nudge.clone();
        (Arc::new(Shared { inner: collector, post }), Some(nudged))
    }

    /// Begins to write, to read and to settle who asks.
    pub fn start(&mut self, config: &Config, board: &watch::Sender<Arc<Board>>) {
        board.send_modify(|board| {
            let fleet = self.place.as_ref().map(|place| FleetState {
                place: place.to_string(),
                leads: BTreeMap::new(),
                // What was read of the fleet says by its age how old it is.
                ..board.fleet.clone().unwrap_or_default()
            });
            let board = Arc::make_mut(board);
            board.fleet = fleet;
            board.revision += 1;
        });
        let Some(place) = &self.place else { return };
        let stop = self.stop.clone();
        let publisher = Publisher::new(config, place, board);
        self.tasks.spawn(async move { stop.run_until_cancelled(Box::pin(publisher.run())).await });
        if let Some(outgoing) = self.letters.1.take().filter(|_| !self.posts.is_empty()) {
            let (place, posts, board) = (place.clone(), self.posts.clone(), board.clone());
            let (stop, state_dir) = (self.stop.clone(), config.state_dir.clone());
            let leading = async move {
                // The publisher says on the board when the id cannot be had; without it nobody leads.
                let agent = loop {
                    let dir = state_dir.clone();
                    match tokio::task::spawn_blocking(move || Identity::of(&dir)).await {
                        Ok(Ok(identity)) => break identity.id,
                        Ok(Err(_)) | Err(_) => tokio::time::sleep(beat(&place)).await,
                    }
                };
                Leadership { place, agent, posts, outgoing, board }.run().await;
            };
            self.tasks.spawn(async move { stop.run_until_cancelled(Box::pin(leading)).await });
        }
        self.tasks.close();
    }

    /// Ends it; the locks become free with the session.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        drop(tokio::time::timeout(patience, self.tasks.wait()).await);
    }
}
