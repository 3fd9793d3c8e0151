//! Taking in what was learned after the catalog was written, without ever making it worse.
//!
//! Releases, lines and cycles are added and dates are updated. Nothing is removed, and what a release needs is
//! never touched. An answer as a whole, and each entry of it, must be plausible beside what is known; what is
//! not is refused and said.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::{Catalog, Confidence, Cycle, EndOfLife, Platform, Release};
use crate::facts::{CycleSeen, PublicAnswer, Refresh, ReleaseSeen, Said, Topic};
use crate::version::{Line, ProductVersion};

/// Nothing that is watched is older.
const EARLIEST: Date = date(2000, 1, 1);

/// No vendor promises support for longer.
const MOST_YEARS_AHEAD: i64 = 20;

/// Support was never prolonged by more than this at once.
const MOST_YEARS_LATER: i64 = 10;

/// By how much lists kept elsewhere may differ about the day of a release.
const RELEASE_DAYS: i64 = 7;

/// How far the clocks and time zones of others may be ahead.
const DAYS_AHEAD: i64 = 2;

/// A release further ahead than so many majors is a slip or a joke.
const MOST_MAJORS_AHEAD: u32 = 2;

/// Longer answers are no lists of releases.
const MOST_ENTRIES: usize = 5000;

/// So many remarks are kept; the rest is counted.
const MOST_REMARKS: usize = 20;

/// A refreshed catalog, and what was not believed.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The catalog with all that is believed.
    pub catalog: Catalog,
    /// What was refused and why, as sentences without full stop; bounded.
    pub refused: Vec<String>,
}

impl Catalog {
    /// The same catalog with what was learned since, as far as it can be believed.
    #[must_use]
    pub fn refreshed(self, refresh: &Refresh) -> Refreshed {
        let mut remarks = Remarks::default();
        let mut catalog = self.clone();
        if refresh.product != self.product {
            remarks.push(format!(
                "what was learned is about {} and not about {}",
                refresh.product, self.product
            ));
            return Refreshed { catalog: self, refused: remarks.into_list() };
        }
        for (topic, learned) in &refresh.answers {
            if let Some(why) = self.refuses(topic, learned) {
                remarks.push(format!("{} is not believed: {why}", about(topic)));
                continue;
            }
            let mut taking = Taking { known: &self, about: about(topic), learned, remarks: &mut remarks };
            match (topic, &learned.said) {
                (Topic::Platform(id), Said::Cycles(cycles)) => {
                    if let Some(platform) = catalog.platforms.iter_mut().find(|known| known.id == *id) {
                        taking.cycles(platform, cycles);
                    }
                }
                (_, Said::Cycles(lines)) => taking.lines(&mut catalog, lines),
                (_, Said::Releases(releases)) => taking.releases(&mut catalog, releases),
            }
            if !matches!(topic, Topic::Platform(_)) {
                catalog.collected_on = catalog.collected_on.max(day_of(learned.learned_at));
            }
        }
        Refreshed { catalog, refused: remarks.into_list() }
    }

    /// The ids of the platforms whose cycles are known.
    pub fn platform_ids(&self) -> impl Iterator<Item = &str> {
        self.platforms.iter().map(|platform| platform.id.as_str())
    }

    /// Why an answer as a whole cannot be believed; `None` when its entries may be looked at.
    #[must_use]
    pub fn refuses(&self, topic: &Topic, learned: &PublicAnswer) -> Option<String> {
        let (count, known, found) = match (topic, &learned.said) {
            (Topic::Lines, Said::Cycles(lines)) => {
                let of = |release: &&Release| {
                    release.end_of_life.is_some_and(|end| end.confidence == Confidence::Confirmed)
                };
                let known: BTreeSet<Line> =
                    self.releases.iter().filter(of).map(|release| release.version.line()).collect();
                let seen: BTreeSet<Line> = lines.iter().filter_map(|line| line.name.parse().ok()).collect();
                (lines.len(), known.len(), known.intersection(&seen).count())
            }
            (Topic::Platform(id), Said::Cycles(cycles)) => {
                let Some(platform) = self.platforms.iter().find(|known| known.id == *id) else {
                    return Some("the catalog has no such platform".to_owned());
                };
                let seen: BTreeSet<&str> = cycles.iter().map(|cycle| cycle.name.as_str()).collect();
                let found =
                    platform.cycles.iter().filter(|known| seen.contains(known.cycle.as_str())).count();
                (cycles.len(), platform.cycles.len(), found)
            }
            (Topic::FeedCurrent, Said::Releases(releases)) => (releases.len(), 0, 0),
            (Topic::FeedArchived | Topic::Marketplace, Said::Releases(releases)) => {
                let seen: Vec<ProductVersion> = {
                    let mut seen: Vec<_> =
                        releases.iter().filter_map(|release| release.version.parse().ok()).collect();
                    seen.sort();
                    seen
                };
                let found = self.releases.iter().filter(|known| seen.binary_search(&known.version).is_ok());
                (releases.len(), self.releases.len(), found.count())
            }
            (Topic::Lines | Topic::Platform(_), Said::Releases(_))
            | (Topic::FeedArchived | Topic::FeedCurrent | Topic::Marketplace, Said::Cycles(_)) => {
                return Some("it says something else than it was asked for".to_owned());
            }
        };
        if count == 0 {
            return Some("it is empty".to_owned());
        }
        if count > MOST_ENTRIES {
            return Some(format!("it has more than {MOST_ENTRIES} entries"));
        }
        (found * 2 < known).then(|| format!("of {known} entries that are known it has only {found}"))
    }
}

