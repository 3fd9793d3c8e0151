//! `agent restore-test`: restores the newest dump of the database now, and says what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use jiff::Timestamp;
use upgrade_readiness_checks::facts::{Reading, RestoreProof, Source};

use super::ConfigArgs;
use super::output::{Output, advise};
use super::restore_job::newest_whole;
use super::run::block_on;
use super::snapshot::{choose_instance, look_at};
use crate::collect::backups::restore::{PROOF_FILE, RestoreSettings, Task, prove, write_proof};
use crate::collect::database::RowCounts;
use crate::config::{Config, Instance};
use crate::product;

/// Arguments of `agent restore-test`.
#[derive(Debug, Args)]
pub(crate) struct RestoreTestArgs {
    /// The instance; may be left out when there is only one.
    instance: Option<String>,
    /// This dump, and not the newest one that is whole.
    #[arg(long, value_name = "PATH")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &RestoreTestArgs, output: &mut Output) -> anyhow::Result<u8> {
    let config = args.config.read()?;
    let instance = choose_instance(&config, args.instance.as_deref())?;
    let Some(settings) = &instance.restore.test else {
        let error = anyhow::anyhow!("no restore test is set up for the instance {:?}", instance.name);
        return Err(advise(
            error,
            format!(
                "Set enabled, url, username and password_file under [instance.backups.restore_test] in {}.",
                args.config.config.display()
            ),
        ));
    };
    let proof = block_on(restore(args, &config, &instance, settings))??;
    output.text(&render(&proof))?;
    Ok(if proof.defects.is_empty() { 0 } else { 2 })
}

async fn restore(
    args: &RestoreTestArgs,
    config: &Config,
    instance: &Arc<Instance>,
    settings: &RestoreSettings,
) -> anyhow::Result<RestoreProof> {
    let work_dir = config.cache_dir(&instance.name);
    let (dump, finished_at) = match &args.dump {
        Some(dump) => (dump.clone(), None),
        None => newest(config, instance).await?,
    };
    let task = Task { instance: instance.name.clone(), dump, finished_at, work_dir: work_dir.clone() };
    let directory = product::database_directory(instance);
    let progress = |step: String| Output::new().note(&step);
    let proof = prove(settings, &task, &directory, &progress).await?;
    write_proof(&work_dir.join(PROOF_FILE), &proof)?;
    Ok(proof)
}

async fn newest(config: &Config, instance: &Arc<Instance>) -> anyhow::Result<(PathBuf, Option<Timestamp>)> {
    let snapshot = look_at(config, instance, &[Source::Backups], RowCounts::Leave).await?.snapshot;
    let name_it = "Set the place of the dumps under [instance.backups], or name one with --dump PATH.";
    match &snapshot.backups {
        Reading::Learned(learned) => {
            let newest = newest_whole(&learned.facts)
                .context("there is no dump that is whole and of a form the restore test reads");
            newest.map_err(|error| advise(error, name_it))
        }
        Reading::Failed { failure, .. } => Err(anyhow::anyhow!("looking for dumps: {}", failure.message)),
        Reading::Pending | Reading::Off => {
            Err(advise(anyhow::anyhow!("where the dumps are is not configured"), name_it))
        }
    }
}

fn render(proof: &RestoreProof) -> String {
    let mut lines = vec![if proof.defects.is_empty() {
        format!("{} was restored on {} in {:#}.", proof.dump, proof.server, proof.took)
    } else {
        format!("{} does not restore as it should.", proof.dump)
    }];
    lines.extend(proof.defects.iter().map(|defect| format!("  {defect}")));
    if proof.tables > 0 {
        lines.push(format!("  tables: {}", proof.tables));
    }
    for row in &proof.rows {
        let production = row.production.map_or_else(|| "not counted".to_owned(), |rows| rows.to_string());
        lines.push(format!("  rows of {}: {} (production: {production})", row.table, row.restored));
    }
    lines.join("\n")
}
