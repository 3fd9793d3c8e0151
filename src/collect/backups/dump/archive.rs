//! Archives of `pg_dump`: a head, a table of contents, and the data.
//!
//! The layout is that of PostgreSQL's `pg_backup_archiver.c` (`ReadHead`, `ReadToc`) and `pg_backup_custom.c`, for the
//! versions 1.12 to 1.16 of the format, which PostgreSQL 9.0 to 18 write.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use super::script::{Dialect, Script};
use super::{DumpDefect, DumpFacts, DumpForm, MOST_TABLES, note};
use crate::collect::blocking::Stop;

/// Longest text that is kept; longer ones are read past.
const KEPT: u64 = 4096;
/// Entries no database has.
const MOST_ENTRIES: u64 = 5_000_000;

const DATA: u8 = 1;
const BLOBS: u8 = 3;
const CUSTOM: u8 = 1;
pub(super) const TAR: u8 = 3;
const DIRECTORY: u8 = 5;

/// Whether the head is that of a table of contents in a directory.
pub(super) fn is_directory(head: &[u8]) -> bool {
    // Its format is said to be that of a tar, so that both can be read alike.
    matches!(head.get(10), Some(&DIRECTORY | &TAR))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    Nothing,
    Deflate,
    /// lz4 and zstd are not unpacked; their lengths are checked.
    Other,
}

/// What the head and the table of contents say.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) facts: DumpFacts,
    format: u8,
    int_size: u8,
    version: (u8, u8),
    compression: Compression,
    /// Numbers of the entries that have data, in a custom archive.
    blocks: BTreeSet<i64>,
    /// Files of the entries that have data, in other archives.
    pub(super) files: BTreeSet<String>,
    /// Those of them that are lists of large objects; in a tar such a list has another name.
    pub(super) large_objects: BTreeSet<String>,
    data: u64,
}

impl Contents {
    /// Nobody makes a backup without tables or rows on purpose.
    pub(super) fn something(self) -> Result<DumpFacts, DumpDefect> {
        match (self.facts.table_count, self.data) {
            (0, _) => Err(DumpDefect::NoTables),
            (tables, 0) => Err(DumpDefect::NoData(tables)),
            _ => Ok(self.facts),
        }
    }
}

/// Reads an archive in the custom form to its end; of a directory's table of contents only that.
pub(super) fn inspect(reader: &mut dyn BufRead, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    let mut input = Input { reader, read: 0, place: "in its head" };
    let mut contents = read_contents(&mut input, stop)?;
    match contents.format {
        CUSTOM => read_blocks(&mut input, &mut contents, stop)?,
        DIRECTORY | TAR => contents.facts.form = DumpForm::PostgresqlDirectory.name(),
        other => return Err(DumpDefect::Damaged(format!("its head names the format {other}"))),
    }
    contents.something()
}

/// Reads a directory of `pg_dump --format=directory`.
pub(super) fn inspect_directory(path: &Path, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    let toc = File::open(path.join("toc.dat")).map_err(DumpDefect::Read)?;
    let mut reader = BufReader::new(toc);
    let mut input = Input { reader: &mut reader, read: 0, place: "in its head" };
    let mut contents = read_contents(&mut input, stop)?;
    contents.facts.form = DumpForm::PostgresqlDirectory.name();
    if !matches!(contents.format, DIRECTORY | TAR) {
        return Err(DumpDefect::Damaged("toc.dat is not the table of contents of a directory".to_owned()));
    }
    let files = std::mem::take(&mut contents.files);
    for name in files {
        if name.contains('/') || name.starts_with('.') {
            return Err(DumpDefect::Damaged("toc.dat names a file outside the directory".to_owned()));
        }
        contents.facts.unpacked_bytes += read_member(path, &name, stop)?;
    }
    contents.something()
}

