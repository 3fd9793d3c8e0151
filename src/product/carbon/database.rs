//! The way to the databases of a Carbon product, as its data sources describe it.
//!
//! Passwords in the secure vault are not decrypted: the operator gives the agent an account of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use upgrade_readiness_checks::facts::{DatabaseConfig, DatabaseUse, Engine, FailureKind};

use super::home::{Password, Source, SourceUrlError, Stores, read_stores};
use crate::collect::CollectError;
use crate::collect::database::jdbc::{JdbcUrl, JdbcUrlError, Server, can_be_asked, parse_jdbc_url};
use crate::collect::database::{Connection, DatabaseDirectory, Directions};
use crate::config::{DatabaseAccess, Instance, SecretError};

/// Why the way to a database is not known.
#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error("{place} keeps users in the data source {jndi}, which no file of the home defines")]
    NoDataSource { place: String, jndi: String },
    #[error(transparent)]
    Url(#[from] SourceUrlError),
    #[error("[instance.database] of the agent's configuration: url")]
    OwnUrl(#[source] JdbcUrlError),
    #[error("the data source {name} in {place} names no account")]
    NoAccount { name: String, place: String },
    #[error("the URL of the data source {name} in {place} names no database")]
    NoDatabase { name: String, place: String },
    #[error(
        "the password of the data source {name} in {place} is in the secure vault, which the agent does not open"
    )]
    Vault { name: String, place: String },
    #[error(
        "the password of the data source {name} in {place} is a variable that only the running product knows"
    )]
    Computed { name: String, place: String },
    #[error("the agent's configuration names the database account {username} and no password for it")]
    NoPassword { username: String },
    #[error("reading the password of the agent's database account")]
    Secret(#[source] SecretError),
}

impl From<DatabaseError> for CollectError {
    fn from(error: DatabaseError) -> Self {
        const OWN_ACCOUNT: &str = "Give the agent an account of its own: set username and password_file of the database \
                                   in its configuration. An account that may only read suffices.";
        const OWN_URL: &str = "Set url under [instance.database] in the agent's configuration.";
        let (kind, remedy) = match &error {
            DatabaseError::NoDataSource { place, jndi } => (
                FailureKind::Absent,
                format!("Define {jndi} in a file *-datasources.xml of the home, or correct its name in {place}."),
            ),
            DatabaseError::Url(SourceUrlError::None { place, .. }) => {
                (FailureKind::Absent, format!("Complete {place}. For the database of users: {OWN_URL}"))
            }
            DatabaseError::Url(SourceUrlError::Computed { .. }) => (FailureKind::Denied, OWN_URL.to_owned()),
            DatabaseError::Url(SourceUrlError::Bad {
                cause: JdbcUrlError::UnknownEngine { .. }, ..
            }) => (
                FailureKind::Malformed,
                "The agent cannot ask this kind of database: look by hand at its version, the rights of the product's \
                 account and its sessions."
                    .to_owned(),
            ),
            DatabaseError::Url(SourceUrlError::Bad { place, key, .. }) => {
                (FailureKind::Malformed, format!("Correct {key} in {place}, and restart what reads it."))
            }
            DatabaseError::OwnUrl(_) => {
                (FailureKind::Malformed, "Correct it, and restart the agent.".to_owned())
            }
            DatabaseError::NoDatabase { .. } => (FailureKind::Malformed, OWN_URL.to_owned()),
            DatabaseError::NoAccount { .. } => (FailureKind::Absent, OWN_ACCOUNT.to_owned()),
            DatabaseError::Vault { .. } | DatabaseError::Computed { .. } => {
                (FailureKind::Denied, OWN_ACCOUNT.to_owned())
            }
            DatabaseError::NoPassword { .. } => {
                (FailureKind::Denied, "Set password_file beside it in the agent's configuration.".to_owned())
            }
            DatabaseError::Secret(cause) => match cause {
                SecretError::ReadFile(cause) => (cause.kind(), cause.remedy()),
                SecretError::NotSet(_) | SecretError::Empty(_) => (
                    FailureKind::Absent,
                    "Put the password where the agent's configuration says it is.".to_owned(),
                ),
            },
        };
        Self::new(kind, error, remedy)
    }
}

/// One database of a home: its data source, and the way to it.
pub struct HomeDatabase {
    /// The name of its first data source: `WSO2_CARBON_DB`.
    pub name: String,
    /// What the product keeps in it, by all the data sources that lead to it.
    pub uses: BTreeSet<DatabaseUse>,
    /// How the product reaches it, without the password.
    pub config: DatabaseConfig,
    /// The way to it for the agent.
    pub directory: Arc<dyn DatabaseDirectory>,
}

