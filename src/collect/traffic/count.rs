//! Counts the requests of one log, line by line, without ever holding more than a piece of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};
use serde::{Deserialize, Serialize};

use super::stamp::{Clock, Moment};
use crate::collect::blocking::Stop;

/// Bytes read at a time, and the longest line that is looked at; the rest of a longer one is passed over.
const PIECE: usize = 128 * 1024;

/// A line that goes on for so long is no line: a binary file, or an archive made to burst.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// When so many lines at the beginning are no requests, it is no access log.
const NO_LOG_AFTER: u64 = 1000;

/// What was counted in a log, up to some place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Count {
    /// Requests by hour since 1970 in UTC.
    pub(super) hours: BTreeMap<i64, u64>,
    /// The days the log has lines of: days since 1970 on the clock that wrote it, and how many minutes that clock is
    /// ahead of UTC. Beyond a day nobody knows whether nothing happened or nothing was written.
    pub(super) days: BTreeSet<(i64, i32)>,
    /// The first and the last minute since 1970 of any line.
    pub(super) minutes: Option<(i64, i64)>,
    /// Requests that do not count.
    pub(super) ignored: u64,
    /// Lines that are no requests.
    pub(super) strange: u64,
    /// Requests without an offset from UTC.
    pub(super) without_offset: u64,
}

/// Which requests are looked at.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Minutes since 1970: earlier ones have no interest, later ones are of a clock that is wrong.
    pub(super) minutes: Range<i64>,
    /// Parts of paths whose requests do not count.
    pub(super) ignore: Vec<String>,
}

/// Why a log could not be counted to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum CountError {
    /// Reading failed.
    #[error("{0}")]
    Read(io::Error),
    /// There are no requests in it.
    #[error("no line of it has a time in a known form")]
    NoLog,
    /// It is longer than what may be read at once.
    #[error("it holds more than {0} bytes, which is the most that is read at one look")]
    TooLong(u64),
    /// Nobody waits any more.
    #[error("the look was given up")]
    Stopped,
}

/// Counts what is in `log` up to its last whole line, at most `most` bytes; says how many bytes those are.
pub(super) fn count_requests(
    log: &mut impl Read,
    count: &mut Count,
    wanted: &Wanted,
    most: u64,
    stop: &Stop,
) -> Result<u64, CountError> {
    let strange_before = count.strange;
    let mut tally = Tally { count, wanted, clock: Clock::default(), hour: (0, 0), known: 0 };
    let mut buffer = vec![0; PIECE];
    let (mut filled, mut read, mut whole) = (0, 0_u64, 0_u64);
    // Bytes of a line that was too long to be kept, so far.
    let mut overlong = 0_u64;
    let ended = loop {
        if stop.is_wanted() {
            break Err(CountError::Stopped);
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let got = match log.read(room) {
            Ok(0) => break Ok(()),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(CountError::Read(error)),
        };
        read += got as u64;
        if read > most {
            break Err(CountError::TooLong(most));
        }
        let end = filled + got;
        let text = buffer.get(..end).unwrap_or_default();
        let mut start = 0;
        if overlong > 0 {
            let Some(at) = memchr(b'\n', text) else {
                overlong += end as u64;
                filled = 0;
                if overlong > LONGEST_LINE {
                    break Err(CountError::NoLog);
                }
                continue;
            };
            tally.count.strange += 1;
            overlong = 0;
            start = at + 1;
        }
        let first = start;
        for newline in memchr_iter(b'\n', text.get(first..).unwrap_or_default()) {
            tally.line(text.get(start..first + newline).unwrap_or_default());
            start = first + newline + 1;
        }
        if start > 0 {
            whole = read - (end - start) as u64;
        }
        if tally.known == 0 && tally.count.strange - strange_before >= NO_LOG_AFTER {
            break Err(CountError::NoLog);
        }
        buffer.copy_within(start..end, 0);
        filled = end - start;
        if filled == PIECE {
            overlong = filled as u64;
            filled = 0;
        }
    };
    tally.settle();
    let known = tally.known;
    ended?;
    if known == 0 && count.minutes.is_none() && count.strange > strange_before {
        Err(CountError::NoLog)
    } else {
        Ok(whole)
    }
}

struct Tally<'a> {
    count: &'a mut Count,
    wanted: &'a Wanted,
    clock: Clock,
    /// The hour that is being counted, and how many requests came in it so far.
    hour: (i64, u64),
    /// Lines with a time, whether of interest or not.
    known: u64,
}

