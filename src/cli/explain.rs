//! `agent explain`: a check's page, with its last evidence when a status file is there.

use std::path::PathBuf;

use clap::Args;
use upgrade_readiness_checks::model::Check;
use upgrade_readiness_checks::rules;

use super::ConfigArgs;
use super::output::Output;
use super::status::status_path;
use crate::surface::status::{StatusFile, read_status};

/// Arguments of `agent explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The check; without it all are listed.
    id: Option<String>,
    /// The status file with the last evidence; that of the configuration by default.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ExplainArgs, output: &mut Output) -> anyhow::Result<u8> {
    let Some(id) = &args.id else {
        output.text(&render_list())?;
        return Ok(0);
    };
    let Some(check) = rules::ALL.iter().find(|check| check.id == id) else {
        anyhow::bail!("there is no check {id:?}; agent explain lists them all");
    };
    // Without a status file the page is just as useful.
    let status = read_status(&status_path(args.file.as_deref(), &args.config)).ok();
    output.text(&render_page(check, status.as_ref()))?;
    Ok(0)
}

fn render_list() -> String {
    let lines: Vec<String> =
        rules::ALL.iter().map(|check| format!("{:22} {}\n", check.id, check.title)).collect();
    lines.concat()
}

fn render_page(check: &Check, status: Option<&StatusFile>) -> String {
    let reads: Vec<&str> = check.reads.iter().map(|source| source.id()).collect();
    let mut page = format!(
        "# {}\n\n{}. Reads: {}.\n\n{}\n",
        check.id,
        check.title,
        reads.join(", "),
        check.explain.trim()
    );
    let mut evidence = String::new();
    for instance in status.iter().flat_map(|file| &file.instances) {
        for target in &instance.targets {
            for seen in target.checks.iter().filter(|seen| seen.id == check.id) {
                let version = target.version.as_deref().unwrap_or(&target.requested);
                let since = seen.changed_at.map(|at| format!(" since {at:.0}")).unwrap_or_default();
                let line =
                    format!("- {} to {version}: {}{since}: {}\n", instance.name, seen.verdict, seen.reason);
                evidence.push_str(&line);
            }
        }
    }
    if !evidence.is_empty() {
        page.push_str("\n## Last seen\n\n");
        page.push_str(&evidence);
    }
    page
}
