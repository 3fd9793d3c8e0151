//! Reading a tar archive to its end mark, without unpacking anything.
//!
//! Only headers are looked at, and only their sizes: no name and no extension of a hostile archive is kept.

use std::io::{self, BufRead, Read};

use tar::{EntryType, GnuExtSparseHeader, Header};
use upgrade_readiness_checks::facts::Contents;

use super::stream::{Reading, drain};

const BLOCK: usize = 512;

/// A PAX header holds names and times; more than this is no header.
const MOST_PAX: u64 = 1 << 20;

/// Why an archive is damaged.
#[derive(Debug, thiserror::Error)]
pub(super) enum TarDefect {
    #[error("its end mark is missing after {entries} entries: it was cut off")]
    CutOff { entries: u64 },
    #[error("the header after {entries} entries is damaged")]
    Header { entries: u64 },
    #[error("it breaks off after {entries} entries: {cause}")]
    Read { entries: u64, cause: io::Error },
}

/// Walks through an archive; `reader` counts what it holds.
pub(super) fn inspect(reader: &mut dyn BufRead, reading: &Reading) -> Result<Contents, TarDefect> {
    let mut entries = 0_u64;
    walk(reader, &mut entries).map_err(|stopped| match stopped {
        Stopped::CutOff => TarDefect::CutOff { entries },
        Stopped::Header => TarDefect::Header { entries },
        Stopped::Read(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => TarDefect::CutOff { entries },
        Stopped::Read(cause) => TarDefect::Read { entries, cause },
    })?;
    Ok(Contents { entries, unpacked_bytes: reading.unpacked(), ..Contents::default() })
}

enum Stopped {
    CutOff,
    Header,
    Read(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

fn walk(reader: &mut dyn BufRead, entries: &mut u64) -> Result<(), Stopped> {
    // A size in a PAX header is that of the entry after it.
    let mut stated = None;
    loop {
        let mut block = [0; BLOCK];
        match read_block(reader, &mut block)? {
            0 => return Err(Stopped::CutOff),
            BLOCK => {}
            _ => return Err(Stopped::CutOff),
        }
        if block.iter().all(|byte| *byte == 0) {
            // The checksum of what the archive is packed in stands behind the padding.
            return Ok(drain(reader)?);
        }
        let header = Header::from_byte_slice(&block);
        if !has_its_checksum(header) {
            return Err(Stopped::Header);
        }
        let own = header.entry_size().map_err(|_malformed| Stopped::Header)?;
        match header.entry_type() {
            EntryType::XHeader => {
                if own > MOST_PAX {
                    return Err(Stopped::Header);
                }
                let mut text = Vec::new();
                reader.take(own).read_to_end(&mut text)?;
                if (text.len() as u64) < own {
                    return Err(Stopped::CutOff);
                }
                stated = pax_size(&text).or(stated);
                skip(reader, padding(own))?;
            }
            EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                skip(reader, own.saturating_add(padding(own)))?;
            }
            kind => {
                *entries += 1;
                let mut extended =
                    kind.is_gnu_sparse() && header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
                while extended {
                    let mut more = GnuExtSparseHeader::new();
                    reader.read_exact(more.as_mut_bytes())?;
                    extended = more.is_extended();
                }
                // Links and directories have no data, whatever they say.
                let has_data = !(kind.is_hard_link() || kind.is_symlink() || kind.is_dir());
                let size = if has_data { stated.take().unwrap_or(own) } else { 0 };
                stated = None;
                skip(reader, size.saturating_add(padding(size)))?;
            }
        }
    }
}

fn read_block(reader: &mut dyn BufRead, block: &mut [u8; BLOCK]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn has_its_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let field = 148..156;
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(at, byte)| if field.contains(&at) { u32::from(b' ') } else { u32::from(*byte) })
        .sum();
    header.cksum().is_ok_and(|stated| stated == sum)
}

fn padding(size: u64) -> u64 {
    (512 - size % 512) % 512
}

fn skip(reader: &mut dyn BufRead, bytes: u64) -> Result<(), Stopped> {
    let mut left = bytes;
    while left > 0 {
        let there = reader.fill_buf()?.len();
        if there == 0 {
            return Err(Stopped::CutOff);
        }
        let step = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        reader.consume(step);
        left -= step as u64;
    }
    Ok(())
}

/// The size a PAX header states: lines of `LENGTH size=NUMBER`.
fn pax_size(text: &[u8]) -> Option<u64> {
    let mut sizes = text.split(|byte| *byte == b'\n').filter_map(|line| {
        let (_, record) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        record.strip_prefix("size=")?.parse().ok()
    });
    sizes.next_back()
}
