//! Doors for the fuzz targets: the parsers of this folder, on bytes.

use std::path::Path;

use super::clause::parse_clauses;
use super::jar::{Depth, read_jar};
use super::list::parse_list;
use super::manifest::parse_manifest;
use crate::collect::blocking::Stop;

/// Reads a manifest, every header of it, and a list of bundles.
pub(crate) fn texts(bytes: &[u8]) {
    if let Ok(manifest) = parse_manifest(bytes) {
        for header in ["import-package", "export-package", "bundle-classpath", "require-bundle"] {
            drop(manifest.get(header).map(|text| parse_clauses(header, text)));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(parse_clauses("Import-Package", text));
        parse_list(text);
    }
}

/// Reads a jar; whether it was one.
pub(crate) fn jar(path: &Path) -> bool {
    read_jar(path, Depth::Classes, &Stop::default()).is_ok()
}
