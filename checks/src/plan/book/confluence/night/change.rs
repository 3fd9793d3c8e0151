//! A change below a release, in an outage of its own.

use super::commands::{ask_state, start, stop};
use crate::plan::book::commands::on_host;
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::way::{Change, Part};
use crate::version::ProductVersion;

/// A change below a release, in an outage of its own.
pub(in crate::plan::book) fn changed(desk: &Desk<'_>, release: &ProductVersion, change: &Change) -> Draft {
    let site = desk.site;
    let product = desk.facts.product;
    let Change { part, from, to } = change;
    let round = |text: String| {
        let lines: Vec<String> = stop(site);
        let again = start(site).into_iter().chain([ask_state(site)]).collect();
        move |draft: Draft| draft.block(on_host(site, lines)).text(text).block(on_host(site, again))
    };
    match part {
        Part::Java => {
            let script =
                site.below(site.program(), if site.windows { "bin/setenv.bat" } else { "bin/setenv.sh" });
            let text = format!(
                "Install Java {to} beside Java {from}, name its home as JRE_HOME in {script}, and import your own certificates \
                 into its cacerts."
            );
            round(text)(
                Draft::work("change-java", format!("Change Java {from} to {to} below {release}")).outage(),
            )
        }
        Part::Database(engine) => {
            let text = format!(
                "Back the database up, then upgrade the server at {}:{} in the way of its vendor, and have it gather statistics \
                 anew before {product} starts.",
                site.database.host, site.database.port
            );
            let title = format!("Upgrade {} {from} to {to} below {release}", engine.name());
            round(text)(Draft::work("change-database", title).outage().time(desk.half_of_database()))
        }
        Part::Driver(engine) => {
            let text = format!(
                "Replace the jar of version {from} in {} by one of version {to}; only one may be there.",
                site.below(site.program(), "confluence/WEB-INF/lib")
            );
            let title = format!("Change the driver of {} below {release}", engine.name());
            round(text)(Draft::work("change-driver", title).outage())
        }
        Part::OperatingSystem => {
            let text =
                format!("Upgrade {} from {from} to {to}, or move the instance to a host with it.", site.host);
            round(text)(
                Draft::work("change-system", format!("Upgrade the operating system below {release}"))
                    .outage(),
            )
        }
        Part::Connection => {
            let place = site.below(site.home(), "confluence.cfg.xml");
            let text = format!(
                "In {place}, replace hibernate.connection.datasource by hibernate.connection.url, .username, .password and \
                 .driver_class with the values that stand in {}.",
                site.below(site.program(), "conf/server.xml")
            );
            round(text)(
                Draft::work("change-connection", format!("Connect {release} to its database directly"))
                    .outage(),
            )
        }
    }
}
