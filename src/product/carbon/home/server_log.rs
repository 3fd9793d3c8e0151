//! `repository/logs/wso2carbon.log`: the newest finished start.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use upgrade_readiness_checks::facts::StartRecord;

use super::error::{HomeError, if_there};
use crate::collect::text_file::{ReadTextError, open_without_waiting};

/// Below the home.
const FILE: &str = "repository/logs/wso2carbon.log";
/// No more of its end is read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// A longer line is cut.
const LONGEST_LINE: u64 = 64 * 1024;
/// What a finished start says (`StartupFinalizerServiceComponent` of the kernel).
const STARTED: &str = "WSO2 Carbon started in ";
/// What the bundle framework says of bundles it cannot start.
const UNRESOLVED: [&str; 3] = ["could not be resolved", "Missing Constraint", "Unresolved requirement"];
/// So many of such lines are told, and so much of each.
const MOST_LINES: usize = 20;
const LONGEST_TOLD: usize = 300;

/// Reads the newest finished start; `None` when the log tells of none.
pub(super) fn read_last_start(home: &Path) -> Result<Option<StartRecord>, HomeError> {
    let path = home.join(FILE);
    let failed = |cause| HomeError::Text(ReadTextError::Read { path: path.clone(), cause });
    let opened = std::fs::metadata(&path).map_err(failed).and_then(|found| {
        if found.is_file() {
            open_without_waiting(&path).map_err(failed)
        } else {
            Err(ReadTextError::NotAFile { path: path.clone() }.into())
        }
    });
    let Some(mut file) = if_there(opened)? else { return Ok(None) };
    let length = file.metadata().map_err(failed)?.len();
    let skipped = length.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(skipped)).map_err(failed)?;
    let found = last_start(&path, BufReader::new(file.take(MOST_BYTES))).map_err(failed)?;
    if found.is_none() && skipped > 0 {
        let complaint = format!("is {length} bytes long, and the last {MOST_BYTES} of them tell of no start");
        return Err(HomeError::Unfit { path, complaint });
    }
    Ok(found)
}

fn last_start(path: &Path, mut log: impl BufRead) -> std::io::Result<Option<StartRecord>> {
    let mut found = None;
    let mut unresolved: VecDeque<String> = VecDeque::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if log.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let text = String::from_utf8_lossy(&line);
        if UNRESOLVED.iter().any(|mark| text.contains(mark)) {
            if unresolved.len() == MOST_LINES {
                unresolved.pop_front();
            }
            unresolved.push_back(tell(&text));
        }
        if let Some((before, rest)) = text.split_once(STARTED)
            && let Some(seconds) =
                rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|text| text.parse().ok())
        {
            found = Some(StartRecord {
                place: path.display().to_string(),
                at: stamp(before).unwrap_or_default(),
                seconds,
                unresolved: unresolved.drain(..).collect(),
            });
        }
    }
}

/// A line as it is told: whoever writes a log may write a secret into it.
fn tell(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if ["password", "passwd", "secret", "token", "://"].iter().any(|word| lower.contains(word)) {
        return "a line that may hold a secret".to_owned();
    }
    line.trim().chars().take(LONGEST_TOLD).collect()
}

/// The time in brackets: newer logs have the tenant in brackets before it.
fn stamp(line: &str) -> Option<String> {
    let inside = line.split('[').skip(1).filter_map(|part| part.split(']').next()).map(str::trim);
    inside
        .into_iter()
        .find(|text| text.len() >= 10 && text.as_bytes().iter().take(4).all(u8::is_ascii_digit))
        .map(|text| text.chars().take(40).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    const OLD: &str = "[2025-12-01 18:00:12,345]  INFO {org.wso2.carbon.core.internal.StartupFinalizerServiceComponent} -  WSO2 Carbon started in 21 sec\n";
    const NEW: &str = "TID: [-1234] [] [2025-12-02 09:01:02,003]  INFO {o.w.c.c.i.StartupFinalizerServiceComponent} - WSO2 Carbon started in 33 sec\n";

    fn read(log: &str) -> Option<StartRecord> {
        let example = Example::new().lay_out();
        example.write(FILE, log);
        read_last_start(&example.home()).unwrap()
    }

    #[test]
    fn the_newest_start_counts_with_what_came_before_it() {
        let constraint = "[2025-12-02 09:00:00,000] ERROR {x} - Bundle com.example_1.0 could not be resolved. Reason: Missing Constraint\n";
        let found = read(&format!("{constraint}{OLD}{constraint}{NEW}noise\n{constraint}")).unwrap();
        assert_eq!((found.at.as_str(), found.seconds), ("2025-12-02 09:01:02,003", 33));
        assert_eq!(found.unresolved.len(), 1, "neither those of the start before nor those after");
        let clean = read(OLD).unwrap();
        assert_eq!(
            (clean.at.as_str(), clean.seconds, clean.unresolved.len()),
            ("2025-12-01 18:00:12,345", 21, 0)
        );
        let many = read(&format!("{}{OLD}", constraint.repeat(500))).unwrap();
        assert_eq!(many.unresolved.len(), 20);
    }

    #[test]
    fn a_log_without_a_start_tells_of_none() {
        assert_eq!(read(""), None);
        assert_eq!(read("WSO2 Carbon started in no time\n"), None);
        assert_eq!(read(&"x".repeat(300_000)), None, "one long line");
        let example = Example::new().lay_out();
        assert_eq!(read_last_start(&example.home()).unwrap(), None, "no log");
    }

    #[test]
    fn only_the_end_of_a_huge_log_is_read() {
        let example = Example::new().lay_out();
        example.write(FILE, OLD);
        let file = std::fs::File::options().write(true).open(example.home().join(FILE)).unwrap();
        file.set_len(10 * 1024 * 1024 * 1024).unwrap();
        let error = read_last_start(&example.home()).unwrap_err();
        assert!(error.to_string().contains("tell of no start"), "{error}");
    }
}
