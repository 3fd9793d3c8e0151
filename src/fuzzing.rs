//! Doors through which the fuzz targets in `fuzz/` reach the parsers of foreign data.
//!
//! They exist only with the feature `fuzzing`, are no interface, and are kept so thin that what is tried is the parser
//! itself. What the targets can reach without a door has none.

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Contents, Said};

use crate::collect::{backups, database, disk, files, host, java, rehearsal, releases, traffic};
use crate::product::{carbon, confluence};

/// The marker a backup job writes.
pub fn marker(text: &str) -> bool {
    backups::fuzz::marker(text)
}

/// A backup of any form, which may unpack to `most` bytes; what is in it when it is whole.
pub fn archive(path: &Path, most: u64) -> Option<Contents> {
    backups::fuzz::archive(path, most)
}

/// A packed pristine installation; `beside` is a file for what is kept of it.
pub fn pristine(path: &Path, beside: &Path) -> Option<usize> {
    files::fuzz::pristine(path, beside)
}

/// What is kept of an installation.
pub fn kept(path: &Path) -> bool {
    files::fuzz::kept(path)
}

/// An access log: bytes of whole lines, and requests.
pub fn log(bytes: &[u8]) -> Option<(u64, u64)> {
    traffic::fuzz::log(bytes)
}

/// Scripts, command lines and `release` files of Java.
pub fn java_texts(text: &str) {
    java::fuzz::texts(text);
}

/// `/proc/self/mountinfo`.
pub fn mounts(bytes: &[u8]) -> Vec<PathBuf> {
    disk::fuzz::mounts(bytes)
}

/// `/etc/os-release`.
pub fn os_release(text: &str) {
    host::fuzz::os_release(text);
}

/// `SHOW GRANTS`.
pub fn grants(line: &str) -> bool {
    database::mysql::fuzz::grants(line)
}

/// Answers of public lists of releases.
pub fn lists(bytes: &[u8]) -> Vec<Said> {
    releases::fuzz::answers(bytes)
}

/// The status of another agent.
pub fn other_status(text: &str) -> bool {
    rehearsal::fuzz_status(text)
}

/// Answers of Confluence and the marketplace.
pub fn confluence_answers(bytes: &[u8]) {
    confluence::fuzz::answers(bytes);
}

/// The vendor's list of files and their hashes.
pub fn registry(text: &str) -> Option<usize> {
    confluence::fuzz::registry(text)
}

/// Manifests of jars, their headers, and lists of bundles.
pub fn bundle_texts(bytes: &[u8]) {
    carbon::bundles::fuzz::texts(bytes);
}

/// A jar.
pub fn jar(path: &Path) -> bool {
    carbon::bundles::fuzz::jar(path)
}

/// A file of a configuration, taken apart: its settings as they are shown, or why it could not be.
pub fn settings(name: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    carbon::drift::fuzz::settings(name, bytes)
}
