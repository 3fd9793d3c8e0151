//! How the connection is to be encrypted: from the parameters of the JDBC URL to what the agent does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sqlx::mysql::MySqlSslMode;
use sqlx::postgres::PgSslMode;
use upgrade_readiness_checks::facts::Engine;

use super::Connection;

/// How much encryption the connection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// None.
    Never,
    /// When the server offers it; the certificate is not looked at.
    IfOffered,
    /// Always; the certificate is not looked at.
    Always,
    /// Always, and the certificate must come from a known authority.
    VerifyAuthority,
    /// Always, and the certificate must come from a known authority and name the host.
    VerifyHost,
}

/// A value of the JDBC URL that names no way to encrypt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JDBC URL says {name}={value}, which is no way to encrypt that the agent knows")]
pub(super) struct UnknownMode {
    name: &'static str,
    value: String,
}

impl Encryption {
    /// What the product's configuration asks for.
    ///
    /// Who gives the agent a file with certificates wants them to count: then the authority is verified even
    /// where the URL only asks for encryption, as libpq does with a root certificate at hand
    /// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
    pub(super) fn of(connection: &Connection) -> Result<Self, UnknownMode> {
        let asked = match connection.engine {
            Engine::Mysql | Engine::Mariadb => of_mysql(&connection.parameters)?,
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
                of_postgres(&connection.parameters)?
            }
        };
        Ok(match asked {
            Self::IfOffered | Self::Always if connection.ca_file.is_some() => Self::VerifyAuthority,
            Self::Never | Self::IfOffered | Self::Always | Self::VerifyAuthority | Self::VerifyHost => asked,
        })
    }

    /// The server's certificate is looked at.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::VerifyAuthority | Self::VerifyHost)
    }
}

impl From<Encryption> for PgSslMode {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Never => Self::Disable,
            Encryption::IfOffered => Self::Prefer,
            Encryption::Always => Self::Require,
            Encryption::VerifyAuthority => Self::VerifyCa,
            Encryption::VerifyHost => Self::VerifyFull,
        }
    }
}

impl From<Encryption> for MySqlSslMode {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Never => Self::Disabled,
            Encryption::IfOffered => Self::Preferred,
            Encryption::Always => Self::Required,
            Encryption::VerifyAuthority => Self::VerifyCa,
            Encryption::VerifyHost => Self::VerifyIdentity,
        }
    }
}

/// The file with certificates to trust: the operator's own, else the one the JDBC URL names.
pub(super) fn ca_file(connection: &Connection) -> Option<PathBuf> {
    let named =
        || connection.parameters.get("sslrootcert").filter(|path| !path.is_empty()).map(PathBuf::from);
    connection.ca_file.clone().or_else(named)
}

/// Parameters of the PostgreSQL driver (<https://jdbc.postgresql.org/documentation/ssl/>).
fn of_postgres(parameters: &BTreeMap<String, String>) -> Result<Encryption, UnknownMode> {
    if let Some(mode) = parameters.get("sslmode") {
        return Ok(match mode.to_ascii_lowercase().as_str() {
            "disable" => Encryption::Never,
            "allow" | "prefer" => Encryption::IfOffered,
            "require" => Encryption::Always,
            "verify-ca" => Encryption::VerifyAuthority,
            "verify-full" => Encryption::VerifyHost,
            _ => return Err(unknown("sslmode", mode)),
        });
    }
    let blind = parameters.get("sslfactory").is_some_and(|factory| factory.ends_with("NonValidatingFactory"));
    Ok(match parameters.get("ssl").map(|value| value.to_ascii_lowercase()).as_deref() {
        Some("" | "true") if blind => Encryption::Always,
        Some("" | "true") => Encryption::VerifyHost,
        Some(_) | None => Encryption::IfOffered,
    })
}

/// Parameters of the drivers of MySQL
/// (<https://dev.mysql.com/doc/connector-j/en/connector-j-connp-props-security.html>) and of MariaDB
/// (<https://mariadb.com/docs/connectors/mariadb-connector-j/about-mariadb-connector-j>).
fn of_mysql(parameters: &BTreeMap<String, String>) -> Result<Encryption, UnknownMode> {
    if let Some(mode) = parameters.get("sslmode") {
        return Ok(match mode.to_ascii_lowercase().replace('-', "_").as_str() {
            "disabled" | "disable" => Encryption::Never,
            "preferred" => Encryption::IfOffered,
            "required" | "trust" => Encryption::Always,
            "verify_ca" => Encryption::VerifyAuthority,
            "verify_identity" | "verify_full" => Encryption::VerifyHost,
            _ => return Err(unknown("sslMode", mode)),
        });
    }
    let says =
        |name: &str, value: &str| parameters.get(name).is_some_and(|given| given.eq_ignore_ascii_case(value));
    Ok(if says("usessl", "false") {
        Encryption::Never
    } else if says("verifyservercertificate", "true") {
        Encryption::VerifyAuthority
    } else if says("requiressl", "true") {
        Encryption::Always
    } else {
        Encryption::IfOffered
    })
}

