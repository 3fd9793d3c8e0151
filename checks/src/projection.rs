//! Facts as they will be on a later day if everything goes on as it did.
//!
//! Only what has shown how it moves is moved: free space of file systems with a history, backups that came
//! regularly, and records that somebody renews all the time. Licences, ends of support and people's words follow
//! from the time alone. `taken_at` and the times of collection stay: nothing grows stale by looking ahead.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use crate::facts::{Backup, BackupSet, Field, Point, Reading, Snapshot, Trend, TrendOf};

/// Points of a trend that are looked at: the newest ones. What was before, say before a disk was enlarged, is over.
const MOST_POINTS: usize = 30;

/// Fewer points say nothing.
const FEWEST_POINTS: usize = 8;

/// A shorter time says nothing: weeks have a rhythm.
const SHORTEST_HISTORY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Of each hundred pairs of points, as many must agree on the direction; a disk that is filled and cleared in turns
/// has no direction.
const AGREEING_PERCENT: usize = 80;

/// A history that ended longer ago is over.
const NEWEST_POINT_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Backups that are finished closer to each other belong to the same run.
const SAME_RUN: SignedDuration = SignedDuration::from_hours(1);

/// Fewer intervals between runs are no rhythm.
const FEWEST_INTERVALS: usize = 3;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The facts as they will be at a later moment; the same facts when nothing is known to move.
#[must_use]
pub fn project(facts: &Snapshot, until: Timestamp) -> Cow<'_, Snapshot> {
    let mut projection = Projection::of(facts);
    projection.move_to(until);
    match projection.moved {
        Some(moved) => Cow::Owned(*moved),
        None => Cow::Borrowed(facts),
    }
}

/// Facts of one instance that can be moved to any later moment, again and again.
#[derive(Debug)]
pub struct Projection<'a> {
    facts: &'a Snapshot,
    /// The facts that are moved; `None` while nothing is known to move.
    moved: Option<Box<Snapshot>>,
    disks: Vec<Shrinking>,
    backups: Vec<Rhythm>,
    at: Option<Timestamp>,
}

/// A file system that fills.
#[derive(Debug)]
struct Shrinking {
    /// Its place among the file systems.
    index: usize,
    free_bytes: u64,
    measured_at: Timestamp,
    bytes_lost_a_day: u64,
}

/// Backups that come regularly.
#[derive(Debug)]
struct Rhythm {
    /// Their place among the sets.
    index: usize,
    newest: Timestamp,
    every_days: i64,
}

impl<'a> Projection<'a> {
    /// Finds out what of these facts moves.
    #[must_use]
    pub fn of(facts: &'a Snapshot) -> Self {
        let disks = shrinking(facts);
        let backups = rhythms(facts);
        let renewed = matches!(&facts.rehearsal, Reading::Learned(learned) if learned.facts.staging.is_some())
            || matches!(&facts.traffic, Reading::Learned(learned) if learned.facts.last.is_some());
        let moves = renewed || !disks.is_empty() || !backups.is_empty();
        Self { facts, moved: moves.then(|| Box::new(facts.clone())), disks, backups, at: None }
    }

    /// The facts as they will be at a moment; before `taken_at` they are as they are.
    pub fn at(&mut self, until: Timestamp) -> &Snapshot {
        self.move_to(until);
        self.moved.as_deref().unwrap_or(self.facts)
    }

    /// Days, counted from when the facts were taken, on which a backup that comes regularly is expected for the
    /// first and the second time. After that it goes on in the same way.
    pub(crate) fn expected_backups(&self) -> Vec<Timestamp> {
        let expected = |rhythm: &Rhythm| {
            let runs = whole_days(self.facts.taken_at.duration_since(rhythm.newest)) / rhythm.every_days + 1;
            [runs, runs + 1].map(|run| later(rhythm.newest, run * rhythm.every_days))
        };
        self.backups.iter().flat_map(expected).collect()
    }

    fn move_to(&mut self, until: Timestamp) {
        let Some(moved) = self.moved.as_deref_mut().filter(|_| self.at != Some(until)) else { return };
        self.at = Some(until);
        if let Reading::Learned(disk) = &mut moved.disk {
            for shrinking in &self.disks {
                if let Some(filesystem) = disk.facts.filesystems.get_mut(shrinking.index) {
                    filesystem.free_bytes = shrinking.free_at(until);
                }
            }
        }
        if let (Reading::Learned(moved), Reading::Learned(original)) =
            (&mut moved.backups, &self.facts.backups)
        {
            for rhythm in &self.backups {
                let sets = (moved.facts.sets.get_mut(rhythm.index), original.facts.sets.get(rhythm.index));
                if let (Some(moved), Some(original)) = sets {
                    rhythm.move_to(until, moved, original);
                }
            }
        }
        let ahead = until.duration_since(self.facts.taken_at).max(SignedDuration::ZERO);
        if let (Reading::Learned(moved), Reading::Learned(original)) =
            (&mut moved.rehearsal, &self.facts.rehearsal)
            && let (Some(moved), Some(original)) = (&mut moved.facts.staging, &original.facts.staging)
        {
            // The agent beside the staging instance goes on writing its state; the rehearsal itself grows old.
            moved.written_at = after(original.written_at, ahead);
        }
        if let (Reading::Learned(moved), Reading::Learned(original)) =
            (&mut moved.traffic, &self.facts.traffic)
        {
            moved.facts.first = original.facts.first.map(|first| after(first, ahead));
            moved.facts.last = original.facts.last.map(|last| after(last, ahead));
        }
    }
}

