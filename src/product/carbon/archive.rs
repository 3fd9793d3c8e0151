//! Untouched releases in the archives they came in: `.zip`, `.tar.gz`, `.tar`. They are never unpacked to the disk.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use rustix::fs::OFlags;

use crate::collect::blocking::Stop;

/// Files and directories of an archive that are looked at.
const MOST_ENTRIES: usize = 500_000;

/// Bytes an archive may hold, unpacked.
const MOST_UNPACKED: u64 = 32 * 1024 * 1024 * 1024;

/// Reads the files of an archive that are wanted, by their names below the directory everything stands in.
pub(super) fn read_archive(
    path: &Path,
    is_wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(String, &mut dyn Read) -> io::Result<()>,
    stop: &Stop,
) -> io::Result<()> {
    let mut file = open_file(path)?;
    let mut magic = Vec::new();
    file.by_ref().take(512).read_to_end(&mut magic)?;
    file.rewind()?;
    let reader = BufReader::with_capacity(256 * 1024, &file);
    if magic.starts_with(b"PK\x03\x04") {
        zip(reader, is_wanted, take, stop)
    } else if magic.starts_with(b"\x1f\x8b") {
        tar(MultiGzDecoder::new(reader), is_wanted, take, stop)
    } else if magic.get(257..262) == Some(b"ustar") {
        tar(reader, is_wanted, take, stop)
    } else {
        Err(io::Error::other("it is neither a directory nor a zip or tar archive"))
    }
}

fn zip(
    reader: impl Read + Seek,
    is_wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(String, &mut dyn Read) -> io::Result<()>,
    stop: &Stop,
) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(reader)?;
    if archive.len() > MOST_ENTRIES {
        return Err(io::Error::other(format!("it holds more than {MOST_ENTRIES} files")));
    }
    for index in 0..archive.len() {
        asked_to_stop(stop)?;
        let Some(name) =
            archive.name_for_index(index).and_then(|name| inner_name(name.ok()?.as_bytes(), is_wanted))
        else {
            continue;
        };
        let mut entry = archive.by_index(index)?;
        if entry.is_file() {
            take(name, &mut entry)?;
        }
    }
    Ok(())
}

fn tar(
    reader: impl Read,
    is_wanted: &dyn Fn(&str) -> bool,
    take: &mut dyn FnMut(String, &mut dyn Read) -> io::Result<()>,
    stop: &Stop,
) -> io::Result<()> {
    let mut archive = tar::Archive::new(reader.take(MOST_UNPACKED));
    for (index, entry) in archive.entries()?.enumerate() {
        asked_to_stop(stop)?;
        if index > MOST_ENTRIES {
            return Err(io::Error::other(format!("it holds more than {MOST_ENTRIES} files")));
        }
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let name = inner_name(&entry.path_bytes(), is_wanted);
        if let Some(name) = name
            && (kind.is_file() || kind.is_contiguous())
        {
            take(name, &mut entry)?;
        }
    }
    Ok(())
}

/// The name of a wanted entry below the directory everything stands in, if there is one.
fn inner_name(bytes: &[u8], is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    if bytes.starts_with(b"/") || bytes.len() > 4096 {
        return None;
    }
    let parts: Vec<&[u8]> =
        bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&b"..".as_slice()) {
        return None;
    }
    let whole = in_one_line(&parts.join(&b'/'));
    let inner = whole.split_once('/').map(|(_, inner)| inner);
    [Some(whole.as_str()), inner].into_iter().flatten().find(|name| is_wanted(name)).map(ToOwned::to_owned)
}

/// A name that breaks no line.
pub(super) fn in_one_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Ends a look nobody waits for.
pub(super) fn asked_to_stop(stop: &Stop) -> io::Result<()> {
    if stop.is_wanted() { Err(io::Error::other("nobody waited for the result any more")) } else { Ok(()) }
}

/// Opens a regular file; a pipe or device that has taken its place is neither waited for nor read.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no regular file")) }
}
