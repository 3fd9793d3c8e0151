//! Starting the agent and its companions for black-box tests; what was started ends with its value.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take to come true on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

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

/// A port nobody uses.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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
