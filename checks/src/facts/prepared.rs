//! A new release that is set up beside the running one, with a staging database and what was copied to it.

use serde::{Deserialize, Serialize};

use super::{CarbonHome, Drift, Driver, Field, OutOfReach, PathList, StagedDatabase, Statement};
use crate::version::ProductVersion;

/// A new release beside the running one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Prepared {
    /// Where it is.
    pub place: String,
    /// It is the running home itself, by another name or a link.
    pub is_running_home: Field<bool>,
    /// Its version.
    pub version: Field<ProductVersion>,
    /// Every place that states a version.
    pub statements: Vec<Statement>,
    /// The home as its files describe it.
    pub home: CarbonHome,
    /// Its JDBC drivers.
    pub drivers: Field<Vec<Driver>>,
    /// Directories that are to be copied to it, beside those of the running home.
    pub copies: Vec<TreeCopy>,
    /// Its configuration beside that of the running home and of untouched releases.
    pub drift: Field<Drift>,
    /// Its databases beside those of the running home.
    pub databases: Field<Vec<StagedDatabase>>,
}

/// A directory and its copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TreeCopy {
    /// The directory, below either home: `repository/deployment/server`.
    pub below: String,
    /// There is such a directory in the running home; unread when that could not be seen.
    pub is_there: Field<bool>,
    /// What should be the copy is the directory of the running home itself, through a link or a mount.
    pub is_original: bool,
    /// The copy landed inside itself, as `cp -r` does when it is run twice: `repository/deployment/server/server`.
    pub nested: Option<String>,
    /// How the copy differs; unread when one of them could not be read at all.
    pub differences: Field<CopyDifferences>,
}

/// How a copy differs from what it is a copy of. Files the vendor ships differently in both releases are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CopyDifferences {
    /// Files that were compared.
    pub compared: u64,
    /// Files that are not in the copy.
    pub missing: PathList,
    /// Files whose content is another.
    pub differing: PathList,
    /// Files that are in the copy alone.
    pub extra: PathList,
    /// Files the vendor ships with one of the releases, which say nothing about the copy.
    pub of_vendor: u64,
    /// Files of the vendor could be told apart, as both untouched releases are at hand.
    pub knows_vendor: bool,
    /// Files and directories of either that could not be looked at.
    pub out_of_reach: Option<OutOfReach>,
}
