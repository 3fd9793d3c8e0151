//! A look's turn: how many run at once is limited, one that only waits lets others go on, and those that may take long
//! leave one turn to the others.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::sleep;

/// So many looks may wait aside for each that may run.
const ASIDE_FOR_EACH: usize = 8;

tokio::task_local! {
    static TURN: Arc<Turn>;
}

/// The turns there are.
#[derive(Debug, Clone)]
pub struct Turns {
    line: Arc<Mutex<Line>>,
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

/// Who looks, and who waits for it, in the order in which they came.
#[derive(Debug)]
struct Line {
    most: usize,
    /// All but one: a backup is read for hours, and a host is believed for minutes.
    most_long: usize,
    running: usize,
    long: usize,
    came: u64,
    waiting_short: VecDeque<(u64, oneshot::Sender<()>)>,
    waiting_long: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Line {
    /// Lets everybody begin who may, the first who came first.
    fn let_begin(&mut self) {
        while self.running < self.most {
            let first = |waiting: &VecDeque<(u64, _)>| waiting.front().map(|(came, _)| *came);
            let long = first(&self.waiting_long).filter(|_| self.long < self.most_long);
            let length = match (first(&self.waiting_short), long) {
                (None, None) => return,
                (Some(short), Some(long)) if short < long => Length::Short,
                (Some(_), None) => Length::Short,
                (_, Some(_)) => Length::Long,
            };
            let waiting = match length {
                Length::Short => &mut self.waiting_short,
                Length::Long => &mut self.waiting_long,
            };
            // Who does not wait any more is passed over.
            if waiting.pop_front().is_some_and(|(_, begin)| begin.send(()).is_ok()) {
                self.running += 1;
                self.long += usize::from(length == Length::Long);
            }
        }
    }
}

/// A place among those who look, or who wait for it; given back when it is dropped.
#[derive(Debug)]
struct Place {
    line: Arc<Mutex<Line>>,
    length: Length,
    /// Until it is its turn.
    begin: Option<oneshot::Receiver<()>>,
}

impl Place {
    async fn wait_for(line: &Arc<Mutex<Line>>, length: Length) -> Self {
        let (begin, turn) = oneshot::channel();
        let mut place = Self { line: line.clone(), length, begin: Some(turn) };
        {
            let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
            line.came += 1;
            let waits = (line.came, begin);
            match length {
                Length::Short => line.waiting_short.push_back(waits),
                Length::Long => line.waiting_long.push_back(waits),
            }
            line.let_begin();
        }
        if let Some(turn) = &mut place.begin {
            // The other end is kept until it is its turn.
            drop(turn.await);
        }
        place.begin = None;
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let has_begun = self.begin.as_mut().is_none_or(|begin| {
            begin.close();
            begin.try_recv().is_ok()
        });
        if has_begun {
            let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
            line.running -= 1;
            line.long -= usize::from(self.length == Length::Long);
            line.let_begin();
        }
    }
}

/// What a look holds while it runs.
#[derive(Debug)]
enum Held {
    Place { _place: Place },
    Back { _permit: OwnedSemaphorePermit },
}

/// The turn of one look.
#[derive(Debug)]
struct Turn {
    turns: Turns,
    held: Mutex<Option<Held>>,
}

impl Turns {
    /// So many looks at once; as many more that come back from aside.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let of = |places| Arc::new(Semaphore::new(places));
        let line = Line {
            most,
            most_long: most.saturating_sub(1).max(1),
            running: 0,
            long: 0,
            came: 0,
            waiting_short: VecDeque::new(),
            waiting_long: VecDeque::new(),
        };
        Self { line: Arc::new(Mutex::new(line)), aside: of(most * ASIDE_FOR_EACH), back: of(most) }
    }

    /// Looks when it is its turn.
    pub async fn take<T>(&self, length: Length, look: impl Future<Output = T>) -> T {
        let held = Held::Place { _place: Place::wait_for(&self.line, length).await };
        let turn = Turn { turns: self.clone(), held: Mutex::new(Some(held)) };
        TURN.scope(Arc::new(turn), look).await
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
    let back = turn.turns.back.clone().acquire_owned().await.ok();
    hold(back.map(|permit| Held::Back { _permit: permit }));
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
    async fn they_begin_as_they_came_and_who_goes_away_keeps_nobody_waiting() {
        let turns = Turns::new(2);
        let order = Mutex::new(Vec::new());
        let look = |name: u32, length| {
            let (turns, order) = (&turns, &order);
            async move {
                let look = async {
                    order.lock().unwrap().push(name);
                    sleep(Duration::from_secs(if length == Length::Long { 10 } else { 1 })).await;
                };
                turns.take(length, look).await;
            }
        };
        let looks = (0..9).map(|name| look(name, if name % 3 == 0 { Length::Short } else { Length::Long }));
        join_all(looks).await;
        // One of both turns is for short ones alone; among each other it is as they came.
        assert_eq!(*order.lock().unwrap(), [0, 1, 3, 6, 2, 4, 5, 7, 8]);

        // While they wait, when it is their turn, and while they look.
        for seconds in [0, 10, 20, 30] {
            let some = join_all((0..9).map(|name| look(name, Length::Long)));
            drop(tokio::time::timeout(Duration::from_millis(seconds * 1000 + 500), some).await);
        }
        let began = Instant::now();
        join_all((0..4).map(|name| look(name, Length::Short))).await;
        assert_eq!(began.elapsed(), Duration::from_secs(2), "both turns are there again");
        let line = turns.line.lock().unwrap();
        assert_eq!((line.running, line.long), (0, 0));
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
