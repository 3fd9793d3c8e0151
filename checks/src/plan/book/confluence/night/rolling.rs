//! Node by node, while the site stays up.

use super::commands::{ask_state, start, stop};
use super::program::{carried_files, program_lines};
use super::{
    Leg, apps, back_up, begin, changed, companion, compatibility, copy, environment, look_at_stop, scanners,
    search, sessions, snapshot, synchrony, test, update_before,
};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::night::rehearsed;
use crate::plan::book::parts::{Block, Shell};

pub(super) fn rolling(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if !leg.production() && leg.is_first() {
        drafts.extend([environment(desk), copy(desk)]);
    }
    if leg.production() && leg.is_first() {
        drafts.extend([begin(desk), snapshot(desk), sessions()]);
    }
    if leg.is_first() {
        drafts.push(compatibility(desk, leg));
        drafts.extend(update_before(desk));
        drafts.extend(scanners(desk, leg));
    }
    drafts.extend(back_up(desk, leg));
    let product = desk.facts.product;
    let url = desk.site.public_url();
    drafts.push(
        Draft::work("upgrade-mode", "Switch upgrade mode on")
            .text(format!(
                "At {url}: Administration, General Configuration, Rolling upgrades. With upgrade mode on, nodes of two \
                 releases may be in the cluster at the same time; until the first node is upgraded it can be switched off again."
            ))
            .time(desk.share(10)),
    );
    let nodes = desk.site.nodes();
    for node in &nodes {
        drafts.push(roll_node(desk, leg, node));
    }
    drafts.extend(synchrony(desk));
    drafts.push(
        Draft::work("finalise", "Finalise the upgrade")
            .text(format!(
                "When every node runs {} and is active: run the upgrade tasks (Rolling upgrades, as before), wait until they have ended, \
                 and see that upgrade mode is off. From then on there is no way back to {} but the backups.",
                leg.to, leg.from
            ))
            .caution(format!("A {product} that was not finalised stands in the way of the next upgrade."))
            .time(desk.half_of_database()),
    );
    if leg.is_last() {
        drafts.extend(apps(desk));
        drafts.extend(search(desk, leg));
        drafts.push(test(desk, leg));
        drafts.push(companion());
        if !leg.production() {
            drafts.push(rehearsed(desk));
        }
    } else {
        drafts.push(look_at_stop(desk, leg));
    }
    drafts.extend(leg.then.iter().map(|change| changed(desk, leg.to, change)));
    drafts
}

pub(super) fn roll_node(desk: &Desk<'_>, leg: &Leg<'_>, node: &str) -> Draft {
    let site = desk.site;
    let place = if leg.production() {
        format!("on {node}, as root")
    } else {
        format!("on the node of staging that stands for {node}, as root")
    };
    let mut lines = stop(site);
    lines.extend(program_lines(desk, leg));
    lines.extend(start(site));
    lines.push(ask_state(site));
    Draft::work(&format!("node-{}", plain(node)), format!("Upgrade node {node}"))
        .text(format!(
            "Take {node} out of the load balancer and wait until nobody works on it. Stop it, put {} in the place of {}, \
             carry the changed files over as in the step on files, start it, and put it back when the cluster shows it as \
             active. Only then go on with the next node.",
            leg.to, leg.from
        ))
        .block(Block::Commands { place, shell: Shell::Sh, lines })
        .list(carried_files(desk))
        .time(desk.share(50))
}

/// A name as it can stand in an id.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' })
        .collect()
}