impl Tally<'_> {
    fn line(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() || line.starts_with(b"#") {
            return; // headers of the extended log format
        }
        let Some(Moment { minute, offset, offset_told }) = self.clock.read(line) else {
            self.count.strange += 1;
            return;
        };
        self.known += 1;
        if minute < self.wanted.minutes.start {
            // Before the beginning of what is of interest; a year before it, a clock was wrong.
            if minute < self.wanted.minutes.start - 2 * 366 * 24 * 60 {
                self.count.strange += 1;
            }
            return;
        }
        if minute >= self.wanted.minutes.end {
            self.count.strange += 1;
            return;
        }
        let (first, last) = self.count.minutes.unwrap_or((minute, minute));
        self.count.minutes = Some((first.min(minute), last.max(minute)));
        if !offset_told {
            self.count.without_offset += 1;
        }
        let hour = minute.div_euclid(60);
        if hour != self.hour.0 {
            self.settle();
            self.hour = (hour, 0);
        }
        if self.hour.1 == 0 {
            self.count.days.insert(((minute + i64::from(offset)).div_euclid(24 * 60), offset));
        }
        if is_ignored(line, &self.wanted.ignore) {
            self.count.ignored += 1;
            self.count.days.insert(((minute + i64::from(offset)).div_euclid(24 * 60), offset));
        } else {
            self.hour.1 += 1;
        }
    }

    /// Takes down the hour that was being counted.
    fn settle(&mut self) {
        let (hour, requests) = std::mem::take(&mut self.hour);
        if requests > 0 {
            *self.count.hours.entry(hour).or_default() += requests;
        }
    }
}

/// Whether a request is for one of these parts of paths; a part ends where a part of the path does.
fn is_ignored(line: &[u8], ignore: &[String]) -> bool {
    if ignore.is_empty() {
        return false;
    }
    let Some(path) = path_of(line) else { return false };
    ignore.iter().any(|part| {
        memmem::find_iter(path, part).any(|at| {
            let after = path.get(at + part.len()..).unwrap_or_default().first();
            part.ends_with('/') || matches!(after, None | Some(b'?' | b'/' | b';'))
        })
    })
}

