//! The upgrade itself, stop by stop: the same steps on staging and in production, so that the one proves the other.

mod backup;
mod begin;
mod change;
mod program;
mod rolling;
mod running;

use super::desk::{Desk, Draft};
use super::parts::{Block, Estimate, Section, SectionKind};
use crate::catalog::Jump;
use crate::plan::way::{Change, Method, Part, Way};
use crate::rules::clock::span;
use crate::version::ProductVersion;

pub(super) use begin::baseline;

use backup::{back_up, keep_files, stop_service};
use begin::{begin, compatibility, copy, environment, scanners, sessions, snapshot, update_before};
use change::changed;
use program::{carry_over, driver, install, java, windows_service};
use rolling::rolling;
use running::{
    apps, clear_caches, companion, first_start, look_at_stop, other_nodes, rehearsed, search, start_again,
    stop_again, synchrony, test,
};

/// One upgrade of the way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg<'a> {
    pub(super) kind: SectionKind,
    /// The release that runs before.
    pub(super) from: &'a ProductVersion,
    /// The release that is upgraded to.
    pub(super) to: &'a ProductVersion,
    /// Its number among all, from zero.
    pub(super) index: usize,
    /// How many there are.
    pub(super) count: usize,
    /// What changes in the same step.
    pub(super) with_jump: &'a [Change],
    /// What is changed afterwards, while the new release runs.
    pub(super) then: &'a [Change],
    /// Whether the step is known to be allowed.
    pub(super) jump: Option<&'a Jump>,
    /// The version of a Java of one's own, when the way has changed it before this upgrade.
    pub(super) java: Option<&'a str>,
}

impl Leg<'_> {
    fn is_first(&self) -> bool {
        self.index == 0
    }

    fn is_last(&self) -> bool {
        self.index + 1 == self.count
    }

    fn production(&self) -> bool {
        self.kind == SectionKind::Production
    }

    /// What stands in the ids of its steps, when there are several.
    pub(super) fn stop(&self) -> Option<&ProductVersion> {
        (self.count > 1).then_some(self.to)
    }
}

/// Every upgrade of the way; the target alone where there is no way, so that the book can be read all the same.
pub(super) fn legs<'a>(desk: &'a Desk<'_>, kind: SectionKind) -> Vec<Leg<'a>> {
    let Ok(way) = desk.way else {
        return vec![Leg {
            kind,
            from: desk.running,
            to: &desk.target.version,
            index: 0,
            count: 1,
            with_jump: &[],
            then: &[],
            jump: None,
            java: None,
        }];
    };
    let mut legs = Vec::new();
    let mut from = desk.running;
    let mut java = last_java(&way.before);
    for (index, stop) in way.stops.iter().enumerate() {
        legs.push(Leg {
            kind,
            from,
            to: &stop.version,
            index,
            count: way.stops.len(),
            with_jump: &stop.with_jump,
            then: &stop.then,
            jump: Some(&stop.jump),
            java,
        });
        from = &stop.version;
        java = last_java(&stop.then).or_else(|| last_java(&stop.with_jump)).or(java);
    }
    legs
}

fn last_java(changes: &[Change]) -> Option<&str> {
    changes.iter().rfind(|change| change.part == Part::Java).map(|change| change.to.as_str())
}

/// What is changed below the running release before its first upgrade.
pub(super) fn before(desk: &Desk<'_>, way: &Way) -> Option<Section> {
    if way.before.is_empty() {
        return None;
    }
    let drafts = way.before.iter().map(|change| changed(desk, &way.from, change));
    Some(Section {
        kind: SectionKind::Production,
        stop: Some(way.from.clone()),
        title: format!("Production: below {}, before the first upgrade", way.from),
        intro: vec![Block::Text(format!(
            "{} runs on the old and on the new version of what is changed here; the next release does not run on the old \
             one. It may be done days before the upgrade, in an outage of its own.",
            way.from
        ))],
        steps: desk.finish_all(SectionKind::Production, Some(&way.from), drafts),
    })
}

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

fn joined(one: impl Into<Option<Estimate>>, other: impl Into<Option<Estimate>>) -> Option<Estimate> {
    match (one.into(), other.into()) {
        (Some(one), Some(other)) => Some(Estimate {
            time: one.time.saturating_add(other.time),
            ground: format!("{} {}, and {}", span(one.time), one.ground, other.ground),
        }),
        (one, other) => one.or(other),
    }
}

impl Desk<'_> {
    /// The releases whose programs are needed.
    pub(super) fn stops(&self) -> Vec<&ProductVersion> {
        match self.way {
            Ok(way) => way.stops.iter().map(|stop| &stop.version).collect(),
            Err(_) => vec![&self.target.version],
        }
    }

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
