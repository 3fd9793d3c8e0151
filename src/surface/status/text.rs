//! The status as text for a terminal: 80 columns, blockers first. Of many instances it is what they amount to (`many`).

use jiff::Timestamp;
use owo_colors::Style;
use upgrade_readiness_checks::facts::Condition;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::many::MOST_SHEETS;
use super::select::NOT_JUDGED;
use super::words::{blocks, length, minute, printable, product_name, settled, wrap};
use super::{Age, FindingView, InstanceView, NoticeView, Selection, SourceView, TargetView, age};

pub(super) const WIDTH: usize = 80;
/// Where the text beside a label begins.
const INDENT: usize = 9;
/// Where the text beside a label of a label begins.
const DETAIL: usize = 17;

/// The widest column of names in the overview.
pub(super) const MOST_NAME: usize = 24;

/// What `agent status` prints; the caller knows whether its output can show colours.
#[must_use]
pub fn render_text(selection: &Selection<'_>, now: Timestamp, color: bool) -> String {
    let mut sheet = Sheet { out: String::new(), color, now };
    sheet.head(selection);
    if selection.instances.len() > MOST_SHEETS {
        sheet.many(selection);
        sheet.notices("the agent", &selection.status.notices);
        return sheet.out;
    }
    let rows = selection.rows();
    if rows.len() > 1 {
        let longest = rows.iter().map(|(instance, _)| instance.name.chars().count()).max();
        let width = longest.unwrap_or(0).min(MOST_NAME);
        for (instance, target) in &rows {
            sheet.overview(instance, *target, width);
        }
        sheet.blank();
    }
    for (instance, targets) in &selection.instances {
        for target in targets {
            sheet.target(instance, target);
        }
        sheet.sources(instance, targets.is_empty());
        sheet.notices(&instance.name, &instance.notices);
    }
    sheet.notices("the agent", &selection.status.notices);
    if selection.instances.is_empty() {
        sheet.paragraph(
            "No instance is watched yet. Right after its start the daemon needs a moment; \
                         otherwise look at its log with `journalctl -u upgrade-readiness-agent`.",
        );
    }
    sheet.out
}

/// The sheet of text that grows.
pub(super) struct Sheet {
    pub(super) out: String,
    pub(super) color: bool,
    pub(super) now: Timestamp,
}

impl Sheet {
    pub(super) fn head(&mut self, selection: &Selection<'_>) {
        let written = minute(selection.status.written_at);
        match age(selection.status, self.now) {
            Age::Fresh(age) => {
                self.line(&format!("Upgrade readiness, written {} ago ({written})", length(age)));
            }
            Age::Stale(age) => {
                let label = self.paint("STALE", alarm());
                self.labelled(
                    "STALE",
                    &label,
                    &format!(
                        "Written {} ago ({written}), although the daemon writes every minute: it is down or \
                     cannot write. Look with `systemctl status upgrade-readiness-agent`. What follows is as \
                     it was then, not as it is now.",
                        length(age)
                    ),
                );
            }
            Age::Future(ahead) => {
                let label = self.paint("CLOCK", alarm());
                self.labelled("CLOCK", &label, &format!(
                    "Written {} in the future ({written}). The clock of this host or of the one that wrote it \
                     is wrong, so nobody can tell how old what follows is. Look with `timedatectl`.",
                    length(ahead)
                ));
            }
        }
        self.blank();
    }

    pub(super) fn overview(&mut self, instance: &InstanceView, target: Option<&TargetView>, width: usize) {
        let verdict = target.map_or(Verdict::Unknown, |target| target.verdict);
        let word = verdict_word(verdict);
        let label = self.paint(word, verdict_style(verdict));
        let text = target.map_or_else(
            || NOT_JUDGED.to_owned(),
            |target| {
                let (jump, tally) = (jump(instance, target), target.tally().sentence());
                if tally.is_empty() { jump } else { format!("{jump}: {tally}") }
            },
        );
        let name = printable(&instance.name);
        let column = INDENT + width + 2;
        if name.chars().count() > width {
            self.labelled(word, &label, &name);
            self.beside(&" ".repeat(column), &text, column);
        } else {
            let gap = " ".repeat(INDENT.saturating_sub(word.len()));
            self.beside(&format!("{label}{gap}{name:<width$}  "), &text, column);
        }
    }

