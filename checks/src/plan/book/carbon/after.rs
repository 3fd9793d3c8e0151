//! What is verified of a Carbon product after the night.

use super::commands::log;
use super::copying;
use super::homes::Homes;
use crate::facts::BackupKind;
use crate::plan::book::after::{accepted, backup_anew, compare, scanners_on};
use crate::plan::book::commands::{of_agent, sh};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::legs;
use crate::plan::book::parts::{Section, SectionKind};

pub(super) fn section(desk: &Desk<'_>) -> Section {
    let all = legs(desk, SectionKind::Production);
    let last = all.last().map(|leg| Homes::of(desk, leg));
    let first = all.first().map(|leg| Homes::of(desk, leg));
    let mut drafts: Vec<Draft> = last.as_ref().map(|homes| show_agent(desk, homes)).into_iter().collect();
    drafts.push(compare(desk));
    drafts.extend(last.as_ref().map(|homes| look(desk, homes)));
    drafts.extend(scanners_on(desk));
    drafts.extend([open(desk), backup_anew(desk), accepted(desk)]);
    drafts.extend(last.as_ref().map(|homes| watch(desk, homes)));
    drafts.extend(first.as_ref().map(|homes| old_home(desk, homes)));
    drafts.push(tidy(desk));
    Section {
        kind: SectionKind::Verification,
        stop: None,
        title: "Verification".to_owned(),
        intro: Vec::new(),
        steps: desk.finish_all(SectionKind::Verification, None, drafts),
    }
}

fn show_agent(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    Draft::work("agent", "Show the agent the new home")
        .text(format!(
            "In its configuration, write installation_dir = '{}' for {} and take [instance.prepared] out; where [instance.database] \
             names an account, it must be allowed to look into the new databases. Then have the agent read it again, with the last \
             command where it runs by systemd.",
            homes.new, desk.facts.instance
        ))
        .block(of_agent(
            desk.site,
            vec!["agent config check".to_owned(), "systemctl reload upgrade-readiness-agent".to_owned()],
        ))
}

fn look(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    Draft::work("health", "Look at the log and at the product's own health check").text(format!(
        "{} has no line with ERROR that the old one did not have. Where the health check is switched on, \
         /api/health-check/v1.0/health answers 200 with a list named health; 200 without it means that it is switched off, and \
         says nothing.",
        log(desk.site, &homes.new)
    ))
}

fn open(desk: &Desk<'_>) -> Draft {
    Draft::work("open", "Let users back in").text(format!(
        "Have the load balancer send them to the new servers, and use {} as a user would, from the network of the users. From \
         now on going back loses what they write.",
        desk.site.public_url()
    ))
}

fn watch(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    Draft::work("watch", "Watch it for a day").text(format!(
        "Load, memory and {} on {}, sessions on the new databases, and the first jobs that are scheduled. Sessions on the old \
         databases are of a server that was forgotten.",
        log(desk.site, &homes.new),
        desk.site.host
    ))
}

fn old_home(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let databases: Vec<String> = homes.stores.iter().map(|store| copying::words(store, false)).collect();
    Draft::work("old-home", "Keep the old home and the old databases").list(vec![
        format!("{} stays, and is not started: no unit, no job at boot and no person does it by habit", homes.old),
        format!("Kept as they are: {}", databases.join("; ")),
        format!(
            "The backups of the night in {} stay as long",
            desk.site.backup_dir(BackupKind::Database)
        ),
        "They are removed on a day that is written down here, after the new release was accepted and its own backup was restored \
         once"
            .to_owned(),
    ])
}

fn tidy(desk: &Desk<'_>) -> Draft {
    let instance = sh(&desk.facts.instance);
    Draft::work("tidy", "Tidy up")
        .text(
            "Name the next target in the agent's configuration, and take back waivers and sign-offs that were for this night.",
        )
        .block(of_agent(
            desk.site,
            vec![
                format!("agent waive --list --instance {instance}"),
                format!("agent sign-off --list --instance {instance}"),
            ],
        ))
}
