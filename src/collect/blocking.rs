//! Looks that block a thread: files, directories, file systems.
//!
//! The schedule gives up on a look that takes too long, but a thread inside a system call cannot be
//! given up: on a network mount that does not answer it stays there. So a look is asked to stop when
//! nobody waits for it any more, and no second one is begun beside one that hangs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use upgrade_readiness_checks::facts::FailureKind;

use super::CollectError;

/// Tells a look that nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// The look should end now; what it has learned so far is thrown away.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks the look to end, as its caller does when it goes.
    #[cfg(test)]
    pub(crate) fn want(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// An earlier look has not come back.
#[derive(Debug, thiserror::Error)]
#[error("an earlier look at the same place has not come back")]
struct StillLooking;

/// A look broke off.
#[derive(Debug, thiserror::Error)]
#[error("the look broke off")]
struct BrokeOff(#[source] tokio::task::JoinError);

/// Runs one look after another on the threads for blocking work.
#[derive(Debug, Default)]
pub struct Lookout {
    busy: Arc<AtomicBool>,
}

impl Lookout {
    /// Runs a look; it is told to stop when the returned future is dropped.
    pub async fn run<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Stop) -> Result<T, CollectError> + Send + 'static,
    ) -> Result<T, CollectError> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(CollectError::new(
                FailureKind::Timeout,
                StillLooking,
                "Look for a network mount that does not answer: `df` hangs on it as well.",
            ));
        }
        let busy = Occupied(Arc::clone(&self.busy));
        let stop = Stop::default();
        let _told_at_the_end = Tell(stop.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let _busy = busy;
            look(&stop)
        });
        looking.await.unwrap_or_else(|broken| {
            Err(CollectError::new(
                FailureKind::Internal,
                BrokeOff(broken),
                "This is a defect of the agent: please report it.",
            ))
        })
    }
}

/// Keeps a lookout occupied until the look has ended, however it ends.
struct Occupied(Arc<AtomicBool>);

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Asks a look to stop when its caller has gone.
struct Tell(Stop);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_internal_failure_and_the_next_look_works() {
        let lookout = Lookout::default();
        let broken = lookout.run::<()>(|_| panic!("boom")).await.unwrap_err();
        assert_eq!(broken.kind(), FailureKind::Internal);
        assert_eq!(lookout.run(|_| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn an_abandoned_look_is_told_to_stop_and_no_second_one_starts_beside_it() {
        let lookout = Lookout::default();
        let (seen, was_seen) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let hanging = lookout.run(move |stop| {
            started.send(()).unwrap();
            may_go_on.recv().unwrap();
            seen.send(stop.is_wanted()).unwrap();
            Ok(())
        });
        tokio::select! {
            biased;
            _ = hanging => panic!("it hangs until it may go on"),
            () = async { has_started.await.unwrap() } => {}
        }
        let second = lookout.run(|_| Ok(())).await.unwrap_err();
        assert_eq!(second.kind(), FailureKind::Timeout);
        go_on.send(()).unwrap();
        assert!(was_seen.recv().unwrap(), "it saw that nobody waits");
        // It ends on its own thread; wait for that state, not for a time.
        while lookout.run(|_| Ok(())).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
