//! What surfaces may ask the daemon to do: the only way from a surface back to the daemon.

use tokio::sync::oneshot;
use upgrade_readiness_checks::facts::{Source, StepState};

/// Something a person asked for.
///
/// The answer is `Err` with a text for that person when the daemon refuses.
#[derive(Debug)]
pub enum Command {
    /// Read the configuration again.
    Reload {
        /// Told once the new configuration is in force, or why it is not.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Ask sources again now.
    Refresh {
        /// The instance; every instance when absent.
        instance: Option<String>,
        /// The source; every source when absent.
        source: Option<Source>,
        /// Told once the sources have answered and the surfaces show it, or why they were not asked.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Look in the store for what another process wrote: waivers and sign-offs.
    Remember {
        /// Told once the surfaces show it.
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// Keep what became of a step of the run book. The texts are as they were typed; the daemon checks them.
    MarkStep {
        /// The instance.
        instance: String,
        /// The target of the book: a version, or one of the words that stand for one.
        target: String,
        /// Id of the step.
        step: String,
        /// What became of it.
        state: StepState,
        /// Who says so.
        by: String,
        /// How long it took, such as `12m`.
        took: Option<String>,
        /// What else is said of it; needed when it failed.
        note: Option<String>,
        /// Told once it is kept and the surfaces show it, or why it is not.
        reply: oneshot::Sender<Result<(), String>>,
    },
}
