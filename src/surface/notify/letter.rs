//! What a message says: for each instance and target how it stands now, and what happened.
//!
//! Messages that could not be delivered are folded into one: how it stands now, and in short what happened since.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::watch::{Change, Group, Turn};
use crate::board::{Board, TargetState};
use crate::channel::{Event, Level};

/// More is counted and not told.
pub(super) const MOST_ENTRIES: usize = 100;

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    /// By instance and target.
    pub(super) places: Vec<Place>,
    /// How much more happened than is told here.
    pub(super) left_out: usize,
    /// Messages before this one that nobody got.
    pub(super) lost: u32,
}

/// One instance and target; or the agent itself, when the instance is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) site: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) target: String,
    pub(super) requested: String,
    /// Of the target, or of the whole instance; empty when it is about neither.
    pub(super) verdict: String,
    pub(super) blockers: usize,
    pub(super) entries: Vec<Entry>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) event: Event,
    pub(super) alert: String,
    pub(super) level: Level,
    pub(super) check: String,
    pub(super) subject: String,
    pub(super) summary: String,
    pub(super) remedy: String,
    /// When it happened.
    pub(super) at: Timestamp,
    /// When it had begun, of what came and went.
    pub(super) began_at: Option<Timestamp>,
}

/// What happened, in the order it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// It is new.
    New,
    /// It was gone for a while and is there again.
    Again,
    /// It still stands.
    Still,
    /// It is over.
    Over,
    /// It is not watched any more.
    Unwatched,
    /// It came and went while nobody could be told.
    Passed,
}

impl What {
    /// Before what happened, in capitals.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Again => "AGAIN",
            Self::Still => "STILL",
            Self::Over => "OVER",
            Self::Unwatched => "NOT WATCHED",
            Self::Passed => "PASSED",
        }
    }

    /// Whether it stands now.
    pub(super) fn stands(self) -> bool {
        matches!(self, Self::New | Self::Again | Self::Still)
    }
}

impl Entry {
    pub(super) fn of(change: &Change) -> Option<Self> {
        let what = match change.turn {
            Turn::Began => What::New,
            Turn::Over => What::Over,
            Turn::Unwatched => What::Unwatched,
            Turn::Unwanted => return None,
        };
        let (key, standing) = (&change.key, &change.standing);
        Some(Self {
            what,
            event: standing.event,
            alert: key.alert.clone(),
            level: standing.level,
            check: key.check.clone(),
            subject: key.subject.clone(),
            summary: standing.summary.clone(),
            remedy: standing.remedy.clone(),
            at: change.at,
            began_at: None,
        })
    }

    fn is_about(&self, other: &Self) -> bool {
        (&self.alert, &self.check, &self.subject) == (&other.alert, &other.check, &other.subject)
    }

    /// What there is to say after something else happened to the same thing.
    fn then(self, later: Self) -> Self {
        use What::{Again, New, Over, Passed, Still, Unwatched};
        let what = match (self.what, later.what) {
            (New, Over | Unwatched) => Passed,
            (Over | Unwatched, New) | (Again, Still) => Again,
            (New, Still) => New,
            (_, what) => what,
        };
        let began_at = (what == Passed).then_some(self.began_at.unwrap_or(self.at));
        Self { what, began_at, ..later }
    }
}

impl Letter {
    /// One place with what happened there, as it stands on the board.
    pub(super) fn of(board: &Board, group: &Group, changes: &[Change]) -> Self {
        let mut place = Place::on(board, group);
        place.entries = changes.iter().filter_map(Entry::of).collect();
        if let Some(change) = changes.first().filter(|_| place.requested.is_empty()) {
            place.requested.clone_from(&change.standing.requested);
        }
        Self { places: vec![place], ..Self::default() }.bounded()
    }

    /// Both, the second after the first.
    pub(super) fn and_then(self, later: Self, board: &Board) -> Self {
        let mut places: BTreeMap<Group, Place> = BTreeMap::new();
        for place in self.places.into_iter().chain(later.places) {
            let group = (place.site.clone(), place.target.clone());
            match places.get_mut(&group) {
                None => drop(places.insert(group, place)),
                Some(there) => there.go_on(place),
            }
        }
        let renewed = places.into_iter().map(|(group, place)| {
            let now = Place::on(board, &group);
            // What is not on the board any more stays as it was when it was last seen.
            if now.verdict.is_empty() { place } else { Place { entries: place.entries, ..now } }
        });
        let left_out = self.left_out + later.left_out;
        Self { places: renewed.collect(), left_out, lost: self.lost.max(later.lost) }.bounded()
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.places.iter().all(|place| place.entries.is_empty()) && self.left_out == 0
    }

