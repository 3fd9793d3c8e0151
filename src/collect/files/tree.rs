//! What lies below a directory: names, kinds and stamps. No file is opened.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::manifest::MOST_FILES;
use super::name::{Name, path_of, shown, with_ancestors};
use crate::collect::blocking::Stop;
use crate::collect::notebook::Stamp;

/// Directories below one another; no product has twenty.
const DEEPEST: usize = 128;

/// What is left out, with everything below it.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    /// Exactly these.
    pub(super) names: BTreeSet<Name>,
    /// Whatever one of these matches.
    pub(super) patterns: Vec<Pattern>,
}

impl Ignored {
    /// Whether this name itself is left out; what lies below it is not asked for then.
    fn has(&self, name: &[u8]) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
        self.names.contains(name)
            || (!self.patterns.is_empty() && {
                let text = String::from_utf8_lossy(name);
                self.patterns.iter().any(|pattern| pattern.matches_with(&text, options))
            })
    }

    /// Whether this name, or a directory it lies in, is left out.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        with_ancestors(name).any(|name| self.has(name))
    }
}

/// What there is at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    File(Stamp, u64),
    Link(Vec<u8>),
    /// A socket, a pipe, a device.
    Other,
}

/// What lies below a directory.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// In order.
    pub(super) entries: Vec<(Name, Found)>,
    pub(super) unreachable: Vec<Unreachable>,
}

/// A file or directory that could not be looked at.
#[derive(Debug)]
pub(super) struct Unreachable {
    pub(super) name: Name,
    pub(super) why: String,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} holds more than {MOST_FILES} files", path.display())]
    TooMany { path: PathBuf },
    #[error("nobody waited for the result any more")]
    Stopped,
}

/// Lists a tree. Links are not followed; what vanishes meanwhile is not there.
pub(super) fn read_tree(root: &Path, ignored: &Ignored, stop: &Stop) -> Result<Tree, TreeError> {
    fs::read_dir(root).map_err(|cause| TreeError::Read { path: root.to_owned(), cause })?;
    let mut tree = Tree::default();
    let mut open: Vec<Name> = vec![Name::new()];
    while let Some(directory) = open.pop() {
        if stop.is_wanted() {
            return Err(TreeError::Stopped);
        }
        match list(root, &directory, ignored, &mut tree, &mut open) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tree.unreachable.push(Unreachable { name: directory, why: error.to_string() }),
        }
        if tree.entries.len() + open.len() + tree.unreachable.len() > MOST_FILES {
            return Err(TreeError::TooMany { path: root.to_owned() });
        }
    }
    tree.entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    tree.unreachable.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tree)
}

fn list(
    root: &Path,
    directory: &Name,
    ignored: &Ignored,
    tree: &mut Tree,
    open: &mut Vec<Name>,
) -> io::Result<()> {
    let path = path_of(root, directory);
    let mut flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    if !directory.is_empty() {
        flags |= OFlags::NOFOLLOW;
    }
    let handle = rustix::fs::open(&path, flags, Mode::empty())?;
    for entry in rustix::fs::Dir::read_from(&handle)? {
        let entry = entry?;
        let last = entry.file_name();
        if matches!(last.to_bytes(), b"." | b"..") {
            continue;
        }
        let mut name = directory.clone();
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(last.to_bytes());
        if ignored.has(&name) {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            descend(name, tree, open);
            continue;
        }
        let path = || path.join(OsStr::from_bytes(last.to_bytes()));
        let found = match rustix::fs::statat(&handle, last, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => continue,
            Err(error) => Err(io::Error::from(error)),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    descend(name, tree, open);
                    continue;
                }
                FileType::RegularFile => {
                    Ok(Found::File(Stamp::of_stat(&stat), u64::try_from(stat.st_size).unwrap_or_default()))
                }
                FileType::Symlink => {
                    fs::read_link(path()).map(|target| Found::Link(target.into_os_string().into_vec()))
                }
                FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => Ok(Found::Other),
            },
        };
        match found {
            Ok(found) => tree.entries.push((name, found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tree.unreachable.push(Unreachable { name, why: error.to_string() }),
        }
    }
    Ok(())
}

fn descend(name: Name, tree: &mut Tree, open: &mut Vec<Name>) {
    if super::name::depth(&name) < DEEPEST {
        open.push(name);
    } else {
        let why = format!("it is nested deeper than {DEEPEST} directories");
        tree.unreachable.push(Unreachable { name, why });
    }
}

impl Tree {
    /// The first of what could not be looked at, for people.
    pub(super) fn first_unreachable(&self, root: &Path) -> Option<String> {
        let first = self.unreachable.first()?;
        let path = root.join(shown(&first.name));
        Some(format!(
            "{} of its files and directories could not be looked at; the first is {}: {}",
            self.unreachable.len(),
            path.display(),
            first.why
        ))
    }
}
