//! Untouched copies of an installation that are still packed: `.tar.gz`, `.tar`, `.zip`.
//!
//! They are read as a stream and never unpacked to the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::digest::{Wanted, hash, open_file};
use super::manifest::{Expected, MOST_FILES, Manifest};
use super::name::{Name, is_below, parse_name, shown};
use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Bytes an archive may hold, unpacked: the largest installations have 4 GiB.
const MOST_BYTES: u64 = 32 * 1024 * 1024 * 1024;

/// Longest text of a link, and of the file that tells the release.
const MOST_TEXT: u64 = 64 * 1024;

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    pub(super) manifest: Manifest,
    /// The directory everything in it stands in.
    pub(super) top: Option<String>,
    /// The text of the file that tells the release.
    pub(super) marker: Option<String>,
}

/// Why an archive could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("reading {}", path.display())]
    Read {
        path: std::path::PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("reading {}: it is neither a zip nor a tar archive", path.display())]
    NoArchive { path: std::path::PathBuf },
    #[error("reading {}: it was changed meanwhile", path.display())]
    Changed { path: std::path::PathBuf },
}

/// Reads an archive; `marker` is the path, below the top directory, of the file that tells the release.
pub(super) fn read_archive(
    path: &Path,
    marker: &str,
    stop: &Stop,
) -> Result<(Stamp, Unpacked), ArchiveError> {
    let failed = |cause| ArchiveError::Read { path: path.to_owned(), cause };
    // What is given may be a link to the archive.
    let path = path.canonicalize().map_err(failed)?;
    let (mut file, stamp) = open_file(&path).map_err(failed)?;
    let mut magic = Vec::new();
    file.by_ref().take(512).read_to_end(&mut magic).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let mut reading =
        Reading { marker, stop, left: MOST_BYTES, files: BTreeMap::new(), strange: 0, text: None };
    if magic.starts_with(b"PK\x03\x04") {
        reading.zip(&file).map_err(failed)?;
    } else if magic.starts_with(b"\x1f\x8b") {
        reading.tar(MultiGzDecoder::new(BufReader::with_capacity(256 * 1024, &file))).map_err(failed)?;
    } else if magic.get(257..262) == Some(b"ustar") {
        reading.tar(BufReader::with_capacity(256 * 1024, &file)).map_err(failed)?;
    } else {
        return Err(ArchiveError::NoArchive { path });
    }
    let after = file.metadata().map(|metadata| Stamp::of(&metadata)).map_err(failed)?;
    if after != stamp {
        return Err(ArchiveError::Changed { path });
    }
    let unpacked = reading.unpacked();
    if unpacked.manifest.entries.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "there is no file in it")));
    }
    Ok((stamp, unpacked))
}

/// What was read of an archive so far.
struct Reading<'a> {
    marker: &'a str,
    stop: &'a Stop,
    left: u64,
    files: BTreeMap<Name, Expected>,
    strange: u64,
    text: Option<String>,
}

const BLAKE3: Wanted = Wanted { md5: false, blake3: true };

impl Reading<'_> {
    fn tar(&mut self, reader: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if kind.is_dir() {
                continue;
            }
            let Some(name) = parse_name(&entry.path_bytes()) else {
                self.strange += 1;
                continue;
            };
            if kind.is_symlink() {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                self.add(name, Expected::Link(target))?;
            } else if kind.is_hard_link() {
                let other = entry.link_name_bytes().and_then(|other| parse_name(&other));
                match other.and_then(|other| self.files.get(&other)).cloned() {
                    Some(expected) => self.add(name, expected)?,
                    None => self.strange += 1,
                }
            } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
                self.file(name, &mut entry)?;
            } else {
                self.strange += 1;
            }
        }
        Ok(())
    }

    fn zip(&mut self, file: &File) -> io::Result<()> {
        let mut archive = zip::ZipArchive::new(BufReader::with_capacity(256 * 1024, file))?;
        if archive.len() > MOST_FILES {
            return Err(too_many());
        }
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index)?;
            if entry.is_dir() {
                continue;
            }
            let Some(name) = parse_name(entry.name_raw()) else {
                self.strange += 1;
                continue;
            };
            if entry.is_symlink() {
                let mut target = Vec::new();
                entry.by_ref().take(MOST_TEXT).read_to_end(&mut target)?;
                self.add(name, Expected::Link(target))?;
            } else {
                self.file(name, &mut entry)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: Name, reader: &mut impl Read) -> io::Result<()> {
        let is_marker = self.text.is_none() && name.ends_with(self.marker.as_bytes());
        let (bytes, digests) = if is_marker {
            let mut text = Vec::new();
            reader.by_ref().take(MOST_TEXT).read_to_end(&mut text)?;
            self.text = Some(String::from_utf8_lossy(&text).into_owned());
            hash(text.as_slice().chain(reader), BLAKE3, self.left, self.stop)?
        } else {
            hash(reader, BLAKE3, self.left, self.stop)?
        };
        self.left = self.left.saturating_sub(bytes);
        let digest = digests.blake3().ok_or_else(too_many)?;
        self.add(name, Expected::File { bytes: Some(bytes), digest })
    }

    fn add(&mut self, name: Name, expected: Expected) -> io::Result<()> {
        self.files.insert(name, expected);
        if self.files.len() > MOST_FILES { Err(too_many()) } else { Ok(()) }
    }

    /// Takes off the directory everything stands in, when there is one.
    fn unpacked(self) -> Unpacked {
        let first = self.files.keys().next().and_then(|name| name.split(|byte| *byte == b'/').next());
        let top = first
            .map(<[u8]>::to_vec)
            .filter(|top| self.files.keys().all(|name| is_below(name, top) && name.len() > top.len()));
        let skipped = top.as_ref().map_or(0, |top| top.len() + 1);
        let entries = self
            .files
            .into_iter()
            .filter_map(|(name, expected)| Some((name.get(skipped..)?.to_vec(), expected)));
        Unpacked {
            manifest: Manifest { entries: entries.collect(), strange: self.strange },
            top: top.map(|top| shown(&top)),
            marker: self.text,
        }
    }
}

fn too_many() -> io::Error {
    io::Error::other(format!("it holds more than {MOST_FILES} files"))
}
