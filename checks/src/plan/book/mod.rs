//! The run book: what is to be done to upgrade this very instance to this very release, as data.
//!
//! It is made from facts, so real paths, hosts, names and commands stand in it; what a check proves already is
//! ticked, and what it found stands at the step where it must be resolved. How a book looks is for surfaces.

mod after;
mod carbon;
mod commands;
mod confluence;
mod cover;
mod desk;
mod leg;
mod make;
mod night;
mod parts;
mod preparation;
mod site;
mod staging;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::way::{Method, NoWay, Way};
use crate::facts::{Product, StepMark};
use crate::model::{Severity, Verdict};
use crate::report::Blocks;
use crate::version::ProductVersion;

pub use make::make;
pub use parts::{Block, Estimate, Open, Proof, Section, SectionKind, Shell, Step};

/// A run book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// The instance it is for.
    pub instance: String,
    /// Its product.
    pub product: Product,
    /// The release that runs.
    pub running: ProductVersion,
    /// The release to upgrade to.
    pub target: ProductVersion,
    /// How the new program gets onto the host.
    pub method: Method,
    /// What the instance is, as far as it shapes the book: a name and a value each, such as `host` and its name.
    pub made_for: Vec<(String, String)>,
    /// What could not be seen, so that a word in capitals stands for it or the way leaves it out; each as a sentence
    /// without its full stop.
    pub not_seen: Vec<String>,
    /// When the facts were taken that it is made from.
    pub facts_of: Timestamp,
    /// The planned day, in the operator's time zone.
    pub planned_for: Option<Date>,
    /// What follows from all checks for the target.
    pub verdict: Verdict,
    /// The first day on which the upgrade will be blocked if nobody acts, and by what.
    pub blocks: Option<Blocks>,
    /// The way to the target, or why there is none.
    pub way: Result<Way, NoWay>,
    /// Each stop of the way, judged as an upgrade of its own; the last one is the target.
    pub stops: Vec<StopReport>,
    /// The sections in the order in which they are worked through.
    pub sections: Vec<Section>,
    /// How long users cannot work, all stops together, and what that is made of; `None` when it cannot be reckoned.
    pub downtime: Option<Estimate>,
    /// What differs between staging and production, and what changed since staging was upgraded, as sentences
    /// without their full stop; `None` when nothing is known of a staging run.
    pub since_staging: Option<Vec<String>>,
    /// What was said of steps that are not in this book any more, such as those of another method.
    pub marks_elsewhere: Vec<StepMark>,
}

impl Book {
    /// Every step with its section.
    pub fn steps(&self) -> impl Iterator<Item = (&Section, &Step)> {
        self.sections.iter().flat_map(|section| section.steps.iter().map(move |step| (section, step)))
    }

    /// A step by its id.
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().map(|(_, step)| step).find(|step| step.id == id)
    }
}

/// A stop of the way, judged as an upgrade from the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopReport {
    /// The release.
    pub version: ProductVersion,
    /// What follows from all checks.
    pub verdict: Verdict,
    /// What stands in the way of it: severity, check and summary, the gravest first.
    pub findings: Vec<(Severity, &'static str, String)>,
    /// Checks that could not tell, with the reason.
    pub unknown: Vec<(&'static str, String)>,
}

/// How long all of these take together; `None` when none of them can be reckoned.
#[must_use]
pub fn sum(estimates: impl IntoIterator<Item = SignedDuration>) -> Option<SignedDuration> {
    estimates.into_iter().reduce(SignedDuration::saturating_add)
}

#[cfg(test)]
mod tests;
