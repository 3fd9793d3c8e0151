//! What a connection can fail at, and what a person can do about it.

use std::io;

use sqlx::mysql::MySqlDatabaseError;
use upgrade_readiness_checks::facts::FailureKind;

use super::peer::{Peer, quote_mysql, quote_postgres};
use crate::collect::kind_of_io;

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

impl Trouble {
    /// What an error of a driver comes down to.
    pub(super) fn of(error: &sqlx::Error) -> Self {
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

    /// What kind of failure it is.
    pub(super) fn kind(self) -> FailureKind {
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

    /// What a person can do about it.
    pub(super) fn remedy(self, peer: &Peer) -> String {
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

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Engine;

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
}
