//! Programs that speak as monitoring plug-ins do: exit code 0 to 3, and a line of text.
//!
//! A program is started without a shell, with nothing of the agent's environment, in a process group of its own that
//! is ended with it. What leaves that group on purpose (a double fork with a new session) is not followed.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use upgrade_readiness_checks::facts::ProbeOutcome;

use super::{Said, one_line};

/// More output than this is a flood, and no message.
const MOST_BYTES: usize = 64 * 1024;

/// How long output may go on after the program itself has ended.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, from the root.
    pub path: PathBuf,
    /// Its arguments, handed over as they are.
    pub arguments: Vec<String>,
}

/// Why a program said nothing.
#[derive(Debug, thiserror::Error)]
enum Silent {
    #[error("it could not be started")]
    Start(#[source] std::io::Error),
    #[error("its output could not be read")]
    Read(#[source] std::io::Error),
    #[error("it wrote more than {MOST_BYTES} bytes and was ended")]
    Flood,
}

/// Runs a program to its end, or ends it.
pub(super) async fn run(program: &Program, limit: Duration) -> Said {
    let mut child = match start(program) {
        Ok(child) => child,
        Err(error) => return Said::unknown(&Silent::Start(error)),
    };
    let group = Group(child.id());
    let outcome = timeout(limit, listen(&mut child)).await;
    // Whatever the program has started and left behind ends with it.
    group.end();
    match outcome {
        Err(_elapsed) => {
            Said { outcome: ProbeOutcome::Unknown, text: format!("no answer within {limit:?}; it was ended") }
        }
        Ok(Err(silent)) => Said::unknown(&silent),
        Ok(Ok((status, output))) => interpret(status, &output),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the operator named this program and allowed programs to be run"
)]
fn start(program: &Program) -> std::io::Result<Child> {
    Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Reads what it writes until it ends.
async fn listen(child: &mut Child) -> Result<(ExitStatus, Vec<u8>), Silent> {
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let status = {
        let reading = async {
            tokio::try_join!(read(&mut stdout, &mut output), read(&mut stderr, &mut errors)).map(|_| ())
        };
        tokio::pin!(reading);
        let mut closed = None;
        let status = tokio::select! {
            biased;
            read = &mut reading => {
                closed = Some(read);
                None
            }
            status = child.wait() => Some(status),
        };
        match (status, closed) {
            (_, Some(read)) => {
                read?;
                child.wait().await
            }
            (Some(status), None) => {
                // A descendant may hold the pipe open for ever; what was said until then counts.
                if let Ok(read) = timeout(AFTERWARDS, reading).await {
                    read?;
                }
                status
            }
            (None, None) => child.wait().await,
        }
    };
    let said = if output.iter().all(u8::is_ascii_whitespace) { errors } else { output };
    Ok((status.map_err(Silent::Read)?, said))
}

async fn read(pipe: &mut Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> Result<(), Silent> {
    let Some(pipe) = pipe else { return Ok(()) };
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    pipe.take(most + 1).read_to_end(into).await.map_err(Silent::Read)?;
    if into.len() > MOST_BYTES { Err(Silent::Flood) } else { Ok(()) }
}

/// The first line is the message; what stands behind a bar is for machines.
fn interpret(status: ExitStatus, output: &[u8]) -> Said {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let message = one_line(line.split('|').next().unwrap_or_default());
    let (outcome, how) = match status.code() {
        Some(0) => (ProbeOutcome::Ok, None),
        Some(1) => (ProbeOutcome::Warning, None),
        Some(2) => (ProbeOutcome::Critical, None),
        Some(3) => (ProbeOutcome::Unknown, None),
        Some(code) => {
            (ProbeOutcome::Unknown, Some(format!("it ended with {code}, which no monitoring plug-in does")))
        }
        None => (ProbeOutcome::Unknown, Some(format!("it was ended by a signal ({status})"))),
    };
    let text = match (how, message.is_empty()) {
        (None, false) => message,
        (None, true) => "it said nothing".to_owned(),
        (Some(how), true) => how,
        (Some(how), false) => format!("{how}; it said: {message}"),
    };
    Said { outcome, text }
}

/// The processes that were started together, ended when nobody needs them any more.
struct Group(Option<u32>);

impl Group {
    fn end(&self) {
        let leader = self.0.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader {
            // An error means that nobody of it is left.
            kill_process_group(leader, Signal::KILL).ok();
        }
    }
}

impl Drop for Group {
    /// The look was given up.
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs lines of a shell script; the shell is the program here, as any other.
    async fn script(lines: &str) -> (ProbeOutcome, String) {
        let program = Program { path: "/bin/sh".into(), arguments: vec!["-c".to_owned(), lines.to_owned()] };
        let said = run(&program, Duration::from_secs(5)).await;
        (said.outcome, said.text)
    }

    #[tokio::test]
    async fn exit_codes_and_the_first_line_count() {
        use ProbeOutcome::{Critical, Ok, Unknown, Warning};
        let rows = [
            ("echo 'OK - fine | load=1'; echo more", Ok, "OK - fine"),
            ("echo close; exit 1", Warning, "close"),
            ("echo bad; exit 2", Critical, "bad"),
            ("echo dunno; exit 3", Unknown, "dunno"),
            ("echo odd; exit 7", Unknown, "it ended with 7, which no monitoring plug-in does; it said: odd"),
            ("echo no output here >&2; exit 2", Critical, "no output here"),
            ("exit 2", Critical, "it said nothing"),
            ("printf 'a\\377b\\033[1mc'", Ok, "a\u{fffd}b [1mc"),
        ];
        for (lines, outcome, text) in rows {
            assert_eq!(script(lines).await, (outcome, text.to_owned()), "{lines}");
        }
        let (outcome, text) = script("kill -9 $$").await;
        assert!(outcome == Unknown && text.contains("signal"), "{text}");
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_unknown() {
        let program = Program { path: "/nowhere/check".into(), arguments: Vec::new() };
        let said = run(&program, Duration::from_secs(5)).await;
        assert_eq!(said.outcome, ProbeOutcome::Unknown);
        assert!(said.text.contains("could not be started: No such file"), "{}", said.text);
    }

    #[tokio::test]
    async fn nothing_of_the_agents_environment_and_no_shell() {
        let (_, text) = script("env | sort | tr '\\n' ' '").await;
        assert!(!text.contains("CARGO"), "{text}");
        let program =
            Program { path: "/bin/echo".into(), arguments: vec!["$(id)".into(), "`id`; id".into()] };
        assert_eq!(run(&program, Duration::from_secs(5)).await.text, "$(id) `id`; id");
    }

    #[tokio::test]
    async fn a_flood_is_ended() {
        let (outcome, text) = script("while :; do echo flood; done").await;
        assert_eq!(outcome, ProbeOutcome::Unknown);
        assert!(text.contains("more than 65536 bytes"), "{text}");
    }

    #[tokio::test]
    async fn a_program_that_hangs_ends_with_everything_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let lines = format!("sleep 600 & echo $! > {}; wait", file.display());
        let program = Program { path: "/bin/sh".into(), arguments: vec!["-c".to_owned(), lines] };
        let said = run(&program, Duration::from_millis(500)).await;
        assert!(said.text.contains("no answer within"), "{}", said.text);
        assert_gone(&std::fs::read_to_string(file).unwrap()).await;
    }

    #[tokio::test]
    async fn a_child_that_holds_the_pipe_does_not_hold_the_answer() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        let (outcome, text) =
            script(&format!("sleep 600 & echo $! > {}; echo 'OK - said'", file.display())).await;
        assert_eq!((outcome, text.as_str()), (ProbeOutcome::Ok, "OK - said"));
        assert_gone(&std::fs::read_to_string(file).unwrap()).await;
    }

    /// Waits until a process is gone, or only its name is left for its parent to fetch.
    async fn assert_gone(pid: &str) {
        let stat = format!("/proc/{}/stat", pid.trim());
        let gone = || std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z "));
        let waiting = async {
            while gone() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), waiting).await.expect("the process is still there");
    }
}
