//! A backup that is a directory: what it holds, and when anything in it was last changed.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use upgrade_readiness_checks::facts::DirectorySize;
use walkdir::WalkDir;

use crate::collect::blocking::Stop;

/// Files with several names that are remembered, so that each counts once.
const MOST_LINKED: usize = 1_000_000;

/// Sums up a tree; and the newest change in it, in seconds since 1970.
///
/// Links are not followed, other file systems are not entered, and what vanishes meanwhile is left out.
pub(super) fn measure(root: &Path, stop: &Stop) -> Result<(DirectorySize, i64), String> {
    let mut size = DirectorySize { bytes: 0, entries: 0 };
    let mut newest = i64::MIN;
    let mut linked = HashSet::new();
    for entry in WalkDir::new(root).same_file_system(true).max_open(64) {
        if stop.is_wanted() {
            return Err("nobody waited for the result any more".to_owned());
        }
        let looked = entry.and_then(|entry| entry.metadata().map(|metadata| (entry.depth(), metadata)));
        let (depth, metadata) = match looked {
            Ok(looked) => looked,
            Err(error) if is_gone(&error) && error.depth() > 0 => continue,
            Err(error) => return Err(error.to_string()),
        };
        newest = newest.max(metadata.mtime());
        if depth == 0 {
            continue;
        }
        if metadata.is_file() && metadata.nlink() > 1 {
            if !linked.insert((metadata.dev(), metadata.ino())) {
                continue;
            }
            if linked.len() > MOST_LINKED {
                return Err(format!("there are more than {MOST_LINKED} files with several names"));
            }
        }
        size.entries = size.entries.saturating_add(1);
        if metadata.is_file() {
            size.bytes = size.bytes.saturating_add(metadata.len());
        }
    }
    Ok((size, newest))
}

fn is_gone(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
}