/// A file of the directory, whatever it is packed with.
fn read_member(directory: &Path, name: &str, stop: &Stop) -> Result<u64, DumpDefect> {
    for packed in ["", ".gz", ".lz4", ".zst"] {
        let path = directory.join(format!("{name}{packed}"));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(DumpDefect::Read(error)),
        };
        let mut file: Box<dyn Read> = if packed == ".gz" || name.strip_suffix(".gz").is_some() {
            Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file)))
        } else {
            Box::new(file)
        };
        let mut buffer = vec![0; 64 * 1024];
        let mut bytes: u64 = 0;
        loop {
            if stop.is_wanted() {
                return Err(DumpDefect::Stopped);
            }
            match file.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(read) => bytes += read as u64,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput) => {
                    return Err(DumpDefect::CutOff(format!("in the middle of {name}{packed}")));
                }
                Err(error) => return Err(DumpDefect::Read(error)),
            }
        }
    }
    Err(DumpDefect::CutOff(format!("without the file {name}, which toc.dat names")))
}

/// Bytes that come one after the other, and where they end too early.
struct Input<'r> {
    reader: &'r mut dyn BufRead,
    read: u64,
    place: &'static str,
}

impl Input<'_> {
    fn cut_off(&self) -> DumpDefect {
        DumpDefect::CutOff(format!("{}, behind {} bytes", self.place, self.read))
    }

    fn byte(&mut self) -> Result<u8, DumpDefect> {
        self.try_byte()?.ok_or_else(|| self.cut_off())
    }

    fn try_byte(&mut self) -> Result<Option<u8>, DumpDefect> {
        loop {
            match self.reader.fill_buf() {
                Ok([]) => return Ok(None),
                Ok([byte, ..]) => {
                    let byte = *byte;
                    self.reader.consume(1);
                    self.read += 1;
                    return Ok(Some(byte));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(DumpDefect::Read(error)),
            }
        }
    }

    /// Hands out the next bytes piece by piece.
    fn pieces(
        &mut self,
        bytes: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), DumpDefect>,
    ) -> Result<(), DumpDefect> {
        let mut left = bytes;
        while left > 0 {
            let taken = match self.reader.fill_buf() {
                Ok([]) => return Err(self.cut_off()),
                Ok(chunk) => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
                    take(chunk.get(..most).unwrap_or_default())?;
                    most
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.cut_off()),
                Err(error) => return Err(DumpDefect::Read(error)),
            };
            self.reader.consume(taken);
            self.read += taken as u64;
            left -= taken as u64;
        }
        Ok(())
    }

    /// A number: its sign, and its bytes beginning with the lowest.
    fn number(&mut self, size: u8) -> Result<i64, DumpDefect> {
        let negative = self.byte()? != 0;
        let mut value: i64 = 0;
        for place in 0..u32::from(size) {
            let byte = i64::from(self.byte()?);
            if place < 7 {
                value |= byte << (8 * place);
            } else if byte != 0 {
                return Err(DumpDefect::Damaged(format!("an impossible number, at byte {}", self.read)));
            }
        }
        Ok(if negative { -value } else { value })
    }

    /// A length; `None` when it is negative.
    fn length(&mut self, size: u8) -> Result<Option<u64>, DumpDefect> {
        Ok(u64::try_from(self.number(size)?).ok())
    }

    /// A text, or as much of it as is kept; `None` when there is none.
    fn text(&mut self, size: u8) -> Result<Option<String>, DumpDefect> {
        let Some(length) = self.length(size)? else { return Ok(None) };
        let mut kept = Vec::new();
        self.pieces(length, |piece| {
            let room = usize::try_from(KEPT).unwrap_or(0).saturating_sub(kept.len());
            kept.extend(piece.iter().take(room));
            Ok(())
        })?;
        Ok(Some(String::from_utf8_lossy(&kept).into_owned()))
    }

    /// Statements of an entry, followed like a script.
    fn statements(&mut self, size: u8, script: Option<&mut Script>) -> Result<(), DumpDefect> {
        let Some(length) = self.length(size)? else { return Ok(()) };
        match script {
            None => self.pieces(length, |_| Ok(())),
            Some(script) => {
                self.pieces(length, |piece| {
                    script.feed(piece);
                    Ok(())
                })?;
                // Several of them leave their last semicolon out.
                script.feed(b";\n");
                Ok(())
            }
        }
    }
}

/// Reads the head and the table of contents of any archive.
pub(super) fn read_toc(reader: &mut dyn BufRead, stop: &Stop) -> Result<Contents, DumpDefect> {
    read_contents(&mut Input { reader, read: 0, place: "in its table of contents" }, stop)
}

