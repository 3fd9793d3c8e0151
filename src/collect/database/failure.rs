//! Why the database could not be asked, and what a person can do about it.
//!
//! What the server says is shortened to one line; no password ever gets here.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::mysql::MySqlDatabaseError;
use upgrade_readiness_checks::facts::{Engine, FailureKind};

use super::Connection;
use super::tls::UnknownMode;
use crate::collect::text_file::ReadTextError;
use crate::collect::{CollectError, kind_of_io};

/// Longer messages of a server are cut.
const LONGEST_MESSAGE: usize = 400;

/// Where the database is and who looks: what messages name.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// What it is taken for.
    pub(super) engine: Engine,
    /// Server host, without the brackets of an IPv6 address.
    pub(super) host: String,
    /// Server port.
    pub(super) port: u16,
    /// Database name.
    pub(super) database: String,
    /// The account the agent looks with.
    pub(super) username: String,
}

impl Peer {
    /// Where a connection leads to.
    pub(super) fn of(connection: &Connection) -> Self {
        let usual = match connection.engine {
            Engine::Mysql | Engine::Mariadb => 3306,
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => 5432,
        };
        let host = connection.host.trim_matches(['[', ']']);
        Self {
            engine: connection.engine,
            host: if host.is_empty() { "localhost" } else { host }.to_owned(),
            port: connection.port.unwrap_or(usual),
            database: connection.database.clone(),
            username: connection.username.clone(),
        }
    }

    /// Host, port and database in one word.
    pub(super) fn address(&self) -> String {
        format!("{}/{}", self.server(), self.database)
    }

    fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The command with which a person tries the same by hand.
    fn by_hand(&self) -> String {
        let Self { host, port, database, username, .. } = self;
        if self.is_mysql() {
            format!("mysql -h {host} -P {port} -u {username} -p {database}")
        } else {
            format!("psql -h {host} -p {port} -U {username} {database}")
        }
    }

    fn is_mysql(&self) -> bool {
        match self.engine {
            Engine::Mysql | Engine::Mariadb => true,
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => false,
        }
    }
}

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

/// What a connection can fail at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens.
    NobodyThere,
    /// Somebody listens and hangs up.
    HungUp,
    /// The server is starting or stopping.
    NotServing,
    /// What answers does not speak the language.
    NotUnderstood,
    /// The certificate is not trusted.
    Certificate,
    /// Encryption was asked for and did not come about.
    Encryption,
    /// Name or password are refused.
    Login,
    /// This host or database is not open to the account.
    NotAdmitted,
    /// There is no such database.
    NoDatabase,
    /// The server has no connection left.
    Crowded,
    /// The server refuses for a reason of its own.
    Refused,
}

impl LookError {
    /// A connection that did not come about.
    pub(super) fn connect(peer: &Peer, cause: &sqlx::Error) -> Self {
        Self::Connect { peer: peer.clone(), trouble: Trouble::of(cause), cause: Told(told(cause)) }
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

impl Trouble {
    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(cause) => Self::of_io(cause),
            sqlx::Error::Tls(_) => Self::Encryption,
            sqlx::Error::Database(told) => match told.try_downcast_ref::<MySqlDatabaseError>() {
                Some(told) => Self::of_mysql(told.number()),
                None => Self::of_postgres(told.code().as_deref().unwrap_or_default()),
            },
            // Not an enum of ours, and it may grow: whatever else goes wrong, it is not an answer.
            _ => Self::NotUnderstood,
        }
    }

