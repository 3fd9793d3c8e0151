//! JDBC URLs of the engines that products use, read without a driver.
//!
//! Credentials are taken out first and the rest is read afterwards, so nothing that comes out of here
//! can hold one. Whether the engine or its settings are good is not judged here.
//!
//! Sources: <https://jdbc.postgresql.org/documentation/use/>,
//! <https://dev.mysql.com/doc/connector-j/en/connector-j-reference-jdbc-url-format.html>,
//! <https://mariadb.com/kb/en/about-mariadb-connector-j/>,
//! <https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url>,
//! <https://jtds.sourceforge.net/faq.html>, <https://h2database.com/html/features.html#database_url>,
//! and Oracle's JDBC Developer's Guide, "Data Sources and URLs".

mod config;
mod forms;
mod oracle;
mod redact;
mod schemes;

use std::collections::BTreeMap;

use upgrade_readiness_checks::facts::Engine;

pub use config::{can_be_asked, engine_of_driver};
pub use redact::redact;

/// No JDBC URL is longer than this.
const MOST_BYTES: usize = 16 * 1024;

/// What a JDBC URL says, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JdbcUrl {
    /// The engine it is for.
    pub engine: Engine,
    /// The servers, in the order they are tried; none when the database is a file, in memory, or behind
    /// a name that only the driver can look up.
    pub servers: Vec<Server>,
    /// Database name: Oracle's service or SID; the path of an embedded database.
    pub database: Option<String>,
    /// Schema, when the URL names one.
    pub schema: Option<String>,
    /// Parameters with lower-case names; credentials are left out.
    pub parameters: BTreeMap<String, String>,
    /// It is for jTDS, the driver for SQL Server that was replaced.
    pub old_driver: bool,
    /// Why a driver will not read it the way it was meant, when that is so.
    pub defect: Option<String>,
    shown: String,
}

impl JdbcUrl {
    /// The URL as it was written, with `***` in place of credentials.
    #[must_use]
    pub fn redacted(&self) -> &str {
        &self.shown
    }
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// Port, when it is stated.
    pub port: Option<u16>,
}

/// Why a text is not a JDBC URL that can be read. No message quotes the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JdbcUrlError {
    /// There is nothing.
    #[error("the JDBC URL is empty")]
    Empty,
    /// No URL is that long.
    #[error("the JDBC URL is {bytes} bytes long, which none is")]
    TooLong {
        /// How long.
        bytes: usize,
    },
    /// Something invisible is in it.
    #[error("the JDBC URL contains a control character such as a line break")]
    ControlCharacter,
    /// It is something else.
    #[error("the JDBC URL does not begin with jdbc:")]
    NotJdbc,
    /// An engine, or a driver, nobody here knows.
    #[error("the JDBC URL is for \"{engine}\", which is not an engine that is known here")]
    UnknownEngine {
        /// The word behind `jdbc:`; empty when it is not a word.
        engine: String,
    },
    /// The address is not written the way this engine's driver wants it.
    #[error("the JDBC URL must go on with {expected}")]
    WrongForm {
        /// What should follow.
        expected: &'static str,
    },
    /// A port that is none.
    #[error("a port in the JDBC URL is not a number from 1 to 65535")]
    BadPort,
    /// An IPv6 address or a host list that does not end.
    #[error("a bracket in the JDBC URL is not closed")]
    UnclosedBracket,
    /// A server without a name, or with impossible characters in it.
    #[error("a server name in the JDBC URL is empty or contains characters no name has")]
    BadHost,
}

/// Reads a JDBC URL.
pub fn parse_jdbc_url(text: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(JdbcUrlError::Empty);
    }
    if text.len() > MOST_BYTES {
        return Err(JdbcUrlError::TooLong { bytes: text.len() });
    }
    if text.contains(char::is_control) {
        return Err(JdbcUrlError::ControlCharacter);
    }
    // From here on the secrets are gone.
    let shown = redact(text);
    let rest = schemes::strip_jdbc(&shown).ok_or(JdbcUrlError::NotJdbc)?;
    let (scheme, address) = schemes::split_scheme(rest)
        .ok_or_else(|| JdbcUrlError::UnknownEngine { engine: engine_word(rest) })?;
    let mut url = forms::parse_address(scheme, address)?;
    url.shown = shown;
    Ok(url)
}

/// The first word, when it looks like the name of an engine and not like something private.
fn engine_word(text: &str) -> String {
    let word = text.split(':').next().unwrap_or_default();
    let is_word =
        word.len() <= 20 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'-');
    if is_word && text.contains(':') { word.to_ascii_lowercase() } else { String::new() }
}

/// A text with its `%XX` replaced, and whether each `%` was followed by two digits.
struct Decoded {
    text: String,
    well_formed: bool,
}

/// Replaces `%XX`; what it stands for may be any character except a control character.
fn decode(text: &str) -> Decoded {
    let mut bytes = Vec::with_capacity(text.len());
    let mut well_formed = true;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (byte == b'%').then(|| Some((hex_digit(ahead.next()?)?, hex_digit(ahead.next()?)?)));
        match digits {
            Some(Some((high, low))) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            Some(None) => {
                well_formed = false;
                bytes.push(byte);
            }
            None => bytes.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    Decoded { text, well_formed }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
