//! `agent status`: what the daemon last wrote. Needs nothing but the right to read the file.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::ConfigArgs;
use super::output::{Output, advise};
use super::published::{self, Published, Understood};
use crate::surface::metrics::render_prometheus;
use crate::surface::status::{
    Selection, exit_code, read_status, read_status_of, render_json, render_junit, render_markdown,
    render_nagios, render_sarif, render_text,
};

/// Where the status file is when the configuration cannot be read.
const USUAL_STATUS_FILE: &str = "/var/lib/upgrade-readiness-agent/status.json";

/// Arguments of `agent status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Only this instance.
    instance: Option<String>,
    /// Only this target: its version, or the word in the configuration.
    #[arg(long, value_name = "VERSION")]
    target: Option<String>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    understood: Understood,
    /// The status file; that of the configuration by default.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// The status file's own form.
    Json,
    /// For tickets and chats.
    Markdown,
    /// One line for monitoring plug-ins.
    Nagios,
    /// Metrics as text, such as for the textfile collector of `node_exporter`.
    Prometheus,
    /// A report of test cases, for pipelines.
    Junit,
    /// SARIF 2.1.0, for tools that collect results of others.
    Sarif,
}

impl Form {
    /// What programs may rely on; `None` for what is for people, and for forms that have no version.
    pub(super) fn published(self) -> Option<&'static Published> {
        match self {
            Self::Json => Some(&published::STATUS),
            Self::Prometheus => Some(&published::PROMETHEUS),
            Self::Sarif => Some(&published::SARIF),
            Self::Text | Self::Markdown | Self::Nagios | Self::Junit => None,
        }
    }

    /// The selection in this form, as it reads at `now`.
    pub(super) fn render(self, selection: &Selection<'_>, now: Timestamp, color: bool) -> String {
        match self {
            Self::Text => render_text(selection, now, color),
            Self::Json => render_json(&selection.to_status()),
            Self::Markdown => render_markdown(selection, now),
            Self::Nagios => render_nagios(selection, now),
            Self::Prometheus => render_prometheus(selection, now),
            Self::Junit => render_junit(selection, now),
            Self::Sarif => render_sarif(selection, now),
        }
    }
}

pub(super) fn run(args: &StatusArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is(args.output.published())?;
    let path = status_path(args.file.as_deref(), &args.config)?;
    let read = match &args.instance {
        Some(instance) => read_status_of(&path, instance),
        None => read_status(&path),
    };
    let file = read.map_err(|error| {
        let remedy = error.remedy();
        advise(error, remedy)
    })?;
    let selection = file
        .select(args.instance.as_deref(), args.target.as_deref())
        .map_err(|error| advise(error, "Leave it out to see all, or name one of these."))?;
    let now = Timestamp::now();
    output.text(&args.output.render(&selection, now, output.color()))?;
    Ok(exit_code(&selection, now))
}

/// The file that was named, else that of the configuration, else the usual one.
///
/// Not everybody may read the usual configuration; one that was named must be readable, or the status of
/// another daemon would be shown.
pub(super) fn status_path(file: Option<&Path>, config: &ConfigArgs) -> anyhow::Result<PathBuf> {
    if let Some(file) = file {
        return Ok(file.to_owned());
    }
    match config.read() {
        Ok(config) => Ok(config.status_file()),
        Err(error) if config.is_named() => Err(error),
        Err(_) => Ok(PathBuf::from(USUAL_STATUS_FILE)),
    }
}
