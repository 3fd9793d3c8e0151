//! Reading every entry of a zip archive and comparing its checksum, with several threads on one file.
//!
//! The directory of the archive is read entry by entry and never held: memory stays flat whatever its size, and
//! entries of the same name are all read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use upgrade_readiness_checks::facts::Contents;
// Not yet stable in the library, and the only reader that does not hold the whole directory.
use zip::CompressionMethod;
use zip::read::{Config, ZipReadOptions};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::stream::{PositionedFile, Reading};

/// More would take the disk and the processors away from the service.
const WORKERS: usize = 2;

/// Unpacked at a time.
const STEP: usize = 128 * 1024;

/// Why an archive is not known to be whole.
#[derive(Debug)]
pub(super) enum ZipDefect {
    Damaged(String),
    /// It may be whole.
    Unread(String),
}

/// Reads an archive to its end.
pub(super) fn inspect(file: File, reading: &Reading) -> Result<Contents, ZipDefect> {
    let file = Arc::new(file);
    match is_split(&file) {
        Ok(true) => return Err(ZipDefect::Unread(SPLIT.to_owned())),
        Ok(false) => {}
        Err(error) => return Err(ZipDefect::Unread(format!("reading its end: {error}"))),
    }
    let reader = || PositionedFile::new(Arc::clone(&file), reading.clone());
    let mut archive =
        ZipIterable::try_new(reader(), Config::default()).map_err(|error| not_opened(&error))?;
    let files = archive.files().map_err(|error| not_opened(&error))?;
    let files = Mutex::new(files);
    let (entries, encrypted) = (AtomicU64::new(0), AtomicU64::new(0));
    let first_defect = Mutex::new(None);
    let has_defect = || first_defect.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut body = reader();
                let mut buffer = vec![0; STEP];
                while !reading.has_fault() && !has_defect() {
                    let next = files.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let outcome = match next {
                        None => break,
                        Some(Err(error)) => {
                            Err(ZipDefect::Damaged(format!("the list of its files is damaged: {error}")))
                        }
                        Some(Ok(entry)) if entry.encrypted() => {
                            encrypted.fetch_add(1, Ordering::Relaxed);
                            Ok(())
                        }
                        Some(Ok(entry)) if !is_readable(entry.compression()) => {
                            Err(ZipDefect::Unread(format!(
                                "{} in it is packed with a method this agent does not read: {}",
                                String::from_utf8_lossy(entry.name_raw()),
                                entry.compression()
                            )))
                        }
                        Some(Ok(entry)) => {
                            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
                            let opened = entry.with_reader(&mut body, ZipReadOptions::new());
                            opened
                                .map_err(|error| not_opened(&error))
                                .and_then(|mut file| {
                                    read_through(&mut file, &mut buffer, reading)
                                        .map_err(|error| ZipDefect::Damaged(error.to_string()))
                                })
                                .map_err(|defect| in_entry(&name, defect))
                        }
                    };
                    entries.fetch_add(1, Ordering::Relaxed);
                    if let Err(defect) = outcome {
                        first_defect.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(defect);
                    }
                }
            });
        }
    });
    if let Some(defect) = first_defect.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(defect);
    }
    let (entries, encrypted) = (entries.into_inner(), encrypted.into_inner());
    if encrypted > 0 {
        return Err(ZipDefect::Unread(format!(
            "{encrypted} of its {entries} files are encrypted: let the job that writes it write a marker file too, \
             after it has tested the archive"
        )));
    }
    Ok(Contents { entries, unpacked_bytes: reading.unpacked(), ..Contents::default() })
}

pub(super) const SPLIT: &str = "it is one part of an archive that was split into several: let the job that writes it \
                                write a marker file too, after it has tested the parts together";

fn is_readable(method: CompressionMethod) -> bool {
    matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated | CompressionMethod::Deflate64)
}

fn read_through(file: &mut impl Read, buffer: &mut [u8], reading: &Reading) -> io::Result<()> {
    loop {
        match file.read(buffer)? {
            0 => return Ok(()),
            count => reading.count(count)?,
        }
    }
}

fn in_entry(name: &str, defect: ZipDefect) -> ZipDefect {
    match defect {
        ZipDefect::Damaged(why) => ZipDefect::Damaged(format!("{name} in it cannot be read: {why}")),
        ZipDefect::Unread(why) => ZipDefect::Unread(format!("{name} in it could not be read: {why}")),
    }
}

fn not_opened(error: &ZipError) -> ZipDefect {
    match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            ZipDefect::Unread(error.to_string())
        }
        // What opens is found at the end of the file: where there is none, the end is missing.
        _ => ZipDefect::Damaged(format!("{error}; was it cut off?")),
    }
}

/// Whether its last record says that it is one part of several.
fn is_split(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(66_000);
    let mut tail = vec![0; usize::try_from(length - from).unwrap_or_default()];
    file.read_exact_at(&mut tail, from)?;
    let number = |at: usize| Some(u16::from_le_bytes(*tail.get(at..)?.first_chunk::<2>()?));
    let last = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
    Ok(last.and_then(|at| number(at + 4)).is_some_and(|disk| disk != 0 && disk != u16::MAX))
}
