//! The home of a Carbon product as its files describe it, the running one or a new one beside it.
//!
//! It is read anew at each look and remembers nothing. What the files say is not judged here.

mod axis2_xml;
mod carbon_xml;
mod databases;
mod datasources;
mod deployment_toml;
mod drivers;
mod elements;
mod error;
mod patches;
mod pid_file;
mod placeholders;
mod ports;
mod registry_xml;
mod server_log;
mod source;
mod start_script;
mod tenants;
#[cfg(test)]
mod tests;
mod user_mgt_xml;
mod user_stores;
mod versions;

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{
    CarbonHome, ConfigurationModel, FailureKind, Field, PerilousOption, Synchroniser,
};

pub use drivers::read_drivers;
pub use error::HomeError;
pub use source::{Password, Source, SourceUrlError};
pub use start_script::START_SCRIPTS;
pub use versions::{KERNEL, PLUGINS, PRODUCT, Versions, read_versions};

pub(in crate::product::carbon) use databases::{Stores, read_stores};

use super::layout::service_mark;
use crate::collect::kind_of_io;
use crate::collect::process::{JavaProcess, find_service};
use crate::collect::text_file::ReadTextError;
use axis2_xml::read_clustering;
use carbon_xml::{CarbonXml, read_carbon_xml};
use deployment_toml::{DeploymentToml, read_deployment_toml};
use error::{explained, field, if_there};
use patches::read_patches;
use pid_file::read_pid_file;
use placeholders::read_placeholders;
use ports::{Stated, ports, read_connectors};
use registry_xml::read_registry_xml;
use server_log::read_last_start;
use start_script::{UNITS, java_range, perilous_options, read_scripts};
use tenants::read_tenants;
use user_mgt_xml::read_user_mgt_xml;
use user_stores::read_user_stores;

/// How a home is configured: by `deployment.toml` when it has one, else by XML files.
pub fn model_of(home: &Path) -> Result<ConfigurationModel, HomeError> {
    let path = home.join(deployment_toml::FILE);
    match std::fs::metadata(&path) {
        Ok(_) => Ok(ConfigurationModel::Toml),
        Err(cause) if kind_of_io(&cause) == FailureKind::Absent => Ok(ConfigurationModel::Xml),
        Err(cause) => Err(ReadTextError::Read { path, cause }.into()),
    }
}

/// Reads the home of a Carbon product, and looks in `proc_dir` at the process that runs it.
///
/// A part that cannot be read is unread and does not stand in the way of the others.
#[must_use]
pub fn read_home(home: &Path, proc_dir: &Path) -> CarbonHome {
    read_home_beside(home, proc_dir, &UNITS.map(Path::new))
}

/// The same with other directories for the units of the service manager.
fn read_home_beside(home: &Path, proc_dir: &Path, units: &[&Path]) -> CarbonHome {
    let mark = service_mark(home);
    // What the running server was started with adds to what the files say; without it, the files count.
    let running = find_service(proc_dir, &mark).ok().flatten();
    let process = running.as_ref();
    let configured = read_carbon_xml(home);
    let versions = versions::versions(home, &configured);
    let scripts = read_scripts(home);
    let offset = process.and_then(offset_of);
    // A file that may not be looked at is taken for one that is there: reading it says why not.
    let is_toml = !matches!(model_of(home), Ok(ConfigurationModel::Xml));
    let configuration = if is_toml { toml_parts(home, &configured) } else { xml_parts(home, configured) };
    CarbonHome {
        product_name: versions.product_name,
        kernel: versions.kernel,
        model: if is_toml { ConfigurationModel::Toml } else { ConfigurationModel::Xml },
        ports: ports(configuration.ports, offset.as_deref()),
        host_name: configuration.host_name,
        datasources: field(read_stores(home).map(|stores| stores.facts())),
        clustering: configuration.clustering,
        synchroniser: configuration.synchroniser,
        mounts: configuration.mounts,
        registry_versioning: configuration.registry_versioning,
        tenants: field(read_tenants(home)),
        user_stores: field(read_user_stores(home)),
        patches: field(read_patches(home)),
        pid_file: field(read_pid_file(home, proc_dir, &mark)),
        java_range: match &scripts {
            Ok(scripts) if scripts.is_empty() => {
                Field::Unread(format!("{} has no start script", home.display()))
            }
            Ok(scripts) => Field::Read(java_range(scripts)),
            Err(error) => field(Err(explained(error))),
        },
        perilous_options: perilous(home, scripts, units, process),
        placeholders: field(read_placeholders(home)),
        creates_administrator: configuration.creates_administrator,
        last_start: field(read_last_start(home)),
    }
}

