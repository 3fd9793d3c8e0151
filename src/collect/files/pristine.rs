//! An untouched copy of the installation, as a directory or an archive.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::archive::{Unpacked, read_archive};
use super::look::Cache;
use super::manifest::{Manifest, read_manifest, write_manifest};
use super::tree::{Ignored, read_tree};
use super::{ReleaseMarker, Survey};
use crate::chain::Chain;
use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;
use crate::collect::text_file::read_text_up_to;

/// Longest file that tells a release.
const MOST_MARKER: u64 = 64 * 1024;

/// Of which archive a kept list is.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    path: String,
    stamp: Stamp,
    top: Option<String>,
    marker: Option<String>,
}

/// Reads the copy at `path`, or says why it cannot be compared with.
pub(super) fn read_pristine(
    path: &Path,
    survey: &Survey,
    ignored: &Ignored,
    cache: &Cache<'_>,
    stop: &Stop,
) -> Result<Manifest, String> {
    let found = fs::metadata(path).map_err(|error| {
        format!(
            "the untouched copy {}: {error}. Put it there, where the agent's user can read it, or correct pristine in \
             [instance.files]",
            path.display()
        )
    })?;
    let (manifest, release) = if found.is_dir() {
        read_directory(path, survey.marker, ignored, cache, stop)?
    } else {
        let Unpacked { manifest, top, marker } = read_packed(path, &found, survey.marker, cache, stop)?;
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let told = marker
            .and_then(|text| (survey.marker.parse)(&text))
            .or_else(|| top.and_then(|top| (survey.marker.parse_name)(&top)))
            .or_else(|| file_name.and_then(|name| (survey.marker.parse_name)(&name)));
        (manifest, told)
    };
    match (release, &survey.release) {
        (Some(copy), Ok(installed)) if copy != *installed => Err(format!(
            "{} is a copy of {copy}, and {installed} is installed. Put the copy of {installed} there, or name it as \
             pristine in [instance.files]",
            path.display()
        )),
        (Some(_), Err(why)) => Err(format!(
            "which release is installed is not known, so it cannot be told whether {} is a copy of it: {why}",
            path.display()
        )),
        (_, _) => Ok(manifest),
    }
}

fn read_directory(
    path: &Path,
    marker: ReleaseMarker,
    ignored: &Ignored,
    cache: &Cache<'_>,
    stop: &Stop,
) -> Result<(Manifest, Option<String>), String> {
    let root = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
    let told = read_text_up_to(&root.join(marker.file), MOST_MARKER).ok();
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let release = told
        .and_then(|text| (marker.parse)(&text))
        .or_else(|| name.and_then(|name| (marker.parse_name)(&name)));
    let tree = read_tree(&root, ignored, stop).map_err(|error| Chain(&error).to_string())?;
    // A copy of which a part is missing would make files of the installation look as if they were added.
    if let Some(why) = tree.first_unreachable(&root) {
        return Err(format!("the untouched copy {}: {why}", path.display()));
    }
    let manifest = super::compare::take(&root, &tree, cache, "pristine-notes", stop)?;
    if manifest.entries.is_empty() {
        return Err(format!("the untouched copy {}: there is no file in it", path.display()));
    }
    Ok((manifest, release))
}

/// Reads an archive, or what is remembered of it when it has not changed.
fn read_packed(
    path: &Path,
    found: &fs::Metadata,
    marker: ReleaseMarker,
    cache: &Cache<'_>,
    stop: &Stop,
) -> Result<Unpacked, String> {
    let kept = cache.file("pristine");
    let named = path.to_string_lossy();
    if let Some(kept) = &kept
        && let Ok(Some((header, manifest))) = read_manifest::<Header>(kept)
        && header.path == named
        && header.stamp == Stamp::of(found)
    {
        return Ok(Unpacked { manifest, top: header.top, marker: header.marker });
    }
    let (stamp, unpacked) = read_archive(path, marker.file, stop)
        .map_err(|error| format!("the untouched copy cannot be used: {}", Chain(&error)))?;
    if let Some(kept) = &kept {
        let Unpacked { manifest, top, marker } = &unpacked;
        let header = Header { path: named.into_owned(), stamp, top: top.clone(), marker: marker.clone() };
        // It is only an aid: without it the archive is read again next time.
        if let Err(error) = write_manifest(kept, &header, manifest) {
            tracing::debug!(%error, "what was learned of the untouched copy could not be kept");
        }
    }
    Ok(unpacked)
}
