//! `agent config`: checks, shows and describes the configuration.

use anyhow::Context;
use clap::{Args, Subcommand};

use super::ConfigArgs;
use super::output::Output;
use crate::config::{Config, schema};
use crate::surface::status::status_schema;

/// Arguments of `agent config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Report every mistake in the configuration.
    Check(ConfigArgs),
    /// Print the JSON schema of the configuration file.
    Schema {
        /// That of the status file instead.
        #[arg(long)]
        status: bool,
    },
    /// Show what the agent understood.
    Show(ConfigArgs),
}

pub(super) fn run(command: &ConfigCommand, output: &mut Output) -> anyhow::Result<u8> {
    match &command.action {
        Action::Check(args) => {
            let config = args.read()?;
            let instances = config.instances.len();
            output.text(&format!("{} is good: {instances} instance(s)", args.config.display()))?;
        }
        Action::Schema { status } => {
            let schema = if *status { status_schema().to_value() } else { schema() };
            output.text(&serde_json::to_string_pretty(&schema).context("rendering the schema")?)?;
        }
        Action::Show(args) => output.text(&render(&args.read()?))?,
    }
    Ok(0)
}

/// What was understood, without secrets: only where they are kept is known.
fn render(config: &Config) -> String {
    let mut lines = vec![
        format!("state directory  {}", config.state_dir.display()),
        format!("listens on       {}", config.listen),
        format!("log              {} ({:?})", config.log_level, config.log_format),
    ];
    for (source, rhythm) in &config.rhythms {
        lines.push(format!("{source:15}  {:?}, at most {:?}", rhythm.when, rhythm.time_limit));
    }
    for instance in &config.instances {
        let targets: Vec<String> = instance.targets.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "instance {}: {} in {}",
            instance.name,
            instance.product,
            instance.installation_dir.display()
        ));
        lines.push(format!("  targets        {}", targets.join(", ")));
        lines.push(format!(
            "  upgrade on     {}",
            instance.upgrade_on.map_or_else(|| "not planned".to_owned(), |day| day.to_string())
        ));
        lines.push(format!(
            "  HTTP           {}",
            instance.http.as_ref().map_or_else(
                || "off".to_owned(),
                |http| format!("{} as {:?}", http.base_url, http.credentials)
            )
        ));
        lines.push(format!("  database       {:?}", instance.database));
        lines.push(format!("  marketplace    {:?}", instance.marketplace));
        lines.push(format!("  policy         {:?}", instance.policy));
    }
    lines.join("\n")
}
