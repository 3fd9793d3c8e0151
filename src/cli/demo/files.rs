//! Writing the files of an example.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};

/// Writes a file, and the directories it is in.
pub(super) fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    write_bytes(path, content.as_bytes())
}

/// Writes a file that is no text, and the directories it is in.
pub(super) fn write_bytes(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let parent = path.parent().context("every file of the example is in a directory")?;
    fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// A moment so many hours earlier.
pub(super) fn hours_ago(now: Timestamp, hours: i64) -> Timestamp {
    now - SignedDuration::from_hours(hours)
}

/// Writes a file that was finished at a moment.
pub(super) fn keep(path: &Path, content: &[u8], finished: Timestamp) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.set_modified(SystemTime::from(finished))
    });
    written.with_context(|| format!("writing {}", path.display()))
}

/// A compressed archive of a directory, which has a name in it.
pub(super) fn pack(dir: &Path, name: &str) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_dir_all(name, dir)?;
    archive.into_inner()?.finish()
}