/// The path of a request line such as `GET /a?b HTTP/1.1`, without what is behind the `?`.
fn path_of(line: &[u8]) -> Option<&[u8]> {
    let start = memchr_iter(b'/', line).find(|at| {
        let method = line.get(..at.saturating_sub(1)).unwrap_or_default();
        let blank = *at > 0 && line.get(at - 1) == Some(&b' ');
        let letters = method.iter().rev().take_while(|byte| byte.is_ascii_uppercase()).count();
        blank && (3..=9).contains(&letters)
    })?;
    let rest = line.get(start..)?;
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'"' | b'?')).unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first minute of 2026, and a year from it.
    const START: i64 = 29_453_760;

    fn wanted(ignore: &[&str]) -> Wanted {
        Wanted {
            minutes: START..START + 365 * 24 * 60,
            ignore: ignore.iter().map(ToString::to_string).collect(),
        }
    }

    fn count_with(text: &[u8], ignore: &[&str]) -> (Count, Result<u64, String>) {
        let mut count = Count::default();
        let ended = count_requests(&mut &*text, &mut count, &wanted(ignore), 1 << 30, &Stop::default());
        (count, ended.map_err(|error| error.to_string()))
    }

    fn line(day: &str, path: &str) -> String {
        format!("[{day} +0000] user http-nio-8090-exec-6 10.0.0.1 GET {path} HTTP/1.1 200 5ms 7\n")
    }

    #[test]
    fn requests_are_counted_by_hour_and_only_whole_lines() {
        let mut text = String::new();
        for minute in 0..120 {
            text += &line(&format!("05/Jan/2026:{:02}:{:02}:00", 10 + minute / 60, minute % 60), "/a");
        }
        let whole = text.len() as u64;
        text += "[05/Jan/2026:13:00:00 +0000] half a li";
        let (count, ended) = count_with(text.as_bytes(), &[]);
        assert_eq!(ended, Ok(whole));
        let hour = START / 60 + 4 * 24 + 10;
        assert_eq!(count.hours, BTreeMap::from([(hour, 60), (hour + 1, 60)]));
        assert_eq!(count.days, BTreeSet::from([(START / 60 / 24 + 4, 0)]));
        assert_eq!(count.minutes, Some((hour * 60, hour * 60 + 119)));
    }

    #[test]
    fn probes_do_not_count_but_show_that_the_log_was_kept() {
        let paths = [
            "/status",
            "/wiki/status?x=/pages",
            "/status-report",
            "/pages/status/all",
            "/rest/troubleshooting/1.0/check/",
            "/index.action?from=/status",
        ];
        let text: String = paths.iter().map(|path| line("05/Jan/2026:10:00:00", path)).collect();
        let (count, _) = count_with(text.as_bytes(), &["/status", "/rest/troubleshooting/"]);
        assert_eq!((count.ignored, count.hours.values().sum::<u64>()), (4, 2));
        let (count, _) = count_with(line("05/Jan/2026:10:00:00", "/status").as_bytes(), &["/status"]);
        assert_eq!((count.hours.len(), count.days.len()), (0, 1));
        let combined =
            b"1.2.3.4 - - [05/Jan/2026:10:00:00 +0000] \"HEAD /status HTTP/1.1\" 200 5 \"-\" \"GET /x\"\n";
        assert_eq!(count_with(combined, &["/status"]).0.ignored, 1);
    }

    #[test]
    fn times_that_cannot_be_and_lines_that_are_none_are_strange() {
        let text = [
            line("01/Jan/1970:00:00:01", "/a"),
            line("01/Jan/2031:00:00:01", "/a"),
            line("31/Dec/2025:23:00:01", "/a"),
            "\u{1f41b} no request\n\n#Fields: date\n".to_owned(),
            line("05/Jan/2026:10:00:00", "/a"),
        ]
        .concat();
        let (count, ended) = count_with(text.as_bytes(), &[]);
        assert_eq!((count.strange, count.hours.values().sum::<u64>()), (3, 1));
        assert_eq!(ended, Ok(text.len() as u64));
        let (count, _) = count_with(b"10.0.0.1 [05/Jan/2026:10:00:00.123] \xff\xfe GET /\n", &[]);
        assert_eq!((count.without_offset, count.hours.len()), (1, 1));
    }

    #[test]
    fn lines_of_megabytes_are_passed_over_and_counted() {
        let good = line("05/Jan/2026:10:00:00", "/a");
        for length in [PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5_000_000] {
            let text = format!("{good}{}\n{good}", "x".repeat(length));
            let (count, ended) = count_with(text.as_bytes(), &[]);
            assert_eq!((count.strange, count.hours.values().sum::<u64>()), (1, 2), "{length}");
            assert_eq!(ended, Ok(text.len() as u64), "{length}");
        }
        let unfinished = format!("{good}{}", "x".repeat(3 * PIECE));
        assert_eq!(count_with(unfinished.as_bytes(), &[]).1, Ok(good.len() as u64));
    }

    #[test]
    fn what_is_no_log_or_too_long_is_said() {
        let no_log = |text: &[u8]| count_with(text, &[]).1.unwrap_err();
        assert!(no_log(&b"<html>\n".repeat(5000)).contains("known form"));
        assert!(no_log(b"just this\n").contains("known form"));
        let mut endless = io::repeat(0);
        let mut count = Count::default();
        let ended = count_requests(&mut endless, &mut count, &wanted(&[]), u64::MAX, &Stop::default());
        assert!(matches!(ended, Err(CountError::NoLog)));
        let text = line("05/Jan/2026:10:00:00", "/a").repeat(5000);
        let ended = count_requests(&mut text.as_bytes(), &mut count, &wanted(&[]), 200_000, &Stop::default());
        assert!(matches!(ended, Err(CountError::TooLong(200_000))));
        assert_eq!(count_with(b"", &[]).1, Ok(0));
    }
}
