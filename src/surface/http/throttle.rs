//! Slows down who guesses passwords, and keeps what is logged of it within bounds.
//!
//! What failed counts for the address it came from and the user name it was for, so that neither other clients nor
//! other users behind the same address pay for it; tokens and certificates are counted apart from them. While somebody
//! waits, passwords for that name from that address are not looked at, right or wrong: an answer would tell which it was.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::peer::Neighbourhood;
use crate::access::random_key;

/// So many may fail at once.
pub(super) const FAILURES: u32 = 10;
/// After that one in this time.
pub(super) const EVERY: Duration = Duration::from_secs(6);
/// Of more than this those that have to wait least are forgotten.
const MOST_KEPT: usize = 4096;

/// So many lines about refusals are logged within a minute; the metric counts all.
const LINES: u32 = 20;
const LINES_WITHIN: Duration = Duration::from_mins(1);

/// Whose failures are counted together. Names are guessed, and there is no end of them: those of an address share a
/// few slots, which nobody outside can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim(Neighbourhood, u8);

/// Slots for the user names of one address; the other proofs have theirs behind them.
const SLOTS: u8 = 16;

/// What somebody shows, as far as it matters whose failures it counts with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Proof<'a> {
    /// A password, for this user name.
    Password(&'a [u8]),
    /// Any token: they are too long to be guessed, so a right one is never kept waiting.
    Token,
    /// A client certificate: signed by the site's own authority, and never kept waiting.
    Certificate,
    /// Nothing that is understood.
    Unreadable,
}

/// Counts what failed.
#[derive(Debug)]
pub(super) struct Throttle {
    key: [u8; 32],
    /// When each has paid for what failed.
    until: Mutex<BTreeMap<Claim, Instant>>,
    lines: Mutex<(Instant, u32)>,
}

impl Throttle {
    pub(super) fn new() -> Self {
        let key = random_key();
        Self { key, until: Mutex::default(), lines: Mutex::new((Instant::now(), 0)) }
    }

    /// Who claims to be somebody by this.
    pub(super) fn claim(&self, address: IpAddr, proof: Proof<'_>) -> Claim {
        let slot = match proof {
            Proof::Password(name) => {
                let [first, ..] = *blake3::keyed_hash(&self.key, name).as_bytes();
                first % SLOTS
            }
            Proof::Token => SLOTS,
            Proof::Certificate => SLOTS + 1,
            Proof::Unreadable => SLOTS + 2,
        };
        Claim(Neighbourhood::of(address), slot)
    }

    /// How long this one has to wait before it is looked at again; `None` when it need not.
    pub(super) fn wait(&self, claim: Claim) -> Option<Duration> {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner).get(&claim)?;
        let debt = until.saturating_duration_since(Instant::now());
        let wait = debt.saturating_sub(EVERY * (FAILURES - 1));
        (!wait.is_zero()).then_some(wait)
    }

    /// Counts a failure; whether it is the first after a good while.
    pub(super) fn fail(&self, claim: Claim) -> bool {
        let now = Instant::now();
        let mut kept = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT && !kept.contains_key(&claim) {
            kept.retain(|_, until| *until > now);
            if kept.len() >= MOST_KEPT {
                // A quarter at once: room is made seldom, however many come.
                let mut all: Vec<Instant> = kept.values().copied().collect();
                let (_, least, _) = all.select_nth_unstable(MOST_KEPT / 4);
                let least = *least;
                kept.retain(|_, until| *until > least);
            }
        }
        let until = kept.entry(claim).or_insert(now);
        let first = *until <= now;
        *until = (*until).max(now) + EVERY;
        first
    }

    /// Whether a line may be logged; and whether it is the last for a while.
    pub(super) fn line(&self) -> Line {
        let now = Instant::now();
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(lines.0) >= LINES_WITHIN {
            *lines = (now, 0);
        }
        lines.1 = lines.1.saturating_add(1);
        match lines.1.cmp(&LINES) {
            std::cmp::Ordering::Less => Line::Write,
            std::cmp::Ordering::Equal => Line::WriteAndSaySo,
            std::cmp::Ordering::Greater => Line::Leave,
        }
    }
}

/// What becomes of a line for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Write,
    /// It is the last one for a while.
    WriteAndSaySo,
    Leave,
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn after_some_failures_one_has_to_wait_and_others_have_not() {
        let throttle = Throttle::new();
        let claim = |from: &str, name: &[u8]| throttle.claim(address(from), Proof::Password(name));
        let anna = claim("192.0.2.1", b"anna");
        for failed in 0..FAILURES {
            assert_eq!(throttle.wait(anna), None);
            assert_eq!(throttle.fail(anna), failed == 0);
        }
        assert_eq!(throttle.wait(anna), Some(EVERY));
        assert_eq!(throttle.wait(claim("::ffff:192.0.2.1", b"anna")), Some(EVERY));
        assert_eq!(throttle.wait(claim("192.0.2.2", b"anna")), None, "another client");
        let others = (0..100_u32).map(|number| claim("192.0.2.1", &number.to_be_bytes()));
        let waiting = others.filter(|claim| throttle.wait(*claim).is_some()).count();
        assert!(waiting < 30, "{waiting} other users of the same client wait as well");
        for proof in [Proof::Token, Proof::Certificate, Proof::Unreadable] {
            assert_eq!(throttle.wait(throttle.claim(address("192.0.2.1"), proof)), None, "{proof:?}");
        }

        advance(EVERY).await;
        assert_eq!(throttle.wait(anna), None, "one more may be tried");
        throttle.fail(anna);
        assert_eq!(throttle.wait(anna), Some(EVERY));
        advance(EVERY * FAILURES).await;
        assert!(throttle.fail(anna), "all is paid for: it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_come_little_is_kept_and_who_guesses_most_is_kept_longest() {
        let throttle = Throttle::new();
        let guesser = throttle.claim(address("192.0.2.1"), Proof::Password(b"anna"));
        for _ in 0..FAILURES {
            throttle.fail(guesser);
        }
        for number in 0..20_000_u32 {
            throttle.fail(throttle.claim(IpAddr::from(number.to_be_bytes()), Proof::Password(b"x")));
        }
        assert!(throttle.until.lock().unwrap().len() <= MOST_KEPT);
        assert!(throttle.wait(guesser).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_is_not_flooded() {
        let throttle = Throttle::new();
        let lines: Vec<Line> = (0..1000).map(|_| throttle.line()).collect();
        assert_eq!(lines.iter().filter(|line| **line != Line::Leave).count(), LINES as usize);
        assert_eq!(lines.iter().filter(|line| **line == Line::WriteAndSaySo).count(), 1);
        advance(LINES_WITHIN).await;
        assert_eq!(throttle.line(), Line::Write);
    }
}
