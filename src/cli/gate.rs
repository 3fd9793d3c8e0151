//! `agent gate`: may the upgrade go on? For pipelines by the exit code, for change tickets by a page.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::model::Requested;

use super::ConfigArgs;
use super::judged::{Judged, Wanted};
use super::output::{Output, advise};
use super::published::{self, Understood};
use super::status::status_path;
use crate::board::Board;
use crate::config::parse_duration;
use crate::surface::attestation::{Attestation, Origin, Terms, render_markdown, render_text};
use crate::surface::status::{StatusFile, read_status, view};

/// Arguments of `agent gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The instance; may be left out when only one has this target.
    instance: Option<String>,
    /// The release: its version, or the word in the configuration.
    #[arg(long, value_name = "VERSION")]
    target: String,
    /// Evidence that is older is stale.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_max_age)]
    max_age: SignedDuration,
    /// Warnings do not hold the upgrade up: exit with 0, and say so.
    #[arg(long)]
    accept_warnings: bool,
    /// Form of the page.
    #[arg(long, value_enum, default_value_t)]
    output: GateForm,
    #[command(flatten)]
    understood: Understood,
    /// The status file; that of the configuration by default.
    #[arg(long, value_name = "FILE", conflicts_with = "facts")]
    file: Option<PathBuf>,
    /// Facts that `agent snapshot` took, in place of what the daemon last wrote.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The form of the page.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum GateForm {
    /// For people.
    #[default]
    Text,
    /// For change tickets.
    Markdown,
    /// For programs.
    Json,
}

fn parse_max_age(text: &str) -> Result<SignedDuration, String> {
    let age = parse_duration(text).ok().and_then(|age| SignedDuration::try_from(age).ok());
    age.ok_or_else(|| "a length of time such as 24h or 90m is needed, of at most 31 days".to_owned())
}

pub(super) fn run(args: &GateArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is(matches!(args.output, GateForm::Json).then_some(&published::GATE))?;
    let (status, origin) = if args.facts.is_some() {
        (judge_facts(args, output)?, Origin::Facts)
    } else {
        let path = status_path(args.file.as_deref(), &args.config)?;
        let status = read_status(&path).map_err(|error| {
            let remedy = error.remedy();
            advise(error, remedy)
        })?;
        (status, Origin::Daemon)
    };
    let terms = Terms { max_age: args.max_age, accept_warnings: args.accept_warnings, origin };
    let attestation = attest(&status, args, &terms, Timestamp::now())?;
    let page = match args.output {
        GateForm::Text => render_text(&attestation),
        GateForm::Markdown => render_markdown(&attestation),
        GateForm::Json => attestation.to_json(),
    };
    output.text(&page)?;
    Ok(attestation.exit_code)
}

fn attest(
    status: &StatusFile,
    args: &GateArgs,
    terms: &Terms,
    now: Timestamp,
) -> anyhow::Result<Attestation> {
    let selection = status
        .select(args.instance.as_deref(), Some(&args.target))
        .map_err(|error| advise(error, "Name one of these, or add it to the configuration."))?;
    match selection.instances.as_slice() {
        [(instance, targets)] => match targets.as_slice() {
            // When several are asked for by the same version, they say the same.
            [target, ..] => Ok(Attestation::of(status, instance, target, terms, now)),
            [] => anyhow::bail!("nothing was judged for the target {:?}", args.target),
        },
        several => {
            let names: Vec<&str> = several.iter().map(|(instance, _)| instance.name.as_str()).collect();
            anyhow::bail!(
                "several instances have the target {:?}; name one of {}",
                args.target,
                names.join(", ")
            )
        }
    }
}

/// The facts as a status, as it would have been when they were taken.
fn judge_facts(args: &GateArgs, output: &mut Output) -> anyhow::Result<StatusFile> {
    let target = args.target.parse::<Requested>().map_err(|error| {
        advise(
            anyhow::Error::new(error).context(format!("{:?} is no target", args.target)),
            "Name a version, latest, latest-lts, next or recommended.",
        )
    })?;
    let wanted =
        Wanted { facts: args.facts.as_deref(), instance: None, targets: &[target], config: &args.config };
    let judged = Judged::open(wanted, output)?;
    let offering = judged.offering();
    let now = judged.snapshot.taken_at;
    let state = judged.state(&offering);
    Ok(view(&Board { instances: vec![Arc::new(state)], ..Board::default() }, now))
}
