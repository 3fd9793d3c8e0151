//! What a command needs to know of a run book: its steps, by name.

use anyhow::Context;
use serde::Deserialize;
use upgrade_readiness_checks::facts::StepState;
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::plan::book::{Book, SectionKind};
use upgrade_readiness_checks::version::ProductVersion;

use crate::cli::output::advise;

/// The steps of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Outline {
    /// The release it leads to.
    pub(super) target: ProductVersion,
    pub(super) verdict: Verdict,
    /// In the order in which they are done.
    pub(super) steps: Vec<OutlineStep>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutlineStep {
    pub(super) id: String,
    pub(super) title: String,
    /// Nothing is left to do.
    pub(super) settled: bool,
}

impl Outline {
    pub(in crate::cli) fn of(book: &Book) -> Self {
        let steps = book.steps().map(|(_, step)| OutlineStep {
            id: step.id.clone(),
            title: step.title.clone(),
            settled: step.is_settled(),
        });
        Self { target: book.target.clone(), verdict: book.verdict, steps: steps.collect() }
    }

    /// Reads the book as the daemon tells it.
    pub(super) fn of_json(text: &str) -> anyhow::Result<Self> {
        let read = || {
            let seen: BookSeen = serde_json::from_str(text)?;
            let steps = seen.sections.into_iter().flat_map(|section| section.steps);
            anyhow::Ok(Self {
                target: seen.target.parse()?,
                verdict: seen.verdict,
                steps: steps.map(OutlineStep::from).collect(),
            })
        };
        read().context("reading the run book the daemon tells").map_err(|error| {
            advise(error, "Use the agent of the same version as the daemon, or look without it: --look.")
        })
    }

    pub(super) fn has(&self, step: &str) -> bool {
        self.steps.iter().any(|known| known.id == step)
    }

    /// What is left to do, in its order. The way back is only for when it failed.
    pub(super) fn left(&self) -> impl Iterator<Item = &OutlineStep> {
        self.steps.iter().filter(|step| !step.settled && !belongs_to(&step.id, SectionKind::WayBack))
    }
}

/// Whether a step belongs to a section of this kind.
pub(super) fn belongs_to(step: &str, kind: SectionKind) -> bool {
    step.split('.').next() == Some(kind.id())
}

#[derive(Deserialize)]
struct BookSeen {
    target: String,
    verdict: Verdict,
    sections: Vec<SectionSeen>,
}

#[derive(Deserialize)]
struct SectionSeen {
    steps: Vec<StepSeen>,
}

#[derive(Deserialize)]
struct StepSeen {
    id: String,
    title: String,
    #[serde(default)]
    proven: bool,
    #[serde(default)]
    mark: Option<MarkSeen>,
}

#[derive(Deserialize)]
struct MarkSeen {
    state: StepState,
}

impl From<StepSeen> for OutlineStep {
    fn from(StepSeen { id, title, proven, mark }: StepSeen) -> Self {
        let settled = match mark {
            Some(MarkSeen { state: StepState::Done | StepState::Skipped }) => true,
            Some(MarkSeen { state: StepState::Failed }) => false,
            None => proven,
        };
        Self { id, title, settled }
    }
}
