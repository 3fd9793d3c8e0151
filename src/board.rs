//! The board: the newest snapshot and reports of every instance.
//!
//! How the fleet stands, when there is one, is in [`fleet`].
//! History is not kept here: a surface that needs the past asks the store.

pub mod fleet;

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{Condition, Missing, Product, Snapshot, Source};
use upgrade_readiness_checks::model::{Plan, Policy, Requested, Verdict};
use upgrade_readiness_checks::plan::offer::Offer;
use upgrade_readiness_checks::report::{Blocks, Judge, Remark, Report, first_end};
use upgrade_readiness_checks::rules;
use upgrade_readiness_checks::version::ProductVersion;

use crate::shard::Shard;

/// One instance as it stands now.
#[derive(Debug, Clone)]
pub struct InstanceState {
    /// Its name.
    pub name: String,
    /// Its product.
    pub product: Product,
    /// The version that runs, when it is known.
    pub version: Option<ProductVersion>,
    /// What is known of it.
    pub snapshot: Arc<Snapshot>,
    /// What it was judged by.
    pub grounds: Arc<Grounds>,
    /// What was judged of each target, in the order of the configuration.
    pub targets: Vec<TargetState>,
    /// What it could be upgraded to, and what is recommended.
    pub offering: Offering,
    /// What is to be said of the words people gave.
    pub remarks: Vec<Remark>,
    /// Which catalog its targets were judged by; `None` before they were.
    pub catalog_digest: Option<String>,
    /// See [`InstanceState::facts_digest`].
    pub facts_digest: FactsDigest,
}

/// The digest of facts: found out when somebody first asks, since most states of a board are replaced before anybody
/// does.
#[derive(Debug, Default)]
pub struct FactsDigest(OnceLock<String>);

/// The facts of a copy may be changed: it finds out anew.
impl Clone for FactsDigest {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl FactsDigest {
    /// That of the same facts, learned again.
    #[must_use]
    pub fn of_the_same(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Feeds what is written to it into a digest.
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl InstanceState {
    /// An instance before it is first judged.
    #[must_use]
    pub fn not_judged(snapshot: Snapshot, grounds: Arc<Grounds>) -> Self {
        Self {
            name: snapshot.instance.clone(),
            product: snapshot.product,
            version: None,
            snapshot: Arc::new(snapshot),
            grounds,
            targets: Vec::new(),
            offering: Offering::default(),
            remarks: Vec::new(),
            catalog_digest: None,
            facts_digest: FactsDigest::default(),
        }
    }

    /// The same judgement, when facts were only learned again and say what they said.
    #[must_use]
    pub fn still_true(&self, snapshot: Arc<Snapshot>) -> Self {
        Self { facts_digest: self.facts_digest.of_the_same(), snapshot, ..self.clone() }
    }

    /// What all targets together amount to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::roll_up(self.targets.iter().map(TargetState::verdict))
    }

    /// SHA-256 of what is known, without when it was learned: the same for the same facts.
    ///
    /// # Panics
    ///
    /// Never: facts consist of what JSON can say.
    #[must_use]
    pub fn facts_digest(&self) -> &str {
        self.facts_digest.0.get_or_init(|| {
            let mut hashing = Hashing(Sha256::new());
            serde_json::to_writer(&mut hashing, &self.snapshot.known())
                .expect("facts consist of what JSON can say, and hashing does not fail");
            let digest = hashing.0.finalize();
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
        })
    }

    /// The last day of the waiver or sign-off in use that ends first; `None` when none is in use.
    #[must_use]
    pub fn word_ends(&self) -> Option<Date> {
        first_end(&self.snapshot, &judged_reports(&self.targets))
    }
}

/// What an instance is judged by, so that more can be asked of the same facts.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// What is known of releases; instances of a product share it.
    pub catalog: Arc<Catalog>,
    /// The operator's limits.
    pub policy: Policy,
    /// What is planned.
    pub plan: Plan,
}

impl Grounds {
    /// Judges by these at a moment.
    #[must_use]
    pub fn judge(&self, now: Timestamp) -> Judge<'_> {
        Judge { catalog: &self.catalog, policy: &self.policy, plan: &self.plan, now }
    }
}

/// What an instance could be upgraded to.
#[derive(Debug, Clone, Default)]
pub enum Offering {
    /// Nobody judged the releases there are.
    #[default]
    NotJudged,
    /// They cannot be judged: what is missing.
    Unknown(Missing),
    /// Every newer release, judged.
    Judged(Arc<Offer>),
}

impl Offering {
    /// The recommended release, or why there is none as a sentence without its full stop.
    pub fn recommended(&self) -> Result<&ProductVersion, String> {
        match self {
            Self::NotJudged => Err("the releases have not been judged yet".to_owned()),
            Self::Unknown(missing) => Err(missing.to_string()),
            Self::Judged(offer) => offer.recommendation.release(),
        }
    }
}

