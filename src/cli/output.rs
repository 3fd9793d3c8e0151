//! The one place that writes to the terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use crate::chain::Chain;

/// Writes results to standard output and errors to standard error.
pub(crate) struct Output {
    out: io::Stdout,
    err: io::Stderr,
}

/// Whoever read the output has gone (`agent status | head`); that is no error worth a word.
#[derive(Debug)]
pub(crate) struct Quiet;

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output has gone")
    }
}

impl std::error::Error for Quiet {}

/// An error with what to do about it.
#[derive(Debug)]
struct Advised {
    error: anyhow::Error,
    remedy: String,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Adds what a person can do about an error; it is shown on a line of its own.
pub(super) fn advise(error: impl Into<anyhow::Error>, remedy: impl Into<String>) -> anyhow::Error {
    Advised { error: error.into(), remedy: remedy.into() }.into()
}

/// One line what failed, one why, one what to do, each where the error says it.
fn render_error(error: &anyhow::Error) -> String {
    let mut lines = vec![format!("agent: {error}\n")];
    lines.extend(error.source().map(|cause| format!("  why: {}\n", Chain(cause))));
    lines.extend(error.downcast_ref().map(|Advised { remedy, .. }| format!("  do:  {remedy}\n")));
    lines.concat()
}

/// The same in one line, for the log and for answers over HTTP.
pub(super) fn render_in_one_line(error: &anyhow::Error) -> String {
    let remedy = error.downcast_ref().map(|Advised { remedy, .. }| format!("; {remedy}"));
    format!("{}{}", Chain(error.as_ref()), remedy.unwrap_or_default())
}

impl Output {
    pub(super) fn new() -> Self {
        Self { out: io::stdout(), err: io::stderr() }
    }

    /// Colour only for a person at a terminal who did not ask for none.
    pub(super) fn color(&self) -> bool {
        self.out.is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Writes a text; a line break at its end is added when it lacks one.
    pub(super) fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.bytes(text.as_bytes())?;
        if text.ends_with('\n') { Ok(()) } else { self.bytes(b"\n") }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self.out.write_all(bytes).and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Quiet.into()),
            other => Ok(other?),
        }
    }

    /// Tells how far a long command is.
    pub(super) fn note(&mut self, text: &str) {
        // Nobody has to watch.
        drop(self.err.write_all(format!("{text}\n").as_bytes()));
    }

    /// Tells what failed.
    pub(super) fn error(&mut self, error: &anyhow::Error) {
        // When even standard error is gone there is nobody left to tell.
        drop(self.err.write_all(render_error(error).as_bytes()));
    }
}
