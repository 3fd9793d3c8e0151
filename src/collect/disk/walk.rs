//! Measuring what a directory tree holds.
//!
//! Names and sizes only: no file is opened. Memory stays flat however large the tree is; only files
//! with several names are remembered, so that each counts once.

use std::collections::HashSet;
use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::DirectorySize;

use crate::collect::blocking::Stop;

/// Directories open at a time; each costs a file descriptor.
const DEEPEST: usize = 256;

/// Files with several names that are remembered, about 50 MB of memory.
const MOST_LINKED: usize = 1_000_000;

/// Why a tree could not be measured to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::collect) enum WalkError {
    #[error("reading {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("{} is nested deeper than {DEEPEST} directories", path.display())]
    TooDeep { path: PathBuf },
    #[error("there are more than {MOST_LINKED} files with several names")]
    TooManyLinks,
    #[error("nobody waited for the result any more")]
    Stopped,
}

impl WalkError {
    /// A right was lacking.
    pub(super) fn is_denied(&self) -> bool {
        match self {
            Self::Read { cause, .. } => cause.kind() == io::ErrorKind::PermissionDenied,
            Self::NotADirectory { .. } | Self::TooDeep { .. } | Self::TooManyLinks | Self::Stopped => false,
        }
    }
}

/// Sums up a tree. Links are not followed, other file systems are not entered, and what vanishes
/// meanwhile is left out.
pub(super) fn measure(root: &Path, stop: &Stop) -> Result<DirectorySize, WalkError> {
    measure_with_times(root, stop).map(|(size, _)| size)
}

/// The same, and when anything in the tree was last changed: seconds since 1970.
pub(in crate::collect) fn measure_with_times(
    root: &Path,
    stop: &Stop,
) -> Result<(DirectorySize, i64), WalkError> {
    let failed = |cause| WalkError::Read { path: root.to_owned(), cause };
    let metadata = fs::symlink_metadata(root).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(WalkError::NotADirectory { path: root.to_owned() });
    }
    let mut walk = Walk {
        device: metadata.dev(),
        size: DirectorySize { bytes: 0, entries: 0 },
        newest: metadata.mtime(),
        linked: HashSet::new(),
        open: vec![fs::read_dir(root).map_err(failed)?],
        stop,
    };
    while let Some(directory) = walk.open.last_mut() {
        match directory.next() {
            Some(Ok(entry)) => walk.add(&entry)?,
            Some(Err(cause)) => return Err(failed(cause)),
            None => {
                walk.open.pop();
            }
        }
    }
    Ok((walk.size, walk.newest))
}

struct Walk<'a> {
    device: u64,
    size: DirectorySize,
    newest: i64,
    linked: HashSet<(u64, u64)>,
    /// The directories from the root to where the walk is.
    open: Vec<ReadDir>,
    stop: &'a Stop,
}

impl Walk<'_> {
    fn add(&mut self, entry: &DirEntry) -> Result<(), WalkError> {
        if self.stop.is_wanted() {
            return Err(WalkError::Stopped);
        }
        let failed = |cause| WalkError::Read { path: entry.path(), cause };
        let Some(metadata) = unless_gone(entry.metadata()).map_err(failed)? else { return Ok(()) };
        self.newest = self.newest.max(metadata.mtime());
        let kind = metadata.file_type();
        if kind.is_file() && metadata.nlink() > 1 {
            if !self.linked.insert((metadata.dev(), metadata.ino())) {
                return Ok(());
            }
            if self.linked.len() > MOST_LINKED {
                return Err(WalkError::TooManyLinks);
            }
        }
        self.size.entries = self.size.entries.saturating_add(1);
        if kind.is_file() {
            self.size.bytes = self.size.bytes.saturating_add(metadata.len());
        } else if kind.is_dir() && metadata.dev() == self.device {
            if self.open.len() >= DEEPEST {
                return Err(WalkError::TooDeep { path: entry.path() });
            }
            if let Some(directory) = unless_gone(fs::read_dir(entry.path())).map_err(failed)? {
                self.open.push(directory);
            }
        }
        Ok(())
    }
}

/// `None` for what vanished between being listed and being looked at.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::collect::process::fixture::open_up;
    use crate::collect::unprivileged::as_another_user;

    fn write(root: &Path, path: &str, bytes: usize) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![b'x'; bytes]).unwrap();
    }

    fn size(root: &Path) -> DirectorySize {
        measure(root, &Stop::default()).unwrap()
    }

    #[test]
    fn files_count_once_and_links_do_not_lead_anywhere() {
        let (tree, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = tree.path();
        assert_eq!(size(root), DirectorySize { bytes: 0, entries: 0 }, "empty");

        write(root, "a", 1000);
        write(root, "sub/deep/b", 234);
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 4 });

        write(other.path(), "outside", 5000);
        symlink(other.path(), root.join("out")).unwrap();
        symlink(root, root.join("sub/circle")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 7 }, "a link is an entry without bytes");

        fs::hard_link(root.join("a"), root.join("sub/again")).unwrap();
        fs::hard_link(root.join("a"), root.join("sub/deep/and-again")).unwrap();
        assert_eq!(size(root), DirectorySize { bytes: 1234, entries: 7 }, "one file with three names");
    }

    #[test]
    fn an_unreadable_part_is_named_and_the_sum_is_not_given() {
        use std::os::unix::fs::PermissionsExt;
        let tree = tempfile::tempdir().unwrap();
        open_up(tree.path());
        write(tree.path(), "a", 10);
        let secret = tree.path().join("sub");
        fs::create_dir(&secret).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
        let error = as_another_user(|| measure(tree.path(), &Stop::default()).unwrap_err());
        assert!(matches!(&error, WalkError::Read { path, cause }
            if *path == secret && cause.kind() == io::ErrorKind::PermissionDenied));
        open_up(&secret);
        assert_eq!(size(tree.path()).entries, 2);
    }

    #[test]
    fn what_is_no_tree_is_said_not_to_be_one() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "file", 1);
        let fails = |path: &Path| measure(path, &Stop::default()).unwrap_err();
        assert!(matches!(fails(&tree.path().join("file")), WalkError::NotADirectory { .. }));
        assert!(matches!(fails(&tree.path().join("missing")), WalkError::Read { .. }));

        let mut deep = tree.path().to_owned();
        for _ in 0..=DEEPEST {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
        assert!(matches!(fails(tree.path()), WalkError::TooDeep { .. }));
    }

    #[test]
    fn what_vanishes_meanwhile_is_left_out() {
        let tree = tempfile::tempdir().unwrap();
        assert!(unless_gone(fs::metadata(tree.path().join("gone"))).unwrap().is_none());
        assert!(unless_gone(fs::read_dir(tree.path().join("gone"))).unwrap().is_none());
        assert!(unless_gone(fs::metadata(tree.path())).unwrap().is_some());
        assert!(unless_gone::<()>(Err(io::Error::from_raw_os_error(5))).is_err());
    }
}
