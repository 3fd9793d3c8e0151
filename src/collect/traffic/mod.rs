//! How much an instance is used at each hour of the week, from access logs of it or of a proxy before it.
//!
//! Of a line only its time is taken down; who asked for what stays in the log. What was counted is
//! remembered by file, whatever its name becomes when logs are rotated, and a log that has grown is read on
//! from where it ended. Compressed logs are read once.

mod count;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod log;
mod stamp;
mod week;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use upgrade_readiness_checks::facts::{Section, Source, Traffic};

use self::count::{Count, Wanted};
use self::log::{Log, Remembered};
use super::blocking::{Lookout, Stop};
use super::notebook::Notebook;
use super::{CollectError, Collector};

/// Logs read at a time: more would take the disk away from the service.
const READERS: usize = 2;

/// No instance keeps more logs than this; when a pattern fits more, it is a wrong one.
const MOST_LOGS: usize = 10_000;

/// No look reads more than this, compressed logs unpacked.
const MOST_BYTES: u64 = 256 << 30;

/// Which logs are read, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogs {
    /// Patterns of their paths; when there is none, the product knows where its own are.
    pub patterns: Vec<String>,
    /// Parts of paths whose requests do not count, such as health probes.
    pub ignore: Vec<String>,
    /// How many days back they are looked at.
    pub days: u32,
}

/// Reads access logs.
#[derive(Debug)]
pub struct TrafficCollector {
    logs: AccessLogs,
    notes: Option<PathBuf>,
    lookout: Lookout,
}

impl TrafficCollector {
    /// A collector that keeps what it counted in `cache_dir`.
    #[must_use]
    pub fn new(logs: AccessLogs, cache_dir: Option<&Path>) -> Self {
        let notes = cache_dir.map(|directory| directory.join("traffic"));
        Self { logs, notes, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for TrafficCollector {
    fn source(&self) -> Source {
        Source::Traffic
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let (logs, notes) = (self.logs.clone(), self.notes.clone());
        self.lookout
            .run(move |stop| Ok(Section::Traffic(read_traffic(&logs, notes, Timestamp::now(), stop))))
            .await
    }
}

/// What hinders: how many logs, and the first of them with the reason.
#[derive(Debug, Default)]
struct Hindered {
    count: u64,
    first: Option<String>,
}

impl Hindered {
    fn add(&mut self, why: String) {
        self.count += 1;
        // The smallest and not the first: which one comes first depends on the threads.
        self.first = Some(match self.first.take() {
            Some(other) if other < why => other,
            Some(_) | None => why,
        });
    }
}

fn read_traffic(logs: &AccessLogs, notes: Option<PathBuf>, now: Timestamp, stop: &Stop) -> Traffic {
    let this_hour = now.as_second().div_euclid(3600);
    let hours = this_hour - i64::from(logs.days) * 24..this_hour;
    let wanted = Wanted {
        // A clock may be a little ahead of ours.
        minutes: hours.start * 60..hours.end * 60 + 24 * 60,
        ignore: logs.ignore.clone(),
    };
    let mut hindered = Hindered::default();
    let found = find(&logs.patterns, &wanted, &mut hindered);
    let notebook = Mutex::new(Notebook::<Remembered>::open(notes));
    let hindered = Mutex::new(hindered);
    let counts = Mutex::new(Vec::new());
    let (next, left) = (AtomicUsize::new(0), AtomicU64::new(MOST_BYTES));
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(found.len()) {
            scope.spawn(|| {
                while let Some(log) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match log.read(&notebook, &wanted, &left, stop) {
                        Ok(Some(count)) => lock(&counts).push(count),
                        Ok(None) => {}
                        Err(why) => lock(&hindered).add(why),
                    }
                }
            });
        }
    });
    let notebook = notebook.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Without notes the next look takes longer and says the same.
    if !stop.is_wanted()
        && let Err(error) = notebook.close()
    {
        tracing::debug!(%error, "what was counted in access logs is not remembered");
    }
    let counts: Vec<Count> = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Hindered { count, first } = hindered.into_inner().unwrap_or_else(PoisonError::into_inner);
    let total = counts.len() as u64 + count;
    Traffic {
        places: logs.patterns.clone(),
        unread: first.map(|why| format!("{count} of {total}: {why}")),
        ..week::put_together(&counts, hours)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The logs that fit the patterns, each file once; those that ended before what is of interest are left out.
fn find(patterns: &[String], wanted: &Wanted, hindered: &mut Hindered) -> Vec<Log> {
    let mut logs = Vec::new();
    let mut known = BTreeSet::new();
    for pattern in patterns {
        if let Some(why) = closed_door(pattern) {
            hindered.add(why);
        }
        let paths = match glob::glob(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                hindered.add(format!("{pattern} is not a pattern: {error}"));
                continue;
            }
        };
        for path in paths {
            if logs.len() >= MOST_LOGS {
                hindered.add(format!("{pattern} fits more than {MOST_LOGS} files; make it narrower"));
                break;
            }
            let looked = path.map_err(|error| log::explain(error.path(), error.error())).and_then(Log::look);
            match looked {
                Ok(Some(log)) if log.ended_before(wanted.minutes.start * 60) => {}
                Ok(Some(log)) => {
                    if known.insert(log.identity()) {
                        logs.push(log);
                    }
                }
                Ok(None) => {}
                Err(why) => hindered.add(why),
            }
        }
    }
    // The largest first, so that both readers end at about the same time.
    logs.sort_by_key(|log| std::cmp::Reverse(log.bytes()));
    logs
}

/// A directory on the way to the files of a pattern that lets nobody through: below it the pattern fits nothing,
/// silently.
fn closed_door(pattern: &str) -> Option<String> {
    let above = memchr::memchr_iter(b'/', pattern.as_bytes()).filter_map(|end| pattern.get(..end));
    let directories =
        above.filter(|above| !above.is_empty()).flat_map(|above| glob::glob(above).into_iter().flatten());
    directories.flatten().take(MOST_LOGS).find_map(|directory| {
        let error = std::fs::metadata(directory.join(".")).err()?;
        (error.kind() == io::ErrorKind::PermissionDenied).then(|| log::explain(&directory, &error))
    })
}

#[cfg(test)]
mod tests;
