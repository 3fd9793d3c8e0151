//! Secrets: where they are kept, and never what they are.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::collect::text_file::{ReadTextError, read_text};

/// Where a secret is kept. It is read at each use, so that a renewed one needs no restart.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file; white space at its end does not count.
    File(PathBuf),
    /// In an environment variable of the agent.
    Environment(String),
}

/// A secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file could not be read.
    #[error("reading a secret")]
    ReadFile(#[source] ReadTextError),
    /// The environment variable is not set.
    #[error("the environment variable {0}, which should hold a secret, is not set")]
    NotSet(String),
    /// There is nothing in it.
    #[error("{0}, which should hold a secret, is empty")]
    Empty(String),
}

/// Where systemd puts the credentials of the daemon; commands that are run by hand find them there while it runs.
const CREDENTIALS_OF_THE_DAEMON: &str = "/run/credentials/upgrade-readiness-agent.service";

impl SecretSource {
    /// A systemd credential: a file in the directory systemd made for this process. `None` when the name would lead
    /// out of that directory.
    pub(super) fn credential(name: &str) -> Option<Self> {
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return None;
        }
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY").unwrap_or(CREDENTIALS_OF_THE_DAEMON.into());
        Some(Self::File(PathBuf::from(directory).join(name)))
    }

    /// Reads the secret.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        // What is read is overwritten once the secret is taken out of it.
        let text = Zeroizing::new(match self {
            Self::File(path) => read_text(path).map_err(SecretError::ReadFile)?,
            Self::Environment(name) => {
                std::env::var(name).ok().ok_or_else(|| SecretError::NotSet(name.clone()))?
            }
        });
        let secret = text.trim_end();
        if secret.is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(SecretString::from(secret))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretSource({self})")
    }
}
