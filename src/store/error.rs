//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

/// The store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none.
    #[error("there is no store at {}", path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// Its file was removed or replaced while it was open.
    #[error("the store {} was removed or replaced while it was in use", path.display())]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// It is a directory, a link, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What stands in its place.
        path: PathBuf,
    },
    /// Its file could not be made or looked at.
    #[error("making or opening the store {}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It is damaged, or no SQLite file at all.
    #[error("the store {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is the SQLite file of another program.
    #[error("{} is the database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the agent made it, with tables this one does not know.
    #[error("the store {} was made by another version of the agent", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
    },
    /// It could not be opened, read or written.
    #[error("{doing} the store {}", path.display())]
    Use {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        doing: &'static str,
        /// Why.
        #[source]
        cause: sqlx::Error,
    },
    /// There is no room for another word of people.
    #[error("there are {most} waivers and sign-offs of {instance} already")]
    TooManyWords {
        /// The instance.
        instance: String,
        /// How many there may be.
        most: i64,
    },
    /// There is no room for another mark of a step.
    #[error("{most} steps of {instance} are marked already")]
    TooManySteps {
        /// The instance.
        instance: String,
        /// How many there may be.
        most: i64,
    },
}

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

impl StoreError {
    pub(super) fn of(path: &Path, doing: &'static str, cause: sqlx::Error) -> Self {
        // What we never wrote was written by a disk or by somebody's hand.
        let malformed = matches!(cause, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. });
        match primary_code(&cause) {
            _ if malformed => Self::Damaged { path: path.to_owned(), cause: cause.into() },
            Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged { path: path.to_owned(), cause: cause.into() },
            _ => Self::Use { path: path.to_owned(), doing, cause },
        }
    }

    /// Whether nothing can be done with the file: only a new one helps.
    #[must_use]
    pub fn is_beyond_use(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Foreign { .. } | Self::OtherVersion { .. } => true,
            Self::Absent { .. }
            | Self::Gone { .. }
            | Self::NotAFile { .. }
            | Self::Make { .. }
            | Self::Use { .. }
            | Self::TooManyWords { .. }
            | Self::TooManySteps { .. } => false,
        }
    }

    /// Whether a right is lacking.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        match self {
            Self::Make { cause, .. } => {
                matches!(cause.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
            }
            Self::Use { cause, .. } => matches!(primary_code(cause), Some(READ_ONLY | CANNOT_OPEN)),
            Self::Absent { .. }
            | Self::Gone { .. }
            | Self::NotAFile { .. }
            | Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::OtherVersion { .. }
            | Self::TooManyWords { .. }
            | Self::TooManySteps { .. } => false,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Absent { path } => format!(
                "The daemon makes it when it starts: `systemctl start upgrade-readiness-agent`; it stands in its state directory, {}.",
                parent(path)
            ),
            Self::Gone { .. } => {
                "The daemon opens what stands there now, or begins a new one, within a minute; stop it before you \
                 bring a store back from a backup."
                    .to_owned()
            }
            Self::NotAFile { path } => {
                format!("Move it out of the way: `mv {0} {0}.away`; a new store is made then.", path.display())
            }
            Self::Damaged { .. } | Self::Foreign { .. } => {
                "Restart the daemon: it keeps the file aside and begins a new one.".to_owned()
            }
            Self::OtherVersion { .. } => {
                "Use the agent of the same version as the daemon; `agent --version` tells.".to_owned()
            }
            Self::TooManyWords { .. } => {
                "Take back what nobody needs any more: `agent waive --list` and `agent sign-off --list` show them.".to_owned()
            }
            Self::TooManySteps { .. } => {
                "Take back those of upgrades that are over: `agent plan step --list` shows them.".to_owned()
            }
            Self::Make { path, .. } | Self::Use { path, .. } if self.is_denied() => format!(
                "Give the user who needs it the right to write in {0} (`ls -ld {0}` shows the owner), or use sudo.",
                parent(path)
            ),
            Self::Use { path, cause, .. } if primary_code(cause) == Some(BUSY) => format!(
                "Another program keeps it to itself: `fuser -v {}` shows which one. Close it there, then try again.",
                path.display()
            ),
            Self::Make { path, .. } | Self::Use { path, .. } => {
                format!("See whether there is room and the disk is well: `df -h {}`; then try again.", parent(path))
            }
        }
    }

    /// What a person can do who only wants to read: that needs no right to write.
    #[must_use]
    pub fn remedy_to_read(&self) -> String {
        match self {
            Self::Make { path, .. } | Self::Use { path, .. } if self.is_denied() => format!(
                "Run the command as a member of the group that `ls -l {}` shows, or with sudo.",
                path.display()
            ),
            other => other.remedy(),
        }
    }
}

fn parent(path: &Path) -> std::path::Display<'_> {
    path.parent().unwrap_or(path).display()
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
