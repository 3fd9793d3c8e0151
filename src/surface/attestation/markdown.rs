//! The attestation as Markdown, for change tickets.

use super::super::status::{escape, length};
use super::{Attestation, second, told_age, told_found, told_unknown, told_word};

/// A page for a ticket.
#[must_use]
pub fn render_markdown(attestation: &Attestation) -> String {
    let mut lines = vec![
        format!("# Upgrade gate: {}", attestation.conclusion()),
        String::new(),
        "| | |".to_owned(),
        "|---|---|".to_owned(),
    ];
    let row = |(label, text): (&str, String)| format!("| {label} | {} |", escape(&text));
    lines.extend(attestation.head().into_iter().map(row));
    let lists: [(&str, Vec<String>); 5] = [
        ("Stale", attestation.stale.clone()),
        ("Blockers", attestation.blockers.iter().map(told_found).collect()),
        ("Warnings", attestation.warnings.iter().map(told_found).collect()),
        ("Could not be told", attestation.unknown.iter().map(told_unknown).collect()),
        ("Waivers and sign-offs in use", attestation.words.iter().map(told_word).collect()),
    ];
    for (title, texts) in lists {
        if !texts.is_empty() {
            lines.extend([String::new(), format!("## {title}"), String::new()]);
            lines.extend(texts.iter().map(|text| format!("- {}", escape(text))));
        }
    }
    lines.extend([
        String::new(),
        format!("## Evidence, the oldest first; at most {} old", length(attestation.max_age)),
        String::new(),
        "| Learned at | Source | Age |".to_owned(),
        "|---|---|---|".to_owned(),
    ]);
    lines.extend(attestation.evidence.iter().map(|one| {
        let at = one.collected_at.map_or_else(|| "never".to_owned(), second);
        format!("| {at} | {} | {} |", escape(&one.source), told_age(one))
    }));
    lines.extend([
        String::new(),
        "## To trace it".to_owned(),
        String::new(),
        "| | |".to_owned(),
        "|---|---|".to_owned(),
    ]);
    lines.extend(attestation.foot().into_iter().map(row));
    lines.push(String::new());
    lines.join("\n")
}
