//! Facts about the staging instance, as the agent that watches it tells them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Connector, DatabaseConfig, Engine, Field, Installation, Prepared, Snapshot};
use crate::version::ProductVersion;

/// Where an upgrade is tried before it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Rehearsal {
    /// The staging instance; `None` when the configuration names none.
    pub staging: Option<Staging>,
    /// The new release that is set up beside the running one; `None` when the configuration names none.
    #[serde(default)]
    pub prepared: Option<Field<Box<Prepared>>>,
}

/// A staging instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Staging {
    /// The file or address its state was read from, without credentials.
    pub place: String,
    /// Its name there.
    pub instance: String,
    /// When its state was written.
    pub written_at: Timestamp,
    /// What it is.
    pub profile: Profile,
}

/// What an instance is, as far as another one can be compared with it. Published in the status file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Profile {
    /// The version that runs.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub version: Option<ProductVersion>,
    /// Since when it runs, as far as anybody watched.
    pub version_since: Option<Timestamp>,
    /// Where users reach it.
    pub base_url: Option<String>,
    /// Its database engine.
    pub engine: Option<Engine>,
    /// The version of the database server.
    pub database_version: Option<String>,
    /// Where its database is: host, port and name.
    pub database: Option<String>,
    /// The cluster it is a node of.
    pub cluster: Option<String>,
    /// Its home directory, with the host it is on.
    pub home: Option<String>,
    /// The home shared by the nodes of a cluster.
    pub shared_home: Option<String>,
    /// The Java it runs on.
    pub java: Option<String>,
    /// The operating system.
    pub operating_system: Option<String>,
    /// Version of each plug-in people installed, by key; absent when it is not known.
    pub plugins: Option<BTreeMap<String, String>>,
}

impl Snapshot {
    /// What this instance is, for another agent to compare with; what is not known is absent.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let host = self.host().ok();
        let installation = self.installation().ok();
        let database = self.database().ok();
        let config = installation.and_then(|facts| facts.database.value());
        let version = installation.and_then(|facts| facts.version.value().cloned());
        let host_name = host.and_then(|host| host.name.as_deref());
        let seen = self.memory.versions.iter().rfind(|seen| Some(&seen.version) == version.as_ref());
        let on_host = |path: &str| host_name.map(|name| format!("{name}:{path}"));
        let cluster = installation.and_then(|facts| facts.cluster.as_ref());
        let java = self.java().ok().and_then(|java| java.runtimes.iter().min_by_key(|runtime| runtime.role));
        Profile {
            version_since: seen.map(|seen| seen.first_seen),
            version,
            base_url: installation.and_then(public_address),
            engine: database.map(|facts| facts.engine).or_else(|| config?.engine),
            database_version: database.and_then(|facts| facts.version.value().cloned()),
            database: config.and_then(|config| database_place(config, host_name)),
            cluster: cluster.and_then(|cluster| cluster.name.clone()),
            home: installation.and_then(|facts| on_host(&facts.home_dir)),
            shared_home: cluster.and_then(|cluster| cluster.shared_home_dir.clone()),
            java: java.and_then(|java| Some(java.version.value()?.text.clone())),
            operating_system: host.map(|host| host.os.name.clone()),
            plugins: self.plugins().ok().map(|plugins| {
                plugins.user_installed().map(|plugin| (plugin.key.clone(), plugin.version.clone())).collect()
            }),
        }
    }
}

/// Where users reach it, as the connectors say that stand behind a proxy.
fn public_address(installation: &Installation) -> Option<String> {
    let connectors = match &installation.connectors {
        Field::Read(connectors) => connectors,
        Field::Unread(_) => return None,
    };
    let address = |connector: &Connector| {
        let name = connector.proxy_name.as_deref()?.to_lowercase();
        let scheme = &connector.scheme;
        let path = &installation.context_path;
        Some(match connector.proxy_port {
            None | Some(80 | 443) => format!("{scheme}://{name}{path}"),
            Some(port) => format!("{scheme}://{name}:{port}{path}"),
        })
    };
    connectors.iter().find_map(address)
}

/// Host, port and name of the database; a host that means "here" is called by the name of this host.
fn database_place(config: &DatabaseConfig, host_name: Option<&str>) -> Option<String> {
    let host = config.host.as_deref()?.to_lowercase();
    let host =
        if matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]") { host_name? } else { &host };
    let usual = match config.engine? {
        Engine::Postgresql => 5432,
        Engine::Mysql | Engine::Mariadb => 3306,
        Engine::SqlServer => 1433,
        Engine::Oracle => 1521,
        Engine::H2 | Engine::Hsqldb => return None,
    };
    let schema = config.schema.as_deref().map(|schema| format!("?{schema}")).unwrap_or_default();
    Some(format!("{host}:{}/{}{schema}", config.port.unwrap_or(usual), config.database.as_deref()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::golden;

    #[test]
    fn an_instance_tells_what_it_is() {
        let profile = golden().facts.profile();
        assert_eq!(profile.base_url.as_deref(), Some("https://wiki.example.com"));
        assert_eq!(profile.database.as_deref(), Some("db.example.com:5432/confluence"));
        assert_eq!(profile.java.as_deref(), Some("17.0.9"));
        assert_eq!(profile.plugins.unwrap().len(), 1);
        assert!(profile.home.unwrap().starts_with("wiki.example.com:/"));
    }

    #[test]
    fn a_database_here_is_not_the_one_of_another_host_that_is_called_here_too() {
        let config = |host: &str| {
            let facts = golden().facts;
            let mut config = facts.installation().unwrap().database.value().unwrap().clone();
            config.host = Some(host.into());
            config
        };
        assert_eq!(database_place(&config("localhost"), Some("a")).unwrap(), "a:5432/confluence");
        assert_eq!(database_place(&config("127.0.0.1"), None), None);
        assert_eq!(
            database_place(&config("DB.example.com"), None).unwrap(),
            "db.example.com:5432/confluence"
        );
    }

    #[test]
    fn nothing_known_is_an_empty_profile() {
        let mut golden = golden();
        golden.facts = Snapshot::empty("wiki", golden.facts.product, golden.now);
        assert_eq!(golden.facts.profile(), Profile::default());
    }
}
