//! The status as Markdown, for tickets and wikis.

use std::fmt::Write as _;

use jiff::Timestamp;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::select::NOT_JUDGED;
use super::words::{blocks, length, minute, printable, product_name, settled};
use super::{Age, CheckView, FindingView, InstanceView, NoticeView, Selection, TargetView, age};

/// A page with an overview and a section per target.
#[must_use]
pub fn render_markdown(selection: &Selection<'_>, now: Timestamp) -> String {
    let mut out = String::from("# Upgrade readiness\n\n");
    let written = minute(selection.status.written_at);
    let head = match age(selection.status, now) {
        Age::Fresh(age) => format!("Written {} ago ({written}).", length(age)),
        Age::Stale(age) => {
            format!("**Stale:** written {} ago ({written}); the daemon is down or cannot write.", length(age))
        }
        Age::Future(ahead) => {
            format!("**Clock:** written {} in the future ({written}); a clock is wrong.", length(ahead))
        }
    };
    put(&mut out, format_args!("{head}\n\n"));
    if selection.instances.is_empty() {
        out.push_str("No instance is watched yet.\n");
        return out;
    }
    out.push_str("| Instance | Runs | Target | Verdict | What stands in the way |\n|---|---|---|---|---|\n");
    for (instance, target) in selection.rows() {
        let runs = instance.version.as_deref().unwrap_or("not known");
        let (name, verdict, tally) = target.map_or_else(
            || (String::new(), Verdict::Unknown, NOT_JUDGED.to_owned()),
            |target| (target.full_name(), target.verdict, target.tally().sentence()),
        );
        let row = [&instance.name, runs, &name].map(escape).join(" | ");
        put(&mut out, format_args!("| {row} | {verdict} | {tally} |\n"));
    }
    for (instance, targets) in &selection.instances {
        if targets.is_empty() {
            let name = escape(&instance.name);
            let unknown = Verdict::Unknown;
            put(&mut out, format_args!("\n## {name} – {unknown}\n\n- **Cannot tell:** {NOT_JUDGED}\n"));
        }
        for target in targets {
            section(&mut out, instance, target, now);
        }
        notices(&mut out, &instance.name, &instance.notices);
    }
    notices(&mut out, "the agent", &selection.status.notices);
    out
}

fn section(out: &mut String, instance: &InstanceView, target: &TargetView, now: Timestamp) {
    let runs = instance.version.as_deref().unwrap_or("?");
    let title =
        format!("{}: {} {runs} → {}", instance.name, product_name(&instance.product), target.full_name());
    put(out, format_args!("\n## {} – {}\n\n", escape(&title), target.verdict));
    if let Some(day) = target.upgrade_on {
        put(out, format_args!("Planned for {day}.\n\n"));
    }
    if let Some(blocks) = blocks(target, now) {
        put(out, format_args!("The upgrade {}.\n\n", escape(&blocks)));
    }
    if let Some(reason) = &target.reason {
        put(out, format_args!("{}\n\n", escape(reason)));
    }
    for (check, finding) in target.findings() {
        describe(out, check, finding);
    }
    for (reason, checks) in target.by_reason(Verdict::Unknown) {
        put(out, format_args!("- **Cannot tell:** {}\n  - Why: {}\n", ids(&checks), escape(reason)));
    }
    for check in target.signed_off() {
        put(out, format_args!("- **Settled:** {}\n  - Why: {}\n", ids(&[check]), escape(&check.reason)));
    }
    for (verdict, word) in [(Verdict::Ready, "Ready"), (Verdict::Skipped, "Does not apply")] {
        let checks: Vec<_> = target.with_verdict(verdict).collect();
        if !checks.is_empty() {
            put(out, format_args!("- **{word}:** {}\n", ids(&checks)));
        }
    }
}

fn notices(out: &mut String, of: &str, notices: &[NoticeView]) {
    if notices.is_empty() {
        return;
    }
    put(out, format_args!("\n## Notices of {}\n\n", escape(of)));
    for NoticeView { subject, text } in notices {
        put(out, format_args!("- **{}:** {}\n", escape(subject), escape(text)));
    }
}

fn describe(out: &mut String, check: &CheckView, finding: &FindingView) {
    let word = match finding.severity {
        Severity::Blocker => "Blocker",
        Severity::Warning => "Warning",
        Severity::Notice => "Notice",
    };
    let FindingView { summary, observed, required, remedy, subject, .. } = finding;
    put(out, format_args!("- **{word}: {}**\n", escape(summary)));
    let mut rows = vec![("Seen", observed.clone()), ("Needed", required.clone()), ("Do", remedy.clone())];
    if let Some(day) = finding.holds_on {
        rows.push(("From", format!("the planned day, {day}; not yet today")));
    }
    if let Some(waiver) = &finding.waiver {
        rows.push(settled(waiver));
    }
    if let Some(lapsed) = &finding.lapsed {
        rows.push(("Counts again", lapsed.clone()));
    }
    rows.push(("Check", format!("{}, {subject}", check.id)));
    for (key, text) in rows {
        put(out, format_args!("  - {key}: {}\n", escape(&text)));
    }
}

fn ids(checks: &[&CheckView]) -> String {
    checks.iter().map(|check| escape(&check.id)).collect::<Vec<_>>().join(", ")
}

/// Foreign text in one line that is shown as it is.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in printable(text).chars() {
        if "\\`*_{}[]<>|#&~!".contains(char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _infallible = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::{StatusFile, view};
    use super::*;
    use crate::surface::sample;

    #[test]
    fn the_whole_page() {
        let status = view(&sample::board(), sample::now());
        let selection = status.select(None, None).unwrap();
        insta::assert_snapshot!(render_markdown(&selection, sample::now()));
    }

    #[test]
    fn age_and_emptiness_are_told() {
        let status = view(&sample::board(), sample::now());
        let at = |hours| {
            let now = status.written_at + SignedDuration::from_hours(hours);
            render_markdown(&status.select(None, None).unwrap(), now)
        };
        assert!(at(3).contains("**Stale:** written 3 hours ago"));
        assert!(at(-3).contains("**Clock:** written 3 hours in the future"));
        let nothing = StatusFile { instances: Vec::new(), ..status.clone() };
        let page = render_markdown(&nothing.select(None, None).unwrap(), status.written_at);
        assert!(page.contains("No instance is watched yet"));
        let mut beside = status.clone();
        beside.instances[1].targets.clear();
        let page = render_markdown(&beside.select(None, None).unwrap(), status.written_at);
        assert!(page.contains("| docs | not known |  | unknown | nothing was judged yet |\n"), "{page}");
        assert!(
            page.contains("\n## docs – unknown\n\n- **Cannot tell:** nothing was judged yet\n"),
            "{page}"
        );
    }

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(escape("<b>a|b</b>\n# [x](y) `z`"), r"\<b\>a\|b\</b\> \# \[x\](y) \`z\`");
    }
}
