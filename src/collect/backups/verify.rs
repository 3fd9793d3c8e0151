//! Reading a backup to its end.

use std::io::{self, BufRead};
use std::path::Path;

use upgrade_readiness_checks::facts::{Contents, Field, Integrity};

use super::dump::{self, DumpDefect};
use super::form::{Form, HEAD, Packing, Stream, recognise_stream};
use super::stream::{Fault, Reading, UnpackLimits, drain, open, unpacked};
use super::zip_archive::{self, SPLIT, ZipDefect};
use super::{places::Candidate, tar_archive};
use crate::collect::blocking::Stop;

/// What came of reading a backup.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    /// Its form, better known now that it was unpacked.
    pub(super) form: String,
    pub(super) integrity: Field<Integrity>,
    /// It will be the same next time, as long as the file is.
    pub(super) lasting: bool,
}

/// Reads a file to its end, as its form demands.
pub(super) fn verify(candidate: &Candidate, form: Form, limits: UnpackLimits, stop: &Stop) -> Verified {
    let id = form.id();
    let file = match open(&candidate.path) {
        Ok(file) => file,
        Err(error) => return unread(id, cannot_read(&candidate.path, &error), false),
    };
    let reading = Reading::new(stop, candidate.bytes, limits);
    let (form, outcome) = match form {
        Form::Empty => (id, Err(Defect::Damaged("it is empty".to_owned()))),
        Form::ZipPart => (id, Err(Defect::Unread(SPLIT.to_owned()))),
        Form::Encrypted => (id, Err(Defect::Unread(ENCRYPTED.to_owned()))),
        Form::Marker => (id, Err(Defect::Unread("it is a marker".to_owned()))),
        Form::Zip => (id, zip_archive::inspect(file, &reading).map_err(Into::into)),
        Form::Plain(Stream::Other) => (id, Err(Defect::Unread(NO_FORM.to_owned()))),
        Form::Packed(Packing::Bzip2, _) => (id, Err(Defect::Unread(BZIP2.to_owned()))),
        Form::Plain(stream) => (id, inspect(&mut unpacked(file, None, &reading), stream, &reading, stop)),
        Form::Packed(packing, _) => {
            let mut reader = unpacked(file, Some(packing), &reading);
            match peek(&mut reader) {
                Ok(stream) => {
                    let form = Form::Packed(packing, stream).id();
                    (form, inspect(&mut reader, stream, &reading, stop))
                }
                Err(error) => (id, Err(error.into())),
            }
        }
    };
    if let Some(fault) = reading.take_fault() {
        return faulty(form, fault, &candidate.path);
    }
    match outcome {
        Ok(contents) => Verified { form, integrity: Field::Read(Integrity::Whole(contents)), lasting: true },
        Err(Defect::Damaged(why)) => {
            Verified { form, integrity: Field::Read(Integrity::Damaged(why)), lasting: true }
        }
        Err(Defect::Unread(why)) => unread(form, why, true),
    }
}

/// Reads the directory `pg_dump --format=directory` writes: its table of contents, and every file that names.
///
/// What else lies in a directory, such as the files of a running server, is no backup by being there.
pub(super) fn verify_directory(path: &Path, stop: &Stop) -> Verified {
    let form = "directory".to_owned();
    match dump::inspect_directory(path, stop) {
        Ok(facts) => {
            let form = facts.form.to_owned();
            let contents = Contents {
                entries: facts.table_count,
                unpacked_bytes: facts.unpacked_bytes,
                tables: facts.tables,
                database: facts.database,
                server_version: facts.server_version,
                written_by: facts.written_by,
                leaves_database: facts.leaves_database,
            };
            Verified { form, integrity: Field::Read(Integrity::Whole(contents)), lasting: false }
        }
        Err(DumpDefect::Read(error)) if error.kind() == io::ErrorKind::NotFound => {
            unread(form, NO_DUMP_DIRECTORY.to_owned(), false)
        }
        // A file that unpacks to nonsense is damaged; one that the disk or a right keeps back is not known.
        Err(DumpDefect::Read(error)) if error.kind() != io::ErrorKind::InvalidData => {
            unread(form, cannot_read(path, &error), false)
        }
        Err(defect) => match Defect::from(defect) {
            Defect::Damaged(why) => {
                Verified { form, integrity: Field::Read(Integrity::Damaged(why)), lasting: false }
            }
            Defect::Unread(why) => unread(form, why, false),
        },
    }
}

