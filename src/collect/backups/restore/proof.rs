//! The proof that a dump restores: a small JSON file, written by the restore test or by a job of the operator's own, in
//! the form `config/schema/restore-proof.json` describes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{FailureKind, Field, RestoreProof};

use crate::chain::Chain;
use crate::collect::text_file::{ReadTextError, read_text};

/// Its name in the instance's cache directory.
pub const PROOF_FILE: &str = "restore.json";

/// Version of its form.
pub const PROOF_FORMAT: &str = "1.0";

/// A proof as it stands in its file.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct ProofFile {
    /// Version of this form; 1.0 when it is left out.
    #[serde(default = "unsaid")]
    format_version: String,
    #[serde(flatten)]
    proof: RestoreProof,
}

/// Its version alone: the rest of another one may look otherwise.
#[derive(Deserialize)]
struct Head {
    #[serde(default = "unsaid")]
    format_version: String,
}

fn unsaid() -> String {
    "1.0".to_owned()
}

/// The form of its file, which jobs of operators write as well.
pub fn proof_schema() -> schemars::Schema {
    schemars::schema_for!(ProofFile)
}

/// A proof could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Its file could not be read.
    #[error("reading the proof of a restore")]
    Read(#[source] ReadTextError),
    /// It is no proof.
    #[error("{} is not a proof of a restore", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// It is of a version that is not known here.
    #[error("{} is a proof of a restore in version {found} of its form, and this agent reads {PROOF_FORMAT}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// It could not be written.
    #[error("writing the proof of a restore to {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Reads a proof; `None` when there is none.
pub fn read_proof(path: &Path) -> Result<Option<RestoreProof>, ProofError> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == FailureKind::Absent => return Ok(None),
        Err(error) => return Err(ProofError::Read(error)),
    };
    let malformed = |cause| ProofError::Malformed { path: path.to_owned(), cause };
    let Head { format_version } = serde_json::from_str(&text).map_err(malformed)?;
    let major = |version: &str| version.split('.').next().map(ToOwned::to_owned);
    if major(&format_version) != major(PROOF_FORMAT) {
        let found = format_version.chars().filter(char::is_ascii_graphic).take(32).collect();
        return Err(ProofError::Version { path: path.to_owned(), found });
    }
    let file: ProofFile = serde_json::from_str(&text).map_err(malformed)?;
    Ok(Some(file.proof))
}

/// The newest of several proofs; unread as soon as one of them cannot be read, for it may be the newest.
#[must_use]
pub fn read_newest(paths: &[PathBuf]) -> Field<Option<RestoreProof>> {
    let mut newest: Option<RestoreProof> = None;
    for path in paths {
        match read_proof(path) {
            Ok(Some(proof)) => {
                if newest.as_ref().is_none_or(|known| known.restored_at < proof.restored_at) {
                    newest = Some(proof);
                }
            }
            Ok(None) => {}
            Err(error) => return Field::Unread(Chain(&error).to_string()),
        }
    }
    Field::Read(newest)
}

/// Writes a proof beside its place and renames it.
pub fn write_proof(path: &Path, proof: &RestoreProof) -> Result<(), ProofError> {
    let failed = |cause| ProofError::Write { path: path.to_owned(), cause };
    let file = ProofFile { format_version: PROOF_FORMAT.to_owned(), proof: proof.clone() };
    let text = serde_json::to_string_pretty(&file).map_err(|error| failed(error.into()))?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let beside = path.with_extension("json.new");
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o640).open(&beside);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&beside, path)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    fn proof(hours: i64) -> RestoreProof {
        RestoreProof {
            dump: "/backup/wiki.dump".into(),
            dump_finished_at: Timestamp::UNIX_EPOCH,
            restored_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours),
            took: SignedDuration::from_mins(3),
            server: "db:5432".into(),
            by: "nightly job".into(),
            defects: Vec::new(),
            tables: 412,
            rows: Vec::new(),
        }
    }

    #[test]
    fn the_newest_proof_counts_and_one_that_cannot_be_read_hides_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["a.json", "b.json", "c.json"].map(|name| directory.path().join(name));
        assert_eq!(read_newest(&paths), Field::Read(None));
        write_proof(&paths[0], &proof(5)).unwrap();
        write_proof(&paths[1], &proof(9)).unwrap();
        assert_eq!(read_newest(&paths), Field::Read(Some(proof(9))));
        for text in ["", "{}", "<html>", "[1]", "{\"dump\": \"x\", \"extra\": 1}"] {
            fs::write(&paths[2], text).unwrap();
            assert!(matches!(read_newest(&paths), Field::Unread(why) if why.contains("c.json")), "{text}");
        }
        let newest = serde_json::to_value(proof(11)).unwrap();
        let says = |version: &str| {
            let mut file = newest.clone();
            file["format_version"] = version.into();
            fs::write(&paths[2], file.to_string()).unwrap();
            read_newest(&paths)
        };
        assert_eq!(says("1.4"), Field::Read(Some(proof(11))));
        assert!(matches!(says("2.0"), Field::Unread(why) if why.contains("version 2.0 of its form")));
        fs::write(&paths[2], newest.to_string()).unwrap();
        assert_eq!(read_newest(&paths), Field::Read(Some(proof(11))), "a job need not say the version");
        fs::remove_file(&paths[2]).unwrap();
        fs::create_dir(&paths[2]).unwrap();
        assert!(matches!(read_newest(&paths), Field::Unread(_)));
    }
}
