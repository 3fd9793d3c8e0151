//! The command line: one file per subcommand. This is where everything is wired.

mod channels;
mod check;
mod client;
mod config;
mod daemon;
mod demo;
mod diff;
mod dossier;
mod entrance;
mod explain;
mod fleet;
mod gate;
mod generation;
mod healthy;
mod history;
mod init;
mod judged;
mod license;
mod manual;
mod notify;
mod output;
mod plan;
mod published;
mod recall;
mod refresh;
mod restore_job;
mod restore_test;
mod rights;
mod rounds;
mod run;
mod sign_off;
mod snapshot;
mod status;
mod targets;
mod waive;
mod words;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};
use jiff::Timestamp;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::Product;

use crate::catalog_in_use::Refreshed;
use crate::collect::http::install_tls_provider;
use crate::collect::text_file::ReadTextError;
use crate::config::{Config, ConfigError, USUAL_PATH, read_config};
use output::{Output, Quiet, advise};

/// Usage errors, and whatever else keeps a command from an answer.
const CANNOT_TELL: u8 = 3;

/// Watches self-hosted products for everything that would stop their upgrade.
#[derive(Debug, Parser)]
#[command(name = "agent", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: look on schedule, judge, and serve page, metrics and status file.
    Run(ConfigArgs),
    /// Show what the daemon last wrote; works when it is down.
    Status(status::StatusArgs),
    /// Look and judge now, once, without the daemon.
    Check(check::CheckArgs),
    /// The run book: what to do to upgrade this instance to this release, and which steps are done.
    Plan(Box<plan::PlanArgs>),
    /// Which releases there are, what stands in the way of each, and which one to choose; works when the daemon is down.
    Targets(targets::TargetsArgs),
    /// May the upgrade go on? An exit code for pipelines and a page for change tickets; works when the daemon is down.
    Gate(gate::GateArgs),
    /// How all instances of all agents stand, from the store they share; works when the daemon is down.
    Fleet(fleet::FleetArgs),
    /// What a check looks at, why it matters and how to fix what it finds.
    Explain(explain::ExplainArgs),
    /// Write the facts of an instance to a file, for replay and support.
    Snapshot(snapshot::SnapshotArgs),
    /// Ask the running daemon to look again now.
    Refresh(refresh::RefreshArgs),
    /// What changed when and why, the newest first; works when the daemon is down.
    History(history::HistoryArgs),
    /// Try a channel by which people are told of changes, or see what waits to be told.
    Notify(notify::NotifyCommand),
    /// Take responsibility for a finding until a day, see what was waived, or take it back.
    Waive(waive::WaiveArgs),
    /// Say that a task for people is done, until a day; see what was signed off, or take it back.
    SignOff(sign_off::SignOffArgs),
    /// What changed between two snapshots or two status files.
    Diff(diff::DiffArgs),
    /// Restore the newest dump of the database into a scratch database, count and drop it.
    RestoreTest(restore_test::RestoreTestArgs),
    /// What a licence text says, and which releases it allows.
    License(license::LicenseArgs),
    /// Find installations on this host, and write a configuration for them.
    Init(init::InitArgs),
    /// Check, show or describe the configuration.
    Config(config::ConfigCommand),
    /// Set up a throw-away example instance with the daemon on it.
    Demo(demo::DemoArgs),
    /// Is the daemon at work? Exits with 0 when it is, for health checks of containers and supervisors.
    Healthy(healthy::HealthyArgs),
    /// Write the manual pages into a directory; packages are made with it.
    #[command(hide = true)]
    Manual(manual::ManualArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file.
    #[arg(long, env = "AGENT_CONFIG", default_value = USUAL_PATH, value_name = "FILE")]
    config: PathBuf,
}

impl ConfigArgs {
    fn read(&self) -> anyhow::Result<Config> {
        read_config(&self.config).map_err(|error| match &error {
            ConfigError::Read(cause) => {
                let remedy = remedy_of_config(cause);
                advise(error, remedy)
            }
            ConfigError::Problems { .. } => advise(
                error,
                "Change these keys; `agent config schema` describes every key, and `agent config check` looks again.",
            ),
        })
    }

    /// Whether somebody named a file, and it is not just the usual one.
    fn is_named(&self) -> bool {
        self.config != Path::new(USUAL_PATH)
    }
}

fn remedy_of_config(cause: &ReadTextError) -> String {
    match cause {
        ReadTextError::Read { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
            "Name the file with --config FILE; `agent init` writes one for what is installed here, `agent demo` shows an example, `agent config schema` describes every key."
                .to_owned()
        }
        other => other.remedy(),
    }
}

/// For commands without a configuration: the catalog of the agent's usual place, with what the daemon there has
/// learned, as far as it can be read; else the embedded one.
fn usual_catalog(product: Product) -> Arc<Catalog> {
    let config = read_config(Path::new(USUAL_PATH)).ok();
    let refreshed = config
        .as_ref()
        .and_then(|config| Some(Refreshed::recalled(config, product, config.catalogs.get(&product)?)));
    refreshed.map_or_else(|| Arc::new(Catalog::embedded(product)), |refreshed| refreshed.catalog.current())
}

/// Runs the command the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { CANNOT_TELL } else { 0 };
            // Nothing can be told to somebody whose terminal is gone.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let mut output = Output::new();
    match dispatch(cli.command, &mut output) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<Quiet>() => ExitCode::from(CANNOT_TELL),
        Err(error) => {
            output.error(&error);
            ExitCode::from(CANNOT_TELL)
        }
    }
}

fn dispatch(command: Command, output: &mut Output) -> anyhow::Result<u8> {
    install_tls_provider();
    match command {
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Plan(args) => plan::run(&args, output),
        Command::Targets(args) => targets::run(&args, output),
        Command::Gate(args) => gate::run(&args, output),
        Command::Fleet(args) => fleet::run(&args, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Snapshot(args) => snapshot::run(&args, output),
        Command::Refresh(args) => refresh::run(&args, output),
        Command::History(args) => history::run(&args, output),
        Command::Notify(args) => notify::run(&args, output),
        Command::Waive(args) => waive::run(&args, output),
        Command::SignOff(args) => sign_off::run(&args, output),
        Command::Diff(args) => diff::run(&args, output),
        Command::RestoreTest(args) => restore_test::run(&args, output),
        Command::License(args) => {
            let catalog = usual_catalog(Product::Confluence);
            let (text, code) = license::run(&args, &catalog, Timestamp::now(), &mut io::stdin())?;
            output.text(&text)?;
            Ok(code)
        }
        Command::Init(args) => init::run(&args, output),
        Command::Config(args) => config::run(&args, output),
        Command::Demo(args) => demo::run(args, output),
        Command::Healthy(args) => healthy::run(&args, output),
        Command::Manual(args) => manual::run(&args, Cli::command()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "agent", &mut script);
            output.bytes(&script)?;
            Ok(0)
        }
    }
}
