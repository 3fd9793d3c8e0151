//! `agent config`: checks, shows and describes the configuration.

use std::time::Duration;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use jiff::SignedDuration;

use super::ConfigArgs;
use super::entrance::examine;
use super::output::{Output, advise};
use super::published::{self, Published};
use crate::access::{CertificateMark, May};
use crate::chain::Chain;
use crate::channel::{Channel, Transport};
use crate::config::{
    AccessEntry, Config, Credentials, DatabaseAccess, LogFormat, Marketplace, ProofSource, Rhythm, TlsFiles,
    When, schema,
};

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
        /// That of another form instead: --list names them.
        #[arg(value_name = "FORM", value_parser = form_parser())]
        form: Option<&'static Published>,
        /// That of the status file instead.
        #[arg(long, conflicts_with = "form")]
        status: bool,
        /// That of a run book as JSON instead.
        #[arg(long, conflicts_with_all = ["form", "status"])]
        plan: bool,
        /// Every form programs read, with its version and where it is met.
        #[arg(long, conflicts_with_all = ["form", "status", "plan"])]
        list: bool,
    },
    /// Show what the agent understood.
    Show(ConfigArgs),
}

pub(super) fn run(command: &ConfigCommand, output: &mut Output) -> anyhow::Result<u8> {
    match &command.action {
        Action::Check(args) => {
            let config = args.read()?;
            super::channels::check(&config)?;
            look_at_entrance(&config, output)?;
            let names: Vec<&str> = config.instances.iter().map(|instance| instance.name.as_str()).collect();
            output.text(&format!("{} is good; instances: {}", args.config.display(), names.join(", ")))?;
        }
        Action::Schema { list: true, .. } => output.text(&list_of_forms())?,
        Action::Schema { form, status, plan, list: false } => {
            let asked = match (form, status, plan) {
                (Some(form), ..) => form,
                (None, true, _) => &published::STATUS,
                (None, false, true) => &published::PLAN,
                (None, false, false) => &published::CONFIG,
            };
            let mut schema = asked.schema.map_or_else(schema, |schema| schema());
            published::without_links(&mut schema);
            output.text(&serde_json::to_string_pretty(&schema).context("rendering the schema")?)?;
        }
        Action::Show(args) => output.text(&render(&args.read()?)?)?,
    }
    Ok(0)
}

/// Forms with a schema of ours, by their names.
fn form_parser() -> impl TypedValueParser<Value = &'static Published> {
    let known = || published::ALL.iter().copied().filter(|form| form.schema.is_some());
    PossibleValuesParser::new(known().map(|form| form.id)).try_map(move |id| {
        let found = known().find(|form| form.id == id);
        found.ok_or("there is no such form")
    })
}

fn list_of_forms() -> String {
    let row = |form: &&Published| {
        let version = form.version.unwrap_or("-");
        format!("{:13}  {version:7}  {}\n", form.id, form.met)
    };
    let rows: String = published::ALL.iter().map(row).collect();
    format!("form           version  where it is met\n{rows}")
}

/// Whether certificate, key and secrets can be used. What only the service can see is said and is no mistake.
fn look_at_entrance(config: &Config, output: &mut Output) -> anyhow::Result<()> {
    let mut mistake = None;
    for error in examine(config) {
        let remedy = error.remedy();
        if error.is_no_mistake() {
            output.note(&format!("not looked at, which the service may: {}", Chain(&error)));
        } else if mistake.is_none() {
            mistake = Some(advise(error, remedy));
        } else {
            output.note(&format!("{}. {remedy}", Chain(&error)));
        }
    }
    mistake.map_or(Ok(()), Err)
}

/// What was understood, without secrets: only where they are kept is known.
fn render(config: &Config) -> anyhow::Result<String> {
    let mut lines = vec![
        format!("state directory  {}", config.state_dir.display()),
        format!("listens on       {}", config.listen),
        format!("  TLS            {}", render_tls(config.serving.tls.as_ref())),
        format!("  access         {}", render_access(&config.serving.access)),
        format!(
            "log              {}, {}",
            config.log_level,
            match config.log_format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }
        ),
    ];
    if let Some(path) = &config.textfile {
        lines.push(format!("metrics also to  {}", path.display()));
    }
    if config.shard.of > 1 {
        let (index, of) = (config.shard.index, config.shard.of);
        lines.push(format!("shard            {index} of {of}"));
    }
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
    lines.extend(config.channels.iter().map(render_channel));
    Ok(lines.join("\n"))
}

fn render_channel(channel: &Channel) -> String {
    let way = match &channel.transport {
        Transport::Alertmanager(address) => format!("Alertmanager, its address in {}", address.url),
        Transport::Webhook { address, .. } => format!("webhook, its address in {}", address.url),
        Transport::Mail { host, port, to, .. } => format!("mail by {host}:{port} to {}", to.join(", ")),
    };
    format!("channel {}: {way}", channel.name)
}

fn render_tls(tls: Option<&TlsFiles>) -> String {
    let Some(TlsFiles { cert_file, key_file, client_ca_file, .. }) = tls else {
        return "none: plain HTTP".to_owned();
    };
    let clients = client_ca_file.as_ref().map(|file| format!(", clients of {}", file.display()));
    format!("certificate {}, key {}{}", cert_file.display(), key_file.display(), clients.unwrap_or_default())
}

fn render_access(entries: &[AccessEntry]) -> String {
    if entries.is_empty() {
        return "everybody who reaches it may read, everybody on this host may change".to_owned();
    }
    let render = |AccessEntry { name, may, proof }: &AccessEntry| {
        let may = match may {
            May::Read => "read",
            May::Change => "change",
        };
        let by = match proof {
            ProofSource::Token(place) => format!("the token in {place}"),
            ProofSource::Basic { username, password } => format!("{username} and the password in {password}"),
            ProofSource::Certificate(CertificateMark::Subject(subject)) => {
                format!("a certificate of {subject}")
            }
            ProofSource::Certificate(CertificateMark::Name(name)) => format!("a certificate for {name}"),
            ProofSource::Certificate(CertificateMark::Sha256(_)) => "one certificate".to_owned(),
        };
        format!("{name} may {may}, by {by}")
    };
    entries.iter().map(render).collect::<Vec<_>>().join("; ")
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
