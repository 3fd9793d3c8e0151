//! The status as the output of a monitoring plug-in: one line with performance data.
//!
//! The form is that of the Monitoring Plugins development guidelines
//! (<https://www.monitoring-plugins.org/doc/guidelines.html>); the exit code comes from
//! [`super::exit_code`], which uses the same numbers.

use jiff::Timestamp;
use upgrade_readiness_checks::model::Verdict;

use super::select::NOT_JUDGED;
use super::words::{length, minute, printable};
use super::{Age, InstanceView, Selection, TargetView, age};

/// A notification by SMS has no room for more.
const MOST_TARGETS: usize = 5;

/// One line, without its end.
#[must_use]
pub fn render_nagios(selection: &Selection<'_>, now: Timestamp) -> String {
    let written = minute(selection.status.written_at);
    let (word, story) = match age(selection.status, now) {
        Age::Stale(age) => {
            let story =
                format!("the status file is {} old (written {written}): is the daemon down?", length(age));
            ("UNKNOWN", story)
        }
        Age::Future(ahead) => {
            let story = format!(
                "the status file was written {} in the future ({written}): a clock is wrong",
                length(ahead)
            );
            ("UNKNOWN", story)
        }
        Age::Fresh(_) => (word(selection.verdict()), story(selection)),
    };
    // What follows a bar is performance data, so there may be no other one.
    let story = printable(&story).replace('|', "/");
    format!("UPGRADE {word} - {story} | {}", performance(selection, now))
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked => "BLOCKED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Warning => "WARNING",
        Verdict::Ready | Verdict::Skipped => "READY",
    }
}

fn story(selection: &Selection<'_>) -> String {
    let name = |instance: &InstanceView, target: &TargetView| format!("{}→{}", instance.name, target.name());
    let targets = selection.targets();
    let not_ready: Vec<String> = selection
        .rows()
        .into_iter()
        .filter_map(|(instance, target)| match target {
            None => Some(format!("{}: {NOT_JUDGED}", instance.name)),
            Some(target) if target.verdict == Verdict::Ready => None,
            Some(target) => Some(format!("{}: {}", name(instance, target), target.tally().sentence())),
        })
        .collect();
    let (mut parts, rest) = if not_ready.is_empty() {
        let all = targets.iter().map(|(instance, target)| match target.tally().sentence() {
            nothing if nothing.is_empty() => name(instance, target),
            settled => format!("{}: {settled}", name(instance, target)),
        });
        (all.clone().take(MOST_TARGETS).collect::<Vec<_>>(), all.count().saturating_sub(MOST_TARGETS))
    } else {
        let rest = not_ready.len().saturating_sub(MOST_TARGETS);
        (not_ready.into_iter().take(MOST_TARGETS).collect(), rest)
    };
    if parts.is_empty() {
        parts.push("nothing was judged".to_owned());
    }
    if rest > 0 {
        parts.push(format!("and {rest} more"));
    }
    parts.join("; ")
}

fn performance(selection: &Selection<'_>, now: Timestamp) -> String {
    let tallies: Vec<_> = selection.targets().iter().map(|(_, target)| target.tally()).collect();
    let blockers: usize = tallies.iter().map(|tally| tally.blockers).sum();
    let warnings: usize = tallies.iter().map(|tally| tally.warnings).sum();
    let unknown = tallies.iter().map(|tally| tally.unknown).sum::<usize>() + selection.not_judged().count();
    let settled: usize = tallies.iter().map(|tally| tally.waived + tally.signed_off).sum();
    let age = now.duration_since(selection.status.written_at).as_secs().max(0);
    format!(
        "blockers={blockers};;;0 warnings={warnings};;;0 unknown={unknown};;;0 settled={settled};;;0 age={age}s;;;0"
    )
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::{StatusFile, view};
    use super::*;
    use crate::surface::sample;

    fn render(status: &StatusFile, instance: Option<&str>, target: Option<&str>, seconds: i64) -> String {
        let now = status.written_at + SignedDuration::from_secs(seconds);
        render_nagios(&status.select(instance, target).unwrap(), now)
    }

    #[test]
    fn one_line_says_it_all() {
        let status = view(&sample::board(), sample::now());
        assert_eq!(
            render(&status, None, None, 20),
            "UPGRADE BLOCKED - wiki→10.2.14: 2 blockers, 2 warnings, 4 unknown, 1 waived, 1 signed off; docs→next: \
             1 unknown | blockers=2;;;0 warnings=2;;;0 unknown=5;;;0 settled=2;;;0 age=20s;;;0"
        );
        assert_eq!(
            render(&status, Some("wiki"), Some("9.2.10"), 0),
            "UPGRADE READY - wiki→9.2.10 | blockers=0;;;0 warnings=0;;;0 unknown=0;;;0 settled=0;;;0 age=0s;;;0"
        );
        let stale = render(&status, None, None, 900);
        assert!(stale.starts_with("UPGRADE UNKNOWN - the status file is 15 minutes old"), "{stale}");
        let future = render(&status, None, None, -900);
        assert!(future.starts_with("UPGRADE UNKNOWN - the status file was written 15 minutes in the future"));
        assert!(future.ends_with("age=0s;;;0"));
    }

    #[test]
    fn an_instance_that_was_not_judged_is_named() {
        let mut status = view(&sample::board(), sample::now());
        status.instances[0].targets.remove(0);
        status.instances[1].targets.clear();
        assert_eq!(
            render(&status, None, None, 0),
            "UPGRADE UNKNOWN - docs: nothing was judged yet | blockers=0;;;0 warnings=0;;;0 unknown=1;;;0 \
             settled=0;;;0 age=0s;;;0"
        );
    }

    #[test]
    fn names_cannot_add_lines_or_performance_data() {
        let mut status = view(&sample::board(), sample::now());
        status.instances[0].name = "wi|ki\nOK".into();
        let line = render(&status, None, None, 0);
        assert_eq!((line.lines().count(), line.matches('|').count()), (1, 1), "{line}");
    }

    #[test]
    fn many_instances_stay_short() {
        let status = view(&sample::large_board(40), sample::now());
        let line = render(&status, None, None, 0);
        assert!(line.contains("; and 35 more | "), "{line}");
        let nothing = StatusFile { instances: Vec::new(), ..status };
        assert!(render(&nothing, None, None, 0).starts_with("UPGRADE UNKNOWN - nothing was judged | "));
    }
}
