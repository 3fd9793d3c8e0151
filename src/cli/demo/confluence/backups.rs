//! The example's backups: one of each kind, and something wrong with most.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::super::files::{hours_ago, keep, pack, write};

/// Backups of so many nights are kept.
const NIGHTS: i64 = 5;

/// Where the backups are.
pub(super) struct Backups {
    pub(super) dir: PathBuf,
    pub(super) has_dump: bool,
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
    let packed = pack(home, "home").context("packing the example's home")?;
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
