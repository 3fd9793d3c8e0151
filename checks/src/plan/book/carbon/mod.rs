//! The run book of WSO2 Carbon products: the guide of the vendor, tailored to the instance.
//!
//! The new release is set up beside the running one, on a copy of its data, and is tried there. In the night the data
//! is copied once more, and the copy becomes production. What ran before is not touched, and is the only way back.

mod after;
mod artifacts;
mod back;
mod change;
mod commands;
mod configuration;
mod copying;
mod databases;
mod homes;
mod pairs;
mod preparation;
mod production;
mod shape;
mod staging;
mod stores;
#[cfg(test)]
mod tests;
mod trial;

use super::desk::{Desk, Draft};
use super::leg::{Leg, before, legs};
use super::parts::{Block, Section, SectionKind};
use crate::catalog::Jump;
use crate::rules::clock::span;
use change::changed;
use homes::Homes;

pub(super) use shape::{made_for, not_seen};

/// The sections of its book, in their order.
pub(super) fn sections(desk: &Desk<'_>) -> Vec<Section> {
    let mut sections = vec![preparation::section(desk)];
    sections.extend(legs(desk, SectionKind::Staging).iter().map(|leg| section(desk, leg)));
    sections.extend(desk.way.as_ref().ok().and_then(|way| before(desk, way, changed)));
    sections.extend(legs(desk, SectionKind::Production).iter().map(|leg| section(desk, leg)));
    sections.push(after::section(desk));
    sections.push(back::section(desk));
    sections
}

fn section(desk: &Desk<'_>, leg: &Leg<'_>) -> Section {
    let homes = Homes::of(desk, leg);
    let name = if leg.production() { "Production" } else { "Staging" };
    let title = if leg.count == 1 {
        format!("{name}: {} to {}", leg.from, leg.to)
    } else {
        format!("{name}: stop {} of {}, {} to {}", leg.index + 1, leg.count, leg.from, leg.to)
    };
    let drafts: Vec<Draft> = if leg.production() {
        production::steps(desk, leg, &homes)
    } else {
        staging::steps(desk, leg, &homes)
    };
    Section {
        kind: leg.kind,
        stop: leg.stop().cloned(),
        title,
        intro: intro(desk, leg, &homes),
        steps: desk.finish_all(leg.kind, leg.stop(), drafts),
    }
}

fn intro(desk: &Desk<'_>, leg: &Leg<'_>, homes: &Homes<'_>) -> Vec<Block> {
    let mut intro = Vec::new();
    if leg.production() {
        intro.push(Block::Text(format!(
            "What ran on staging is made once more with the newest data, and takes the place of {}. Nothing in {} and in its \
             databases is changed: they are the way back.",
            leg.from, homes.old
        )));
        if let Some(downtime) = desk.judge.plan.downtime.filter(|_| leg.is_first()) {
            intro.push(Block::Text(format!("The instance may be down for {}.", span(downtime))));
        }
    } else {
        intro.push(Block::Text(format!(
            "{} {} is set up in {} on a copy of the data and tried there, while {} goes on in {}. Mark each step with `agent \
             plan step ID done --by NAME`: the agent then knows how long it took, and the times of production become real \
             ones. Write down what was different.",
            desk.facts.product, leg.to, homes.new, leg.from, homes.old
        )));
    }
    if let Some(Jump::NotKnown(page)) = leg.jump {
        intro.push(Block::Caution(format!(
            "Whether {} can be upgraded to {} in one step is not known here. Look it up in {} before the first step, and prove \
             it on staging.",
            leg.from,
            leg.to,
            page.as_deref().unwrap_or("the vendor's documentation of the new release")
        )));
    }
    intro
}