fn read_contents(input: &mut Input<'_>, stop: &Stop) -> Result<Contents, DumpDefect> {
    for expected in b"PGDMP" {
        if input.byte()? != *expected {
            return Err(DumpDefect::NotADump);
        }
    }
    let (major, minor, _revision) = (input.byte()?, input.byte()?, input.byte()?);
    if major != 1 || !(12..=16).contains(&minor) {
        return Err(DumpDefect::Version(format!("{major}.{minor}")));
    }
    let (int_size, offset_size, format) = (input.byte()?, input.byte()?, input.byte()?);
    if !(1..=32).contains(&int_size) || !(1..=32).contains(&offset_size) {
        return Err(DumpDefect::Damaged(format!(
            "its head names numbers of {int_size} and {offset_size} bytes"
        )));
    }
    let compression = if minor >= 15 {
        match input.byte()? {
            0 => Compression::Nothing,
            1 => Compression::Deflate,
            _ => Compression::Other,
        }
    } else if input.number(int_size)? == 0 {
        Compression::Nothing
    } else {
        Compression::Deflate
    };
    for _part_of_the_time in 0..7 {
        input.number(int_size)?;
    }
    let database = input.text(int_size)?;
    let server_version = input.text(int_size)?;
    let written_by = input.text(int_size)?;
    let form = match format {
        TAR => DumpForm::PostgresqlTar,
        DIRECTORY => DumpForm::PostgresqlDirectory,
        _ => DumpForm::PostgresqlCustom,
    };
    let facts = DumpFacts {
        form: form.name(),
        tables: Vec::new(),
        table_count: 0,
        database,
        server_version,
        written_by,
        leaves_database: Vec::new(),
        runs_commands: Vec::new(),
        unpacked_bytes: 0,
    };
    let mut contents = Contents {
        facts,
        format,
        int_size,
        version: (major, minor),
        compression,
        blocks: BTreeSet::new(),
        files: BTreeSet::new(),
        large_objects: BTreeSet::new(),
        data: 0,
    };
    input.place = "in its table of contents";
    let entries = input.length(int_size)?.filter(|entries| *entries <= MOST_ENTRIES);
    let entries =
        entries.ok_or_else(|| DumpDefect::Damaged("its number of entries is impossible".to_owned()))?;
    for _entry in 0..entries {
        if stop.is_wanted() {
            return Err(DumpDefect::Stopped);
        }
        read_entry(input, &mut contents, offset_size)?;
    }
    contents.facts.unpacked_bytes = input.read;
    Ok(contents)
}

fn read_entry(input: &mut Input<'_>, contents: &mut Contents, offset_size: u8) -> Result<(), DumpDefect> {
    let size = contents.int_size;
    let number = input.number(size)?;
    let has_data = input.number(size)? != 0;
    let (_table_oid, _oid) = (input.text(size)?, input.text(size)?);
    let tag = input.text(size)?.unwrap_or_default();
    let kind = input.text(size)?.unwrap_or_default();
    let _section = input.number(size)?;
    // pg_restore leaves these out unless it is told to make the database itself.
    let of_database = matches!(kind.as_str(), "DATABASE" | "DATABASE PROPERTIES" | "ACL" | "DEFAULT ACL")
        || tag.starts_with("DATABASE ");
    let mut script = Script::new(Dialect::Postgresql);
    input.statements(size, (!of_database).then_some(&mut script))?;
    // How to drop it, which only `--clean` asks for, and how to copy it, which is checked like a statement.
    input.statements(size, None)?;
    let mut copy = Script::new(Dialect::Postgresql);
    input.statements(size, Some(&mut copy))?;
    let (_schema, _tablespace) = (input.text(size)?, input.text(size)?);
    let (_, minor) = contents.version;
    if minor >= 14 {
        input.text(size)?;
    }
    if minor >= 16 {
        input.number(size)?;
    }
    let (_owner, _with_oids) = (input.text(size)?, input.text(size)?);
    while input.text(size)?.is_some() {}
    if contents.format == CUSTOM {
        input.byte()?;
        input.pieces(u64::from(offset_size), |_| Ok(()))?;
        if has_data {
            contents.blocks.insert(number);
        }
    } else if let Some(file) = input.text(size)?.filter(|file| !file.is_empty() && has_data) {
        if kind == "BLOBS" {
            contents.large_objects.insert(file.clone());
        }
        contents.files.insert(file);
    }
    let facts = &mut contents.facts;
    for script in [&mut script, &mut copy] {
        let seen = script.seen();
        for text in seen.leaves_database.drain(..) {
            note(&mut facts.leaves_database, text);
        }
        for text in seen.runs_commands.drain(..) {
            note(&mut facts.runs_commands, text);
        }
    }
    match kind.as_str() {
        "DATABASE" => facts.database = Some(tag),
        "TABLE" => {
            facts.table_count += 1;
            if facts.tables.len() < MOST_TABLES {
                facts.tables.push(tag.chars().filter(|c| !c.is_control()).collect());
            }
        }
        "TABLE DATA" => contents.data += 1,
        _ => {}
    }
    Ok(())
}

