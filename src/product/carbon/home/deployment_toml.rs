//! `repository/conf/deployment.toml`: how a product on kernel 4.5 or newer is configured.
//!
//! Only what is written there is read. What the product fills in by itself (`default.json`, `infer.json`) is taken
//! for granted where a question needs it, and said so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use secrecy::SecretString;
use toml::{Table, Value};
use upgrade_readiness_checks::facts::{Clustering, Mount};

use super::error::{HomeError, read_toml};
use super::registry_xml::shown_cache;
use super::source::{Password, Source, flag_doubles};

/// Below the home.
pub(super) const FILE: &str = "repository/conf/deployment.toml";
/// The name of each database's data source and its name in JNDI, by its key in `[database.*]`, as the templates of the
/// kernel and its products have them.
const NAMES: [(&str, &str, &str); 7] = [
    ("shared_db", "WSO2_SHARED_DB", "jdbc/SHARED_DB"),
    ("user", "WSO2USER_DB", "jdbc/WSO2USER_DB"),
    ("config", "WSO2CONFIG_DB", "jdbc/WSO2CONFIG_DB"),
    ("identity_db", "WSO2_IDENTITY_DB", "jdbc/WSO2IdentityDB"),
    ("apim_db", "WSO2AM_DB", "jdbc/WSO2AM_DB"),
    ("local", "WSO2_CARBON_DB", "jdbc/WSO2CarbonDB"),
    ("registry_db", "WSO2_CARBON_DB", "jdbc/WSO2CarbonDB"),
];
/// The data source of users and of mounted registries when none is named (`default.json`).
const SHARED: &str = "SHARED_DB";
/// No file has more databases.
const MOST: usize = 200;

/// What `deployment.toml` says.
#[derive(Debug)]
pub(super) struct DeploymentToml {
    place: String,
    table: Table,
}

/// Reads the file.
pub(super) fn read_deployment_toml(home: &Path) -> Result<DeploymentToml, HomeError> {
    let path = home.join(FILE);
    Ok(DeploymentToml { table: read_toml(&path)?, place: path.display().to_string() })
}

impl DeploymentToml {
    /// What stands at the end of a way of keys, also when the last keys are written as one with dots, in quotes.
    fn value(&self, way: &[&str]) -> Option<&Value> {
        let (last, tables) = way.split_last()?;
        tables.iter().try_fold(&self.table, |table, key| table.get(*key)?.as_table())?.get(*last)
    }

    fn text(&self, way: &[&str]) -> Option<String> {
        self.value(way).and_then(text_of)
    }

    /// A switch, when it is set.
    fn switch(&self, way: &[&str]) -> Option<bool> {
        self.value(way).and_then(truth)
    }

    /// What is added to every usual port.
    pub(super) fn offset(&self) -> Option<String> {
        self.text(&["server", "offset"])
    }

    /// The name the server is reached by.
    pub(super) fn host_name(&self) -> Option<String> {
        self.text(&["server", "hostname"])
    }

    /// A port of the product, without the offset.
    pub(super) fn port(&self, scheme: &str) -> Option<String> {
        self.text(&["transport", scheme, "properties", "port"])
    }

    /// The administrator's account is made at the next start, when it says so.
    pub(super) fn creates_administrator(&self) -> Option<bool> {
        self.switch(&["super_admin", "create_admin_account"])
    }

    /// The JNDI name of the data source of user management.
    pub(super) fn user_management(&self) -> String {
        let name = self.text(&["realm_manager", "data_source"]).unwrap_or_else(|| SHARED.to_owned());
        if name == SHARED && !self.has_database("shared_db") && self.has_database("user") {
            return "jdbc/WSO2USER_DB".to_owned();
        }
        jndi_of(&name)
    }

    /// The JNDI names of data sources of registries that are mounted.
    pub(super) fn mounted(&self) -> BTreeSet<String> {
        self.mounts().into_iter().filter_map(|mount| mount.datasource).collect()
    }

    /// What is mounted: governance and configuration always are.
    pub(super) fn mounts(&self) -> Vec<Mount> {
        let governance = self.text(&["governance_data", "data_source"]).unwrap_or_else(|| SHARED.to_owned());
        let config = self.text(&["config_data", "data_source"]).unwrap_or_else(|| governance.clone());
        let mount = |key: &str, path: &str, name: &str| Mount {
            path: self.text(&[key, "path"]).unwrap_or_else(|| path.to_owned()),
            instance: key.to_owned(),
            datasource: Some(jndi_of(name)),
            cache_id: self.text(&[key, "cache_id"]).map(|text| shown_cache(&text)),
            read_only: self.switch(&[key, "read_only"]).unwrap_or(false),
        };
        vec![
            mount("config_data", "/_system/config", &config),
            mount("governance_data", "/_system/governance", &governance),
        ]
    }

    /// The JNDI name of its own registry, when that has a database of its own here.
    pub(super) fn local_registry(&self) -> Option<String> {
        ["local", "registry_db"]
            .iter()
            .any(|key| self.has_database(key))
            .then(|| "jdbc/WSO2CarbonDB".to_owned())
    }

