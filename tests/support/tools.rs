//! Programs of tests that Debian has no package of: fetched once, below `target/`, by `tests/tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory with `helm`, `hadolint` and `schemas/`.
#[expect(clippy::disallowed_methods, reason = "black-box tests start the real programs")]
pub(crate) fn tools() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
    let output = Command::new("/usr/bin/python3").arg(script).arg(&tools).output();
    let output = output.expect("python3 is installed: apt-get install python3-pip");
    assert!(output.status.success(), "tests/tools:\n{}", String::from_utf8_lossy(&output.stderr));
    tools
}
