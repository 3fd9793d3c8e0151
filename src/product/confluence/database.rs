//! The way to Confluence's database, as its files and the operator's configuration describe it.
//!
//! Encrypted passwords are not decrypted, and the ones that are only encoded are not decoded either:
//! the operator gives the agent an account of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use upgrade_readiness_checks::facts::{DatabaseConfig, Engine, FailureKind, PasswordKind};

use super::site::server_xml::parse_server_xml;
use super::site::{Site, SiteError, read_site};
use crate::chain::Chain;
use crate::collect::CollectError;
use crate::collect::database::jdbc::{
    JdbcUrl, JdbcUrlError, Server, can_be_asked, engine_of_driver, parse_jdbc_url,
};
use crate::collect::database::{Connection, DatabaseDirectory, Directions};
use crate::collect::text_file::read_text;
use crate::config::{Instance, SecretError};

const URL: &str = "hibernate.connection.url";
const DATA_SOURCE: &str = "hibernate.connection.datasource";
/// The newer releases' pool first: an upgraded site keeps the words of the older one beside it.
const POOL_SIZES: [&str; 2] = ["hibernate.hikari.maximumPoolSize", "hibernate.c3p0.max_size"];
const DECRYPTER: &str = "jdbc.password.decrypter.classname";

/// Why the way to the database is not known.
#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error("{} takes the database from the data source {name}, which {} does not define", cfg.display(), server_xml.display())]
    NoDataSource { cfg: PathBuf, server_xml: PathBuf, name: String },
    #[error("{place} has no {key}")]
    NoUrl { place: String, key: &'static str },
    #[error("{place}: {key}")]
    BadUrl {
        place: String,
        key: &'static str,
        #[source]
        cause: JdbcUrlError,
    },
    #[error("{place} names no account for the database")]
    NoAccount { place: String },
    #[error("the JDBC URL in {place} names no database")]
    NoDatabase { place: String },
    #[error("the database password in {place} is encrypted by {class}, and the agent does not decrypt it")]
    Encrypted { place: String, class: String },
    #[error("the database password in {place} is a variable of the application server")]
    Computed { place: String },
    #[error("the agent's configuration names the database account {username} and no password for it")]
    NoPassword { username: String },
    #[error("reading the password of the agent's database account")]
    Secret(#[source] SecretError),
}

impl From<DatabaseError> for CollectError {
    fn from(error: DatabaseError) -> Self {
        const OWN_ACCOUNT: &str = "Give the agent an account of its own: set username and password_file under \
                                   [instance.database] in its configuration. An account that may only read suffices.";
        const OWN_URL: &str = "Set url under [instance.database] in the agent's configuration.";
        let (kind, remedy) = match &error {
            DatabaseError::NoDataSource { server_xml, name, .. } => (
                FailureKind::Absent,
                format!(
                    "If <Resource name=\"{name}\"> stands in another file than {}: {OWN_URL}",
                    server_xml.display()
                ),
            ),
            DatabaseError::NoUrl { .. } => {
                (FailureKind::Absent, format!("Finish the set-up of Confluence, or: {OWN_URL}"))
            }
            DatabaseError::BadUrl { place, key, .. } => {
                (FailureKind::Malformed, format!("Correct {key} in {place}, and restart what reads it."))
            }
            DatabaseError::NoDatabase { .. } => (FailureKind::Malformed, OWN_URL.to_owned()),
            DatabaseError::NoAccount { .. } => (FailureKind::Absent, OWN_ACCOUNT.to_owned()),
            DatabaseError::Encrypted { .. } | DatabaseError::Computed { .. } => {
                (FailureKind::Denied, OWN_ACCOUNT.to_owned())
            }
            DatabaseError::NoPassword { .. } => (
                FailureKind::Denied,
                "Set password_file under [instance.database] in the agent's configuration.".to_owned(),
            ),
            DatabaseError::Secret(cause) => match cause {
                SecretError::ReadFile(cause) => (cause.kind(), cause.remedy()),
                SecretError::NotSet(_) | SecretError::Empty(_) => (
                    FailureKind::Absent,
                    "Put the password where [instance.database] of the agent's configuration says it is."
                        .to_owned(),
                ),
            },
        };
        Self::new(kind, error, remedy)
    }
}

/// How Confluence reaches its database.
#[derive(Debug)]
pub(super) struct Configured {
    /// What may be told.
    pub(super) config: DatabaseConfig,
    url: Result<JdbcUrl, DatabaseError>,
    password: Password,
}

#[derive(Debug)]
enum Password {
    Plain(SecretString),
    Encrypted(String),
    Computed,
    Absent,
}

/// The settings as one of the two files has them.
struct Settings {
    place: String,
    key: &'static str,
    url: Option<SecretString>,
    username: Option<String>,
    password: Option<SecretString>,
    driver_class: Option<String>,
    /// The application server replaces `${…}` in its own file.
    has_variables: bool,
    /// Why there is nothing to be read, when the data source is defined nowhere the agent looks.
    undefined: Option<DatabaseError>,
}

/// Reads how Confluence reaches its database.
pub(super) fn read_configured(site: &Site) -> Result<Configured, CollectError> {
    let property = |name| site.cfg.property(name).map(|value| value.trim().to_owned());
    let data_source = property(DATA_SOURCE);
    let settings = match &data_source {
        Some(name) => read_data_source(site, name)?,
        None => Settings {
            place: site.cfg_path().display().to_string(),
            key: URL,
            url: property(URL).map(SecretString::from),
            username: property("hibernate.connection.username"),
            // Blanks belong to a password.
            password: site.cfg.property("hibernate.connection.password").map(SecretString::from),
            driver_class: property("hibernate.connection.driver_class"),
            has_variables: false,
            undefined: None,
        },
    };
    let Settings { place, key, url, username, password, driver_class, has_variables, undefined } = settings;
    let computed = |text: &str| has_variables && text.contains("${");
    let password = match (property(DECRYPTER), password) {
        (Some(class), _) => Password::Encrypted(class),
        (None, Some(password)) if computed(password.expose_secret()) => Password::Computed,
        (None, Some(password)) => Password::Plain(password),
        (None, None) => Password::Absent,
    };
    let url = url
        .ok_or_else(|| undefined.unwrap_or_else(|| DatabaseError::NoUrl { place: place.clone(), key }))
        .and_then(|text| parse_url(text.expose_secret(), &place, key));
    let mut config = DatabaseConfig {
        place,
        engine: driver_class.as_deref().and_then(engine_of_driver),
        url: None,
        host: None,
        port: None,
        database: None,
        schema: None,
        parameters: BTreeMap::new(),
        account: username.filter(|name| !computed(name)),
        password: match &password {
            Password::Plain(_) => PasswordKind::Plain,
            Password::Encrypted(class) => PasswordKind::Encrypted(class.clone()),
            Password::Computed | Password::Absent => PasswordKind::Absent,
        },
        data_source: data_source.as_deref().map(shown),
        driver_class,
        isolation: property("hibernate.connection.isolation").and_then(|level| level.parse().ok()),
        pool_size: POOL_SIZES.iter().find_map(|key| property(key)).and_then(|size| size.trim().parse().ok()),
        defect: None,
    };
    match &url {
        Ok(url) => url.describe(&mut config),
        // Nothing is wrong with a definition that was not found.
        // Nor with a driver the agent has never heard of: the product runs with it.
        Err(
            DatabaseError::NoDataSource { .. }
            | DatabaseError::BadUrl { cause: JdbcUrlError::UnknownEngine { .. }, .. },
        ) => {}
        Err(DatabaseError::BadUrl { cause, .. }) => config.defect = Some(cause.to_string()),
        Err(error) => config.defect = Some(Chain(error).to_string()),
    }
    Ok(Configured { config, url, password })
}

/// The name of a data source, unless it is none: a whole URL has been written there, with its password.
fn shown(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if name.len() <= 200 && name.chars().all(plain) && !name.starts_with("jdbc:") {
        name.to_owned()
    } else {
        "***".to_owned()
    }
}

fn read_data_source(site: &Site, name: &str) -> Result<Settings, CollectError> {
    let path = site.server_xml_path();
    let text = read_text(&path)?;
    let server = parse_server_xml(&text).map_err(|cause| SiteError::Xml { path: path.clone(), cause })?;
    let source = server.data_source(name);
    Ok(Settings {
        place: path.display().to_string(),
        key: "url",
        url: source.and_then(|source| source.url.clone()),
        username: source.and_then(|source| source.username.clone()),
        password: source.and_then(|source| source.password.clone()),
        driver_class: source.and_then(|source| source.driver_class.clone()),
        has_variables: true,
        // It may stand in another file. That a data source is used is known all the same.
        undefined: source.is_none().then(|| DatabaseError::NoDataSource {
            cfg: site.cfg_path(),
            server_xml: path,
            name: shown(name),
        }),
    })
}

fn parse_url(text: &str, place: &str, key: &'static str) -> Result<JdbcUrl, DatabaseError> {
    parse_jdbc_url(text).map_err(|cause| DatabaseError::BadUrl { place: place.to_owned(), key, cause })
}

/// Tells where the database of one instance is.
#[derive(Debug, Clone)]
pub struct SiteDatabase {
    instance: Arc<Instance>,
}

impl SiteDatabase {
    /// The way to the database of an instance; files are read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl DatabaseDirectory for SiteDatabase {
    fn directions(&self) -> Result<Directions, CollectError> {
        let site = read_site(&self.instance)?;
        let Configured { config, url, password } = read_configured(&site)?;
        let access = &self.instance.database;
        let (url, url_place) = match &access.url {
            Some(text) => {
                let place = "[instance.database] of the agent's configuration";
                (parse_url(text, place, "url")?, place.to_owned())
            }
            None => (url?, config.place.clone()),
        };
        if !can_be_asked(url.engine) {
            return Ok(Directions::CannotAsk {
                engine: url.engine,
                address: url.address(),
                account: config.account.unwrap_or_default(),
            });
        }
        let account = config.account.clone().or_else(|| access.username.clone());
        let account = account.ok_or_else(|| DatabaseError::NoAccount { place: config.place.clone() })?;
        let username = access.username.clone().unwrap_or_else(|| account.clone());
        let password = match &access.password {
            Some(secret) => secret.read().map_err(DatabaseError::Secret)?,
            None if config.account.as_ref() == Some(&username) => own_password(password, &config.place)?,
            None => return Err(DatabaseError::NoPassword { username }.into()),
        };
        // PostgreSQL's driver takes the account's name for the database when none is named.
        let unnamed = (url.engine == Engine::Postgresql).then(|| account.clone());
        let database = url.database.clone().or(unnamed);
        let server =
            url.servers.first().cloned().unwrap_or(Server { host: "localhost".to_owned(), port: None });
        Ok(Directions::Connect(Box::new(Connection {
            engine: url.engine,
            host: server.host,
            port: server.port,
            database: database.ok_or(DatabaseError::NoDatabase { place: url_place })?,
            schema: url.schema,
            parameters: url.parameters,
            account,
            username,
            password,
            ca_file: access.ca_file.clone(),
        })))
    }
}

/// The password Confluence itself uses, when it can be read.
fn own_password(password: Password, place: &str) -> Result<SecretString, DatabaseError> {
    let place = place.to_owned();
    match password {
        Password::Plain(password) => Ok(password),
        Password::Encrypted(class) => Err(DatabaseError::Encrypted { place, class }),
        Password::Computed => Err(DatabaseError::Computed { place }),
        // Servers may let an account in without one.
        Password::Absent => Ok(SecretString::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::unprivileged::as_another_user;
    use crate::config::{DatabaseAccess, SecretSource};
    use crate::product::confluence::fixture::{Example, LaidOut};

    fn ask(example: &LaidOut, database: DatabaseAccess) -> Result<Directions, CollectError> {
        let instance = Instance { database, ..example.instance() };
        SiteDatabase::new(Arc::new(instance)).directions()
    }

    fn connection(example: &LaidOut, database: DatabaseAccess) -> Connection {
        match ask(example, database) {
            Ok(Directions::Connect(connection)) => *connection,
            other => panic!("{other:?}"),
        }
    }

    /// Kind and message of the failure; no secret may be in it.
    fn failure(example: &LaidOut, database: DatabaseAccess) -> (FailureKind, String) {
        let failure = ask(example, database).unwrap_err().into_failure();
        assert!(!failure.message.contains("S3CRET"), "{}", failure.message);
        (failure.kind, failure.message)
    }

    fn with_password(example: &LaidOut, username: Option<&str>) -> DatabaseAccess {
        example.write("password", "AGENTS3CRET\n");
        DatabaseAccess {
            username: username.map(str::to_owned),
            password: Some(SecretSource::File(example.root().join("password"))),
            ..DatabaseAccess::default()
        }
    }

    const JNDI: &str = "java:comp/env/jdbc/confluence";

    fn jndi(attributes: &str) -> LaidOut {
        let example = Example::new().without(URL).without("hibernate.connection.username");
        let example = example.without("hibernate.connection.password").property(DATA_SOURCE, JNDI).lay_out();
        example.write(
            "install/conf/server.xml",
            &format!("<Server><Context path=\"\"><Resource name=\"jdbc/confluence\" {attributes}/></Context></Server>"),
        );
        example
    }

    #[test]
    fn what_the_product_uses_is_used() {
        let example = Example::new()
            .jdbc_url("jdbc:postgresql://db1:5433,db2/wiki?currentSchema=conf&sslmode=require")
            .property("hibernate.connection.password", " S3CRET ")
            .lay_out();
        let found = connection(&example, DatabaseAccess::default());
        assert_eq!((found.engine, found.host.as_str(), found.port), (Engine::Postgresql, "db1", Some(5433)));
        assert_eq!((found.database.as_str(), found.schema.as_deref()), ("wiki", Some("conf")));
        assert_eq!(found.parameters["sslmode"], "require");
        assert_eq!((found.account.as_str(), found.username.as_str()), ("confdb", "confdb"));
        assert_eq!(found.password.expose_secret(), " S3CRET ", "blanks belong to it");
        assert!(!format!("{found:?}").contains("S3CRET"));
    }

    #[test]
    fn a_database_without_a_host_is_on_this_one() {
        for (url, database) in [("jdbc:postgresql:wiki", "wiki"), ("jdbc:postgresql:", "confdb")] {
            let found = connection(&Example::new().jdbc_url(url).lay_out(), DatabaseAccess::default());
            assert_eq!(
                (found.host.as_str(), found.port, found.database.as_str()),
                ("localhost", None, database)
            );
        }
    }

    #[test]
    fn a_data_source_is_looked_up_in_the_application_server() {
        let example = jndi(
            "username=\"tomcat\" password=\"S3CRET\" driverClassName=\"com.mysql.cj.jdbc.Driver\" url=\"jdbc:mysql://db/wiki\"",
        );
        let found = connection(&example, DatabaseAccess::default());
        assert_eq!((found.engine, found.host.as_str()), (Engine::Mysql, "db"));
        assert_eq!((found.account.as_str(), found.password.expose_secret()), ("tomcat", "S3CRET"));
        let config = read_configured(&read_site(&example.instance()).unwrap()).unwrap().config;
        assert_eq!(config.data_source.as_deref(), Some(JNDI));
        assert!(config.place.ends_with("server.xml"), "{}", config.place);
        assert_eq!(config.password, PasswordKind::Plain);
    }

    #[test]
    fn a_data_source_that_cannot_be_followed_is_told() {
        let none = jndi("");
        none.write("install/conf/server.xml", "<Server/>");
        let (kind, told) = failure(&none, DatabaseAccess::default());
        assert_eq!(kind, FailureKind::Absent);
        assert!(
            told.contains(JNDI) && told.contains("server.xml") && told.contains("[instance.database]"),
            "{told}"
        );

        // The use of a data source is a fact of its own, and a URL in the agent's configuration leads on.
        let config = read_configured(&read_site(&none.instance()).unwrap()).unwrap().config;
        assert_eq!((config.data_source.as_deref(), config.url, config.defect), (Some(JNDI), None, None));
        let by_agent = DatabaseAccess {
            url: Some("jdbc:postgresql://db/wiki".to_owned()),
            username: Some("readiness".to_owned()),
            ..DatabaseAccess::default()
        };
        let (_, told) = failure(&none, by_agent);
        assert!(told.contains("readiness") && !told.contains(JNDI), "{told}");

        let broken = jndi("");
        broken.write("install/conf/server.xml", "<Server><Resource password=\"S3CRET");
        assert_eq!(failure(&broken, DatabaseAccess::default()).0, FailureKind::Malformed);

        let gone = jndi("");
        gone.remove("install/conf/server.xml");
        assert_eq!(failure(&gone, DatabaseAccess::default()).0, FailureKind::Absent);

        let hidden = jndi("");
        hidden.forbid("install/conf");
        let database = SiteDatabase::new(Arc::new(hidden.instance()));
        let failure = as_another_user(move || database.directions().unwrap_err()).into_failure();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(failure.message.contains("server.xml") && failure.message.contains("setfacl"), "{failure:?}");
    }

    #[test]
    fn variables_of_the_application_server_are_not_guessed() {
        let example = jndi("username=\"tomcat\" password=\"${db.pw}\" url=\"jdbc:mysql://db/wiki\"");
        let (kind, told) = failure(&example, DatabaseAccess::default());
        assert_eq!(kind, FailureKind::Denied);
        assert!(told.contains("variable") && told.contains("password_file"), "{told}");

        let example = jndi("username=\"${db.user}\" password=\"x\" url=\"jdbc:mysql://db/wiki\"");
        assert_eq!(failure(&example, DatabaseAccess::default()).0, FailureKind::Absent, "no account");

        let example = jndi("username=\"tomcat\" password=\"x\" url=\"${db.url}\"");
        assert_eq!(failure(&example, DatabaseAccess::default()).0, FailureKind::Malformed);
    }

    #[test]
    fn an_encrypted_password_needs_an_account_for_the_agent() {
        for class in ["com.atlassian.secrets.store.base64.Base64SecretStore", "com.example.Own"] {
            let example = Example::new()
                .property(DECRYPTER, class)
                .property("hibernate.connection.password", "UzNDUkVU")
                .lay_out();
            let (kind, told) = failure(&example, DatabaseAccess::default());
            assert_eq!(kind, FailureKind::Denied);
            for part in [class, "username and password_file", "[instance.database]", "only read"] {
                assert!(told.contains(part), "{told}");
            }
            assert!(!told.contains("UzND"), "{told}");

            let found = connection(&example, with_password(&example, Some("agent")));
            assert_eq!((found.account.as_str(), found.username.as_str()), ("confdb", "agent"));
            assert_eq!(found.password.expose_secret(), "AGENTS3CRET");
            let config = read_configured(&read_site(&example.instance()).unwrap()).unwrap().config;
            assert_eq!(config.password, PasswordKind::Encrypted(class.to_owned()));
        }
    }

    #[test]
    fn the_operator_may_override_each_part() {
        let example = Example::new().lay_out();
        let found = connection(&example, with_password(&example, None));
        assert_eq!((found.username.as_str(), found.password.expose_secret()), ("confdb", "AGENTS3CRET"));

        let access = DatabaseAccess {
            url: Some("jdbc:postgresql://replica:6543/wiki".to_owned()),
            ca_file: Some("/etc/ca.pem".into()),
            ..DatabaseAccess::default()
        };
        let found = connection(&example, access);
        assert_eq!((found.host.as_str(), found.port), ("replica", Some(6543)));
        assert_eq!(found.password.expose_secret(), "S3CRET");
        assert_eq!(found.ca_file.as_deref(), Some(std::path::Path::new("/etc/ca.pem")));

        let other = DatabaseAccess { username: Some("agent".to_owned()), ..DatabaseAccess::default() };
        let (kind, told) = failure(&example, other);
        assert_eq!(kind, FailureKind::Denied);
        assert!(told.contains("agent") && told.contains("password_file"), "{told}");

        let bad = DatabaseAccess { url: Some("S3CRET".to_owned()), ..DatabaseAccess::default() };
        let (kind, told) = failure(&example, bad);
        assert_eq!(kind, FailureKind::Malformed);
        assert!(told.contains("[instance.database]"), "{told}");

        let missing = DatabaseAccess {
            password: Some(SecretSource::File(example.root().join("nothing"))),
            ..DatabaseAccess::default()
        };
        assert_eq!(failure(&example, missing).0, FailureKind::Absent);
    }

    #[test]
    fn engines_that_cannot_be_asked_are_named_with_their_address() {
        let rows = [
            ("jdbc:sqlserver://db:1433;databaseName=wiki", Engine::SqlServer, "db:1433/wiki"),
            ("jdbc:jtds:sqlserver://db/wiki", Engine::SqlServer, "db/wiki"),
            ("jdbc:oracle:thin:@//db:1521/wiki", Engine::Oracle, "db:1521/wiki"),
            ("jdbc:h2:file:/home/database/h2db", Engine::H2, "/home/database/h2db"),
            ("jdbc:hsqldb:mem:wiki", Engine::Hsqldb, "wiki"),
        ];
        for (url, engine, address) in rows {
            let example = Example::new().jdbc_url(url).lay_out();
            match ask(&example, DatabaseAccess::default()) {
                Ok(Directions::CannotAsk { engine: found, address: at, account }) => {
                    assert_eq!((found, at.as_str(), account.as_str()), (engine, address, "confdb"), "{url}");
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_told_and_becomes_a_defect() {
        for (url, kind, part) in [
            ("jdbc:postgresql://db:99999/wiki", FailureKind::Malformed, "port"),
            ("jdbc:foo://db/wiki", FailureKind::Malformed, "\"foo\""),
            ("postgresql://bob:S3CRET@db/wiki", FailureKind::Malformed, "jdbc:"),
            ("jdbc:mysql://db", FailureKind::Malformed, "names no database"),
        ] {
            let example = Example::new().jdbc_url(url).lay_out();
            let (found, told) = failure(&example, DatabaseAccess::default());
            assert_eq!(found, kind, "{told}");
            assert!(told.contains(part) && told.contains("confluence.cfg.xml"), "{told}");
        }
        let config = |example: Example| {
            let example = example.lay_out();
            read_configured(&read_site(&example.instance()).unwrap()).unwrap().config
        };
        let bad = config(Example::new().jdbc_url("jdbc:postgresql://bob:S3CRET/wiki"));
        assert_eq!((bad.engine, bad.url), (Some(Engine::Postgresql), None), "the driver tells the engine");
        assert!(bad.defect.unwrap().contains("port"));

        let twice = config(Example::new().jdbc_url("jdbc:mysql://db/wiki?a=b&amp;password=S3CRET"));
        assert_eq!(twice.url.as_deref(), Some("jdbc:mysql://db/wiki?a=b&amp;password=***"));
        assert!(twice.defect.unwrap().contains("escaped twice"));

        let wrapped = config(Example::new().jdbc_url("jdbc:aws-wrapper:postgresql://db/wiki"));
        assert_eq!(
            (wrapped.engine, wrapped.defect),
            (Some(Engine::Postgresql), None),
            "a driver around another"
        );

        let none = config(Example::new().without(URL));
        assert!(none.defect.unwrap().contains(URL));
        assert_eq!(none.isolation, Some(2));
    }

    #[test]
    fn the_size_of_the_pool_is_told_by_the_newest_word_for_it() {
        let size = |example: Example| {
            let example = example.lay_out();
            read_configured(&read_site(&example.instance()).unwrap()).unwrap().config.pool_size
        };
        let old = || Example::new().property("hibernate.c3p0.max_size", "30");
        assert_eq!(size(Example::new()), None);
        assert_eq!(size(old()), Some(30));
        assert_eq!(size(old().property("hibernate.hikari.maximumPoolSize", " 60 ")), Some(60));
        assert_eq!(size(Example::new().property("hibernate.c3p0.max_size", "many")), None);
    }

    #[test]
    fn without_any_url_the_set_up_is_not_finished() {
        let (kind, told) = failure(&Example::new().without(URL).lay_out(), DatabaseAccess::default());
        assert_eq!(kind, FailureKind::Absent);
        assert!(told.contains(URL) && told.contains("set-up"), "{told}");
    }
}
