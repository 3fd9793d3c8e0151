//! What the operator says about the store that many agents share, and the part this agent has in a cluster.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SecretSource;
use super::schedule::parse_duration;
use super::validate::Validation;

const USUAL_SCHEMA: &str = "upgrade_readiness";
const USUAL_EVERY: Duration = Duration::from_secs(30);
const LONGEST_EVERY: Duration = Duration::from_mins(10);
const EXAMPLE: &str = "postgres://readiness@db.example.com:5432/fleet";

/// The PostgreSQL database many agents share for a view of the fleet. Without it every agent stands for itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawStore {
    /// Its address, such as `postgres://readiness@db.example.com:5432/fleet`; never with a password.
    url: Option<String>,
    /// File with the password.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// systemd credential with the password.
    password_credential: Option<String>,
    /// Certificates to trust in place of those of the system (PEM).
    ca_file: Option<String>,
    /// Whether the connection is encrypted and the server's certificate verified; default verify, and off on loopback.
    tls: Option<StoreTls>,
    /// The schema the tables are in; default `upgrade_readiness`.
    schema: Option<String>,
    /// How often this agent writes how its instances stand; default 30s, at most 10m.
    publish_every: Option<String>,
}

impl RawStore {
    /// Whether there is to be one, rightly described or not.
    pub(super) fn is_set(&self) -> bool {
        self.url.is_some()
    }
}

/// How the connection to the shared store is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreTls {
    /// Encrypted, and the certificate must come from a known authority and name the host.
    Verify,
    /// Neither.
    Off,
}

/// The store many agents share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStorePlace {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role the agent writes as.
    pub user: String,
    /// The password; `None` where the server asks for none.
    pub password: Option<SecretSource>,
    /// Certificates to trust in place of those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
    /// How the connection is secured.
    pub tls: StoreTls,
    /// The schema of the tables.
    pub schema: String,
    /// How often this agent writes there.
    pub publish_every: Duration,
}

impl std::fmt::Display for SharedStorePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port, database, user, schema, .. } = self;
        if host.contains(':') {
            write!(f, "postgres://{user}@[{host}]:{port}/{database}, schema {schema}")
        } else {
            write!(f, "postgres://{user}@{host}:{port}/{database}, schema {schema}")
        }
    }
}

impl Validation {
    /// The shared store, when there is one.
    pub(super) fn store(&mut self, raw: RawStore) -> Option<SharedStorePlace> {
        let RawStore {
            url,
            password_file,
            password_env,
            password_credential,
            ca_file,
            tls,
            schema,
            publish_every,
        } = raw;
        let places = [
            ("password_file", password_file),
            ("password_env", password_env),
            ("password_credential", password_credential),
        ];
        let others = places.iter().any(|(_, given)| given.is_some())
            || ca_file.is_some()
            || schema.is_some()
            || publish_every.is_some()
            || tls.is_some();
        let password = self.secret("store", places);
        let ca_file = ca_file.map(|path| self.path("store.ca_file", &path));
        let schema = schema.unwrap_or_else(|| USUAL_SCHEMA.to_owned());
        if !is_schema_name(&schema) {
            self.problem(
                "store.schema",
                "must be 1 to 60 lower-case letters, digits and underscores, with a letter first, and not begin with pg_",
            );
        }
        let publish_every = publish_every.map_or(USUAL_EVERY, |text| match parse_duration(&text) {
            Ok(every) if every <= LONGEST_EVERY => every,
            Ok(_) => {
                self.problem("store.publish_every", format!("must be at most 10m, and is {text:?}"));
                USUAL_EVERY
            }
            Err(error) => {
                self.problem("store.publish_every", error.to_string());
                USUAL_EVERY
            }
        });
        let Some(url) = url else {
            if others {
                self.problem("store.url", format!("is missing, such as {EXAMPLE:?}"));
            }
            return None;
        };
        let (host, port, database, user) = self.store_url(&url)?;
        let loopback = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let usual_tls = if loopback && ca_file.is_none() { StoreTls::Off } else { StoreTls::Verify };
        let tls = tls.unwrap_or(usual_tls);
        if tls == StoreTls::Off && ca_file.is_some() {
            self.problem("store.ca_file", "is of no use while store.tls is \"off\"; leave one of them out");
        }
        Some(SharedStorePlace { host, port, database, user, password, ca_file, tls, schema, publish_every })
    }

