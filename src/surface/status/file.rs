//! The status file on disk: written beside and renamed, read with suspicion.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AgentView, FORMAT_VERSION, NoticeView, ShardView, StatusFile};
use crate::surface::pieces::Pieces;

/// No status file is longer: five hundred instances make a fifth of it.
const MOST_BYTES: u64 = 512 * 1024 * 1024;

/// Its owner writes it, its group reads it.
const MODE: u32 = 0o640;

/// A file could not be written; the old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteStatusError {
    /// The new file could not be made or filled.
    #[error("writing {}", path.display())]
    Write {
        /// The new file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The new file could not take the place of the old one.
    #[error("putting the new file in the place of {}", path.display())]
    Replace {
        /// The old file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The path has no file name or no directory.
    #[error("{} is not a path of a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
}

/// The status file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// There is none.
    #[error("there is no status file at {}", path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// It could not be opened or read.
    #[error("reading the status file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It is a directory, a pipe or a device.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What it was taken for.
        path: PathBuf,
    },
    /// It is longer than any status file.
    #[error("{} is longer than {MOST_BYTES} bytes, which no status file is", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is not a status file, or a damaged one.
    #[error("{} is not a status file", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        cause: serde_json::Error,
    },
    /// It is of another major format version.
    #[error(
        "{} has the format {found:?}, and this agent reads {FORMAT_VERSION}",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format version.
        found: String,
    },
}

impl StatusError {
    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Absent { .. } => {
                "Start the daemon with `systemctl start upgrade-readiness-agent`, or look \
                                    once with `agent check`; --file names another status file."
                    .to_owned()
            }
            Self::Read { path, cause } if cause.kind() == ErrorKind::PermissionDenied => format!(
                "Run the command as a member of the group that `ls -l {}` shows, or with sudo.",
                path.display()
            ),
            Self::Read { .. } | Self::NotAFile { .. } | Self::TooLong { .. } => {
                "Name the daemon's status file with --file; it is status.json in its state directory."
                    .to_owned()
            }
            Self::Malformed { .. } => {
                "Name the daemon's status file with --file, or remove this one: a running \
                                       daemon writes it again within a minute."
                    .to_owned()
            }
            Self::Format { .. } => {
                "Use the agent of the same version as the daemon that wrote it; `agent --version` tells."
                    .to_owned()
            }
        }
    }
}

/// The status as JSON, as it stands in the file.
///
/// # Panics
///
/// Never: the view types consist of what JSON can say.
#[must_use]
pub fn render_json(status: &StatusFile) -> String {
    let mut text = serde_json::to_string_pretty(status).expect("the view types consist of what JSON can say");
    text.push('\n');
    text
}

/// Writes the status file: beside the old one, flushed to disk, then renamed over it.
pub fn write_status(path: &Path, status: &StatusFile) -> Result<(), WriteStatusError> {
    write_pieces(path, &Bytes::from(render_json(status)).into())
}

/// Writes a status that is already JSON.
pub(in crate::surface) fn write_pieces(path: &Path, json: &Pieces) -> Result<(), WriteStatusError> {
    replace(path, json, MODE)
}

/// Puts a file with this mode in the place of whatever is there, so that nobody ever reads half of it.
pub(in crate::surface) fn replace(path: &Path, content: &Pieces, mode: u32) -> Result<(), WriteStatusError> {
    let not_a_file = || WriteStatusError::NotAFile { path: path.to_owned() };
    let name = path.file_name().ok_or_else(not_a_file)?.to_string_lossy();
    let directory = match path.parent().ok_or_else(not_a_file)? {
        parent if parent.as_os_str().is_empty() => Path::new("."),
        parent => parent,
    };
    let beside = directory.join(format!(".{name}.new"));
    let written = fill(&beside, content, mode)
        .map_err(|cause| WriteStatusError::Write { path: beside.clone(), cause })
        .and_then(|()| {
            fs::rename(&beside, path)
                .map_err(|cause| WriteStatusError::Replace { path: path.to_owned(), cause })
        });
    if written.is_err() {
        // The first error is the one to tell; where even this fails, nothing was left behind to begin
        // with, or the next attempt removes it.
        drop(fs::remove_file(&beside));
        return written;
    }
    // The new name is only sure to survive a power cut once its directory is on disk.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|cause| WriteStatusError::Replace { path: path.to_owned(), cause })
}

