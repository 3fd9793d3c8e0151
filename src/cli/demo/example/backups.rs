//! The example's backups: one of each kind, and something wrong with most.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::write;

/// Backups of so many nights are kept.
const NIGHTS: i64 = 5;

/// Where the backups are.
pub(in crate::cli::demo) struct Backups {
    pub(in crate::cli::demo) dir: PathBuf,
    pub(in crate::cli::demo) has_dump: bool,
}

/// Writes the backups: of the home good ones and a newer one that was cut off, an old one of the installation,
/// nightly dumps when there is a database, and the proof that an older one was restored weeks ago.
pub(super) fn lay_out(
    dir: &Path,
    home: &Path,
    installation: &Path,
    dump: Option<&[u8]>,
    now: Timestamp,
) -> anyhow::Result<Backups> {
    let backups = Backups { dir: dir.join("backup"), has_dump: dump.is_some() };
    let place = &backups.dir;
    fs::create_dir_all(place).with_context(|| format!("making {}", place.display()))?;
    let packed = pack(home).context("packing the example's home")?;
    let half = packed.get(..packed.len() / 2).unwrap_or_default();
    for night in 1..=NIGHTS {
        keep(&place.join(format!("wiki-home-{night}.tar.gz")), &packed, hours_ago(now, 2 + night * 24))?;
        if let Some(dump) = dump {
            keep(&place.join(format!("wiki-{night}.dump")), dump, hours_ago(now, 5 + (night - 1) * 24))?;
        }
    }
    keep(&place.join("wiki-home-0.tar.gz"), half, hours_ago(now, 2))?;
    let zipped = zip_up(installation).context("packing the example's installation")?;
    keep(&place.join("wiki-installation.zip"), &zipped, hours_ago(now, 40 * 24))?;
    let restored = hours_ago(now, 50 * 24);
    let proof = json!({
        "dump": place.join("wiki-50.dump"), "dump_finished_at": hours_ago(restored, 5), "restored_at": restored,
        "took": "PT24M", "server": "restore.example.com:5432", "by": "quarterly restore exercise", "defects": [],
        "tables": 16, "rows": [{ "table": "user_mapping", "restored": 2, "production": 2 }],
    });
    write(&place.join("restore-proof.json"), &proof.to_string())?;
    Ok(backups)
}

fn hours_ago(now: Timestamp, hours: i64) -> Timestamp {
    now - SignedDuration::from_hours(hours)
}

fn keep(path: &Path, content: &[u8], finished: Timestamp) -> anyhow::Result<()> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.set_modified(SystemTime::from(finished))
    });
    written.with_context(|| format!("writing {}", path.display()))
}

fn pack(dir: &Path) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_dir_all("home", dir)?;
    archive.into_inner()?.finish()
}

fn zip_up(dir: &Path) -> anyhow::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(io::Cursor::new(Vec::new()));
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry?;
        let name = entry.path().strip_prefix(dir)?.to_string_lossy().into_owned();
        // The access logs are not part of it.
        if entry.file_type().is_file() && !name.starts_with("logs/") {
            archive.start_file(format!("confluence/{name}"), SimpleFileOptions::default())?;
            archive.write_all(&fs::read(entry.path())?)?;
        }
    }
    Ok(archive.finish()?.into_inner())
}
