//! The new release is set up beside the running one.

use super::homes::Homes;
use super::{artifacts, configuration, copying, trial};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::Leg;
use crate::plan::book::night::rehearsed;

pub(super) fn steps(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Vec<Draft> {
    let mut drafts = vec![environment(desk, homes), copying::database(homes)];
    drafts.extend([
        copying::copy_data(desk, leg, homes),
        artifacts::home(desk, leg, homes),
        artifacts::driver(desk, leg, homes),
        artifacts::bundles(desk, leg, homes),
        artifacts::patches(desk, leg, homes),
        configuration::configuration(desk, leg, homes),
        artifacts::copy_artifacts(desk, leg, homes),
        copying::migrate(desk, leg, homes),
    ]);
    drafts.extend(copying::indexes(leg, homes));
    drafts.extend([
        trial::start(desk, leg, homes),
        trial::user_stores(homes),
        trial::tenants(homes),
        trial::features(desk, homes),
        trial::stop(desk, homes),
    ]);
    if leg.is_last() {
        drafts.push(rehearsed(desk));
    }
    drafts
}

fn environment(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let (_, https) = homes.trial_ports();
    let mut items = vec![
        format!("The new home: {} on {}", homes.new, site.host),
        format!("Its console: https://{}:{https}", site.host),
    ];
    items.extend(
        homes.stores.iter().map(|store| format!("{}: {}", store.called(), copying::words(store, true))),
    );
    Draft::work("environment", "Keep staging apart from production")
        .list(items)
        .text(
            "On the host of production it takes memory and processors from it: look whether both fit, or use a host of its own that \
             is like this one; the paths then stay the same, and dumps, archives and directories are carried to it.",
        )
        .caution(format!(
            "It may reach neither the databases, nor the cluster, nor the shared repository, nor the mail server and the partners of \
             production. A firewall between {} and them proves it.",
            homes.new
        ))
}
