//! What a run book consists of.

use jiff::{SignedDuration, Timestamp};

use crate::facts::{StepMark, StepState};
use crate::model::Severity;
use crate::version::ProductVersion;

/// What a section is for; they stand in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// Days and weeks before.
    Preparation,
    /// On the staging instance.
    Staging,
    /// The night itself.
    Production,
    /// After it.
    Verification,
    /// When it failed.
    WayBack,
}

impl SectionKind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] =
        [Self::Preparation, Self::Staging, Self::Production, Self::Verification, Self::WayBack];

    /// The first part of the ids of its steps.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Verification => "verification",
            Self::WayBack => "way-back",
        }
    }
}

/// Steps that are worked through one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is for.
    pub kind: SectionKind,
    /// The stop of the way it belongs to, when there are several.
    pub stop: Option<ProductVersion>,
    /// Its heading.
    pub title: String,
    /// What is to be known before its first step.
    pub intro: Vec<Block>,
    /// Its steps.
    pub steps: Vec<Step>,
}

impl Section {
    /// How long its steps take together, as far as they can be reckoned.
    #[must_use]
    pub fn time(&self) -> Option<SignedDuration> {
        super::sum(self.steps.iter().filter_map(|step| step.time.as_ref()).map(|estimate| estimate.time))
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Section, stop where there are several, and name, with dots between: `production.stop`,
    /// `production.8.5.32.stop`. It is what a person names to say that it is done.
    pub id: String,
    /// What is done.
    pub title: String,
    /// How.
    pub blocks: Vec<Block>,
    /// Users cannot work while it is done.
    pub outage: bool,
    /// It may be left out.
    pub optional: bool,
    /// Checks that prove what it is about, with what they saw.
    pub proofs: Vec<Proof>,
    /// What checks found or could not tell that must be resolved here.
    pub open: Vec<Open>,
    /// Nothing is left to do: every check it is about is content, and there is no work of the night in it.
    pub proven: bool,
    /// How long it takes.
    pub time: Option<Estimate>,
    /// What a person said of it.
    pub mark: Option<StepMark>,
}

impl Step {
    /// Whether nothing is left to do, by a check or by a person's word.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.mark {
            Some(mark) => match mark.state {
                StepState::Done | StepState::Skipped => true,
                StepState::Failed => false,
            },
            None => self.proven,
        }
    }
}

/// A piece of a step's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Sentences.
    Text(String),
    /// Something that goes wrong easily, as sentences.
    Caution(String),
    /// Things to see or to do, each a sentence without its full stop.
    List(Vec<String>),
    /// What is typed, line by line.
    Commands {
        /// Where: `on wiki.example.com as root`.
        place: String,
        /// What takes them.
        shell: Shell,
        /// The lines.
        lines: Vec<String>,
    },
    /// Names and figures.
    Table {
        /// The heads of the columns.
        head: Vec<String>,
        /// The rows; each has as many cells as there are heads.
        rows: Vec<Vec<String>>,
    },
}

/// What takes commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shell {
    /// A POSIX shell.
    Sh,
    /// The command prompt of Windows.
    Cmd,
    /// A database.
    Sql,
}

impl Shell {
    /// The name by which Markdown colours it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::Cmd => "bat",
            Self::Sql => "sql",
        }
    }
}

/// What a check saw that makes a step settled, or part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The check.
    pub check: &'static str,
    /// What it makes sure of.
    pub title: &'static str,
    /// What it saw.
    pub evidence: String,
    /// When the oldest of the facts it read was learned; `None` when it reads none.
    pub seen_at: Option<Timestamp>,
}

/// What must be resolved at a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The check.
    pub check: &'static str,
    /// How much it matters; `None` when the check could not tell.
    pub severity: Option<Severity>,
    /// What it is about; empty when the check could not tell.
    pub subject: String,
    /// What is wrong, or why nobody can tell, in one sentence without its full stop.
    pub summary: String,
    /// What was seen; empty when nothing was.
    pub observed: String,
    /// What is needed; empty when the check could not tell.
    pub required: String,
    /// What to do; empty when `summary` says it.
    pub remedy: String,
    /// Whose word settles it, and until when: it stays visible and does not stand in the way.
    pub settled_by: Option<String>,
}

/// How long something takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// How long.
    pub time: SignedDuration,
    /// How it was reckoned, as a part of a sentence: `30 GiB at 20 MiB a second`, `as on staging on 2026-11-20`.
    pub ground: String,
}
