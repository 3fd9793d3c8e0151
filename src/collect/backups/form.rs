//! What a file is, by its first bytes. Names are not believed: a tar.gz that is called zip is a tar.gz.

use std::io::Read;

use flate2::read::GzDecoder;

use super::dump;
use super::marker;

/// Bytes of a file that tell what it is.
pub(super) const HEAD: usize = 8192;

/// How a stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Xz => "xz",
            Self::Bzip2 => "bz2",
        }
    }
}

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Tar,
    Dump(dump::DumpForm),
    /// Something else, or what cannot be seen before it is unpacked.
    Other,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Empty,
    Zip,
    /// A part of an archive that was cut into several files.
    ZipPart,
    Plain(Stream),
    Packed(Packing, Stream),
    Encrypted,
    Marker,
}

impl Form {
    /// Its name in the facts.
    pub(super) fn id(self) -> String {
        match self {
            Self::Empty => "empty".to_owned(),
            Self::Zip => "zip".to_owned(),
            Self::ZipPart => "zip-part".to_owned(),
            Self::Plain(stream) => stream.id().to_owned(),
            Self::Packed(packing, Stream::Other) => packing.id().to_owned(),
            Self::Packed(packing, stream) => format!("{}.{}", stream.id(), packing.id()),
            Self::Encrypted => "encrypted".to_owned(),
            Self::Marker => "marker".to_owned(),
        }
    }
}

impl Stream {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Dump(form) => form.name(),
            Self::Other => "unknown",
        }
    }
}

/// Tells what a file is by its first bytes.
pub(super) fn recognise(head: &[u8]) -> Form {
    if head.is_empty() {
        Form::Empty
    } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Form::Zip
    } else if head.starts_with(b"PK\x07\x08") || head.starts_with(b"PK00PK\x03\x04") {
        Form::ZipPart
    } else if let Some(packing) = packing(head) {
        let stream = match packing {
            Packing::Gzip => recognise_stream(&unpacked_head(head)),
            Packing::Zstd | Packing::Xz | Packing::Bzip2 => Stream::Other,
        };
        Form::Packed(packing, stream)
    } else if is_encrypted(head) {
        Form::Encrypted
    } else if marker::is_marker(head) {
        Form::Marker
    } else {
        Form::Plain(recognise_stream(head))
    }
}

fn packing(head: &[u8]) -> Option<Packing> {
    let magics: [(&[u8], Packing); 4] = [
        (b"\x1f\x8b\x08", Packing::Gzip),
        (b"\x28\xb5\x2f\xfd", Packing::Zstd),
        (b"\xfd7zXZ\0", Packing::Xz),
        (b"BZh", Packing::Bzip2),
    ];
    magics.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, packing)| packing)
}

/// Tells what a stream is by its first bytes.
pub(super) fn recognise_stream(head: &[u8]) -> Stream {
    // A dump may be a tar itself, which its first entry tells.
    if let Some(form) = dump::recognise(head) {
        return Stream::Dump(form);
    }
    // `ustar` stands in every form of tar that was written in the last thirty years.
    if head.get(257..262) == Some(b"ustar") { Stream::Tar } else { Stream::Other }
}

/// The beginning of what is packed, as far as the head reaches.
fn unpacked_head(head: &[u8]) -> Vec<u8> {
    let mut unpacked = vec![0; HEAD];
    let mut decoder = GzDecoder::new(head);
    let mut filled = 0;
    while let Some(rest) = unpacked.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match decoder.read(rest) {
            Ok(0) | Err(_) => break,
            Ok(count) => filled += count,
        }
    }
    unpacked.truncate(filled);
    unpacked
}

/// age, OpenSSL's `enc`, armoured PGP, and a PGP message whose first packet holds a session key.
fn is_encrypted(head: &[u8]) -> bool {
    let texts: [&[u8]; 4] =
        [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED", b"Salted__", b"-----BEGIN PGP MESSAGE"];
    let pgp = match head {
        // An old packet of tag 1 or 3 and its length, followed by the version of the packet.
        [0x84 | 0x8c, _, 3 | 4, ..] | [0x85, _, _, 3, ..] => true,
        [0xc1 | 0xc3, length, version, ..] => *length < 192 && matches!(version, 3..=6),
        _ => false,
    };
    pgp || texts.iter().any(|text| head.starts_with(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&tar).unwrap();
        let packed = packed.finish().unwrap();
        let rows: [(&[u8], &str); 14] = [
            (b"", "empty"),
            (b"PK\x03\x04....", "zip"),
            (b"PK\x05\x06....", "zip"),
            (b"PK\x07\x08PK\x03\x04", "zip-part"),
            (&tar, "tar"),
            (&packed, "tar.gz"),
            (&packed[..12], "gz"),
            (b"\x28\xb5\x2f\xfd....", "zst"),
            (b"BZh91AY&SY", "bz2"),
            (b"age-encryption.org/v1\n", "encrypted"),
            (b"Salted__12345678", "encrypted"),
            (b"\x85\x02\x0c\x03", "encrypted"),
            (b"# ours\n\nbackup_marker = 1\n", "marker"),
            (b"<!DOCTYPE html>", "unknown"),
        ];
        for (head, form) in rows {
            assert_eq!(recognise(head).id(), form, "{head:?}");
        }
    }
}
