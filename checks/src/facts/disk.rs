//! Facts about file systems and the directories that live on them.

use serde::{Deserialize, Serialize};

use super::Field;

/// The file systems an instance lives on, and what of it lives where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Disk {
    /// Each file system once, by mount point.
    pub filesystems: Vec<FileSystem>,
    /// The directories of the instance, in the order of [`Role`].
    pub places: Vec<Place>,
}

impl Disk {
    /// The place with this role, when the instance has one.
    #[must_use]
    pub fn place(&self, role: Role) -> Option<&Place> {
        self.places.iter().find(|place| place.role == role)
    }

    /// The file system mounted at a mount point.
    #[must_use]
    pub fn filesystem(&self, mount_point: &str) -> Option<&FileSystem> {
        self.filesystems.iter().find(|filesystem| filesystem.mount_point == mount_point)
    }
}

/// One mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct FileSystem {
    /// Where it is mounted.
    pub mount_point: String,
    /// Its type: `ext4`, `nfs4` …
    pub kind: String,
    /// Its size.
    pub total_bytes: u64,
    /// Bytes a process without privileges may still write.
    ///
    /// Smaller than the free space `df` reports for root: file systems hold back a reserve.
    pub free_bytes: u64,
    /// Files it can hold; `None` where the file system does not count them.
    pub inodes_total: Option<u64>,
    /// Files that can still be made; `None` where the file system does not count them.
    pub inodes_free: Option<u64>,
    /// Mounted read-only.
    pub read_only: bool,
}

/// A directory of the instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Place {
    /// What it is to the instance.
    pub role: Role,
    /// Where it is.
    pub path: String,
    /// The file system it is on.
    pub mount_point: Field<String>,
    /// What it holds; unread when it could not be walked to its end.
    pub size: Field<DirectorySize>,
}

/// What a directory tree holds. Links are not followed; other file systems below it are not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DirectorySize {
    /// Sum of the sizes of its files, each hard-linked file once.
    pub bytes: u64,
    /// Files and directories in it.
    pub entries: u64,
}

/// What a directory is to the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The program.
    Installation,
    /// The directory the installation stands in; installers put their backup and the new program there.
    InstallationParent,
    /// The local home.
    Home,
    /// The directory the home stands in; installers put the backup of the home there.
    HomeParent,
    /// The home shared by the nodes of a cluster.
    SharedHome,
    /// Attachments, when they are kept in the file system.
    Attachments,
    /// The search index.
    Index,
}

impl Role {
    /// What it is called in sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Installation => "installation directory",
            Self::InstallationParent => "parent of the installation directory",
            Self::Home => "home directory",
            Self::HomeParent => "parent of the home directory",
            Self::SharedHome => "shared home directory",
            Self::Attachments => "attachments directory",
            Self::Index => "index directory",
        }
    }
}