    fn target(&mut self, instance: &InstanceView, target: &TargetView) {
        let rule = self.paint(&"─".repeat(WIDTH), Style::new().dimmed());
        self.line(&rule);
        let word = verdict_word(target.verdict);
        let title =
            format!("{}: {} {}", instance.name, product_name(&instance.product), jump(instance, target));
        let mut lines = wrap(&title, WIDTH - INDENT);
        if let Some(last) = lines.pop() {
            for line in lines {
                let line = self.paint(&line, Style::new().bold());
                self.line(&line);
            }
            let gap = " ".repeat(WIDTH - last.chars().count() - word.len());
            let line = self.paint(&last, Style::new().bold());
            let word = self.paint(word, verdict_style(target.verdict));
            self.line(&format!("{line}{gap}{word}"));
        }
        self.dates(target);
        self.blank();
        if let Some(reason) = &target.reason {
            let label = self.paint("UNKNOWN", verdict_style(Verdict::Unknown));
            self.labelled("UNKNOWN", &label, reason);
            self.blank();
        }
        for (check, finding) in target.findings() {
            self.finding(&check.id, finding);
        }
        for (reason, checks) in target.by_reason(Verdict::Unknown) {
            let label = self.paint("UNKNOWN", verdict_style(Verdict::Unknown));
            self.labelled("UNKNOWN", &label, &ids(&checks));
            self.detail("why", reason);
            self.blank();
        }
        for check in target.signed_off() {
            let label = self.paint("settled", Style::new().dimmed());
            self.labelled("settled", &label, &check.title);
            self.detail("why", &check.reason);
            self.detail("check", &check.id);
            self.blank();
        }
        let ready: Vec<_> = target.with_verdict(Verdict::Ready).collect();
        if !ready.is_empty() {
            let label = self.paint("ready", verdict_style(Verdict::Ready));
            self.labelled("ready", &label, &ids(&ready));
        }
        for (reason, checks) in target.by_reason(Verdict::Skipped) {
            let label = self.paint("skipped", verdict_style(Verdict::Skipped));
            self.labelled("skipped", &label, &format!("{} ({reason})", ids(&checks)));
        }
        if !ready.is_empty() || target.with_verdict(Verdict::Skipped).next().is_some() {
            self.blank();
        }
    }

    fn dates(&mut self, target: &TargetView) {
        let mut dates = Vec::new();
        if let Some(day) = target.upgrade_on {
            dates.push(format!("planned for {day}"));
        }
        dates.extend(blocks(target, self.now));
        if !dates.is_empty() {
            self.paragraph(&dates.join("; "));
        }
    }

    fn finding(&mut self, check: &str, finding: &FindingView) {
        let (word, style) = match finding.severity {
            Severity::Blocker => ("BLOCKER", verdict_style(Verdict::Blocked)),
            Severity::Warning => ("WARNING", verdict_style(Verdict::Warning)),
            Severity::Notice => ("notice", Style::new().cyan()),
        };
        // A settled one does not shout; how grave it is stands with its word.
        let (label, style) = match &finding.waiver {
            Some(_) => ("settled", Style::new().dimmed()),
            None => (word, style),
        };
        let painted = self.paint(label, style);
        self.labelled(label, &painted, &finding.summary);
        self.detail("seen", &finding.observed);
        self.detail("needed", &finding.required);
        self.detail("do", &finding.remedy);
        if let Some(day) = finding.holds_on {
            self.detail("from", &format!("the planned day, {day}; not yet today"));
        }
        if let Some(waiver) = &finding.waiver {
            let (key, text) = settled(waiver);
            self.detail(&key.to_lowercase(), &format!("{text} ({})", word.to_lowercase()));
        }
        if let Some(lapsed) = &finding.lapsed {
            self.detail("word", lapsed);
        }
        self.detail("check", &format!("{check}, {}", finding.subject));
        self.blank();
    }

