//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::os_release::parse_os_release;

/// Reads an `os-release`.
pub(crate) fn os_release(text: &str) {
    parse_os_release(text);
}
