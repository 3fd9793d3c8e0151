//! Asks the home of a Carbon product what it is and how it is configured.
//!
//! The running server is not asked, but for the options it was started with, and nothing is compared: a difference
//! between two places that state a version is for the rules to find.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{
    CarbonHome, Cluster, Connector, FailureKind, Field, Installation, Search, Section, Source,
};

use super::database::main_config;
use super::home::{read_drivers, read_home, read_versions};
use super::layout::service_mark;
use crate::collect::accounts::{Account, Accounts};
use crate::collect::blocking::Lookout;
use crate::collect::ownership::{Needed, read_ownership};
use crate::collect::process::find_service;
use crate::collect::text_file::explain_io;
use crate::collect::{CollectError, Collector, kind_of_io};
use crate::config::Instance;

/// What the server must write, below the home: it makes files in each at a start or while it runs.
const WRITTEN: [&str; 12] = [
    "",
    "repository",
    "repository/logs",
    "repository/database",
    "repository/data",
    "repository/components",
    "repository/components/dropins",
    "repository/components/default/configuration",
    "repository/deployment/server",
    "repository/tenants",
    "tmp",
    "wso2carbon.pid",
];
/// What it must write as well when `deployment.toml` rules: it makes the other files of that directory.
const CONFIGURATION: &str = "repository/conf";

/// Collects [`Source::Installation`] of one Carbon instance.
#[derive(Debug)]
pub struct InstallationCollector {
    instance: Arc<Instance>,
    lookout: Lookout,
}

impl InstallationCollector {
    /// A collector for an instance.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for InstallationCollector {
    fn source(&self) -> Source {
        Source::Installation
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let instance = Arc::clone(&self.instance);
        let read = self
            .lookout
            .run(move |_| {
                let accounts = Accounts::read(Path::new("/etc"));
                read_installation(&instance, &accounts, Path::new("/proc"))
            })
            .await?;
        Ok(Section::Installation(Box::new(read)))
    }
}

fn read_installation(
    instance: &Instance,
    accounts: &Accounts,
    proc_dir: &Path,
) -> Result<Installation, CollectError> {
    let home = &instance.installation_dir;
    // Of a home that is not there, nothing at all can be said.
    fs::read_dir(home).map_err(|error| {
        let remedy = "Check installation_dir of the instance in the agent's configuration.";
        CollectError::new(kind_of_io(&error), explain_io(home, &error), remedy)
    })?;
    let versions = read_versions(home);
    let carbon = read_home(home, proc_dir);
    let version = versions.of(instance.product).clone();
    Ok(Installation {
        installation_dir: home.display().to_string(),
        home_dir: home.display().to_string(),
        version,
        statements: versions.statements,
        setup_step: None,
        access_mode: None,
        cluster: cluster(&carbon),
        database: match main_config(home) {
            Ok(config) => Field::Read(config),
            Err(error) => Field::Unread(error.into_failure().message),
        },
        drivers: read_drivers(home),
        ownership: read_ownership(&needed(home), &run_user(home, accounts, proc_dir), accounts),
        search: Search::None,
        index: Field::Read(None),
        attachments_dir: None,
        connectors: connectors(&carbon),
        context_path: String::new(),
        synchrony: Field::Read(None),
        synchrony_proxy: Field::Read(false),
        installer: Field::Read(None),
        carbon: Some(Box::new(carbon)),
    })
}

/// The cluster it looks for members of. A cluster that cannot be seen is told by the facts of the home.
fn cluster(carbon: &CarbonHome) -> Option<Cluster> {
    let clustering = carbon.clustering.value().filter(|clustering| clustering.enabled)?;
    Some(Cluster {
        name: clustering.domain.clone(),
        node: clustering.local_member.clone(),
        shared_home_dir: None,
    })
}

fn connectors(carbon: &CarbonHome) -> Field<Vec<Connector>> {
    match &carbon.ports {
        Field::Unread(why) => Field::Unread(why.clone()),
        Field::Read(ports) => {
            let connector = |port, scheme: &str| Connector {
                port,
                scheme: scheme.to_owned(),
                proxy_name: None,
                proxy_port: None,
                max_threads: None,
            };
            Field::Read(vec![connector(ports.https, "https"), connector(ports.http, "http")])
        }
    }
}

/// The files and directories the server must be able to use.
fn needed(home: &Path) -> Vec<Needed> {
    let toml = home.join("repository/conf/deployment.toml");
    let is_made = toml.try_exists().unwrap_or(true);
    let written = WRITTEN.into_iter().map(|below| Needed { path: joined(home, below), must_write: true });
    written
        .chain([
            Needed { path: home.join(CONFIGURATION), must_write: is_made },
            Needed { path: home.join("repository/components/plugins"), must_write: false },
            Needed { path: home.join("repository/components/lib"), must_write: false },
        ])
        .collect()
}

fn joined(home: &Path, below: &str) -> PathBuf {
    if below.is_empty() { home.to_owned() } else { home.join(below) }
}

