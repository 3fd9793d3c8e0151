//! A reading of a source or of one value, and what is missing when it is not a good one.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{FailureKind, Source};

/// How far a collection time may lie in the future before it proves that the clock was set back.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A source that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Failure {
    /// What kind of failure it was.
    pub kind: FailureKind,
    /// The whole story in one line, without secrets: what failed, why, what to do.
    pub message: String,
}

/// Facts that were learned, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Learned<T> {
    /// When the source was asked.
    pub collected_at: Timestamp,
    /// How long the answer took.
    pub took: SignedDuration,
    /// For how long after `collected_at` the facts may be believed.
    pub fresh_for: SignedDuration,
    /// What was learned.
    pub facts: T,
}

/// What is known of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Reading<T> {
    /// Not asked yet.
    #[default]
    Pending,
    /// Switched off by the operator.
    Off,
    /// Asked, and it answered.
    Learned(Learned<T>),
    /// Asked, and it did not answer. The last good answer is kept for display only.
    Failed {
        /// Why it failed.
        failure: Failure,
        /// When it failed.
        failed_at: Timestamp,
        /// How long the attempt took.
        took: SignedDuration,
        /// What it said when it last answered; rules never see this.
        last: Option<Learned<T>>,
    },
}

impl<T> Reading<T> {
    /// The facts, when they are there and believable at `taken_at`.
    pub(super) fn believable(&self, source: Source, taken_at: Timestamp) -> Result<&T, Missing> {
        match self {
            Self::Pending => Err(Missing::Pending { of: source }),
            Self::Off => Err(Missing::Off { of: source }),
            Self::Failed { failure, .. } => Err(Missing::Failed { of: source, failure: failure.clone() }),
            Self::Learned(learned) => {
                let age = taken_at.duration_since(learned.collected_at);
                if age > learned.fresh_for {
                    Err(Missing::Stale { of: source, collected_at: learned.collected_at })
                } else if age < -CLOCK_TOLERANCE {
                    Err(Missing::ClockSetBack { of: source, collected_at: learned.collected_at })
                } else {
                    Ok(&learned.facts)
                }
            }
        }
    }

    /// The newest good answer, whatever happened since; for display and for fallbacks that say so.
    #[must_use]
    pub fn last(&self) -> Option<&Learned<T>> {
        match self {
            Self::Learned(learned) => Some(learned),
            Self::Failed { last, .. } => last.as_ref(),
            Self::Pending | Self::Off => None,
        }
    }

    pub(super) fn take_last(&mut self) -> Option<Learned<T>> {
        match std::mem::take(self) {
            Self::Learned(learned) => Some(learned),
            Self::Failed { last, .. } => last,
            Self::Pending | Self::Off => None,
        }
    }
}

/// A value inside a source's facts that may have been out of reach on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Field<T> {
    /// It was read.
    Read(T),
    /// It could not be read: the reason, with the right or file that was lacking.
    Unread(String),
}

/// For facts that an older agent did not ask for: not known, and never good news.
impl<T> Default for Field<T> {
    fn default() -> Self {
        Self::Unread("the agent that took these facts did not ask for it".to_owned())
    }
}

impl<T> Field<T> {
    /// The value, or what is missing; `what` names it in a person's words.
    pub fn read(&self, source: Source, what: &str) -> Result<&T, Missing> {
        match self {
            Self::Read(value) => Ok(value),
            Self::Unread(why) => Err(Missing::Unread { of: source, what: what.to_owned(), why: why.clone() }),
        }
    }

    /// The value when it was read.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Unread(_) => None,
        }
    }
}

/// A fact a rule needed and could not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The source has not been asked since the agent started.
    #[error("{of}: not asked yet; `agent refresh` asks now")]
    Pending {
        /// The source.
        of: Source,
    },
    /// The operator switched the source off, or did not set it up.
    #[error("{of}: switched off, or not set up, in the configuration")]
    Off {
        /// The source.
        of: Source,
    },
    /// The source answers, and the configuration does not say where to look for this.
    #[error("{of}: {what} is not in the configuration; {how}")]
    NotConfigured {
        /// The source.
        of: Source,
        /// What is not said, in a person's words: "where the backups of the database are".
        what: String,
        /// How to say it: the table and key, and the command when a person's word does as well.
        how: String,
    },
    /// The source could not be asked.
    #[error("{of}: {}", failure.message)]
    Failed {
        /// The source.
        of: Source,
        /// Why.
        failure: Failure,
    },
    /// The last answer is too old to be believed.
    #[error("{of}: last looked at {collected_at:.0}, too long ago to be believed")]
    Stale {
        /// The source.
        of: Source,
        /// When it last answered.
        collected_at: Timestamp,
    },
    /// The answer is from the future, so its age is not known.
    #[error("{of}: looked at {collected_at:.0}, which is in the future; the clock of this host was set back")]
    ClockSetBack {
        /// The source.
        of: Source,
        /// The impossible time.
        collected_at: Timestamp,
    },
    /// One value of a source that otherwise answered.
    #[error("{of}: {what} could not be read: {why}")]
    Unread {
        /// The source.
        of: Source,
        /// The value.
        what: String,
        /// Why.
        why: String,
    },
    /// The catalog does not know what the target needs.
    #[error("what {what} is not known to the catalog; {how_to_answer}")]
    Unknown {
        /// What is not known, to be read after "what".
        what: String,
        /// The vendor page to look at and how to answer once and for all.
        how_to_answer: String,
    },
    /// The rule itself broke; a defect of the agent.
    #[error("the check {check} is broken; please report this with the agent's log")]
    Broken {
        /// Its id.
        check: &'static str,
    },
}

impl Missing {
    /// Whether a person's word can stand in for it: nothing is set up, or the catalog does not know.
    #[must_use]
    pub fn can_be_signed_off(&self) -> bool {
        match self {
            Self::Off { .. } | Self::NotConfigured { .. } | Self::Unknown { .. } => true,
            Self::Pending { .. }
            | Self::Failed { .. }
            | Self::Stale { .. }
            | Self::ClockSetBack { .. }
            | Self::Unread { .. }
            | Self::Broken { .. } => false,
        }
    }
}
