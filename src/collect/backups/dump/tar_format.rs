//! `pg_dump --format=tar`: the table of contents first, then a file for the data of each table.

use std::io::{self, BufRead, BufReader, ErrorKind};

use super::archive;
use super::{DumpDefect, DumpFacts};
use crate::collect::blocking::Stop;

/// Files no dump has.
const MOST_FILES: usize = 1_000_000;

/// Reads the archive to its end.
pub(super) fn inspect(reader: &mut dyn BufRead, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    let mut archive = tar::Archive::new(reader);
    let mut contents = None;
    let mut bytes: u64 = 0;
    for (index, entry) in archive.entries().map_err(broken)?.enumerate() {
        if stop.is_wanted() {
            return Err(DumpDefect::Stopped);
        }
        if index > MOST_FILES {
            return Err(DumpDefect::Damaged(format!("it holds more than {MOST_FILES} files")));
        }
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let announced = entry.header().size().map_err(broken)?;
        if contents.is_none() {
            contents = Some(archive::read_toc(&mut BufReader::new(&mut entry), stop)?);
        }
        let rest = io::copy(&mut entry, &mut io::sink()).map_err(broken)?;
        if index > 0 && rest != announced {
            return Err(DumpDefect::CutOff(format!("in the middle of {name}")));
        }
        bytes += announced;
        if let Some(contents) = &mut contents {
            contents.files.remove(&name);
            if name.starts_with("blobs") && name.strip_suffix(".toc").is_some() {
                let lists = std::mem::take(&mut contents.large_objects);
                contents.files.retain(|file| !lists.contains(file));
            }
        }
    }
    let mut contents = contents.ok_or(DumpDefect::NotADump)?;
    if let Some(missing) = contents.files.first() {
        return Err(DumpDefect::CutOff(format!("without the file {missing}, which toc.dat names")));
    }
    contents.facts.unpacked_bytes = bytes;
    contents.something()
}

fn broken(error: io::Error) -> DumpDefect {
    match error.kind() {
        ErrorKind::UnexpectedEof => DumpDefect::CutOff("in the middle of a file".to_owned()),
        // The reader of tar says so of a head that is none, and of one that is cut.
        ErrorKind::Other | ErrorKind::InvalidData => {
            DumpDefect::Damaged(format!("not a tar archive: {error}"))
        }
        _ => DumpDefect::Read(error),
    }
}
