//! `agent sign-off`: says that a task for people is done, until a day.

use clap::Args;
use upgrade_readiness_checks::model::Check;

use super::explain::check_parser;
use super::output::Output;
use super::words::{SaidArgs, run_words};
use crate::store::Kind;

/// Arguments of `agent sign-off`.
#[derive(Debug, Args)]
pub(crate) struct SignOffArgs {
    /// The check that asks for it; `agent status` names it.
    #[arg(value_parser = check_parser(), hide_possible_values = true, required_unless_present = "list")]
    id: Option<&'static Check>,
    #[command(flatten)]
    said: SaidArgs,
}

pub(super) fn run(args: &SignOffArgs, output: &mut Output) -> anyhow::Result<u8> {
    run_words(Kind::SignOff, args.id, &args.said, output)
}
