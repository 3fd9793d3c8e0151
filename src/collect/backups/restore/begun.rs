//! The scratch databases that were begun and are not known to be gone, written down before they are made.
//!
//! No server makes a database and marks it in one step, and one whose client has gone goes on making it. What was
//! begun is therefore known by its name: a part of it is drawn by lot, so that nobody else has it, and it stands
//! here before the server is asked for it.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::FailureKind;

use super::RestoreError;
use crate::collect::kind_of_io;
use crate::collect::text_file::{ReadTextError, read_text};

/// Its name in the instance's cache directory.
const FILE: &str = "restore-begun.json";

/// A database that was not there a day after it was begun will not come any more.
const LATEST: SignedDuration = SignedDuration::from_hours(24);

/// Digits of a name that are drawn by lot.
const LOT: usize = 12;

/// The scratch databases of one instance that were begun.
#[derive(Debug)]
pub(super) struct Begun {
    path: PathBuf,
    base: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    name: String,
    at: Timestamp,
}

impl Begun {
    /// Reads what was written down; whoever does so holds the lock of the directory.
    pub(super) fn read(work_dir: &Path, base: &str) -> Result<Self, RestoreError> {
        let path = work_dir.join(FILE);
        let text = match read_text(&path) {
            Ok(text) => text,
            Err(ReadTextError::Read { path, cause }) if kind_of_io(&cause) != FailureKind::Absent => {
                return Err(RestoreError::Prepare { path, cause });
            }
            // What is not what was written here names nothing.
            Err(_) => String::new(),
        };
        let mut entries: Vec<Entry> = serde_json::from_str(&text).unwrap_or_default();
        entries.retain(|entry| is_drawn(&entry.name, base));
        Ok(Self { path, base: base.to_owned(), entries })
    }

    /// What every name of the instance begins with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The names, the oldest first.
    pub(super) fn names(&self) -> Vec<String> {
        self.entries.iter().map(|entry| entry.name.clone()).collect()
    }

    /// A name nobody has.
    pub(super) fn draw(&self) -> String {
        // Seeded by the kernel, anew in every process.
        let lot = RandomState::new().build_hasher().finish();
        let digits: String = format!("{lot:016x}").chars().take(LOT).collect();
        format!("{}_{digits}", self.base)
    }

    /// Writes down that a database is about to be made.
    pub(super) fn begin(&mut self, name: &str, now: Timestamp) -> Result<(), RestoreError> {
        self.entries.push(Entry { name: name.to_owned(), at: now });
        self.write().map_err(|cause| RestoreError::Prepare { path: self.path.clone(), cause })
    }

    /// A database was dropped.
    pub(super) fn end(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
        // What could not be written is looked for in vain the next time, and then forgotten.
        drop(self.write());
    }

    /// A database is not there. The server may still be about to make it.
    pub(super) fn miss(&mut self, name: &str, now: Timestamp) {
        let late = |entry: &Entry| entry.name == name && now.duration_since(entry.at).abs() > LATEST;
        if self.entries.iter().any(late) {
            self.end(name);
        }
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_string(&self.entries)?;
        let beside = self.path.with_extension("json.new");
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }
}

/// A name that was drawn for this instance.
fn is_drawn(name: &str, base: &str) -> bool {
    let lot = name.strip_prefix(base).and_then(|rest| rest.strip_prefix('_'));
    lot.is_some_and(|lot| {
        lot.len() == LOT && lot.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// A name scratch databases of this instance have, or had when they were not yet drawn.
pub(super) fn is_of(name: &str, base: &str) -> bool {
    name == base || is_drawn(name, base)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "readiness_scratch_wiki_c91dd5";

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn what_was_begun_is_known_to_the_next_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let read = || Begun::read(dir.path(), BASE).unwrap();
        let mut begun = read();
        assert!(begun.names().is_empty());
        let (one, other) = (begun.draw(), begun.draw());
        assert!(one != other && is_drawn(&one, BASE), "{one}");
        begun.begin(&one, at(0)).unwrap();
        begun.begin(&other, at(1)).unwrap();
        assert_eq!(read().names(), [one.clone(), other.clone()]);
        begun.miss(&one, at(23));
        assert_eq!(read().names().len(), 2, "the server may still make it");
        begun.miss(&one, at(25));
        assert_eq!(read().names(), std::slice::from_ref(&other), "and not after a day");
        begun.miss(&other, at(-25));
        assert!(read().names().is_empty(), "nor when the clock was set back");
        begun.begin(&one, at(0)).unwrap();
        begun.end(&one);
        assert!(read().names().is_empty());
    }

    #[test]
    fn nobody_can_write_another_database_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            fs::write(dir.path().join(FILE), text).unwrap();
            Begun::read(dir.path(), BASE).unwrap().names()
        };
        let entry = |name: &str| format!("[{{\"name\": \"{name}\", \"at\": \"2026-01-01T00:00:00Z\"}}]");
        assert_eq!(read(&entry(&format!("{BASE}_0123456789ab"))).len(), 1);
        let foreign = [
            "wiki",
            "",
            BASE,
            "readiness_scratch_wiki_c91dd5_",
            "readiness_scratch_wiki_c91dd5_0123456789AB",
        ];
        for name in foreign
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{BASE}_0123456789ab_x"), format!("x{BASE}_0123456789ab")])
        {
            assert!(read(&entry(&name)).is_empty(), "{name}");
        }
        for text in ["", "{}", "<html>", "[1]", "[{\"name\": 1}]"] {
            assert!(read(text).is_empty(), "{text}");
        }
        fs::remove_file(dir.path().join(FILE)).unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        let mut begun = Begun::read(dir.path(), BASE).unwrap();
        assert!(
            matches!(begun.begin("x", at(0)), Err(RestoreError::Prepare { .. })),
            "nothing is begun unwritten"
        );
    }

    #[test]
    fn names_of_an_instance_are_no_names_of_another() {
        assert!(is_of(BASE, BASE) && is_of(&format!("{BASE}_0123456789ab"), BASE));
        assert!(
            !is_of("readiness_scratch_wiki_c91dd", BASE) && !is_of("readiness_scratch_wiki_c91dd5x", BASE)
        );
        assert!(!is_of(&format!("{BASE}_a_0123ab"), BASE));
    }
}
