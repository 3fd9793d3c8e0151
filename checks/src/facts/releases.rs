//! Facts about the catalog in use.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Which catalog the targets are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Releases {
    /// `embedded`, or the path of the file it was read from.
    pub origin: String,
    /// The day its content was last compared with the vendor's.
    pub collected_on: Date,
    /// SHA-256 of its text, so that a report can be traced to it.
    pub digest: String,
}
