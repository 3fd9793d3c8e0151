//! The fleet for tickets and chats.

use std::fmt::Write as _;

use upgrade_readiness_checks::model::Verdict;

use super::{FleetFile, told_by};
use crate::surface::html::verdict_word;
use crate::surface::status::{escape, minute};

/// A table of the fleet, and below what stands in the way.
#[must_use]
pub fn render_fleet_markdown(fleet: &FleetFile, all: bool) -> String {
    let mut out = format!("# Fleet\n\n{}, read {}\n", fleet.summary(), minute(fleet.read_at));
    if fleet.more {
        out.push_str("\nThere are more reports than are read; this is not the whole fleet.\n");
    }
    out.push_str("\n| | Instance | Upgrade | Blocked from | |\n|---|---|---|---|---|\n");
    for instance in &fleet.instances {
        for target in &instance.targets {
            let from = target.blocks_at.map(minute).unwrap_or_default();
            // Writing into a string cannot fail.
            let _infallible = writeln!(
                out,
                "| {} | {} | {} | {from} | {} |",
                verdict_word(target.verdict),
                escape(&instance.name),
                escape(&target.jump(instance)),
                target.tally()
            );
        }
        if instance.targets.is_empty() {
            let _infallible =
                writeln!(out, "| {} | {} | | | |", verdict_word(instance.verdict), escape(&instance.name));
        }
    }
    for instance in fleet.instances.iter().filter(|instance| all || instance.verdict != Verdict::Ready) {
        let _infallible = writeln!(out, "\n## {}\n", escape(&instance.name));
        for doubt in &instance.doubts {
            let _infallible = writeln!(out, "- **Cannot tell:** {}", escape(doubt));
        }
        for finding in instance.targets.iter().flat_map(|target| &target.findings) {
            let word = verdict_word(finding.verdict);
            let (check, summary) = (escape(&finding.check), escape(&finding.summary));
            let by = escape(&finding.said_by.join(", "));
            let _infallible = writeln!(out, "- **{word}** {check}: {summary} ({by})");
        }
        if all {
            for report in &instance.reports {
                let _infallible = writeln!(out, "- said by {}", escape(&told_by(report)));
            }
        }
    }
    out
}