impl Shrinking {
    fn free_at(&self, until: Timestamp) -> u64 {
        let seconds = until.duration_since(self.measured_at).as_secs().max(0);
        let lost = i128::from(self.bytes_lost_a_day) * i128::from(seconds) / i128::from(DAY_SECONDS);
        self.free_bytes.saturating_sub(u64::try_from(lost).unwrap_or(u64::MAX))
    }
}

impl Rhythm {
    fn move_to(&self, until: Timestamp, moved: &mut BackupSet, original: &BackupSet) {
        let (Field::Read(moved), Field::Read(original)) = (&mut moved.backups, &original.backups) else {
            return;
        };
        let runs = whole_days(until.duration_since(self.newest)).max(0) / self.every_days;
        for (moved, original) in moved.iter_mut().zip(original) {
            moved.finished_at = later(original.finished_at, runs * self.every_days);
        }
    }
}

/// File systems that fill, as far as their history tells.
fn shrinking(facts: &Snapshot) -> Vec<Shrinking> {
    let Reading::Learned(disk) = &facts.disk else { return Vec::new() };
    let of = |(index, filesystem): (usize, &crate::facts::FileSystem)| {
        let trend = facts.memory.trend(&TrendOf::FreeBytes(filesystem.mount_point.clone()))?;
        let bytes_lost_a_day =
            u64::try_from(-slope_a_day(trend, facts.taken_at)?).ok().filter(|lost| *lost > 0)?;
        Some(Shrinking {
            index,
            free_bytes: filesystem.free_bytes,
            measured_at: disk.collected_at,
            bytes_lost_a_day,
        })
    };
    disk.facts.filesystems.iter().enumerate().filter_map(of).collect()
}

/// By how much a figure grows a day: the median of the slopes between all pairs of points (Theil and Sen), which a
/// few strange days do not move. `None` when the history is too short, too old, or has no direction.
fn slope_a_day(trend: &Trend, taken_at: Timestamp) -> Option<i128> {
    let mut points: Vec<Point> = trend.points.iter().copied().filter(|point| point.at <= taken_at).collect();
    points.sort_by_key(|point| point.at);
    let points = points.split_off(points.len().saturating_sub(MOST_POINTS));
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < FEWEST_POINTS
        || last.at.duration_since(first.at) < SHORTEST_HISTORY
        || taken_at.duration_since(last.at) > NEWEST_POINT_WITHIN
    {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (number, from) in points.iter().enumerate() {
        for to in points.iter().skip(number + 1) {
            let seconds = i128::from(to.at.duration_since(from.at).as_secs());
            if seconds > 0 {
                slopes.push(
                    (i128::from(to.value) - i128::from(from.value)) * i128::from(DAY_SECONDS) / seconds,
                );
            }
        }
    }
    let middle = slopes.len() / 2;
    let (_, median, _) = slopes.get(middle).is_some().then(|| slopes.select_nth_unstable(middle))?;
    let median = *median;
    let agreeing = slopes.iter().filter(|slope| slope.signum() == median.signum()).count();
    (agreeing * 100 >= slopes.len() * AGREEING_PERCENT).then_some(median)
}

/// The backups that come regularly.
fn rhythms(facts: &Snapshot) -> Vec<Rhythm> {
    let Reading::Learned(backups) = &facts.backups else { return Vec::new() };
    let of = |(index, set): (usize, &BackupSet)| {
        let (newest, every_days) = rhythm(set.backups.value()?, facts.taken_at)?;
        Some(Rhythm { index, newest, every_days })
    };
    backups.facts.sets.iter().enumerate().filter_map(of).collect()
}

/// When the newest backup was finished, and how many days pass between two of them.
///
/// Whole days: people and schedulers count in days, and a drift of minutes must not add up over a year. Several
/// backups a day count as one a day. `None` when they have not come regularly, or have ceased to.
fn rhythm(backups: &[Backup], taken_at: Timestamp) -> Option<(Timestamp, i64)> {
    let mut finished: Vec<Timestamp> = backups
        .iter()
        .filter(|backup| !backup.being_written && backup.finished_at <= taken_at)
        .map(|backup| backup.finished_at)
        .collect();
    finished.sort_unstable();
    finished.dedup_by(|later, kept| later.duration_since(*kept) < SAME_RUN);
    let newest = *finished.last()?;
    let mut intervals: Vec<i64> = finished
        .iter()
        .zip(finished.iter().skip(1))
        .map(|(from, to)| to.duration_since(*from).as_secs())
        .collect();
    if intervals.len() < FEWEST_INTERVALS {
        return None;
    }
    intervals.sort_unstable();
    let median = *intervals.get(intervals.len() / 2)?;
    if taken_at.duration_since(newest).as_secs() > 2 * median {
        return None;
    }
    Some((newest, ((median + DAY_SECONDS / 2) / DAY_SECONDS).max(1)))
}

fn whole_days(time: SignedDuration) -> i64 {
    time.as_secs() / DAY_SECONDS
}

fn later(at: Timestamp, days: i64) -> Timestamp {
    after(at, SignedDuration::from_secs(days.saturating_mul(DAY_SECONDS)))
}

fn after(at: Timestamp, time: SignedDuration) -> Timestamp {
    at.checked_add(time).unwrap_or(Timestamp::MAX)
}
