//! The status of many instances for a terminal: what there is in numbers, what blocks most, and whom to look at first.
//!
//! Nobody reads five hundred sheets; `agent status INSTANCE` has the sheet of one.

use std::collections::BTreeMap;

use upgrade_readiness_checks::facts::Condition;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::select::NOT_JUDGED;
use super::text::{Sheet, verdict_style, verdict_word};
use super::words::count;
use super::{InstanceView, Selection, TargetView};

/// The sheets of more instances than this are not shown together.
pub(super) const MOST_SHEETS: usize = 10;

/// The instances that are named of each verdict; the gravest come first, so these are to be looked at first.
const MOST_NAMED: usize = 20;

/// The checks that are named.
const MOST_CHECKS: usize = 8;

/// The names in one line of text.
const MOST_NAMES: usize = 8;

impl Sheet {
    /// What many instances amount to.
    pub(super) fn many(&mut self, selection: &Selection<'_>) {
        let worst: Vec<(&InstanceView, &TargetView)> = selection
            .instances
            .iter()
            .filter_map(|(instance, targets)| targets.first().map(|target| (*instance, *target)))
            .collect();
        self.numbers(selection, &worst);
        self.checks(selection, "BLOCKED", Verdict::Blocked, "stands in the way of");
        self.checks(selection, "UNKNOWN", Verdict::Unknown, "cannot tell on");
        self.blank();
        for verdict in [Verdict::Blocked, Verdict::Unknown, Verdict::Warning] {
            let of: Vec<_> = worst.iter().filter(|(_, target)| target.verdict == verdict).collect();
            let width = of.iter().map(|(instance, _)| instance.name.chars().count()).max().unwrap_or(0);
            for (instance, target) in of.iter().take(MOST_NAMED) {
                self.overview(instance, Some(target), width.min(super::text::MOST_NAME));
            }
            if of.len() > MOST_NAMED {
                let more = of.len() - MOST_NAMED;
                self.verdict_line(verdict, &format!("and {}", count(more, "more instance")));
            }
        }
        let ready: Vec<&str> = worst
            .iter()
            .filter(|(_, target)| matches!(target.verdict, Verdict::Ready | Verdict::Skipped))
            .map(|(instance, _)| instance.name.as_str())
            .collect();
        if !ready.is_empty() {
            self.verdict_line(Verdict::Ready, &names(&ready));
        }
        let without: Vec<&str> = selection.not_judged().map(|instance| instance.name.as_str()).collect();
        if !without.is_empty() {
            let text = format!("{NOT_JUDGED}: {}", names(&without));
            self.verdict_line(Verdict::Unknown, &text);
        }
        self.blank();
        self.many_sources(selection);
        self.paragraph(
            "One of them in depth: `agent status INSTANCE`. All of them: `agent status --output json`.",
        );
        self.blank();
    }

    fn numbers(&mut self, selection: &Selection<'_>, worst: &[(&InstanceView, &TargetView)]) {
        let of = |verdict| worst.iter().filter(|(_, target)| target.verdict == verdict).count();
        let unknown = of(Verdict::Unknown) + (selection.instances.len() - worst.len());
        let parts = [
            (of(Verdict::Blocked), "blocked"),
            (unknown, "cannot tell"),
            (of(Verdict::Warning), "with warnings"),
            (of(Verdict::Ready) + of(Verdict::Skipped), "ready"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
        let instances = count(selection.instances.len(), "instance");
        let targets = count(selection.targets().len(), "target");
        let shard = selection.status.shard;
        let shard =
            shard.map_or_else(String::new, |shard| format!(" (shard {} of {})", shard.index, shard.of));
        let parts = parts.join(", ");
        self.paragraph(&format!("{instances}{shard}, {targets}; by their worst target: {parts}"));
        self.blank();
    }

    /// The checks that say so on most instances: what is mended once for many.
    fn checks(&mut self, selection: &Selection<'_>, label: &str, verdict: Verdict, does: &str) {
        let mut on: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, targets) in &selection.instances {
            let mut ids: Vec<&str> = targets
                .iter()
                .flat_map(|target| target.with_verdict(verdict))
                .filter(|check| verdict != Verdict::Blocked || counts(check))
                .map(|check| check.id.as_str())
                .collect();
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                *on.entry(id).or_default() += 1;
            }
        }
        let mut on: Vec<(&str, usize)> = on.into_iter().collect();
        on.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        let more = on.len().saturating_sub(MOST_CHECKS);
        for (id, number) in on.iter().take(MOST_CHECKS) {
            let painted = self.paint(label, verdict_style(verdict));
            self.labelled(label, &painted, &format!("{id} {does} {}", count(*number, "instance")));
        }
        if more > 0 {
            self.verdict_line(verdict, &format!("and {}", count(more, "other check")));
        }
    }

