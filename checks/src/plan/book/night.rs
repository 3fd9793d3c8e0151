//! What every product's night begins with: the decision, what is kept for the comparison, scanners and sessions.

use super::commands::{of_agent, sh};
use super::desk::{Desk, Draft};
use super::leg::Leg;
use crate::facts::Family;
use crate::rules::clock::{local, zone_name};

pub(super) fn begin(desk: &Desk<'_>) -> Draft {
    let plan = desk.judge.plan;
    let instance = sh(&desk.facts.instance);
    let target = &desk.target.version;
    let when = plan
        .starts_at
        .map_or_else(String::new, |at| format!(" at {} ({})", local(at, plan), zone_name(plan)));
    Draft::work("begin", "Decide whether to begin")
        .text(format!(
            "Begin{when} only when the agent says that nothing blocks, the newest backups are whole, and everybody who is \
             needed can be reached. Whoever decides writes it down here."
        ))
        .block(of_agent(
            desk.site,
            vec![format!("agent refresh {instance}"), format!("agent gate {instance} --target {target} --max-age 1h")],
        ))
}

pub(super) fn snapshot(desk: &Desk<'_>) -> Draft {
    let instance = &desk.facts.instance;
    let plugged_in = match desk.facts.product.family() {
        Family::Confluence => "apps",
        Family::Carbon => "bundles",
    };
    Draft::work("snapshot", "Keep what the instance is now")
        .text(format!(
            "After the upgrade the agent compares with it: versions, {plugged_in}, row counts, health checks, changed files."
        ))
        .block(of_agent(
            desk.site,
            vec![format!("agent snapshot {} --output {}", sh(instance), sh(&baseline(instance)))],
        ))
}

/// The file the snapshot before the upgrade goes into.
pub(super) fn baseline(instance: &str) -> String {
    format!("{instance}-before.json")
}

pub(super) fn scanners(desk: &Desk<'_>, leg: &Leg<'_>) -> Option<Draft> {
    let scanners = desk.facts.host().ok()?.scanners.value()?;
    if scanners.is_empty() {
        return None;
    }
    let names: Vec<String> =
        scanners.iter().map(|scanner| format!("{} (process {})", scanner.product, scanner.process)).collect();
    let when = if leg.production() { " until the verification has ended" } else { "" };
    Some(
        Draft::work("scanners", "Switch the virus scanner off")
            .text(format!(
                "It runs on {} and holds files open while they are replaced. Off{when}:",
                desk.site.host
            ))
            .list(names),
    )
}

pub(super) fn sessions() -> Draft {
    Draft::looked_at("sessions", "See who else is connected to the database").text(
        "Other programs that use the database are stopped now: reports, backup jobs, a forgotten second node. What stays \
         connected can hold locks that the upgrade waits for.",
    )
}

pub(super) fn rehearsed(desk: &Desk<'_>) -> Draft {
    Draft::looked_at("rehearsal", "See that the agent knows of the rehearsal").text(format!(
        "When {} runs on staging, the agent that watches it tells this one; the open points below then close by themselves.",
        desk.target.version
    ))
}
