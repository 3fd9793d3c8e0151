//! When each instance is judged anew because time has passed: one after the other, never all at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::keeper::Keeper;

/// Each instance is judged this often, since time is an input. What a source says anew is judged at once.
const EVERY: Duration = Duration::from_mins(1);

/// With hundreds of instances it takes a while: one part in so many of the time is spent on it.
const SHARE: u32 = 100;

/// Even then, that a day has begun or facts are too old is seen within this time.
const AT_LEAST_EVERY: Duration = Duration::from_mins(5);

/// Whose turn it is, and when.
#[derive(Debug)]
pub(super) struct Rounds {
    next: usize,
    at: Instant,
}

impl Rounds {
    /// The first turn comes after a pause: at the start everybody was judged.
    pub(super) fn begin(instances: usize) -> Self {
        Self { next: 0, at: Instant::now() + pause_after(Duration::ZERO, instances) }
    }

    /// Returns when it is somebody's turn.
    pub(super) async fn due(&self) {
        sleep_until(self.at).await;
    }

    /// Judges whose turn it is.
    pub(super) fn judge_next(&mut self, keepers: &[Arc<Keeper>]) {
        let began = std::time::Instant::now();
        let place = self.next.checked_rem(keepers.len()).unwrap_or(0);
        if let Some(keeper) = keepers.get(place) {
            keeper.tick();
        }
        self.next = place + 1;
        self.at = Instant::now() + pause_after(began.elapsed(), keepers.len());
    }
}

/// How long until the next turn, after one that took so long.
fn pause_after(took: Duration, instances: usize) -> Duration {
    let each = u32::try_from(instances.max(1)).unwrap_or(u32::MAX);
    (took * SHARE).clamp(EVERY / each, AT_LEAST_EVERY / each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_takes_a_minute_and_longer_when_judging_is_slow() {
        let rows = [
            // Instances, milliseconds one takes, seconds of a round.
            (0, 0, 60),
            (1, 0, 60),
            (1, 900, 90),
            (1, 60_000, 300),
            (50, 2, 60),
            (500, 1, 60),
            (500, 2, 100),
            (500, 50, 300),
        ];
        for (instances, took, round) in rows {
            let pause = pause_after(Duration::from_millis(took), instances);
            let all = pause * u32::try_from(instances.max(1)).unwrap();
            assert_eq!((all + Duration::from_millis(500)).as_secs(), round, "{instances} × {took} ms");
        }
    }
}
