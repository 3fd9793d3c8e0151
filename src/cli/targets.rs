//! `agent targets`: every release an instance could be upgraded to, and which one to choose. By what the daemon last
//! wrote, or by facts somebody took before.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::ConfigArgs;
use super::judged::{Judged, Wanted};
use super::output::{Output, advise};
use super::published::{self, Understood};
use super::status::status_path;
use crate::board::Board;
use crate::keeper::judge_offering;
use crate::surface::status::{
    StatusFile, exit_code_of_offers, read_status, render_offers_json, render_offers_markdown,
    render_offers_text, view,
};

/// Arguments of `agent targets`.
#[derive(Debug, Args)]
pub(crate) struct TargetsArgs {
    /// Only this instance.
    instance: Option<String>,
    /// Every release, and not only the newest of each line, the targets and the recommended one.
    #[arg(long)]
    all: bool,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    understood: Understood,
    /// The status file; that of the configuration by default.
    #[arg(long, value_name = "FILE", conflicts_with = "facts")]
    file: Option<PathBuf>,
    /// Judge the facts in this file, at the time they were taken.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// The `offer` of each instance, as in the status file.
    Json,
    /// For tickets and chats.
    Markdown,
}

pub(super) fn run(args: &TargetsArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is(matches!(args.output, Form::Json).then_some(&published::TARGETS))?;
    let (file, now) = match &args.facts {
        Some(path) => judged(path, &args.config, output)?,
        None => (written(args)?, Timestamp::now()),
    };
    let selection = file
        .select(args.instance.as_deref(), None)
        .map_err(|error| advise(error, "Leave it out to see all, or name one of these."))?;
    let text = match args.output {
        Form::Text => render_offers_text(&selection, now, output.color(), args.all),
        Form::Json => render_offers_json(&selection),
        Form::Markdown => render_offers_markdown(&selection, now, args.all),
    };
    output.text(&text)?;
    Ok(exit_code_of_offers(&selection, now))
}

fn written(args: &TargetsArgs) -> anyhow::Result<StatusFile> {
    let path = status_path(args.file.as_deref(), &args.config)?;
    read_status(&path).map_err(|error| {
        let remedy = error.remedy();
        advise(error, remedy)
    })
}

/// Judged at the time the facts were taken: the answer is as old as they are, and never stale.
fn judged(path: &Path, config: &ConfigArgs, output: &mut Output) -> anyhow::Result<(StatusFile, Timestamp)> {
    let wanted = Wanted { facts: Some(path), instance: None, targets: &[], config };
    let facts = Judged::open(wanted, output)?;
    let now = facts.snapshot.taken_at;
    let offering = judge_offering(&facts.snapshot, &facts.catalog, &facts.policy, &facts.plan);
    let state = facts.state(&offering);
    Ok((view(&Board { instances: vec![Arc::new(state)], ..Board::default() }, now), now))
}
