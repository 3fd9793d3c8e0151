//! How long to wait before a receiver is tried again.

use jiff::{SignedDuration, Timestamp};

const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// Whatever a receiver asks for, it is tried once a day.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);

/// The wait after so many failures in a row: it doubles, up to a limit, and is a little different for each channel and
/// attempt, so that not all agents come at once when a receiver is back. What the receiver asked for is respected.
pub(super) fn wait(attempts: u32, channel: &str, asked: Option<SignedDuration>) -> SignedDuration {
    let doubled = FIRST.as_secs().saturating_mul(1_i64 << attempts.saturating_sub(1).min(20));
    let usual = SignedDuration::from_secs(doubled.min(LONGEST.as_secs()));
    // Drawn from the name, so that it needs no lot and can be tested.
    let drawn = blake3::hash(format!("{channel} {attempts}").as_bytes());
    let part = i32::from(drawn.as_bytes().first().copied().unwrap_or_default());
    let usual = usual + usual * part / 1024;
    asked.map_or(usual, |asked| asked.clamp(usual, LONGEST_ASKED.max(usual)))
}

/// What `Retry-After` says: seconds, or a moment.
pub(super) fn asked_for(header: &str, now: Timestamp) -> Option<SignedDuration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(SignedDuration::from_secs(i64::from(seconds)));
    }
    let at = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    Some(at.duration_since(now)).filter(jiff::SignedDuration::is_positive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_respect_what_was_asked() {
        let secs = |attempts, asked: Option<i64>| {
            wait(attempts, "ops", asked.map(SignedDuration::from_secs)).as_secs()
        };
        assert!((10..13).contains(&secs(1, None)));
        assert!((20..26).contains(&secs(2, None)));
        assert!((900..1126).contains(&secs(30, None)) && (900..1126).contains(&secs(u32::MAX, None)));
        assert_eq!(secs(1, Some(300)), 300);
        assert!((10..13).contains(&secs(1, Some(0))));
        assert_eq!(secs(1, Some(10_000_000)), 86_400);
        assert_ne!(wait(9, "ops", None), wait(9, "chat", None));
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_until_a_moment() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let asked = |text| asked_for(text, now).map(|wait| wait.as_secs());
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("Sat, 28 Nov 2026 12:01:00 GMT"), Some(60));
        for nonsense in ["Sat, 28 Nov 2020 12:01:00 GMT", "-5", "soon", "", "99999999999999999999"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}
