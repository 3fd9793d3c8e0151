//! A check, the case it decides, and what may come of it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Finding, Plan, Policy, Target};
use crate::catalog::Catalog;
use crate::facts::{Family, Missing, Prepared, Product, Snapshot, Source};

/// A named rule. One static per file in `rules/`.
#[derive(Debug)]
pub struct Check {
    /// Kebab-case; config key, metric label, link: never renamed.
    pub id: &'static str,
    /// What it makes sure of, in a few words.
    pub title: &'static str,
    /// What it belongs to.
    pub category: Category,
    /// The products it is for; others skip it.
    pub products: Products,
    /// The sources it reads; a test proves this list is honest.
    pub reads: &'static [Source],
    /// What people may say about its findings.
    pub people: People,
    /// Whether its answer depends on the release that is judged; a test proves it honest.
    pub about: About,
    /// Markdown for `agent explain`: what it looks at, why it matters, how to fix it, what it
    /// needs to see it, settings.
    pub explain: &'static str,
    /// The rule.
    pub evaluate: fn(&Case<'_>) -> Result<Judgement, Undecided>,
}

/// What a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Category {
    /// Licences.
    License,
    /// The releases themselves.
    Release,
    /// Host, disks, Java.
    Platform,
    /// The database.
    Database,
    /// Plug-ins.
    Plugins,
    /// The running application.
    Application,
    /// What was changed by hand and must be carried over.
    Customisation,
    /// Backups.
    Backup,
    /// Staging, the planned day, what people must do.
    Preparation,
}

impl Category {
    /// The name used in the status file.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::License => "license",
            Self::Release => "release",
            Self::Platform => "platform",
            Self::Database => "database",
            Self::Plugins => "plugins",
            Self::Application => "application",
            Self::Customisation => "customisation",
            Self::Backup => "backup",
            Self::Preparation => "preparation",
        }
    }
}

/// What people may say about the findings of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Nothing: the product itself refuses, or data is lost, whatever anybody says. It cannot be waived.
    MaySayNothing,
    /// They can waive a finding: live with it for a time, knowingly.
    MayWaive,
    /// A finding is a task for people: when they say it is done, it is settled. It can be waived too.
    MaySignOff,
}

/// What the answer of a check depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The release that is judged: each target has an answer of its own.
    Target,
    /// The instance alone: whatever release is judged, the answer is the same, and it is asked for once.
    Instance,
}

/// The products a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// Every product.
    All,
    /// Those of these families.
    Only(&'static [Family]),
}

impl Products {
    /// Whether the check is for this product.
    #[must_use]
    pub fn include(self, product: Product) -> bool {
        match self {
            Self::All => true,
            Self::Only(families) => families.contains(&product.family()),
        }
    }
}

/// Everything a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is known of the instance.
    pub facts: &'a Snapshot,
    /// The release to judge.
    pub target: &'a Target,
    /// What is known of releases.
    pub catalog: &'a Catalog,
    /// The operator's limits.
    pub policy: &'a Policy,
    /// What is planned.
    pub plan: &'a Plan,
    /// The moment to judge for: now, or the planned day.
    pub now: Timestamp,
}

impl<'a> Case<'a> {
    /// The new release that is set up beside the running one, when it is the target that is judged.
    ///
    /// It is evidence beside what the catalog says of the target, and never needed: what could not be seen of it is
    /// `None` here too. A rule that cannot do without it reads the rehearsal itself.
    #[must_use]
    pub fn prepared(&self) -> Option<&'a Prepared> {
        let prepared = self.facts.rehearsal().ok()?.prepared.as_ref()?.value()?;
        (prepared.version.value() == Some(&self.target.version)).then_some(prepared)
    }

    /// The day to judge for, in UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.now).date()
    }

    /// Whole days from the day judged for to another day; negative when that day has passed.
    #[must_use]
    pub fn days_until(&self, day: Date) -> i64 {
        i64::from((day - self.today()).get_days())
    }
}

/// What a rule decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was looked at and seen, in one line: the reason why green is green.
    pub evidence: String,
    /// What stands in the way.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Looked, and nothing stands in the way.
    pub fn ready(evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), findings: Vec::new() }
    }

    /// Looked, and found what is in `findings`; an empty list is [`Judgement::ready`].
    pub fn new(evidence: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { evidence: evidence.into(), findings }
    }
}

/// Why a rule did not decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecided {
    /// It could not look.
    Missing(Missing),
    /// It could look at some of it. A blocker among the findings still blocks; otherwise the
    /// verdict is unknown, and the findings stand beside it.
    Partly {
        /// What it found where it could look.
        found: Vec<Finding>,
        /// What it could not look at.
        missing: Missing,
    },
    /// It does not apply here: the reason.
    DoesNotApply(String),
}

impl From<Missing> for Undecided {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

/// Ends a rule that looks at several things: decided when all could be seen, else
/// [`Undecided::Partly`] with the first that could not; one that only a repair helps before one that a person's
/// word can stand in for, so that the word does not hide it.
pub fn conclude(
    evidence: impl Into<String>,
    found: Vec<Finding>,
    missing: Vec<Missing>,
) -> Result<Judgement, Undecided> {
    // The first of the least.
    match missing.into_iter().min_by_key(Missing::can_be_signed_off) {
        None => Ok(Judgement::new(evidence, found)),
        Some(missing) => Err(Undecided::Partly { found, missing }),
    }
}
