//! The hours of the week, and the quiet ones among them.

use std::cmp::Reverse;

use jiff::SignedDuration;

use crate::facts::{HourOfWeek, Traffic};
use crate::model::Plan;
use crate::rules::wording::counted;

const HOURS: usize = 168;

/// 1970 began on a Thursday.
const FIRST_HOUR: i64 = 3 * 24;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The hours of the week in UTC, as the logs show them.
#[derive(Debug)]
pub(super) struct Week<'a> {
    hours: &'a [HourOfWeek],
    minimum: u32,
    /// Requests of the busiest hour, on average.
    pub(super) peak: u64,
}

/// Some hours of the week one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// The first hour of the week in UTC.
    pub(super) start: usize,
    /// How many there are.
    pub(super) length: usize,
    /// Requests of its busiest hour, on average.
    pub(super) busiest: u64,
}

impl<'a> Week<'a> {
    /// The week, when any hour of it was seen often enough.
    pub(super) fn new(traffic: &'a Traffic, minimum: u32) -> Option<Self> {
        let mut week = Self { hours: &traffic.by_hour, minimum: minimum.max(1), peak: 0 };
        week.peak = (0..HOURS).filter_map(|slot| week.average(slot)).max()?;
        Some(week)
    }

    /// The hour of the week of an hour since 1970.
    pub(super) fn slot(hour: i64) -> usize {
        usize::try_from((hour + FIRST_HOUR).rem_euclid(168)).unwrap_or(0)
    }

    /// Requests of an hour on average, rounded up; `None` when it was not seen often enough.
    fn average(&self, slot: usize) -> Option<u64> {
        let hour = self.hours.get(slot % HOURS).filter(|hour| hour.seen >= self.minimum)?;
        Some(hour.requests.div_ceil(hour.seen.into()))
    }

    /// So many hours from one on; `None` when one of them was not seen often enough.
    pub(super) fn window(&self, start: usize, length: usize) -> Option<Window> {
        let length = length.clamp(1, HOURS);
        let busiest =
            (start..start + length).try_fold(0, |most, slot| Some(self.average(slot)?.max(most)))?;
        Some(Window { start, length, busiest })
    }

    /// The quietest times of this length, on different days where there are such, without a common hour.
    ///
    /// Of two alike the one counts more that has more quiet hours behind it: an upgrade that takes longer disturbs
    /// nobody then.
    pub(super) fn quietest(&self, length: SignedDuration, most: usize) -> Vec<Window> {
        let hours = usize::try_from(length.as_secs().max(1).saturating_add(3599) / 3600).unwrap_or(HOURS);
        let mut windows: Vec<Window> = (0..HOURS).filter_map(|start| self.window(start, hours)).collect();
        windows
            .sort_by_cached_key(|window| (window.busiest, Reverse(self.quiet_behind(window)), window.start));
        let mut chosen: Vec<Window> = Vec::new();
        for on_another_day in [true, false] {
            for window in &windows {
                let fits = chosen.iter().all(|other| {
                    let same_day = other.start / 24 == window.start / 24;
                    !(other.overlaps(window) || on_another_day && same_day)
                });
                if fits && chosen.len() < most {
                    chosen.push(window.clone());
                }
            }
        }
        chosen
            .sort_by_cached_key(|window| (window.busiest, Reverse(self.quiet_behind(window)), window.start));
        chosen
    }

    /// Hours behind a window that are about as quiet.
    fn quiet_behind(&self, window: &Window) -> usize {
        let limit = window.busiest.saturating_add(self.peak / 10);
        let behind = window.start + window.length..window.start + HOURS;
        behind.take_while(|slot| self.average(*slot).is_some_and(|requests| requests <= limit)).count()
    }

    /// The busiest hour, in words.
    pub(super) fn peak_load(&self) -> String {
        format!("about {}", counted(rounded(self.peak), "request"))
    }
}

impl Window {
    fn overlaps(&self, other: &Self) -> bool {
        let ahead = (other.start + HOURS - self.start) % HOURS;
        ahead < self.length || HOURS - ahead < other.length
    }

    /// How busy it is, in words.
    pub(super) fn load(&self) -> String {
        format!("about {} in its busiest hour", counted(rounded(self.busiest), "request"))
    }

    /// When it is, on the operator's clock: `Saturday 22:00 to Sunday 02:00`.
    pub(super) fn name(&self, plan: &Plan) -> String {
        let shift = i64::from(plan.utc_offset_seconds / 60);
        let name = |slot: usize| {
            let minute = (i64::try_from(slot).unwrap_or(0) * 60 + shift).rem_euclid(7 * 24 * 60);
            let day = usize::try_from(minute / (24 * 60)).ok().and_then(|day| DAYS.get(day)).unwrap_or(&"");
            (*day, format!("{:02}:{:02}", minute / 60 % 24, minute % 60))
        };
        let ((day, from), (last, until)) = (name(self.start), name(self.start + self.length));
        if day == last {
            format!("{day} {from} to {until}")
        } else {
            format!("{day} {from} to {last} {until}")
        }
    }
}

/// Two digits of a number: more of them change from week to week when nothing has changed.
fn rounded(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 100 {
        unit *= 10;
    }
    (number / unit).saturating_mul(unit)
}