fn fill(path: &Path, content: &Pieces, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    // The mode above is narrowed by the umask, this one is not.
    file.set_permissions(Permissions::from_mode(mode))?;
    content.write_to(&mut file)?;
    file.sync_all()
}

/// What can be told before the rest is understood.
#[derive(Deserialize)]
struct Head {
    format_version: String,
}

/// Reads a status file.
pub fn read_status(path: &Path) -> Result<StatusFile, StatusError> {
    let content = read(path)?;
    serde_json::from_slice(&content).map_err(|cause| StatusError::Malformed { path: path.to_owned(), cause })
}

/// Reads what a status file says of one instance, and passes over what it says of hundreds of others; all of it when
/// there is no such instance.
pub fn read_status_of(path: &Path, instance: &str) -> Result<StatusFile, StatusError> {
    let content = read(path)?;
    let malformed = |cause| StatusError::Malformed { path: path.to_owned(), cause };
    let Passing { format_version, agent, written_at, shard, instances, notices } =
        serde_json::from_slice(&content).map_err(malformed)?;
    let is_it = |text: &&&RawValue| {
        serde_json::from_str::<Name<'_>>(text.get()).is_ok_and(|Name { name }| name == instance)
    };
    match instances.iter().find(is_it) {
        Some(text) => {
            let instances = vec![serde_json::from_str(text.get()).map_err(malformed)?];
            Ok(StatusFile { format_version, agent, written_at, shard, instances, notices })
        }
        None => serde_json::from_slice(&content).map_err(malformed),
    }
}

/// A status file whose instances are only looked at from outside.
#[derive(Deserialize)]
struct Passing<'a> {
    format_version: String,
    agent: AgentView,
    written_at: Timestamp,
    #[serde(default)]
    shard: Option<ShardView>,
    #[serde(borrow)]
    instances: Vec<&'a RawValue>,
    #[serde(default)]
    notices: Vec<NoticeView>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// The content of a status file of a format that can be read.
fn read(path: &Path) -> Result<Vec<u8>, StatusError> {
    let owned = || path.to_owned();
    let failed = |cause: io::Error| match cause.kind() {
        ErrorKind::NotFound => StatusError::Absent { path: owned() },
        _ => StatusError::Read { path: owned(), cause },
    };
    // Looked at before it is opened: opening a pipe would wait for somebody to write into it.
    let seen = fs::metadata(path).map_err(failed)?;
    if !seen.is_file() {
        return Err(StatusError::NotAFile { path: owned() });
    }
    if seen.len() > MOST_BYTES {
        return Err(StatusError::TooLong { path: owned() });
    }
    let mut content = Vec::with_capacity(usize::try_from(seen.len()).unwrap_or(0));
    File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut content)).map_err(failed)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(StatusError::TooLong { path: owned() });
    }
    let head: Head =
        serde_json::from_slice(&content).map_err(|cause| StatusError::Malformed { path: owned(), cause })?;
    if major(&head.format_version) != major(FORMAT_VERSION) {
        let found = head.format_version.chars().take(32).collect();
        return Err(StatusError::Format { path: owned(), found });
    }
    Ok(content)
}

