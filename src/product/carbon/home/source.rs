//! A data source as a Carbon home configures it: where its database is, and what is known of the way to it.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use upgrade_readiness_checks::facts::{DatabaseConfig, Engine, PasswordKind};

use crate::collect::database::jdbc::{JdbcUrl, JdbcUrlError, engine_of_driver, parse_jdbc_url};

/// A data source, with its password.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name: `WSO2_CARBON_DB`.
    pub name: String,
    /// Its name in JNDI: `jdbc/WSO2CarbonDB`.
    pub jndi: Option<String>,
    /// The file it stands in.
    pub place: String,
    /// What its URL is called there.
    pub key: &'static str,
    /// The URL, credentials included.
    pub url: Option<SecretString>,
    /// The account the product uses.
    pub account: Option<String>,
    /// How its password is kept.
    pub password: Password,
    /// The class of its driver.
    pub driver_class: Option<String>,
    /// The most connections its pool opens.
    pub max_active: Option<u32>,
    /// Another one has the same JNDI name.
    pub named_twice: bool,
    /// It stands in `deployment.toml`, from where it is written into XML: ampersands are escaped there.
    pub written_in_toml: bool,
}

/// How a password is kept.
#[derive(Debug, Clone)]
pub enum Password {
    /// As it is.
    Plain(SecretString),
    /// In the product's secure vault.
    Vault,
    /// By a variable that only the running product knows.
    Computed,
    /// There is none.
    Absent,
}

/// Why the URL of a data source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceUrlError {
    /// It has none.
    #[error("the data source {name} in {place} has no {key}")]
    None {
        /// The data source.
        name: String,
        /// The file.
        place: String,
        /// What is missing.
        key: &'static str,
    },
    /// It is a variable.
    #[error(
        "the {key} of the data source {name} in {place} is a variable that only the running product knows"
    )]
    Computed {
        /// The data source.
        name: String,
        /// The file.
        place: String,
        /// What is computed.
        key: &'static str,
    },
    /// It is no JDBC URL, or of an engine nobody here knows.
    #[error("the {key} of the data source {name} in {place}")]
    Bad {
        /// The data source.
        name: String,
        /// The file.
        place: String,
        /// What is wrong.
        key: &'static str,
        /// Why.
        #[source]
        cause: JdbcUrlError,
    },
}

impl Source {
    /// Its URL, without credentials.
    pub fn jdbc_url(&self) -> Result<JdbcUrl, SourceUrlError> {
        let (name, place, key) = (self.name.clone(), self.place.clone(), self.key);
        let Some(url) = &self.url else { return Err(SourceUrlError::None { name, place, key }) };
        let mut text = url.expose_secret().to_owned();
        if self.written_in_toml {
            text = text.replace("&amp;", "&");
        }
        if ["${", "$ref{", "$env{", "$sys{", "$secret{"].iter().any(|mark| text.contains(mark)) {
            return Err(SourceUrlError::Computed { name, place, key });
        }
        parse_jdbc_url(&text).map_err(|cause| SourceUrlError::Bad { name, place, key, cause })
    }

    /// How the product reaches the database, without the password.
    pub fn config(&self) -> DatabaseConfig {
        let mut config = DatabaseConfig {
            place: self.place.clone(),
            engine: self.driver_class.as_deref().and_then(engine_of_driver),
            url: None,
            host: None,
            port: None,
            database: None,
            schema: None,
            parameters: BTreeMap::new(),
            account: self.account.clone(),
            password: match self.password {
                Password::Plain(_) => PasswordKind::Plain,
                Password::Vault => PasswordKind::Encrypted("the secure vault".to_owned()),
                Password::Computed | Password::Absent => PasswordKind::Absent,
            },
            data_source: self.jndi.clone(),
            driver_class: self.driver_class.clone(),
            isolation: None,
            pool_size: self.max_active,
            defect: None,
        };
        match self.jdbc_url() {
            Ok(url) => url.describe(&mut config),
            // The product runs with a driver the agent has never heard of.
            Err(SourceUrlError::Bad { cause: JdbcUrlError::UnknownEngine { .. }, .. }) => {}
            Err(SourceUrlError::Bad { cause, .. }) => config.defect = Some(cause.to_string()),
            Err(error @ (SourceUrlError::None { .. } | SourceUrlError::Computed { .. })) => {
                config.defect = Some(error.to_string());
            }
        }
        config
    }

    /// What tells its database from others: host, port, name and schema; its own name when it has no URL that can be
    /// read.
    pub(in crate::product::carbon) fn database_key(&self) -> String {
        let Ok(url) = self.jdbc_url() else { return format!("{} in {}", self.name, self.place) };
        let Some(server) = url.servers.first() else {
            let path = url.database.unwrap_or_default();
            return format!("{:?} {}", url.engine, path.trim_start_matches("./"));
        };
        let port = server.port.or_else(|| usual_port(url.engine));
        format!("{} {port:?} {:?} {:?}", server.host.to_lowercase(), url.database, url.schema)
    }

    /// Whether it is the one a file means by a JNDI name; the prefix of the environment does not count.
    pub(in crate::product::carbon) fn is_named(&self, jndi: &str) -> bool {
        let plain = |name: &str| {
            let name = name.trim();
            let name = name.strip_prefix("java:comp/env/").unwrap_or(name);
            name.strip_prefix("jdbc/").unwrap_or(name).to_owned()
        };
        self.jndi.as_deref().is_some_and(|own| plain(own) == plain(jndi))
    }
}

fn usual_port(engine: Engine) -> Option<u16> {
    match engine {
        Engine::Postgresql => Some(5432),
        Engine::Mysql | Engine::Mariadb => Some(3306),
        Engine::SqlServer => Some(1433),
        Engine::Oracle => Some(1521),
        Engine::H2 | Engine::Hsqldb => None,
    }
}

/// Marks data sources that share a JNDI name.
pub(super) fn flag_doubles(sources: &mut [Source]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for name in sources.iter().filter_map(|source| source.jndi.clone()) {
        *seen.entry(name).or_default() += 1;
    }
    for source in sources {
        source.named_twice =
            source.jndi.as_ref().and_then(|name| seen.get(name)).is_some_and(|count| *count > 1);
    }
}
