//! Reading small text files that somebody else wrote.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use upgrade_readiness_checks::facts::FailureKind;

use super::{CollectError, kind_of_io};
use crate::chain::Chain;

/// No configuration file of a product is longer than this.
pub const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Why a text file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadTextError {
    /// Opening or reading failed.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It is not a regular file.
    #[error("reading {}: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// It is longer than any such file is.
    #[error("reading {}: longer than {most} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        most: u64,
    },
    /// It is not UTF-8.
    #[error("reading {}: not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
}

impl ReadTextError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Read { cause, .. } => kind_of_io(cause),
            Self::NotAFile { .. } | Self::TooLong { .. } | Self::NotText { .. } => FailureKind::Malformed,
        }
    }

    /// There is no regular file of that name.
    #[must_use]
    pub fn is_no_file(&self) -> bool {
        matches!(self, Self::NotAFile { .. }) || self.kind() == FailureKind::Absent
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Read { path, cause } => match kind_of_io(cause) {
                FailureKind::Denied => format!(
                    "Let the agent's user read it: setfacl -m u:{uid}:r {path}.",
                    uid = rustix::process::getuid().as_raw(),
                    path = path.display()
                ),
                FailureKind::Absent => {
                    "Check installation_dir and home_dir of the instance in the agent's configuration."
                        .to_owned()
                }
                FailureKind::Unreachable
                | FailureKind::Timeout
                | FailureKind::Malformed
                | FailureKind::Internal => "Check the disk and its mount.".to_owned(),
            },
            Self::NotAFile { path } | Self::TooLong { path, .. } | Self::NotText { path } => {
                format!("Look at {}: it is not what belongs there.", path.display())
            }
        }
    }
}

impl From<ReadTextError> for CollectError {
    fn from(error: ReadTextError) -> Self {
        let (kind, remedy) = (error.kind(), error.remedy());
        Self::new(kind, error, remedy)
    }
}

/// Reads a UTF-8 text file of at most [`MOST_BYTES`]; pipes and devices are refused, not waited for.
pub fn read_text(path: &Path) -> Result<String, ReadTextError> {
    read_text_up_to(path, MOST_BYTES)
}

/// Reads a UTF-8 text file of at most `most` bytes; pipes and devices are refused, not waited for.
pub fn read_text_up_to(path: &Path, most: u64) -> Result<String, ReadTextError> {
    let bytes = read_bytes_up_to(path, most)?;
    String::from_utf8(bytes).ok().ok_or_else(|| ReadTextError::NotText { path: path.to_owned() })
}

/// Reads a file of at most [`MOST_BYTES`], whatever it is written in; pipes and devices are refused, not waited for.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, ReadTextError> {
    read_bytes_up_to(path, MOST_BYTES)
}

/// Reads a file of at most `most` bytes, whatever it is written in; pipes and devices are refused, not waited for.
pub fn read_bytes_up_to(path: &Path, most: u64) -> Result<Vec<u8>, ReadTextError> {
    let failed = |cause| ReadTextError::Read { path: path.to_owned(), cause };
    // Opening a pipe waits for somebody to write into it, and opening a device may do something: neither is opened.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ReadTextError::NotAFile { path: path.to_owned() });
    }
    let file = open_without_waiting(path).map_err(failed)?;
    // What is open counts: another file may have taken the place of the one looked at before.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(ReadTextError::NotAFile { path: path.to_owned() });
    }
    if found.len() > most {
        return Err(ReadTextError::TooLong { path: path.to_owned(), most });
    }
    // Room for all of it at once: a buffer that grows leaves copies behind, and there are secrets among what is read.
    let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default() + 1);
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(ReadTextError::TooLong { path: path.to_owned(), most });
    }
    Ok(bytes)
}

/// Opens for reading; returns at once even when a pipe has taken the place of the file.
pub(crate) fn open_without_waiting(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// What a person needs to know about a file that could not be read.
#[must_use]
pub fn explain_text(error: &ReadTextError) -> String {
    format!("{}. {}", Chain(error), error.remedy())
}

/// What a person needs to know about a directory that could not be looked at.
#[must_use]
pub fn explain_io(path: &Path, error: &io::Error) -> String {
    let told = format!("looking at {}: {error}", path.display());
    if error.kind() != io::ErrorKind::PermissionDenied {
        return told;
    }
    format!(
        "{told}. Let the agent's user look at it: setfacl -m u:{uid}:rx {path}, and u:{uid}:x on the directories above it.",
        uid = rustix::process::getuid().as_raw(),
        path = path.display()
    )
}
