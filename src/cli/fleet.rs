//! `agent fleet`: how all instances of all agents stand, from the store they share. Needs no daemon.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::ConfigArgs;
use super::output::{Output, advise};
use super::published::{self, Understood};
use super::run::block_on;
use crate::board::fleet::FleetReading;
use crate::config::SharedStorePlace;
use crate::fleet::{FleetError, Reader, SharedStore, setup_sql};
use crate::surface::fleet::{render_fleet_json, render_fleet_markdown, render_fleet_text, view_fleet};

/// Arguments of `agent fleet`.
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t)]
    output: Form,
    #[command(flatten)]
    understood: Understood,
    /// Show instances that are ready, too, and which agents report what.
    #[arg(long)]
    all: bool,
    /// Print what the owner of the database does once, and do nothing.
    #[arg(long, conflicts_with_all = ["all", "forget"])]
    print_sql: bool,
    /// Forget an agent that does not run any more, by its id or the name of its host; it is back when it writes again.
    #[arg(long, value_name = "AGENT|HOST")]
    forget: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs; `agent config schema fleet` prints its schema.
    Json,
    /// For tickets and chats.
    Markdown,
}

pub(super) fn run(args: &FleetArgs, output: &mut Output) -> anyhow::Result<u8> {
    args.understood.is(matches!(args.output, Form::Json).then_some(&published::FLEET))?;
    let config = args.config.read()?;
    let Some(place) = config.shared_store else {
        return Err(advise(
            anyhow::anyhow!("{} names no [store] that many agents share", args.config.config.display()),
            "Add [store] with a url; deploy/fleet/README.md says how it is set up. `agent status` shows this agent alone.",
        ));
    };
    if args.print_sql {
        output.text(&setup_sql(&place))?;
        return Ok(0);
    }
    let advised = |error: FleetError| {
        let remedy = error.remedy();
        advise(error, remedy)
    };
    if let Some(whom) = &args.forget {
        let forgotten = block_on(forget(&place, whom))?.map_err(advised)?;
        if forgotten == 0 {
            return Err(advise(
                anyhow::anyhow!("there is no agent {whom:?} in the fleet"),
                "`agent fleet --output json` shows the agents and their hosts.",
            ));
        }
        output.text(&format!("{whom} is forgotten; its history stays"))?;
        return Ok(0);
    }
    let reading = block_on(read(&place))?.map_err(advised)?;
    let now = Timestamp::now();
    let fleet = view_fleet(&reading, &place.to_string(), now);
    output.text(&match args.output {
        Form::Text => render_fleet_text(&fleet, now, args.all, output.color()),
        Form::Json => render_fleet_json(&fleet),
        Form::Markdown => render_fleet_markdown(&fleet, args.all),
    })?;
    Ok(fleet.verdict.exit_code())
}

async fn read(place: &SharedStorePlace) -> Result<FleetReading, FleetError> {
    let mut store = SharedStore::connect(place).await?;
    store.expect_form().await?;
    Reader::default().read(&mut store).await
}

async fn forget(place: &SharedStorePlace, whom: &str) -> Result<u64, FleetError> {
    let mut store = SharedStore::connect(place).await?;
    store.expect_form().await?;
    store.forget(whom).await
}
