//! What is to be told, from what stands on the board and what was told last.
//!
//! Pure: it is given the time. What was told is kept in the store, so that a restart tells nothing twice and misses
//! nothing. A change must stand for a while before it is told; what comes and goes faster is never heard of. How long
//! it has stood already is not kept: after a restart that is counted anew.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::condition::{Absence, Seen, Standing, absence, hold_of};
use crate::board::Board;
use crate::channel::Channel;
use crate::store::ConditionKey;

/// Instance and target a change is told with.
pub(super) type Group = (String, String);

/// A condition that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) began_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) standing: Standing,
}

/// What happened to a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It began.
    Began,
    /// It is over.
    Over,
    /// It is not watched any more.
    Unwatched,
    /// The channel is not for it any more; nobody is told.
    Unwanted,
}

/// A change that stood long enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: ConditionKey,
    pub(super) turn: Turn,
    /// When it happened.
    pub(super) at: Timestamp,
    /// When it had stood long enough.
    pub(super) ripe_at: Timestamp,
    pub(super) standing: Standing,
}

/// Watches the board for one channel.
#[derive(Debug, Default)]
pub(super) struct Watch {
    pub(super) told: BTreeMap<ConditionKey, Known>,
    /// What stands and was not told, and since when.
    rising: BTreeMap<ConditionKey, (Timestamp, Standing)>,
    /// What was told and does not stand, since when and why.
    falling: BTreeMap<ConditionKey, (Timestamp, Turn)>,
    /// When something was last told of a group.
    last: BTreeMap<Group, Timestamp>,
}

impl Watch {
    pub(super) fn new(told: BTreeMap<ConditionKey, Known>) -> Self {
        Self { told, ..Self::default() }
    }

    /// Looks at a board.
    pub(super) fn look(&mut self, board: &Board, channel: &Channel, now: Timestamp) {
        let seen = Seen::of(board, channel, now).0;
        self.rising.retain(|key, _| seen.contains_key(key));
        for (key, standing) in &seen {
            if let Some(known) = self.told.get_mut(key).filter(|known| known.ended_at.is_none()) {
                self.falling.remove(key);
                // Other words for the same are no news, and better where they are said again. How its target was asked
                // for stays as it was told: to an Alertmanager it is part of which alert this is.
                let requested = std::mem::take(&mut known.standing.requested);
                known.standing = Standing { requested, ..standing.clone() };
            } else {
                let (since, _) = self.rising.remove(key).unwrap_or((now, standing.clone()));
                // A clock that was set back must not hold anything back for ever.
                self.rising.insert(key.clone(), (since.min(now), standing.clone()));
            }
        }
        for (key, known) in &self.told {
            if known.ended_at.is_some() || seen.contains_key(key) {
                continue;
            }
            let turn = match absence(board, channel, key, &known.standing) {
                Absence::Unclear => {
                    self.falling.remove(key);
                    continue;
                }
                Absence::Over => Turn::Over,
                Absence::Unwatched => Turn::Unwatched,
                Absence::Unwanted => Turn::Unwanted,
            };
            let entry = self.falling.entry(key.clone()).or_insert((now, turn));
            *entry = (entry.0.min(now), turn);
        }
        self.last.retain(|_, at| *at <= now && now.duration_since(*at) < channel.group_interval);
    }

    /// Every change that stands, with the moment from which it may be told.
    fn changes<'a>(&'a self, channel: &'a Channel) -> impl Iterator<Item = Change> + 'a {
        let rising = self
            .rising
            .iter()
            .map(move |(key, (since, standing))| (key, Turn::Began, *since, standing.clone()));
        let falling = self.falling.iter().filter_map(move |(key, (since, turn))| {
            Some((key, *turn, *since, self.told.get(key)?.standing.clone()))
        });
        rising.chain(falling).map(move |(key, turn, at, standing)| {
            let hold =
                if turn == Turn::Unwanted { SignedDuration::ZERO } else { hold_of(channel, standing.event) };
            // The end of what took long to be believed is believed sooner.
            let hold = if turn == Turn::Began { hold } else { hold.min(channel.hold) };
            Change { key: key.clone(), turn, at, ripe_at: at + hold, standing }
        })
    }

    /// What is to be told now, by group; and when to ask again if nothing changes until then.
    pub(super) fn due(
        &self,
        channel: &Channel,
        now: Timestamp,
    ) -> (BTreeMap<Group, Vec<Change>>, Option<Timestamp>) {
        let mut groups: BTreeMap<Group, Vec<Change>> = BTreeMap::new();
        for change in self.changes(channel) {
            let group = (change.key.instance.clone(), change.key.target.clone());
            groups.entry(group).or_default().push(change);
        }
        let mut next: Option<Timestamp> = None;
        groups.retain(|group, changes| {
            let Some(first) = changes.iter().map(|change| change.ripe_at).min() else { return false };
            let gathered = first + channel.group_wait;
            let rested = self.last.get(group).map(|last| *last + channel.group_interval);
            let due = rested.map_or(gathered, |rested| rested.max(gathered));
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                return false;
            }
            if let Some(later) = changes.iter().map(|change| change.ripe_at).filter(|at| *at > now).min() {
                next = Some(next.map_or(later, |next| next.min(later)));
            }
            changes.retain(|change| change.ripe_at <= now);
            !changes.is_empty()
        });
        (groups, next)
    }

    /// Takes in that changes were told, or will be by what was written down. `keeps_ends`: the receiver is told of
    /// each end by itself, and until then it is remembered.
    pub(super) fn tell(&mut self, changes: &[Change], keeps_ends: bool, now: Timestamp) {
        for change in changes {
            self.last.insert((change.key.instance.clone(), change.key.target.clone()), now);
            match change.turn {
                Turn::Began => {
                    self.rising.remove(&change.key);
                    let known =
                        Known { began_at: change.at, ended_at: None, standing: change.standing.clone() };
                    self.told.insert(change.key.clone(), known);
                }
                Turn::Over | Turn::Unwatched | Turn::Unwanted => {
                    self.falling.remove(&change.key);
                    match self.told.get_mut(&change.key) {
                        Some(known) if keeps_ends => known.ended_at = Some(change.at),
                        Some(_) | None => drop(self.told.remove(&change.key)),
                    }
                }
            }
        }
    }

    /// Whether something that is new will be told once it has stood a little longer.
    pub(super) fn is_ripening(&self, channel: &Channel, now: Timestamp) -> bool {
        let mut new =
            self.rising.values().filter(|(_, standing)| hold_of(channel, standing.event) <= channel.hold);
        new.any(|(since, _)| now.duration_since(*since) < channel.hold + channel.group_wait)
    }

    /// What was told and still stands.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&ConditionKey, &Known)> {
        self.told.iter().filter(|(_, known)| known.ended_at.is_none())
    }
}
