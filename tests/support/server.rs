//! Starting a program as an unprivileged user, waiting for the line that says it serves, and stopping it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A directory the unprivileged user owns.
pub(super) fn own_dir(user: &str) -> TempDir {
    let dir = tempfile::Builder::new().prefix("readiness-").tempdir().expect("a temporary directory");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("to open the directory");
    if let Some((uid, gid)) = ids(user) {
        chown(dir.path(), Some(uid), Some(gid)).expect("to give the directory away");
    }
    dir
}

/// The program as the unprivileged user; as the present one, unless that is root, whom servers refuse.
#[expect(clippy::disallowed_methods, reason = "tests start real servers")]
pub(super) fn program(path: &Path, user: &str) -> Command {
    let mut command = Command::new("setpriv");
    // Should the test be killed, the server goes with it.
    command.args(["--pdeathsig", "KILL"]);
    if ids(user).is_some() {
        command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).arg("--clear-groups");
    }
    command.arg(path).current_dir("/").env_remove("PGOPTIONS").stdin(Stdio::null());
    command
}

/// Runs a program to its end, which must be a good one, and returns what it printed.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A server that runs until it is dropped.
pub(super) struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts a server and waits until it prints a line with `ready`.
    pub(super) fn start(command: &mut Command, ready: &'static str) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, told) = mpsc::channel();
        let writes = Arc::clone(&log);
        // Reads on to the end, for a server whose log is full stands still.
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = writes.lock().expect("nobody panics with the log in hand");
                log.push_str(&line);
                log.push('\n');
                drop(log);
                if line.contains(ready) {
                    tell.send(()).ok();
                }
            }
        });
        let server = Self { child, log };
        if let Err(error) = told.recv_timeout(PATIENCE) {
            panic!("{command:?} does not serve ({error}):\n{}", server.log());
        }
        server
    }

    /// Ends it as an administrator does, and waits for it.
    pub(super) fn stop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("a process id");
        kill_process(pid, Signal::INT).expect("the server runs");
        self.child.wait().expect("to wait for the server");
    }

    /// What it printed up to now.
    pub(super) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log in hand").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data are thrown away with it, so it need not end gracefully.
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// Numbers of user and group when rights must be dropped to them.
fn ids(user: &str) -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let entry = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|entry| entry[0] == user);
    let entry = entry.unwrap_or_else(|| panic!("no user {user} on this host: install its server"));
    Some((entry[2].parse().expect("a user id"), entry[3].parse().expect("a group id")))
}
