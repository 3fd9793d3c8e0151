//! Database dumps: what kind they are, whether they are whole, and what they hold.
//!
//! A dump is read once, from its beginning to its end, in little memory. Nothing in it is executed, and nothing of
//! the data is kept. What would reach out of the database it is restored into, or run a program, is noted.

mod archive;
mod plain;
mod script;
mod tar_format;

use std::io::{self, BufRead, Read};
use std::path::Path;

pub use script::{Dialect, Script};

use crate::collect::blocking::Stop;

/// Tables a dump names before they are only counted.
pub const MOST_TABLES: usize = 1000;
/// Statements that are quoted, and how much of each.
const MOST_STATEMENTS: usize = 20;
/// Bytes from the beginning that tell what a file is.
pub const HEAD: usize = 8192;

/// A kind of dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpForm {
    /// `pg_dump --format=custom`.
    PostgresqlCustom,
    /// `pg_dump --format=directory`: its table of contents, `toc.dat`.
    PostgresqlDirectory,
    /// `pg_dump --format=tar`.
    PostgresqlTar,
    /// `pg_dump`, statements.
    PostgresqlPlain,
    /// `pg_dumpall`, statements.
    PostgresqlCluster,
    /// `mysqldump`, statements.
    MysqlPlain,
    /// `mariadb-dump`, statements.
    MariadbPlain,
}

impl DumpForm {
    /// The name used in facts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PostgresqlCustom => "postgresql-custom",
            Self::PostgresqlDirectory => "postgresql-directory",
            Self::PostgresqlTar => "postgresql-tar",
            Self::PostgresqlPlain => "postgresql-plain",
            Self::PostgresqlCluster => "postgresql-cluster",
            Self::MysqlPlain => "mysql-plain",
            Self::MariadbPlain => "mariadb-plain",
        }
    }
}

/// What a whole dump holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpFacts {
    /// Its kind.
    pub form: &'static str,
    /// Names of its tables without their schema, at most [`MOST_TABLES`].
    pub tables: Vec<String>,
    /// How many tables it has.
    pub table_count: u64,
    /// The database it says it is of.
    pub database: Option<String>,
    /// The server it was taken from.
    pub server_version: Option<String>,
    /// The program that wrote it.
    pub written_by: Option<String>,
    /// Statements that reach into another database, or into what all databases of a server share.
    pub leaves_database: Vec<String>,
    /// What would make the client or the server run a program or touch a file, and statements no dump has.
    pub runs_commands: Vec<String>,
    /// Bytes of statements and data.
    pub unpacked_bytes: u64,
}

/// Why a dump cannot be restored as it is.
#[derive(Debug, thiserror::Error)]
pub enum DumpDefect {
    /// There is nothing in it.
    #[error("the dump is empty: nothing was written into it")]
    Empty,
    /// It does not begin like one.
    #[error("it is not a dump: it begins like none of PostgreSQL, MySQL or MariaDB")]
    NotADump,
    /// It ends too early.
    #[error("the dump is cut off: it ends {0}")]
    CutOff(String),
    /// It holds something no dump holds.
    #[error("the dump is damaged: {0}")]
    Damaged(String),
    /// It is of a version nobody here knows.
    #[error("the dump is an archive of version {0}, and this agent reads 1.12 to 1.16")]
    Version(String),
    /// There are no tables in it.
    #[error("the dump is complete and holds no tables")]
    NoTables,
    /// There are tables in it and no rows.
    #[error("the dump holds the definitions of {0} tables and no data")]
    NoData(u64),
    /// It could not be read on.
    #[error("reading the dump")]
    Read(#[source] io::Error),
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Stopped,
}

/// What a file is, by its first bytes; [`HEAD`] of them are enough.
#[must_use]
pub fn recognise(head: &[u8]) -> Option<DumpForm> {
    if head.starts_with(b"PGDMP") {
        return Some(if archive::is_directory(head) {
            DumpForm::PostgresqlDirectory
        } else {
            DumpForm::PostgresqlCustom
        });
    }
    if head.starts_with(b"toc.dat\0") && head.get(257..262) == Some(b"ustar") {
        return Some(DumpForm::PostgresqlTar);
    }
    plain::recognise(head)
}

/// Reads a dump to its end.
pub fn inspect(reader: &mut dyn BufRead, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    let head = read_head(reader)?;
    if head.is_empty() {
        return Err(DumpDefect::Empty);
    }
    let form = recognise(&head).ok_or(DumpDefect::NotADump)?;
    let mut whole = io::BufReader::with_capacity(64 * 1024, io::Cursor::new(head).chain(reader));
    let facts = match form {
        DumpForm::PostgresqlCustom | DumpForm::PostgresqlDirectory => archive::inspect(&mut whole, stop)?,
        DumpForm::PostgresqlTar => tar_format::inspect(&mut whole, stop)?,
        DumpForm::PostgresqlPlain
        | DumpForm::PostgresqlCluster
        | DumpForm::MysqlPlain
        | DumpForm::MariadbPlain => plain::inspect(&mut whole, form, stop)?,
    };
    Ok(facts)
}

/// Reads a dump that is a directory: its table of contents, and every file that names to its end.
pub fn inspect_directory(path: &Path, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    archive::inspect_directory(path, stop)
}

fn read_head(reader: &mut dyn BufRead) -> Result<Vec<u8>, DumpDefect> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head).map_err(DumpDefect::Read)?;
    Ok(head)
}

/// A short text for people: one line, nothing invisible, of bearable length.
fn shown(text: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(text.get(..text.len().min(most * 4)).unwrap_or_default());
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// Adds a statement to a list that does not grow without end and names each only once.
fn note(list: &mut Vec<String>, text: String) {
    if list.len() < MOST_STATEMENTS && !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests;