    /// The gravest first, and not more than people read.
    fn bounded(mut self) -> Self {
        for place in &mut self.places {
            place.drop_what_is_told_better();
            place.entries.sort_by(|a, b| {
                (a.what, std::cmp::Reverse(a.level), &a.check, &a.subject, &a.alert).cmp(&(
                    b.what,
                    std::cmp::Reverse(b.level),
                    &b.check,
                    &b.subject,
                    &b.alert,
                ))
            });
        }
        self.places.sort_by_key(|place| {
            (std::cmp::Reverse(place.weight()), place.site.clone(), place.target.clone())
        });
        // Each place may say something before any says all.
        let count: usize = self.places.iter().map(|place| place.entries.len()).sum();
        if count > MOST_ENTRIES {
            let each = (MOST_ENTRIES / self.places.len().max(1)).max(1);
            let mut room = MOST_ENTRIES;
            for place in &mut self.places {
                place.entries.truncate(each.min(room));
                room -= place.entries.len();
            }
            self.left_out += count - (MOST_ENTRIES - room);
        }
        self
    }

    /// Every entry that stands, with its place.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&Place, &Entry)> {
        let all = self.places.iter().flat_map(|place| place.entries.iter().map(move |entry| (place, entry)));
        all.filter(|(_, entry)| entry.what.stands())
    }

    /// What matters most of what stands now.
    pub(super) fn level(&self) -> Level {
        self.standing().map(|(_, entry)| entry.level).max().unwrap_or(Level::Info)
    }
}

impl Place {
    /// How a group stands on the board, without what happened.
    pub(super) fn on(board: &Board, (site, target): &Group) -> Self {
        let mut place = Self {
            site: site.clone(),
            product: String::new(),
            version: String::new(),
            target: target.clone(),
            requested: String::new(),
            verdict: String::new(),
            blockers: 0,
            entries: Vec::new(),
        };
        let Some(instance) = board.instances.iter().find(|instance| instance.name == *site) else {
            return place;
        };
        place.product = instance.product.to_string();
        place.version = instance.version.as_ref().map(ToString::to_string).unwrap_or_default();
        if target.is_empty() {
            instance.verdict().id().clone_into(&mut place.verdict);
        }
        for state in &instance.targets {
            match state {
                TargetState::Judged(judged) if judged.report.version.as_str() == target => {
                    judged.report.verdict.id().clone_into(&mut place.verdict);
                    place.requested = judged.report.requested.to_string();
                    let findings = judged.report.checks.iter().flat_map(|check| &check.findings);
                    let blockers = findings
                        .filter(|dated| dated.counts() && dated.finding.severity == Severity::Blocker);
                    place.blockers = blockers.count();
                }
                TargetState::Unresolved { requested, .. } if requested.to_string() == *target => {
                    Verdict::Unknown.id().clone_into(&mut place.verdict);
                    place.requested = requested.to_string();
                }
                TargetState::Judged(_) | TargetState::Unresolved { .. } => {}
            }
        }
        place
    }

    fn go_on(&mut self, later: Self) {
        for entry in later.entries {
            match self.entries.iter().position(|known| known.is_about(&entry)) {
                Some(place) => {
                    let known = self.entries.remove(place);
                    self.entries.insert(place, known.then(entry));
                }
                None => self.entries.push(entry),
            }
        }
    }

    /// "Within 30 days" is said by "within 14 days" already.
    fn drop_what_is_told_better(&mut self) {
        let soon: Vec<(What, String, String)> = self
            .entries
            .iter()
            .filter(|entry| entry.event == Event::WillBeBlocked && entry.level == Level::Critical)
            .map(|entry| (entry.what, entry.check.clone(), entry.subject.clone()))
            .collect();
        self.entries.retain(|entry| {
            let same = |(what, check, subject): &(What, String, String)| {
                (*what, check, subject) == (entry.what, &entry.check, &entry.subject)
            };
            let is_lesser = entry.event == Event::WillBeBlocked && entry.level != Level::Critical;
            !(is_lesser && soon.iter().any(same))
        });
    }

    fn weight(&self) -> (bool, Option<Level>) {
        let level = self.entries.iter().filter(|entry| entry.what.stands()).map(|entry| entry.level).max();
        (self.verdict == Verdict::Blocked.id(), level)
    }

    /// What it is about: `wiki 8.5.4 → 10.2.19`.
    pub(super) fn name(&self) -> String {
        if self.site.is_empty() {
            return "the agent".to_owned();
        }
        let from = if self.version.is_empty() {
            self.site.clone()
        } else {
            format!("{} {}", self.site, self.version)
        };
        if self.target.is_empty() { from } else { format!("{from} → {}", self.target) }
    }
}
