//! Hashes of files' contents.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use md5::Digest as _;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Bytes read at a time.
const CHUNK: usize = 128 * 1024;

/// The hash a file is expected to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// As vendors write it into their lists.
    Md5([u8; 16]),
    /// As this program takes it for itself.
    Blake3([u8; 32]),
}

impl Digest {
    /// Reads a hash from its hexadecimal digits; their number tells which it is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            32 => parse_hex(text).map(Self::Md5),
            64 => parse_hex(text).map(Self::Blake3),
            _ => None,
        }
    }

    /// Which hashes must be taken to compare with this one.
    pub(super) fn wanted(&self) -> Wanted {
        match self {
            Self::Md5(_) => Wanted { md5: true, blake3: false },
            Self::Blake3(_) => Wanted { md5: false, blake3: true },
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: &[u8] = match self {
            Self::Md5(bytes) => bytes,
            Self::Blake3(bytes) => bytes,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut digits = text.chars().map(|c| c.to_digit(16));
    for byte in &mut bytes {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// Which hashes are needed of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) md5: bool,
    pub(super) blake3: bool,
}

impl Wanted {
    pub(super) fn and(self, other: Self) -> Self {
        Self { md5: self.md5 || other.md5, blake3: self.blake3 || other.blake3 }
    }

    pub(super) fn anything(self) -> bool {
        self.md5 || self.blake3
    }
}

/// The hashes that were taken of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Digests {
    md5: Option<[u8; 16]>,
    blake3: Option<[u8; 32]>,
}

impl Digests {
    /// Whether this is the file with that hash.
    pub(super) fn fits(&self, expected: &Digest) -> bool {
        match expected {
            Digest::Md5(expected) => self.md5.as_ref() == Some(expected),
            Digest::Blake3(expected) => self.blake3.as_ref() == Some(expected),
        }
    }

    pub(super) fn blake3(&self) -> Option<Digest> {
        self.blake3.map(Digest::Blake3)
    }

    /// Everything that is wanted is there.
    pub(super) fn answers(&self, wanted: Wanted) -> bool {
        (self.md5.is_some() || !wanted.md5) && (self.blake3.is_some() || !wanted.blake3)
    }
}

/// One text, for the notebook: hashes one after another, told apart by their length.
impl From<Digests> for String {
    fn from(digests: Digests) -> Self {
        let all = [digests.md5.map(Digest::Md5), digests.blake3.map(Digest::Blake3)];
        all.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

impl TryFrom<String> for Digests {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut digests = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match Digest::parse(word).ok_or("not a hash")? {
                Digest::Md5(bytes) => digests.md5 = Some(bytes),
                Digest::Blake3(bytes) => digests.blake3 = Some(bytes),
            }
        }
        Ok(digests)
    }
}

/// Takes the hashes of what is read, to its end or to `most` bytes; tells how many bytes there were.
pub(super) fn hash(
    mut reader: impl Read,
    wanted: Wanted,
    most: u64,
    stop: &Stop,
) -> io::Result<(u64, Digests)> {
    let mut md5 = wanted.md5.then(md5::Md5::new);
    let mut blake3 = wanted.blake3.then(blake3::Hasher::new);
    let mut chunk = vec![0; CHUNK];
    let mut bytes: u64 = 0;
    loop {
        let read = match reader.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else { break };
        bytes = bytes.saturating_add(read as u64);
        if bytes > most {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it holds more than {most} bytes"),
            ));
        }
        if stop.is_wanted() {
            return Err(io::Error::other("nobody waited for the result any more"));
        }
        if let Some(md5) = &mut md5 {
            md5.update(part);
        }
        if let Some(blake3) = &mut blake3 {
            blake3.update(part);
        }
    }
    let digests = Digests {
        md5: md5.map(|md5| md5.finalize().into()),
        blake3: blake3.map(|blake3| *blake3.finalize().as_bytes()),
    };
    Ok((bytes, digests))
}

/// Opens a regular file for reading; what has become a link, a pipe or a device meanwhile is refused, and
/// nothing is waited for.
pub(super) fn open_file(path: &Path) -> io::Result<(File, Stamp)> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let file = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file any more"));
    }
    Ok((file, Stamp::of(&metadata)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Wanted = Wanted { md5: true, blake3: true };

    #[test]
    fn the_hashes_are_those_of_other_tools() {
        let stop = Stop::default();
        let (bytes, digests) = hash(&b""[..], BOTH, 10, &stop).unwrap();
        assert_eq!(bytes, 0);
        assert!(digests.fits(&Digest::parse("d41d8cd98f00b204e9800998ecf8427e").unwrap()), "md5sum");
        let b3sum = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert!(digests.fits(&Digest::parse(b3sum).unwrap()), "b3sum");
        let (bytes, digests) = hash(&b"hello\n"[..], Wanted { md5: true, blake3: false }, 10, &stop).unwrap();
        assert_eq!(bytes, 6);
        assert!(digests.fits(&Digest::parse("b1946ac92492d2347c6235b4d2611184").unwrap()));
        assert!(!digests.fits(&Digest::parse(b3sum).unwrap()), "what was not taken fits nothing");
        assert!(digests.answers(Wanted { md5: true, blake3: false }) && !digests.answers(BOTH));
    }

    #[test]
    fn what_does_not_end_is_not_read_to_its_end() {
        let error = hash(io::repeat(1), BOTH, 1_000_000, &Stop::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn hashes_survive_being_written_down() {
        let (_, digests) = hash(&b"x"[..], BOTH, 10, &Stop::default()).unwrap();
        let text = String::from(digests);
        assert_eq!(Digests::try_from(text).unwrap(), digests);
        assert_eq!(Digests::try_from(String::new()).unwrap(), Digests::default());
        for text in ["x", "d41d8cd98f00b204e9800998ecf8427", "zz1d8cd98f00b204e9800998ecf8427e"] {
            assert!(Digests::try_from(text.to_owned()).is_err(), "{text}");
            assert_eq!(Digest::parse(text), None, "{text}");
        }
        assert_eq!(Digest::parse("ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"), None, "thirty-two bytes that are no digits");
    }

    #[test]
    fn only_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        assert!(open_file(&pipe).is_err(), "and it was not waited for a writer");
        assert!(open_file(directory.path()).is_err());
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
        assert!(open_file(&directory.path().join("link")).is_err());
    }
}
