//! Facts about backups: what lies where, how old, how large, and whether it can be read to its end.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Field;

/// The backups of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Backups {
    /// Each kind of backup once; a kind nobody told the agent about is absent.
    pub sets: Vec<BackupSet>,
    /// The newest proof that a database dump can be restored; `None` inside when there is none.
    pub restore: Field<Option<RestoreProof>>,
}

impl Backups {
    /// The backups of a kind; `None` when nobody told the agent where they are.
    #[must_use]
    pub fn set(&self, kind: BackupKind) -> Option<&BackupSet> {
        self.sets.iter().find(|set| set.kind == kind)
    }
}

/// What a backup is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum BackupKind {
    /// The home directory.
    Home,
    /// The database.
    Database,
    /// The installation directory.
    Installation,
}

impl BackupKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Home, Self::Database, Self::Installation];

    /// The name used in the configuration and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Database => "database",
            Self::Installation => "installation",
        }
    }
}

/// The backups of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct BackupSet {
    /// What they are of.
    pub kind: BackupKind,
    /// The patterns they are looked for with.
    pub places: Vec<String>,
    /// Those that are there, the newest first, at most [`BackupSet::MOST`]; unread when a place could not be looked into.
    pub backups: Field<Vec<Backup>>,
}

impl BackupSet {
    /// Backups that are listed; older ones are left out.
    pub const MOST: usize = 30;
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Backup {
    /// Where it is; of one that only a marker tells of, what the marker says.
    pub path: String,
    /// When it was finished: the time of its last change, or what its marker says.
    pub finished_at: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// What it is, by its content: `zip`, `tar.gz`, `postgresql-custom`, `mysql-plain`, `directory`, `encrypted`,
    /// `marker`, `empty`, `unknown` …
    pub form: String,
    /// Somebody was still writing it when it was looked at.
    pub being_written: bool,
    /// The file system it is on; unread for one that is elsewhere.
    pub mount_point: Field<String>,
    /// What came of reading it to its end; only the newest ones are read, of others it is unread.
    pub integrity: Field<Integrity>,
}

/// What came of reading a backup to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// It could be read to its end.
    Whole(Contents),
    /// It cannot be restored as it is: what is wrong with it.
    Damaged(String),
}

/// What a backup holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Contents {
    /// Files in an archive, tables in a dump.
    pub entries: u64,
    /// Bytes it holds when unpacked.
    pub unpacked_bytes: u64,
    /// Tables of a dump; at most a thousand.
    pub tables: Vec<String>,
    /// The database a dump says it is of.
    pub database: Option<String>,
    /// The version of the server a dump says it was taken from.
    pub server_version: Option<String>,
    /// The version of the tool that wrote a dump; of a marker, who says that the backup is whole.
    pub written_by: Option<String>,
    /// Statements of a dump that would reach into another database than the one it is restored into.
    pub leaves_database: Vec<String>,
}

/// A database dump was restored somewhere, to see that it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestoreProof {
    /// Which dump.
    pub dump: String,
    /// When the dump was finished.
    pub dump_finished_at: Timestamp,
    /// When it was restored.
    pub restored_at: Timestamp,
    /// How long it took.
    pub took: SignedDuration,
    /// The server it was restored on, without credentials.
    pub server: String,
    /// Who proved it: the agent's restore test, or a job that wrote a proof.
    pub by: String,
    /// Why it is no proof: what went wrong, or differs from production; empty when all is well.
    pub defects: Vec<String>,
    /// Tables in the restored database.
    pub tables: u64,
    /// Rows in the restored database and in production, for the tables that were counted.
    pub rows: Vec<RowCount>,
}

/// Rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RowCount {
    /// The table.
    pub table: String,
    /// Rows after the restore.
    pub restored: u64,
    /// Rows in production at the same time; `None` when they could not be counted.
    pub production: Option<u64>,
}
