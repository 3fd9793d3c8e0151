//! Why the database could not be asked, and what a person can do about it.
//!
//! What the server says is shortened to one line; no password ever gets here.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;
use upgrade_readiness_checks::facts::FailureKind;

use super::peer::Peer;
use super::tls::UnknownMode;
use super::trouble::Trouble;
use crate::collect::CollectError;
use crate::collect::text_file::ReadTextError;

/// Longer messages of a server are cut.
const LONGEST_MESSAGE: usize = 400;

/// The database could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// The product's configuration could not be read in time.
    #[error("reading where the database is: not done within {limit:?}")]
    DirectionsTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The JDBC URL asks for an encryption nobody knows.
    #[error("connecting to the database")]
    Encryption(#[source] UnknownMode),
    /// The file with certificates holds none.
    #[error("reading certificates from {}: it holds no PEM certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The host name leads nowhere.
    #[error("finding the address of the database server {host}")]
    FindHost {
        /// The host.
        host: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// No connection came about.
    #[error("connecting to the database {} as {}", peer.address(), peer.username)]
    Connect {
        /// Where to.
        peer: Peer,
        /// What it failed at.
        trouble: Trouble,
        /// Why.
        #[source]
        cause: Told,
    },
    /// The server did not finish greeting the agent.
    #[error("connecting to the database {} as {}: no answer within {limit:?}", peer.address(), peer.username)]
    ConnectTimeout {
        /// Where to.
        peer: Peer,
        /// The limit.
        limit: Duration,
    },
    /// The connection broke.
    #[error("reading the catalogues of the database {} as {}", peer.address(), peer.username)]
    Read {
        /// Where.
        peer: Peer,
        /// What it failed at.
        trouble: Trouble,
        /// Why.
        #[source]
        cause: Told,
    },
    /// Reading took too long.
    #[error("reading the catalogues of the database {}: not done within {limit:?}", peer.address())]
    ReadTimeout {
        /// Where.
        peer: Peer,
        /// The limit.
        limit: Duration,
    },
}

/// What a server or driver says, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Told(String);

impl LookError {
    /// A connection that did not come about.
    pub(super) fn connect(peer: &Peer, cause: &sqlx::Error) -> Self {
        Self::Connect { peer: peer.clone(), trouble: Trouble::of(cause), cause: Told(told(cause)) }
    }

    /// A greeting so broken that the driver panics over it.
    pub(super) fn garbled(peer: &Peer) -> Self {
        let cause = Told("the answer is not what a database sends".to_owned());
        Self::Connect { peer: peer.clone(), trouble: Trouble::NotUnderstood, cause }
    }

    /// Directions to a server this agent does not speak to.
    pub(super) fn garbled_engine(address: &str) -> Self {
        Self::FindHost {
            host: address.to_owned(),
            cause: io::Error::other("the agent does not speak the language of this database"),
        }
    }

    /// A connection that broke.
    pub(super) fn read(peer: &Peer, cause: &sqlx::Error) -> Self {
        Self::Read { peer: peer.clone(), trouble: Trouble::of(cause), cause: Told(told(cause)) }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Encryption(_) | Self::NoCertificate { .. } => FailureKind::Malformed,
            Self::FindHost { .. } => FailureKind::Unreachable,
            Self::Connect { trouble, .. } | Self::Read { trouble, .. } => trouble.kind(),
            Self::DirectionsTimeout { .. } | Self::ConnectTimeout { .. } | Self::ReadTimeout { .. } => {
                FailureKind::Timeout
            }
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::DirectionsTimeout { .. } => {
                "The file system with the product's configuration does not answer: \
                see df and the mounts of this host."
                    .to_owned()
            }
            Self::Encryption(_) => {
                "Correct the JDBC URL, or set database.url of the instance in the agent's \
                configuration; known are disable, prefer, require, verify-ca and verify-full for PostgreSQL, \
                DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY for MySQL."
                    .to_owned()
            }
            Self::NoCertificate { path } => format!(
                "Put the certificate of the authority into {} in PEM form: it begins with -----BEGIN CERTIFICATE-----.",
                path.display()
            ),
            Self::FindHost { host, .. } => format!(
                "See what this host knows of the name: getent hosts {host}. If the product reaches the server by \
                 another name, set database.url of the instance in the agent's configuration."
            ),
            Self::Connect { peer, trouble, .. } | Self::Read { peer, trouble, .. } => trouble.remedy(peer),
            Self::ConnectTimeout { peer, .. } => format!(
                "A firewall may drop the packets, or what listens on {} is no database. Try by hand from this \
                 host: {}",
                peer.server(),
                peer.by_hand()
            ),
            Self::ReadTimeout { peer, .. } => format!(
                "The server {} is overloaded or waits for a lock. See what it does: {}",
                peer.server(),
                if peer.is_mysql() { "SHOW FULL PROCESSLIST;" } else { "SELECT * FROM pg_stat_activity;" }
            ),
        }
    }
}

impl From<LookError> for CollectError {
    fn from(error: LookError) -> Self {
        let (kind, remedy) = (error.kind(), error.remedy());
        Self::new(kind, error, remedy)
    }
}

/// A file with certificates could not be read.
pub(super) fn unreadable_certificates(error: ReadTextError) -> CollectError {
    let remedy = format!(
        "{} Or name another file in database.ca_file of the instance in the agent's configuration.",
        error.remedy()
    );
    CollectError::new(error.kind(), error, remedy)
}

/// The connection is of no further use.
pub(super) fn is_disconnected(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => Trouble::of(error) == Trouble::NotServing,
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_)
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::RowNotFound => false,
        // Not an enum of ours: everything else concerns the connection.
        _ => true,
    }
}

/// Encryption was offered and then failed.
pub(super) fn is_encryption_trouble(error: &sqlx::Error) -> bool {
    matches!(Trouble::of(error), Trouble::Encryption | Trouble::Certificate)
        && !matches!(error, sqlx::Error::Database(_))
}

/// What the server or the driver says, in one line of bounded length.
pub(super) fn told(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Database(told) => match told.try_downcast_ref::<MySqlDatabaseError>() {
            Some(told) => format!("{} ({})", told.message(), told.number()),
            None => match told.code() {
                Some(code) => format!("{} ({code})", told.message()),
                None => told.message().to_owned(),
            },
        },
        sqlx::Error::Io(cause) => cause.to_string(),
        other => other.to_string(),
    };
    one_line(&text)
}

/// Foreign text without line breaks and control characters, of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(one_line("FATAL:\n\tno\u{1b}[31m  way\r\n"), "FATAL: no [31m way");
        let long = "ä".repeat(5000);
        assert_eq!(one_line(&long).chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(one_line(""), "");
    }
}
