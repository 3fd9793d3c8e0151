//! What a home keeps where: its data sources, and which of them are used for what.

use std::collections::BTreeSet;
use std::path::Path;

use upgrade_readiness_checks::facts::{ConfigurationModel, DatabaseUse, Datasource};

use super::datasources::read_datasources;
use super::deployment_toml::read_deployment_toml;
use super::error::HomeError;
use super::model_of;
use super::registry_xml::read_registry_xml;
use super::source::Source;
use super::user_mgt_xml::{self, read_user_mgt_xml};

/// The data sources of a home, each with what is kept in it.
#[derive(Debug)]
pub(in crate::product::carbon) struct Stores {
    /// In the order they are read.
    pub(in crate::product::carbon) all: Vec<(Source, BTreeSet<DatabaseUse>)>,
    /// The JNDI name of user management's, and the file that says so.
    pub(in crate::product::carbon) main: (String, String),
}

impl Stores {
    /// The data source of user management.
    pub(in crate::product::carbon) fn main(&self) -> Option<&Source> {
        self.all.iter().map(|(source, _)| source).find(|source| source.is_named(&self.main.0))
    }

    /// As facts hold them.
    pub(super) fn facts(&self) -> Vec<Datasource> {
        let facts = self.all.iter().map(|(source, uses)| Datasource {
            name: source.name.clone(),
            jndi: source.jndi.clone(),
            uses: uses.clone(),
            config: source.config(),
            max_active: source.max_active,
            named_twice: source.named_twice,
        });
        facts.collect()
    }
}

/// Reads the data sources of a home and what is kept in them.
pub(in crate::product::carbon) fn read_stores(home: &Path) -> Result<Stores, HomeError> {
    let (mut sources, used_for) = match model_of(home)? {
        ConfigurationModel::Toml => {
            let toml = read_deployment_toml(home)?;
            let used_for = Uses {
                user_management: toml.user_management(),
                stated_by: home.join(super::deployment_toml::FILE).display().to_string(),
                local: toml.local_registry(),
                mounted: toml.mounted(),
                direct: BTreeSet::new(),
            };
            (toml.datasources()?, used_for)
        }
        ConfigurationModel::Xml => {
            let mut sources = read_datasources(home)?;
            let registry = read_registry_xml(home)?;
            let users = read_user_mgt_xml(home)?;
            let place = home.join(user_mgt_xml::FILE);
            let user_management = users.data_source.ok_or_else(|| HomeError::Unfit {
                path: place.clone(),
                complaint:
                    "names no data source for users: Realm/Configuration has no Property \"dataSource\""
                        .to_owned(),
            })?;
            let used_for = Uses {
                user_management,
                stated_by: place.display().to_string(),
                local: registry.local,
                mounted: registry.mounted,
                direct: registry.current.into_iter().collect(),
            };
            sources.extend(registry.direct);
            (sources, used_for)
        }
    };
    let all = sources.drain(..).map(|source| {
        let kept = used_for.of(&source);
        (source, kept)
    });
    Ok(Stores { all: all.collect(), main: (used_for.user_management, used_for.stated_by) })
}

/// Which data sources are used for what, by their JNDI names.
struct Uses {
    user_management: String,
    stated_by: String,
    local: Option<String>,
    mounted: BTreeSet<String>,
    /// The name of the registry's configuration in use, which may stand for a URL.
    direct: BTreeSet<String>,
}

impl Uses {
    fn of(&self, source: &Source) -> BTreeSet<DatabaseUse> {
        let mut uses = BTreeSet::new();
        if source.is_named(&self.user_management) {
            uses.insert(DatabaseUse::UserManagement);
        }
        let is_local = self.local.as_deref().is_some_and(|name| source.is_named(name));
        if is_local || (source.jndi.is_none() && self.direct.contains(&source.name)) {
            uses.insert(DatabaseUse::LocalRegistry);
        }
        if self.mounted.iter().any(|name| source.is_named(name)) || (source.jndi.is_none() && uses.is_empty())
        {
            uses.insert(DatabaseUse::MountedRegistry);
        }
        if uses.is_empty() {
            uses.insert(DatabaseUse::Product);
        }
        uses
    }
}
