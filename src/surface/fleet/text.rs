//! The fleet as text for a terminal: 80 columns, blockers first.

use std::fmt::Write as _;

use jiff::Timestamp;
use owo_colors::{OwoColorize as _, Style};
use upgrade_readiness_checks::model::Verdict;

use super::{FleetFile, FleetInstanceView, FleetTargetView, told_by};
use crate::surface::status::{length, minute, printable, product_name, wrap};

const WIDTH: usize = 80;
/// Where the text beside a verdict begins.
const INDENT: usize = 9;
/// So many findings of a target; the agent on the spot has all of them.
const MOST_SHOWN: usize = 5;

/// What `agent fleet` prints. Without `all`, instances that are ready are only counted.
#[must_use]
pub fn render_fleet_text(fleet: &FleetFile, now: Timestamp, all: bool, color: bool) -> String {
    let mut sheet = Sheet { out: String::new(), color, all, now };
    sheet.lines(
        0,
        &format!("Fleet in {}, read {} ago", fleet.store, length(now.duration_since(fleet.read_at))),
    );
    sheet.lines(0, &fleet.summary());
    if fleet.more {
        sheet.lines(0, "There are more reports than are read; this is not the whole fleet.");
    }
    let shown = |instance: &&FleetInstanceView| all || instance.verdict != Verdict::Ready;
    for instance in fleet.instances.iter().filter(shown) {
        sheet.instance(instance);
    }
    if fleet.instances.is_empty() {
        sheet.lines(0, "No agent has reported an instance yet; each does when it has looked once.");
    } else if !all && fleet.instances.iter().any(|instance| instance.verdict == Verdict::Ready) {
        sheet.out.push('\n');
        sheet.lines(0, "Those that are ready are not shown; --all shows them, and who reports what.");
    }
    sheet.out
}

struct Sheet {
    out: String,
    color: bool,
    all: bool,
    now: Timestamp,
}

impl Sheet {
    fn instance(&mut self, instance: &FleetInstanceView) {
        self.out.push('\n');
        let product = product_name(&instance.product);
        self.beside(instance.verdict, &format!("{} ({product})", instance.name));
        for doubt in &instance.doubts {
            self.lines(INDENT, doubt);
        }
        for target in &instance.targets {
            self.target(instance, target);
        }
        if self.all {
            for report in &instance.reports {
                self.lines(INDENT, &format!("said by {}", told_by(report)));
            }
        }
    }

    fn target(&mut self, instance: &FleetInstanceView, target: &FleetTargetView) {
        let tally = target.tally();
        let jump = target.jump(instance);
        let text = if tally.is_empty() { jump } else { format!("{jump}: {tally}") };
        self.lines(INDENT, &format!("{}: {text}", word(target.verdict).to_lowercase()));
        if let Some(at) = target.blocks_at.filter(|at| *at > self.now && target.verdict != Verdict::Blocked) {
            let because = target.blocks_because.as_deref().unwrap_or("a check");
            self.lines(INDENT + 2, &format!("will be blocked from {} if nobody acts: {because}", minute(at)));
        }
        let nodes = instance.reports.len() > 1;
        for finding in target.findings.iter().take(MOST_SHOWN) {
            let check = if finding.check.is_empty() { String::new() } else { format!("{}: ", finding.check) };
            let by = if nodes && !finding.said_by.is_empty() {
                format!(" ({})", finding.said_by.join(", "))
            } else {
                String::new()
            };
            self.lines(INDENT + 2, &format!("{check}{}{by}", finding.summary));
        }
        if target.findings.len() > MOST_SHOWN {
            self.lines(INDENT + 2, &format!("and {} more", target.findings.len() - MOST_SHOWN));
        }
    }

    fn beside(&mut self, verdict: Verdict, text: &str) {
        let label = word(verdict);
        let shown = if self.color { label.style(style(verdict)).to_string() } else { label.to_owned() };
        let gap = " ".repeat(INDENT.saturating_sub(label.len()));
        for (place, line) in wrap(&printable(text), WIDTH - INDENT).iter().enumerate() {
            let before = if place == 0 { format!("{shown}{gap}") } else { " ".repeat(INDENT) };
            // Writing into a string cannot fail.
            let _infallible = writeln!(self.out, "{before}{line}");
        }
    }

    fn lines(&mut self, indent: usize, text: &str) {
        for line in wrap(text, WIDTH - indent) {
            // Writing into a string cannot fail.
            let _infallible = writeln!(self.out, "{}{line}", " ".repeat(indent));
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked => "BLOCKED",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Warning => "WARNING",
        Verdict::Ready => "READY",
        Verdict::Skipped => "SKIPPED",
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Blocked => Style::new().red().bold(),
        Verdict::Unknown => Style::new().magenta().bold(),
        Verdict::Warning => Style::new().yellow().bold(),
        Verdict::Ready => Style::new().green().bold(),
        Verdict::Skipped => Style::new().dimmed(),
    }
}
