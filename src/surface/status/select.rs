//! Which part of a status is asked for, how old it is, and what follows: shared by all ways to show it.

use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::model::{Severity, Verdict};
use upgrade_readiness_checks::report::WordKind;

use super::{CheckView, FindingView, InstanceView, StatusFile, TargetView};

/// The daemon writes every minute; what is older than this, nobody renewed.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// What the clocks of two hosts may differ by.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// What is said of an instance without judged targets.
pub(super) const NOT_JUDGED: &str = "nothing was judged yet";

/// How old a status is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// This old, and a daemon keeps it fresh.
    Fresh(SignedDuration),
    /// This old: the daemon is down or cannot write.
    Stale(SignedDuration),
    /// It was written this far in the future: a clock is wrong.
    Future(SignedDuration),
}

/// The age of a status.
#[must_use]
pub fn age(status: &StatusFile, now: Timestamp) -> Age {
    let age = now.duration_since(status.written_at);
    if age > STALE_AFTER {
        Age::Stale(age)
    } else if age < -CLOCK_TOLERANCE {
        Age::Future(-age)
    } else {
        Age::Fresh(age.max(SignedDuration::ZERO))
    }
}

/// What was asked for is not in the status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// No such instance.
    #[error("there is no instance {asked:?}; there are: {}", some(known))]
    NoInstance {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such target.
    #[error("nothing was judged for the target {asked:?}; targets are: {}", some(known))]
    NoTarget {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// Of hundreds of names, enough to see how they are written.
fn some(known: &[String]) -> String {
    const MOST: usize = 40;
    let text = known.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(MOST) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// The part of a status that is asked for, the gravest first.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// The whole.
    pub status: &'a StatusFile,
    /// Instances and their targets.
    pub instances: Vec<(&'a InstanceView, Vec<&'a TargetView>)>,
}

impl StatusFile {
    /// The part about an instance, about a target (as a version or as requested), or both.
    pub fn select(&self, instance: Option<&str>, target: Option<&str>) -> Result<Selection<'_>, SelectError> {
        let of_name = |view: &&InstanceView| instance.is_none_or(|name| view.name == name);
        let of_target = |view: &&TargetView| {
            target.is_none_or(|asked| view.version.as_deref() == Some(asked) || view.requested == asked)
        };
        let mut instances: Vec<_> = self
            .instances
            .iter()
            .filter(of_name)
            .map(|view| (view, view.targets.iter().filter(of_target).collect::<Vec<_>>()))
            .collect();
        if let Some(asked) = instance.filter(|_| instances.is_empty()) {
            let known = self.instances.iter().map(|view| view.name.clone()).collect();
            return Err(SelectError::NoInstance { asked: asked.to_owned(), known });
        }
        if let Some(asked) = target {
            // Nobody can tell yet whether one that was not judged has this target.
            let (found, not_judged): (Vec<_>, Vec<_>) =
                instances.into_iter().partition(|(_, targets)| !targets.is_empty());
            instances = found;
            if instances.is_empty() {
                let known = self.instances.iter().filter(of_name).flat_map(|view| &view.targets);
                let mut known: Vec<String> = known.map(|target| target.name().to_owned()).collect();
                known.sort_unstable();
                known.dedup();
                return Err(SelectError::NoTarget { asked: asked.to_owned(), known });
            }
            instances.extend(not_judged.into_iter().filter(|(view, _)| view.targets.is_empty()));
        }
        for (_, targets) in &mut instances {
            targets.sort_by_key(|target| std::cmp::Reverse(target.verdict));
        }
        instances.sort_by_key(|(_, targets)| std::cmp::Reverse(roll_up(targets)));
        Ok(Selection { status: self, instances })
    }
}

fn roll_up(targets: &[&TargetView]) -> Verdict {
    Verdict::roll_up(targets.iter().map(|target| target.verdict))
}

impl<'a> Selection<'a> {
    /// What the selected targets together amount to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::roll_up(self.instances.iter().map(|(_, targets)| roll_up(targets)))
    }

    /// Every selected target with its instance, the gravest first.
    #[must_use]
    pub fn targets(&self) -> Vec<(&'a InstanceView, &'a TargetView)> {
        let pairs = |(instance, targets): &(&'a InstanceView, Vec<&'a TargetView>)| {
            let instance = *instance;
            targets.iter().map(move |target| (instance, *target)).collect::<Vec<_>>()
        };
        let mut targets: Vec<_> = self.instances.iter().flat_map(pairs).collect();
        targets.sort_by_key(|(_, target)| std::cmp::Reverse(target.verdict));
        targets
    }

    /// Every selected target, and every instance of which nothing was judged; the gravest first.
    #[must_use]
    pub fn rows(&self) -> Vec<(&'a InstanceView, Option<&'a TargetView>)> {
        let judged = self.targets().into_iter().map(|(instance, target)| (instance, Some(target)));
        let mut rows: Vec<_> = judged.chain(self.not_judged().map(|instance| (instance, None))).collect();
        rows.sort_by_key(|(_, target)| {
            std::cmp::Reverse(target.map_or(Verdict::Unknown, |target| target.verdict))
        });
        rows
    }

    /// The selected instances of which nothing was judged: they are neither ready nor absent.
    pub fn not_judged(&self) -> impl Iterator<Item = &'a InstanceView> + '_ {
        self.instances.iter().filter(|(_, targets)| targets.is_empty()).map(|(instance, _)| *instance)
    }

    /// The selection as a status of its own, for `--output json`.
    #[must_use]
    pub fn to_status(&self) -> StatusFile {
        let only = |(instance, targets): &(&InstanceView, Vec<&TargetView>)| InstanceView {
            verdict: roll_up(targets),
            targets: targets.iter().copied().cloned().collect(),
            ..(*instance).clone()
        };
        StatusFile { instances: self.instances.iter().map(only).collect(), ..self.status.clone() }
    }
}