fn major(version: &str) -> &str {
    version.split_once('.').map_or(version, |(major, _)| major)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::surface::sample;

    fn status() -> StatusFile {
        super::super::view(&sample::board(), sample::now())
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_written_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        // What an interrupted writer left behind is no obstacle.
        fs::write(directory.path().join(".status.json.new"), "half").unwrap();
        for _ in 0..2 {
            write_status(&path, &status()).unwrap();
            assert_eq!(read_status(&path).unwrap(), status());
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, MODE);
        assert_eq!(names(directory.path()), ["status.json"]);
    }

    #[test]
    fn one_of_many_is_read_alone_and_the_others_are_told_when_it_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        write_status(&path, &status()).unwrap();
        let alone = read_status_of(&path, "docs").unwrap();
        assert_eq!(alone, StatusFile { instances: vec![status().instances[1].clone()], ..status() });
        assert_eq!(read_status_of(&path, "nobody").unwrap(), status());
        for damaged in ["", "{\"format_version\": \"1.0\", \"instances\": [{}]}", "<html>"] {
            fs::write(&path, damaged).unwrap();
            let error = read_status_of(&path, "docs").unwrap_err();
            assert!(matches!(error, StatusError::Malformed { .. }), "{damaged}: {error}");
        }
    }

    #[test]
    fn newer_minor_versions_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status.json");
        let mut json = serde_json::to_value(status()).unwrap();
        json["format_version"] = "1.7".into();
        json["instances"][0]["new_member"] = 1.into();
        json["instances"][0]["product"] = "carbon".into();
        fs::write(&path, json.to_string()).unwrap();
        assert_eq!(read_status(&path).unwrap().instances[0].product, "carbon");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        // A directory cannot be replaced by a file: renaming fails.
        let path = directory.path().join("status.json");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), "").unwrap();
        let error = write_status(&path, &status()).unwrap_err();
        assert!(matches!(error, WriteStatusError::Replace { .. }), "{error}");
        assert_eq!(names(directory.path()), ["status.json"]);

        let missing = directory.path().join("nowhere/status.json");
        let error = write_status(&missing, &status()).unwrap_err();
        let told = Chain(&error).to_string();
        assert!(told.contains("nowhere/.status.json.new") && told.contains("No such file"), "{told}");

        let error = write_status(Path::new("/"), &status()).unwrap_err();
        assert!(matches!(error, WriteStatusError::NotAFile { .. }));
    }

    type Expected = fn(&StatusError) -> bool;

    #[test]
    fn what_is_not_a_status_file_is_refused_with_advice() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let long = File::create(at("long")).unwrap();
        long.set_len(MOST_BYTES + 1).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let files: [(&str, &[u8]); 7] = [
            ("empty", b""),
            ("garbage", b"\x00\xff\xfe"),
            ("login page", b"<html><title>Log in</title></html>"),
            ("truncated", b"{\"format_version\": \"1.0\", \"agent\": {"),
            ("other", b"{\"format_version\": \"1.0\"}"),
            ("deep", "[".repeat(100_000).leak().as_bytes()),
            ("future", b"{\"format_version\": \"2.0\", \"agent\": 7}"),
        ];
        for (name, content) in files {
            fs::write(at(name), content).unwrap();
        }
        let rows: [(&str, Expected, &str); 11] = [
            ("absent", |e| matches!(e, StatusError::Absent { .. }), "systemctl start"),
            ("empty", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("garbage", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("login page", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("truncated", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("other", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("deep", |e| matches!(e, StatusError::Malformed { .. }), "--file"),
            ("future", |e| matches!(e, StatusError::Format { .. }), "agent --version"),
            ("long", |e| matches!(e, StatusError::TooLong { .. }), "--file"),
            ("pipe", |e| matches!(e, StatusError::NotAFile { .. }), "--file"),
            ("", |e| matches!(e, StatusError::NotAFile { .. }), "--file"),
        ];
        for (name, expected, advice) in rows {
            let error = read_status(&at(name)).unwrap_err();
            assert!(expected(&error), "{name}: {error:?}");
            assert!(error.remedy().contains(advice), "{name}: {}", error.remedy());
        }
        let denied =
            StatusError::Read { path: "/x/status.json".into(), cause: ErrorKind::PermissionDenied.into() };
        assert!(denied.remedy().contains("ls -l /x/status.json"));
    }
}