    /// Sources that do not answer; all that is known of an instance without targets.
    fn sources(&mut self, instance: &InstanceView, without_targets: bool) {
        if without_targets {
            self.paragraph(&format!("{}: {NOT_JUDGED}.", instance.name));
            self.blank();
        }
        let silent: Vec<&SourceView> = instance
            .sources
            .iter()
            .filter(|source| match source.state {
                Condition::Stale | Condition::Failed => true,
                Condition::Pending | Condition::Off | Condition::Ok => false,
            })
            .collect();
        for source in &silent {
            let label = self.paint("SOURCE", verdict_style(Verdict::Unknown));
            let last = match source.collected_at {
                Some(at) => format!("last answered {}", minute(at)),
                None => "never answered".to_owned(),
            };
            let state = if source.state == Condition::Stale { "is too old to be believed" } else { "failed" };
            let text = format!("{} of {} {state}, {last}", source.source, instance.name);
            self.labelled("SOURCE", &label, &text);
            if let Some(error) = &source.error {
                self.detail("why", error);
            }
            self.blank();
        }
        let pending: Vec<&str> = instance
            .sources
            .iter()
            .filter(|source| source.state == Condition::Pending)
            .map(|source| source.source.as_str())
            .collect();
        if !pending.is_empty() {
            let label = self.paint("SOURCE", verdict_style(Verdict::Unknown));
            let text = format!("not asked yet of {}: {}", instance.name, pending.join(", "));
            self.labelled("SOURCE", &label, &text);
            self.blank();
        }
    }

    fn notices(&mut self, of: &str, notices: &[NoticeView]) {
        for NoticeView { subject, text } in notices {
            let label = self.paint("notice", Style::new().cyan());
            self.labelled("notice", &label, &format!("{of}: {subject}"));
            self.detail("what", text);
            self.blank();
        }
    }

    /// Text beside a label; `painted` is the label as it is shown.
    pub(super) fn labelled(&mut self, label: &str, painted: &str, text: &str) {
        let gap = " ".repeat(INDENT.saturating_sub(label.chars().count()));
        self.beside(&format!("{painted}{gap}"), text, INDENT);
    }

    pub(super) fn detail(&mut self, key: &str, text: &str) {
        let gap = " ".repeat(DETAIL - INDENT - key.chars().count());
        let key = self.paint(key, Style::new().dimmed());
        self.beside(&format!("{}{key}{gap}", " ".repeat(INDENT)), text, DETAIL);
    }

    fn beside(&mut self, first: &str, text: &str, indent: usize) {
        let hanging = " ".repeat(indent);
        for (number, line) in wrap(text, WIDTH - indent).iter().enumerate() {
            let start = if number == 0 { first } else { &hanging };
            self.line(format!("{start}{line}").trim_end());
        }
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        for line in wrap(text, WIDTH) {
            self.line(&line);
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// One empty line, however often it is asked for.
    pub(super) fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        if self.color { style.style(text).to_string() } else { text.to_owned() }
    }
}

fn ids(checks: &[&super::CheckView]) -> String {
    checks.iter().map(|check| check.id.as_str()).collect::<Vec<_>>().join(", ")
}

/// From where to where.
fn jump(instance: &InstanceView, target: &TargetView) -> String {
    let running = instance.version.as_deref().unwrap_or("?");
    format!("{running} → {}", target.full_name())
}

pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked => "BLOCKED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Warning => "WARNING",
        Verdict::Ready => "ready",
        Verdict::Skipped => "skipped",
    }
}

pub(super) fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Blocked => alarm(),
        Verdict::Unknown => Style::new().magenta().bold(),
        Verdict::Warning => Style::new().yellow().bold(),
        Verdict::Ready => Style::new().green(),
        Verdict::Skipped => Style::new().dimmed(),
    }
}

