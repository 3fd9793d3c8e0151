//! Which engine a JDBC URL is for: the words in front of the address.

use upgrade_readiness_checks::facts::Engine;

/// The words in front of the address, with what they mean. Longer ones come before their beginnings.
const SCHEMES: [(&str, Scheme); 25] = [
    ("postgresql:", Scheme::Postgresql),
    ("mysql:loadbalance:", Scheme::Mysql(Engine::Mysql)),
    ("mysql:replication:", Scheme::Mysql(Engine::Mysql)),
    ("mysql+srv:", Scheme::Mysql(Engine::Mysql)),
    ("mysql:", Scheme::Mysql(Engine::Mysql)),
    ("mariadb:sequential:", Scheme::Mysql(Engine::Mariadb)),
    ("mariadb:loadbalance:", Scheme::Mysql(Engine::Mariadb)),
    ("mariadb:load-balance-read:", Scheme::Mysql(Engine::Mariadb)),
    ("mariadb:replication:", Scheme::Mysql(Engine::Mariadb)),
    ("mariadb:", Scheme::Mysql(Engine::Mariadb)),
    ("sqlserver:", Scheme::SqlServer),
    ("jtds:sqlserver:", Scheme::Jtds),
    ("oracle:thin:", Scheme::Oracle),
    ("oracle:oci:", Scheme::Oracle),
    ("oracle:oci8:", Scheme::Oracle),
    ("h2:tcp:", Scheme::Embedded(Engine::H2, Reach::Server)),
    ("h2:ssl:", Scheme::Embedded(Engine::H2, Reach::Server)),
    ("h2:file:", Scheme::Embedded(Engine::H2, Reach::File)),
    ("h2:mem:", Scheme::Embedded(Engine::H2, Reach::File)),
    ("h2:", Scheme::Embedded(Engine::H2, Reach::File)),
    ("hsqldb:hsql:", Scheme::Embedded(Engine::Hsqldb, Reach::Server)),
    ("hsqldb:hsqls:", Scheme::Embedded(Engine::Hsqldb, Reach::Server)),
    ("hsqldb:file:", Scheme::Embedded(Engine::Hsqldb, Reach::File)),
    ("hsqldb:mem:", Scheme::Embedded(Engine::Hsqldb, Reach::File)),
    ("hsqldb:", Scheme::Embedded(Engine::Hsqldb, Reach::File)),
];

/// How the rest of a URL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `//host:port/database?parameters`, or only the database.
    Postgresql,
    /// `//host:port/database?parameters`, with MySQL's own ways to list hosts.
    Mysql(Engine),
    /// `//host\instance:port;parameters`, Microsoft's driver.
    SqlServer,
    /// `//host:port/database;parameters`, the old driver for SQL Server.
    Jtds,
    /// `@` and one of Oracle's many forms.
    Oracle,
    /// H2 and HSQLDB.
    Embedded(Engine, Reach),
}

/// How an embedded engine is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// As a server, over TCP.
    Server,
    /// As files, or in memory, by the product's own process.
    File,
}

/// The engine's way of writing, and the URL behind its words; `text` begins behind `jdbc:`.
pub(super) fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    SCHEMES.iter().find_map(|(word, scheme)| Some((*scheme, strip_word(text, word)?)))
}

/// The text behind `jdbc:`.
pub(super) fn strip_jdbc(text: &str) -> Option<&str> {
    strip_word(text, "jdbc:")
}

/// Where a login would stand: behind the words and the two slashes; `None` when it is not a JDBC URL.
pub(super) fn credentials_start(text: &str) -> Option<usize> {
    let rest = strip_jdbc(text)?;
    let rest = split_scheme(rest).map_or(rest, |(_, address)| address.strip_prefix("//").unwrap_or(address));
    Some(text.len() - rest.len())
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}
