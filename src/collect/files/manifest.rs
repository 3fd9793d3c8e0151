//! What a tree should hold: read from a vendor's list or an untouched copy, or taken by this program.
//!
//! One that was taken is kept in a text file: a header, one line a file, and a hash of all that as the last
//! line, so that a damaged one is never compared with.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::digest::Digest;
use super::name::Name;

/// Files a tree may have: the largest installations have 30,000.
pub(super) const MOST_FILES: usize = 500_000;

/// Longest line of the text form.
const LONGEST_LINE: u64 = 64 * 1024;

/// What is expected at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// A file with this content; its size when that is known.
    File { bytes: Option<u64>, digest: Digest },
    /// A file too large to be hashed, with this size.
    Large(u64),
    /// A symbolic link with this text.
    Link(Vec<u8>),
}

/// What a tree should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) entries: BTreeMap<Name, Expected>,
    /// Entries of the origin that can be no file of a tree.
    pub(super) strange: u64,
}

impl Manifest {
    /// Whether anything is expected in a directory.
    pub(super) fn has(&self, directory: &[u8]) -> bool {
        self.entries.keys().any(|name| super::name::is_below(name, directory))
    }
}

/// Why a manifest that was kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeptError {
    #[error("reading")]
    Read(#[source] io::Error),
    #[error("it is damaged")]
    Damaged,
}

/// Writes a manifest beside and renames it, for nobody but its owner to read.
pub(super) fn write_manifest<H: Serialize>(file: &Path, header: &H, manifest: &Manifest) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = file.with_extension("new");
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let mut writer = Hashing { inner: BufWriter::new(opened), hasher: blake3::Hasher::new() };
    serde_json::to_writer(&mut writer, header)?;
    writeln!(writer, "\nstrange {}", manifest.strange)?;
    for (name, expected) in &manifest.entries {
        let name = name.escape_ascii();
        let (first, second) = match expected {
            Expected::File { bytes: Some(bytes), digest } => (bytes.to_string(), digest.to_string()),
            Expected::File { bytes: None, digest } => ("-".to_owned(), digest.to_string()),
            Expected::Large(bytes) => (bytes.to_string(), "large".to_owned()),
            // In the escaped form no byte is a blank that could be taken for the one between the two.
            Expected::Link(target) => {
                ("link".to_owned(), target.escape_ascii().to_string().replace(' ', "\\x20"))
            }
        };
        writeln!(writer, "{first} {second} {name}")?;
    }
    let Hashing { mut inner, hasher } = writer;
    writeln!(inner, "{}", hasher.finalize())?;
    inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(beside, file)
}

/// Reads a manifest that was kept; `None` when there is none.
pub(super) fn read_manifest<H: DeserializeOwned>(file: &Path) -> Result<Option<(H, Manifest)>, KeptError> {
    let opened = match fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(KeptError::Read(error)),
    };
    let mut reader = BufReader::new(opened);
    let mut hasher = blake3::Hasher::new();
    let mut line = Vec::new();
    let mut next = |hasher: &mut blake3::Hasher| -> Result<String, KeptError> {
        line.clear();
        reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(KeptError::Read)?;
        let Some(text) = line.strip_suffix(b"\n").and_then(|text| std::str::from_utf8(text).ok()) else {
            return Err(KeptError::Damaged);
        };
        let text = text.to_owned();
        // The last line is the hash of all the others.
        if Digest::parse(&text).is_none() {
            hasher.update(&line);
        }
        Ok(text)
    };
    let damaged = |_| KeptError::Damaged;
    let header = serde_json::from_str(&next(&mut hasher)?).map_err(damaged)?;
    let strange = next(&mut hasher)?;
    let strange = strange.strip_prefix("strange ").and_then(|count| count.parse().ok());
    let mut manifest = Manifest { entries: BTreeMap::new(), strange: strange.ok_or(KeptError::Damaged)? };
    loop {
        let line = next(&mut hasher)?;
        if let Some(digest) = Digest::parse(&line) {
            let whole = digest == Digest::Blake3(*hasher.finalize().as_bytes());
            return if whole { Ok(Some((header, manifest))) } else { Err(KeptError::Damaged) };
        }
        let (name, expected) = parse_line(&line).ok_or(KeptError::Damaged)?;
        manifest.entries.insert(name, expected);
        if manifest.entries.len() > MOST_FILES {
            return Err(KeptError::Damaged);
        }
    }
}

fn parse_line(line: &str) -> Option<(Name, Expected)> {
    let (first, rest) = line.split_once(' ')?;
    let (second, name) = rest.split_once(' ')?;
    let expected = match (first, second) {
        ("link", target) => Expected::Link(unescape(target)?),
        (bytes, "large") => Expected::Large(bytes.parse().ok()?),
        ("-", digest) => Expected::File { bytes: None, digest: Digest::parse(digest)? },
        (bytes, digest) => {
            Expected::File { bytes: Some(bytes.parse().ok()?), digest: Digest::parse(digest)? }
        }
    };
    Some((unescape(name)?, expected))
}

/// The other way round than `escape_ascii`.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                b'x' => {
                    let mut digit = || char::from(rest.next()?).to_digit(16);
                    u8::try_from(digit()? * 16 + digit()?).ok()?
                }
                other => other,
            },
            other => other,
        });
    }
    Some(bytes)
}

/// Hashes what is written.
struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Manifest {
        let digest = Digest::Blake3([7; 32]);
        let entries = [
            (b"a b/c\\d\n\xff".to_vec(), Expected::File { bytes: Some(3), digest }),
            (b"e".to_vec(), Expected::File { bytes: None, digest: Digest::Md5([9; 16]) }),
            (b"heap.hprof".to_vec(), Expected::Large(1 << 40)),
            (b"l".to_vec(), Expected::Link(b"../x y\xe9\"'".to_vec())),
        ];
        Manifest { entries: entries.into(), strange: 2 }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cache/kept");
        assert!(read_manifest::<u8>(&file).unwrap().is_none());
        write_manifest(&file, &5_u8, &example()).unwrap();
        assert_eq!(read_manifest::<u8>(&file).unwrap(), Some((5, example())));
    }

    #[test]
    fn a_damaged_one_is_never_taken_for_good() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("kept");
        write_manifest(&file, &5_u8, &example()).unwrap();
        let whole = fs::read(&file).unwrap();
        for end in 0..whole.len() {
            fs::write(&file, &whole[..end]).unwrap();
            assert!(matches!(read_manifest::<u8>(&file), Err(KeptError::Damaged)), "cut off at {end}");
        }
        for at in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            fs::write(&file, &spoilt).unwrap();
            assert!(read_manifest::<u8>(&file).is_err(), "spoilt at {at}");
        }
        assert!(matches!(read_manifest::<u8>(directory.path()), Err(KeptError::Read(_))));
    }
}