/// The reports of those targets that could be judged.
#[must_use]
pub fn judged_reports(targets: &[TargetState]) -> Vec<&Report> {
    let reports = targets.iter().filter_map(|target| match target {
        TargetState::Judged(judged) => Some(&judged.report),
        TargetState::Unresolved { .. } => None,
    });
    reports.collect()
}

/// One target as it stands now.
#[derive(Debug, Clone)]
pub enum TargetState {
    /// It was judged.
    Judged(Arc<JudgedTarget>),
    /// It does not stand for a release: `next` without a running version, for example.
    Unresolved {
        /// As it was asked for.
        requested: Requested,
        /// Why it stands for nothing.
        reason: String,
    },
}

impl TargetState {
    /// What follows for the upgrade.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Judged(judged) => judged.report.verdict,
            Self::Unresolved { .. } => Verdict::Unknown,
        }
    }
}

/// A report, and since when its verdicts stand.
#[derive(Debug, Clone)]
pub struct JudgedTarget {
    /// The report.
    pub report: Report,
    /// Per check of the report, in its order.
    pub since: Vec<Since>,
    /// The first moment at which it will be blocked; `None` when none is known.
    pub blocks_at: Option<Timestamp>,
    /// What will block it then.
    pub blocks_because: Option<Blocks>,
    /// Bytes the upgrade needs on each file system, by mount point; empty when that is not known.
    pub disk_needs: Vec<(String, u64)>,
    /// Plug-ins by how they stand with this target; empty when that is not known.
    pub plugin_counts: Vec<(&'static str, u64)>,
}

/// Since when a check says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// When the check was first judged for this target.
    pub first_seen: Timestamp,
    /// When its verdict last changed.
    pub changed_at: Timestamp,
}

/// Something the agent has to say of itself: a memory that could not be opened, a catalog that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about; the same as long as the same thing is meant: `store`, `catalog`.
    pub subject: &'static str,
    /// What is the matter and what to do, in full sentences.
    pub text: String,
}

/// Whether a check says nothing yet, because a source it reads was not asked since the start.
#[must_use]
pub fn is_pending(snapshot: &Snapshot, check: &str) -> bool {
    let reads = rules::ALL.iter().filter(|known| known.id == check).flat_map(|known| known.reads);
    reads.into_iter().any(|source| snapshot.state(*source).condition == Condition::Pending)
}

/// All instances at one moment.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// In the order of the configuration.
    pub instances: Vec<Arc<InstanceState>>,
    /// Which part of many these are.
    pub shard: Shard,
    /// What the agent has to say of itself.
    pub notices: Vec<Notice>,
    /// How the fleet stands; `None` without a shared store.
    pub fleet: Option<fleet::FleetState>,
    /// Raised at every change, so that it can be told what a surface shows already.
    pub revision: u64,
}

impl Board {
    /// Whether every source that is switched on has been asked once: from then on the board says
    /// what is, and not what is not known yet.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let asked = |instance: &Arc<InstanceState>| {
            Source::ALL.iter().all(|source| instance.snapshot.state(*source).condition != Condition::Pending)
        };
        // Before the configuration is on the board there is nothing; behind that, only a shard may have nothing.
        (!self.instances.is_empty() || self.shard.of > 1) && self.instances.iter().all(asked)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use upgrade_readiness_checks::facts::Reading;
    use upgrade_readiness_checks::golden::golden;

    use super::*;
    use crate::surface::sample;

    fn digest(snapshot: &Snapshot) -> String {
        let any = InstanceState::clone(&sample::board().instances[0]);
        let state = InstanceState { snapshot: Arc::new(snapshot.clone()), ..any };
        assert_eq!(state.facts_digest(), state.clone().facts_digest());
        state.facts_digest().to_owned()
    }

    #[test]
    fn the_same_facts_have_the_same_digest_whenever_they_were_learned() {
        let golden = golden().facts;
        let mut later = golden.clone();
        later.taken_at += SignedDuration::from_hours(1);
        let Reading::Learned(host) = &mut later.host else { panic!("the golden host is learned") };
        host.collected_at += SignedDuration::from_hours(1);
        host.took += SignedDuration::from_secs(1);
        assert_eq!(digest(&later), digest(&golden));
        assert_eq!(digest(&golden).len(), 64);

        let mut other = golden.clone();
        other.switch_off(Source::Host);
        assert_ne!(digest(&other), digest(&golden));
        let mut other = golden.clone();
        other.memory.waivers.clear();
        other.memory.versions.clear();
        other.memory.sign_offs.clear();
        other.instance.push('2');
        assert_ne!(digest(&other), digest(&golden));
    }
}
