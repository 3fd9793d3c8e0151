//! One log: which file it is, what is remembered of it, and reading it on from there.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::count::{Count, CountError, Wanted, count_requests};
use super::lock;
use crate::collect::blocking::Stop;
use crate::collect::notebook::{Notebook, Stamp};

/// Bytes at each end of what was read that must be as they were.
const SEAL: u64 = 512;

/// What other compressed files begin with.
const OTHER_PACKERS: [(&[u8], &str); 4] =
    [(b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")];

/// What is remembered of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// How far it was read.
    read_to: u64,
    /// A hash over both ends of what was read: the file is still the same when it has not changed.
    seal: String,
    /// What was ignored, and the first minute of interest: with others, the count says nothing.
    ignore: Vec<String>,
    since: i64,
    count: Count,
}

impl Remembered {
    fn is_for(&self, wanted: &Wanted) -> bool {
        self.ignore == wanted.ignore && self.since <= wanted.minutes.start
    }
}

/// A log that was found.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    found: Metadata,
}

impl Log {
    /// Looks at a file; one that has gone meanwhile is none.
    pub(super) fn look(path: PathBuf) -> Result<Option<Self>, String> {
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(Self { path, found })),
            Ok(_) => Err(format!("{} is not a regular file", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(explain(&path, &error)),
        }
    }

    /// Which file it is, whatever its name.
    pub(super) fn identity(&self) -> (u64, u64) {
        (self.found.dev(), self.found.ino())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.found.len()
    }

    /// Nothing was written into it since that second: all its lines are older.
    pub(super) fn ended_before(&self, second: i64) -> bool {
        self.found.mtime() < second
    }

    /// What is in it; `None` when it has gone meanwhile. `left` is how much may still be read.
    pub(super) fn read(
        &self,
        notebook: &Mutex<Notebook<Remembered>>,
        wanted: &Wanted,
        left: &AtomicU64,
        stop: &Stop,
    ) -> Result<Option<Count>, String> {
        let mut file = match open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(explain(&self.path, &error)),
        };
        let failed = |error: &io::Error| explain(&self.path, error);
        // What is open counts: another file may have taken the place of the one looked at before.
        let found = file.metadata().map_err(|error| failed(&error))?;
        if !found.is_file() {
            return Err(format!("{} is not a regular file", self.path.display()));
        }
        // Rotating a log changes its name and not the file, so that the file is what is remembered.
        let name = PathBuf::from(format!("{}:{}", found.dev(), found.ino()));
        let before = lock(notebook).before(&name).filter(|before| before.is_for(wanted)).cloned();
        let before = before.filter(|before| seal(&file, before.read_to).is_ok_and(|now| now == before.seal));
        let packed = is_packed(&file, &self.path)?;
        let mut remembered = match before {
            Some(before) if before.read_to == found.len() => {
                lock(notebook).note_growing(&name, Stamp::of(&found), before.clone());
                return Ok(Some(before.count));
            }
            // A compressed file does not grow: what follows was not there, or it was still being written.
            Some(before) if before.read_to < found.len() && !packed => before,
            Some(_) | None => Remembered {
                read_to: 0,
                seal: String::new(),
                ignore: wanted.ignore.clone(),
                since: wanted.minutes.start,
                count: Count::default(),
            },
        };
        let most = left.load(Ordering::Relaxed);
        let counted = if packed {
            let mut inside = MultiGzDecoder::new(io::BufReader::with_capacity(64 * 1024, &file));
            count_requests(&mut Whole::new(&mut inside), &mut remembered.count, wanted, most, stop)
        } else {
            file.seek(SeekFrom::Start(remembered.read_to)).map_err(|error| failed(&error))?;
            let mut rest = (&file).take(found.len().saturating_sub(remembered.read_to));
            count_requests(&mut rest, &mut remembered.count, wanted, most, stop)
        };
        let bytes = counted.map_err(|error| self.explain_count(&error))?;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(bytes)))
            .unwrap_or_default();
        remembered.read_to = if packed { found.len() } else { remembered.read_to + bytes };
        if let Ok(seal) = seal(&file, remembered.read_to) {
            remembered.seal = seal;
            lock(notebook).note_growing(&name, Stamp::of(&found), remembered.clone());
        }
        Ok(Some(remembered.count))
    }

    fn explain_count(&self, error: &CountError) -> String {
        match error {
            CountError::Read(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                explain(&self.path, error)
            }
            CountError::Read(_) | CountError::NoLog | CountError::TooLong(_) | CountError::Stopped => {
                format!("{}: {error}", self.path.display())
            }
        }
    }
}

/// Text whose last line is whole even without its end: a compressed log does not grow any more.
struct Whole<R> {
    inside: R,
    last: u8,
}

impl<R: Read> Whole<R> {
    fn new(inside: R) -> Self {
        Self { inside, last: b'\n' }
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let got = self.inside.read(room)?;
        if got == 0 && self.last != b'\n' {
            self.last = b'\n';
            if let Some(first) = room.first_mut() {
                *first = b'\n';
                return Ok(1);
            }
        } else if let Some(last) = got.checked_sub(1).and_then(|last| room.get(last)) {
            self.last = *last;
        }
        Ok(got)
    }
}

/// Opens for reading; returns at once even when a pipe has taken the place of the file.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Whether it is compressed, by its content; names lie.
fn is_packed(file: &File, path: &Path) -> Result<bool, String> {
    let mut begin = [0; 6];
    let got = file.read_at(&mut begin, 0).map_err(|error| explain(path, &error))?;
    let begin = begin.get(..got).unwrap_or_default();
    if let Some((_, packer)) = OTHER_PACKERS.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return Err(format!(
            "{} is compressed with {packer}, and only gzip is read; let logrotate use gzip",
            path.display()
        ));
    }
    Ok(begin.starts_with(b"\x1f\x8b"))
}

/// A hash over both ends of the first `length` bytes.
fn seal(file: &File, length: u64) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let size = usize::try_from(length.min(SEAL)).unwrap_or(0);
    let mut bytes = vec![0; size];
    for start in [0, length.saturating_sub(SEAL)] {
        file.read_exact_at(&mut bytes, start)?;
        hasher.update(&bytes);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// What a person needs to know about a log that could not be read.
pub(super) fn explain(path: &Path, error: &io::Error) -> String {
    let (shown, uid) = (path.display(), rustix::process::getuid().as_raw());
    if error.kind() != io::ErrorKind::PermissionDenied {
        return format!("{shown}: {error}");
    }
    let directory = if path.is_dir() { path } else { path.parent().unwrap_or(path) }.display();
    format!(
        "{shown}: {error}. Let the agent's user read it, and those to come: \
         setfacl -R -m u:{uid}:rX {directory} && setfacl -d -m u:{uid}:rX {directory}"
    )
}
