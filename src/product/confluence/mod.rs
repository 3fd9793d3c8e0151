//! Atlassian Confluence: its files, its licence, its HTTP side, its plug-ins.

pub mod application;
mod cluster;
pub mod database;
#[cfg(test)]
mod fake_server;
pub mod files;
pub mod find;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
pub mod installation;
pub mod license;
pub mod marketplace;
pub mod plugins;
mod rest;
pub mod site;
pub mod tables;
mod upm;

use std::sync::Arc;

use crate::collect::Collector;
use crate::collect::backups::BackupsCollector;
use crate::collect::custom::CustomCollector;
use crate::collect::database::{DatabaseCollector, DatabaseDirectory, UpgradeTable};
use crate::collect::disk::DiskCollector;
use crate::collect::files::FilesCollector;
use crate::collect::host::HostCollector;
use crate::collect::java::JavaCollector;
use crate::collect::layout::Layout;
use crate::collect::surroundings::Surroundings;
use crate::collect::traffic::{AccessLogs, TrafficCollector};
use crate::config::Instance;

use application::ApplicationCollector;
use database::SiteDatabase;
use files::SiteFiles;
use installation::InstallationCollector;
use license::LicenseCollector;
use plugins::PluginsCollector;
use site::{SiteLayout, SiteLicense};

/// Confluence's record of the upgrade steps that ended well.
const UPGRADE_TABLE: UpgradeTable =
    UpgradeTable { table: "confversion", build: "buildnumber", installed: "installdate", tag: "versiontag" };

/// Everybody who asks about a Confluence instance.
#[must_use]
pub fn collectors(instance: &Arc<Instance>, surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    let layout: Arc<dyn Layout> = Arc::new(SiteLayout::new(instance.clone()));
    let database: Arc<dyn DatabaseDirectory> = Arc::new(SiteDatabase::new(instance.clone()));
    let mut collectors: Vec<Arc<dyn Collector>> = vec![
        Arc::new(HostCollector::new(layout.clone())),
        Arc::new(DiskCollector::new(layout.clone()).remembering_in(surroundings.cache_dir.clone())),
        Arc::new(JavaCollector::new(layout.clone())),
        Arc::new(
            BackupsCollector::new(
                &instance.name,
                instance.backups.clone(),
                layout,
                instance.restore.proof.as_deref(),
                surroundings.cache_dir.as_deref(),
            )
            .with_proofs_kept_in(surroundings.kept_dir.as_deref()),
        ),
        Arc::new(InstallationCollector::new(instance.clone())),
        Arc::new(
            FilesCollector::new(Arc::new(SiteFiles::new(instance.clone())), surroundings.cache_dir.clone())
                .with_lists_kept_in(surroundings.kept_dir.clone()),
        ),
        Arc::new(LicenseCollector::new(Arc::new(SiteLicense::new(instance.clone())))),
        Arc::new(
            DatabaseCollector::new(database.clone(), Some(UPGRADE_TABLE))
                .with_tables(&tables::TABLES)
                .with_row_counts(surroundings.row_counts),
        ),
    ];
    collectors.push(Arc::new(CustomCollector::new(instance.custom.clone(), Some(database))));
    collectors
        .push(Arc::new(TrafficCollector::new(access_logs(instance), surroundings.cache_dir.as_deref())));
    if let Some(access) = &instance.http {
        let marketplace = instance.marketplace.clone();
        collectors.push(Arc::new(ApplicationCollector::new(access.clone())));
        collectors.push(Arc::new(PluginsCollector::new(
            access.clone(),
            marketplace,
            surroundings.targets.clone(),
        )));
    }
    collectors
}

/// The access logs of the operator, else those Confluence writes by default since 7.11.
///
/// <https://confluence.atlassian.com/conf720/configure-access-logs-1168862375.html>
fn access_logs(instance: &Instance) -> AccessLogs {
    let mut logs = instance.traffic.clone();
    if logs.patterns.is_empty() {
        let directory = glob::Pattern::escape(&instance.installation_dir.display().to_string());
        logs.patterns.push(format!("{directory}/logs/conf_access_log*"));
    }
    logs
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use fixture::Example;

    #[test]
    fn access_logs_are_where_the_product_writes_them_unless_told() {
        let example = Example::new().lay_out();
        let mut instance = Instance { installation_dir: PathBuf::from("/opt/c[1]"), ..example.instance() };
        assert_eq!(access_logs(&instance).patterns, ["/opt/c[[]1[]]/logs/conf_access_log*"]);
        instance.traffic.patterns = vec!["/var/log/nginx/access.log*".into()];
        assert_eq!(access_logs(&instance).patterns, ["/var/log/nginx/access.log*"]);
    }
}
