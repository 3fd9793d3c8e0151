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

/// The file systems that will be full one day if they go on filling as they did, and when; by mount point.
#[must_use]
pub fn full_at(facts: &Snapshot) -> Vec<(&str, Timestamp)> {
    let Reading::Learned(disk) = &facts.disk else { return Vec::new() };
    let full = |shrinking: &Shrinking| {
        let filesystem = disk.facts.filesystems.get(shrinking.index)?;
        let days = i64::try_from(shrinking.free_bytes / shrinking.bytes_lost_a_day).ok()?;
        Some((filesystem.mount_point.as_str(), later(shrinking.measured_at, days)))
    };
    shrinking(facts).iter().filter_map(full).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{BackupKind, Memory, Source};
    use crate::golden::golden;

    const GIB: u64 = 1 << 30;

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    /// Daily points that end now; the golden disk has 400 GiB free.
    fn with_history(values: &[u64]) -> Snapshot {
        let mut facts = golden().facts;
        let days = values.len();
        let point = |(number, value): (usize, &u64)| Point {
            at: facts.taken_at - hours(i64::try_from(days - 1 - number).unwrap() * 24),
            value: *value,
        };
        let points = values.iter().enumerate().map(point).collect();
        facts.memory = Memory {
            trends: vec![Trend { of: TrendOf::FreeBytes("/".into()), points }],
            ..Memory::default()
        };
        facts
    }

    fn free_after(facts: &Snapshot, days: i64) -> u64 {
        project(facts, later(facts.taken_at, days)).disk().unwrap().filesystems[0].free_bytes / GIB
    }

    /// `days` values that fall by a gibibyte a day to 400 GiB.
    fn falling(days: u64) -> Vec<u64> {
        (0..days).map(|day| (400 + days - 1 - day) * GIB).collect()
    }

    #[test]
    fn a_disk_that_fills_is_full_one_day() {
        let facts = with_history(&falling(20));
        assert_eq!(
            [0, 1, 100, 399, 400, 1000].map(|days| free_after(&facts, days)),
            [400, 399, 300, 1, 0, 0]
        );
        assert_eq!(free_after(&facts, -5), 400, "nothing is known of the past");
        assert_eq!(full_at(&facts), [("/", later(facts.taken_at, 400))]);
        assert!(full_at(&with_history(&falling(7))).is_empty());
        let mut outliers = falling(20);
        (outliers[3], outliers[9], outliers[15]) = (GIB, 900 * GIB, 0);
        assert!(
            (299..=301).contains(&free_after(&with_history(&outliers), 100)),
            "a few strange days move nothing"
        );
    }

    #[test]
    fn without_a_direction_nothing_moves() {
        let sawtooth: Vec<u64> = (0..30).map(|day| (400 - day % 7 * 10) * GIB).collect();
        let growing: Vec<u64> = falling(20).into_iter().rev().collect();
        let enlarged: Vec<u64> =
            (0..20).map(|day| if day < 10 { 100 - day } else { 500 - day } * GIB).collect();
        let noise: Vec<u64> = [3, 9, 1, 7, 2, 8, 5, 4, 6, 3, 9, 1].map(|value| (400 + value) * GIB).to_vec();
        for (name, values) in [
            ("none", Vec::new()),
            ("seven days", falling(7)),
            ("cleared every week", sawtooth),
            ("growing", growing),
            ("still", vec![400 * GIB; 20]),
            ("enlarged in the middle", enlarged),
            ("noise", noise),
        ] {
            assert_eq!(free_after(&with_history(&values), 365), 400, "{name}");
        }
        assert_ne!(
            free_after(&with_history(&falling(8)), 365),
            400,
            "eight points over seven days are enough"
        );
    }

    #[test]
    fn a_history_from_hell_moves_nothing_or_what_it_should() {
        let mut old = with_history(&falling(20));
        for point in &mut old.memory.trends[0].points {
            point.at -= hours(8 * 24);
        }
        assert_eq!(free_after(&old, 100), 400, "the agent was off for a week");
        let mut future = with_history(&falling(20));
        for point in &mut future.memory.trends[0].points {
            point.at += hours(1000 * 24);
        }
        assert_eq!(free_after(&future, 100), 400, "the clock was set back");
        let mut close = with_history(&falling(20));
        for (minute, point) in (0..).zip(&mut close.memory.trends[0].points) {
            point.at = close.taken_at - SignedDuration::from_mins(minute);
        }
        assert_eq!(free_after(&close, 100), 400, "twenty minutes are no history");
        let mut same = with_history(&falling(20));
        for point in &mut same.memory.trends[0].points {
            point.at = same.taken_at;
        }
        assert_eq!(free_after(&same, 100), 400);
        let mut mixed = with_history(&falling(20));
        mixed.memory.trends[0].points.reverse();
        assert_eq!(free_after(&mixed, 100), 300, "the order does not matter");
        let huge: Vec<u64> = (0..20).map(|day| if day % 2 == 0 { u64::MAX } else { 0 }).collect();
        assert_eq!(free_after(&with_history(&huge), 100), 400);
        let cliff: Vec<u64> = (0..20).map(|day| u64::MAX - day * (u64::MAX / 20)).collect();
        assert_eq!(free_after(&with_history(&cliff), 1), 0);
        let mut elsewhere = with_history(&falling(20));
        elsewhere.memory.trends[0].of = TrendOf::FreeBytes("/gone".into());
        assert_eq!(free_after(&elsewhere, 100), 400);
        assert_eq!(project(&old, Timestamp::MAX).disk().unwrap().filesystems[0].free_bytes, 400 * GIB);
        assert_eq!(
            project(&with_history(&falling(20)), Timestamp::MAX).disk().unwrap().filesystems[0].free_bytes,
            0
        );
    }

    /// The golden facts with database backups that are so many hours old, and nothing else that moves.
    fn with_backups(ages: &[i64]) -> Snapshot {
        let mut facts = golden().facts;
        facts.switch_off(Source::Rehearsal);
        facts.switch_off(Source::Traffic);
        let now = facts.taken_at;
        if let Reading::Learned(backups) = &mut facts.backups {
            backups.facts.sets.retain(|set| set.kind == BackupKind::Database);
            let Field::Read(list) = &mut backups.facts.sets[0].backups else { panic!() };
            let one = list[0].clone();
            *list = ages.iter().map(|age| Backup { finished_at: now - hours(*age), ..one.clone() }).collect();
        }
        facts
    }

    /// The age of the newest backup in hours, so many days later.
    fn newest_after(facts: &Snapshot, days: i64) -> i64 {
        let then = later(facts.taken_at, days);
        let later = project(facts, then);
        let set = later.backups().unwrap().set(BackupKind::Database).unwrap();
        let Field::Read(list) = &set.backups else { panic!() };
        then.duration_since(list[0].finished_at).as_hours()
    }

    #[test]
    fn backups_that_came_regularly_go_on_and_others_age() {
        let rows: [(&str, &[i64], [i64; 4]); 10] = [
            ("daily", &[15, 39, 63, 87], [15, 15, 15, 15]),
            ("daily, one night was missed", &[15, 39, 87, 111, 135], [15, 15, 15, 15]),
            ("weekly", &[15, 183, 351, 519], [15, 39, 15 + 72, 15]),
            ("several a day", &[3, 9, 15, 21, 27], [3, 3, 3, 3]),
            ("several files a night are one run", &[15, 15, 39, 39, 63, 63], [15, 39, 15 + 72, 15 + 168]),
            ("two intervals are no rhythm", &[15, 39, 63], [15, 39, 15 + 72, 15 + 168]),
            ("one", &[15], [15, 39, 15 + 72, 15 + 168]),
            ("they have ceased", &[63, 87, 111, 135], [63, 87, 63 + 72, 63 + 168]),
            ("late, but not more than twice as late", &[48, 72, 96, 120], [0, 0, 0, 0]),
            ("from the future", &[-30, -54, -78, -102], [-30, -6, 42, 138]),
        ];
        for (name, ages, expected) in rows {
            let facts = with_backups(ages);
            assert_eq!([0, 1, 3, 7].map(|days| newest_after(&facts, days)), expected, "{name}");
        }
        assert!(matches!(project(&with_backups(&[15]), Timestamp::MAX), Cow::Borrowed(_)));
        assert!(Projection::of(&with_backups(&[])).expected_backups().is_empty());
    }

    #[test]
    fn a_backup_that_is_being_written_makes_no_rhythm() {
        let mut facts = with_backups(&[15, 39, 63, 87]);
        if let Reading::Learned(backups) = &mut facts.backups {
            let Field::Read(list) = &mut backups.facts.sets[0].backups else { panic!() };
            list[1].being_written = true;
        }
        assert_eq!(newest_after(&facts, 7), 15 + 168);
    }

    #[test]
    fn the_next_two_runs_are_expected() {
        let facts = with_backups(&[15, 183, 351, 519]);
        let expected = Projection::of(&facts).expected_backups();
        let ahead = expected.iter().map(|at| at.duration_since(facts.taken_at).as_hours());
        assert_eq!(ahead.collect::<Vec<_>>(), [168 - 15, 336 - 15]);
    }

    #[test]
    fn what_somebody_renews_stays_new_and_nothing_grows_stale() {
        let facts = golden().facts;
        let then = later(facts.taken_at, 200);
        let projected = project(&facts, then);
        for source in Source::ALL {
            assert_eq!(projected.state(source), facts.state(source), "{source}");
        }
        assert_eq!(projected.taken_at, facts.taken_at);
        let age = |at: Timestamp| then.duration_since(at).as_hours() / 24;
        let staging = projected.rehearsal().unwrap().staging.as_ref().unwrap();
        assert_eq!(age(staging.written_at), 0);
        assert_eq!(age(staging.profile.version_since.unwrap()), 210, "the rehearsal itself grows old");
        let traffic = projected.traffic().unwrap();
        assert_eq!((age(traffic.first.unwrap()), age(traffic.last.unwrap())), (28, 0));
        let proof = projected.backups().unwrap().restore.value().unwrap().as_ref().unwrap();
        assert_eq!(age(proof.restored_at), 200, "a proof grows old");
    }

    #[test]
    fn it_can_be_moved_back_and_forth() {
        let facts = with_history(&falling(20));
        let mut projection = Projection::of(&facts);
        for days in [300, 10, 300, 0, 25] {
            let then = later(facts.taken_at, days);
            assert_eq!(projection.at(then), project(&facts, then).as_ref());
        }
    }
}
