//! Made-up `/proc` trees and layouts for tests.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use upgrade_readiness_checks::facts::{FailureKind, Role};

use crate::collect::CollectError;
use crate::collect::layout::{JavaPlaces, Launch, Layout};

/// A directory that plays `/proc`.
pub(crate) struct FakeProc(TempDir);

impl FakeProc {
    /// Without any process.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        open_up(dir.path());
        Self(dir)
    }

    /// With the process 1 every system has.
    pub(crate) fn with_init() -> Self {
        let proc = Self::empty();
        proc.add(1, "systemd", &["/sbin/init"]);
        proc
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Adds a process.
    pub(crate) fn add(&self, pid: u32, comm: &str, arguments: &[&str]) {
        self.write(&format!("{pid}/comm"), &format!("{comm}\n"));
        let line = arguments.iter().flat_map(|argument| [argument, "\0"]).collect::<String>();
        self.write(&format!("{pid}/cmdline"), &line);
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a link.
    pub(crate) fn link(&self, path: &str, to: &str) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, path).unwrap();
    }

    /// Takes everybody's rights on a file or directory.
    pub(crate) fn forbid(&self, path: &str) {
        fs::set_permissions(self.dir().join(path), fs::Permissions::from_mode(0o000)).unwrap();
    }

    /// Gives them back, so that the directory can be removed.
    pub(crate) fn allow(&self, path: &str) {
        fs::set_permissions(self.dir().join(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Lets other users into a directory that was made for a test.
pub(crate) fn open_up(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A product whose parts are where a test says; what is `None` cannot be read.
#[derive(Default)]
pub(crate) struct FakeLayout {
    pub(crate) mark: Option<&'static str>,
    pub(crate) directories: Option<Vec<(Role, PathBuf)>>,
    pub(crate) java: Option<JavaPlaces>,
    pub(crate) launch: Option<Launch>,
}

impl FakeLayout {
    fn answer<T: Clone>(part: Option<&T>) -> Result<T, CollectError> {
        part.cloned().ok_or_else(|| CollectError::new(FailureKind::Absent, "reading /opt/x", "Check it."))
    }
}

impl Layout for FakeLayout {
    fn service_mark(&self) -> Result<String, CollectError> {
        Self::answer(self.mark.map(str::to_owned).as_ref())
    }

    fn directories(&self) -> Result<Vec<(Role, PathBuf)>, CollectError> {
        Self::answer(self.directories.as_ref())
    }

    fn launch(&self) -> Result<Launch, CollectError> {
        Self::answer(self.launch.as_ref())
    }

    fn java(&self) -> Result<JavaPlaces, CollectError> {
        Self::answer(self.java.as_ref())
    }
}
