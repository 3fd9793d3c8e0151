//! Marker files: what a backup job says of a backup that the agent cannot read, because it is encrypted or elsewhere.
//!
//! Its form is the agent's own, a few lines of TOML that a shell script can write: `config/schema/backup-marker.json`
//! describes it, and the page of `backup-home` has an example.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use upgrade_readiness_checks::facts::BackupKind;

/// Version of its form.
pub const MARKER_FORMAT: &str = "1";

/// No marker is longer.
pub(super) const MOST_BYTES: u64 = 64 * 1024;

/// A job may say that a backup was finished this much later than the marker was written: clocks differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// What a marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) kind: BackupKind,
    /// The instance it is of, when it says so.
    pub(super) instance: Option<String>,
    pub(super) finished_at: Timestamp,
    pub(super) bytes: Option<u64>,
    /// Where the backup is, without credentials.
    pub(super) location: Option<String>,
    /// The job read the backup back and found it whole.
    pub(super) verified: bool,
    pub(super) by: Option<String>,
}

/// What a backup job says, in TOML, of a backup the agent cannot read itself.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BackupMarker")]
struct Raw {
    /// Version of this form: 1. It comes first, for a file is known by it.
    #[schemars(range(min = 1, max = 1))]
    backup_marker: u32,
    /// What it is a backup of.
    kind: BackupKind,
    /// Name of the instance it is of; when it is left out, of every instance that looks where it lies.
    instance: Option<String>,
    /// When the backup was finished: a time with its offset, as a date of TOML or in quotes.
    #[schemars(with = "Timestamp")]
    finished_at: toml::Value,
    /// Its size.
    bytes: Option<u64>,
    /// Where it is: a path, or an address whose credentials are passed over. A file beside the marker is meant by its name.
    location: Option<String>,
    /// Whether the job read the backup back and found it whole; default false.
    #[serde(default)]
    verified: bool,
    /// Who says so.
    by: Option<String>,
}

/// The form of a marker.
pub fn marker_schema() -> schemars::Schema {
    schemars::schema_for!(Raw)
}

/// Whether a file begins as a marker does.
pub(super) fn is_marker(head: &[u8]) -> bool {
    let text = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line.starts_with("backup_marker"))
}

/// Reads the text of a marker that was last changed at `written_at`.
pub(super) fn parse_marker(text: &str, written_at: Timestamp) -> Result<Marker, String> {
    let raw: Raw =
        toml::from_str(text).map_err(|error| format!("its marker cannot be read: {}", error.message()))?;
    if raw.backup_marker != 1 {
        return Err(format!(
            "its marker is of version {}, and this agent reads version 1",
            raw.backup_marker
        ));
    }
    let said = match &raw.finished_at {
        toml::Value::Datetime(at) => at.to_string(),
        toml::Value::String(at) => at.clone(),
        other => other.to_string(),
    };
    let finished_at: Timestamp = said.parse().ok().ok_or_else(|| {
        format!("finished_at of its marker must be a time with its offset such as 2026-11-20T02:13:00Z, and is {said}")
    })?;
    if finished_at > written_at.saturating_add(CLOCK_TOLERANCE).unwrap_or(Timestamp::MAX) {
        return Err(format!("its marker was written before {said}, when it says the backup was finished"));
    }
    Ok(Marker {
        kind: raw.kind,
        instance: raw.instance,
        finished_at,
        bytes: raw.bytes,
        location: raw.location.as_deref().map(without_credentials),
        verified: raw.verified,
        by: raw.by,
    })
}

/// An address keeps its host and path; user, password and what stands behind a `?` may be secret.
fn without_credentials(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else { return location.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or_default();
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "backup_marker = 1\nkind = 'home'\nfinished_at = 2026-11-20T02:13:00Z\nbytes = 2048\n\
        location = 's3://key:secret@backups/wiki/home.tar.age?token=x'\nverified = true\nby = 'restic check'\n";

    fn written() -> Timestamp {
        "2026-11-20T02:14:00Z".parse().unwrap()
    }

    #[test]
    fn a_marker_says_what_the_job_knows() {
        let marker = parse_marker(MARKER, written()).unwrap();
        assert_eq!(marker.kind, BackupKind::Home);
        assert_eq!(marker.finished_at.to_string(), "2026-11-20T02:13:00Z");
        assert_eq!(marker.location.as_deref(), Some("s3://backups/wiki/home.tar.age"), "nothing secret");
        assert!(marker.verified);
        let text = "backup_marker = 1\nkind = 'database'\nfinished_at = '2026-11-20T03:13:00+01:00'\n";
        let least = parse_marker(text, written()).unwrap();
        assert_eq!(
            (least.finished_at, least.verified),
            (marker.finished_at, false),
            "silence verifies nothing"
        );
    }

    #[test]
    fn a_marker_that_is_none_says_why() {
        let rows = [
            ("backup_marker = 2\nkind = 'home'\nfinished_at = 2026-11-20T02:13:00Z", "version 2"),
            ("backup_marker = 1\nkind = 'homes'\nfinished_at = 2026-11-20T02:13:00Z", "unknown variant"),
            ("backup_marker = 1\nkind = 'home'\nfinished_at = 2026-11-20", "with its offset"),
            ("backup_marker = 1\nkind = 'home'\nfinished_at = 7", "with its offset"),
            ("backup_marker = 1\nkind = 'home'\nfinished_at = 2026-11-20T02:30:00Z", "written before"),
            (
                "backup_marker = 1\nkind = 'home'\nfinished_at = 2026-11-20T02:13:00Z\nbytes = -1",
                "cannot be read",
            ),
            (
                "backup_marker = 1\nkind = 'home'\nfinished_at = 2026-11-20T02:13:00Z\nverifed = true",
                "unknown field",
            ),
        ];
        for (text, why) in rows {
            let error = parse_marker(text, written()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn addresses_lose_what_may_be_secret() {
        for (given, kept) in [
            ("/backup/home.age", "/backup/home.age"),
            ("https://u:p@host", "https://host"),
            ("https://host/a?b@c/d", "https://host/a"),
        ] {
            assert_eq!(without_credentials(given), kept);
        }
    }
}
