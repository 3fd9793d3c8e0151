//! `agent config`: checks, shows and describes the configuration.

use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::ConfigArgs;
use super::output::Output;
use crate::config::{Config, Credentials, DatabaseAccess, LogFormat, Marketplace, Rhythm, When, schema};
use crate::surface::book::book_schema;
use crate::surface::fleet::fleet_schema;
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
        /// That of a run book as JSON instead.
        #[arg(long, conflicts_with = "status")]
        plan: bool,
        /// That of a fleet as JSON instead.
        #[arg(long, conflicts_with_all = ["status", "plan"])]
        fleet: bool,
    },
    /// Show what the agent understood.
    Show(ConfigArgs),
}

pub(super) fn run(command: &ConfigCommand, output: &mut Output) -> anyhow::Result<u8> {
    match &command.action {
        Action::Check(args) => {
            let config = args.read()?;
            let names: Vec<&str> = config.instances.iter().map(|instance| instance.name.as_str()).collect();
            output.text(&format!("{} is good; instances: {}", args.config.display(), names.join(", ")))?;
        }
        Action::Schema { status, plan, fleet } => {
            let schema = match (*status, *plan, *fleet) {
                (true, _, _) => status_schema().to_value(),
                (false, true, _) => book_schema().to_value(),
                (false, false, true) => fleet_schema().to_value(),
                (false, false, false) => schema(),
            };
            output.text(&serde_json::to_string_pretty(&schema).context("rendering the schema")?)?;
        }
        Action::Show(args) => output.text(&render(&args.read()?)?)?,
    }
    Ok(0)
}

/// What was understood, without secrets: only where they are kept is known.
fn render(config: &Config) -> anyhow::Result<String> {
    let mut lines = vec![
        format!("state directory  {}", config.state_dir.display()),
        format!("listens on       {}", config.listen),
        format!(
            "log              {}, {}",
            config.log_level,
            match config.log_format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }
        ),
    ];
    if let Some(store) = &config.shared_store {
        lines.push(format!("shared store     {store}"));
    }
    for (source, rhythm) in &config.rhythms {
        lines.push(format!("{:15}  {}", source.id(), render_rhythm(rhythm)));
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
            instance.plan.day.map_or_else(|| "not planned".to_owned(), |day| day.to_string())
        ));
        lines.push(format!(
            "  HTTP           {}",
            instance.http.as_ref().map_or_else(
                || "off".to_owned(),
                |http| format!("{}, {}", http.base_url, render_credentials(&http.credentials))
            )
        ));
        lines.push(format!("  database       {}", render_database(&instance.database)));
        if let Some(node) = &instance.node {
            lines.push(format!("  node           {node}"));
        }
        lines.push(format!("  marketplace    {}", render_marketplace(&instance.marketplace)));
        let off: Vec<&str> = instance.sources_off.iter().map(|source| source.id()).collect();
        lines.push(format!(
            "  sources off    {}",
            if off.is_empty() { "none".to_owned() } else { off.join(", ") }
        ));
        lines.push("  policy".to_owned());
        let policy = toml::to_string(&instance.policy).context("rendering the policy")?;
        lines.extend(policy.lines().map(|line| format!("    {line}")));
    }
    Ok(lines.join("\n"))
}

fn render_rhythm(rhythm: &Rhythm) -> String {
    let when = match &rhythm.when {
        When::Every(every) => format!("every {}", render_duration(*every)),
        When::Cron(cron) => format!("at {} (UTC)", cron.pattern),
    };
    format!("{when}, for at most {}", render_duration(rhythm.time_limit))
}

fn render_duration(duration: Duration) -> String {
    let short = SignedDuration::try_from(duration).map(|duration| format!("{duration:#}"));
    short.unwrap_or_else(|_| format!("{} s", duration.as_secs()))
}

fn render_credentials(credentials: &Credentials) -> String {
    match credentials {
        Credentials::Anonymous => "anonymously".to_owned(),
        Credentials::Bearer(token) => format!("with the token in {token}"),
        Credentials::Basic { username, password } => format!("as {username}, password in {password}"),
    }
}

/// The address itself is not shown: a JDBC URL may hold a password in many places.
fn render_database(access: &DatabaseAccess) -> String {
    let place = match &access.url {
        Some(_) => "at the url in this file",
        None => "where the product's configuration says",
    };
    match (&access.username, &access.password) {
        (Some(username), Some(password)) => format!("{place}, as {username}, password in {password}"),
        (_, _) => format!("{place}, with the product's account"),
    }
}

fn render_marketplace(marketplace: &Marketplace) -> String {
    match marketplace {
        Marketplace::Off => "not asked".to_owned(),
        Marketplace::Online(url) => url.to_string(),
        Marketplace::Offline(path) => format!("the file {}", path.display()),
    }
}
