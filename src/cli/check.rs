//! `agent check`: looks and judges now, once; or judges facts somebody took before; or compares after an upgrade.

mod after;

pub(super) use after::{FORMAT_VERSION as AFTER_FORMAT, schema as after_schema};

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::model::{Check, Plan, Requested, Verdict};

use super::ConfigArgs;
use super::explain::check_parser;
use super::judged::{Judged, Wanted};
use super::output::Output;
use super::published::Understood;
use super::status::Form;
use crate::board::{Board, Grounds, InstanceState, TargetState};
use crate::keeper::{History, Judging, judge_instance};
use crate::surface::metrics::Metrics;
use crate::surface::status::{exit_code, view};

/// Arguments of `agent check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The instance; may be left out when there is only one.
    instance: Option<String>,
    /// A release to judge: a version, latest, latest-lts, next or recommended; those of the configuration by default. With
    /// --after, the release that was meant; any newer one by default.
    #[arg(long, value_name = "VERSION")]
    target: Vec<Requested>,
    /// Judge this day, such as 2026-12-05, and not today: with the facts as they will be if all goes on as it did.
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// Judge the facts in this file, at the time they were taken and by what they come with, and look at nothing.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Compare with this snapshot from before the upgrade: did it end everywhere, and is all that was there still there?
    #[arg(long, value_name = "FILE", conflicts_with_all = ["on", "only"])]
    after: Option<PathBuf>,
    /// Only these checks.
    #[arg(long, value_name = "ID", value_parser = check_parser(), hide_possible_values = true)]
    only: Vec<&'static Check>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    understood: Understood,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &CheckArgs, output: &mut Output) -> anyhow::Result<u8> {
    if let Some(path) = &args.after {
        return after::run(args, path, output);
    }
    args.understood.is(args.output.published())?;
    let wanted = Wanted {
        facts: args.facts.as_deref(),
        instance: args.instance.as_deref(),
        targets: &args.target,
        config: &args.config,
    };
    let facts = Judged::open(wanted, output)?;
    let offering = facts.offering();
    let now = judged_moment(args.on, facts.snapshot.taken_at)?;
    // The day that is asked for is judged alone.
    let plan = if args.on.is_some() { Plan { day: None, ..facts.plan } } else { facts.plan };
    let grounds = Arc::new(Grounds { catalog: facts.catalog, policy: facts.policy, plan });
    let judging = Judging {
        grounds: &grounds,
        targets: &facts.targets,
        offering: &offering,
        now,
        ahead: args.on.is_some(),
    };
    let mut state = judge_instance(&judging, &Arc::new(facts.snapshot.clone()), &mut History::default());
    if !args.only.is_empty() {
        let ids: Vec<&str> = args.only.iter().map(|check| check.id).collect();
        keep_only(&mut state, &ids);
    }
    let board = Board { instances: vec![Arc::new(state)], ..Board::default() };
    // The answer is as old as its facts, and never stale: it is what was asked for.
    let written_at = facts.snapshot.taken_at;
    let file = view(&board, written_at);
    let selection = file.select(None, None)?;
    let text = match args.output {
        // Here the facts are at hand, and with them the figures people plot.
        Form::Prometheus => Metrics::new().encode(&board, None),
        form => form.render(&selection, written_at, output.color()),
    };
    output.text(&text)?;
    Ok(exit_code(&selection, written_at))
}

/// The evening of the day asked for, else the moment the facts were taken.
fn judged_moment(on: Option<Date>, taken_at: Timestamp) -> anyhow::Result<Timestamp> {
    let Some(day) = on else { return Ok(taken_at) };
    let evening = day.at(23, 0, 0, 0).to_zoned(TimeZone::UTC).context("the day to judge")?;
    Ok(evening.timestamp())
}

fn keep_only(state: &mut InstanceState, ids: &[&str]) {
    for target in &mut state.targets {
        if let TargetState::Judged(judged) = target {
            let judged = Arc::make_mut(judged);
            let kept: Vec<bool> = judged.report.checks.iter().map(|check| ids.contains(&check.id)).collect();
            let mut keep = kept.iter();
            judged.since.retain(|_| keep.next() == Some(&true));
            judged.report.checks.retain(|check| ids.contains(&check.id));
            judged.report.verdict = Verdict::roll_up(judged.report.checks.iter().map(|check| check.verdict));
        }
    }
}