/// An answer that is being taken in.
struct Taking<'a> {
    /// The catalog before anything was learned: what is plausible is measured by it.
    known: &'a Catalog,
    about: String,
    learned: &'a PublicAnswer,
    remarks: &'a mut Remarks,
}

impl Taking<'_> {
    fn lines(&mut self, catalog: &mut Catalog, lines: &[CycleSeen]) {
        let mut ends: BTreeMap<Line, (bool, Option<EndOfLife>)> = BTreeMap::new();
        for seen in lines {
            let Ok(line) = seen.name.parse::<Line>() else {
                self.refuse(&seen.name, "it is no feature line such as 9.2");
                continue;
            };
            if ends.contains_key(&line) {
                self.refuse(&seen.name, "it is listed twice");
                continue;
            }
            // Of a line whose beginning is impossible nothing is believed.
            if seen.released_on.is_some_and(|day| self.refuses_release_day(&seen.name, day)) {
                continue;
            }
            if let Some(newest) = &seen.newest {
                self.release(catalog, newest, Some(line));
            }
            let known = || self.known.releases.iter().filter(|release| release.version.line() == line);
            let ours = known().find_map(|release| release.end_of_life).map(|end| end.on);
            let begins = known().filter_map(|release| release.released_on).chain(seen.released_on).min();
            let end = seen.end_of_life.filter(|end| self.accepts_end(&seen.name, *end, ours, begins));
            let end = end.map(|on| EndOfLife { on, confidence: Confidence::Confirmed });
            ends.insert(line, (seen.long_term_support, end));
        }
        for release in &mut catalog.releases {
            if let Some((long_term_support, end)) = ends.get(&release.version.line()) {
                release.long_term_support |= long_term_support;
                release.end_of_life = self.newer_of(*end, release.end_of_life);
            }
        }
    }

    fn releases(&mut self, catalog: &mut Catalog, releases: &[ReleaseSeen]) {
        let mut days: BTreeMap<&str, Option<Date>> = BTreeMap::new();
        for seen in releases {
            // One release stands in a feed once for each of its packages, with the same day.
            match days.insert(&seen.version, seen.date) {
                None => self.release(catalog, seen, None),
                Some(before) if before == seen.date => {}
                Some(_) => self.refuse(&seen.version, "it is listed twice with different days"),
            }
        }
    }

    fn release(&mut self, catalog: &mut Catalog, seen: &ReleaseSeen, expected: Option<Line>) {
        let Ok(version) = seen.version.parse::<ProductVersion>() else {
            return self.refuse(&seen.version, "it is no version");
        };
        if !version.is_release() {
            return; // previews come and go, and are no targets
        }
        let line = version.line();
        if expected.is_some_and(|expected| expected != line) {
            return self.refuse(&seen.version, "it stands under a line it does not belong to");
        }
        if self.known.releases.first().is_some_and(|oldest| line < oldest.version.line()) {
            return; // older than anything the catalog speaks of
        }
        let newest = self.known.latest().map_or(0, |release| release.version.line().major);
        if line.major > newest + MOST_MAJORS_AHEAD {
            return self.refuse(&seen.version, "it is too far ahead of all releases that are known");
        }
        let day = seen.date.filter(|day| !self.refuses_release_day(&seen.version, *day));
        if seen.date.is_some() && day.is_none() {
            return;
        }
        match catalog.releases.binary_search_by(|known| known.version.cmp(&version)) {
            Ok(index) => {
                let Some(known) = catalog.releases.get_mut(index) else { return };
                match (known.released_on, day) {
                    (None, Some(day)) => known.released_on = Some(day),
                    (Some(ours), Some(day)) if days_between(ours, day).abs() > RELEASE_DAYS => {
                        self.refuse(&seen.version, &format!("its day {day} is far from {ours}, which stays"));
                    }
                    (_, _) => {}
                }
            }
            Err(index) => {
                let of_line = || catalog.releases.iter().filter(|known| known.version.line() == line);
                let is_new_line = !self.known.releases.iter().any(|known| known.version.line() == line);
                let long_term_support =
                    of_line().any(|known| known.long_term_support) || (is_new_line && seen.long_term_support);
                let end_of_life = of_line().find_map(|known| known.end_of_life);
                let release = Release {
                    version,
                    released_on: day,
                    build: None,
                    kernel: None,
                    long_term_support,
                    end_of_life,
                };
                catalog.releases.insert(index, release);
            }
        }
    }

    fn cycles(&mut self, platform: &mut Platform, cycles: &[CycleSeen]) {
        let known = platform.cycles.clone();
        let mut taken = BTreeSet::new();
        for seen in cycles {
            let sound = !seen.name.is_empty()
                && seen.name.len() <= 32
                && seen.name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_ ".contains(c))
                && seen.name.starts_with(|c: char| c.is_ascii_alphanumeric());
            if !sound {
                self.refuse(&seen.name, "it is no release cycle");
                continue;
            }
            if !taken.insert(seen.name.as_str()) {
                self.refuse(&seen.name, "it is listed twice");
                continue;
            }
            // Cycles older than anything that is watched are known, and true.
            let ours = known.iter().find(|known| known.cycle == seen.name);
            if ours.is_none() && seen.released_on.is_some_and(|day| self.is_out_of_range(day)) {
                self.refuse(&seen.name, "its first day is out of range");
                continue;
            }
            let mut accept = |day: Option<Date>, ours: Option<Date>| {
                day.filter(|day| self.accepts_end(&seen.name, *day, ours, seen.released_on))
            };
            let end_of_life = accept(seen.end_of_life, ours.and_then(|ours| ours.end_of_life));
            let extended_end = accept(seen.extended_end, ours.and_then(|ours| ours.extended_end));
            match platform.cycles.iter_mut().find(|known| known.cycle == seen.name) {
                Some(known) => {
                    known.end_of_life = self.newer_of(end_of_life, known.end_of_life);
                    known.extended_end = self.newer_of(extended_end, known.extended_end);
                }
                None => {
                    platform.cycles.push(Cycle { cycle: seen.name.clone(), end_of_life, extended_end });
                }
            }
        }
    }

    /// What was learned before the catalog was written only fills its gaps.
    fn newer_of<T>(&self, learned: Option<T>, ours: Option<T>) -> Option<T> {
        if day_of(self.learned.learned_at) < self.known.collected_on {
            ours.or(learned)
        } else {
            learned.or(ours)
        }
    }

    /// Says why when not.
    fn accepts_end(&mut self, name: &str, end: Date, ours: Option<Date>, begins: Option<Date>) -> bool {
        if ours == Some(end) {
            return true;
        }
        let why = if self.is_out_of_range(end) {
            format!("its end of support {end} is out of range")
        } else if begins.is_some_and(|begins| end < begins) {
            format!("its end of support {end} lies before its first release")
        } else {
            match ours {
                Some(ours) if end < years_from(ours, -1) => {
                    format!("its end of support {end} is more than a year before {ours}, which stays")
                }
                Some(ours) if end > years_from(ours, MOST_YEARS_LATER) => {
                    format!("its end of support {end} is many years after {ours}, which stays")
                }
                Some(_) | None => return true,
            }
        };
        self.refuse(name, &why);
        false
    }

    fn refuses_release_day(&mut self, name: &str, day: Date) -> bool {
        let today = day_of(self.learned.learned_at);
        let refused = day < EARLIEST || days_between(today, day) > DAYS_AHEAD;
        if refused {
            self.refuse(name, &format!("its day {day} is out of range"));
        }
        refused
    }

    fn is_out_of_range(&self, day: Date) -> bool {
        day < EARLIEST || day > years_from(day_of(self.learned.learned_at), MOST_YEARS_AHEAD)
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.remarks.push(format!("{}: {:?} is not believed: {why}", self.about, shown(name)));
    }
}

/// What was refused, with an end.
#[derive(Default)]
struct Remarks {
    list: Vec<String>,
    more: usize,
}

impl Remarks {
    fn push(&mut self, remark: String) {
        if self.list.len() < MOST_REMARKS {
            self.list.push(remark);
        } else {
            self.more += 1;
        }
    }

    fn into_list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.list.push(format!("and {} more", self.more));
        }
        self.list
    }
}

fn about(topic: &Topic) -> String {
    match topic {
        Topic::FeedArchived => "the vendor's feed of archived releases".to_owned(),
        Topic::FeedCurrent => "the vendor's feed of current releases".to_owned(),
        Topic::Lines => "the list of endoflife.date".to_owned(),
        Topic::Marketplace => "the marketplace's list of releases".to_owned(),
        Topic::Platform(id) => format!("the list of endoflife.date on {}", shown(id)),
    }
}

/// Text of strangers, short and without anything a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(40).collect()
}

fn day_of(moment: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(moment).date()
}

fn days_between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(i64::MAX, |span| i64::from(span.get_days()))
}

fn years_from(day: Date, years: i64) -> Date {
    day.saturating_add(Span::new().years(years))
}

#[cfg(test)]
mod tests;
