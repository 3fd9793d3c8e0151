//! The upgrade itself, stop by stop: the same steps on staging and in production, so that the one proves the other.

mod backup;
mod begin;
mod change;
mod program;
mod rolling;
mod running;

use super::commands;
use crate::catalog::Jump;
use crate::plan::book::desk::{Desk, Draft};
use crate::plan::book::leg::{Leg, joined};
use crate::plan::book::night::{begin, rehearsed, scanners, sessions, snapshot};
use crate::plan::book::parts::{Block, Section};
use crate::plan::way::Method;
use crate::rules::clock::span;
use crate::version::ProductVersion;

pub(super) use change::changed;

use backup::{back_up, keep_files, stop_service};
use begin::{compatibility, copy, environment, update_before};
use program::{carry_over, driver, install, java, windows_service};
use rolling::rolling;
use running::{
    apps, clear_caches, companion, first_start, look_at_stop, other_nodes, search, start_again, stop_again,
    synchrony, test,
};

pub(super) fn section(desk: &Desk<'_>, leg: Leg<'_>) -> Section {
    let name = if leg.production() { "Production" } else { "Staging" };
    let title = if leg.count == 1 {
        format!("{name}: {} to {}", leg.from, leg.to)
    } else {
        format!("{name}: stop {} of {}, {} to {}", leg.index + 1, leg.count, leg.from, leg.to)
    };
    let drafts = match desk.method {
        Method::Rolling => rolling(desk, &leg),
        Method::Installer | Method::Archive => with_downtime(desk, &leg),
    };
    Section {
        kind: leg.kind,
        stop: leg.stop().cloned(),
        title,
        intro: intro(desk, &leg),
        steps: desk.finish_all(leg.kind, leg.stop(), drafts),
    }
}

fn intro(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Block> {
    let mut intro = Vec::new();
    if !leg.production() && leg.is_first() {
        intro.push(Block::Text(format!(
            "The same steps as in production, on a copy of it, on {}. Where a word stands in capitals, use the value of staging. \
             Mark each step with `agent plan step ID done --by NAME`: the agent then knows how long it took, and the times of \
             production become real ones. Write down what was different.",
            desk.site.host
        )));
    }
    if leg.production()
        && leg.is_first()
        && let Some(downtime) = desk.judge.plan.downtime
    {
        intro.push(Block::Text(format!("The instance may be down for {}.", span(downtime))));
    }
    match leg.jump {
        Some(Jump::NotKnown(page)) => intro.push(Block::Caution(format!(
            "Nobody says whether {} can be upgraded to {} in one step. Look it up in {}, and prove it on staging; the new \
             release refuses to start on data that is too old, and changes nothing then.",
            leg.from,
            leg.to,
            page.as_deref().unwrap_or("the vendor's documentation")
        ))),
        Some(Jump::Direct(_) | Jump::Refused(_)) | None => {}
    }
    intro
}

fn with_downtime(desk: &Desk<'_>, leg: &Leg<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if !leg.production() && leg.is_first() {
        drafts.extend([environment(desk), copy(desk)]);
    }
    if leg.production() && leg.is_first() {
        drafts.extend([begin(desk), snapshot(desk)]);
    }
    if leg.is_first() {
        drafts.push(compatibility(desk, leg));
        drafts.extend(update_before(desk));
        drafts.extend(scanners(desk, leg));
    }
    if leg.production() && leg.is_first() {
        drafts.push(sessions());
    }
    drafts.push(stop_service(desk, leg));
    drafts.extend(back_up(desk, leg));
    drafts.push(keep_files(desk, leg));
    drafts.push(install(desk, leg));
    drafts.push(carry_over(desk, leg));
    drafts.extend(java(desk, leg));
    drafts.extend(driver(desk, leg));
    drafts.extend(windows_service(desk));
    drafts.push(first_start(desk, leg));
    drafts.extend(synchrony(desk));
    if leg.is_last() {
        drafts.extend(apps(desk));
        drafts.extend([stop_again(desk), clear_caches(desk), start_again(desk)]);
        drafts.extend(search(desk, leg));
        drafts.extend(other_nodes(desk, leg));
        drafts.push(test(desk, leg));
        drafts.push(companion());
        if !leg.production() {
            drafts.push(rehearsed(desk));
        }
    } else {
        drafts.extend(other_nodes(desk, leg));
        drafts.push(look_at_stop(desk, leg));
    }
    drafts.extend(leg.then.iter().map(|change| changed(desk, leg.to, change)));
    drafts
}

impl Desk<'_> {
    /// The file name of a program, as the vendor calls it.
    pub(super) fn package(&self, version: &ProductVersion) -> String {
        let ending = match (self.method, self.site.windows) {
            (Method::Installer, true) => "-x64.exe",
            (Method::Installer, false) => "-x64.bin",
            (Method::Archive | Method::Rolling, true) => ".zip",
            (Method::Archive | Method::Rolling, false) => ".tar.gz",
        };
        format!("atlassian-confluence-{version}{ending}")
    }
}
