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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::config::SecretSource;
    use crate::product::carbon::fixture::{Example, LaidOut, SECRET, datasource, datasources};

    const VAULT: &str = "<password svns:secretAlias=\"Datasources.WSO2_CARBON_DB.Configuration.Password\">password</password>";

    fn ask(example: &LaidOut, access: DatabaseAccess) -> Result<Directions, CollectError> {
        let instance = Instance { database: access, ..example.instance() };
        MainDatabase::new(Arc::new(instance)).directions()
    }

    fn connection(example: &LaidOut, access: DatabaseAccess) -> Connection {
        match ask(example, access) {
            Ok(Directions::Connect(connection)) => *connection,
            other => panic!("{other:?}"),
        }
    }

    /// Kind and message of the failure; no secret may be in it.
    fn failure(example: &LaidOut, access: DatabaseAccess) -> (FailureKind, String) {
        let failure = ask(example, access).unwrap_err().into_failure();
        assert!(!failure.message.contains(SECRET), "{}", failure.message);
        (failure.kind, failure.message)
    }

    fn with_password(example: &LaidOut, username: Option<&str>) -> DatabaseAccess {
        std::fs::write(example.root().join("password"), "AGENTS\n").unwrap();
        DatabaseAccess {
            username: username.map(str::to_owned),
            password: Some(SecretSource::File(example.root().join("password"))),
            ..DatabaseAccess::default()
        }
    }

    fn names(example: &LaidOut) -> Vec<(String, Vec<DatabaseUse>)> {
        let all = databases(&example.home(), &DatabaseAccess::default()).unwrap();
        all.into_iter().map(|each| (each.name, each.uses.into_iter().collect())).collect()
    }

    #[test]
    fn what_the_product_uses_is_used() {
        for example in [Example::new(), Example::new().toml()] {
            let example = example
                .jdbc_url("jdbc:postgresql://db1:5433/carbon?currentSchema=esb&sslmode=require")
                .lay_out();
            let found = connection(&example, DatabaseAccess::default());
            assert_eq!(
                (found.engine, found.host.as_str(), found.port),
                (Engine::Postgresql, "db1", Some(5433))
            );
            assert_eq!((found.database.as_str(), found.schema.as_deref()), ("carbon", Some("esb")));
            assert_eq!(found.parameters["sslmode"], "require");
            assert_eq!((found.account.as_str(), found.username.as_str()), ("carbon", "carbon"));
            assert_eq!(found.password.expose_secret(), SECRET);
            assert!(!format!("{found:?}").contains(SECRET));
        }
    }

    #[test]
    fn a_password_in_the_vault_needs_an_account_for_the_agent() {
        for (element, part) in [
            (VAULT, "secure vault"),
            ("<password>$secret{db_password}</password>", "secure vault"),
            ("<password>${db.password}</password>", "variable"),
        ] {
            let example = Example::new().password(element).lay_out();
            let (kind, told) = failure(&example, DatabaseAccess::default());
            assert_eq!(kind, FailureKind::Denied);
            assert!(told.contains(part) && told.contains("password_file"), "{told}");
            let found = connection(&example, with_password(&example, Some("readiness")));
            assert_eq!((found.account.as_str(), found.username.as_str()), ("carbon", "readiness"));
            assert_eq!(found.password.expose_secret(), "AGENTS");
        }
    }

    #[test]
    fn the_operator_may_override_each_part() {
        let example = Example::new().lay_out();
        let found = connection(&example, with_password(&example, None));
        assert_eq!((found.username.as_str(), found.password.expose_secret()), ("carbon", "AGENTS"));
        let url = |text: &str| DatabaseAccess { url: Some(text.to_owned()), ..DatabaseAccess::default() };
        let found = connection(&example, url("jdbc:mysql://replica:3307/other"));
        assert_eq!(
            (found.host.as_str(), found.port, found.database.as_str()),
            ("replica", Some(3307), "other")
        );
        let (kind, told) = failure(&example, url("S3CRET"));
        assert_eq!(kind, FailureKind::Malformed);
        assert!(told.contains("[instance.database]"), "{told}");
        let other = DatabaseAccess { username: Some("agent".to_owned()), ..DatabaseAccess::default() };
        let (kind, told) = failure(&example, other);
        assert!(
            kind == FailureKind::Denied && told.contains("agent") && told.contains("password_file"),
            "{told}"
        );
    }

    #[test]
    fn distinct_databases_are_told_apart_and_the_main_one_comes_first() {
        use DatabaseUse::{LocalRegistry, MountedRegistry, Product, UserManagement};
        let example = Example::new().lay_out();
        let plain = "<password>S3CRET</password>";
        let source = |name: &str, url: &str| datasource(name, &format!("jdbc/{name}"), url, plain);
        let all = [
            source("LOCAL", "jdbc:h2:repository/database/WSO2CARBON_DB;DB_CLOSE_ON_EXIT=FALSE"),
            source("USERS", "jdbc:postgresql://db.example.com/shared"),
            // The same database by its usual port and in another case.
            source("GOVERNANCE", "jdbc:postgresql://DB.example.com:5432/shared?ApplicationName=x"),
            source("AM", "jdbc:mysql://db.example.com:3306/am"),
            source("OTHER_LOCAL", "jdbc:h2:./repository/database/WSO2CARBON_DB"),
        ];
        example.write("repository/conf/datasources/master-datasources.xml", &datasources(&all.concat()));
        example.write(
            "repository/conf/registry.xml",
            "<wso2registry><currentDBConfig>l</currentDBConfig><dbConfig name=\"l\"><dataSource>jdbc/LOCAL</dataSource>\
             </dbConfig><dbConfig name=\"g\"><dataSource>jdbc/GOVERNANCE</dataSource></dbConfig>\
             <remoteInstance url=\"x\"><id>i</id><dbConfig>g</dbConfig></remoteInstance></wso2registry>",
        );
        example.write(
            "repository/conf/user-mgt.xml",
            "<UserManager><Realm><Configuration><Property name=\"dataSource\">jdbc/USERS</Property></Configuration></Realm></UserManager>",
        );
        assert_eq!(
            names(&example),
            [
                ("USERS".to_owned(), vec![UserManagement, MountedRegistry]),
                ("LOCAL".to_owned(), vec![LocalRegistry, Product]),
                ("AM".to_owned(), vec![Product]),
            ]
        );
    }

    #[test]
    fn the_url_of_the_operator_is_for_the_main_database_alone() {
        let example = Example::new().lay_out();
        let second = datasource("AM", "jdbc/am", "jdbc:mysql://db2/am", "<password>S3CRET</password>");
        example.write("repository/conf/datasources/am-datasources.xml", &datasources(&second));
        let access = DatabaseAccess {
            url: Some("jdbc:postgresql://replica/carbon".to_owned()),
            ..with_password(&example, Some("readiness"))
        };
        let found: Vec<_> = databases(&example.home(), &access)
            .unwrap()
            .iter()
            .map(|each| match each.directory.directions().unwrap() {
                Directions::Connect(connection) => (connection.host, connection.username),
                other @ Directions::CannotAsk { .. } => panic!("{other:?}"),
            })
            .collect();
        let readiness = || "readiness".to_owned();
        assert_eq!(found, [("replica".to_owned(), readiness()), ("db2".to_owned(), readiness())]);
    }

    #[test]
    fn engines_that_cannot_be_asked_are_named_with_their_address() {
        let rows = [
            ("jdbc:h2:repository/database/WSO2CARBON_DB", Engine::H2, "repository/database/WSO2CARBON_DB"),
            ("jdbc:sqlserver://db:1433;databaseName=carbon", Engine::SqlServer, "db:1433/carbon"),
            ("jdbc:oracle:thin:@db:1521/carbon", Engine::Oracle, "db:1521/carbon"),
        ];
        for (url, engine, address) in rows {
            match ask(&Example::new().jdbc_url(url).lay_out(), DatabaseAccess::default()) {
                Ok(Directions::CannotAsk { engine: found, address: at, account }) => {
                    assert_eq!((found, at.as_str(), account.as_str()), (engine, address, "carbon"), "{url}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
        let (kind, told) =
            failure(&Example::new().jdbc_url("jdbc:db2://db:50000/c").lay_out(), DatabaseAccess::default());
        assert!(
            kind == FailureKind::Malformed && told.contains("\"db2\"") && told.contains("by hand"),
            "{told}"
        );
    }

    #[test]
    fn what_stands_in_the_way_is_told_with_the_file() {
        type Row<'a> = (&'a str, fn(&LaidOut), FailureKind, &'a str);
        let rows: [Row<'_>; 4] = [
            (
                "no such data source",
                |example| {
                    example.write(
                        "repository/conf/user-mgt.xml",
                        "<UserManager><Realm><Configuration><Property name=\"dataSource\">jdbc/Gone</Property></Configuration></Realm></UserManager>",
                    );
                },
                FailureKind::Absent,
                "jdbc/Gone",
            ),
            (
                "no file",
                |example| example.remove("repository/conf/datasources/master-datasources.xml"),
                FailureKind::Absent,
                "master-datasources.xml",
            ),
            (
                "no URL",
                |example| {
                    let bare = datasource("WSO2_CARBON_DB", "jdbc/WSO2CarbonDB", "", "");
                    example.write("repository/conf/datasources/master-datasources.xml", &datasources(&bare));
                },
                FailureKind::Absent,
                "has no url",
            ),
            (
                "a broken file",
                |example| {
                    example.write(
                        "repository/conf/datasources/master-datasources.xml",
                        "<datasources-configuration><password>S3CRET",
                    );
                },
                FailureKind::Malformed,
                "truncated",
            ),
        ];
        for (name, spoil, expected, part) in rows {
            let example = Example::new().lay_out();
            spoil(&example);
            let (kind, told) = failure(&example, DatabaseAccess::default());
            assert_eq!(kind, expected, "{name}");
            assert!(told.contains(part), "{name}: {told}");
        }
        let hidden = Example::new().lay_out();
        hidden.forbid("repository/conf");
        let database = MainDatabase::new(Arc::new(hidden.instance()));
        let failure = as_another_user(move || database.directions().unwrap_err()).into_failure();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(failure.message.contains("setfacl"), "{failure:?}");
    }
}
