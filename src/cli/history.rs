//! `agent history`: what changed when and why. Needs nothing but the right to read the store.

use std::fmt::Write as _;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use upgrade_readiness_checks::model::{Check, Verdict};

use super::ConfigArgs;
use super::explain::check_parser;
use super::output::{Output, advise};
use super::published::{self, Understood};
use super::run::block_on;
use super::status::status_path;
use crate::store::{Change, Store, Wanted};
use crate::surface::status::{minute, printable, read_status, wrap};

/// More changes are left out, and it is said so.
const MOST: u32 = 1000;

/// Version of the form for programs.
pub(super) const FORMAT_VERSION: &str = "1.0";

/// Arguments of `agent history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Only this instance.
    instance: Option<String>,
    /// Only this target: its version, or the word in the configuration.
    #[arg(long, value_name = "VERSION")]
    target: Option<String>,
    /// Only this check.
    #[arg(long, value_name = "ID", value_parser = check_parser(), hide_possible_values = true)]
    check: Option<&'static Check>,
    /// Only since this day, such as 2026-11-20, or for so long, such as 7d or 12h.
    #[arg(long, value_name = "DATE|DURATION")]
    since: Option<String>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: ListForm,
    #[command(flatten)]
    understood: Understood,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ListForm {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(super) fn run(args: &HistoryArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is((args.output == ListForm::Json).then_some(&published::HISTORY))?;
    let status = status_path(None, &args.config)?;
    let path = status.with_file_name("history.db");
    let since = args.since.as_deref().map(|text| parse_since(text, Timestamp::now())).transpose()?;
    let wanted = Wanted {
        instance: args.instance.clone(),
        target: args.target.as_deref().map(|target| resolved(&status, args.instance.as_deref(), target)),
        check: args.check.map(|check| check.id.to_owned()),
        since,
        skipped: 0,
        most: MOST + 1,
    };
    let read = async {
        let mut store = Store::open_to_read(&path).await?;
        store.changes(&wanted).await
    };
    let mut changes = block_on(read)?.map_err(|error| {
        let remedy = error.remedy_to_read();
        advise(error, remedy)
    })?;
    if changes.is_empty()
        && let Some(name) = &args.instance
    {
        is_known(&status, name)?;
    }
    let more = changes.len() > MOST as usize;
    changes.truncate(MOST as usize);
    match args.output {
        ListForm::Text => output.text(&render_text(&changes, more))?,
        ListForm::Json => output.text(&render_json(&changes, more)?)?,
    }
    Ok(0)
}

/// A word such as latest-lts stands for the release the status file names.
fn resolved(status: &std::path::Path, instance: Option<&str>, asked: &str) -> String {
    let file = read_status(status).ok();
    let version = file.as_ref().and_then(|file| {
        let selection = file.select(instance, Some(asked)).ok()?;
        selection.instances.first()?.1.first()?.version.clone()
    });
    version.unwrap_or_else(|| asked.to_owned())
}

/// An instance of which nothing is remembered may be a new one, or a slip of the pen.
fn is_known(status: &std::path::Path, name: &str) -> anyhow::Result<()> {
    let Ok(file) = read_status(status) else { return Ok(()) };
    match file.select(Some(name), None) {
        Ok(_) => Ok(()),
        Err(unknown) => Err(advise(unknown, "Name one of these, or leave it out to see all.")),
    }
}

fn parse_since(text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    let advice = "Give a day such as 2026-11-20, or a length of time such as 7d, 12h or 30m.";
    if let Ok(day) = text.parse::<Date>() {
        return Ok(day.to_zoned(TimeZone::UTC).context("reading --since")?.timestamp());
    }
    let unread = |error: jiff::Error| {
        advise(
            anyhow::Error::new(error).context(format!("{text:?} is neither a day nor a length of time")),
            advice,
        )
    };
    let span: Span = text.parse().map_err(unread)?;
    Ok(now.to_zoned(TimeZone::UTC).checked_sub(span.abs()).map_err(unread)?.timestamp())
}

fn render_text(changes: &[Change], more: bool) -> String {
    // Writing into a string cannot fail.
    let mut text = String::new();
    let mut heading = String::new();
    for change in changes {
        let day = minute(change.at);
        let next = format!("{day} {} to {}", printable(&change.instance), printable(&change.target));
        if next != heading {
            if !text.is_empty() {
                text.push('\n');
            }
            for line in wrap(&next, 80) {
                text.push_str(&line);
                text.push('\n');
            }
            heading = next;
        }
        let before = change.before.map_or("first judged", Verdict::id);
        let _infallible = writeln!(text, "  {}: {before} → {}", printable(&change.check), change.after.id());
        for line in wrap(&change.cause, 76) {
            let _infallible = writeln!(text, "    {line}");
        }
        if let Some(observed) = &change.observed {
            for (index, line) in wrap(observed, 70).into_iter().enumerate() {
                let word = if index == 0 { "seen" } else { "" };
                let _infallible = writeln!(text, "    {word:4}  {line}");
            }
        }
    }
    if changes.is_empty() {
        text.push_str("Nothing has changed that is remembered.\n");
    }
    if more {
        let _infallible =
            writeln!(text, "\nThese are the newest {MOST}; ask for less with --check, --target or --since.");
    }
    text
}

/// The public form: kept apart from the store's own.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Answer of agent history")]
struct HistoryView<'a> {
    /// Version of this form: `1.0`.
    format_version: &'static str,
    /// Changes of verdict, the newest first.
    changes: Vec<ChangeView<'a>>,
    /// Whether older ones were left out.
    more: bool,
}