fn alarm() -> Style {
    Style::new().red().bold()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::{BecauseView, StatusFile, view};
    use super::*;
    use crate::surface::sample;

    fn render(status: &StatusFile, age: SignedDuration) -> String {
        render_text(&status.select(None, None).unwrap(), status.written_at + age, false)
    }

    #[test]
    fn the_whole_sheet() {
        let status = view(&sample::board(), sample::now());
        insta::assert_snapshot!(render(&status, SignedDuration::from_mins(3)));
    }

    #[test]
    fn an_old_status_and_a_wrong_clock_are_told_first() {
        let status = view(&sample::board(), sample::now());
        let stale = render(&status, SignedDuration::from_hours(50));
        assert!(stale.starts_with("STALE    Written 2 days ago (2025-12-01 20:00 UTC)"), "{stale}");
        let future = render(&status, -SignedDuration::from_hours(2));
        assert!(future.starts_with("CLOCK    Written 2 hours in the future"), "{future}");
    }

    #[test]
    fn colours_are_the_only_difference_and_only_when_asked_for() {
        let status = view(&sample::board(), sample::now());
        let selection = status.select(None, None).unwrap();
        let plain = render_text(&selection, sample::now(), false);
        let color = render_text(&selection, sample::now(), true);
        assert!(!plain.contains('\u{1b}'));
        assert!(color.contains("\u{1b}[31;1m") || color.contains("\u{1b}[1m\u{1b}[31m"), "{color:?}");
        let stripped = anstream::adapter::strip_str(&color).to_string();
        assert_eq!(stripped, plain);
    }

    #[test]
    fn hostile_text_stays_text_and_in_80_columns() {
        let mut status = view(&sample::board(), sample::now());
        let hostile = format!("\u{1b}]0;owned\u{7}\n\u{9b}2J{}\u{202e}", "x".repeat(300));
        let instance = &mut status.instances[0];
        instance.name.clone_from(&hostile);
        instance.version = Some(hostile.clone());
        instance.sources[0].state = Condition::Failed;
        instance.sources[0].error = Some(hostile.clone());
        let target = &mut instance.targets[0];
        target.version = Some(hostile.clone());
        for check in &mut target.checks {
            check.id.clone_from(&hostile);
            check.reason.clone_from(&hostile);
            for finding in &mut check.findings {
                let FindingView { subject, summary, observed, required, remedy, .. } = finding;
                for text in [subject, summary, observed, required, remedy] {
                    text.clone_from(&hostile);
                }
            }
        }
        let text = render(&status, SignedDuration::ZERO);
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()));
        assert!(!text.contains('\u{202e}'));
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn a_day_to_come_is_told_and_one_that_has_come_is_not() {
        let mut status = view(&sample::board(), sample::now());
        let ready = &mut status.instances[0].targets[1];
        ready.blocks_at = Some(sample::now() + SignedDuration::from_hours(240));
        let text = render(&status, SignedDuration::ZERO);
        assert!(text.contains("will be blocked from 2025-12-11 20:00 UTC if nobody acts"), "{text}");
        assert_eq!(text.matches("will be blocked").count(), 1);
        status.instances[0].targets[1].blocks_because =
            Some(BecauseView { check: "disk-space".into(), subject: "/".into() });
        let text = render(&status, SignedDuration::ZERO);
        assert!(text.replace('\n', " ").contains("if nobody acts: disk-space (/)"), "{text}");
        status.instances[0].targets[1].blocks_at = Some(sample::now());
        assert!(!render(&status, SignedDuration::ZERO).contains("will be blocked"));
    }

    #[test]
    fn nothing_to_show_is_said() {
        let mut status = view(&sample::board(), sample::now());
        status.instances[1].targets.clear();
        let beside = render(&status, SignedDuration::ZERO);
        assert!(beside.contains("UNKNOWN  docs  nothing was judged yet\n"), "{beside}");
        status.instances.truncate(1);
        status.instances[0].targets.clear();
        assert!(render(&status, SignedDuration::ZERO).contains("wiki: nothing was judged yet.\n"));
        status.instances.clear();
        assert!(render(&status, SignedDuration::ZERO).contains("No instance is watched yet"));
    }
}
