//! The upgrades of a way, each of which is done on staging first and in production then.

use super::desk::{Desk, Draft};
use super::parts::{Block, Estimate, Section, SectionKind};
use crate::catalog::Jump;
use crate::plan::way::{Change, Part, Way};
use crate::rules::clock::span;
use crate::version::ProductVersion;

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
    pub(super) fn is_first(&self) -> bool {
        self.index == 0
    }

    pub(super) fn is_last(&self) -> bool {
        self.index + 1 == self.count
    }

    pub(super) fn production(&self) -> bool {
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
pub(super) fn before(
    desk: &Desk<'_>,
    way: &Way,
    changed: impl Fn(&Desk<'_>, &ProductVersion, &Change) -> Draft,
) -> Option<Section> {
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

pub(super) fn joined(
    one: impl Into<Option<Estimate>>,
    other: impl Into<Option<Estimate>>,
) -> Option<Estimate> {
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
}
