//! Keeping aside a store nothing can be done with.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::open::beside;

/// So many may stand beside the store. More mean that something destroys them, which new ones do not mend.
const MOST_ASIDE: usize = 10;

/// The store could not be kept aside.
#[derive(Debug, thiserror::Error)]
pub enum SetAsideError {
    /// There are too many already.
    #[error("{MOST_ASIDE} stores were kept aside in {} already", directory.display())]
    TooMany {
        /// Where they are.
        directory: PathBuf,
    },
    /// It could not be renamed.
    #[error("keeping {} aside", path.display())]
    Rename {
        /// The store.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Renames a store to `NAME.aside-TIME`, with the files SQLite put beside it; tells the new name.
pub fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, SetAsideError> {
    let failed = |cause| SetAsideError::Rename { path: path.to_owned(), cause };
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let begin = format!("{name}.aside-");
    let is_aside =
        |name: &str| name.starts_with(&begin) && !name.ends_with("-wal") && !name.ends_with("-shm");
    let mut there = 0;
    for entry in fs::read_dir(directory).map_err(failed)? {
        there += usize::from(is_aside(&entry.map_err(failed)?.file_name().to_string_lossy()));
    }
    if there >= MOST_ASIDE {
        return Err(SetAsideError::TooMany { directory: directory.to_owned() });
    }
    let time = TimeZone::UTC.to_datetime(now).strftime("%Y%m%dT%H%M%SZ");
    let mut aside = beside(path, &format!(".aside-{time}"));
    // Two in the same second are both kept.
    for number in 2..=MOST_ASIDE {
        if !aside.exists() {
            break;
        }
        aside = beside(path, &format!(".aside-{time}-{number}"));
    }
    // The log first: left beside a new store it would be read into it.
    for ending in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, ending), beside(&aside, ending)) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            other => other.map_err(failed)?,
        }
    }
    Ok(aside)
}
