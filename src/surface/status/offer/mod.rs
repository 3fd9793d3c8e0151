//! What an instance could be upgraded to, as it is shown: part of the status file, and `agent targets`.

mod markdown;
mod text;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::plan::offer::{
    LicenseReach, Offer, OfferedRelease, Recommendation, WhichLicense,
};
use upgrade_readiness_checks::rules::{PluginCounts, Rolling, RollingGround};

pub use markdown::render_offers_markdown;
pub use text::render_offers_text;

use super::{Age, BecauseView, InstanceView, Selection, age, view_because};
use crate::board::Offering;

/// What an instance could be upgraded to, and what is recommended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferView {
    /// The version that runs; null when it is not known, and then there is no recommendation either.
    pub running: Option<String>,
    /// The release to choose, and why.
    pub recommended: RecommendedView,
    /// Which releases each licence permits.
    pub licenses: Vec<LicenseView>,
    /// Every newer release, the newest first.
    pub releases: Vec<OfferedView>,
}

/// The release to choose, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecommendedView {
    /// The release; null when none can be recommended.
    pub version: Option<String>,
    /// Why it, or why none, as sentences without their full stop.
    pub reasons: Vec<String>,
    /// What is still to be done or looked up before it.
    pub open: Vec<String>,
    /// Others one may think of, and why not those.
    pub others: Vec<String>,
}

/// Which releases a licence permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LicenseView {
    /// `in-force`, or `at-hand` for one that waits to be entered.
    pub which: String,
    /// The file of the one at hand; null for the one in force.
    pub place: Option<String>,
    /// The newest release it permits; null when there is none, or when that cannot be told.
    pub newest: Option<String>,
    /// The answer as a sentence without its full stop.
    pub answer: String,
}

/// A release that could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedView {
    /// Its version.
    pub version: String,
    /// The feature line it belongs to.
    pub line: String,
    /// It belongs to a long-term support line.
    pub long_term_support: bool,
    /// The day it was published; null when it is not known.
    pub released_on: Option<Date>,
    /// The last day of support; null when it is not known.
    pub supported_until: Option<Date>,
    /// Whether the vendor itself says so.
    pub supported_until_confirmed: bool,
    /// What follows from all checks together.
    pub verdict: Verdict,
    /// What blocks it.
    pub blockers: Vec<BecauseView>,
    /// Findings somebody must decide about.
    pub warnings: usize,
    /// Checks that could not tell.
    pub unknown: usize,
    /// The first moment at which it will be blocked; null when it is blocked today, or when none is known.
    pub blocks_at: Option<Timestamp>,
    /// What will block it then.
    pub blocks_because: Option<BecauseView>,
    /// How the plug-ins stand with it; null when nobody was asked about it.
    pub plugins: Option<PluginsView>,
    /// Whether it can be reached while the site stays up.
    pub rolling: RollingView,
    /// Whether the licence in force allows it; null when that is not known.
    pub licensed: Option<bool>,
}

/// Plug-ins people installed, by how they stand with a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginsView {
    /// The installed version works.
    pub compatible: u64,
    /// To be updated before the upgrade.
    pub update_before: u64,
    /// To be updated after the upgrade.
    pub update_after: u64,
    /// No version works.
    pub incompatible: u64,
    /// Nobody states anything.
    pub unknown: u64,
}

impl PluginsView {
    /// Those that have a version for the release.
    #[must_use]
    pub fn settled(self) -> u64 {
        self.compatible + self.update_before + self.update_after
    }

    /// Those that have none, or of which nobody says anything.
    #[must_use]
    pub fn open(self) -> u64 {
        self.incompatible + self.unknown
    }
}

/// Whether a release can be reached while the site stays up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollingView {
    /// One word for it.
    pub state: RollingState,
    /// Why; null when there is nothing to say.
    pub because: Option<String>,
}

/// One word for whether a release can be reached while the site stays up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RollingState {
    /// It can.
    Possible,
    /// It needs downtime.
    Downtime,
    /// Nobody says.
    NotKnown,
    /// There is no cluster, so there is always downtime.
    NotClustered,
}

impl RollingState {
    /// The word people read.
    pub(in crate::surface) fn word(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Downtime => "downtime",
            Self::NotKnown => "not known",
            Self::NotClustered => "-",
        }
    }
}

/// The offer as it is shown; `now` is the moment it is shown for.
pub(super) fn view_offer(offering: &Offering, now: Timestamp) -> Option<OfferView> {
    match offering {
        Offering::NotJudged => None,
        Offering::Unknown(missing) => Some(OfferView {
            running: None,
            recommended: RecommendedView {
                version: None,
                reasons: vec![format!("the releases cannot be judged: {missing}")],
                open: Vec::new(),
                others: Vec::new(),
            },
            licenses: Vec::new(),
            releases: Vec::new(),
        }),
        Offering::Judged(offer) => Some(view_judged(offer, now)),
    }
}

fn view_judged(offer: &Offer, now: Timestamp) -> OfferView {
    let Offer { running, releases, recommendation, licenses } = offer;
    let Recommendation { version, reasons, open, others } = recommendation.clone();
    OfferView {
        running: Some(running.to_string()),
        recommended: RecommendedView {
            version: version.map(|version| version.to_string()),
            reasons,
            open,
            others,
        },
        licenses: licenses.iter().map(view_license).collect(),
        releases: releases.iter().map(|release| view_release(release, now)).collect(),
    }
}