    /// Sources that do not answer, each with the instances it does not answer for.
    fn many_sources(&mut self, selection: &Selection<'_>) {
        let mut silent: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (instance, _) in &selection.instances {
            for source in &instance.sources {
                let state = match source.state {
                    Condition::Failed => "failed",
                    Condition::Stale => "is too old to be believed",
                    Condition::Pending => "was not asked yet",
                    Condition::Off | Condition::Ok => continue,
                };
                silent.entry((&source.source, state)).or_default().push(&instance.name);
            }
        }
        for ((source, state), of) in silent {
            let painted = self.paint("SOURCE", verdict_style(Verdict::Unknown));
            let number = count(of.len(), "instance");
            self.labelled("SOURCE", &painted, &format!("{source} {state} on {number}: {}", names(&of)));
        }
        let said: Vec<&str> = selection
            .instances
            .iter()
            .filter(|(instance, _)| !instance.notices.is_empty())
            .map(|(instance, _)| instance.name.as_str())
            .collect();
        if !said.is_empty() {
            let painted = self.paint("notice", verdict_style(Verdict::Skipped));
            let text = format!("something is to be said of waivers and sign-offs of {}", names(&said));
            self.labelled("notice", &painted, &text);
        }
        self.blank();
    }

    fn verdict_line(&mut self, verdict: Verdict, text: &str) {
        let word = verdict_word(verdict);
        let painted = self.paint(word, verdict_style(verdict));
        self.labelled(word, &painted, text);
    }
}

/// Whether a check that blocks has a blocker nobody settled.
fn counts(check: &super::CheckView) -> bool {
    check.findings.iter().any(|finding| finding.severity == Severity::Blocker && finding.waiver.is_none())
}

/// The first names of many.
pub(super) fn names(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).copied().collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{StatusFile, TargetView, render_text, view};
    use super::*;
    use crate::surface::sample;

    /// Sixty instances: most blocked, some unknown, with warnings, ready, and two that were not judged.
    fn many() -> StatusFile {
        let mut status = view(&sample::large_board(60), sample::now());
        let mut say = |places: std::ops::Range<usize>, change: fn(&mut InstanceView)| {
            status.instances[places].iter_mut().for_each(change);
        };
        let keep_ready = |instance: &mut InstanceView| {
            instance.targets.retain(|target| target.verdict == Verdict::Ready);
        };
        let warn = |target: &mut TargetView| target.verdict = Verdict::Warning;
        say(0..35, |_| ());
        say(35..40, |instance| instance.targets[0].verdict = Verdict::Unknown);
        say(40..58, keep_ready);
        say(58..60, |instance| instance.targets.clear());
        status.instances[40..44].iter_mut().flat_map(|instance| &mut instance.targets).for_each(warn);
        status
    }

    fn render(status: &StatusFile) -> String {
        render_text(&status.select(None, None).unwrap(), sample::now(), false)
    }

    #[test]
    fn many_instances_fit_on_two_screens_with_the_gravest_first() {
        insta::assert_snapshot!(render(&many()));
    }

    #[test]
    fn a_few_have_their_sheets_and_one_of_many_too() {
        let mut status = many();
        let one = render_text(&status.select(Some("wiki-7"), None).unwrap(), sample::now(), false);
        assert!(one.contains("BLOCKER") && !one.contains("wiki-8"), "{one}");
        let beginning = render(&status);
        assert!(!beginning.contains("BLOCKER"), "{beginning}");
        status.instances.truncate(MOST_SHEETS);
        assert!(render(&status).contains("BLOCKER"));
    }

    #[test]
    fn hostile_names_stay_text_and_in_80_columns() {
        let mut status = many();
        for instance in &mut status.instances {
            instance.name = format!("\u{1b}]0;owned\u{7}\n{}\u{202e}", "x".repeat(300));
            instance.sources[0].state = Condition::Failed;
        }
        let text = render(&status);
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()) && !text.contains('\u{202e}'));
        assert!(text.lines().all(|line| line.chars().count() <= super::super::text::WIDTH));
    }
}
