//! Backups, dumps, and archives of installations.

use std::io::BufReader;

use upgrade_readiness_agent::collect::backups::dump::{MOST_TABLES, inspect};
use upgrade_readiness_agent::collect::blocking::Stop;
use upgrade_readiness_agent::fuzzing;

use crate::{choose, scratch, text};

/// What an archive may unpack to here; with the true limit one input would take minutes.
const MOST_UNPACKED: u64 = 8 << 20;

/// A backup in whatever form it is.
pub(crate) fn archive(bytes: &[u8]) {
    let path = scratch::write("backup", bytes);
    if let Some(contents) = fuzzing::archive(&path, MOST_UNPACKED) {
        assert!(contents.unpacked_bytes <= MOST_UNPACKED, "{contents:?} is more than was allowed");
        assert!(!bytes.is_empty(), "nothing is no backup");
    }
}

/// A dump of a database.
pub(crate) fn dump(bytes: &[u8]) {
    let Ok(facts) = inspect(&mut BufReader::new(bytes), &Stop::default()) else { return };
    assert!(facts.table_count > 0, "a dump without tables is none");
    assert!(facts.tables.len() <= MOST_TABLES && facts.tables.len() as u64 <= facts.table_count, "{facts:?}");
    for list in [&facts.leaves_database, &facts.runs_commands] {
        assert!(list.len() <= 20, "{list:?}");
        assert!(list.iter().all(|text| text.chars().count() <= 1000), "{list:?}");
        assert!(!list.iter().any(|text| text.contains(char::is_control)), "{list:?}");
    }
    // The same bytes in other pieces are the same dump.
    let again = inspect(&mut BufReader::with_capacity(7, bytes), &Stop::default());
    assert_eq!(again.ok(), Some(facts), "read in small pieces");
}

/// A packed installation, or what is kept of one.
pub(crate) fn pristine(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, 2) else { return };
    let path = scratch::write("pristine", rest);
    if way == 0 {
        fuzzing::pristine(&path, &scratch::path("kept"));
    } else {
        fuzzing::kept(&path);
    }
}

/// A jar with all its classes.
pub(crate) fn jar(bytes: &[u8]) {
    fuzzing::jar(&scratch::write("bundle.jar", bytes));
}

/// What a backup job says of itself.
pub(crate) fn marker(bytes: &[u8]) {
    if let Some(text) = text(bytes) {
        assert!(!fuzzing::marker(text) || text.contains("backup_marker"), "taken for a marker: {text}");
    }
}
