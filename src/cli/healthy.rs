//! `agent healthy`: is the daemon at work?
//!
//! The status file tells: the daemon writes it at least once a minute. So this needs neither the port nor
//! whatever guards it, and says nothing of verdicts: an instance that is blocked is no reason to restart the agent.
//! Neither is a configuration that was edited wrongly: the daemon goes on with the one before, and would not start again.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use jiff::Timestamp;

use super::ConfigArgs;
use super::output::{Output, advise};
use super::status::status_path;
use crate::collect::text_file::read_text;
use crate::config::USUAL_STATE_DIR;
use crate::surface::status::{Age, StatusError, age, read_status};

/// Arguments of `agent healthy`.
#[derive(Debug, Args)]
pub(crate) struct HealthyArgs {
    /// The status file; that of the configuration by default.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &HealthyArgs, output: &mut Output) -> anyhow::Result<u8> {
    let path = status_path(args.file.as_deref(), &args.config)
        .or_else(|error| state_dir_of(&args.config.config).map(|dir| dir.join("status.json")).ok_or(error))?;
    let file = read_status(&path).map_err(|error: StatusError| {
        let remedy = error.remedy();
        advise(error, remedy)
    })?;
    let written = file.written_at;
    match age(&file, Timestamp::now()) {
        Age::Fresh(_) => {
            output.text(&format!("at work; {} was written at {written}", path.display()))?;
            Ok(0)
        }
        Age::Stale(_) | Age::Future(_) => Err(advise(
            anyhow!("{} was written at {written}, which is not just now", path.display()),
            "See whether the daemon runs, whether its disk has room, and whether the clock is right.",
        )),
    }
}

/// Where the state is, of a configuration that is wrong elsewhere: `state_dir` stands before the first table.
fn state_dir_of(config: &Path) -> Option<PathBuf> {
    let text = read_text(config).ok()?;
    let head: Vec<&str> = text.lines().take_while(|line| !line.trim_start().starts_with('[')).collect();
    let head: toml::Table = head.join("\n").parse().ok()?;
    let dir = head.get("state_dir").map_or(Some(USUAL_STATE_DIR), toml::Value::as_str)?;
    Some(PathBuf::from(dir))
}
