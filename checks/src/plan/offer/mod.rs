//! Every release that could be chosen, judged, and the one that is recommended.

mod reach;
mod recommend;

use jiff::civil::Date;

use crate::catalog::{Confidence, Release};
use crate::facts::{Missing, Snapshot, Source};
use crate::model::{Requested, Severity, Target, Verdict};
use crate::report::{Blocks, Judge, Report, Sitting};
use crate::rules::{self, PluginCounts, Rolling};
use crate::version::{Line, ProductVersion};

pub use reach::{LicenseReach, WhichLicense};
pub use recommend::Recommendation;

/// The check that knows whether the licence allows a release.
const LICENSE: &str = "license-covers-target";

/// What could be chosen, and what is recommended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The release that runs.
    pub running: ProductVersion,
    /// Every newer release, the newest first.
    pub releases: Vec<OfferedRelease>,
    /// The one to choose, and why.
    pub recommendation: Recommendation,
    /// Which releases each licence permits: the one in force, and one that waits to be entered.
    pub licenses: Vec<LicenseReach>,
}

/// A release that could be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedRelease {
    /// Its version.
    pub version: ProductVersion,
    /// It belongs to a long-term support line.
    pub long_term_support: bool,
    /// The day it was published, when it is known.
    pub released_on: Option<Date>,
    /// The last day of support, when it is known, and whether it is confirmed.
    pub supported_until: Option<(Date, bool)>,
    /// What follows from all checks together.
    pub verdict: Verdict,
    /// What blocks it: check and subject, in the order of the checks.
    pub blockers: Vec<(&'static str, String)>,
    /// Findings somebody must decide about.
    pub warnings: usize,
    /// Checks that could not tell.
    pub unknown: usize,
    /// The first day on which it will be blocked, and by what; `None` when it is blocked today, or never as far as
    /// is known.
    pub blocks: Option<Blocks>,
    /// How the plug-ins stand with it; `None` when nobody was asked about this release.
    pub plugins: Option<PluginCounts>,
    /// Whether it can be reached while the site stays up.
    pub rolling: Rolling,
    /// Whether the licence in force allows it; `None` when that is not known.
    pub licensed: Option<bool>,
}

impl OfferedRelease {
    /// The feature line it belongs to.
    #[must_use]
    pub fn line(&self) -> Line {
        self.version.line()
    }

    /// Plug-ins that have no version for it, or of which nobody says anything.
    #[must_use]
    pub fn plugins_open(&self) -> Option<u64> {
        self.plugins.map(|counts| counts.incompatible + counts.unknown)
    }
}

impl Offer {
    /// The newest release of each line, the newest line first.
    pub fn newest_of_lines(&self) -> impl Iterator<Item = &OfferedRelease> {
        let mut last = None;
        self.releases.iter().filter(move |release| last.replace(release.line()) != Some(release.line()))
    }
}

/// Judges every release that is newer than the running one; an error when that is not known.
pub fn offer(judge: Judge<'_>, facts: &Snapshot) -> Result<Offer, Missing> {
    let running = facts.installation()?.version.read(Source::Installation, "the running version")?;
    let mut sitting = judge.sitting(facts);
    let newer = judge
        .catalog
        .releases()
        .iter()
        .rev()
        .filter(|release| release.version.is_release() && release.version > *running);
    let releases: Vec<OfferedRelease> =
        newer.map(|release| judged(judge, facts, &mut sitting, release)).collect();
    let licenses = reach::of_licenses(judge, facts);
    let recommendation = recommend::choose(judge, facts, &releases, &licenses);
    Ok(Offer { running: running.clone(), releases, recommendation, licenses })
}

/// The release as a target of its own.
#[must_use]
pub fn as_target(release: &Release) -> Target {
    Target {
        requested: Requested::Version(release.version.clone()),
        version: release.version.clone(),
        release: Some(release.clone()),
    }
}

fn judged(
    judge: Judge<'_>,
    facts: &Snapshot,
    sitting: &mut Sitting<'_>,
    release: &Release,
) -> OfferedRelease {
    let target = as_target(release);
    let report = sitting.judge(&target);
    let case = judge.case(facts, &target);
    let counted = report.checks.iter().flat_map(|check| {
        check.findings.iter().filter(|dated| dated.counts()).map(|dated| (check.id, &dated.finding))
    });
    let blockers = counted
        .clone()
        .filter(|(_, finding)| finding.severity == Severity::Blocker)
        .map(|(check, finding)| (check, finding.subject.clone()))
        .collect();
    OfferedRelease {
        version: release.version.clone(),
        long_term_support: release.long_term_support,
        released_on: release.released_on,
        supported_until: release.end_of_life.map(|end| (end.on, end.confidence == Confidence::Confirmed)),
        verdict: report.verdict,
        blockers,
        warnings: counted.filter(|(_, finding)| finding.severity == Severity::Warning).count(),
        unknown: report.checks.iter().filter(|check| check.verdict == Verdict::Unknown).count(),
        blocks: sitting.blocks_after(&target, &report),
        plugins: rules::plugin_counts(facts, &target, judge.policy).ok(),
        rolling: rules::rolling_possible(&case)
            .unwrap_or_else(|missing| Rolling::NotKnown(missing.to_string())),
        licensed: licensed(&report),
    }
}

fn licensed(report: &Report) -> Option<bool> {
    let check = report.checks.iter().find(|check| check.id == LICENSE)?;
    match check.verdict {
        Verdict::Blocked => Some(false),
        Verdict::Ready | Verdict::Warning => Some(true),
        Verdict::Unknown | Verdict::Skipped => None,
    }
}

#[cfg(test)]
mod tests;
