//! `agent demo`: a throw-away example instance, with the daemon on it.

mod example;
mod fake;
mod postgres;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use upgrade_readiness_checks::facts::Product;

use super::daemon::Daemon;
use super::output::Output;
use super::run::{block_on, start_log};
use crate::config::read_config;

/// Arguments of `agent demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Directory for the example; a new one below the directory for temporary files by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Address for page and metrics.
    #[arg(long, default_value = "127.0.0.1:9977")]
    listen: SocketAddr,
    /// The product to show.
    #[arg(long, default_value = "confluence", value_parser = parse_product)]
    product: Product,
}

fn parse_product(text: &str) -> Result<Product, String> {
    match text {
        "confluence" => Ok(Product::Confluence),
        _ => Err("there is an example of confluence only".to_owned()),
    }
}

/// Lays out the example, plays its surroundings, and runs the daemon until it is told to stop.
pub(super) fn run(args: DemoArgs, output: &mut Output) -> anyhow::Result<u8> {
    block_on(show(args, output))??;
    Ok(0)
}

async fn show(args: DemoArgs, output: &mut Output) -> anyhow::Result<()> {
    let dir = directory(args.dir)?;
    let (database, database_note, _server) = match postgres::find_programs() {
        None => (
            None,
            "not installed here, so everything about the database is unknown: apt-get install postgresql"
                .to_owned(),
            None,
        ),
        Some(programs) => match postgres::start(&programs, &dir).await {
            Ok(server) => {
                let note =
                    format!("psql -h {}/postgres -p {} -U admin confluence", dir.display(), server.port);
                let database = example::Database { port: server.port, dump: server.dump(&programs) };
                (Some(database), note, Some(server))
            }
            Err(error) => (None, format!("could not be started, so it is unknown: {error:#}"), None),
        },
    };
    let fake =
        TcpListener::bind("127.0.0.1:0").await.context("opening a port for the example's HTTP side")?;
    let instance_url = format!("http://{}", fake.local_addr().context("asking for the port")?);
    let days = example::Days::from(jiff::Timestamp::now())?;
    let example = example::lay_out(&dir, database.as_ref(), &days)?;
    let config_path = dir.join("agent.toml");
    let listen = args.listen.to_string();
    let text = example::render_agent_toml(&dir, &example, &listen, &instance_url, &days);
    fs::write(&config_path, text).with_context(|| format!("writing {}", config_path.display()))?;
    fs::create_dir_all(dir.join("state")).context("making the state directory")?;

    let config = read_config(&config_path)?;
    start_log(&config)?;
    let daemon = Daemon::bind(config_path.clone(), config).await?;
    let shown = daemon.address();
    output.text(&describe(&dir, &config_path, shown, &database_note, &instance_url))?;
    let stop_fake = CancellationToken::new();
    let playing =
        axum::serve(fake, fake::router(days.now)).with_graceful_shutdown(stop_fake.clone().cancelled_owned());
    let (played, ran) = tokio::join!(playing.into_future(), async {
        let ran = daemon.run().await;
        stop_fake.cancel();
        ran
    });
    played.context("playing the example's HTTP side")?;
    ran
}

fn directory(asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let dir = asked.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("upgrade-readiness-demo-{}", std::process::id()))
    });
    let used = fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some());
    anyhow::ensure!(!used, "{} is not empty; give --dir a new directory", dir.display());
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    fs::canonicalize(&dir).with_context(|| format!("finding {}", dir.display()))
}

fn describe(dir: &Path, config: &Path, listen: SocketAddr, database: &str, instance: &str) -> String {
    // Nobody has installed the agent yet who tries the demo.
    let agent =
        std::env::current_exe().map_or_else(|_| "agent".to_owned(), |path| path.display().to_string());
    format!(
        "An example Confluence {version} stands in {dir}.\n\
         The agent watches it until you press Ctrl-C; nothing outside that directory is touched.\n\n\
         page        http://{listen}/\n\
         metrics     http://{listen}/metrics\n\
         status      {agent} status --config {config}\n\
         explain     {agent} explain database-ownership --config {config}\n\
         database    {database}\n\
         wiki        {instance}/status\n\n\
         To see a blocker go when the database runs: ALTER TABLE \"AO_950DC3_TC_EVENTS\" OWNER TO confluence;\n\
         and then {agent} refresh --config {config}\n\
         To remove all of it: rm -r {dir}\n",
        version = example::VERSION,
        dir = dir.display(),
        config = config.display(),
    )
}