fn unknown(name: &'static str, value: &str) -> UnknownMode {
    UnknownMode { name, value: value.chars().filter(|c| !c.is_control()).take(40).collect() }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn connection(engine: Engine, parameters: &[(&str, &str)], ca_file: Option<&str>) -> Connection {
        Connection {
            engine,
            host: "db.example.com".into(),
            port: None,
            database: "confluence".into(),
            schema: None,
            parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            account: "conf".into(),
            username: "conf".into(),
            password: SecretString::from("secret"),
            ca_file: ca_file.map(PathBuf::from),
        }
    }

    #[test]
    fn the_url_decides_how_the_connection_is_encrypted() {
        use Encryption::{Always, IfOffered, Never, VerifyAuthority, VerifyHost};
        use Engine::{Mariadb, Mysql, Postgresql};
        let rows: &[(Engine, &[(&str, &str)], Encryption)] = &[
            (Postgresql, &[], IfOffered),
            (Postgresql, &[("sslmode", "disable")], Never),
            (Postgresql, &[("sslmode", "allow")], IfOffered),
            (Postgresql, &[("sslmode", "require"), ("ssl", "true")], Always),
            (Postgresql, &[("sslmode", "verify-ca")], VerifyAuthority),
            (Postgresql, &[("sslmode", "verify-full")], VerifyHost),
            (Postgresql, &[("ssl", "true")], VerifyHost),
            (Postgresql, &[("ssl", "")], VerifyHost),
            (Postgresql, &[("ssl", "false")], IfOffered),
            (
                Postgresql,
                &[("ssl", "true"), ("sslfactory", "org.postgresql.ssl.NonValidatingFactory")],
                Always,
            ),
            (Mysql, &[], IfOffered),
            (Mysql, &[("usessl", "false")], Never),
            (Mysql, &[("usessl", "true")], IfOffered),
            (Mysql, &[("usessl", "true"), ("requiressl", "true")], Always),
            (Mysql, &[("usessl", "true"), ("verifyservercertificate", "true")], VerifyAuthority),
            (Mysql, &[("sslmode", "VERIFY_IDENTITY"), ("usessl", "false")], VerifyHost),
            (Mysql, &[("sslmode", "DISABLED")], Never),
            (Mariadb, &[("sslmode", "trust")], Always),
            (Mariadb, &[("sslmode", "verify-full")], VerifyHost),
        ];
        for (engine, parameters, expected) in rows {
            let found = Encryption::of(&connection(*engine, parameters, None));
            assert_eq!(found, Ok(*expected), "{engine:?} {parameters:?}");
        }
    }

    #[test]
    fn an_unknown_mode_is_refused_and_not_weakened() {
        let long = "x".repeat(500);
        for engine in [Engine::Postgresql, Engine::Mysql] {
            for mode in ["", "verify", "on", long.as_str()] {
                let refused = Encryption::of(&connection(engine, &[("sslmode", mode)], None)).unwrap_err();
                assert!(refused.to_string().len() < 150, "{refused}");
            }
        }
    }

    #[test]
    fn a_file_with_certificates_is_used() {
        let with =
            |mode| Encryption::of(&connection(Engine::Postgresql, &[("sslmode", mode)], Some("/ca.pem")));
        assert_eq!(with("prefer"), Ok(Encryption::VerifyAuthority));
        assert_eq!(with("require"), Ok(Encryption::VerifyAuthority));
        assert_eq!(with("verify-full"), Ok(Encryption::VerifyHost));
        assert_eq!(with("disable"), Ok(Encryption::Never));
        let named = [("sslrootcert", "/url.pem")];
        let of_url = connection(Engine::Postgresql, &named, None);
        assert_eq!(ca_file(&of_url), Some(PathBuf::from("/url.pem")));
        let of_operator = connection(Engine::Postgresql, &named, Some("/own.pem"));
        assert_eq!(ca_file(&of_operator), Some(PathBuf::from("/own.pem")));
    }
}
