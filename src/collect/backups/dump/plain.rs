//! Dumps that are scripts of statements.

use std::io::{BufRead, ErrorKind};

use super::script::{Dialect, Ended, Script};
use super::{DumpDefect, DumpFacts, DumpForm};
use crate::collect::blocking::Stop;

/// What a script says about itself within its first bytes.
pub(super) fn recognise(head: &[u8]) -> Option<DumpForm> {
    let text = String::from_utf8_lossy(head.get(..head.len().min(super::HEAD)).unwrap_or_default());
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("/*M!999999\\- ") {
        return Some(DumpForm::MariadbPlain);
    }
    // Remarks come first; a text that only mentions such a line further down is none.
    let remarks = text.lines().take(40).map_while(|line| {
        let line = line.trim();
        let goes_on = line.is_empty() || line.starts_with("--") || line.starts_with("\\restrict");
        goes_on.then(|| line.trim_start_matches('-').trim())
    });
    for remark in remarks {
        let form = match remark {
            "PostgreSQL database dump" => DumpForm::PostgresqlPlain,
            "PostgreSQL database cluster dump" => DumpForm::PostgresqlCluster,
            _ if remark.starts_with("MariaDB dump ") => DumpForm::MariadbPlain,
            _ if remark.starts_with("MySQL dump ") => DumpForm::MysqlPlain,
            _ => continue,
        };
        return Some(form);
    }
    None
}

/// Reads a script to its end.
pub(super) fn inspect(
    reader: &mut dyn BufRead,
    form: DumpForm,
    stop: &Stop,
) -> Result<DumpFacts, DumpDefect> {
    let (dialect, ending) = match form {
        DumpForm::MysqlPlain | DumpForm::MariadbPlain => (Dialect::Mysql, Ended::Database),
        DumpForm::PostgresqlCluster => (Dialect::Postgresql, Ended::Cluster),
        DumpForm::PostgresqlPlain
        | DumpForm::PostgresqlCustom
        | DumpForm::PostgresqlDirectory
        | DumpForm::PostgresqlTar => (Dialect::Postgresql, Ended::Database),
    };
    let mut script = Script::new(dialect);
    let mut bytes: u64 = 0;
    loop {
        if stop.is_wanted() {
            return Err(DumpDefect::Stopped);
        }
        let read = match reader.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => {
                script.feed(chunk);
                chunk.len()
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(DumpDefect::CutOff(format!("behind {bytes} bytes of statements")));
            }
            Err(error) => return Err(DumpDefect::Read(error)),
        };
        reader.consume(read);
        bytes += read as u64;
    }
    script.finish().map_err(DumpDefect::CutOff)?;
    let seen = script.seen();
    if seen.ended != Some(ending) {
        return Err(DumpDefect::CutOff("without the remark that it is complete".to_owned()));
    }
    if seen.table_count == 0 {
        return Err(DumpDefect::NoTables);
    }
    if seen.data == 0 {
        return Err(DumpDefect::NoData(seen.table_count));
    }
    let seen = std::mem::take(seen);
    Ok(DumpFacts {
        form: form.name(),
        tables: seen.tables,
        table_count: seen.table_count,
        database: seen.database,
        server_version: seen.server_version,
        written_by: seen.written_by,
        leaves_database: seen.leaves_database,
        runs_commands: seen.runs_commands,
        unpacked_bytes: bytes,
    })
}
