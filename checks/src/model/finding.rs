//! What a rule finds, and what follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters. One scale with meanings; there is no score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Severity {
    /// Worth knowing; nothing must be done by upgrade day. Does not change the verdict.
    Notice,
    /// Somebody must decide.
    Warning,
    /// The upgrade must not start.
    Blocker,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Blocker, Self::Warning, Self::Notice];

    /// The name used in the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Blocker => "blocker",
        }
    }
}

/// One thing between the instance and the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: a mount point, plug-in key, privilege. Identifies the finding inside its
    /// check for waivers and notifications, so it never changes, whatever the wording does.
    pub subject: String,
    /// What is wrong, in one sentence without its full stop.
    pub summary: String,
    /// What was seen.
    pub observed: String,
    /// What is needed.
    pub required: String,
    /// What to do next, with real paths, names and commands; full sentences.
    pub remedy: String,
}

/// What follows for the upgrade: of one check, of a target, of an instance.
///
/// The order is that of the roll-up: the gravest is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Verdict {
    /// The check does not apply here.
    Skipped,
    /// Looked, and nothing stands in the way.
    Ready,
    /// Somebody must decide.
    Warning,
    /// Could not look. Neither pass nor fail.
    Unknown,
    /// The upgrade must not start.
    Blocked,
}

impl Verdict {
    /// Every verdict, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Blocked, Self::Unknown, Self::Warning, Self::Ready, Self::Skipped];

    /// The name used in the status file and metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ready => "ready",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
        }
    }

    /// What a list of findings amounts to.
    #[must_use]
    pub fn of_findings(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Blocker) => Self::Blocked,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Notice) | None => Self::Ready,
        }
    }

    /// What several verdicts amount to together. Nothing looked at is nothing known.
    #[must_use]
    pub fn roll_up(verdicts: impl IntoIterator<Item = Self>) -> Self {
        match verdicts.into_iter().max() {
            None | Some(Self::Skipped) => Self::Unknown,
            Some(gravest) => gravest,
        }
    }

    /// The exit code of every command that ends with this verdict.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Skipped | Self::Ready => 0,
            Self::Warning => 1,
            Self::Blocked => 2,
            Self::Unknown => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_verdict_wins_and_silence_is_not_ready() {
        use Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
        assert_eq!(Verdict::roll_up([Ready, Blocked, Unknown, Warning]), Blocked);
        assert_eq!(Verdict::roll_up([Ready, Warning, Unknown]), Unknown);
        assert_eq!(Verdict::roll_up([Ready, Skipped]), Ready);
        assert_eq!(Verdict::roll_up([Skipped]), Unknown);
        assert_eq!(Verdict::roll_up([]), Unknown);
        assert_eq!([Ready, Warning, Blocked, Unknown].map(Verdict::exit_code), [0, 1, 2, 3]);
    }
}
