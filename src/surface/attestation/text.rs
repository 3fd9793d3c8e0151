//! The attestation as text: 80 columns.

use std::fmt::Write as _;

use super::super::status::{length, wrap};
use super::{Attestation, second, told_age, told_found, told_unknown, told_word};

const WIDTH: usize = 80;
/// Where the text beside a label begins.
const INDENT: usize = 10;

/// What `agent gate` prints.
#[must_use]
pub fn render_text(attestation: &Attestation) -> String {
    let mut out = String::new();
    labelled(&mut out, "GATE", attestation.conclusion());
    for (label, text) in attestation.head() {
        labelled(&mut out, label, &text);
    }
    let lists: [(&str, Vec<String>); 5] = [
        ("STALE", attestation.stale.clone()),
        ("BLOCKER", attestation.blockers.iter().map(told_found).collect()),
        ("WARNING", attestation.warnings.iter().map(told_found).collect()),
        ("UNKNOWN", attestation.unknown.iter().map(told_unknown).collect()),
        ("word", attestation.words.iter().map(told_word).collect()),
    ];
    for (label, texts) in lists {
        if !texts.is_empty() {
            out.push('\n');
        }
        for text in texts {
            labelled(&mut out, label, &text);
        }
    }
    // Writing into a string cannot fail.
    let _infallible =
        writeln!(out, "\nEvidence, the oldest first; at most {} old:", length(attestation.max_age));
    for one in &attestation.evidence {
        let at = one.collected_at.map_or_else(|| "never".to_owned(), second);
        let text = format!("{at:<23}  {}: {}", one.source, told_age(one));
        for line in wrap_kept(&text) {
            out.push_str(&line);
        }
    }
    out.push('\n');
    for (label, text) in attestation.foot() {
        labelled(&mut out, label, &text);
    }
    out
}

/// A row of a table: its gaps are kept, and it is shown and not obeyed.
fn wrap_kept(text: &str) -> Vec<String> {
    let (at, rest) = text.split_at_checked(25).unwrap_or((text, ""));
    let mut lines = wrap(rest, WIDTH - 27).into_iter();
    let first = lines.next().unwrap_or_default();
    let first = format!("  {at}{first}\n");
    std::iter::once(first).chain(lines.map(|line| format!("{}{line}\n", " ".repeat(27)))).collect()
}

fn labelled(out: &mut String, label: &str, text: &str) {
    for (index, line) in wrap(text, WIDTH - INDENT).into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let _infallible = writeln!(out, "{label:<INDENT$}{line}");
    }
}
