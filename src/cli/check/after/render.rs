//! A comparison for people: as text of 80 columns, and as Markdown for a ticket.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use upgrade_readiness_checks::model::Verdict;

use super::view::{AfterView, ItemView};
use crate::surface::status::{escape, minute, printable, wrap};

const WIDTH: usize = 80;
/// Where the text beside a label begins.
const INDENT: usize = 9;
/// Where the text beside a label of a label begins.
const DETAIL: usize = 17;

/// The label of what is seen now.
const NOW: &str = "now";

/// What `agent check --after` prints.
pub(super) fn text(view: &AfterView) -> String {
    let mut out = String::new();
    let title = format!("{}: {} {}", view.instance, view.product_name, jump(view));
    beside(&mut out, label(view.verdict), INDENT, &title);
    beside(&mut out, "", INDENT, &tally(view));
    beside(&mut out, "", INDENT, &times(view));
    let mut reasons: BTreeMap<&str, &str> = BTreeMap::new();
    for verdict in [Verdict::Blocked, Verdict::Warning, Verdict::Unknown] {
        for item in view.with(verdict) {
            out.push('\n');
            beside(&mut out, label(verdict), INDENT, &item.summary);
            // What keeps the agent from many answers is told once.
            let first = *reasons.entry(&item.now).or_insert(item.topic);
            for (name, text) in details(item) {
                let again = name == NOW && verdict == Verdict::Unknown && first != item.topic;
                let text = if again { format!("not known, as for {first}") } else { text };
                beside(&mut out, &format!("{:INDENT$}{name}", ""), DETAIL, &text);
            }
        }
    }
    let mut well = view.with(Verdict::Ready).peekable();
    if well.peek().is_some() {
        out.push('\n');
    }
    for item in well {
        // One line each: what is well needs no more.
        let line = format!("{:INDENT$}{}: {}", label(Verdict::Ready), item.topic, printable(&item.summary));
        put(&mut out, format_args!("{}\n", cut(&line)));
    }
    out
}

/// The same for a ticket.
pub(super) fn markdown(view: &AfterView) -> String {
    let mut out = String::new();
    let title = format!("{}: {} {}", view.instance, view.product_name, jump(view));
    put(&mut out, format_args!("# After the upgrade of {} – {}\n\n", escape(&title), view.verdict));
    put(&mut out, format_args!("{} {}.\n\n", escape(&times(view)), escape(&tally(view))));
    for (verdict, word) in
        [(Verdict::Blocked, "Problem"), (Verdict::Warning, "Warning"), (Verdict::Unknown, "Cannot tell")]
    {
        for item in view.with(verdict) {
            put(&mut out, format_args!("- **{word}: {}**\n", escape(&item.summary)));
            for (name, text) in details(item) {
                put(&mut out, format_args!("  - {name}: {}\n", escape(&text)));
            }
        }
    }
    if view.with(Verdict::Ready).next().is_some() {
        out.push_str("\n| Well | | Before | Now |\n|---|---|---|---|\n");
    }
    for item in view.with(Verdict::Ready) {
        let cells = [item.topic, &item.summary, &item.before, &item.now].map(escape).join(" | ");
        put(&mut out, format_args!("| {cells} |\n"));
    }
    out
}

fn label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked => "BLOCKED",
        Verdict::Warning => "WARNING",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Ready => "ready",
        Verdict::Skipped => "skipped",
    }
}

fn jump(view: &AfterView) -> String {
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "?".to_owned());
    let meant = match &view.expected {
        Some(expected) if view.to.as_ref() != Some(expected) => format!(" ({expected} was meant)"),
        Some(_) | None => String::new(),
    };
    format!("{} → {}{meant}", version(&view.from), version(&view.to))
}

fn times(view: &AfterView) -> String {
    format!("Compared with {}, looked at {}.", minute(view.before_at), minute(view.now_at))
}

fn tally(view: &AfterView) -> String {
    let count = |verdict| view.with(verdict).count();
    format!(
        "{} to put right, {} to decide, {} cannot be told, {} well",
        count(Verdict::Blocked),
        count(Verdict::Warning),
        count(Verdict::Unknown),
        count(Verdict::Ready)
    )
}

fn details(item: &ItemView) -> Vec<(&'static str, String)> {
    let mut details = vec![("before", item.before.clone()), (NOW, item.now.clone())];
    details.extend(item.remedy.clone().map(|remedy| ("do", remedy)));
    details.push(("topic", item.place()));
    details
}

/// A label and the text beside it, in lines that fit.
fn beside(out: &mut String, label: &str, indent: usize, text: &str) {
    for (index, line) in wrap(text, WIDTH - indent).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        put(out, format_args!("{label:indent$}{line}\n"));
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH - 1) {
        Some((end, last)) if end + last.len_utf8() < line.len() => {
            format!("{}…", line.get(..end).unwrap_or_default())
        }
        Some(_) | None => line.to_owned(),
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    let _infallible = out.write_fmt(text);
}
