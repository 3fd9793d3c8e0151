//! Which release to choose: of those the licence allows the one that is supported longest, then the one with the
//! fewest blockers and the fewest open plug-ins. A large instance, and one whose operator asks for it, is led to
//! long-term support lines.

use std::cmp::Reverse;

use jiff::civil::Date;

use super::OfferedRelease;
use super::reach::{LicenseReach, WhichLicense};
use crate::facts::{Family, Snapshot};
use crate::model::Verdict;
use crate::report::Judge;
use crate::rules::Rolling;
use crate::version::ProductVersion;

/// The release to choose, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recommendation {
    /// The release; `None` when none can be recommended.
    pub version: Option<ProductVersion>,
    /// Why it, or why none, as sentences without their full stop.
    pub reasons: Vec<String>,
    /// What is still to be done or looked up before it, in the same form.
    pub open: Vec<String>,
    /// Others one may think of, and why not those, in the same form.
    pub others: Vec<String>,
}

impl Recommendation {
    /// The release to choose, or why there is none as a sentence without its full stop.
    pub fn release(&self) -> Result<&ProductVersion, String> {
        self.version.as_ref().ok_or_else(|| self.reasons.join("; "))
    }
}

/// Why this instance is large, when it is.
pub(super) fn large(facts: &Snapshot, judge: &Judge<'_>) -> Option<String> {
    let application = facts.application().ok()?;
    if let Some(Some(cluster)) = application.nodes.value() {
        return Some(format!("a cluster of {}", counted(cluster.nodes.len(), "node")));
    }
    let users = application.users.value()?.users;
    (users >= judge.policy.large_instance_users).then(|| format!("{users} users"))
}

/// The day on which the release has to be supported.
fn day(judge: &Judge<'_>) -> Date {
    let today = jiff::tz::TimeZone::UTC.to_datetime(judge.now).date();
    judge.plan.day.map_or(today, |planned| planned.max(today))
}

pub(super) fn choose(
    judge: Judge<'_>,
    facts: &Snapshot,
    releases: &[OfferedRelease],
    licenses: &[LicenseReach],
) -> Recommendation {
    let day = day(&judge);
    if releases.is_empty() {
        let reasons = vec![format!(
            "the catalog of {} knows of no release newer than the running one",
            judge.catalog.collected_on
        )];
        return Recommendation { reasons, ..Recommendation::default() };
    }
    let large = large(facts, &judge);
    let long_term = judge.policy.prefer_long_term_support || large.is_some();
    let allowed = |release: &&OfferedRelease| release.licensed != Some(false);
    let best_of = |candidates: &mut dyn Iterator<Item = &'_ OfferedRelease>| {
        candidates.max_by_key(|release| rank(release, day, long_term)).cloned()
    };
    let Some(best) = best_of(&mut releases.iter().filter(allowed)) else {
        return none_allowed(judge, licenses, best_of(&mut releases.iter()));
    };
    let best = &best;
    Recommendation {
        version: Some(best.version.clone()),
        reasons: reasons(best, releases, day, &judge, large.as_deref()),
        open: open(best, day, &judge),
        others: others(best, releases, day),
    }
}

/// What to do when the licence in force allows nothing.
fn none_allowed(judge: Judge<'_>, licenses: &[LicenseReach], best: Option<OfferedRelease>) -> Recommendation {
    let when = judge.plan.day.map_or_else(String::new, |day| format!(" on the planned day, {day}"));
    let waiting = licenses.iter().find_map(|reach| match (&reach.which, &reach.newest) {
        (WhichLicense::AtHand(place), Some((newest, _))) => Some((place, newest)),
        (WhichLicense::AtHand(_) | WhichLicense::InForce, _) => None,
    });
    let mut open = vec![match waiting {
        Some((place, newest)) => {
            format!("enter the licence that waits in {place}: it permits releases up to {newest}")
        }
        None => {
            "enter a licence that allows one; `agent license FILE` tells what a licence allows".to_owned()
        }
    }];
    open.extend(best.map(|best| {
        let until =
            best.supported_until.map_or_else(String::new, |(until, _)| format!(", supported until {until}"));
        format!("if licences did not matter, it would be {}{until}", best.version)
    }));
    Recommendation {
        reasons: vec![format!("the licence in force allows no newer release{when}")],
        open,
        ..Recommendation::default()
    }
}

/// The greater is the better one; the first part that differs decides.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    supported: bool,
    long_term: bool,
    until: Option<Date>,
    blockers: Reverse<usize>,
    plugins: Reverse<u64>,
    version: &'a ProductVersion,
}

fn rank(release: &OfferedRelease, day: Date, long_term: bool) -> Rank<'_> {
    let until = release.supported_until.map(|(until, _)| until);
    Rank {
        supported: until.is_some_and(|until| until > day),
        long_term: long_term && release.long_term_support,
        until,
        blockers: Reverse(release.blockers.len()),
        // Where nobody was asked, no more is open than where everything is.
        plugins: Reverse(release.plugins_open().unwrap_or(u64::MAX)),
        version: &release.version,
    }
}