fn perilous(
    home: &Path,
    scripts: Result<Vec<(PathBuf, String)>, HomeError>,
    units: &[&Path],
    running: Option<&JavaProcess>,
) -> Field<Vec<PerilousOption>> {
    let scripts = match field(scripts) {
        Field::Read(scripts) => scripts,
        Field::Unread(why) => return Field::Unread(why),
    };
    match perilous_options(home, &scripts, units, running) {
        Ok(found) => Field::Read(found),
        Err(why) => Field::Unread(why),
    }
}

/// `-DportOffset=` among the arguments of the running server.
fn offset_of(process: &JavaProcess) -> Option<String> {
    let texts = process.arguments.iter().filter_map(|argument| std::str::from_utf8(argument).ok());
    texts.filter_map(|text| text.strip_prefix("-DportOffset=")).next_back().map(str::to_owned)
}

/// What the two models keep in different files.
struct Configuration {
    ports: Result<Stated, HomeError>,
    host_name: Field<Option<String>>,
    clustering: Field<upgrade_readiness_checks::facts::Clustering>,
    synchroniser: Field<Synchroniser>,
    mounts: Field<Vec<upgrade_readiness_checks::facts::Mount>>,
    registry_versioning: Field<std::collections::BTreeMap<String, bool>>,
    creates_administrator: Field<Option<bool>>,
}

fn xml_parts(home: &Path, configured: Result<CarbonXml, HomeError>) -> Configuration {
    let registry = read_registry_xml(home);
    let of_registry = |error: &HomeError| explained(error);
    let ports = match &configured {
        Ok(carbon) => {
            read_connectors(home).map(|(https, http)| Stated { offset: carbon.offset.clone(), https, http })
        }
        Err(error) => Err(explained(error)),
    };
    Configuration {
        ports,
        host_name: field(configured.as_ref().map(|carbon| carbon.host_name.clone()).map_err(explained)),
        clustering: field(read_clustering(home)),
        synchroniser: match field(configured) {
            Field::Read(carbon) => carbon.synchroniser.map_or_else(Field::Unread, Field::Read),
            Field::Unread(why) => Field::Unread(why),
        },
        mounts: field(registry.as_ref().map(|registry| registry.mounts.clone()).map_err(of_registry)),
        registry_versioning: field(registry.map(|registry| registry.versioning)),
        creates_administrator: field(read_user_mgt_xml(home).map(|users| users.adds_admin)),
    }
}

fn toml_parts(home: &Path, configured: &Result<CarbonXml, HomeError>) -> Configuration {
    let toml = read_deployment_toml(home);
    let part =
        |value: &dyn Fn(&DeploymentToml) -> Option<String>| toml.as_ref().map(value).map_err(explained);
    let stated = |toml: &DeploymentToml| Stated {
        offset: toml.offset(),
        https: toml.port("https"),
        http: toml.port("http"),
    };
    Configuration {
        ports: toml.as_ref().map(stated).map_err(explained),
        host_name: field(part(&DeploymentToml::host_name)),
        clustering: field(toml.as_ref().map(DeploymentToml::clustering).map_err(explained)),
        synchroniser: match &toml {
            Ok(toml) => synchroniser(home, toml, configured),
            Err(error) => field(Err(explained(error))),
        },
        mounts: field(toml.as_ref().map(DeploymentToml::mounts).map_err(explained)),
        registry_versioning: field(toml.as_ref().map(DeploymentToml::versioning).map_err(explained)),
        creates_administrator: field(
            toml.as_ref().map(DeploymentToml::creates_administrator).map_err(explained),
        ),
    }
}

/// The switch of `deployment.toml`; without one, what the file says that was made at the last start, when there was one.
fn synchroniser(
    home: &Path,
    toml: &DeploymentToml,
    configured: &Result<CarbonXml, HomeError>,
) -> Field<Synchroniser> {
    let off = Synchroniser {
        place: home.join(deployment_toml::FILE).display().to_string(),
        enabled: false,
        commits: false,
        repository: None,
    };
    if let Some(enabled) = toml.synchroniser() {
        return Field::Read(Synchroniser { enabled, commits: enabled, ..off });
    }
    match if_there(configured.as_ref().map(|carbon| carbon.synchroniser.clone()).map_err(explained)) {
        Ok(None) => Field::Read(off),
        Ok(Some(synchroniser)) => synchroniser.map_or_else(Field::Unread, Field::Read),
        Err(error) => field(Err(error)),
    }
}
