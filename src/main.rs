//! The `agent` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    upgrade_readiness_agent::cli::main()
}
