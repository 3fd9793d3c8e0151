//! Backups: what lies in the places the configuration names, and whether the newest can be read to their end.
//!
//! What a file is, is told by its content. The newest few of each kind are read through; what came of it is
//! remembered for as long as the file does not change. Nothing is unpacked to disk.

pub mod dump;
mod form;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod marker;
mod places;
pub mod restore;
mod stream;
mod tar_archive;
mod tree;
mod verify;
mod zip_archive;
mod zstd;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::facts::{
    Backup, BackupKind, BackupSet, Backups, Contents, Field, Integrity, Section, Source,
};

use self::form::{Form, HEAD, Stream, recognise};
use self::marker::{Marker, parse_marker};
use self::places::{Candidate, find};
use self::restore::{PROOF_FILE, read_newest};
use self::verify::{Verified, cannot_read, verify, verify_directory};
use super::blocking::{Lookout, Stop};
use super::disk::Whereabouts;
use super::host::HostPaths;
use super::layout::Layout;
use super::notebook::{Notebook, Stamp};
use super::{CollectError, Collector};

pub use self::marker::{MARKER_FORMAT, marker_schema};
pub use self::places::PlaceForm;
pub use self::stream::UnpackLimits;

/// Backups of each kind that are read to their end.
const MOST_READ: usize = 2;

/// Files whose first bytes are looked at, to find those that are backups.
const MOST_HEADS: usize = 500;

/// A file without a form this agent knows is a note beside a backup, a checksum or a log, when it is smaller.
const SMALLEST_UNKNOWN: u64 = 64 * 1024;

/// A file that changed this recently may be in the making.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// Where the backups of an instance are, as the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupPlaces {
    /// Each kind the configuration names.
    pub sets: Vec<KindPlaces>,
    /// What a backup may unpack to.
    pub limits: UnpackLimits,
}

/// Where the backups of one kind are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindPlaces {
    /// What they are of.
    pub kind: BackupKind,
    /// Paths and patterns, from the root.
    pub places: Vec<String>,
    /// What they name.
    pub form: PlaceForm,
}

/// Looks at the backups of one instance.
pub struct BackupsCollector {
    look: Arc<Look>,
    lookout: Lookout,
}

struct Look {
    instance: String,
    places: BackupPlaces,
    layout: Arc<dyn Layout>,
    mountinfo: PathBuf,
    notes: Option<PathBuf>,
    /// Where proofs are that a dump restores: the agent's own, and that of a job of the operator's.
    proofs: Vec<PathBuf>,
}

impl BackupsCollector {
    /// A collector for the instance of this name; what it learns of files is remembered in `cache_dir`.
    /// `proof` is where a job of the operator's writes that a dump restores.
    #[must_use]
    pub fn new(
        instance: &str,
        places: BackupPlaces,
        layout: Arc<dyn Layout>,
        proof: Option<&Path>,
        cache_dir: Option<&Path>,
    ) -> Self {
        let look = Look {
            instance: instance.to_owned(),
            places,
            layout,
            mountinfo: HostPaths::default().proc_dir.join("self/mountinfo"),
            notes: cache_dir.map(|directory| directory.join("backups")),
            proofs: cache_dir
                .map(|directory| directory.join(PROOF_FILE))
                .into_iter()
                .chain(proof.map(Path::to_owned))
                .collect(),
        };
        Self { look: Arc::new(look), lookout: Lookout::default() }
    }

    /// Sees the proof of the daemon's restore test too, which is kept in this directory.
    #[must_use]
    pub fn with_proofs_kept_in(mut self, kept_dir: Option<&Path>) -> Self {
        if let (Some(directory), Some(look)) = (kept_dir, Arc::get_mut(&mut self.look)) {
            look.proofs.push(directory.join(PROOF_FILE));
        }
        self
    }
}

#[async_trait]
impl Collector for BackupsCollector {
    fn source(&self) -> Source {
        Source::Backups
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let look = Arc::clone(&self.look);
        self.lookout.run(move |stop| Ok(Section::Backups(look.read(stop)))).await
    }
}

/// What is remembered of a file: what came of reading it, under these limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Learned {
    form: String,
    integrity: Field<Integrity>,
    limits: UnpackLimits,
}

impl Look {
    fn read(&self, stop: &Stop) -> Backups {
        // Without the directories a backup still has a file system; only its name may be another one.
        let directories = self.layout.directories().unwrap_or_default();
        let whereabouts = Whereabouts::read(&directories, &self.mountinfo);
        let mut notebook = Notebook::open(self.notes.clone());
        let sets = self
            .places
            .sets
            .iter()
            .map(|set| BackupSet {
                kind: set.kind,
                places: set.places.clone(),
                backups: self
                    .read_set(set, &whereabouts, &mut notebook, stop)
                    .map_or_else(Field::Unread, Field::Read),
            })
            .collect();
        // A notebook that cannot be written costs time at the next look, and nothing else.
        drop(notebook.close());
        Backups { sets, restore: read_newest(&self.proofs) }
    }

