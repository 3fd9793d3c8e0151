//! `repository/conf/registry.xml`: which databases the registry is in, what is mounted, whether versions are kept.
//!
//! Form: `RegistryConfigurationProcessor` of the kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use roxmltree::Node;
use secrecy::SecretString;
use upgrade_readiness_checks::facts::Mount;

use super::datasources::read_password;
use super::elements::{child, text_below};
use super::error::HomeError;
use super::source::{Password, Source};
use crate::collect::database::jdbc::redact;
use crate::collect::xml::read_xml;

/// Below the home.
const FILE: &str = "repository/conf/registry.xml";
/// No registry has more mounts or configurations.
const MOST: usize = 100;
/// The switches below `staticConfiguration` that decide whether versions are kept.
const SWITCHES: [&str; 4] =
    ["versioningProperties", "versioningComments", "versioningTags", "versioningRatings"];

/// What `registry.xml` says.
#[derive(Debug, Default)]
pub(super) struct RegistryXml {
    /// The JNDI name of the data source of its own registry.
    pub(super) local: Option<String>,
    /// The JNDI names of data sources of registries that are mounted.
    pub(super) mounted: BTreeSet<String>,
    /// Databases that are named by their URL instead of a data source; the first is the one of its own registry when
    /// `local` is absent.
    pub(super) direct: Vec<Source>,
    /// The name among `direct` of the configuration that is in use.
    pub(super) current: Option<String>,
    /// What is mounted.
    pub(super) mounts: Vec<Mount>,
    /// The switches that decide whether versions are kept, as far as they are set.
    pub(super) versioning: BTreeMap<String, bool>,
}

/// Reads the file.
pub(super) fn read_registry_xml(home: &Path) -> Result<RegistryXml, HomeError> {
    let path = home.join(FILE);
    Ok(read_xml(&path, "wso2registry", |root| take(&path, root))?)
}

fn take(path: &Path, root: Node<'_, '_>) -> RegistryXml {
    let named = |name: &'static str| root.children().filter(move |node| node.has_tag_name(name)).take(MOST);
    let current = text_below(root, "currentDBConfig");
    let mut registry = RegistryXml { current: current.clone(), ..RegistryXml::default() };
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for node in named("dbConfig") {
        let Some(name) = node.attribute("name").map(str::to_owned) else { continue };
        if let Some(jndi) = text_below(node, "dataSource") {
            by_name.insert(name, jndi);
        } else if let Some(url) = text_below(node, "url") {
            registry.direct.push(Source {
                name,
                jndi: None,
                place: path.display().to_string(),
                key: "url",
                url: Some(SecretString::from(url)),
                account: text_below(node, "userName"),
                password: child(node, "password").map_or(Password::Absent, read_password),
                driver_class: text_below(node, "driverName"),
                max_active: text_below(node, "maxActive").and_then(|text| text.parse().ok()),
                named_twice: false,
                written_in_toml: false,
            });
        }
    }
    registry.local = current.as_ref().and_then(|name| by_name.get(name)).cloned();

    let mut instances: BTreeMap<String, Remote> = BTreeMap::new();
    for node in named("remoteInstance") {
        let Some(id) = text_below(node, "id") else { continue };
        let datasource = text_below(node, "dbConfig").and_then(|name| by_name.get(&name)).cloned();
        registry.mounted.extend(datasource.clone());
        let remote = Remote {
            datasource,
            cache_id: text_below(node, "cacheId").map(|text| shown_cache(&text)),
            read_only: text_below(node, "readOnly").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        };
        instances.insert(id, remote);
    }
    for node in named("mount") {
        let (Some(path), Some(instance)) = (node.attribute("path"), text_below(node, "instanceId")) else {
            continue;
        };
        let remote = instances.get(&instance).cloned().unwrap_or_default();
        registry.mounts.push(Mount {
            path: path.to_owned(),
            instance,
            datasource: remote.datasource,
            cache_id: remote.cache_id,
            read_only: remote.read_only,
        });
    }
    if let Some(statics) = child(root, "staticConfiguration") {
        registry.versioning = SWITCHES
            .iter()
            .filter_map(|name| {
                Some(((*name).to_owned(), text_below(statics, name)?.eq_ignore_ascii_case("true")))
            })
            .collect();
    }
    registry
}

#[derive(Debug, Clone, Default)]
struct Remote {
    datasource: Option<String>,
    cache_id: Option<String>,
    read_only: bool,
}

/// The name of a cache, which is `account@URL` by convention: a URL can hold a password.
pub(super) fn shown_cache(text: &str) -> String {
    match text.find("jdbc:").and_then(|at| text.split_at_checked(at)) {
        Some((account, url)) => format!("{account}{}", redact(url)),
        None => text.chars().take(200).collect(),
    }
}
