//! Zstandard: one frame after another, each with its checksum compared.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Unpacked at a time.
const STEP: usize = 256 * 1024;

/// The largest window unpacked with: what `zstd -d` allows without being asked.
const MOST_WINDOW: u64 = 128 << 20;

/// Reads frames until the end of the file; parallel packers write several.
pub(super) struct ZstdFrames<R> {
    packed: R,
    decoder: FrameDecoder,
    within: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    pub(super) fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_WINDOW);
        Self { packed, decoder, within: false }
    }

    /// Some packers put notes of their own between the frames.
    fn skip(&mut self, length: u32) -> io::Result<()> {
        let mut frame = (&mut self.packed).take(length.into());
        let skipped = io::copy(&mut frame, &mut io::sink())?;
        if skipped < u64::from(length) { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn compare(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(written), Some(calculated)) if written != calculated => {
                Err(invalid("a checksum of the zstd stream does not match"))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, cause)
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within {
                if self.packed.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                match self.decoder.reset(&mut self.packed) {
                    Ok(()) => self.within = true,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length,
                        ..
                    })) => self.skip(length)?,
                    Err(error @ FrameDecoderError::WindowSizeTooBig { .. }) => {
                        return Err(io::Error::new(io::ErrorKind::OutOfMemory, error.to_string()));
                    }
                    Err(error) => return Err(invalid(error.to_string())),
                }
                continue;
            }
            if self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBytes(STEP))
                    .map_err(|error| invalid(error.to_string()))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if self.decoder.is_finished() && self.decoder.can_collect() == 0 {
                self.compare()?;
                self.within = false;
            }
        }
    }
}