    fn read_set(
        &self,
        set: &KindPlaces,
        whereabouts: &Whereabouts,
        notebook: &mut Notebook<Learned>,
        stop: &Stop,
    ) -> Result<Vec<Backup>, String> {
        let candidates = find(&set.places, set.form, stop)?;
        let mut found = match set.form {
            PlaceForm::Directory => trees(set.kind, candidates, stop),
            PlaceForm::Files => self.files(set.kind, candidates, notebook, stop)?,
        };
        for (path, backup) in &mut found {
            if backup.form != "marker" {
                backup.mount_point = whereabouts.of(path);
            }
        }
        let mut backups: Vec<Backup> = found.into_iter().map(|(_, backup)| backup).collect();
        backups.sort_by(|a, b| b.finished_at.cmp(&a.finished_at).then_with(|| b.path.cmp(&a.path)));
        backups.truncate(BackupSet::MOST);
        Ok(backups)
    }

    fn files(
        &self,
        kind: BackupKind,
        candidates: Vec<Candidate>,
        notebook: &mut Notebook<Learned>,
        stop: &Stop,
    ) -> Result<Vec<(PathBuf, Backup)>, String> {
        let (mut found, mut markers) = (Vec::new(), Vec::new());
        let many = candidates.len() > MOST_HEADS;
        let mut to_read = MOST_READ;
        for candidate in candidates.into_iter().take(MOST_HEADS) {
            if found.len() >= BackupSet::MOST {
                break;
            }
            let head = read_head(&candidate.path);
            let form = match &head {
                Ok(head) => recognise(head),
                Err(_) => Form::Plain(Stream::Other),
            };
            let is_note = form == Form::Plain(Stream::Other) && candidate.bytes < SMALLEST_UNKNOWN;
            if form == Form::Marker {
                markers.extend(self.marker(kind, &candidate));
                continue;
            }
            if head.is_ok() && is_note && !candidate.named {
                continue;
            }
            let mut backup = Backup {
                path: candidate.path.to_string_lossy().into_owned(),
                finished_at: timestamp(candidate.modified),
                bytes: candidate.bytes,
                form: form.id(),
                being_written: is_in_the_making(&candidate),
                mount_point: Field::Unread("not looked at".to_owned()),
                integrity: Field::Unread("only the newest backups are read".to_owned()),
            };
            match head {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => backup.integrity = Field::Unread(cannot_read(&candidate.path, &error)),
                Ok(_) if backup.being_written => {
                    backup.integrity = Field::Unread("it is still being written".to_owned());
                }
                Ok(_) if to_read > 0 => {
                    to_read -= 1;
                    let verified = self.verified(&candidate, form, notebook, stop);
                    (backup.form, backup.integrity) = (verified.form, verified.integrity);
                    match fs::metadata(&candidate.path) {
                        Ok(after) if Stamp::of(&after) == candidate.stamp => {}
                        Ok(_) => {
                            to_read += 1;
                            backup.being_written = true;
                            backup.integrity = Field::Unread("it is still being written".to_owned());
                        }
                        Err(_gone) => {
                            to_read += 1;
                            continue;
                        }
                    }
                }
                Ok(_) => {}
            }
            found.push((candidate.path, backup));
        }
        if found.is_empty() && many {
            return Err(format!(
                "none of the newest {MOST_HEADS} files is a backup, and there are more; write a narrower pattern"
            ));
        }
        for (path, marker) in markers {
            attach(&mut found, path, marker);
        }
        Ok(found)
    }

    fn verified(
        &self,
        candidate: &Candidate,
        form: Form,
        notebook: &mut Notebook<Learned>,
        stop: &Stop,
    ) -> Verified {
        let limits = self.places.limits;
        if let Some(known) =
            notebook.recall(&candidate.path, candidate.stamp).filter(|known| known.limits == limits)
        {
            return Verified { form: known.form, integrity: known.integrity, lasting: true };
        }
        let verified = verify(candidate, form, limits, stop);
        if verified.lasting {
            let learned =
                Learned { form: verified.form.clone(), integrity: verified.integrity.clone(), limits };
            notebook.note(&candidate.path, candidate.stamp, learned);
        }
        verified
    }

    /// What a marker tells of a backup of this kind of this instance; `None` when it is of another.
    fn marker(&self, kind: BackupKind, candidate: &Candidate) -> Option<(PathBuf, Told)> {
        let written_at = timestamp(candidate.modified);
        let told = match read_marker(&candidate.path, written_at) {
            Ok(marker) => {
                let of_another = marker.instance.as_ref().is_some_and(|instance| *instance != self.instance);
                if marker.kind != kind || of_another {
                    return None;
                }
                Told::Marker(marker)
            }
            Err(why) => Told::Nothing { why, written_at },
        };
        Some((candidate.path.clone(), told))
    }
}

