//! A look's turn: how many run at once is limited, one that only waits lets others go on, and those that may take long
//! leave one turn to the others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

/// So many looks may wait aside for each that may run.
const ASIDE_FOR_EACH: usize = 8;

tokio::task_local! {
    static TURN: Arc<Turn>;
}

/// The turns there are.
#[derive(Debug, Clone)]
pub struct Turns {
    running: Arc<Semaphore>,
    /// One less than may run: a backup is read for hours, and a host is believed for minutes.
    long: Arc<Semaphore>,
    aside: Arc<Semaphore>,
    /// Who comes back from aside does not queue again behind hundreds who have not begun.
    back: Arc<Semaphore>,
}

/// How long a look may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Moments.
    Short,
    /// So long that others may not have to wait for it.
    Long,
}

/// The turn of one look.
#[derive(Debug)]
struct Turn {
    turns: Turns,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turns {
    /// So many looks at once; as many more that come back from aside.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let of = |places| Arc::new(Semaphore::new(places));
        let long = of(most.saturating_sub(1).max(1));
        Self { running: of(most), long, aside: of(most * ASIDE_FOR_EACH), back: of(most) }
    }

    /// Looks when it is its turn.
    pub async fn take<T>(&self, length: Length, look: impl Future<Output = T>) -> T {
        let _long = match length {
            Length::Short => None,
            Length::Long => self.long.acquire().await.ok(),
        };
        let held = Mutex::new(self.running.clone().acquire_owned().await.ok());
        TURN.scope(Arc::new(Turn { turns: self.clone(), held }), look).await
    }
}

/// Waits, and lets another look go on meanwhile; what is waiting must not keep anything others need.
pub async fn wait_aside(time: Duration) {
    let turn = TURN.try_with(Arc::clone).ok();
    let place = turn.as_ref().and_then(|turn| turn.turns.aside.clone().try_acquire_owned().ok());
    // Without a place aside it waits in its turn.
    let (Some(turn), Some(_place)) = (turn, place) else { return sleep(time).await };
    let hold =
        |permit| std::mem::replace(&mut *turn.held.lock().unwrap_or_else(PoisonError::into_inner), permit);
    let Some(turn_given) = hold(None) else { return sleep(time).await };
    drop(turn_given);
    sleep(time).await;
    hold(turn.turns.back.clone().acquire_owned().await.ok());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_only_waits_keeps_nobody_from_looking() {
        const MINUTE: Duration = Duration::from_mins(1);
        let turns = Turns::new(2);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = async || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_secs(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
        };
        let began = Instant::now();
        let looks = (0..16).map(|_| {
            turns.take(Length::Short, async {
                work().await;
                wait_aside(MINUTE).await;
                work().await;
            })
        });
        join_all(looks).await;
        // Two at a time before, two at a time behind, and a minute between; one after the other it were 8 minutes.
        assert!(began.elapsed() < 2 * MINUTE, "{:?}", began.elapsed());
        assert!((2..=4).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_take_long_others_have_their_turn() {
        let turns = Turns::new(4);
        let began = Instant::now();
        let hours = (0..10).map(|_| turns.take(Length::Long, async { sleep(Duration::from_hours(6)).await }));
        let moments =
            (0..10).map(|_| turns.take(Length::Short, async { sleep(Duration::from_secs(1)).await }));
        // Those that take long come first.
        let (_, ()) = tokio::join!(join_all(hours), async {
            join_all(moments).await;
            assert_eq!(began.elapsed(), Duration::from_secs(10));
        });
        assert_eq!(began.elapsed(), Duration::from_hours(24), "three at a time");
        // Where only one may look at a time, everybody has it in turn.
        Turns::new(1).take(Length::Long, sleep(Duration::from_secs(1))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_the_places_aside() {
        let turns = Turns::new(1);
        let aside = AtomicUsize::new(0);
        let looks = (0..40).map(|_| {
            turns.take(Length::Short, async {
                aside.fetch_add(1, Ordering::SeqCst);
                assert!(aside.load(Ordering::SeqCst) <= ASIDE_FOR_EACH + 2);
                wait_aside(Duration::from_mins(1)).await;
                aside.fetch_sub(1, Ordering::SeqCst);
            })
        });
        join_all(looks).await;
        // Outside of a look it is a pause like any other.
        wait_aside(Duration::from_secs(1)).await;
    }
}
