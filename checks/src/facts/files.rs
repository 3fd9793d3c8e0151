//! Facts about changed files of the installation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Field;

/// The files of the installation beside what they are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Files {
    /// Each part of the installation once: the web application, the application server.
    pub trees: Vec<FileTree>,
}

/// A directory tree beside what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct FileTree {
    /// Where it is.
    pub root: String,
    /// What it is compared with.
    pub compared_with: ComparedWith,
    /// What differs; unread when the tree or what it is compared with could not be read at all.
    pub differences: Field<Differences>,
}

/// What a tree is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ComparedWith {
    /// The hashes the vendor ships with it, in this file.
    VendorHashes(String),
    /// An untouched tree or archive of the same release, here.
    Pristine(String),
    /// Its own state at an earlier moment: what was changed before that does not show.
    Baseline(Timestamp),
}

/// How a tree differs. Paths are relative to its root; bytes that are no text stand as `\xNN` in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Differences {
    /// Files that were compared.
    pub compared: u64,
    /// Files whose content is another.
    pub modified: PathList,
    /// Files that are gone.
    pub removed: PathList,
    /// Files that were not there.
    pub added: PathList,
    /// Files and directories that could not be looked at, so that what differs there is not known.
    #[serde(default)]
    pub out_of_reach: Option<OutOfReach>,
    /// Entries of what it is compared with that can be no file of the tree, such as one with `..` in its path.
    #[serde(default)]
    pub strange_entries: u64,
}

/// What could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OutOfReach {
    /// How many files and directories; what is in such a directory is not counted.
    pub count: u64,
    /// The first of them in alphabetical order, from the root of the file system.
    pub first: String,
    /// Why that one could not be looked at.
    pub why: String,
}

/// Some paths, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PathList {
    /// How many there are, listed or not.
    pub count: u64,
    /// [`PathList::MOST`] of them at most: those closest to the root, then in alphabetical order.
    pub paths: Vec<String>,
}

impl PathList {
    /// Paths that are listed by name; more are only counted.
    pub const MOST: usize = 200;
}