const NO_DUMP_DIRECTORY: &str = "it has no toc.dat, so it is no dump of `pg_dump -Fd`: let the job that copies the \
                                 database write a marker file, and name that";
const ENCRYPTED: &str =
    "it is encrypted: let the job that writes it write a marker file too, after it has tested it";
const NO_FORM: &str = "it is neither an archive nor a dump this agent knows: let the job that writes it write a marker \
                       file too, after it has tested it";
const NO_FORM_INSIDE: &str = "it unpacks to its end, and what is in it is neither an archive nor a dump this agent knows: let \
                              the job that writes it write a marker file too, after it has tested it";
const BZIP2: &str = "it is packed with bzip2, which this agent does not read: let the job that writes it test it with \
                     `bzip2 -t` and write a marker file";

enum Defect {
    Damaged(String),
    Unread(String),
}

impl From<ZipDefect> for Defect {
    fn from(defect: ZipDefect) -> Self {
        match defect {
            ZipDefect::Damaged(why) => Self::Damaged(why),
            ZipDefect::Unread(why) => Self::Unread(why),
        }
    }
}

impl From<io::Error> for Defect {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("its end is missing: it was cut off".to_owned()),
            io::ErrorKind::OutOfMemory => {
                Self::Unread(format!("unpacking it takes more memory than the agent allows itself: {error}"))
            }
            _ => Self::Damaged(error.to_string()),
        }
    }
}

impl From<DumpDefect> for Defect {
    fn from(defect: DumpDefect) -> Self {
        match defect {
            DumpDefect::Read(error) => error.into(),
            DumpDefect::Version(_) | DumpDefect::NotADump | DumpDefect::Stopped => {
                Self::Unread(defect.to_string())
            }
            DumpDefect::Empty
            | DumpDefect::CutOff(_)
            | DumpDefect::Damaged(_)
            | DumpDefect::NoTables
            | DumpDefect::NoData(_) => Self::Damaged(defect.to_string()),
        }
    }
}

fn faulty(form: String, fault: Fault, path: &Path) -> Verified {
    match fault {
        Fault::Io(error) => unread(form, cannot_read(path, &error), false),
        Fault::Stopped => unread(form, "nobody waited until it was read".to_owned(), false),
        Fault::TooLarge(most) => unread(
            form,
            format!(
                "it unpacks to more than {} GiB, far more than a backup of its size would: if it is one, raise \
                 most_unpacked_times or most_unpacked_gib in [instance.backups]",
                most >> 30
            ),
            true,
        ),
    }
}

fn unread(form: String, why: String, lasting: bool) -> Verified {
    Verified { form, integrity: Field::Unread(why), lasting }
}

pub(super) fn cannot_read(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    if error.kind() == io::ErrorKind::PermissionDenied {
        let uid = rustix::process::getuid().as_raw();
        format!("{error}. Let the agent's user read it: setfacl -m u:{uid}:r '{shown}'")
    } else {
        error.to_string()
    }
}

/// What is packed, by its first bytes; they stay in the reader.
fn peek(reader: &mut dyn BufRead) -> io::Result<Stream> {
    let head = reader.fill_buf()?;
    Ok(recognise_stream(head.get(..HEAD).unwrap_or(head)))
}

fn inspect(
    reader: &mut dyn BufRead,
    stream: Stream,
    reading: &Reading,
    stop: &Stop,
) -> Result<Contents, Defect> {
    match stream {
        Stream::Tar => {
            tar_archive::inspect(reader, reading).map_err(|defect| Defect::Damaged(defect.to_string()))
        }
        Stream::Dump(_) => {
            let facts = dump::inspect(reader, stop)?;
            // The checksum of what the dump is packed in stands behind its last line.
            drain(reader)?;
            Ok(Contents {
                entries: facts.table_count,
                unpacked_bytes: facts.unpacked_bytes,
                tables: facts.tables,
                database: facts.database,
                server_version: facts.server_version,
                written_by: facts.written_by,
                leaves_database: facts.leaves_database,
            })
        }
        Stream::Other => {
            drain(reader)?;
            // Its packing is whole; what it is of, nobody can say.
            Err(Defect::Unread(NO_FORM_INSIDE.to_owned()))
        }
    }
}
