//! `agent init`: finds installations on this host and writes a configuration for them.
//!
//! Nothing is asked and nothing is changed; the one file that is written is the one that was named.

mod render;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use jiff::Timestamp;

use super::output::{Output, advise};
use crate::product::find::{Survey, Whereabouts, find};

/// Arguments of `agent init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Write the configuration to this file, and not to standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file when it is there already.
    #[arg(long, requires = "output")]
    force: bool,
    /// Look below this directory only, and not in the usual ones; may be given several times.
    #[arg(long, value_name = "DIR")]
    below: Vec<PathBuf>,
}

pub(super) fn run(args: &InitArgs, output: &mut Output) -> anyhow::Result<u8> {
    // Before the search, which may take a while.
    if let Some(path) = args.output.as_deref().filter(|path| !args.force && path.exists()) {
        return Err(is_there_already(path));
    }
    if let Some(dir) = args.below.iter().find(|dir| !dir.is_dir()) {
        anyhow::bail!("{} is no directory that can be looked into", dir.display());
    }
    let whereabouts =
        if args.below.is_empty() { Whereabouts::usual() } else { Whereabouts::below(&args.below) };
    let survey = find(&whereabouts);
    for trouble in &survey.troubles {
        output.note(trouble);
    }
    if survey.proposed.is_empty() {
        return Err(nothing_found(&survey));
    }
    let text = render::render(&survey, Timestamp::now());
    let Some(path) = &args.output else {
        output.text(&text)?;
        return Ok(0);
    };
    write(path, args.force, &text)?;
    let names: Vec<String> = survey
        .proposed
        .iter()
        .map(|proposed| format!("  {}\n", render::describe(&proposed.instance)))
        .collect();
    output.text(&format!(
        "{path} is written, for\n{names}\nRead it, fill in what is commented out, and then: agent config check --config {path}",
        path = path.display(),
        names = names.concat(),
    ))?;
    Ok(0)
}

fn nothing_found(survey: &Survey) -> anyhow::Error {
    let looked = if survey.looked.is_empty() { "nowhere".to_owned() } else { survey.looked.join(", ") };
    advise(
        anyhow!("no installation of Confluence or of a WSO2 Carbon product was found; looked in: {looked}"),
        "Name where they are with --below DIR, and run it on the host they are on, as root or as their user; or write \
         the configuration by hand: `agent config schema` describes every key.",
    )
}

fn is_there_already(path: &Path) -> anyhow::Error {
    advise(
        anyhow!("{} is there already and was left as it is", path.display()),
        "Name another file, or let it be replaced with --force.",
    )
}

/// The file may get secrets later: others may not read it.
fn write(path: &Path, force: bool, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o640);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    match options.open(path).and_then(|mut file| file.write_all(text.as_bytes())) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(is_there_already(path)),
        written => written.with_context(|| format!("writing {}", path.display())),
    }
}
