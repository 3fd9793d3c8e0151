//! A text in pieces: what is said of hundreds of instances never has to stand in one buffer.
//!
//! A piece that is seldom read is kept packed, and unpacked while it is written or sent.

use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use futures_util::stream;

/// Small pieces are sent together until they are so many bytes.
const SENT_TOGETHER: usize = 64 * 1024;

/// So much is packed at a time: each call of the encoder, however little it is given, clears room for what may come out.
const PACKED_TOGETHER: usize = 32 * 1024;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Plain(Bytes),
    /// Deflated.
    Packed {
        /// What it became.
        deflated: Bytes,
        /// Its length as it is.
        length: usize,
    },
}

impl Piece {
    /// Packs what is written.
    pub fn pack(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Self> {
        // The fastest of all: what is said of an instance repeats itself so much that it becomes a tenth even so.
        let encoder = Counting { into: DeflateEncoder::new(Vec::new(), Compression::fast()), length: 0 };
        let mut together = BufWriter::with_capacity(PACKED_TOGETHER, encoder);
        write(&mut together)?;
        let Counting { into, length } = together.into_inner()?;
        let mut deflated = into.finish()?;
        deflated.shrink_to_fit();
        Ok(Self::Packed { deflated: deflated.into(), length })
    }

    /// Its length as it is sent.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Packed { length, .. } => *length,
        }
    }

    fn unpacked(&self) -> io::Result<Bytes> {
        match self {
            Self::Plain(bytes) => Ok(bytes.clone()),
            Self::Packed { deflated, length } => {
                let mut bytes = Vec::with_capacity(*length);
                DeflateDecoder::new(&**deflated).read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

/// Counts what passes through.
struct Counting<W> {
    into: W,
    length: usize,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.length += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// A text in pieces; cloning it copies nothing.
#[derive(Debug, Clone, Default)]
pub struct Pieces(Arc<[Piece]>);

impl From<Vec<Piece>> for Pieces {
    fn from(pieces: Vec<Piece>) -> Self {
        Self(pieces.into())
    }
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Self {
        Self(Arc::new([Piece::Plain(bytes)]))
    }
}

impl Pieces {
    /// Its length.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.iter().map(Piece::length).sum()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|piece| piece.length() == 0)
    }

    /// Writes it, piece after piece.
    pub fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        self.0.iter().try_for_each(|piece| writer.write_all(&piece.unpacked()?))
    }

    /// Sends it, piece after piece.
    pub fn into_body(self) -> Body {
        match &*self.0 {
            [Piece::Plain(bytes)] => Body::from(bytes.clone()),
            _ => Body::from_stream(stream::iter(Sending { pieces: self.0, next: 0 })),
        }
    }

    /// The same in one piece when it is small: that is sent fastest.
    #[must_use]
    pub fn joined(self) -> Self {
        const SMALL: usize = 1024 * 1024;
        if self.length() > SMALL { self } else { Bytes::from(self.to_text()).into() }
    }

    /// All of it.
    ///
    /// # Panics
    ///
    /// Never: texts are UTF-8, and what was packed can be unpacked.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(self.length());
        self.write_to(&mut bytes).expect("what was packed can be unpacked");
        String::from_utf8(bytes).expect("texts are UTF-8")
    }
}

/// What is still to be sent.
struct Sending {
    pieces: Arc<[Piece]>,
    next: usize,
}

impl Iterator for Sending {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.pieces.get(self.next)?;
        self.next += 1;
        if first.length() >= SENT_TOGETHER {
            return Some(first.unpacked());
        }
        let mut together = Vec::with_capacity(SENT_TOGETHER);
        let mut piece = first;
        loop {
            match piece.unpacked() {
                Ok(bytes) => together.extend_from_slice(&bytes),
                Err(error) => return Some(Err(error)),
            }
            match self.pieces.get(self.next) {
                Some(more) if together.len() + more.length() <= SENT_TOGETHER => piece = more,
                Some(_) | None => return Some(Ok(together.into())),
            }
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use proptest::prelude::*;

    use super::*;

    fn packed(text: &str) -> Piece {
        Piece::pack(|writer| writer.write_all(text.as_bytes())).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_packed_written_and_sent_is_what_was_said(
            texts in prop::collection::vec(("[a-zé]{0,40}", 0_usize..3000, any::<bool>()), 0..12)
        ) {
            let said: Vec<(String, bool)> =
                texts.into_iter().map(|(text, times, pack)| (text.repeat(times), pack)).collect();
            let whole: String = said.iter().map(|(text, _)| text.as_str()).collect();
            let piece = |(text, pack): &(String, bool)| match pack {
                true => packed(text),
                false => Piece::Plain(Bytes::from(text.clone())),
            };
            let pieces = Pieces::from(said.iter().map(piece).collect::<Vec<_>>());
            prop_assert_eq!(pieces.length(), whole.len());
            prop_assert_eq!(pieces.is_empty(), whole.is_empty());
            prop_assert_eq!(&pieces.to_text(), &whole);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let sent = runtime.block_on(to_bytes(pieces.into_body(), usize::MAX)).unwrap();
            prop_assert!(sent == whole.as_bytes());
        }
    }

    #[test]
    fn what_repeats_itself_becomes_small() {
        let text = "the same again; ".repeat(10_000);
        let Piece::Packed { deflated, length } = packed(&text) else { panic!("it is packed") };
        assert!(length == text.len() && deflated.len() * 50 < length, "{}", deflated.len());
    }
}
