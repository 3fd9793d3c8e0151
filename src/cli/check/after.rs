//! `agent check --after FILE`: the instance now beside a snapshot from before its upgrade.

mod render;
mod view;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use upgrade_readiness_checks::after::{READS, compare};
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::model::{Requested, Target};
use upgrade_readiness_checks::version::ProductVersion;

use self::view::AfterView;
pub(in crate::cli) use self::view::FORMAT_VERSION;
use super::super::dossier::{Taken, read_dossier};
use super::super::output::{Output, advise};
use super::super::published;
use super::super::run::block_on;
use super::super::snapshot::{catalog_of, choose_instance, look_at};
use super::super::status::Form;
use super::CheckArgs;
use crate::collect::database::RowCounts;
use crate::config::{Config, Instance};
use crate::keeper::running_version;

pub(super) fn run(args: &CheckArgs, path: &Path, output: &mut Output) -> anyhow::Result<u8> {
    if !matches!(args.output, Form::Text | Form::Json | Form::Markdown) {
        let error = anyhow::anyhow!("a comparison with --after has no such form");
        return Err(advise(error, "Choose --output text, json or markdown."));
    }
    args.understood.is(matches!(args.output, Form::Json).then_some(&published::AFTER))?;
    let before = read_dossier(path)?.into_facts();
    let (config, brought, now) = if let Some(facts) = &args.facts {
        let config = if args.config.config.exists() { Some(args.config.read()?) } else { None };
        match read_dossier(facts)? {
            // Facts that say what they are judged by are judged by nothing else.
            Taken::Dossier(dossier) => (config, Some(dossier.brief.policy), dossier.facts),
            Taken::Facts(facts) => (config, None, *facts),
        }
    } else {
        let config = args.config.read()?;
        let now = look(args, &config, &before)?;
        (Some(config), None, now)
    };
    let known =
        config.as_ref().and_then(|config| config.instances.iter().find(|known| known.name == now.instance));
    let policy = brought.or_else(|| known.map(|known| known.policy.clone())).unwrap_or_default();
    let expected = expected(&args.target, &before, config.as_ref(), known)?;
    let after = compare(&before, &now, expected.as_ref(), &policy).map_err(|error| {
        let remedy = format!(
            "Name a snapshot of this instance that was taken before its upgrade; {} is none.",
            path.display()
        );
        advise(error, remedy)
    })?;
    let view = AfterView::of(&after, &before, &now, expected.as_ref());
    let text = match args.output {
        Form::Json => serde_json::to_string_pretty(&view).context("rendering the comparison")?,
        Form::Markdown => render::markdown(&view),
        Form::Text | Form::Nagios | Form::Prometheus | Form::Junit | Form::Sarif => render::text(&view),
    };
    output.text(&text)?;
    Ok(after.verdict.exit_code())
}

/// The JSON schema of a comparison.
pub(in crate::cli) fn schema() -> schemars::Schema {
    schemars::schema_for!(AfterView)
}

/// Looks at what is compared, and at nothing else.
fn look(args: &CheckArgs, config: &Config, before: &Snapshot) -> anyhow::Result<Snapshot> {
    let chosen = choose_instance(config, args.instance.as_deref())?;
    // Told before the look, which takes a while.
    if chosen.name != before.instance {
        let error = anyhow::anyhow!(
            "the snapshot from before is of the instance {:?}, and this is {:?}",
            before.instance.chars().take(64).collect::<String>(),
            chosen.name
        );
        return Err(advise(error, "Name the instance it is of, or its own snapshot."));
    }
    let mut instance = (*chosen).clone();
    // Nobody needs to know what the marketplace says of the next release.
    instance.targets.clear();
    // What was not counted before cannot be compared, and counting is much work for the database.
    let counted = before.database().is_ok_and(|known| known.records.row_counts.value().is_some());
    let row_counts = if counted { RowCounts::Count } else { RowCounts::Leave };
    Ok(block_on(look_at(config, &Arc::new(instance), &READS, row_counts))??.snapshot)
}

/// The release that was meant, when somebody says.
fn expected(
    targets: &[Requested],
    before: &Snapshot,
    config: Option<&Config>,
    instance: Option<&Arc<Instance>>,
) -> anyhow::Result<Option<ProductVersion>> {
    let requested = match targets {
        [] => return Ok(None),
        [one] => one,
        _ => {
            let error =
                anyhow::anyhow!("--after compares with one release, and --target names {}", targets.len());
            return Err(advise(error, "Name the release that was meant to be installed, or none."));
        }
    };
    let catalog = match (config, instance) {
        (Some(config), Some(instance)) => catalog_of(config, instance)?.catalog.current(),
        _ => Arc::new(Catalog::embedded(before.product)),
    };
    // What was recommended before the upgrade was told then; now a release is named.
    let recommended = Err("name the release that was meant");
    let target = Target::resolve(requested, &catalog, running_version(before).as_ref(), recommended);
    let target =
        target.map_err(|error| advise(error, "Name the release as a version, such as --target 9.2.10."))?;
    Ok(Some(target.version))
}