/// Reads every block of data, and finds those missing that the table of contents promises.
fn read_blocks(input: &mut Input<'_>, contents: &mut Contents, stop: &Stop) -> Result<(), DumpDefect> {
    input.place = "in the middle of its data";
    let size = contents.int_size;
    let mut bytes = contents.facts.unpacked_bytes;
    while let Some(kind) = input.try_byte()? {
        let number = input.number(size)?;
        if !contents.blocks.remove(&number) {
            let text = format!("data nobody announced, at byte {}", input.read);
            return Err(DumpDefect::Damaged(text));
        }
        match kind {
            DATA => bytes += read_stream(input, contents, stop)?,
            BLOBS => {
                while input.number(size)? != 0 {
                    bytes += read_stream(input, contents, stop)?;
                }
            }
            other => {
                let text = format!("a block of the unknown kind {other}, at byte {}", input.read);
                return Err(DumpDefect::Damaged(text));
            }
        }
    }
    if let missing @ 1.. = contents.blocks.len() {
        return Err(DumpDefect::CutOff(format!(
            "behind {} bytes, and the data of {missing} of its tables are missing",
            input.read
        )));
    }
    contents.facts.unpacked_bytes = bytes;
    Ok(())
}

/// One stream of data in chunks, the last of which is empty; unpacked to see that it can be.
fn read_stream(input: &mut Input<'_>, contents: &Contents, stop: &Stop) -> Result<u64, DumpDefect> {
    let mut unpacking = (contents.compression == Compression::Deflate).then(Unpacking::new);
    let mut bytes: u64 = 0;
    loop {
        if stop.is_wanted() {
            return Err(DumpDefect::Stopped);
        }
        let at = input.read;
        let length = input.length(contents.int_size)?;
        let length =
            length.ok_or_else(|| DumpDefect::Damaged(format!("an impossible length, at byte {at}")))?;
        if length == 0 {
            break;
        }
        bytes += length;
        input.pieces(length, |piece| match &mut unpacking {
            None => Ok(()),
            Some(unpacking) => unpacking
                .take(piece)
                .ok_or_else(|| DumpDefect::Damaged(format!("data that cannot be unpacked, at byte {at}"))),
        })?;
    }
    match unpacking {
        None => Ok(bytes),
        Some(unpacking) if unpacking.ended || bytes == 0 => Ok(unpacking.stream.total_out()),
        Some(_) => Err(DumpDefect::Damaged(format!("packed data that do not end, at byte {}", input.read))),
    }
}

struct Unpacking {
    stream: Decompress,
    room: Vec<u8>,
    ended: bool,
}

impl Unpacking {
    fn new() -> Self {
        Self { stream: Decompress::new(true), room: vec![0; 64 * 1024], ended: false }
    }

    /// Unpacks a piece; `None` when it is not what was packed.
    fn take(&mut self, piece: &[u8]) -> Option<()> {
        let mut rest = piece;
        loop {
            if self.ended {
                return rest.is_empty().then_some(());
            }
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self.stream.decompress(rest, &mut self.room, FlushDecompress::None).ok()?;
            let read = usize::try_from(self.stream.total_in() - before_in).ok()?;
            let wrote = self.stream.total_out() - before_out;
            rest = rest.get(read..)?;
            self.ended = status == Status::StreamEnd;
            if !self.ended && rest.is_empty() && wrote < self.room.len() as u64 {
                return Some(());
            }
            if !self.ended && read == 0 && wrote == 0 {
                return None;
            }
        }
    }
}
