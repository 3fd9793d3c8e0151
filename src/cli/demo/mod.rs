//! `agent demo`: a throw-away example instance, with the daemon on it.

mod carbon;
mod confluence;
mod files;
mod logs;
mod postgres;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::Router;
use clap::Args;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use upgrade_readiness_checks::facts::{Family, Product};

use postgres::Postgres;

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
    /// The product to show: confluence or carbon.
    #[arg(long, default_value = "confluence", value_parser = parse_product)]
    product: Product,
}

fn parse_product(text: &str) -> Result<Product, String> {
    match text {
        "carbon" => Ok(Product::Wso2Carbon),
        _ => Product::by_id(text)
            .filter(|product| matches!(product, Product::Confluence | Product::Wso2Carbon))
            .ok_or_else(|| "there are examples of confluence and carbon (wso2-carbon)".to_owned()),
    }
}

/// What an example is laid out with.
struct Stage<'a> {
    /// Where it may write.
    dir: &'a Path,
    /// Its days are counted from here.
    now: Timestamp,
    /// Where the page of the agent will be.
    listen: SocketAddr,
    /// Where its HTTP side will be.
    url: &'a str,
    /// An empty database server, when one could be started.
    postgres: Option<&'a Postgres>,
}

/// An example that is laid out.
struct Example {
    /// Product and version.
    what: String,
    /// The configuration of an agent that watches it.
    agent_toml: String,
    /// Its HTTP side.
    router: Router,
    /// The name of its database.
    database: &'static str,
    /// What its HTTP side is called, and a page of it.
    front: (&'static str, &'static str),
    /// A check worth reading about.
    explained: &'static str,
    /// How a blocker is made to go.
    mending: String,
}

/// Lays out the example, plays its surroundings, and runs the daemon until it is told to stop.
pub(super) fn run(args: DemoArgs, output: &mut Output) -> anyhow::Result<u8> {
    block_on(show(args, output))??;
    Ok(0)
}

async fn show(args: DemoArgs, output: &mut Output) -> anyhow::Result<()> {
    let dir = directory(args.dir)?;
    let postgres = match postgres::find_programs() {
        None => {
            Err("not installed here, so everything about the database is unknown: apt-get install postgresql"
                .to_owned())
        }
        Some(programs) => postgres::start(&programs, &dir)
            .await
            .map_err(|error| format!("could not be started, so it is unknown: {error:#}")),
    };
    let fake =
        TcpListener::bind("127.0.0.1:0").await.context("opening a port for the example's HTTP side")?;
    let url = format!("http://{}", fake.local_addr().context("asking for the port")?);
    let stage = Stage {
        dir: &dir,
        now: Timestamp::now(),
        listen: args.listen,
        url: &url,
        postgres: postgres.as_ref().ok(),
    };
    let example = match args.product.family() {
        Family::Confluence => confluence::set_up(&stage).await?,
        Family::Carbon => carbon::set_up(&stage).await?,
    };
    let config_path = dir.join("agent.toml");
    fs::write(&config_path, &example.agent_toml)
        .with_context(|| format!("writing {}", config_path.display()))?;
    fs::create_dir_all(dir.join("state")).context("making the state directory")?;

    let config = read_config(&config_path)?;
    start_log(&config)?;
    let daemon = Daemon::bind(config_path.clone(), config).await?;
    let database = match &postgres {
        Ok(postgres) => postgres.client(example.database),
        Err(why) => why.clone(),
    };
    output.text(&describe(&stage, &example, &config_path, daemon.address(), &database))?;
    let stop_fake = CancellationToken::new();
    let playing =
        axum::serve(fake, example.router).with_graceful_shutdown(stop_fake.clone().cancelled_owned());
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

fn describe(
    stage: &Stage<'_>,
    example: &Example,
    config: &Path,
    listen: SocketAddr,
    database: &str,
) -> String {
    // Nobody has installed the agent yet who tries the demo.
    let agent =
        std::env::current_exe().map_or_else(|_| "agent".to_owned(), |path| path.display().to_string());
    let (front, page) = example.front;
    format!(
        "An example {what} stands in {dir}.\n\
         The agent watches it until you press Ctrl-C; nothing outside that directory is touched.\n\n\
         page        http://{listen}/\n\
         metrics     http://{listen}/metrics\n\
         status      {agent} status --config {config}\n\
         explain     {agent} explain {explained} --config {config}\n\
         database    {database}\n\
         {front:<11} {instance}{page}\n\n\
         {mending}\n\
         and then {agent} refresh --config {config}\n\
         To remove all of it: rm -r {dir}\n",
        what = example.what,
        dir = stage.dir.display(),
        config = config.display(),
        explained = example.explained,
        instance = stage.url,
        mending = example.mending,
    )
}
