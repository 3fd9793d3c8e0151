//! Why something of a Carbon home could not be read, and how that stands in the facts.

use std::io;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{FailureKind, Field};

use crate::chain::Chain;
use crate::collect::text_file::{ReadTextError, read_text};
use crate::collect::xml::ReadXmlError;
use crate::collect::{CollectError, kind_of_io};
use crate::product::carbon::layout::unless_link_to_nowhere;

/// Why something of a Carbon home could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A text file could not be read.
    #[error(transparent)]
    Text(#[from] ReadTextError),
    /// An XML file could not be read.
    #[error(transparent)]
    Xml(#[from] ReadXmlError),
    /// A TOML file is not well-formed. What is in it is not quoted: passwords stand there.
    #[error("reading {}: line {line} is not well-formed TOML", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// A directory could not be listed.
    #[error("listing {}", path.display())]
    List {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// There is more in a directory or file than any product has there.
    #[error("{} has more than {most} {what}", path.display())]
    TooMany {
        /// The directory or file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The most that are read.
        most: usize,
    },
    /// A file does not say what belongs there.
    #[error("{} {complaint}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        complaint: String,
    },
    /// What another error said already.
    #[error("{told}")]
    Again {
        /// Its kind.
        kind: FailureKind,
        /// Its whole chain.
        told: String,
        /// What a person can do about it.
        remedy: String,
    },
}

impl HomeError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Text(cause) => cause.kind(),
            Self::Xml(cause) => cause.kind(),
            Self::List { cause, .. } => kind_of_io(cause),
            Self::Again { kind, .. } => *kind,
            Self::Toml { .. } | Self::TooMany { .. } | Self::Unfit { .. } => FailureKind::Malformed,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Text(cause) => cause.remedy(),
            Self::Xml(cause) => cause.remedy(),
            Self::Again { remedy, .. } => remedy.clone(),
            Self::List { path, cause } if kind_of_io(cause) == FailureKind::Denied => format!(
                "Let the agent's user list it: setfacl -m u:{uid}:rx {path}.",
                uid = rustix::process::getuid().as_raw(),
                path = path.display()
            ),
            Self::List { path, .. }
            | Self::Toml { path, .. }
            | Self::TooMany { path, .. }
            | Self::Unfit { path, .. } => {
                format!("Look at {}: it is not what belongs there.", path.display())
            }
        }
    }

    /// It was looked for, and is not there.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        self.kind() == FailureKind::Absent
    }
}

impl From<HomeError> for CollectError {
    fn from(error: HomeError) -> Self {
        let (kind, remedy) = (error.kind(), error.remedy());
        Self::new(kind, error, remedy)
    }
}

/// The result of a look as facts hold it.
pub(super) fn field<T>(result: Result<T, HomeError>) -> Field<T> {
    match result {
        Ok(value) => Field::Read(value),
        Err(error) => Field::Unread(format!("{}. {}", Chain(&error), error.remedy())),
    }
}

/// What one error says, for a second place where it stands in the way.
pub(super) fn explained(error: &HomeError) -> HomeError {
    HomeError::Again { kind: error.kind(), told: Chain(error).to_string(), remedy: error.remedy() }
}

/// `None` when the file or directory is not there, else what was read or why not.
pub(super) fn if_there<T>(result: Result<T, HomeError>) -> Result<Option<T>, HomeError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names in a directory, in alphabetical order; names that are not UTF-8 are left out.
pub(super) fn list(path: &Path, most: usize, what: &'static str) -> Result<Vec<String>, HomeError> {
    let failed =
        |cause| HomeError::List { path: path.to_owned(), cause: unless_link_to_nowhere(path, cause) };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        if names.len() == most {
            return Err(HomeError::TooMany { path: path.to_owned(), what, most });
        }
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Reads a TOML file.
pub(super) fn read_toml(path: &Path) -> Result<toml::Table, HomeError> {
    let text = read_text(path)?;
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        HomeError::Toml { path: path.to_owned(), line: before.matches('\n').count() + 1 }
    })
}