fn view_license(reach: &LicenseReach) -> LicenseView {
    let LicenseReach { which, newest, answer } = reach;
    let (which, place) = match which {
        WhichLicense::InForce => ("in-force", None),
        WhichLicense::AtHand(place) => ("at-hand", Some(place.clone())),
    };
    LicenseView {
        which: which.to_owned(),
        place,
        newest: newest.as_ref().map(|(version, _)| version.to_string()),
        answer: answer.clone(),
    }
}

fn view_release(release: &OfferedRelease, now: Timestamp) -> OfferedView {
    let view_plugins = |counts: PluginCounts| {
        let PluginCounts { compatible, update_before, update_after, incompatible, unknown } = counts;
        PluginsView { compatible, update_before, update_after, incompatible, unknown }
    };
    let blocker = |(check, subject): &(&'static str, String)| BecauseView {
        check: (*check).to_owned(),
        subject: subject.clone(),
    };
    OfferedView {
        version: release.version.to_string(),
        line: release.line().to_string(),
        long_term_support: release.long_term_support,
        released_on: release.released_on,
        supported_until: release.supported_until.map(|(day, _)| day),
        supported_until_confirmed: release.supported_until.is_some_and(|(_, confirmed)| confirmed),
        verdict: release.verdict,
        blockers: release.blockers.iter().map(blocker).collect(),
        warnings: release.warnings,
        unknown: release.unknown,
        blocks_at: release.blocks.as_ref().map(|blocks| blocks.at(now)),
        blocks_because: release.blocks.as_ref().map(view_because),
        plugins: release.plugins.map(view_plugins),
        rolling: view_rolling(&release.rolling),
        licensed: release.licensed,
    }
}

fn view_rolling(rolling: &Rolling) -> RollingView {
    let told = |ground: &RollingGround| Some(format!("{}; see {}", ground.because, ground.page));
    let (state, because) = match rolling {
        Rolling::Possible(ground) => (RollingState::Possible, told(ground)),
        Rolling::Downtime(ground) => (RollingState::Downtime, told(ground)),
        Rolling::NotKnown(why) => (RollingState::NotKnown, Some(why.clone())),
        Rolling::NotClustered => (RollingState::NotClustered, None),
    };
    RollingView { state, because }
}

impl OfferView {
    /// The release that is recommended.
    #[must_use]
    pub fn recommended_release(&self) -> Option<&OfferedView> {
        let version = self.recommended.version.as_deref()?;
        self.releases.iter().find(|release| release.version == version)
    }

    /// The releases to show: every one, or the newest of each line with the recommended one and the targets.
    #[must_use]
    pub fn shown(&self, instance: &InstanceView, all: bool) -> Vec<&OfferedView> {
        let mut last = None;
        let shown = |release: &&OfferedView| {
            let newest = last.replace(release.line.clone()).as_ref() != Some(&release.line);
            all || newest || self.is_recommended(release) || is_target(instance, release)
        };
        self.releases.iter().filter(shown).collect()
    }

    pub(in crate::surface) fn is_recommended(&self, release: &OfferedView) -> bool {
        self.recommended.version.as_deref() == Some(&*release.version)
    }

    /// What follows for somebody who goes by it: the verdict of the recommended release. None recommended blocks.
    fn verdict(&self) -> Verdict {
        match (&self.running, self.recommended_release()) {
            (None, _) => Verdict::Unknown,
            (Some(_), None) => Verdict::Blocked,
            (Some(_), Some(release)) => release.verdict,
        }
    }
}

pub(in crate::surface) fn is_target(instance: &InstanceView, release: &OfferedView) -> bool {
    instance.targets.iter().any(|target| target.version.as_deref() == Some(&*release.version))
}

/// The exit code of a command that shows the offers: that of the recommended releases, 2 when none is recommended, and
/// 3 when nobody can know how old it is or it is too old.
#[must_use]
pub fn exit_code_of_offers(selection: &Selection<'_>, now: Timestamp) -> u8 {
    let verdict = |(instance, _): &(&InstanceView, _)| {
        instance.offer.as_ref().map_or(Verdict::Unknown, OfferView::verdict)
    };
    match age(selection.status, now) {
        Age::Fresh(_) => Verdict::roll_up(selection.instances.iter().map(verdict)).exit_code(),
        Age::Stale(_) | Age::Future(_) => Verdict::Unknown.exit_code(),
    }
}

/// What `agent targets --output json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Answer of agent targets")]
struct OffersFile<'a> {
    /// Version of this form: `1.0`.
    format_version: &'static str,
    /// When the status was written.
    written_at: Timestamp,
    /// What each instance could be upgraded to.
    instances: Vec<InstanceOffer<'a>>,
}

/// What an instance could be upgraded to.
#[derive(Debug, Serialize, JsonSchema)]
struct InstanceOffer<'a> {
    /// Its name.
    name: &'a str,
    /// Its product: `confluence`.
    product: &'a str,
    /// As in the status file.
    offer: Option<&'a OfferView>,
}

/// The JSON schema of what `agent targets --output json` prints.
#[must_use]
pub fn offers_schema() -> schemars::Schema {
    schemars::schema_for!(OffersFile<'_>)
}

/// The offers as JSON, each in the form it has in the status file.
///
/// # Panics
///
/// Never: the view types consist of what JSON can say.
#[must_use]
pub fn render_offers_json(selection: &Selection<'_>) -> String {
    let instances = selection
        .instances
        .iter()
        .map(|(instance, _)| InstanceOffer {
            name: &instance.name,
            product: &instance.product,
            offer: instance.offer.as_ref(),
        })
        .collect();
    let file = OffersFile {
        format_version: super::FORMAT_VERSION,
        written_at: selection.status.written_at,
        instances,
    };
    let mut text = serde_json::to_string_pretty(&file).expect("the view types consist of what JSON can say");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
