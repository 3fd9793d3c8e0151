//! Asking sources for facts: one file or folder per source that is read the same way for every product.
//!
//! A collector looks once and returns. It does not retry, limit its time, log or remember: the schedule
//! does that for all alike. It does not know what is good or bad, and it never writes to what it watches.

pub mod accounts;
pub mod backups;
pub mod blocking;
pub mod custom;
pub mod database;
pub mod disk;
pub mod drivers;
pub mod files;
pub mod host;
pub mod http;
pub mod java;
pub mod layout;
pub mod notebook;
pub mod ownership;
pub mod process;
pub mod properties;
pub mod rehearsal;
pub mod releases;
pub mod scripts;
pub mod search;
pub mod surroundings;
pub mod targets;
pub mod text_file;
pub mod traffic;
pub mod turn;
#[cfg(test)]
pub(crate) mod unprivileged;
pub mod xml;

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{Failure, FailureKind, Section, Source};

use crate::chain::Chain;

/// Asks one source of one instance.
#[async_trait]
pub trait Collector: Send + Sync {
    /// The source it asks.
    fn source(&self) -> Source;

    /// Looks once. No retry, no time limit, no logging, no cache: the schedule does those for all alike.
    async fn collect(&self) -> Result<Section, CollectError>;

    /// The same with the age of the facts: a collector that takes what another agent learned says how old that is.
    async fn answer(&self) -> Result<Answer, CollectError> {
        Ok(Answer { section: self.collect().await?, age: Duration::ZERO })
    }
}

/// Facts, and how old they are.
#[derive(Debug)]
pub struct Answer {
    /// The facts.
    pub section: Section,
    /// How long ago they were learned; zero when that was just now.
    pub age: Duration,
}

/// A source could not be asked.
#[derive(Debug)]
pub struct CollectError {
    kind: FailureKind,
    cause: Box<dyn Error + Send + Sync>,
    remedy: String,
}

impl CollectError {
    /// Joins what failed, its kind, and what a person can do about it (full sentences, or empty).
    pub fn new(
        kind: FailureKind,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { kind, cause: cause.into(), remedy: remedy.into() }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The failure as facts hold it: one line with the whole chain and the remedy.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let story = Chain(self.cause.as_ref()).to_string();
        let message = if self.remedy.is_empty() { story } else { format!("{story}. {}", self.remedy) };
        Failure { kind: self.kind, message }
    }
}

/// The kind of failure a file operation ended with.
#[must_use]
pub fn kind_of_io(error: &std::io::Error) -> FailureKind {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => FailureKind::Absent,
        ErrorKind::PermissionDenied => FailureKind::Denied,
        ErrorKind::TimedOut => FailureKind::Timeout,
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => FailureKind::Malformed,
        _ => FailureKind::Unreachable,
    }
}
