//! `agent manual`: writes the manual pages, one for each command. Whoever makes a package asks for it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

/// Arguments of `agent manual`.
#[derive(Debug, Args)]
pub(crate) struct ManualArgs {
    /// The directory; it must be there.
    dir: PathBuf,
}

pub(super) fn run(args: &ManualArgs, program: clap::Command) -> anyhow::Result<u8> {
    clap_mangen::generate_to(program, &args.dir)
        .with_context(|| format!("writing manual pages into {}", args.dir.display()))?;
    Ok(0)
}
