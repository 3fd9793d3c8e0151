//! `agent check`: looks and judges now, once; or judges facts somebody took before.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::model::{Check, Plan, Policy, Requested, Verdict};

use super::ConfigArgs;
use super::explain::check_parser;
use super::output::Output;
use super::recall::recall;
use super::run::block_on;
use super::snapshot::{catalog_of, choose_instance, look_once, read_snapshot};
use super::status::Form;
use crate::board::{Board, Grounds, InstanceState, TargetState};
use crate::keeper::{History, Judging, judge_instance};
use crate::surface::status::{exit_code, view};

/// Arguments of `agent check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The instance; may be left out when there is only one.
    instance: Option<String>,
    /// A release to judge: a version, latest, latest-lts or next; those of the configuration by default.
    #[arg(long, value_name = "VERSION")]
    target: Vec<Requested>,
    /// Judge this day, such as 2026-12-05, and not today: with the facts as they will be if all goes on as it did.
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,
    /// Judge the facts in this file, at the time they were taken, and look at nothing.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Only these checks.
    #[arg(long, value_name = "ID", value_parser = check_parser(), hide_possible_values = true)]
    only: Vec<&'static Check>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    config: ConfigArgs,
}

/// What is to be judged, and by what.
struct Facts {
    snapshot: Snapshot,
    catalog: Arc<Catalog>,
    targets: Vec<Requested>,
    policy: Policy,
    plan: Plan,
}

pub(super) fn run(args: &CheckArgs, output: &mut Output) -> anyhow::Result<u8> {
    let facts = match &args.facts {
        Some(path) => from_file(args, read_snapshot(path)?)?,
        None => from_instance(args, output)?,
    };
    let targets = if args.target.is_empty() { facts.targets } else { args.target.clone() };
    let now = judged_moment(args.on, facts.snapshot.taken_at)?;
    // The day that is asked for is judged alone.
    let plan = if args.on.is_some() { Plan { day: None, ..facts.plan } } else { facts.plan };
    let grounds = Arc::new(Grounds { catalog: facts.catalog, policy: facts.policy, plan });
    let judging = Judging { grounds: &grounds, targets: &targets, now, ahead: args.on.is_some() };
    let mut state = judge_instance(&judging, &facts.snapshot, &mut History::default());
    if !args.only.is_empty() {
        let ids: Vec<&str> = args.only.iter().map(|check| check.id).collect();
        keep_only(&mut state, &ids);
    }
    let board = Board { instances: vec![Arc::new(state)], ..Board::default() };
    // The answer is as old as its facts, and never stale: it is what was asked for.
    let written_at = facts.snapshot.taken_at;
    let file = view(&board, written_at);
    let selection = file.select(None, None)?;
    output.text(&args.output.render(&selection, written_at, output.color()))?;
    Ok(exit_code(&selection, written_at))
}

fn from_instance(args: &CheckArgs, output: &mut Output) -> anyhow::Result<Facts> {
    let config = args.config.read()?;
    let instance = choose_instance(&config, args.instance.as_deref())?;
    let mut asked = (*instance).clone();
    if !args.target.is_empty() {
        asked.targets.clone_from(&args.target);
    }
    let mut snapshot = block_on(look_once(&config, &Arc::new(asked)))??;
    recall(&config, &mut snapshot, output)?;
    Ok(Facts {
        snapshot,
        catalog: catalog_of(&config, &instance)?.catalog.current(),
        targets: instance.targets.clone(),
        policy: instance.policy.clone(),
        plan: instance.plan.clone(),
    })
}

/// Limits, answers and targets of the instance when it is configured here, else the defaults.
fn from_file(args: &CheckArgs, snapshot: Snapshot) -> anyhow::Result<Facts> {
    let configured = if args.config.config.exists() { Some(args.config.read()?) } else { None };
    let instance = configured
        .as_ref()
        .and_then(|config| config.instances.iter().find(|known| known.name == snapshot.instance))
        .cloned();
    let catalog = match (&configured, &instance) {
        (Some(config), Some(instance)) => catalog_of(config, instance)?.catalog.current(),
        _ => Arc::new(Catalog::embedded(snapshot.product)),
    };
    Ok(Facts {
        catalog,
        targets: instance
            .as_ref()
            .map_or_else(|| vec![Requested::LatestLongTermSupport], |known| known.targets.clone()),
        policy: instance.as_ref().map_or_else(Policy::default, |known| known.policy.clone()),
        plan: instance.map(|known| known.plan.clone()).unwrap_or_default(),
        snapshot,
    })
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
            let kept: Vec<bool> = judged.report.checks.iter().map(|check| ids.contains(&check.id)).collect();
            let mut keep = kept.iter();
            judged.since.retain(|_| keep.next() == Some(&true));
            judged.report.checks.retain(|check| ids.contains(&check.id));
            judged.report.verdict = Verdict::roll_up(judged.report.checks.iter().map(|check| check.verdict));
        }
    }
}