/// A change of verdict.
#[derive(Debug, Serialize, JsonSchema)]
struct ChangeView<'a> {
    /// When.
    at: Timestamp,
    /// Of which instance.
    instance: &'a str,
    /// For which release.
    target: &'a str,
    /// Id of the check.
    check: &'a str,
    /// The verdict before; null when it was judged for the first time.
    from: Option<Verdict>,
    /// The verdict since then.
    to: Verdict,
    /// Why, in words.
    cause: &'a str,
    /// What was seen; null when nothing was found.
    observed: Option<&'a str>,
}

impl<'a> From<&'a Change> for ChangeView<'a> {
    fn from(change: &'a Change) -> Self {
        let Change { instance, target, check, at, before, after, cause, observed } = change;
        Self {
            at: *at,
            instance,
            target,
            check,
            from: *before,
            to: *after,
            cause,
            observed: observed.as_deref(),
        }
    }
}

/// The JSON schema of the answer.
pub(super) fn schema() -> schemars::Schema {
    schemars::schema_for!(HistoryView<'_>)
}

fn render_json(changes: &[Change], more: bool) -> anyhow::Result<String> {
    let view = HistoryView {
        format_version: FORMAT_VERSION,
        changes: changes.iter().map(ChangeView::from).collect(),
        more,
    };
    serde_json::to_string_pretty(&view).context("rendering the history")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn since_is_a_day_or_a_length_of_time() {
        let now = at("2026-11-20T12:00:00Z");
        let rows = [
            ("2026-11-01", Some("2026-11-01T00:00:00Z")),
            ("7d", Some("2026-11-13T12:00:00Z")),
            ("90m", Some("2026-11-20T10:30:00Z")),
            ("2 weeks", Some("2026-11-06T12:00:00Z")),
            ("P1D", Some("2026-11-19T12:00:00Z")),
            ("yesterday", None),
            ("", None),
            ("99999999y", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_since(text, now).ok(), expected.map(at), "{text:?}");
        }
    }

    #[test]
    fn a_change_reads_within_80_columns_and_cannot_drive_the_terminal() {
        let change = Change {
            instance: "wiki".into(),
            target: "10.2.14".into(),
            check: "disk-space".into(),
            at: at("2026-11-20T12:00:00Z"),
            before: Some(Verdict::Ready),
            after: Verdict::Blocked,
            cause: format!("/srv has no room\u{1b}[2J {}", "and more ".repeat(30)),
            observed: Some("x".repeat(200)),
        };
        let first = Change { before: None, check: "java-version".into(), observed: None, ..change.clone() };
        let text = render_text(&[change, first], true);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.starts_with("2026-11-20 12:00 UTC wiki to 10.2.14\n  disk-space: ready → blocked\n"),
            "{text}"
        );
        assert!(text.contains("first judged → blocked") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("newest 1000"), "{text}");
        assert!(render_text(&[], false).starts_with("Nothing has changed"));
    }
}
