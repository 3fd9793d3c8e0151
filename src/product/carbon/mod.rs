//! WSO2 Carbon kernels 4.x and the products on them: their home, their databases, their bundles, their HTTP side.

pub mod application;
pub mod database;
pub mod files;
pub mod find;
#[cfg(test)]
pub(crate) mod fixture;
pub mod home;
pub mod installation;
pub mod layout;

use std::sync::Arc;

use crate::collect::Collector;
use crate::collect::backups::BackupsCollector;
use crate::collect::custom::CustomCollector;
use crate::collect::database::{DatabaseCollector, DatabaseDirectory};
use crate::collect::disk::DiskCollector;
use crate::collect::files::FilesCollector;
use crate::collect::host::HostCollector;
use crate::collect::java::JavaCollector;
use crate::collect::layout::Layout;
use crate::collect::surroundings::Surroundings;
use crate::collect::traffic::{AccessLogs, TrafficCollector};
use crate::config::Instance;

use application::ApplicationCollector;
use database::MainDatabase;
use files::HomeFiles;
use installation::InstallationCollector;
use layout::HomeLayout;

/// Everybody who asks about a Carbon instance. Nobody asks for a licence: these products have none.
#[must_use]
pub fn collectors(instance: &Arc<Instance>, surroundings: &Surroundings) -> Vec<Arc<dyn Collector>> {
    let layout: Arc<dyn Layout> = Arc::new(HomeLayout::new(instance.clone()));
    let database: Arc<dyn DatabaseDirectory> = Arc::new(MainDatabase::new(instance.clone()));
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
            FilesCollector::new(Arc::new(HomeFiles::new(instance.clone())), surroundings.cache_dir.clone())
                .with_lists_kept_in(surroundings.kept_dir.clone()),
        ),
        Arc::new(DatabaseCollector::new(database.clone(), None)),
        Arc::new(CustomCollector::new(instance.custom.clone(), Some(database))),
        Arc::new(TrafficCollector::new(access_logs(instance), surroundings.cache_dir.as_deref())),
    ];
    if let Some(access) = &instance.http {
        collectors.push(Arc::new(ApplicationCollector::new(access.clone())));
    }
    collectors
}

/// The access logs of the operator, else those the server writes by default (`catalina-server.xml`, `AccessLogValve`).
fn access_logs(instance: &Instance) -> AccessLogs {
    let mut logs = instance.traffic.clone();
    if logs.patterns.is_empty() {
        let directory = glob::Pattern::escape(&instance.installation_dir.display().to_string());
        logs.patterns.push(format!("{directory}/repository/logs/http_access_*"));
    }
    logs
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use fixture::Example;

    #[test]
    fn access_logs_are_where_the_server_writes_them_unless_told() {
        let example = Example::new().lay_out();
        let mut instance = Instance { installation_dir: PathBuf::from("/opt/c[1]"), ..example.instance() };
        assert_eq!(access_logs(&instance).patterns, ["/opt/c[[]1[]]/repository/logs/http_access_*"]);
        instance.traffic.patterns = vec!["/var/log/nginx/access.log*".into()];
        assert_eq!(access_logs(&instance).patterns, ["/var/log/nginx/access.log*"]);
    }
}
