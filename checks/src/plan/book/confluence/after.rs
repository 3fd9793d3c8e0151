//! After the night: what is verified of Confluence, and what is done when it failed.

use std::collections::BTreeMap;

use super::commands::{ask_state, start, stop};
use crate::facts::{BackupKind, Role};
use crate::plan::book::after::{accepted, backup_anew, compare, restoring, scanners_on};
use crate::plan::book::commands::{backup_file, of_agent, on_host, restore, sh, unpack, word};
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::parts::{Block, Estimate, Section, SectionKind};
use crate::plan::way::{Method, Part};
use crate::rules::clock::span;

pub(super) fn verification(desk: &Desk<'_>) -> Section {
    let drafts = [
        Some(compare(desk)),
        Some(look(desk)),
        rolled(desk),
        scanners_on(desk),
        back_in(desk),
        Some(backup_anew(desk)),
        Some(accepted(desk)),
        Some(watch(desk)),
        Some(tidy(desk)),
    ];
    Section {
        kind: SectionKind::Verification,
        stop: None,
        title: "Verification".to_owned(),
        intro: Vec::new(),
        steps: desk.finish_all(SectionKind::Verification, None, drafts.into_iter().flatten()),
    }
}

fn look(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    Draft::work("health", "Look at the product's own checks").text(format!(
        "{}/plugins/servlet/troubleshooting/view: nothing may be worse than before. The log of the start may have no line with \
         ERROR that was not there before.",
        site.public_url()
    ))
}

fn rolled(desk: &Desk<'_>) -> Option<Draft> {
    (desk.method == Method::Rolling).then(|| {
        Draft::work("finalised", "See that the rolling upgrade was finalised").text(format!(
            "At {}, Administration, General Configuration, Rolling upgrades: upgrade mode is off, and every node runs {}.",
            desk.site.public_url(),
            desk.target.version
        ))
    })
}

fn back_in(desk: &Desk<'_>) -> Option<Draft> {
    (desk.method != Method::Rolling).then(|| {
        Draft::work("open", "Let users back in").text(format!(
            "Take the maintenance page away, and open {} as a user would, from the network of the users.",
            desk.site.public_url()
        ))
    })
}

fn watch(desk: &Desk<'_>) -> Draft {
    Draft::work("watch", "Watch it for a day").text(format!(
        "Load, memory and the log on {}, while the index is rebuilt and while the first morning's users come.",
        desk.site.host
    ))
}

fn tidy(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let instance = sh(&desk.facts.instance);
    let old = match desk.method {
        Method::Archive | Method::Rolling => {
            format!(
                "Remove {}-{} and the backups of the night when nobody will want them back.",
                site.program(),
                desk.running
            )
        }
        Method::Installer => "Remove the backups of the night when nobody will want them back.".to_owned(),
    };
    Draft::work("tidy", "Tidy up")
        .text(format!("{old} Name the next target in the agent's configuration, and take back waivers and sign-offs that were for this night."))
        .block(of_agent(site, vec![format!("agent waive --list --instance {instance}"), format!("agent sign-off --list --instance {instance}")]))
}

/// What is done when the upgrade failed: the moment before it is restored, all three parts of it.
pub(super) fn way_back(desk: &Desk<'_>) -> Section {
    let product = desk.facts.product;
    let drafts = if desk.method == Method::Rolling {
        vec![
            Some(decide(desk)),
            Some(roll_back(desk)),
            Some(stop_it(desk)),
            database(desk),
            Some(home(desk)),
            Some(installation(desk)),
            Some(start_it(desk)),
            Some(tell(desk)),
        ]
    } else {
        vec![
            Some(decide(desk)),
            Some(stop_it(desk)),
            database(desk),
            Some(home(desk)),
            Some(installation(desk)),
            platform(desk),
            Some(start_it(desk)),
            Some(tell(desk)),
        ]
    };
    Section {
        kind: SectionKind::WayBack,
        stop: None,
        title: "The way back".to_owned(),
        intro: way_back_intro(desk, product.name()),
        steps: desk.finish_all(SectionKind::WayBack, None, drafts.into_iter().flatten()),
    }
}

fn way_back_intro(desk: &Desk<'_>, product: &str) -> Vec<Block> {
    let mut intro = vec![Block::Text(format!(
        "An older {product} does not start on the data of a newer one. The only way back is to restore database, home and \
         installation from the backups of the same moment; what people wrote since then is lost."
    ))];
    let stops = desk.stops();
    if stops.len() > 1 {
        let names: Vec<String> = stops.iter().map(|stop| format!("before-{stop}")).collect();
        intro.push(Block::Text(format!(
            "The steps lead back to {}. Each stop has backups of its own ({}): when a later stop failed, it may be enough to go \
             back to the one before it.",
            desk.running,
            names.join(", ")
        )));
    }
    intro
}

fn back_time(desk: &Desk<'_>) -> Option<Estimate> {
    let parts = [
        restoring(desk),
        desk.packing(desk.site.size(Role::Home)),
        desk.packing(desk.site.size(Role::Installation)),
        Some(desk.share(35)),
    ];
    let total = crate::plan::book::sum(parts.into_iter().flatten().map(|part| part.time))?;
    Some(Estimate { time: total, ground: "all of this section".to_owned() })
}

