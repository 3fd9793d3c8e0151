//! Recognising database dumps and reading them to their end.

use std::io::BufRead;

use crate::collect::blocking::Stop;

/// A form of dump this agent can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpForm {}

impl DumpForm {
    /// Its name in the facts.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {}
    }
}

/// What a dump that was read to its end says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpFacts {
    /// Its form: `postgresql-custom`, `mysql-plain` …
    pub form: &'static str,
    /// Its tables, at most a thousand.
    pub tables: Vec<String>,
    /// The database it says it is of.
    pub database: Option<String>,
    /// The version of the server it was taken from.
    pub server_version: Option<String>,
    /// The version of the tool that wrote it.
    pub written_by: Option<String>,
    /// Statements that would reach into another database than the one it is restored into.
    pub leaves_database: Vec<String>,
    /// Bytes it holds when unpacked.
    pub unpacked_bytes: u64,
}

/// Why a dump could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("it is of a form that this agent cannot read")]
pub struct DumpDefect;

/// The form of a dump, by its first bytes; `None` when it is no dump.
#[must_use]
pub fn recognise(_head: &[u8]) -> Option<DumpForm> {
    None
}

/// Reads a dump to its end.
pub fn inspect(_reader: &mut dyn BufRead, _stop: &Stop) -> Result<DumpFacts, DumpDefect> {
    Err(DumpDefect)
}