/// The exit code of a command that shows this: that of the verdict, and 3 when nobody can know how old
/// it is or it is too old.
#[must_use]
pub fn exit_code(selection: &Selection<'_>, now: Timestamp) -> u8 {
    match age(selection.status, now) {
        Age::Fresh(_) => selection.verdict().exit_code(),
        Age::Stale(_) | Age::Future(_) => Verdict::Unknown.exit_code(),
    }
}

/// How many of what a target has; what a person's word settles is counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Findings that block.
    pub blockers: usize,
    /// Findings somebody must decide on.
    pub warnings: usize,
    /// Checks that could not look; a target that does not stand for a release is one too.
    pub unknown: usize,
    /// Findings that somebody waived.
    pub waived: usize,
    /// Findings and checks that somebody signed off.
    pub signed_off: usize,
}

impl TargetView {
    /// The release, or what was asked for when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.requested)
    }

    /// The release and how it was asked for: `10.2.14 (latest-lts)`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.version {
            Some(version) if *version != self.requested => format!("{version} ({})", self.requested),
            Some(_) | None => self.name().to_owned(),
        }
    }

    /// How many of what it has.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let of = |severity| {
            let findings = self.checks.iter().flat_map(|check| &check.findings);
            findings.filter(|finding| finding.severity == severity && finding.waiver.is_none()).count()
        };
        let findings = self.checks.iter().flat_map(|check| &check.findings);
        let words = findings.filter_map(|finding| finding.waiver.as_ref());
        let words = words.chain(self.checks.iter().filter_map(|check| check.sign_off.as_ref()));
        let kinds: Vec<&str> = words.map(|word| word.kind.as_str()).collect();
        let signed_off = kinds.iter().filter(|kind| **kind == WordKind::SignOff.id()).count();
        Tally {
            waived: kinds.len() - signed_off,
            signed_off,
            blockers: of(Severity::Blocker),
            warnings: of(Severity::Warning),
            unknown: self.with_verdict(Verdict::Unknown).count() + usize::from(self.version.is_none()),
        }
    }

    /// Every finding with its check, the gravest first; those that a person's word settles come last.
    #[must_use]
    pub fn findings(&self) -> Vec<(&CheckView, &FindingView)> {
        let mut findings: Vec<_> = self
            .checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |finding| (check, finding)))
            .collect();
        findings.sort_by_key(|(_, finding)| (finding.waiver.is_some(), std::cmp::Reverse(finding.severity)));
        findings
    }

    /// The checks for which a person stands in for what the agent could not see.
    pub fn signed_off(&self) -> impl Iterator<Item = &CheckView> {
        self.checks.iter().filter(|check| check.sign_off.is_some())
    }

    /// The checks with a verdict.
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &CheckView> {
        self.checks.iter().filter(move |check| check.verdict == verdict)
    }

    /// The checks with a verdict, those that share their reason together.
    #[must_use]
    pub fn by_reason(&self, verdict: Verdict) -> Vec<(&str, Vec<&CheckView>)> {
        let mut groups: Vec<(&str, Vec<&CheckView>)> = Vec::new();
        for check in self.with_verdict(verdict) {
            match groups.iter_mut().find(|(reason, _)| *reason == check.reason) {
                Some((_, checks)) => checks.push(check),
                None => groups.push((&check.reason, vec![check])),
            }
        }
        groups
    }
}

