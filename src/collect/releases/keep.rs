//! What was learned, on disk: written beside and renamed, and read as if a stranger had written it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use upgrade_readiness_checks::facts::{Product, REFRESH_FORMAT, Refresh};

use crate::collect::text_file::{ReadTextError, read_text_up_to};

/// What was learned is far smaller.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Why a file with what was learned cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error("reading what was learned of releases")]
    Read(#[source] ReadTextError),
    #[error("{} does not hold what an agent learned of releases ({at})", path.display())]
    Form { path: PathBuf, at: String },
    #[error("{} has the format {found:?}, and this agent reads {REFRESH_FORMAT}", path.display())]
    Format { path: PathBuf, found: String },
    #[error("{} is about {found}", path.display())]
    Product { path: PathBuf, found: Product },
    #[error("{} says that it was learned in the future", path.display())]
    Future { path: PathBuf },
}

impl KeepError {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Read(ReadTextError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound)
    }
}

/// What can be told before the rest is understood.
#[derive(Deserialize)]
struct Head {
    format_version: String,
}

pub(super) fn read(path: &Path, product: Product, now: Timestamp) -> Result<Refresh, KeepError> {
    let path = path.to_owned();
    let text = read_text_up_to(&path, MOST_BYTES).map_err(KeepError::Read)?;
    // The library's own words would quote what stands there.
    let form = |error: serde_json::Error| KeepError::Form {
        path: path.clone(),
        at: format!("line {}, column {}", error.line(), error.column()),
    };
    let Head { format_version } = serde_json::from_str(&text).map_err(form)?;
    let major = |version: &str| version.split('.').next().map(ToOwned::to_owned);
    if major(&format_version) != major(REFRESH_FORMAT) {
        let found = format_version.chars().filter(char::is_ascii_graphic).take(32).collect();
        return Err(KeepError::Format { path, found });
    }
    let refresh: Refresh = serde_json::from_str(&text).map_err(form)?;
    if refresh.product != product {
        return Err(KeepError::Product { path, found: refresh.product });
    }
    let latest = now.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
    if refresh.answers.values().any(|answer| answer.learned_at > latest) {
        return Err(KeepError::Future { path });
    }
    Ok(refresh)
}

pub(super) fn write(path: &Path, refresh: &Refresh) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let beside = path.with_extension("json.new");
    fs::write(&beside, serde_json::to_vec_pretty(refresh)?)?;
    fs::File::open(&beside)?.sync_all()?;
    fs::rename(beside, path)
}

/// Keeps a file nothing can be done with; only the newest one, since its content can be asked for again.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = path.with_extension("json.aside");
    fs::rename(path, &aside)?;
    Ok(aside)
}
