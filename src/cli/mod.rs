//! The command line: one file per subcommand. This is where everything is wired.

pub mod license;

use std::process::ExitCode;

/// Runs the command the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
