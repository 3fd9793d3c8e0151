//! A dump on its way into a program, looked through once more while it is read.

use std::fs;
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::RestoreError;
use crate::collect::backups::dump::{
    self, Dialect, DumpDefect, DumpFacts, DumpForm, Script, inspect_directory,
};
use crate::collect::backups::form::{Form, HEAD, Packing, recognise};
use crate::collect::backups::stream::{self, Reading, UnpackLimits, unpacked};
use crate::collect::blocking::Stop;

/// Bytes that are read at once.
const PIECE: u64 = 64 * 1024;

/// Where a dump is, and what it looked like when it was first seen.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) is_directory: bool,
    pub(super) changed_at: Timestamp,
    bytes: u64,
}

impl Source {
    pub(super) fn of(path: &Path) -> Result<Self, RestoreError> {
        let failed = |cause| RestoreError::Dump { path: path.to_owned(), cause };
        // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() && !metadata.is_dir() {
            return Err(failed(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let changed = metadata.modified().map_err(failed)?;
        let changed_at = Timestamp::try_from(changed).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Self { path: path.to_owned(), is_directory: metadata.is_dir(), changed_at, bytes: metadata.len() })
    }

    /// Nobody has written to it since.
    pub(super) fn is_unchanged(&self) -> bool {
        Self::of(&self.path).is_ok_and(|now| now.changed_at == self.changed_at && now.bytes == self.bytes)
    }

    pub(super) fn inspect(&self, stop: &Stop) -> Result<DumpFacts, DumpDefect> {
        if self.is_directory {
            return inspect_directory(&self.path, stop);
        }
        dump::inspect(&mut self.open(stop).map_err(DumpDefect::Read)?, stop)
    }

    /// The dump as it was before somebody compressed it: with whatever the backups are read with too.
    fn open(&self, stop: &Stop) -> io::Result<impl BufRead + use<>> {
        let file = stream::open(&self.path)?;
        let mut head = Vec::new();
        (&file).take(HEAD as u64).read_to_end(&mut head)?;
        let packing = match recognise(&head) {
            Form::Packed(Packing::Bzip2, _) => {
                return Err(io::Error::new(
                    ErrorKind::Unsupported,
                    "it is packed with bzip2, which this agent does not read; unpack it, or pack it with gzip or zstd",
                ));
            }
            Form::Packed(packing, _) => Some(packing),
            Form::Empty | Form::Zip | Form::ZipPart | Form::Plain(_) | Form::Encrypted | Form::Marker => None,
        };
        // The scratch server's disk and the time limit are what ends one that unpacks without end.
        let limits = UnpackLimits { times: u64::MAX, bytes: u64::MAX };
        Ok(unpacked(file, packing, &Reading::new(stop, self.bytes, limits)))
    }

    /// Sends the dump piece by piece; of a script only what was looked through.
    ///
    /// Says what was in it that must not be executed; then nothing from there on was sent.
    pub(super) fn send(&self, form: &str, to: &mpsc::Sender<Vec<u8>>) -> Result<(), String> {
        let dialect = if form == DumpForm::PostgresqlPlain.name() {
            Some(Dialect::Postgresql)
        } else if form == DumpForm::MysqlPlain.name() || form == DumpForm::MariadbPlain.name() {
            Some(Dialect::Mysql)
        } else {
            None
        };
        let mut reader = self.open(&Stop::default()).map_err(|error| error.to_string())?;
        let mut script = dialect.map(Script::new);
        let mut at_line_start = true;
        loop {
            let mut piece = Vec::new();
            let read = (&mut reader).take(PIECE).read_until(b'\n', &mut piece);
            if read.map_err(|error| error.to_string())? == 0 {
                return script.map_or(Ok(()), |mut script| script.finish());
            }
            let starts_line = std::mem::replace(&mut at_line_start, piece.ends_with(b"\n"));
            if let Some(script) = &mut script {
                let whole = starts_line && piece.ends_with(b"\n") && script.is_between_statements();
                if whole && dialect == Some(Dialect::Postgresql) && is_left_out(&piece) {
                    continue;
                }
                if starts_line && dialect == Some(Dialect::Mysql) && script.is_outside_strings() {
                    piece = without_definer(piece);
                }
                script.feed(&piece);
                if let Some(danger) = script.dangers().next() {
                    return Err(format!("it would run a program or leave its database: {danger}"));
                }
            }
            if to.blocking_send(piece).is_err() {
                // The program has ended; it says why.
                return Ok(());
            }
        }
    }
}

/// Lines about who owns what, and who may do what: the scratch server knows none of these people. Those with which
/// `psql` is told to run no commands are replaced by the agent's own.
fn is_left_out(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    if line.starts_with(b"\\restrict ") || line.starts_with(b"\\unrestrict ") {
        return true;
    }
    // One statement, which ends with its line.
    if line.iter().position(|byte| *byte == b';') != line.len().checked_sub(1) {
        return false;
    }
    let owner = line.starts_with(b"ALTER ") && line.windows(10).any(|part| part == b" OWNER TO ");
    owner
        || line.starts_with(b"GRANT ")
        || line.starts_with(b"REVOKE ")
        || line.starts_with(b"ALTER DEFAULT PRIVILEGES ")
}

/// The same line without the account a view, trigger or routine is to run as: the scratch server does not know it, and
/// to name another account takes rights the agent's account should not have.
fn without_definer(line: Vec<u8>) -> Vec<u8> {
    let text = line.as_slice();
    if !text.starts_with(b"/*!500") && !text.starts_with(b"CREATE DEFINER=") {
        return line;
    }
    let word = b"DEFINER=";
    let Some(at) = text.windows(word.len()).position(|part| part == word) else { return line };
    let (before, rest) = text.split_at(at);
    let behind = rest.get(word.len()..).and_then(behind_name).and_then(|rest| rest.strip_prefix(b"@"));
    match behind.and_then(behind_name) {
        Some(behind) => [before, behind].concat(),
        None => line,
    }
}

/// What follows a name in backquotes.
fn behind_name(text: &[u8]) -> Option<&[u8]> {
    let inside = text.strip_prefix(b"`")?;
    let end = inside.iter().position(|byte| *byte == b'`')?;
    inside.get(end + 1..).filter(|rest| !rest.starts_with(b"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definer_is_taken_out_of_its_line() {
        let rows = [
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER t */",
                "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER t */",
            ),
            ("/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */", "/*!50013  SQL SECURITY DEFINER */"),
            ("CREATE DEFINER=`a`@`b` PROCEDURE p()", "CREATE  PROCEDURE p()"),
            ("CREATE DEFINER=`a``c`@`b` PROCEDURE p()", "CREATE DEFINER=`a``c`@`b` PROCEDURE p()"),
            ("INSERT INTO a VALUES ('DEFINER=`a`@`b`')", "INSERT INTO a VALUES ('DEFINER=`a`@`b`')"),
        ];
        for (line, expected) in rows {
            assert_eq!(without_definer(line.into()), expected.as_bytes(), "{line}");
        }
    }

    #[test]
    fn only_whole_statements_about_people_are_left_out() {
        for line in [
            "ALTER TABLE public.content OWNER TO conf;\n",
            "GRANT ALL ON TABLE public.content TO reader;\r\n",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC;",
            "\\restrict abc\n",
            "\\unrestrict abc\n",
        ] {
            assert!(is_left_out(line.as_bytes()), "{line}");
        }
        for line in [
            "ALTER TABLE a ADD b int; -- OWNER TO x;",
            "ALTER TABLE ONLY public.content\n",
            "GRANTED;",
            "COPY a FROM stdin;",
            "GRANT x TO y; DROP TABLE z;",
            "\\! touch x",
        ] {
            assert!(!is_left_out(line.as_bytes()), "{line}");
        }
    }
}
