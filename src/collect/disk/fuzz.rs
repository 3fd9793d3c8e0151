//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::mounts::parse_mounts;

/// Reads a `mountinfo`; where its mounts are.
pub(crate) fn mounts(bytes: &[u8]) -> Vec<std::path::PathBuf> {
    parse_mounts(bytes).into_iter().map(|mount| mount.point).collect()
}
