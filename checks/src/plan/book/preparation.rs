//! What is prepared in the days and weeks before, whatever the product.

use super::commands::{of_agent, sh};
use super::desk::{Desk, Draft};
use super::parts::Block;
use crate::catalog::PageKind;
use crate::facts::Engine;
use crate::rules::clock::{local, span, zone_name};
use crate::rules::units::bytes;

pub(super) fn release(desk: &Desk<'_>) -> Draft {
    let (product, target) = (desk.facts.product, &desk.target.version);
    let draft = Draft::looked_at("release", format!("Settle on {product} {target}"));
    let supported = desk.target.release.as_ref().and_then(|release| release.end_of_life);
    let draft = match supported {
        Some(end) => draft.text(format!("The vendor supports {target} until {}.", end.on)),
        None => draft,
    };
    draft.text(format!(
        "`agent targets {}` compares it with every other release and says which is recommended.",
        sh(&desk.facts.instance)
    ))
}

pub(super) fn notes(desk: &Desk<'_>) -> Draft {
    let line = desk.target.line();
    let draft = Draft::looked_at("notes", "Read what changes");
    let pages = [("Release notes", PageKind::ReleaseNotes), ("Upgrade notes", PageKind::UpgradeNotes)];
    let named = pages
        .into_iter()
        .filter_map(|(name, kind)| Some(format!("{name}: {}", desk.judge.catalog.page(kind, line)?)))
        .collect();
    let from = desk.running.line();
    let which = if from == line {
        format!("The upgrade notes of {line}")
    } else {
        format!("The upgrade notes of every line from {from} to {line}")
    };
    draft
        .text(format!(
            "{which} count. Those that concern this instance stand at this step; each is settled with the `agent \
             sign-off` it names."
        ))
        .list(named)
}

pub(super) fn platform(desk: &Desk<'_>) -> Draft {
    let draft = Draft::looked_at("platform", "Bring host and Java to what the release needs");
    let pages = [PageKind::SupportedPlatforms, PageKind::HardwareRequirements];
    let named = pages.into_iter().filter_map(|kind| desk.judge.catalog.page(kind, desk.target.line()));
    draft.list(named.map(|page| format!("The vendor's list: {page}")).collect())
}

pub(super) fn driver(desk: &Desk<'_>) -> Draft {
    let page = desk.judge.catalog.page(PageKind::JdbcDrivers, desk.target.line());
    let draft = Draft::looked_at("driver", "Have the database driver at hand");
    draft.list(page.map(|page| format!("Which versions are right: {page}")).into_iter().collect())
}

pub(super) fn disk(desk: &Desk<'_>) -> Draft {
    let case = desk.judge.case(desk.facts, desk.target);
    let free = |mount: &str| {
        let facts = desk.facts.disk().ok()?;
        Some(facts.filesystem(mount)?.free_bytes)
    };
    let rows: Vec<Vec<String>> = crate::rules::disk_needs(&case)
        .into_iter()
        .map(|need| {
            let free = free(&need.mount_point).map_or_else(|| "not known".to_owned(), bytes);
            vec![need.mount_point, bytes(need.required_bytes), free]
        })
        .collect();
    let draft = Draft::looked_at("disk", "Make room");
    if rows.is_empty() {
        return draft;
    }
    let head = ["File system", "Needed for the upgrade", "Free"].map(str::to_owned).to_vec();
    draft.block(Block::Table { head, rows })
}

pub(super) fn files(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("files", format!("Let {} write where it must", desk.site.user))
}

pub(super) fn antivirus(desk: &Desk<'_>) -> Draft {
    let site = desk.site;
    Draft::looked_at("antivirus", "Keep virus scanners out of the way").text(format!(
        "Exclude {} and the database's own files from scans, or have the scanner switched off for the night.",
        site.directories(", ")
    ))
}

pub(super) fn backups(desk: &Desk<'_>) -> Draft {
    let instance = sh(&desk.facts.instance);
    let embedded = desk.site.database.engine.is_some_and(Engine::is_embedded);
    Draft::looked_at("backups", "Have backups that were restored once")
        .text(
            "A backup that nobody restored is a hope. Restore the newest dump to another server and look whether all is \
             there.",
        )
        .when(embedded, || "The embedded database lies in the home directory and is in its backup.".to_owned())
        .block(of_agent(desk.site, vec![format!("agent restore-test {instance}")]))
}

pub(super) fn administrator(_: &Desk<'_>) -> Draft {
    Draft::looked_at("administrator", "Have an administrator who can log in without the external directory")
}

pub(super) fn index(_: &Desk<'_>) -> Draft {
    Draft::looked_at("index", "See that the search index is sound, and expect it to be rebuilt")
}

pub(super) fn window(desk: &Desk<'_>) -> Draft {
    let plan = desk.judge.plan;
    let draft = Draft::looked_at("window", "Schedule the downtime");
    let draft = match (plan.starts_at, plan.day) {
        (Some(start), _) => draft.text(format!("Planned: {} ({}).", local(start, plan), zone_name(plan))),
        (None, Some(day)) => draft.text(format!("Planned: {day}, without an hour.")),
        (None, None) => {
            draft.text("No day is planned: set upgrade_on and upgrade_at in the agent's configuration.")
        }
    };
    match plan.downtime {
        Some(downtime) => draft.text(format!("The instance may be down for {}.", span(downtime))),
        None => draft,
    }
}

pub(super) fn announce(desk: &Desk<'_>) -> Draft {
    let when = desk.judge.plan.day.map_or_else(|| "the planned day".to_owned(), |day| day.to_string());
    Draft::work("announce", "Tell users").text(format!(
        "Tell everybody who uses {} when it will be away ({when}), for how long, what will look different afterwards, and \
         whom to call when something does not work. Tell those, too, who run what depends on it: monitoring, backup jobs, \
         linked applications.",
        desk.site.public_url()
    ))
}
