//! `agent refresh`: asks the running daemon to look again now, and waits until it has.

use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;

use super::ConfigArgs;
use super::client::DaemonClient;
use super::output::{Output, advise};
use super::run::block_on;
use crate::surface::status::printable;

/// Measuring a large home takes its time.
const LONGEST: Duration = Duration::from_mins(30);

/// Arguments of `agent refresh`.
#[derive(Debug, Args)]
pub(crate) struct RefreshArgs {
    /// Only this instance.
    instance: Option<String>,
    /// Only this source.
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &RefreshArgs, output: &mut Output) -> anyhow::Result<u8> {
    let config = args.config.read()?;
    let daemon = DaemonClient::new(&config, LONGEST)?;
    let mut url = daemon.url("-/refresh")?;
    let query = [("instance", args.instance.as_deref()), ("source", args.source.as_deref())];
    let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    url.query_pairs_mut().extend_pairs(query);
    let (status, text) = block_on(async {
        let answer = daemon.post(url).send().await;
        let answer = answer.with_context(|| format!("asking the agent at {}", config.listen));
        let answer = answer.map_err(|error| {
            advise(
                error,
                "See whether it runs with `systemctl status upgrade-readiness-agent`; `agent check` looks without it.",
            )
        })?;
        let status = answer.status();
        anyhow::Ok((status, answer.text().await.context("reading the agent's answer")?))
    })??;
    if !status.is_success() {
        let error = anyhow!("the agent refused: {}", printable(text.trim()));
        return Err(daemon.refused(status, error));
    }
    output.text(text.trim())?;
    Ok(0)
}
