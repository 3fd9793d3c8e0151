//! Reading a jar: its manifest, and where it matters its packages and the Java of its classes.
//!
//! The directory of the archive is walked and never held, and only what is looked for is unpacked.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
// The only reader that does not hold the whole directory.
use zip::read::{Config, ZipReadOptions};
use zip::unstable::read::ZipIterable;

use super::bundle::{Described, describe};
use super::java;
use super::manifest::parse_manifest;
use crate::collect::blocking::Stop;

/// A longer file is no jar of a product.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// More entries than any real jar has.
const MOST_ENTRIES: usize = 200_000;

/// A longer manifest is none.
const MOST_MANIFEST_BYTES: u64 = 2 * 1024 * 1024;

/// Classes that are looked into.
const MOST_CLASSES: u64 = 20_000;

/// Packages that are taken of a plain jar.
const MOST_PACKAGES: usize = 10_000;

/// How much of a jar is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Depth {
    /// What it offers as a bundle.
    Manifest,
    /// Its classes too.
    Classes,
}

/// What was read of a jar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Jar {
    /// How much was read.
    pub(super) depth: Depth,
    /// What its manifest says; nothing is said when it has none.
    pub(super) described: Described,
    /// It carries instructions that Carbon's tools put into the bundles they make.
    pub(super) has_instructions: bool,
    /// Packages with classes; empty when classes were not read.
    pub(super) packages: Vec<String>,
    /// The Java feature its newest class was compiled for; an error when that could not be told.
    pub(super) compiled_for: Result<Option<u32>, String>,
}

/// Why a jar could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum JarError {
    /// Nobody waits any more.
    #[error("nobody waited for the result any more")]
    Stopped,
    /// It could not be opened or read: it may be another time.
    #[error("{0}")]
    NotRead(#[from] io::Error),
    /// It is not what it should be, until it changes.
    #[error("{0}")]
    Broken(String),
}

/// Reads a jar.
pub(super) fn read_jar(path: &Path, depth: Depth, stop: &Stop) -> Result<Jar, JarError> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(JarError::Broken("it is not a regular file".to_owned()));
    }
    if found.len() > MOST_BYTES {
        return Err(JarError::Broken(format!("it is longer than {MOST_BYTES} bytes")));
    }
    let window =
        Window { file: Arc::new(file), bytes: found.len(), position: 0, held: Vec::new(), held_at: 0 };
    let mut reading = Reading { depth, stop, manifest: None, instructions: false, packages: BTreeSet::new() };
    let compiled_for = reading.walk(window)?;
    let described = match reading.manifest {
        None => Described::default(),
        Some(bytes) => {
            let manifest = parse_manifest(&bytes).map_err(|error| JarError::Broken(error.to_string()))?;
            describe(&manifest).map_err(JarError::Broken)?
        }
    };
    Ok(Jar {
        depth,
        described,
        has_instructions: reading.instructions,
        packages: reading.packages.into_iter().collect(),
        compiled_for,
    })
}

struct Reading<'a> {
    depth: Depth,
    stop: &'a Stop,
    manifest: Option<Vec<u8>>,
    instructions: bool,
    packages: BTreeSet<String>,
}

impl Reading<'_> {
    /// Walks over the entries; the Java feature of the classes on the way.
    fn walk(&mut self, window: Window) -> Result<Result<Option<u32>, String>, JarError> {
        let mut body = window.clone();
        let not_opened = |error: zip::result::ZipError| match error {
            zip::result::ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                JarError::NotRead(error)
            }
            error => JarError::Broken(format!("it is no whole jar: {error}")),
        };
        let mut archive = ZipIterable::try_new(window, Config::default()).map_err(not_opened)?;
        if archive.len() > MOST_ENTRIES {
            return Err(JarError::Broken(format!("it has more than {MOST_ENTRIES} entries")));
        }
        let (mut newest, mut classes) = (None, 0_u64);
        let mut trouble = None;
        for (index, entry) in archive.files().map_err(not_opened)?.enumerate() {
            if index % 256 == 0 && self.stop.is_wanted() {
                return Err(JarError::Stopped);
            }
            let entry = entry.map_err(not_opened)?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if self.manifest.is_none() && name.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
                let file = entry.with_reader(&mut body, ZipReadOptions::new()).map_err(not_opened)?;
                self.manifest = Some(read_manifest(file)?);
            } else if name == "META-INF/p2.inf" {
                self.instructions = true;
            } else if self.depth == Depth::Classes && is_class(&name) {
                self.take_package(&name)?;
                classes += 1;
                if classes > MOST_CLASSES {
                    trouble = Some(format!("it has more than {MOST_CLASSES} classes"));
                    continue;
                }
                let head = entry
                    .with_reader(&mut body, ZipReadOptions::new())
                    .map_err(io::Error::other)
                    .and_then(read_head);
                match head {
                    Ok(head) => newest = newest.max(java::of_class(&head)),
                    Err(error) => drop(trouble.get_or_insert(format!("{name} in it: {error}"))),
                }
            }
        }
        Ok(trouble.map_or(Ok(newest), Err))
    }

    fn take_package(&mut self, class: &str) -> Result<(), JarError> {
        if let Some((directory, _)) = class.rsplit_once('/') {
            self.packages.insert(directory.replace('/', "."));
        }
        if self.packages.len() > MOST_PACKAGES {
            return Err(JarError::Broken(format!("it has more than {MOST_PACKAGES} packages")));
        }
        Ok(())
    }
}

/// A class the Java that runs may load: not one that is meant for newer ones only, nor the description of a module.
fn is_class(name: &str) -> bool {
    let is_one = Path::new(name).extension().is_some_and(|end| end == "class");
    is_one && !name.starts_with("META-INF/") && !name.ends_with("module-info.class")
}

fn read_manifest(file: impl Read) -> Result<Vec<u8>, JarError> {
    let mut bytes = Vec::new();
    file.take(MOST_MANIFEST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| JarError::Broken(format!("its manifest cannot be unpacked: {error}")))?;
    if bytes.len() as u64 > MOST_MANIFEST_BYTES {
        return Err(JarError::Broken(format!("its manifest is longer than {MOST_MANIFEST_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The first eight bytes; fewer when there are no more.
fn read_head(file: impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(8);
    file.take(8).read_to_end(&mut head)?;
    Ok(head)
}

/// Read at a time.
const WINDOW: usize = 32 * 1024;

/// A file at a position of its own, with what was read last kept: the directory of an archive is read entry by entry,
/// and each of them begins with a seek.
#[derive(Debug, Clone)]
struct Window {
    file: Arc<File>,
    bytes: u64,
    position: u64,
    held: Vec<u8>,
    held_at: u64,
}

impl Window {
    fn ahead(&mut self) -> io::Result<&[u8]> {
        let inside = |this: &Self| {
            let offset = usize::try_from(this.position.checked_sub(this.held_at)?).ok()?;
            (offset < this.held.len()).then_some(offset)
        };
        if inside(self).is_none() {
            self.held.resize(WINDOW, 0);
            let read = loop {
                match self.file.read_at(&mut self.held, self.position) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            self.held.truncate(*read.as_ref().unwrap_or(&0));
            self.held_at = self.position;
            read?;
        }
        Ok(inside(self).and_then(|offset| self.held.get(offset..)).unwrap_or_default())
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ahead = self.ahead()?;
        let count = ahead.read(buffer)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
