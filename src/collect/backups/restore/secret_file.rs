//! The password for the programs, in a file only the agent may read; and one restore test at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use secrecy::{ExposeSecret, SecretString};
use upgrade_readiness_checks::facts::Engine;

use super::{RestoreError, is_mysql};

/// Taken while a restore test runs; it ends with its process, however that ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a program another thread is just starting holds the file until it is started.
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}

/// Takes the lock of a directory.
pub(super) fn lock(work_dir: &Path) -> Result<Lock, RestoreError> {
    let prepare = |cause| RestoreError::Prepare { path: work_dir.to_owned(), cause };
    fs::create_dir_all(work_dir).map_err(prepare)?;
    let path = work_dir.join("restore.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(prepare)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(RestoreError::UnderWay),
        Err(error) => Err(prepare(error.into())),
    }
}

/// A directory with one file in it, both gone when this is dropped.
pub(super) struct SecretFile {
    directory: PathBuf,
    pub(super) path: PathBuf,
}

impl SecretFile {
    /// Writes the password the way the engine's programs read it.
    pub(super) fn write(
        work_dir: &Path,
        engine: Engine,
        password: &SecretString,
    ) -> Result<Self, RestoreError> {
        let directory = work_dir.join("restore-secret");
        let prepare = |cause| RestoreError::Prepare { path: directory.clone(), cause };
        // One that a killed run left behind; the lock is held.
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(prepare(error)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&directory).map_err(prepare)?;
        let path = directory.join("password");
        let made = Self { directory: directory.clone(), path };
        let text = password.expose_secret();
        if text.contains(['\n', '\r', '\0']) {
            return Err(RestoreError::Refused("the password has a line break in it".to_owned()));
        }
        let line = if is_mysql(engine) {
            format!("[client]\npassword=\"{}\"\n", text.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            format!("*:*:*:*:{}\n", text.replace('\\', "\\\\").replace(':', "\\:"))
        };
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&made.path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(prepare)?;
        Ok(made)
    }

    /// An empty place for programs that look for files of their user.
    pub(super) fn home(&self) -> &Path {
        &self.directory
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        // The next run removes what could not be removed.
        drop(fs::remove_dir_all(&self.directory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_ends_with_its_holder_even_when_somebody_else_has_the_file_open() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(RestoreError::UnderWay)));
        let as_in_a_child = held.0.try_clone().unwrap();
        drop(held);
        drop(lock(dir.path()).unwrap());
        drop(as_in_a_child);
    }
}
