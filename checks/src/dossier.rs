//! The dossier: facts together with all they are judged by, so that anybody may judge them again and see the same.
//!
//! Facts alone are half of a verdict. The other half is what the operator wants and allows, which stands in the
//! configuration, and what is known of releases. Both travel with the facts here; of the catalog itself only who
//! it is, since every agent has one.

mod brief;

use serde::{Deserialize, Serialize};

pub use brief::Brief;

use crate::facts::{Refresh, Snapshot};

/// Version of the dossier's JSON form; raised when a reader of the old form would misread the new one. The form
/// before, 1.0, was a snapshot alone.
pub const DOSSIER_FORMAT: &str = "2.0";

/// Facts of an instance, and what they are judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dossier {
    /// [`DOSSIER_FORMAT`] of the writer.
    pub format_version: String,
    /// Version of the agent that wrote it: its checks may be others than those of the reader.
    pub agent: String,
    /// The catalog the facts were judged by, with what was learned since.
    pub catalog: CatalogIdentity,
    /// What the operator wants and allows.
    pub brief: Brief,
    /// What was learned of releases after the catalog was written; `None` when nothing was.
    #[serde(default)]
    pub learned: Option<Refresh>,
    /// The facts.
    pub facts: Snapshot,
}

/// Which catalog it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CatalogIdentity {
    /// `embedded`, or the path of the file it was read from.
    pub origin: String,
    /// SHA-256 over its text and what was learned since, as in [`crate::facts::Releases::digest`].
    pub digest: String,
}
