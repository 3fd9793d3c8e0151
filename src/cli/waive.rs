//! `agent waive`: takes responsibility for a finding until a day.

use clap::Args;
use upgrade_readiness_checks::model::Check;

use super::explain::check_parser;
use super::output::Output;
use super::words::{SaidArgs, run_words};
use crate::store::Kind;

/// Arguments of `agent waive`.
#[derive(Debug, Args)]
pub(crate) struct WaiveArgs {
    /// The check that found it; `agent status` names it.
    #[arg(value_parser = check_parser(), hide_possible_values = true, required_unless_present = "list")]
    id: Option<&'static Check>,
    #[command(flatten)]
    said: SaidArgs,
}

pub(super) fn run(args: &WaiveArgs, output: &mut Output) -> anyhow::Result<u8> {
    run_words(Kind::Waiver, args.id, &args.said, output)
}