/// The user the server runs under: that of its process, or whoever owns what the server itself made when it ran last.
fn run_user(home: &Path, accounts: &Accounts, proc_dir: &Path) -> Result<Account, String> {
    if let Ok(Some(process)) = find_service(proc_dir, &service_mark(home))
        && let Ok(found) = fs::metadata(&process.dir)
    {
        return Ok(accounts.by_uid(found.uid()));
    }
    for below in ["repository/logs/wso2carbon.log", "wso2carbon.pid", "repository/logs"] {
        let path = home.join(below);
        match fs::metadata(&path) {
            Ok(found) => return Ok(accounts.by_uid(found.uid())),
            Err(error) if kind_of_io(&error) == FailureKind::Absent => {}
            Err(error) => {
                return Err(format!("the server's user is not known: {}", explain_io(&path, &error)));
            }
        }
    }
    Err(format!(
        "the server's user is not known: it does not run, and {} has no log of an earlier run",
        home.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use upgrade_readiness_checks::facts::{Engine, Product, StatementOf};

    use super::*;
    use crate::collect::process::fixture::FakeProc;
    use crate::collect::unprivileged::as_another_user;
    use crate::product::carbon::fixture::{Example, LaidOut, SECRET};

    fn read(example: &LaidOut) -> Installation {
        let proc = FakeProc::with_init();
        read_installation(&example.instance(), &Accounts::default(), proc.dir()).unwrap()
    }

    #[tokio::test]
    async fn a_whole_home_is_told() {
        let example = Example::new().lay_out();
        let collector = InstallationCollector::new(Arc::new(example.instance()));
        assert_eq!(collector.source(), Source::Installation);
        let Section::Installation(found) = collector.collect().await.unwrap() else {
            panic!("another source")
        };
        assert_eq!(found.version.value().unwrap().as_str(), "4.4.6");
        let of: Vec<_> = found.statements.iter().map(|statement| statement.of).collect();
        assert_eq!(
            of,
            [
                StatementOf::ProgramVersion,
                StatementOf::KernelVersion,
                StatementOf::ConfiguredVersion,
                StatementOf::BundleVersion
            ]
        );
        let database = found.database.value().unwrap();
        assert_eq!(
            (database.engine, database.data_source.as_deref()),
            (Some(Engine::Postgresql), Some("jdbc/WSO2CarbonDB"))
        );
        assert_eq!(found.drivers.value().unwrap()[0].file, "postgresql-42.7.2.jar");
        assert_eq!(found.connectors.value().unwrap()[0].port, 9443);
        assert_eq!((found.search.clone(), found.cluster.clone()), (Search::None, None));
        assert!(found.carbon.as_ref().unwrap().datasources.value().is_some());
        assert!(!format!("{found:?}").contains(SECRET), "no secret becomes a fact");
    }

    #[test]
    fn a_product_has_its_own_version_and_a_cluster_its_domain() {
        let example = Example::new().lay_out();
        example.write("bin/version.txt", "WSO2 Enterprise Service Bus v5.0.0\n");
        example.write(
            "repository/conf/axis2/axis2.xml",
            "<axisconfig><clustering enable=\"true\"><parameter name=\"domain\">wso2.esb</parameter></clustering></axisconfig>",
        );
        let instance = Instance { product: Product::Wso2EnterpriseServiceBus, ..example.instance() };
        let proc = FakeProc::with_init();
        let found = read_installation(&instance, &Accounts::default(), proc.dir()).unwrap();
        assert_eq!(found.version.value().unwrap().as_str(), "5.0.0");
        assert_eq!(found.cluster.unwrap().name.as_deref(), Some("wso2.esb"));
    }

    #[test]
    fn what_the_servers_user_cannot_write_is_told() {
        let example = Example::new().lay_out();
        let logs = example.home().join("repository/logs");
        fs::set_permissions(&logs, fs::Permissions::from_mode(0o755)).unwrap();
        let found = read(&example);
        let paths: Vec<_> = found.ownership.iter().map(|file| file.path.as_str()).collect();
        assert!(paths.contains(&logs.display().to_string().as_str()), "{paths:?}");
        let configuration =
            found.ownership.iter().find(|file| file.path.ends_with("repository/conf")).unwrap();
        assert!(!configuration.must_write, "XML files are only read");
        let toml = read(&Example::new().toml().lay_out());
        let made = toml.ownership.iter().find(|file| file.path.ends_with("repository/conf")).unwrap();
        assert!(made.must_write);
    }

    #[test]
    fn a_home_that_cannot_be_seen_is_an_error() {
        let gone =
            Instance { installation_dir: "/no/such/home".into(), ..Example::new().lay_out().instance() };
        let proc = FakeProc::with_init();
        let failure = read_installation(&gone, &Accounts::default(), proc.dir()).unwrap_err().into_failure();
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(failure.message.contains("installation_dir"), "{}", failure.message);

        let example = Example::new().lay_out();
        example.forbid("");
        let instance = example.instance();
        let error = as_another_user(move || {
            read_installation(&instance, &Accounts::default(), Path::new("/proc")).unwrap_err()
        });
        assert_eq!(error.kind(), FailureKind::Denied);
    }

    #[test]
    fn a_database_that_cannot_be_found_is_unread_with_the_reason() {
        let example = Example::new().lay_out();
        example.write(
            "repository/conf/user-mgt.xml",
            "<UserManager><Realm><Configuration><Property name=\"dataSource\">jdbc/other</Property></Configuration></Realm></UserManager>",
        );
        let Field::Unread(why) = read(&example).database else { panic!("it was found") };
        assert!(why.contains("jdbc/other") && why.contains("user-mgt.xml"), "{why}");
    }
}
