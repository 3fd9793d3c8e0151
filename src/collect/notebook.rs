//! What was learned of files before, so that a file that did not change is not read again.
//!
//! A notebook is read when a look begins and written when it ends; between looks it takes no memory. It is an
//! aid, never a source: losing it costs time, and a file whose stamp differs in anything is read again.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
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

    /// The stamp of a file, of what the kernel says of it.
    #[must_use]
    pub fn of_stat(stat: &rustix::fs::Stat) -> Self {
        // The types differ between processors; no figure of a real file is out of the range of these.
        fn time(figure: impl TryInto<i64>) -> i64 {
            figure.try_into().unwrap_or(i64::MAX)
        }
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (time(stat.st_mtime), time(stat.st_mtime_nsec)),
            changed: (time(stat.st_ctime), time(stat.st_ctime_nsec)),
        }
    }

    /// What of the stamp of a directory says whether something in it was made, renamed or removed: its inode, when
    /// it was modified and when it was changed, in seconds and nanoseconds.
    pub(super) fn of_directory(self) -> (u64, (i64, i64), (i64, i64)) {
        (self.inode, self.modified, self.changed)
    }

    /// When it was modified or changed last, in seconds of Unix.
    pub(super) fn newest(self) -> i64 {
        self.modified.0.max(self.changed.0)
    }

    /// Whether the file was left alone for long enough that a later change will show.
    fn is_settled(&self, now: SystemTime) -> bool {
        let newest = self.modified.0.max(self.changed.0);
        let since = u64::try_from(newest).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        since.and_then(|since| now.duration_since(since).ok()).is_some_and(|age| age > SETTLED_AFTER)
    }
}

/// Device, inode, bytes, modified, changed: a line is written without the names of its parts.
type Figures = (u64, u64, u64, (i64, i64), (i64, i64));

/// Longest line that is read: a path, a stamp, and what was learned.
const LONGEST_LINE: u64 = 64 * 1024;

/// What was learned of files, by path and stamp.
#[derive(Debug)]
pub struct Notebook<T> {
    file: Option<PathBuf>,
    /// When this look began.
    opened: SystemTime,
    known: BTreeMap<PathBuf, (Stamp, T)>,
    /// What this look used or learned; the rest is forgotten.
    kept: BTreeMap<PathBuf, (Stamp, T)>,
    /// What stands in the file is not what is kept: something was learned, or outdated.
    changed: bool,
}

impl<T: Serialize + DeserializeOwned + Clone> Notebook<T> {
    /// Opens a notebook; one that is absent or cannot be read is empty. Without a file nothing is remembered.
    #[must_use]
    pub fn open(file: Option<PathBuf>) -> Self {
        let read = file.as_deref().map(read);
        let changed = !matches!(read, Some(Ok(_)));
        let known = read.and_then(Result::ok).unwrap_or_default();
        Self { file, opened: SystemTime::now(), known, kept: BTreeMap::new(), changed }
    }

    /// What was learned of this file when it was as it is now.
    pub fn recall(&mut self, path: &Path, stamp: Stamp) -> Option<T> {
        if let Some((kept, learned)) = self.kept.get(path) {
            return (*kept == stamp).then(|| learned.clone());
        }
        // Moved and not copied: of many thousands of files, everything is in memory once.
        let (path, (known, learned)) = self.known.remove_entry(path)?;
        if known != stamp {
            self.changed = true;
            return None;
        }
        self.kept.insert(path, (stamp, learned.clone()));
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
        self.changed = true;
        self.kept.insert(path.to_owned(), (stamp, learned));
    }

    /// Takes down what was learned of a file; `stamp` was taken before it was read.
    ///
    /// Not of one that changed only just before the look began, or since: reading takes its time, and by the end of
    /// it a change within the same tick of the file system's clock would look long past.
    pub fn note(&mut self, path: &Path, stamp: Stamp, learned: T) {
        if stamp.is_settled(self.opened) {
            self.changed = true;
            self.kept.insert(path.to_owned(), (stamp, learned));
        }
    }

    /// Writes the notebook, beside and renamed, for nobody but its owner to read. One in which nothing
    /// changed is left as it is.
    pub fn close(self) -> io::Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        if !self.changed && self.known.is_empty() {
            return Ok(());
        }
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        let beside = file.with_extension("new");
        let opened =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut writer = BufWriter::new(opened);
        for (path, (stamp, learned)) in self.kept {
            // A name that is no text cannot be written down: that file is read again next time.
            if let Some(path) = path.to_str() {
                let Stamp { device, inode, bytes, modified, changed } = stamp;
                let figures: Figures = (device, inode, bytes, modified, changed);
                serde_json::to_writer(&mut writer, &(path, figures, learned))?;
                writer.write_all(b"\n")?;
            }
        }
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(beside, file)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<BTreeMap<PathBuf, (Stamp, T)>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut entries = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            // Sorted as it was written: the tree is built from it at once.
            return Ok(entries.into_iter().collect());
        }
        let (path, figures, learned): (PathBuf, Figures, T) = serde_json::from_slice(&line)?;
        let (device, inode, bytes, modified, changed) = figures;
        entries.push((path, (Stamp { device, inode, bytes, modified, changed }, learned)));
    }
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
        for text in
            ["{\"path\": 1}\n{", "[\"/a\",[1,2,3,[4,5],[6,7]],1]\n[\"/b\",[1,", "\u{0}", &"x".repeat(200_000)]
        {
            fs::write(&notes, text).unwrap();
            assert!(Notebook::<u8>::open(Some(notes.clone())).known.is_empty(), "{text:.40}");
        }
    }

    #[test]
    fn a_notebook_in_which_nothing_changed_is_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let (file, notes) = (directory.path().join("a"), directory.path().join("notes"));
        fs::write(&file, "one").unwrap();
        let stamp = settled(&file);
        let mut notebook: Notebook<u8> = Notebook::open(Some(notes.clone()));
        notebook.note(&file, stamp, 1);
        notebook.close().unwrap();
        let inode = || fs::metadata(&notes).unwrap().ino();
        let before = inode();
        let mut notebook: Notebook<u8> = Notebook::open(Some(notes.clone()));
        assert_eq!((notebook.recall(&file, stamp), notebook.recall(&file, stamp)), (Some(1), Some(1)));
        notebook.close().unwrap();
        assert_eq!(inode(), before);
        let mut notebook: Notebook<u8> = Notebook::open(Some(notes.clone()));
        assert_eq!(notebook.recall(&file, Stamp { bytes: 9, ..stamp }), None);
        notebook.close().unwrap();
        assert_ne!(inode(), before, "what is outdated goes");
    }
}
