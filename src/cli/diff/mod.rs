//! `agent diff`: what changed between two snapshots, or between two status files.
//!
//! Both are read with the same suspicion as everywhere; what ticks when nothing happens (when it was looked, and
//! how long it took) is not compared.

mod facts;
mod verdicts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::dossier::{Taken, read_bytes, read_dossier};
use super::history::ListForm;
use super::output::{Output, advise};
use super::published::{self, Understood};

use crate::surface::status::{StatusFile, printable, read_status, wrap};

/// Version of the form for programs.
pub(super) const FORMAT_VERSION: &str = "1.0";

/// More differences are counted and not shown.
const MOST: usize = 1000;

/// Longer values are cut.
const MOST_CHARS: usize = 300;

/// The exit code when they differ, as of diff(1).
const DIFFERENT: u8 = 1;

/// Arguments of `agent diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The older one: a snapshot or a status file.
    a: PathBuf,
    /// The newer one, of the same kind.
    b: PathBuf,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: ListForm,
    #[command(flatten)]
    understood: Understood,
}

/// A difference; absent on the side where there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
struct Difference {
    /// Where.
    path: String,
    /// In the older one; null when it is not there.
    before: Option<String>,
    /// In the newer one; null when it is not there.
    after: Option<String>,
}

/// All differences, as far as they are shown.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Differences {
    /// In the order of the documents.
    differences: Vec<Difference>,
    /// How many more there are.
    left_out: usize,
}

impl Differences {
    fn add(&mut self, path: impl Into<String>, before: Option<String>, after: Option<String>) {
        if before == after {
            return;
        }
        if self.differences.len() == MOST {
            self.left_out += 1;
            return;
        }
        self.differences.push(Difference {
            path: path.into(),
            before: before.map(cut),
            after: after.map(cut),
        });
    }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

enum Document {
    Snapshot(Taken),
    Status(Box<StatusFile>),
}

pub(super) fn run(args: &DiffArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is((args.output == ListForm::Json).then_some(&published::DIFF))?;
    let found = match (read(&args.a)?, read(&args.b)?) {
        (Document::Snapshot(a), Document::Snapshot(b)) => facts::compare(a, b)?,
        (Document::Status(a), Document::Status(b)) => verdicts::compare(&a, &b),
        (Document::Snapshot(_), Document::Status(_)) => return Err(mixed(&args.a, &args.b)),
        (Document::Status(_), Document::Snapshot(_)) => return Err(mixed(&args.b, &args.a)),
    };
    match args.output {
        ListForm::Text => output.text(&render_text(&found))?,
        ListForm::Json => {
            output.text(&render_json(&found)?)?;
        }
    }
    Ok(if found.differences.is_empty() { 0 } else { DIFFERENT })
}

/// The public form: which version it is, and the differences.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Answer of agent diff")]
struct DifferencesView<'a> {
    /// Version of this form: `1.0`.
    format_version: &'static str,
    #[serde(flatten)]
    found: &'a Differences,
}

/// The JSON schema of the answer.
pub(super) fn schema() -> schemars::Schema {
    schemars::schema_for!(DifferencesView<'_>)
}

fn render_json(found: &Differences) -> anyhow::Result<String> {
    let view = DifferencesView { format_version: FORMAT_VERSION, found };
    serde_json::to_string_pretty(&view).context("rendering the differences")
}

fn mixed(snapshot: &Path, status: &Path) -> anyhow::Error {
    advise(
        anyhow::anyhow!("{} is a snapshot and {} a status file", snapshot.display(), status.display()),
        "Compare two of a kind: `agent check --facts FILE --output json` makes a status of a snapshot.",
    )
}

/// What tells the two kinds apart.
#[derive(Deserialize)]
struct Members {
    written_at: Option<IgnoredAny>,
    taken_at: Option<IgnoredAny>,
    facts: Option<IgnoredAny>,
}

fn read(path: &Path) -> anyhow::Result<Document> {
    let remedy = "Name two files made by `agent snapshot --output FILE`, or two status files (`agent status --output json`).";
    let bytes = read_bytes(path)
        .map_err(|error| advise(error.context(format!("reading {}", path.display())), remedy))?;
    let neither = || anyhow::anyhow!("{} is neither a snapshot nor a status file", path.display());
    let members: Members = serde_json::from_slice(&bytes)
        .map_err(|error| advise(anyhow::Error::new(error).context(neither()), remedy))?;
    drop(bytes);
    match members {
        Members { taken_at: Some(_), .. } | Members { facts: Some(_), .. } => {
            Ok(Document::Snapshot(read_dossier(path)?))
        }
        Members { written_at: Some(_), .. } => {
            let file = read_status(path).map_err(|error| {
                let remedy = error.remedy();
                advise(error, remedy)
            })?;
            Ok(Document::Status(Box::new(file)))
        }
        Members { .. } => Err(advise(neither(), remedy)),
    }
}

fn render_text(found: &Differences) -> String {
    let mut text = String::new();
    for Difference { path, before, after } in &found.differences {
        for line in wrap(&printable(path), 80) {
            text.push_str(&line);
            text.push('\n');
        }
        for (sign, value) in [('-', before), ('+', after)] {
            for (index, line) in value.iter().flat_map(|value| wrap(value, 76)).enumerate() {
                let sign = if index == 0 { sign } else { ' ' };
                // Writing into a string cannot fail.
                let _infallible = writeln!(text, "  {sign} {line}");
            }
        }
    }
    if found.left_out > 0 {
        let _infallible = writeln!(text, "and {} more differences", found.left_out);
    }
    if text.is_empty() {
        text.push_str("Nothing has changed.\n");
    }
    text
}

#[cfg(test)]
mod tests;
