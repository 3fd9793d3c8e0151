//! Facts about changed files of the installation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Field;

/// The files of the installation beside what they are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Each part of the installation once: the web application, the application server.
    pub trees: Vec<FileTree>,
}

/// A directory tree beside what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTree {
    /// Where it is.
    pub root: String,
    /// What it is compared with.
    pub compared_with: ComparedWith,
    /// What differs; unread when not every file could be read: with the count and the first path.
    pub differences: Field<Differences>,
}

/// What a tree is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparedWith {
    /// The hashes the vendor ships with it, in this file.
    VendorHashes(String),
    /// An untouched tree or archive of the same release, here.
    Pristine(String),
    /// Its own state at an earlier moment: what was changed before that does not show.
    Baseline(Timestamp),
}

/// How a tree differs. Paths are relative to its root, in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differences {
    /// Files that were compared.
    pub compared: u64,
    /// Files whose content is another.
    pub modified: PathList,
    /// Files that are gone.
    pub removed: PathList,
    /// Files that were not there.
    pub added: PathList,
}

/// Some paths, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathList {
    /// How many there are, listed or not.
    pub count: u64,
    /// The first [`PathList::MOST`] of them.
    pub paths: Vec<String>,
}

impl PathList {
    /// Paths that are listed by name; more are only counted.
    pub const MOST: usize = 200;
}
