//! A change below a Carbon release, in an outage of its own.

use super::commands::{follow_log, start, stop};
use crate::facts::ServiceManager;
use crate::plan::book::commands::on_host;
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::way::{Change, Part};
use crate::version::ProductVersion;

pub(super) fn changed(desk: &Desk<'_>, release: &ProductVersion, change: &Change) -> Draft {
    let site = desk.site;
    let home = site.program();
    let Change { part, from, to } = change;
    let (draft, text) = match part {
        Part::Java => {
            let place = match &site.manager {
                ServiceManager::Systemd { unit } => format!("the unit {unit}"),
                ServiceManager::InitScript { path } => path.clone(),
                ServiceManager::WindowsService { .. } | ServiceManager::Scripts => {
                    "the environment of the service".to_owned()
                }
            };
            (
                Draft::work("change-java", format!("Change Java {from} to {to} below {release}")),
                format!("Install Java {to} beside Java {from}, and name its home as JAVA_HOME in {place}."),
            )
        }
        Part::Database(engine) => (
            Draft::work(
                "change-database",
                format!("Upgrade {} {from} to {to} below {release}", engine.name()),
            )
            .time(desk.half_of_database()),
            format!(
                "Back the database up, then upgrade the server at {}:{} in the way of its vendor, and have it gather statistics \
                 anew.",
                site.database.host, site.database.port
            ),
        ),
        Part::Driver(engine) => (
            Draft::work("change-driver", format!("Change the driver of {} below {release}", engine.name())),
            format!(
                "Replace the jar of version {from} in {} by one of version {to}; only one may be there.",
                site.below(home, "repository/components/lib")
            ),
        ),
        Part::OperatingSystem => (
            Draft::work("change-system", format!("Upgrade the operating system below {release}")),
            format!("Upgrade {} from {from} to {to}, or move the instance to a host with it.", site.host),
        ),
        Part::Connection => (
            Draft::work("change-connection", format!("Connect {release} to its database in another way")),
            format!("In the data sources of {home}, replace {from} by {to}."),
        ),
    };
    let again = start(site, home).into_iter().chain([follow_log(site, home)]).collect();
    draft.outage().block(on_host(site, stop(site, home))).text(text).block(on_host(site, again))
}
