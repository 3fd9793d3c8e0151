//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use super::grants::{parse_grant, parse_roles};

/// Reads a line of `SHOW GRANTS`, and a list of roles; whether either was understood.
pub(crate) fn grants(line: &str) -> bool {
    parse_grant(line).is_ok() | parse_roles(line).is_ok()
}