    /// The switches that decide whether versions are kept, as far as they are set.
    pub(super) fn versioning(&self) -> BTreeMap<String, bool> {
        let all = self.switch(&["registry", "versioning_configuration", "enable"]);
        let rows = [
            ("versioningProperties", "enable_versioning_properties"),
            ("versioningComments", "enable_versioning_comments"),
            ("versioningTags", "enable_versioning_tags"),
            ("versioningRatings", "enable_versioning_ratings"),
        ];
        rows.into_iter()
            .filter_map(|(name, key)| {
                Some((name.to_owned(), self.switch(&["versioning_configuration", key]).or(all)?))
            })
            .collect()
    }

    /// Whether it looks for other members of a cluster; any table `[clustering]` switches that on.
    pub(super) fn clustering(&self) -> Clustering {
        let table = self.value(&["clustering"]).and_then(Value::as_table);
        let host = self.text(&["clustering", "local_member_host"]);
        let port = self.text(&["clustering", "local_member_port"]);
        let members = self.value(&["clustering", "members"]).and_then(Value::as_array);
        Clustering {
            place: self.place.clone(),
            enabled: table.is_some_and(|table| table.get("enable").and_then(truth).unwrap_or(true)),
            scheme: self.text(&["clustering", "membership_scheme"]),
            domain: self.text(&["clustering", "domain"]),
            local_member: host.map(|host| port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))),
            members: members.into_iter().flatten().filter_map(text_of).take(MOST).collect(),
        }
    }

    /// The synchroniser's table, when there is one.
    pub(super) fn synchroniser(&self) -> Option<bool> {
        self.switch(&["deployment_synchronizer", "enabled"])
            .or_else(|| self.switch(&["deployment_synchronizer", "enable"]))
    }

    fn has_database(&self, key: &str) -> bool {
        self.value(&["database", key]).is_some_and(Value::is_table)
    }

    /// Its data sources.
    pub(super) fn datasources(&self) -> Result<Vec<Source>, HomeError> {
        let databases = self.value(&["database"]).and_then(Value::as_table).into_iter().flatten();
        let mut sources = Vec::new();
        for (key, value) in databases {
            let Some(table) = value.as_table() else { continue };
            let (name, jndi) = NAMES.iter().find(|(known, ..)| known == key).map_or_else(
                || (key.to_uppercase(), format!("jdbc/{key}")),
                |(_, name, jndi)| ((*name).to_owned(), (*jndi).to_owned()),
            );
            sources.push(self.source(name, jndi, table));
        }
        match self.value(&["datasource"]) {
            Some(Value::Table(tables)) => sources.extend(tables.iter().filter_map(|(id, value)| {
                Some(self.source(id.clone(), format!("jdbc/{id}"), value.as_table()?))
            })),
            Some(Value::Array(list)) => sources.extend(list.iter().filter_map(|value| {
                let table = value.as_table()?;
                let id = table.get("id").and_then(text_of)?;
                Some(self.source(id.clone(), format!("jdbc/{id}"), table))
            })),
            Some(_) | None => {}
        }
        if sources.len() > MOST {
            return Err(HomeError::TooMany {
                path: self.place.clone().into(),
                what: "databases",
                most: MOST,
            });
        }
        flag_doubles(&mut sources);
        Ok(sources)
    }

    fn source(&self, name: String, jndi: String, table: &Table) -> Source {
        let text = |key: &str| table.get(key).and_then(text_of);
        let url = text("url").or_else(|| composed_url(table));
        Source {
            name,
            jndi: Some(jndi),
            place: self.place.clone(),
            key: "url",
            url: url.map(SecretString::from),
            account: text("username"),
            password: text("password")
                .map_or(Password::Absent, |text| Password::of(SecretString::from(text))),
            driver_class: text("driver"),
            max_active: table
                .get("pool_options")
                .and_then(|options| options.get("maxActive"))
                .and_then(text_of)
                .and_then(|text| text.parse().ok()),
            named_twice: false,
            written_in_toml: true,
        }
    }
}

/// The JNDI name of what a file calls a data source: a key of `[database.*]`, an `id`, or the JNDI name.
fn jndi_of(name: &str) -> String {
    let known = NAMES.iter().find(|(key, data_source, jndi)| {
        [*key, *data_source, *jndi].contains(&name) || jndi.strip_prefix("jdbc/") == Some(name)
    });
    known.map_or_else(
        || if name.starts_with("jdbc/") { name.to_owned() } else { format!("jdbc/{name}") },
        |(_, _, jndi)| (*jndi).to_owned(),
    )
}

/// The URL a product makes of `type`, `hostname`, `port` and `name` when none is given (`infer.json`).
fn composed_url(table: &Table) -> Option<String> {
    let text = |key: &str| table.get(key).and_then(text_of);
    let kind = text("type")?;
    if kind == "h2" {
        return Some("jdbc:h2:./repository/database/WSO2CARBON_DB".to_owned());
    }
    let (host, port) = (text("hostname")?, text("port")?);
    let name = || text("name");
    Some(match kind.as_str() {
        "mysql" | "mariadb" | "db2" => format!("jdbc:{kind}://{host}:{port}/{}", name()?),
        "postgre" => format!("jdbc:postgresql://{host}:{port}/{}", name()?),
        "mssql" => format!("jdbc:sqlserver://{host}:{port};databaseName={}", name()?),
        "oracle" => format!("jdbc:oracle:thin:@{host}:{port}/{}", text("sid").or_else(name)?),
        _ => return None,
    })
}

/// A text, a number or a truth value as text; people write ports both with and without quotes.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match text_of(value)?.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
