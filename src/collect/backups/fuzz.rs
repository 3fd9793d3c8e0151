//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use std::path::Path;

use jiff::Timestamp;
use upgrade_readiness_checks::facts::{Contents, Field, Integrity};

use super::UnpackLimits;
use super::form::recognise;
use super::marker::parse_marker;
use super::places::Candidate;
use super::verify::verify;
use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Whether a marker is taken.
pub(crate) fn marker(text: &str) -> bool {
    parse_marker(text, Timestamp::UNIX_EPOCH).is_ok()
}

/// Reads a backup to its end, whatever its form; what a whole one holds. `most` is what it may unpack to.
pub(crate) fn archive(path: &Path, most: u64) -> Option<Contents> {
    let bytes = std::fs::read(path).ok()?;
    let form = recognise(bytes.get(..super::form::HEAD).unwrap_or(&bytes));
    let metadata = std::fs::metadata(path).ok()?;
    let candidate = Candidate {
        path: path.to_owned(),
        stamp: Stamp::of(&metadata),
        modified: std::time::SystemTime::UNIX_EPOCH,
        bytes: metadata.len(),
        named: true,
        directory: false,
    };
    let limits = UnpackLimits { times: 200, bytes: most };
    match verify(&candidate, form, limits, &Stop::default()).integrity {
        Field::Read(Integrity::Whole(contents)) => Some(contents),
        Field::Read(Integrity::Damaged(_)) | Field::Unread(_) => None,
    }
}
