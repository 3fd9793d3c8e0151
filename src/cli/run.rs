//! `agent run`: the daemon.

use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use super::ConfigArgs;
use super::daemon::Daemon;
use crate::config::{Config, LogFormat};

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<u8> {
    let config = args.read()?;
    start_log(&config)?;
    block_on(async {
        let daemon = Daemon::bind(args.config.clone(), config).await?;
        daemon.run().await
    })??;
    Ok(0)
}

/// Runs to the end of `work`, and does not wait for threads that hang in a system call, as on a network mount
/// that does not answer.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(outcome)
}

/// Two workers: the daemon waits far more than it computes.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .enable_all()
        .build()
        .context("starting the agent's threads")
}

/// The log goes to standard error, which systemd keeps.
pub(super) fn start_log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_level).context("reading log.level")?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_that_hangs_does_not_keep_the_agent_from_ending() {
        let (never, hang) = mpsc::channel::<()>();
        let outcome = block_on(async move {
            let (started, has_started) = tokio::sync::oneshot::channel();
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                hang.recv()
            });
            has_started.await
        });
        assert_eq!(outcome.unwrap(), Ok(()));
        drop(never);
    }
}
