//! The run book of Confluence: the new program takes the place of the old one, and the first start upgrades the data.

mod after;
mod commands;
mod night;
mod preparation;

use super::desk::Desk;
use super::leg::{before, legs};
use super::parts::{Section, SectionKind};
use night::{changed, section};

/// The sections of its book, in their order.
pub(super) fn sections(desk: &Desk<'_>, on_staging: &Desk<'_>) -> Vec<Section> {
    let mut sections = vec![preparation::section(desk)];
    sections.extend(legs(on_staging, SectionKind::Staging).into_iter().map(|leg| section(on_staging, leg)));
    sections.extend(desk.way.as_ref().ok().and_then(|way| before(desk, way, changed)));
    sections.extend(legs(desk, SectionKind::Production).into_iter().map(|leg| section(desk, leg)));
    sections.push(after::verification(desk));
    sections.push(after::way_back(desk));
    sections
}