fn decide(desk: &Desk<'_>) -> Draft {
    let time = back_time(desk);
    let plan = desk.judge.plan;
    let latest = match (&time, plan.downtime, plan.starts_at) {
        (Some(back), Some(downtime), Some(start)) if downtime > back.time => {
            let point = start.checked_add(downtime.saturating_sub(back.time)).ok();
            point.map(|at| {
                format!(
                    " To be back in time, decide by {} ({}).",
                    crate::rules::clock::local(at, plan),
                    crate::rules::clock::zone_name(plan)
                )
            })
        }
        (Some(back), Some(downtime), _) if downtime <= back.time => Some(format!(
            " The way back takes longer than the downtime that is allowed ({}): agree beforehand what is done then.",
            span(downtime)
        )),
        (_, _, _) => None,
    };
    let takes = time.map_or_else(String::new, |back| format!(" It takes about {}.", span(back.time)));
    Draft::work("decide", "Decide to go back").text(format!(
        "Go back when the first start failed and the reason is not solved in the time set for it, when data is missing, or when \
         what must work does not.{takes}{} Keep the logs first: they tell what to do better next time.",
        latest.unwrap_or_default()
    ))
}

fn roll_back(desk: &Desk<'_>) -> Draft {
    Draft::work("roll-back", "Before it was finalised: take the upgraded nodes back").text(format!(
        "As long as the upgrade tasks have not run, no data has changed: stop each upgraded node, give it the program of {} \
         again, start it, and switch upgrade mode off. The steps below are for afterwards.",
        desk.running
    ))
}

fn stop_it(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let lines = stop(site);
    Draft::work("stop", format!("Stop {}", desk.facts.product))
        .when(site.is_cluster(), || "On every node.".to_owned())
        .block(on_host(site, lines))
        .time(desk.share(10))
}

fn database(desk: &Desk<'_>) -> Option<Draft> {
    let site = desk.site;
    if site.database.engine.is_some_and(crate::facts::Engine::is_embedded) {
        return None;
    }
    let before = first(desk);
    let file = backup_file(site, BackupKind::Database, &before);
    Some(
        Draft::work("restore-database", "Restore the database")
            .blocks(restore(site, &file, "failed"))
            .time(restoring(desk)),
    )
}

/// The first stop: its backups are those of the moment before anything changed.
fn first(desk: &Desk<'_>) -> String {
    desk.stops().first().map_or_else(|| desk.target.version.to_string(), ToString::to_string)
}

fn home(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let file = backup_file(site, BackupKind::Home, &first(desk));
    Draft::work("restore-home", "Restore the home directory")
        .block(on_host(site, unpack(site, site.home(), &file, "failed")))
        .when(site.shared_home().is_some(), || {
            format!("The same with the shared home, {}.", site.shared_home().unwrap_or_default())
        })
        .time(desk.packing(site.size(Role::Home)))
}

fn installation(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let draft = Draft::work("restore-installation", "Put the old installation back");
    match desk.method {
        Method::Archive | Method::Rolling => {
            let program = site.program().trim_end_matches(['/', '\\']);
            let (failed, old) = (format!("{program}-failed"), format!("{program}-{}", desk.running));
            let verb = if site.windows { "move" } else { "mv" };
            draft
                .block(on_host(
                    site,
                    vec![
                        format!("{verb} {} {}", word(site, program), word(site, &failed)),
                        format!("{verb} {} {}", word(site, &old), word(site, program)),
                    ],
                ))
                .time(desk.share(5))
        }
        Method::Installer => {
            let file = backup_file(site, BackupKind::Installation, &first(desk));
            draft
                .block(on_host(site, unpack(site, site.program(), &file, "failed")))
                .time(desk.packing(site.size(Role::Installation)))
        }
    }
}

/// What was changed below the product on the way, and must be as before.
fn platform(desk: &Desk<'_>) -> Option<Draft> {
    let way = desk.way.as_ref().ok()?;
    let changes =
        way.before.iter().chain(way.stops.iter().flat_map(|stop| stop.with_jump.iter().chain(&stop.then)));
    // Of a part that was changed several times, from the first to the last.
    let mut net: BTreeMap<Part, (&str, &str)> = BTreeMap::new();
    for change in changes {
        let entry = net.entry(change.part).or_insert((&change.from, &change.to));
        entry.1 = &change.to;
    }
    let words: Vec<String> = net
        .into_iter()
        .map(|(part, (from, to))| match part {
            Part::Database(engine) => format!(
                "{} {to} to {from}: a server of the old version, with the dump of before it was upgraded",
                engine.name()
            ),
            Part::Java | Part::Driver(_) | Part::OperatingSystem | Part::Connection => {
                format!("{part} {to} back to {from}")
            }
        })
        .collect();
    (!words.is_empty()).then(|| {
        Draft::work("restore-platform", "Take back what was changed below it")
            .text(format!("As far as {} does not run on it; what it ran on before may stay.", desk.running))
            .list(words)
    })
}

fn start_it(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    let lines = start(site).into_iter().chain([ask_state(site)]).collect();
    Draft::work("start", format!("Start {} {}", desk.facts.product, desk.running))
        .block(on_host(site, lines))
        .text("Log in, open a page, search. The index may have to be rebuilt.")
        .time(desk.share(25))
}

fn tell(desk: &Desk<'_>) -> Draft {
    Draft::work("tell", "Tell users, and write down why").text(format!(
        "{} is as it was before the night. Write into this book what went wrong; the next one begins with it.",
        desk.site.public_url()
    ))
}
