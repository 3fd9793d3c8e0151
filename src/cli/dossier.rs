//! Reading facts somebody took before: a dossier, or the facts alone as older agents wrote them.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use upgrade_readiness_checks::dossier::{DOSSIER_FORMAT, Dossier};
use upgrade_readiness_checks::facts::{REFRESH_FORMAT, SNAPSHOT_FORMAT, Snapshot};

use super::output::advise;
use crate::surface::status::printable;

/// No file of facts is longer.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// What is wrong with a file is told in at most so many characters.
const MOST_CHARS: usize = 300;

/// What a file of facts holds.
pub(super) enum Taken {
    /// Facts, and all they are judged by.
    Dossier(Box<Dossier>),
    /// Facts alone, as agents wrote them before there were dossiers.
    Facts(Box<Snapshot>),
}

impl Taken {
    /// The facts.
    pub(super) fn into_facts(self) -> Snapshot {
        match self {
            Self::Dossier(dossier) => dossier.facts,
            Self::Facts(facts) => *facts,
        }
    }
}

/// What can be told before the rest is understood.
#[derive(Deserialize)]
struct Head {
    format_version: String,
    agent: Option<String>,
}

/// Reads facts somebody took before.
pub(super) fn read_dossier(path: &Path) -> anyhow::Result<Taken> {
    let remedy = format!("Make one with `agent snapshot --output {}`.", path.display());
    let bytes = read_bytes(path).map_err(|error| {
        advise(error.context(format!("reading the facts in {}", path.display())), &remedy)
    })?;
    let not_facts = |cause: anyhow::Error, remedy: &str| {
        advise(cause.context(format!("{} is not a snapshot", path.display())), remedy)
    };
    let Head { format_version, agent } = parse(&bytes).map_err(|cause| not_facts(cause, &remedy))?;
    let other = |format: &str, what: &str| {
        let found = first_chars(format, 32);
        let error = anyhow::anyhow!(
            "{} has {what} {found:?}, and this agent reads {DOSSIER_FORMAT} and {SNAPSHOT_FORMAT}",
            path.display()
        );
        advise(error, "Use the agent that wrote it, or take a new snapshot with this one.")
    };
    if same_major(&format_version, SNAPSHOT_FORMAT) {
        let facts = parse(&bytes).map_err(|cause| not_facts(cause, &remedy))?;
        return Ok(Taken::Facts(Box::new(facts)));
    }
    if !same_major(&format_version, DOSSIER_FORMAT) {
        return Err(other(&format_version, "the format"));
    }
    let dossier: Dossier = parse(&bytes).map_err(|cause| match &agent {
        Some(writer) if writer != env!("CARGO_PKG_VERSION") => {
            let writer = first_chars(&printable(writer), 32);
            let remedy = format!("Use agent {writer}, which wrote it, or take a new snapshot with this one.");
            not_facts(cause, &remedy)
        }
        Some(_) | None => not_facts(cause, &remedy),
    })?;
    let Dossier { facts, learned, .. } = &dossier;
    if !same_major(&facts.format_version, SNAPSHOT_FORMAT) {
        return Err(other(&facts.format_version, "facts in the format"));
    }
    if let Some(learned) = learned {
        if !same_major(&learned.format_version, REFRESH_FORMAT) {
            return Err(other(&learned.format_version, "what was learned of releases in the format"));
        }
        if learned.product != facts.product {
            let cause = anyhow::anyhow!(
                "its facts are about {} and what was learned of releases is about {}",
                facts.product,
                learned.product
            );
            return Err(not_facts(cause, &remedy));
        }
    }
    Ok(Taken::Dossier(Box::new(dossier)))
}

/// The library's words may quote what stands there, whatever it is.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| anyhow::Error::msg(first_chars(&printable(&error.to_string()), MOST_CHARS)))
}

fn first_chars(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn same_major(version: &str, other: &str) -> bool {
    let major = |version: &str| version.split('.').next().map(ToOwned::to_owned);
    major(version) == major(other)
}

pub(super) fn read_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
    anyhow::ensure!(fs::metadata(path)?.is_file(), "it is not a regular file");
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() as u64 <= MOST_BYTES,
        "it is longer than {MOST_BYTES} bytes, which no snapshot is"
    );
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use upgrade_readiness_checks::facts::Product;

    use super::*;

    #[test]
    fn facts_in_another_format_are_not_judged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("facts.json");
        let mut snapshot = Snapshot::empty("wiki", Product::Confluence, Timestamp::UNIX_EPOCH);
        for (format, readable) in
            [(SNAPSHOT_FORMAT, true), ("1.7", true), ("2.0", false), ("3.0", false), ("", false)]
        {
            snapshot.format_version = format.to_owned();
            fs::write(&path, serde_json::to_string(&snapshot).unwrap()).unwrap();
            assert_eq!(read_dossier(&path).is_ok(), readable, "{format:?}");
        }
    }
}