impl Tally {
    /// What is not good, and what is only good by somebody's word; empty when there is nothing of the kind.
    #[must_use]
    pub fn sentence(self) -> String {
        let parts = [(self.blockers, "blocker"), (self.warnings, "warning")];
        let mut parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, noun)| super::count(number, noun))
            .collect();
        let more = [(self.unknown, "unknown"), (self.waived, "waived"), (self.signed_off, "signed off")];
        parts.extend(
            more.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")),
        );
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::sample;

    fn status() -> StatusFile {
        super::super::view(&sample::board(), sample::now())
    }

    #[test]
    fn the_exit_code_follows_what_is_selected_and_how_old_it_is() {
        let status = status();
        let code = |instance, target, seconds| {
            let now = status.written_at + SignedDuration::from_secs(seconds);
            exit_code(&status.select(instance, target).unwrap(), now)
        };
        assert_eq!(code(None, None, 0), 2);
        assert_eq!(code(Some("wiki"), Some("9.2.10"), 0), 0);
        assert_eq!(code(Some("wiki"), Some("latest-lts"), 0), 2);
        assert_eq!(code(Some("docs"), None, 0), 3);
        assert_eq!(code(None, Some("9.2.10"), 300), 0, "exactly as old as allowed");
        assert_eq!(code(None, Some("9.2.10"), 301), 3);
        assert_eq!(code(None, Some("9.2.10"), -5), 0);
        assert_eq!(code(None, Some("9.2.10"), -6), 3);
        assert_eq!(code(None, None, 301), 3, "even when it was blocked");

        let nothing = StatusFile { instances: Vec::new(), ..status.clone() };
        assert_eq!(exit_code(&nothing.select(None, None).unwrap(), status.written_at), 3);
        let mut without = status.clone();
        without.instances[0].targets.clear();
        let selection = without.select(Some("wiki"), None).unwrap();
        assert_eq!(exit_code(&selection, status.written_at), 3, "no target, nothing known");
    }

    #[test]
    fn what_was_not_judged_is_neither_ready_nor_absent() {
        let mut status = status();
        status.instances[1].targets.clear();
        let rows = |instance, target| -> Vec<String> {
            let selection = status.select(instance, target).unwrap();
            assert_eq!(exit_code(&selection, status.written_at), selection.verdict().exit_code());
            let name = |target: Option<&TargetView>| target.map_or("-", TargetView::name).to_owned();
            selection.rows().iter().map(|(i, t)| format!("{} {}", i.name, name(*t))).collect()
        };
        assert_eq!(rows(None, None), ["wiki 10.2.14", "docs -", "wiki 9.2.10"]);
        // It may have this target, too.
        assert_eq!(rows(None, Some("9.2.10")), ["docs -", "wiki 9.2.10"]);
        let both = status.select(None, Some("9.2.10")).unwrap();
        assert_eq!(exit_code(&both, status.written_at), 3);
        assert_eq!(rows(Some("wiki"), Some("9.2.10")), ["wiki 9.2.10"]);
        assert!(status.select(Some("docs"), Some("9.2.10")).is_err());
        assert!(status.select(None, Some("8.0")).is_err());
    }

    #[test]
    fn the_gravest_comes_first() {
        let mut status = status();
        status.instances.reverse();
        status.instances[1].targets.reverse();
        let selection = status.select(None, None).unwrap();
        let names: Vec<_> =
            selection.targets().iter().map(|(i, t)| format!("{} {}", i.name, t.name())).collect();
        assert_eq!(names, ["wiki 10.2.14", "docs next", "wiki 9.2.10"]);
        assert_eq!(selection.instances[0].0.name, "wiki");
    }

    #[test]
    fn what_is_not_there_is_refused_and_what_is_there_is_named() {
        let status = status();
        let error = status.select(Some("wikki"), None).unwrap_err().to_string();
        assert_eq!(error, "there is no instance \"wikki\"; there are: wiki, docs");
        let error = status.select(Some("docs"), Some("8.0")).unwrap_err().to_string();
        assert_eq!(error, "nothing was judged for the target \"8.0\"; targets are: next");
    }

    #[test]
    fn a_selection_can_stand_for_itself() {
        let status = status();
        let part = status.select(Some("wiki"), Some("9.2.10")).unwrap().to_status();
        assert_eq!((part.instances.len(), part.instances[0].targets.len()), (1, 1));
        assert_eq!(part.instances[0].verdict, Verdict::Ready);
    }

    #[test]
    fn tallies_count_findings_and_blind_checks() {
        let mut status = status();
        let target = &mut status.instances[0].targets[0];
        assert_eq!(target.tally(), Tally { blockers: 2, warnings: 2, unknown: 4, waived: 1, signed_off: 1 });
        assert_eq!(target.tally().sentence(), "2 blockers, 2 warnings, 4 unknown, 1 waived, 1 signed off");
        assert_eq!(target.by_reason(Verdict::Unknown).len(), 1, "four checks share one reason");
        for check in &mut target.checks {
            for finding in &mut check.findings {
                finding.waiver = Some(super::super::WaiverView {
                    kind: "waiver".into(),
                    reason: "we know".into(),
                    by: "me".into(),
                    until: jiff::civil::date(2026, 1, 1),
                });
            }
        }
        assert_eq!(target.tally().sentence(), "4 unknown, 6 waived, 1 signed off");
    }
}
