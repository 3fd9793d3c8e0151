//! Starting the agent and its companions for black-box tests; what was started ends with its value.

#[path = "port.rs"]
mod port;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

pub(crate) use port::free_port;

/// How long anything may take to come true on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A command that starts a real program.
#[expect(clippy::disallowed_methods, reason = "black-box tests start the real programs")]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// The agent's binary, with nothing of the environment it was built in.
pub(crate) fn agent() -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_agent"));
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// The agent's binary without the rights of root, under which tests may run; it is copied to where anybody
/// may start it.
pub(crate) fn agent_without_rights(dir: &Path) -> Command {
    let binary = dir.join("agent");
    std::fs::copy(env!("CARGO_BIN_EXE_agent"), &binary).unwrap();
    set_mode(dir, 0o755);
    set_mode(&binary, 0o755);
    let mut command = if rustix::process::getuid().is_root() {
        let mut command = command("/usr/bin/setpriv");
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups", "--"]);
        command.arg(binary);
        command
    } else {
        command(binary)
    };
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// The user without rights.
pub(crate) const NOBODY: u32 = 65534;

/// Changes who may do what with a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A running program.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts a program whose output goes to two files.
    pub(crate) fn start(command: &mut Command, stdout: &Path, stderr: &Path) -> Self {
        let out = std::fs::File::create(stdout).unwrap();
        let err = std::fs::File::create(stderr).unwrap();
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        Self(child.unwrap_or_else(|error| panic!("starting {command:?}: {error}")))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until something is true.
pub(crate) async fn eventually<F>(what: &str, mut is_true: F)
where
    F: AsyncFnMut() -> bool,
{
    let until = Instant::now() + DEADLINE;
    while !is_true().await {
        assert!(Instant::now() < until, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
