//! Atlassian Confluence: its files, its licence, its HTTP side, its plug-ins.

pub mod application;
pub mod database;
#[cfg(test)]
mod fake_server;
pub mod files;
#[cfg(test)]
pub(crate) mod fixture;
pub mod installation;
pub mod license;
pub mod marketplace;
pub mod plugins;
mod rest;
pub mod site;
mod upm;

use std::sync::Arc;

use crate::collect::Collector;
use crate::collect::database::DatabaseCollector;
use crate::collect::database::UpgradeTable;
use crate::collect::disk::DiskCollector;
use crate::collect::files::FilesCollector;
use crate::collect::host::HostCollector;
use crate::collect::java::JavaCollector;
use crate::collect::layout::Layout;
use crate::collect::surroundings::Surroundings;
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
    let mut collectors: Vec<Arc<dyn Collector>> = vec![
        Arc::new(HostCollector::new(layout.clone())),
        Arc::new(DiskCollector::new(layout.clone()).remembering_in(surroundings.cache_dir.clone())),
        Arc::new(JavaCollector::new(layout)),
        Arc::new(InstallationCollector::new(instance.clone())),
        Arc::new(FilesCollector::new(
            Arc::new(SiteFiles::new(instance.clone())),
            surroundings.cache_dir.clone(),
        )),
        Arc::new(LicenseCollector::new(Arc::new(SiteLicense::new(instance.clone())))),
        Arc::new(DatabaseCollector::new(Arc::new(SiteDatabase::new(instance.clone())), Some(UPGRADE_TABLE))),
    ];
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
