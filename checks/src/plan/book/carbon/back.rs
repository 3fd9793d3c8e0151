//! When it failed: what ran before was not touched, and is started again.

use super::commands::{ask_console, follow_log, mark, start, stop_by_script};
use super::databases::swap_names;
use super::homes::Homes;
use crate::facts::ServiceManager;
use crate::plan::book::commands::{on_host, sh, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::legs;
use crate::plan::book::parts::{Block, Section, SectionKind};

pub(super) fn section(desk: &Desk<'_>) -> Section {
    let all = legs(desk, SectionKind::Production);
    let homes: Vec<Homes<'_>> = all.iter().map(|leg| Homes::of(desk, leg)).collect();
    let mut drafts = vec![decide(desk)];
    if let (Some(first), Some(last)) = (homes.first(), homes.last()) {
        drafts.push(stop_new(desk, last));
        drafts.extend(names(first));
        drafts.push(switch_back(desk, first, last));
        drafts.push(start_old(desk, first));
    }
    drafts.push(tell(desk));
    let intro = homes.first().map(|homes| {
        Block::Text(format!(
            "{} and its databases were not changed: they are started again as they were. Nothing is restored, and the new release \
             is never started on the old databases. What was written into the new ones is not in the old ones and is lost: once \
             users have worked on the new release, there is no way back.",
            homes.old
        ))
    });
    Section {
        kind: SectionKind::WayBack,
        stop: None,
        title: "The way back".to_owned(),
        intro: intro.into_iter().collect(),
        steps: desk.finish_all(SectionKind::WayBack, None, drafts),
    }
}

fn decide(desk: &Desk<'_>) -> Draft {
    let takes = desk.share(40);
    let plan = desk.judge.plan;
    let latest = plan.downtime.zip(plan.starts_at).and_then(|(downtime, start)| {
        let point = start.checked_add(downtime.saturating_sub(takes.time)).ok()?;
        Some(format!(
            " To be back in time, decide by {} ({}).",
            crate::rules::clock::local(point, plan),
            crate::rules::clock::zone_name(plan)
        ))
    });
    Draft::work("decide", "Decide to go back").text(format!(
        "Go back when the new release does not start and the reason is not solved in the time set for it, when data is missing, or \
         when what must work does not; and only as long as users have not written into it.{} Keep the logs of the new home first.",
        latest.unwrap_or_default()
    ))
}

fn stop_new(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let lines = match &site.manager {
        ServiceManager::Scripts => stop_by_script(site, &homes.new),
        ServiceManager::Systemd { .. }
        | ServiceManager::InitScript { .. }
        | ServiceManager::WindowsService { .. } => super::commands::stop(site, &homes.new),
    };
    Draft::work("stop", "Stop the new release")
        .text("On every node. Not one of them may run when an old one starts.")
        .block(on_host(site, lines))
        .time(desk.share(10))
}

/// Where names of databases were exchanged, they are exchanged back.
fn names(homes: &Homes<'_>) -> Option<Draft> {
    let exchanged = homes.stores.iter().any(|store| swap_names(store, "before").is_some());
    exchanged.then(|| {
        Draft::work("names", "Give the old databases their names back")
            .optional()
            .text("Only where they were exchanged in the step that made the new ones those of production: the same statements, back.")
    })
}

fn switch_back(desk: &Desk<'_>, first: &Homes<'_>, last: &Homes<'_>) -> Draft {
    let site = desk.site;
    let draft = Draft::work("switch-back", format!("Have the service start {} again", desk.running));
    let draft = match &site.manager {
        ServiceManager::Systemd { unit } => draft
            .text(format!(
                "In the unit, {} takes the place of {}, and JAVA_HOME is what it was.",
                first.old, last.new
            ))
            .block(on_host(
                site,
                vec![format!("systemctl edit --full {}", sh(unit)), "systemctl daemon-reload".to_owned()],
            )),
        ServiceManager::InitScript { path } => {
            draft.text(format!("In {path}, {} takes the place of {}.", first.old, last.new))
        }
        ServiceManager::WindowsService { .. } => draft
            .text("As in the step that switched it, with the old home; then open a new prompt.")
            .block(on_host(
                site,
                vec![
                    "YAJSW_HOME\\bat\\uninstallService.bat".to_owned(),
                    format!("setx /M CARBON_HOME {}", word(site, &first.old)),
                    format!(
                        "copy {} YAJSW_HOME\\conf",
                        word(site, &site.below(&first.old, "bin/yajsw/wrapper.conf"))
                    ),
                    "YAJSW_HOME\\bat\\installService.bat".to_owned(),
                ],
            )),
        ServiceManager::Scripts => {
            draft.text(format!("It is started by the script in {} again.", site.below(&first.old, "bin")))
        }
    };
    draft.time(desk.share(5))
}

fn start_old(desk: &Desk<'_>, homes: &Homes<'_>) -> Draft {
    let site = desk.site;
    let https = homes.carbon.and_then(|home| home.ports.value()).map_or(9443, |ports| ports.https);
    let mut lines = Vec::new();
    if !site.windows {
        lines.push(format!("pgrep --full --list-full {} || echo stopped", word(site, &mark(&homes.new))));
    }
    lines.extend(start(site, &homes.old));
    lines.extend([follow_log(site, &homes.old), ask_console(site, https)]);
    Draft::work("start", format!("Start {} {}", desk.facts.product, desk.running))
        .block(on_host(site, lines))
        .text("Then the other nodes, one after the other; the load balancer sends users to them again.")
        .time(desk.share(25))
}

fn tell(desk: &Desk<'_>) -> Draft {
    Draft::work("tell", "Tell users, and write down why").text(format!(
        "{} is as it was before the night. Write into this book what went wrong; the next one begins with it.",
        desk.site.public_url()
    ))
}