fn reasons(
    best: &OfferedRelease,
    releases: &[OfferedRelease],
    day: Date,
    judge: &Judge<'_>,
    large: Option<&str>,
) -> Vec<String> {
    let mut reasons = Vec::new();
    // Products on Carbon have no licence that could decide.
    match (best.licensed, judge.catalog.product.family()) {
        (Some(_), _) => reasons.push("the licence in force allows it".to_owned()),
        (None, Family::Confluence) => reasons.push("no licence is known to forbid it".to_owned()),
        (None, Family::Carbon) => {}
    }
    if best.long_term_support {
        reasons.push(match (judge.policy.prefer_long_term_support, large) {
            (true, _) => {
                "it is a long-term support release, as asked for (prefer_long_term_support)".to_owned()
            }
            (false, Some(size)) => {
                format!("it is a long-term support release, which suits a large instance ({size})")
            }
            (false, None) => "it is a long-term support release".to_owned(),
        });
    }
    match best.supported_until {
        Some((until, _)) if until > day => {
            let longest = releases
                .iter()
                .filter(|release| release.line() != best.line() && release.licensed != Some(false))
                .filter_map(|release| release.supported_until)
                .max();
            let beside = match longest {
                Some((other, _)) if other < until => format!(", longer than any other line (until {other})"),
                Some((other, _)) if other > until => format!("; another line is supported until {other}"),
                Some(_) | None => String::new(),
            };
            reasons.push(format!("it is supported until {until}{beside}"));
        }
        Some((until, _)) => reasons.push(format!(
            "its support ends on {until}, and no release that is allowed is known to be supported longer"
        )),
        None => reasons
            .push("until when it is supported is not known, as of every release that is allowed".to_owned()),
    }
    let in_line: Vec<&OfferedRelease> =
        releases.iter().filter(|release| release.line() == best.line()).collect();
    match in_line.first() {
        Some(newest) if newest.version == best.version => {
            reasons.push(format!("it is the newest release of {}", best.line()));
        }
        Some(newest) if newest.licensed == Some(false) => {
            reasons.push(format!("the newer {} is not allowed by the licence in force", newest.version));
        }
        Some(newest) => {
            let blockers = counted(newest.blockers.len(), "blocker");
            let plugins = match judge.catalog.product.family() {
                Family::Confluence => format!(" and {}", open_plugins(newest)),
                Family::Carbon => String::new(),
            };
            reasons.push(format!("the newer {} has {blockers}{plugins}", newest.version));
        }
        None => {}
    }
    if best.blockers.is_empty() {
        reasons.push("nothing blocks it today".to_owned());
    }
    if let Some(counts) = best.plugins
        && best.plugins_open() == Some(0)
    {
        let all = counts.compatible + counts.update_before + counts.update_after;
        reasons.push(format!("every plug-in has a version for it ({all})"));
    }
    if matches!(best.rolling, Rolling::Possible(_)) {
        reasons.push("it can be reached while the site stays up".to_owned());
    }
    reasons
}

fn open_plugins(release: &OfferedRelease) -> String {
    release.plugins_open().map_or_else(
        || "unknown plug-ins".to_owned(),
        |open| counted(usize::try_from(open).unwrap_or(0), "open plug-in"),
    )
}

fn open(best: &OfferedRelease, day: Date, judge: &Judge<'_>) -> Vec<String> {
    let support_warn_days = judge.policy.support_warn_days;
    let mut open = Vec::new();
    if let Some((until, _)) = best.supported_until
        && i64::from((until - day).get_days()) <= i64::from(support_warn_days)
    {
        open.push(format!("its support ends on {until}: the next upgrade has to be planned with this one"));
    }
    if !best.blockers.is_empty() {
        let list: Vec<String> =
            best.blockers.iter().map(|(check, subject)| format!("{check} ({subject})")).collect();
        open.push(format!("{} to be solved: {}", counted(list.len(), "blocker"), list.join(", ")));
    }
    if let Some(blocks) = &best.blocks {
        open.push(format!(
            "it will be blocked from {} if nobody acts: {} ({})",
            blocks.day, blocks.check, blocks.subject
        ));
    }
    if best.verdict == Verdict::Unknown || best.unknown > 0 {
        open.push(format!("{} could not tell", counted(best.unknown, "check")));
    }
    match best.plugins {
        // Nobody can be asked about the bundles of a product on Carbon.
        None if judge.catalog.product.family() == Family::Carbon => {}
        None => open.push("nobody was asked about the plug-ins for it yet".to_owned()),
        Some(counts) if counts.incompatible + counts.unknown > 0 => open.push(format!(
            "plug-ins without a version for it: {}; of which nobody says anything: {}",
            counts.incompatible, counts.unknown
        )),
        Some(_) => {}
    }
    open
}

/// The newest of all, the next line, and the best long-term one, where they are not what is recommended.
fn others(best: &OfferedRelease, releases: &[OfferedRelease], day: Date) -> Vec<String> {
    let newest = releases.first();
    let next_line = releases.last().map(OfferedRelease::line);
    let next = releases.iter().find(|release| Some(release.line()) == next_line);
    let long_term = releases.iter().find(|release| release.long_term_support);
    let mut others: Vec<&OfferedRelease> = Vec::new();
    for other in [newest, long_term, next].into_iter().flatten() {
        if other.line() != best.line() && !others.iter().any(|known| known.version == other.version) {
            others.push(other);
        }
    }
    let why = |other: &OfferedRelease| match (other.licensed, other.supported_until) {
        (Some(false), _) => "the licence in force does not allow it".to_owned(),
        (_, None) => "until when it is supported is not known".to_owned(),
        (_, Some((until, _))) if until <= day => format!("its support ends on {until}"),
        (_, Some((until, _))) if long_term.is_some() && !other.long_term_support => {
            format!("it is no long-term support release, and supported until {until}")
        }
        (_, Some((until, _))) => format!("it is supported until {until}"),
    };
    others.into_iter().map(|other| format!("{}: {}", other.version, why(other))).collect()
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