/// What a marker file was read to say.
enum Told {
    Marker(Marker),
    Nothing { why: String, written_at: Timestamp },
}

fn read_marker(path: &Path, written_at: Timestamp) -> Result<Marker, String> {
    let mut text = String::new();
    let file = stream::open(path).map_err(|error| cannot_read(path, &error))?;
    let read = file.take(marker::MOST_BYTES + 1).read_to_string(&mut text);
    read.map_err(|error| cannot_read(path, &error))?;
    if text.len() as u64 > marker::MOST_BYTES {
        return Err("its marker is longer than any marker is".to_owned());
    }
    parse_marker(&text, written_at)
}

/// Lets a marker speak for the file it names, or stand for a backup that is elsewhere.
fn attach(found: &mut Vec<(PathBuf, Backup)>, path: PathBuf, told: Told) {
    let shown = path.to_string_lossy().into_owned();
    let marker = match told {
        Told::Marker(marker) => marker,
        Told::Nothing { why, written_at } => {
            let backup = Backup {
                path: shown,
                finished_at: written_at,
                bytes: 0,
                form: "marker".to_owned(),
                being_written: false,
                mount_point: Field::Unread("its marker cannot be read".to_owned()),
                integrity: Field::Unread(why),
            };
            found.push((path, backup));
            return;
        }
    };
    let by = format!("{} ({shown})", marker.by.as_deref().unwrap_or("its backup job"));
    let word = if marker.verified {
        Field::Read(Integrity::Whole(Contents { written_by: Some(by), ..Contents::default() }))
    } else {
        Field::Unread(format!("its marker {shown} does not say that it was verified"))
    };
    let named = marker.location.as_deref().map(|location| path.parent().unwrap_or(&path).join(location));
    let of_file = found.iter_mut().find(|(file, _)| named.as_deref() == Some(file));
    if let Some((_, backup)) = of_file {
        // What the agent read itself stands above what a job says.
        if backup.integrity.value().is_none() && !backup.being_written {
            backup.integrity = match marker.bytes {
                Some(bytes) if bytes != backup.bytes => Field::Unread(format!(
                    "its marker {shown} speaks of {bytes} bytes, and it has {}",
                    backup.bytes
                )),
                Some(_) | None => word,
            };
        }
        return;
    }
    let backup = Backup {
        path: marker.location.unwrap_or(shown),
        finished_at: marker.finished_at,
        bytes: marker.bytes.unwrap_or_default(),
        form: "marker".to_owned(),
        being_written: false,
        mount_point: Field::Unread("it is where its marker says, which is not looked at".to_owned()),
        integrity: word,
    };
    found.push((path, backup));
}

/// Directories that are backups: the newest are walked; those of a database are read.
fn trees(kind: BackupKind, candidates: Vec<Candidate>, stop: &Stop) -> Vec<(PathBuf, Backup)> {
    let walk = |(index, candidate): (usize, Candidate)| {
        let mut backup = Backup {
            path: candidate.path.to_string_lossy().into_owned(),
            finished_at: timestamp(candidate.modified),
            bytes: candidate.bytes,
            form: "directory".to_owned(),
            being_written: has_unfinished_name(&candidate.path),
            mount_point: Field::Unread("not looked at".to_owned()),
            integrity: Field::Unread("only the newest directories are walked".to_owned()),
        };
        if index < MOST_READ && !backup.being_written {
            match tree::measure(&candidate.path, stop) {
                Ok((size, newest)) => {
                    // A copy keeps the times of what it copies: it is not older than the newest of them, and the
                    // time of the directory itself is that of the original too.
                    backup.finished_at = Timestamp::from_second(newest).unwrap_or(backup.finished_at);
                    backup.bytes = size.bytes;
                    if kind == BackupKind::Database {
                        let verified = verify_directory(&candidate.path, stop);
                        (backup.form, backup.integrity) = (verified.form, verified.integrity);
                    } else {
                        backup.integrity = Field::Read(Integrity::Whole(Contents {
                            entries: size.entries,
                            unpacked_bytes: size.bytes,
                            ..Contents::default()
                        }));
                    }
                }
                Err(why) => backup.integrity = Field::Unread(why),
            }
        }
        (candidate.path, backup)
    };
    candidates.into_iter().filter(|one| one.directory).take(BackupSet::MOST).enumerate().map(walk).collect()
}

fn read_head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn is_in_the_making(candidate: &Candidate) -> bool {
    let age = SystemTime::now().duration_since(candidate.modified);
    age.is_ok_and(|age| age < SETTLED_AFTER) || has_unfinished_name(&candidate.path)
}

/// Names that tools give to files until they are finished.
fn has_unfinished_name(path: &Path) -> bool {
    const ENDINGS: [&str; 8] =
        [".part", ".partial", ".tmp", ".temp", ".inprogress", ".in-progress", ".filepart", ".incomplete"];
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