    fn of_io(cause: &io::Error) -> Self {
        match cause.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(_)) => return Self::Certificate,
            Some(_) => return Self::Encryption,
            None => {}
        }
        match cause.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::HungUp
            }
            _ if kind_of_io(cause) == FailureKind::Malformed => Self::NotUnderstood,
            _ => Self::NobodyThere,
        }
    }

    /// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            "28P01" => Self::Login,
            "28000" | "42501" | "55000" => Self::NotAdmitted,
            "3D000" => Self::NoDatabase,
            "53300" => Self::Crowded,
            "57P01" | "57P02" | "57P03" => Self::NotServing,
            _ => Self::Refused,
        }
    }

    /// By error number: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
    /// <https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference>.
    fn of_mysql(number: u16) -> Self {
        match number {
            1045 | 1698 | 1820 | 1862 | 3118 | 4151 => Self::Login,
            1044 | 1129 | 1130 => Self::NotAdmitted,
            1049 => Self::NoDatabase,
            1040 | 1203 | 1226 => Self::Crowded,
            1053 => Self::NotServing,
            3159 => Self::Encryption,
            1251 => Self::NotUnderstood,
            _ => Self::Refused,
        }
    }

    fn kind(self) -> FailureKind {
        match self {
            Self::NobodyThere | Self::HungUp | Self::NotServing => FailureKind::Unreachable,
            Self::NotUnderstood => FailureKind::Malformed,
            Self::NoDatabase => FailureKind::Absent,
            Self::Certificate
            | Self::Encryption
            | Self::Login
            | Self::NotAdmitted
            | Self::Crowded
            | Self::Refused => FailureKind::Denied,
        }
    }

    fn remedy(self, peer: &Peer) -> String {
        let engine = if peer.is_mysql() { "MySQL or MariaDB" } else { "PostgreSQL" };
        let server = peer.server();
        let Peer { host, port, database, username, .. } = peer;
        let by_hand = peer.by_hand();
        match self {
            Self::NobodyThere => format!(
                "Start the database server, or correct host and port: ss -ltn 'sport = :{port}' on {host} shows \
                 whether it listens. Try by hand from this host: {by_hand}"
            ),
            Self::HungUp => format!(
                "Something accepts connections on {server} and closes them: a proxy with no server behind it, a \
                 server that is stopping, or another service. Try by hand: {by_hand}"
            ),
            Self::NotServing => {
                format!("The server {server} is starting, stopping or recovering: see its log, and wait.")
            }
            Self::NotUnderstood => format!(
                "Either {server} is not {engine}, or the account {username} logs in by a method the agent does not \
                 speak (GSS, LDAP, ed25519): then give the agent an account with a password, in database.username \
                 and database.password_file of the instance."
            ),
            Self::Certificate => format!(
                "Name the authority that signed the certificate of {server} in database.ca_file of the instance, a \
                 PEM file; if it is known already, the certificate has expired or is not for the name {host}."
            ),
            Self::Encryption => format!(
                "The JDBC URL and the server {server} disagree on encryption: see sslmode (PostgreSQL) or sslMode \
                 (MySQL) in the URL, and switch TLS 1.2 or 1.3 on in the server where it is wanted."
            ),
            Self::Login => format!(
                "Check name and password of the account {username}: {by_hand}. If the product uses another \
                 password by now, the agent reads it at its next look."
            ),
            Self::NotAdmitted if peer.is_mysql() => format!(
                "Let {username} in from this host: GRANT SELECT ON {}.* TO {}@'<this host>'; after 'blocked because \
                 of many connection errors' FLUSH HOSTS. Try by hand: {by_hand}",
                quote_mysql(database),
                quote_mysql(username)
            ),
            Self::NotAdmitted => format!(
                "Let {username} in from this host: a line such as 'host {database} {username} <this host>/32 \
                 scram-sha-256' in pg_hba.conf and SELECT pg_reload_conf(); ALTER ROLE {role} LOGIN; GRANT CONNECT ON \
                 DATABASE {} TO {role}. Where the server wants encryption, sslmode=require in database.url. Try by \
                 hand: {by_hand}",
                quote_postgres(database),
                role = quote_postgres(username)
            ),
            Self::NoDatabase => format!(
                "There is no database {database} on {server}. Check the JDBC URL in the product's configuration, or \
                 set database.url of the instance in the agent's configuration."
            ),
            Self::Crowded => format!(
                "All connections of {server} or of {username} are taken. Raise max_connections, or a reserve for the \
                 agent; the product itself may be short of them too."
            ),
            Self::Refused => format!("Try by hand from this host: {by_hand}"),
        }
    }
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

/// A name as an identifier of PostgreSQL.
pub(super) fn quote_postgres(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as an identifier of MySQL.
pub(super) fn quote_mysql(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_names_where_and_what_next() {
        let all = [
            Trouble::NobodyThere,
            Trouble::HungUp,
            Trouble::NotServing,
            Trouble::NotUnderstood,
            Trouble::Certificate,
            Trouble::Encryption,
            Trouble::Login,
            Trouble::NotAdmitted,
            Trouble::NoDatabase,
            Trouble::Crowded,
            Trouble::Refused,
        ];
        for engine in [Engine::Postgresql, Engine::Mysql] {
            let peer = Peer {
                engine,
                host: "db.example.com".into(),
                port: 6000,
                database: "conf".into(),
                username: "reader".into(),
            };
            for trouble in all {
                let remedy = trouble.remedy(&peer);
                assert!(
                    remedy.contains("db.example.com") || remedy.contains("6000"),
                    "{trouble:?}: {remedy}"
                );
            }
        }
    }

    #[test]
    fn foreign_text_is_tamed() {
        assert_eq!(one_line("FATAL:\n\tno\u{1b}[31m  way\r\n"), "FATAL: no [31m way");
        let long = "ä".repeat(5000);
        assert_eq!(one_line(&long).chars().count(), LONGEST_MESSAGE + 1);
        assert_eq!(one_line(""), "");
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quote_postgres("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_mysql("a`b"), "`a``b`");
    }

    #[test]
    fn ipv6_addresses_have_brackets() {
        let peer = Peer {
            engine: Engine::Postgresql,
            host: "::1".into(),
            port: 5432,
            database: "conf".into(),
            username: "conf".into(),
        };
        assert_eq!(peer.address(), "[::1]:5432/conf");
    }
}