    /// Host, port, database and user of an address. What is wrong with it is told without repeating it: a person who
    /// mistakes its form may have written a password.
    fn store_url(&mut self, url: &str) -> Option<(String, u16, String, String)> {
        let wrong = match reqwest::Url::parse(url) {
            Err(error) => format!("must be an address such as {EXAMPLE:?}: {error}"),
            Ok(url) if url.password().is_some() => {
                "must not hold a password: put it into a file only the agent may read and name that as \
                 store.password_file, or use store.password_credential or store.password_env; and change the \
                 password, since it stood where others may have read it"
                    .to_owned()
            }
            Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
                format!("must begin with postgres://, such as {EXAMPLE:?}")
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                "must end with the name of the database: encryption is said by store.tls and store.ca_file, the schema by store.schema"
                    .to_owned()
            }
            Ok(url) => {
                let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let database = url.path().trim_start_matches('/').to_owned();
                let user = url.username().to_owned();
                let plain = |text: &str| !text.is_empty() && !text.contains(['%', '/', '\\']);
                if plain(&host) && plain(&database) && plain(&user) {
                    return Some((host, url.port().unwrap_or(5432), database, user));
                }
                format!("must name user, host and database plainly, as {EXAMPLE:?} does")
            }
        };
        self.problem("store.url", wrong);
        None
    }
}

fn is_schema_name(name: &str) -> bool {
    (1..=60).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with("pg_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn config(store: &str, cluster: &str) -> String {
        format!(
            "[store]\n{store}\n[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n{cluster}"
        )
    }

    fn store(keys: &str) -> SharedStorePlace {
        parse_config(&config(keys, "")).unwrap().shared_store.unwrap()
    }

    #[test]
    fn a_store_is_verified_unless_it_is_on_this_host() {
        let rows = [
            ("url = 'postgres://u@db.example.com/fleet'", StoreTls::Verify),
            ("url = 'postgres://u@db.example.com/fleet'\ntls = 'off'", StoreTls::Off),
            ("url = 'postgres://u@127.0.0.1:6000/fleet'", StoreTls::Off),
            ("url = 'postgres://u@[::1]/fleet'", StoreTls::Off),
            ("url = 'postgresql://u@localhost/fleet'\nca_file = '/etc/ca.pem'", StoreTls::Verify),
        ];
        for (keys, tls) in rows {
            assert_eq!(store(keys).tls, tls, "{keys}");
        }
        let whole =
            store("url = 'postgres://u@db.example.com/fleet'\nschema = 'ready_2'\npublish_every = '5s'");
        assert_eq!(whole.to_string(), "postgres://u@db.example.com:5432/fleet, schema ready_2");
        assert_eq!(whole.publish_every, Duration::from_secs(5));
        assert!(parse_config(&config("", "")).unwrap().shared_store.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        let good = "url = 'postgres://u@db.example.com/fleet'\n";
        let rows = [
            ("url = 'postgres://u:planted@db/fleet'".to_owned(), "must not hold a password"),
            ("url = 'postgresql://u:planted@db/fleet?sslmode=off'".to_owned(), "must not hold a password"),
            ("url = 'mysql://u@db/fleet'".to_owned(), "must begin with postgres://"),
            ("url = 'postgres://u@db/fleet?password=planted'".to_owned(), "must end with the name"),
            ("url = 'postgres://db/fleet'".to_owned(), "must name user"),
            ("url = 'postgres://u@db'".to_owned(), "must name user"),
            ("url = 'postgres://u@db/a/b'".to_owned(), "must name user"),
            ("url = 'planted'".to_owned(), "must be an address"),
            ("schema = 'x'".to_owned(), "store.url is missing"),
            (format!("{good}schema = 'A; DROP'"), "store.schema must be"),
            (format!("{good}schema = 'pg_x'"), "store.schema must be"),
            (format!("{good}publish_every = '1h'"), "at most 10m"),
            (format!("{good}publish_every = 'often'"), "must be a duration"),
            (format!("{good}tls = 'off'\nca_file = '/etc/ca.pem'"), "store.ca_file is of no use"),
            (format!("{good}ca_file = 'ca.pem'"), "must be a path from the root"),
            (format!("{good}password_file = 'planted'"), "must be the path from the root"),
            (format!("{good}password_file = '/a'\npassword_env = 'B'"), "give one of them"),
        ];
        for (keys, words) in rows {
            let problems = parse_config(&config(&keys, "")).unwrap_err();
            let told = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            assert!(told.contains(words), "{keys}: {told}");
            assert!(!told.contains("planted"), "{told}");
        }
    }

    #[test]
    fn a_node_has_a_name_and_a_store() {
        let url = "url = 'postgres://u@db.example.com/fleet'";
        let rows = [
            (url, "[instance.cluster]\nnode = 'node-1'", None),
            ("", "[instance.cluster]\nnode = 'node-1'", Some("needs [store]")),
            (url, "[instance.cluster]\nnode = ''", Some("must be 1 to 64")),
            (url, "[instance.cluster]\nnode = 'a b'", Some("must be 1 to 64")),
        ];
        for (store, cluster, wrong) in rows {
            match (parse_config(&config(store, cluster)), wrong) {
                (Ok(config), None) => assert_eq!(config.instances[0].node.as_deref(), Some("node-1")),
                (Err(problems), Some(words)) => {
                    assert!(
                        problems.iter().any(|problem| problem.to_string().contains(words)),
                        "{problems:?}"
                    );
                }
                (other, _) => panic!("{cluster}: {other:?}"),
            }
        }
    }
}
