//! The fleet as this agent knows it: how the shared store stands, and what every agent wrote into it.
//!
//! Plain data. A [`Paper`] is what one agent writes of one instance, and what stands in the shared store as JSON:
//! small, bounded, without facts and without secrets. What follows from many papers is made by the surface.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{Condition, Source};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::report::DatedFinding;

use super::{InstanceState, TargetState};

/// Form of a paper; raised when a reader of the old form would misread the new one.
pub const PAPER_FORM: u32 = 1;

/// Subject of the notice that the shared store cannot be used.
pub const FLEET_STORE: &str = "fleet-store";

/// More than anybody reads of a fleet; the agent itself shows all of them.
const MOST_FINDINGS: usize = 20;
const MOST_TARGETS: usize = 50;
const MOST_CHARS: usize = 240;

/// How the shared store stands for this agent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FleetState {
    /// Where it is, without secrets.
    pub place: String,
    /// Whether it took what was last written; `None` before the first attempt.
    pub up: Option<bool>,
    /// Changes of verdict that are not in it yet; `None` while nobody knows how far it got.
    pub unsent: Option<u64>,
    /// When the oldest of them happened.
    pub oldest_unsent: Option<Timestamp>,
    /// Of each shared source of each instance: whether this agent asks it for all.
    pub leads: BTreeMap<(String, Source), bool>,
    /// What stood in the store when it was last read.
    pub reading: Option<Arc<FleetReading>>,
}

/// What stood in the shared store at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetReading {
    /// When it was read, by the clock of whoever read.
    pub read_at: Timestamp,
    /// Every paper, by instance and agent.
    pub entries: Vec<Entry>,
    /// More papers were there than are read.
    pub more: bool,
}

/// A paper as it stood in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Id of the agent that wrote it.
    pub agent: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub agent_version: String,
    /// The instance.
    pub instance: String,
    /// How long ago the verdicts were judged, by the clock of the store; `None` when that cannot be told.
    pub age: Option<SignedDuration>,
    /// For how long they may be believed.
    pub holds: SignedDuration,
    /// What was written, or why it cannot be read.
    pub paper: Result<Arc<Paper>, String>,
}

impl Entry {
    /// Whether it may still be believed. A store whose clock was set back cannot tell the age: never good news.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.age.is_some_and(|age| age <= self.holds && age >= -SignedDuration::from_secs(5))
    }
}

/// What an agent writes of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Paper {
    /// [`PAPER_FORM`] of the writer.
    pub form: u32,
    /// Id of its product.
    pub product: String,
    /// The version that runs.
    pub version: Option<String>,
    /// The node of its cluster the agent is on.
    pub node: Option<String>,
    /// How many nodes it should have.
    pub nodes: Option<u64>,
    /// What all targets together amount to.
    pub verdict: Verdict,
    /// Its targets.
    pub targets: Vec<PaperTarget>,
    /// How its sources stand, without those that are switched off.
    pub sources: Vec<PaperSource>,
}

/// What is said of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperTarget {
    /// As it is written in the configuration.
    pub requested: String,
    /// The release it stands for.
    pub version: Option<String>,
    /// What follows for the upgrade.
    pub verdict: Verdict,
    /// Why it stands for no release.
    pub reason: Option<String>,
    /// The first moment at which it will be blocked.
    pub blocks_at: Option<Timestamp>,
    /// The check that will block it then.
    pub blocks_because: Option<String>,
    /// Things that block it.
    pub blockers: u64,
    /// Things somebody must decide.
    pub warnings: u64,
    /// Checks that could not look.
    pub unknown: u64,
    /// The gravest findings, and of checks that could not look why not.
    pub findings: Vec<PaperFinding>,
}

/// One thing between the instance and the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PaperFinding {
    /// What follows from it.
    pub verdict: Verdict,
    /// Id of its check.
    pub check: String,
    /// What is wrong, or what could not be seen.
    pub summary: String,
}

/// How a source stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaperSource {
    /// Its id.
    pub source: String,
    /// One word for it.
    pub state: Condition,
    /// Whether this agent asks it for all nodes; `None` when every agent asks for itself.
    pub leads: Option<bool>,
}

impl Paper {
    /// What there is to say of an instance.
    #[must_use]
    pub fn of(
        instance: &InstanceState,
        node: Option<&str>,
        leads: &BTreeMap<(String, Source), bool>,
    ) -> Self {
        let source = |source: Source| {
            let state = instance.snapshot.state(source).condition;
            let leads = leads.get(&(instance.name.clone(), source)).copied();
            (state != Condition::Off).then(|| PaperSource { source: source.id().to_owned(), state, leads })
        };
        Self {
            form: PAPER_FORM,
            product: instance.product.id().to_owned(),
            version: instance.version.as_ref().map(ToString::to_string),
            node: node.map(ToOwned::to_owned),
            nodes: instance.grounds.policy.cluster_nodes,
            verdict: instance.verdict(),
            targets: instance.targets.iter().take(MOST_TARGETS).map(target).collect(),
            sources: Source::ALL.into_iter().filter_map(source).collect(),
        }
    }
}

fn target(target: &TargetState) -> PaperTarget {
    let judged = match target {
        TargetState::Judged(judged) => judged,
        TargetState::Unresolved { requested, reason } => {
            return PaperTarget {
                requested: requested.to_string(),
                version: None,
                verdict: Verdict::Unknown,
                reason: Some(cut(reason)),
                blocks_at: None,
                blocks_because: None,
                blockers: 0,
                warnings: 0,
                unknown: 0,
                findings: Vec::new(),
            };
        }
    };
    let checks = &judged.report.checks;
    let open: Vec<(&str, &DatedFinding)> = checks
        .iter()
        .flat_map(|check| check.findings.iter().map(|finding| (check.id, finding)))
        .filter(|(_, dated)| dated.word.is_none())
        .collect();
    let of = |severity| open.iter().filter(|(_, dated)| dated.finding.severity == severity).count() as u64;
    let blind = || checks.iter().filter(|check| check.verdict == Verdict::Unknown);
    let told = |severity, verdict| {
        let these = open.iter().filter(move |(_, dated)| dated.finding.severity == severity);
        these.map(move |(check, dated)| PaperFinding {
            verdict,
            check: (*check).to_owned(),
            summary: cut(&dated.finding.summary),
        })
    };
    let findings = told(Severity::Blocker, Verdict::Blocked)
        .chain(blind().map(|check| PaperFinding {
            verdict: Verdict::Unknown,
            check: check.id.to_owned(),
            summary: cut(&check.reason),
        }))
        .chain(told(Severity::Warning, Verdict::Warning))
        .take(MOST_FINDINGS)
        .collect();
    PaperTarget {
        requested: judged.report.requested.to_string(),
        version: Some(judged.report.version.to_string()),
        verdict: judged.report.verdict,
        reason: None,
        blocks_at: judged.blocks_at,
        blocks_because: judged.blocks_because.as_ref().map(|blocks| blocks.check.to_owned()),
        blockers: of(Severity::Blocker),
        warnings: of(Severity::Warning),
        unknown: blind().count() as u64,
        findings,
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
