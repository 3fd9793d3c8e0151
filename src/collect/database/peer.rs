//! Where the database is and who looks, and how that is written in messages and statements.

use upgrade_readiness_checks::facts::Engine;

use super::Connection;

/// Where the database is and who looks: what messages name.
#[derive(Debug, Clone)]
pub(in crate::collect) struct Peer {
    /// What it is taken for.
    pub(super) engine: Engine,
    /// Server host, without the brackets of an IPv6 address.
    pub(in crate::collect) host: String,
    /// Server port.
    pub(in crate::collect) port: u16,
    /// Database name.
    pub(super) database: String,
    /// The account the agent looks with.
    pub(super) username: String,
}

impl Peer {
    /// Where a connection leads to.
    pub(in crate::collect) fn of(connection: &Connection) -> Self {
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
    pub(in crate::collect) fn address(&self) -> String {
        format!("{}/{}", self.server(), self.database)
    }

    /// Host and port.
    pub(in crate::collect) fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The command with which a person tries the same by hand.
    pub(super) fn by_hand(&self) -> String {
        let Self { host, port, database, username, .. } = self;
        if self.is_mysql() {
            format!("mysql -h {host} -P {port} -u {username} -p {database}")
        } else {
            format!("psql -h {host} -p {port} -U {username} {database}")
        }
    }

    /// It speaks as MySQL does.
    pub(super) fn is_mysql(&self) -> bool {
        match self.engine {
            Engine::Mysql | Engine::Mariadb => true,
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => false,
        }
    }
}

/// A name as an identifier of PostgreSQL.
pub(in crate::collect) fn quote_postgres(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name as an identifier of MySQL.
pub(in crate::collect) fn quote_mysql(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
