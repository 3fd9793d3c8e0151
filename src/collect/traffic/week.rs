//! From the counts of logs to the hours of the week.

use std::collections::BTreeSet;

use jiff::Timestamp;
use upgrade_readiness_checks::facts::{HourOfWeek, Traffic};

use super::count::Count;

const HOURS_OF_WEEK: usize = 168;

/// 1970 began on a Thursday.
const FIRST_HOUR: i64 = 3 * 24;

/// After so many minutes without a line, nobody knows whether the log is still written.
const SILENCE: i64 = 24 * 60;

/// Puts the counts of all logs together.
///
/// An hour was seen when a log has lines of its day, it lies between the first and the last line of all, and it
/// has ended; then no request in it means that nobody came. Both ends of `minutes` are whole hours since 1970.
pub(super) fn put_together(counts: &[Count], hours: std::ops::Range<i64>) -> Traffic {
    let mut seen = BTreeSet::new();
    let bounds = counts.iter().filter_map(|count| count.minutes);
    let bounds = bounds.reduce(|(first, last), (from, to)| (first.min(from), last.max(to)));
    if let Some((first, last)) = bounds {
        let alive = hours.end * 60 - last < SILENCE;
        let end = if alive { hours.end } else { (last.div_euclid(60) + 1).min(hours.end) };
        let span = first.div_euclid(60).max(hours.start)..end;
        let days: BTreeSet<(i64, i32)> = counts.iter().flat_map(|count| count.days.iter().copied()).collect();
        for (day, offset) in days {
            // The clocks of some lands are ahead by part of an hour: an hour that only begins in the day counts.
            let begin = (day * 24 * 60 - i64::from(offset)).div_euclid(60);
            seen.extend((begin..begin + 24).filter(|hour| span.contains(hour)));
        }
    }
    let mut by_hour = vec![HourOfWeek::default(); HOURS_OF_WEEK];
    let mut requests = 0;
    for hour in seen {
        let came: u64 = counts.iter().filter_map(|count| count.hours.get(&hour)).sum();
        let slot = usize::try_from((hour + FIRST_HOUR).rem_euclid(168)).unwrap_or(0);
        if let Some(of_week) = by_hour.get_mut(slot) {
            of_week.seen += 1;
            of_week.requests += came;
            of_week.most = of_week.most.max(came);
        }
        requests += came;
    }
    let moment = |minute: i64| Timestamp::from_second(minute * 60).ok();
    Traffic {
        places: Vec::new(),
        first: bounds.and_then(|(first, _)| moment(first)),
        last: bounds.and_then(|(_, last)| moment(last)),
        requests,
        ignored: counts.iter().map(|count| count.ignored).sum(),
        strange_lines: counts.iter().map(|count| count.strange).sum(),
        without_offset: counts.iter().map(|count| count.without_offset).sum(),
        logs: counts.len() as u64,
        unread: None,
        by_hour,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 5 January 2026, 00:00 UTC, in hours since 1970.
    const MONDAY: i64 = 490_992;

    fn count(hours: &[(i64, u64)], offset: i32) -> Count {
        let minutes = |hour: i64| hour * 60;
        Count {
            hours: hours.iter().copied().collect(),
            days: hours
                .iter()
                .map(|(hour, _)| ((minutes(*hour) + i64::from(offset)).div_euclid(1440), offset))
                .collect(),
            minutes: hours.first().zip(hours.last()).map(|(a, b)| (minutes(a.0), minutes(b.0) + 59)),
            ..Count::default()
        }
    }

    fn seen(traffic: &Traffic) -> u32 {
        traffic.by_hour.iter().map(|hour| hour.seen).sum()
    }

    #[test]
    fn the_week_begins_on_monday_in_utc() {
        let monday: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        assert_eq!(monday.as_second(), MONDAY * 3600);
        let counts = [count(&[(MONDAY, 7), (MONDAY + 23, 5)], 0), count(&[(MONDAY + 168, 9)], 0)];
        let traffic = put_together(&counts, MONDAY - 500..MONDAY + 169);
        assert_eq!(traffic.by_hour[0], HourOfWeek { seen: 2, requests: 16, most: 9 });
        assert_eq!(traffic.by_hour[1], HourOfWeek { seen: 1, requests: 0, most: 0 }, "quiet, not unknown");
        assert_eq!(traffic.by_hour[23], HourOfWeek { seen: 1, requests: 5, most: 5 });
        assert_eq!((seen(&traffic), traffic.requests), (25, 21));
        assert_eq!(traffic.first, Some(monday));
    }

    #[test]
    fn days_without_a_log_are_not_quiet() {
        let counts = [count(&[(MONDAY + 10, 7), (MONDAY + 48 + 10, 7)], 0)];
        let traffic = put_together(&counts, MONDAY..MONDAY + 500);
        assert_eq!(seen(&traffic), 14 + 11, "Monday from 10, Wednesday until 10");
        // The log of a day that is missing elsewhere in the world leaves a hole there, too.
        let sydney = [count(&[(MONDAY - 11, 1), (MONDAY + 12, 1), (MONDAY + 48 - 11, 1)], 660)];
        let traffic = put_together(&sydney, MONDAY - 100..MONDAY + 38);
        let quiet: Vec<u32> = traffic.by_hour.iter().map(|hour| hour.seen).collect();
        assert_eq!(quiet[12], 1);
        assert_eq!(quiet[13..37], [0; 24][..quiet[13..37].len()]);
    }

    #[test]
    fn the_running_hour_and_those_after_the_log_ended_do_not_count() {
        let counts = [count(&[(MONDAY, 7), (MONDAY + 2, 5)], 0)];
        let alive = put_together(&counts, MONDAY..MONDAY + 10);
        assert_eq!(seen(&alive), 10);
        let running = put_together(&counts, MONDAY..MONDAY + 2);
        assert_eq!((seen(&running), running.requests), (2, 7));
        let ended = put_together(&counts, MONDAY..MONDAY + 100);
        assert_eq!(seen(&ended), 3);
        let window = put_together(&counts, MONDAY + 1..MONDAY + 100);
        assert_eq!((seen(&window), window.requests), (2, 5));
        assert_eq!(seen(&put_together(&[], 0..100)), 0);
    }
}
