//! Files for parsers that read files: in a directory of this process below that for temporary files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("readiness-fuzz-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for temporary files");
    directory
});

/// Removes what was written.
pub fn clear() {
    drop(fs::remove_dir_all(&*DIRECTORY));
}

/// Where a file of that name is.
pub(crate) fn path(name: &str) -> PathBuf {
    DIRECTORY.join(name)
}

/// Writes a file, and the directories above it.
pub(crate) fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = path(name);
    if fs::write(&path, bytes).is_err() {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
        fs::write(&path, bytes).expect("a file");
    }
    path
}

/// Removes a file.
pub(crate) fn remove(name: &str) {
    drop(fs::remove_file(path(name)));
}
