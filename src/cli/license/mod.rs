//! `agent license`: what a licence text says, and which releases it allows.
//!
//! It needs no configuration and no instance: the text is all it looks at. Of whom the licence names,
//! nothing is shown.

mod judge;
mod render;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::model::Policy;

use super::published::{self, Understood};
use crate::product::confluence::license::{MOST_CHARACTERS, read_license};
use judge::{Allowed, Answer, Judge, Note, Pick};
pub(super) use render::{FORMAT_VERSION, schema};
use render::{render_json, render_text};

/// Arguments of `agent license`.
#[derive(Debug, Clone, Args)]
pub(crate) struct LicenseArgs {
    /// File with the licence text; `-` or nothing reads standard input
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = LicenseOutput::Text)]
    pub output: LicenseOutput,
    #[command(flatten)]
    pub understood: Understood,
}

/// Form of the answer of `agent license`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LicenseOutput {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Reads a licence text and says what it allows: the answer and the exit code.
///
/// The code is 0 when the licence is usable today, 1 with warnings, 2 when it is not usable, 3 when
/// its text does not tell. An error is that nothing could be read, which is 3 as well.
pub(super) fn run(
    args: &LicenseArgs,
    catalog: &Catalog,
    now: Timestamp,
    stdin: &mut dyn Read,
) -> anyhow::Result<(String, u8)> {
    args.understood.is((args.output == LicenseOutput::Json).then_some(&published::LICENSE))?;
    let text = match args.file.as_deref() {
        Some(path) if path != Path::new("-") => {
            let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
            read_limited(&mut file).with_context(|| format!("reading {}", path.display()))?
        }
        Some(_) | None => read_limited(stdin).context("reading the licence from standard input")?,
    };
    let policy = Policy::default();
    let answer = Judge::new(catalog, &policy, now).judge(read_license(text.expose_secret()));
    let shown = match args.output {
        LicenseOutput::Text => render_text(&answer),
        LicenseOutput::Json => render_json(&answer)?,
    };
    Ok((shown, answer.verdict().exit_code()))
}

/// Reads text that is not longer than any licence, from a source that may never end.
fn read_limited(source: &mut dyn Read) -> anyhow::Result<SecretString> {
    let most = u64::try_from(MOST_CHARACTERS)?;
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MOST_CHARACTERS {
        bail!("it is longer than {MOST_CHARACTERS} bytes, and no licence is: this is another file");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => bail!("it is not UTF-8 text: save the licence as plain UTF-8 text and try again"),
    }
}

#[cfg(test)]
mod tests;
