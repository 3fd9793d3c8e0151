//! What was learned of files before, so that a file that did not change is not read again.
//!
//! A notebook is read when a look begins and written when it ends; between looks it takes no memory. It is an
//! aid, never a source: losing it costs time, and a file whose stamp differs in anything is read again.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A file that changed this recently may change again without its times showing it.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What differs when a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file was left alone for long enough that a later change will show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let newest = self.modified.0.max(self.changed.0);
        let since = u64::try_from(newest).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        since.and_then(|since| now.duration_since(since).ok()).is_some_and(|age| age > SETTLED_AFTER)
    }
}

#[derive(Serialize, Deserialize)]
struct Entry<T> {
    path: PathBuf,
    stamp: Stamp,
    learned: T,
}

/// What was learned of files, by path and stamp.
#[derive(Debug)]
pub struct Notebook<T> {
    file: Option<PathBuf>,
    known: BTreeMap<PathBuf, (Stamp, T)>,
    /// What this look used or learned; the rest is forgotten.
    kept: BTreeMap<PathBuf, (Stamp, T)>,
}

impl<T: Serialize + DeserializeOwned + Clone> Notebook<T> {
    /// Opens a notebook; one that is absent or cannot be read is empty. Without a file nothing is remembered.
    #[must_use]
    pub fn open(file: Option<PathBuf>) -> Self {
        let known = file.as_deref().and_then(|path| read(path).ok()).unwrap_or_default();
        Self { file, known, kept: BTreeMap::new() }
    }

    /// What was learned of this file when it was as it is now.
    pub fn recall(&mut self, path: &Path, stamp: Stamp) -> Option<T> {
        let (known, learned) = self.known.get(path)?;
        if *known != stamp {
            return None;
        }
        let learned = learned.clone();
        self.kept.insert(path.to_owned(), (stamp, learned.clone()));
        Some(learned)
    }

    /// What was learned of this file before, however it has changed since; the caller finds out what of it still holds.
    #[must_use]
    pub fn before(&self, path: &Path) -> Option<&T> {
        self.known.get(path).map(|(_, learned)| learned)
    }

    /// Takes down what was learned of a file that may be changing at this moment.
    ///
    /// Only for callers of [`Notebook::before`], who do not rely on the stamp.
    pub fn note_growing(&mut self, path: &Path, stamp: Stamp, learned: T) {
        self.kept.insert(path.to_owned(), (stamp, learned));
    }

    /// Takes down what was learned of a file; `stamp` was taken before it was read.
    pub fn note(&mut self, path: &Path, stamp: Stamp, learned: T) {
        if stamp.is_settled(SystemTime::now()) {
            self.kept.insert(path.to_owned(), (stamp, learned));
        }
    }

    /// Writes the notebook, beside and renamed, for nobody but its owner to read.
    pub fn close(self) -> io::Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = file.with_extension("new");
        let opened =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut writer = BufWriter::new(opened);
        for (path, (stamp, learned)) in self.kept {
            // A name that is no text cannot be written down: that file is read again next time.
            if path.to_str().is_some() {
                serde_json::to_writer(&mut writer, &Entry { path, stamp, learned })?;
                writer.write_all(b"\n")?;
            }
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(beside, file)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<BTreeMap<PathBuf, (Stamp, T)>> {
    let entries = serde_json::Deserializer::from_reader(BufReader::new(File::open(path)?)).into_iter();
    let read: Result<_, serde_json::Error> = entries
        .map(|entry: Result<Entry<T>, _>| entry.map(|entry| (entry.path, (entry.stamp, entry.learned))))
        .collect();
    read.map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(path: &Path) -> Stamp {
        Stamp::of(&fs::metadata(path).unwrap())
    }

    /// A stamp of long ago: the test does not wait until its file has settled.
    fn settled(path: &Path) -> Stamp {
        Stamp { modified: (1, 0), changed: (1, 0), ..stamp(path) }
    }

    #[test]
    fn what_did_not_change_is_recalled_by_a_later_look() {
        let directory = tempfile::tempdir().unwrap();
        let (file, notes) = (directory.path().join("a"), directory.path().join("cache/notes"));
        fs::write(&file, "one").unwrap();
        let before = settled(&file);
        let mut notebook: Notebook<String> = Notebook::open(Some(notes.clone()));
        assert_eq!(notebook.recall(&file, before), None);
        notebook.note(&file, before, "hash".into());
        notebook.close().unwrap();

        let mut notebook: Notebook<String> = Notebook::open(Some(notes.clone()));
        assert_eq!(notebook.recall(&file, before), Some("hash".into()));
        assert_eq!(notebook.recall(&file, Stamp { bytes: 9, ..before }), None, "another size");
        notebook.close().unwrap();

        let notebook: Notebook<String> = Notebook::open(Some(notes.clone()));
        assert_eq!(notebook.known.len(), 1, "what was used is kept");
        notebook.close().unwrap();
        let notebook: Notebook<String> = Notebook::open(Some(notes));
        assert_eq!(notebook.known.len(), 0, "what nobody asked for is forgotten");
    }

    #[test]
    fn what_may_still_change_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a");
        fs::write(&file, "one").unwrap();
        let mut notebook: Notebook<u8> = Notebook::open(None);
        notebook.note(&file, stamp(&file), 1);
        assert!(notebook.kept.is_empty());
    }

    #[test]
    fn a_damaged_notebook_is_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let notes = directory.path().join("notes");
        fs::write(&notes, "{\"path\": 1}\n{").unwrap();
        assert!(Notebook::<u8>::open(Some(notes)).known.is_empty());
    }
}
