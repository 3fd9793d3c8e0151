//! Reading a file that is not trusted: what goes wrong on the way is told apart from what is wrong with it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use rustix::fs::OFlags;

use super::form::Packing;
use super::zstd::ZstdFrames;
use crate::collect::blocking::Stop;

/// What a backup may unpack to before it is taken for a bomb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnpackLimits {
    /// So many times its own size.
    pub times: u64,
    /// So many bytes.
    pub bytes: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self { times: 200, bytes: 4 << 40 }
    }
}

/// However well it is packed, this much is no bomb.
const HARMLESS: u64 = 1 << 30;

/// Read at a time.
const CHUNK: usize = 128 * 1024;

/// Memory for unpacking xz: what its strongest setting needs, and as much again.
const MOST_XZ_KIB: u32 = 128 * 1024;

/// What went wrong that says nothing about the backup.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file could not be read.
    Io(io::Error),
    /// Nobody waits any more.
    Stopped,
    /// It unpacks to more than a backup would.
    TooLarge(u64),
}

/// One file that is being read, by one thread or several.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    stop: Stop,
    fault: Arc<Mutex<Option<Fault>>>,
    unpacked: Arc<AtomicU64>,
    most: u64,
}

impl Reading {
    pub(super) fn new(stop: &Stop, file_bytes: u64, limits: UnpackLimits) -> Self {
        let most = file_bytes.saturating_mul(limits.times).max(HARMLESS).min(limits.bytes);
        Self { stop: stop.clone(), fault: Arc::default(), unpacked: Arc::default(), most }
    }

    /// Bytes unpacked so far.
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked.load(Ordering::Relaxed)
    }

    /// What went wrong, once something has.
    pub(super) fn take_fault(&self) -> Option<Fault> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Something went wrong in another thread: there is no need to go on.
    pub(super) fn has_fault(&self) -> bool {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Counts bytes that were unpacked; an error once they are too many.
    pub(super) fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let total = self.unpacked.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if total > self.most {
            return Err(self.broke(Fault::TooLarge(self.most)));
        }
        Ok(())
    }

    fn go_on(&self) -> io::Result<()> {
        if self.stop.is_wanted() { Err(self.broke(Fault::Stopped)) } else { Ok(()) }
    }

    fn broke(&self, fault: Fault) -> io::Error {
        // The first one is the cause of the others.
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
        io::Error::other("the reading was broken off")
    }
}

/// Opens a file without waiting for a writer, should somebody have put a pipe in its place.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// A file at a position of its own: clones read the same file independently.
#[derive(Debug)]
pub(super) struct PositionedFile {
    file: Arc<File>,
    reading: Reading,
    position: u64,
    /// What was read last, and where it begins.
    window: Vec<u8>,
    window_at: u64,
    most_window: usize,
}

impl PositionedFile {
    pub(super) fn new(file: Arc<File>, reading: Reading) -> Self {
        Self { file, reading, position: 0, window: Vec::new(), window_at: 0, most_window: CHUNK }
    }

    fn window(&mut self) -> io::Result<&[u8]> {
        let inside =
            self.position.checked_sub(self.window_at).and_then(|offset| usize::try_from(offset).ok());
        if inside.is_none_or(|offset| offset >= self.window.len()) {
            self.reading.go_on()?;
            self.window.resize(self.most_window, 0);
            let read = loop {
                match self.file.read_at(&mut self.window, self.position) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            match read {
                Ok(count) => self.window.truncate(count),
                Err(error) => {
                    self.window.clear();
                    return Err(self.reading.broke(Fault::Io(error)));
                }
            }
            self.window_at = self.position;
        }
        let offset = usize::try_from(self.position - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(offset..).unwrap_or_default())
    }
}

impl BufRead for PositionedFile {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.window()
    }

    fn consume(&mut self, count: usize) {
        self.position = self.position.saturating_add(count as u64);
    }
}

impl Read for PositionedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut window = self.window()?;
        let count = window.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl Seek for PositionedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(by) => (self.position, by),
            SeekFrom::End(by) => match self.file.metadata() {
                Ok(metadata) => (metadata.len(), by),
                Err(error) => return Err(self.reading.broke(Fault::Io(error))),
            },
        };
        self.position = from
            .checked_add_signed(by)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the file"))?;
        Ok(self.position)
    }
}

/// What a file unpacks to, counted.
pub(super) fn unpacked(
    file: File,
    packing: Option<Packing>,
    reading: &Reading,
) -> BufReader<Counted<Box<dyn Read>>> {
    let packed = PositionedFile::new(Arc::new(file), reading.clone());
    let inner: Box<dyn Read> = match packing {
        None => Box::new(packed),
        Some(Packing::Gzip) => Box::new(MultiGzDecoder::new(packed)),
        Some(Packing::Zstd) => Box::new(ZstdFrames::new(packed)),
        // The caller says why before it comes to this.
        Some(Packing::Bzip2) => Box::new(io::empty()),
        Some(Packing::Xz) => Box::new(XzReader::new_mem_limit(packed, true, MOST_XZ_KIB)),
    };
    BufReader::with_capacity(CHUNK, Counted { inner, reading: reading.clone() })
}

/// Counts what passes.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    reading: Reading,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.reading.count(count)?;
        Ok(count)
    }
}

/// Reads to the end; the bytes are only counted.
pub(super) fn drain(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let count = reader.fill_buf()?.len();
        if count == 0 {
            return Ok(());
        }
        reader.consume(count);
    }
}
