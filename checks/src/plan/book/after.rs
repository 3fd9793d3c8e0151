//! What is verified after the night, whatever the product.

use super::commands::{of_agent, sh};
use super::desk::{Desk, Draft};
use super::night::baseline;
use super::parts::Estimate;
use crate::facts::{Family, Field, Role};

pub(super) fn compare(desk: &Desk<'_>) -> Draft {
    let instance = &desk.facts.instance;
    let plugged_in = match desk.facts.product.family() {
        Family::Confluence => "the apps are enabled",
        Family::Carbon => "your own bundles are there",
    };
    Draft::work("compare", "Compare with what was before")
        .text(format!(
            "The agent looks whether the new version is everywhere, {plugged_in}, no rows are lost, the product's own checks are \
             content, changed files are carried over, and the nodes are equal."
        ))
        .block(of_agent(
            desk.site,
            vec![
                format!("agent refresh {}", sh(instance)),
                format!("agent check {} --after {} --target {}", sh(instance), sh(&baseline(instance)), desk.target.version),
            ],
        ))
}

pub(super) fn scanners_on(desk: &Desk<'_>) -> Option<Draft> {
    let scanners = desk.facts.host().ok()?.scanners.value()?;
    (!scanners.is_empty()).then(|| {
        Draft::work("scanners-on", "Switch the virus scanner on again").text(format!(
            "On {}, with {} excluded.",
            desk.site.host,
            desk.site.directories(" and ")
        ))
    })
}

pub(super) fn backup_anew(desk: &Desk<'_>) -> Draft {
    let size = desk.site.size(Role::Home);
    Draft::work("backup", "Make a first backup of the new release")
        .text("The old backups are of the old release: none of them restores what people write from now on.")
        .time(desk.packing(size))
}

pub(super) fn accepted(_: &Desk<'_>) -> Draft {
    Draft::work("accepted", "Let users accept it").text(
        "The people who agreed to test it do so, and say that it is right. Tell everybody what has changed for them, where the \
         release notes are, and whom to call.",
    )
}

/// How long it takes to restore the database: as the newest proof took, else as dumping does.
pub(super) fn restoring(desk: &Desk<'_>) -> Option<Estimate> {
    let proof = desk.facts.backups().ok().and_then(|backups| match &backups.restore {
        Field::Read(proof) => proof.as_ref(),
        Field::Unread(_) => None,
    });
    match proof {
        Some(proof) => {
            Some(Estimate { time: proof.took, ground: format!("as the restore of {} took", proof.dump) })
        }
        None => desk.half_of_database(),
    }
}
