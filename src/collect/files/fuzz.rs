//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use std::path::Path;

use super::archive::read_archive;
use super::manifest::{read_manifest, write_manifest};
use crate::collect::blocking::Stop;

/// Reads an untouched copy that is packed, keeps what it holds and reads that back; the number of its files.
pub(crate) fn pristine(path: &Path, kept: &Path) -> Option<usize> {
    let (_, unpacked) = read_archive(path, "bin/version.txt", &Stop::default()).ok()?;
    write_manifest(kept, &(), &unpacked.manifest).ok()?;
    let back = read_manifest::<()>(kept).ok().flatten().map(|((), manifest)| manifest);
    let back = back.expect("what was kept can be read again");
    assert_eq!(back.entries.len(), unpacked.manifest.entries.len(), "all of it was kept");
    Some(back.entries.len())
}

/// Reads what was kept of an installation, or is said to be.
pub(crate) fn kept(path: &Path) -> bool {
    matches!(read_manifest::<serde_json::Value>(path), Ok(Some(_)))
}