/// The distinct databases of a home (by host, port, name, schema), that of user management first.
///
/// The account of `access` is used for every one of them; its URL replaces that of the first.
pub fn databases(home: &Path, access: &DatabaseAccess) -> Result<Vec<HomeDatabase>, CollectError> {
    let stores = read_stores(home)?;
    let main = main_source(&stores)?;
    let mut order = vec![main.database_key()];
    let mut found: BTreeMap<String, HomeDatabase> = BTreeMap::new();
    // The data source of users tells how the database is reached that others may share with it.
    let (first, rest): (Vec<_>, Vec<_>) =
        stores.all.iter().partition(|(source, _)| std::ptr::eq(source, main));
    for (source, uses) in first.into_iter().chain(rest) {
        let key = source.database_key();
        if let Some(known) = found.get_mut(&key) {
            known.uses.extend(uses);
            continue;
        }
        let is_main = std::ptr::eq(source, main);
        let access = DatabaseAccess { url: access.url.clone().filter(|_| is_main), ..access.clone() };
        if !is_main {
            order.push(key.clone());
        }
        found.insert(
            key,
            HomeDatabase {
                name: source.name.clone(),
                uses: uses.clone(),
                config: source.config(),
                directory: Arc::new(SourceDatabase { source: source.clone(), access }),
            },
        );
    }
    Ok(order.iter().filter_map(|key| found.remove(key)).collect())
}

fn main_source(stores: &Stores) -> Result<&Source, DatabaseError> {
    stores.main().ok_or_else(|| DatabaseError::NoDataSource {
        place: stores.main.1.clone(),
        jndi: stores.main.0.clone(),
    })
}

/// How the product reaches its main database, that of user management.
pub(super) fn main_config(home: &Path) -> Result<DatabaseConfig, CollectError> {
    let stores = read_stores(home)?;
    Ok(main_source(&stores)?.config())
}

/// The way to the database of one data source.
#[derive(Debug)]
struct SourceDatabase {
    source: Source,
    access: DatabaseAccess,
}

impl DatabaseDirectory for SourceDatabase {
    fn directions(&self) -> Result<Directions, CollectError> {
        Ok(directions(&self.source, &self.access)?)
    }
}

fn directions(source: &Source, access: &DatabaseAccess) -> Result<Directions, DatabaseError> {
    let (name, place) = (source.name.clone(), source.place.clone());
    let url = match &access.url {
        Some(text) => parse_jdbc_url(text).map_err(DatabaseError::OwnUrl)?,
        None => source.jdbc_url()?,
    };
    if !can_be_asked(url.engine) {
        return Ok(Directions::CannotAsk {
            engine: url.engine,
            address: url.address(),
            account: source.account.clone().unwrap_or_default(),
        });
    }
    let account = source.account.clone().or_else(|| access.username.clone());
    let account =
        account.ok_or_else(|| DatabaseError::NoAccount { name: name.clone(), place: place.clone() })?;
    let username = access.username.clone().unwrap_or_else(|| account.clone());
    let password = match &access.password {
        Some(secret) => secret.read().map_err(DatabaseError::Secret)?,
        None if source.account.as_ref() == Some(&username) => own_password(source)?,
        None => return Err(DatabaseError::NoPassword { username }),
    };
    let JdbcUrl { engine, servers, database, schema, parameters, .. } = url;
    // PostgreSQL's driver takes the account's name for the database when none is named.
    let unnamed = (engine == Engine::Postgresql).then(|| account.clone());
    let server = servers.into_iter().next().unwrap_or(Server { host: "localhost".to_owned(), port: None });
    Ok(Directions::Connect(Box::new(Connection {
        engine,
        host: server.host,
        port: server.port,
        database: database.or(unnamed).ok_or(DatabaseError::NoDatabase { name, place })?,
        schema,
        parameters,
        account,
        username,
        password,
        ca_file: access.ca_file.clone(),
    })))
}

/// The password the product itself uses, when it can be read.
fn own_password(source: &Source) -> Result<SecretString, DatabaseError> {
    let (name, place) = (source.name.clone(), source.place.clone());
    match &source.password {
        Password::Plain(password) => Ok(password.clone()),
        Password::Vault => Err(DatabaseError::Vault { name, place }),
        Password::Computed => Err(DatabaseError::Computed { name, place }),
        // Servers may let an account in without one.
        Password::Absent => Ok(SecretString::default()),
    }
}

/// The database of user management, which every Carbon product has.
#[derive(Debug)]
pub struct MainDatabase {
    instance: Arc<Instance>,
}

impl MainDatabase {
    /// The main database of an instance; its files are read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl DatabaseDirectory for MainDatabase {
    fn directions(&self) -> Result<Directions, CollectError> {
        let stores = read_stores(&self.instance.installation_dir)?;
        Ok(directions(main_source(&stores)?, &self.instance.database)?)
    }
}
