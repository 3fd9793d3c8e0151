//! Finding the process that runs a service, in `/proc`.
//!
//! Only the command lines of Java processes are read, and none of them leaves this module in facts,
//! errors or logs: passwords stand in such lines. A process that cannot be seen is never taken for one
//! that does not run.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

#[cfg(test)]
pub(crate) mod fixture;
pub mod list;
pub mod names;

use list::{JavaProcesses, list_java};

/// No command line and no environment of a process is read further than this.
pub const MOST_BYTES: u64 = 1024 * 1024;

/// Names under which Java virtual machines stand in the process table (`/proc/<pid>/comm`).
const MACHINES: [&[u8]; 4] = [b"java", b"javaw", b"jsvc", b"jsvc.exec"];

/// Last words of command lines that end or test a Tomcat instead of being one (`catalina.sh stop`).
const PASSING: [&[u8]; 2] = [b"stop", b"configtest"];

/// Name of the process namespace of the host itself, the same on every Linux
/// (`PROC_PID_INIT_INO` in the kernel's `include/linux/proc_ns.h`).
const HOST_NAMESPACE: &str = "pid:[4026531836]";

/// A running Java process.
pub struct JavaProcess {
    /// Process id.
    pub pid: u32,
    /// Its directory in `/proc`.
    pub dir: PathBuf,
    /// Its arguments, the program first. They may hold passwords: look for what is wanted, keep nothing else.
    pub arguments: Vec<Vec<u8>>,
}

impl fmt::Debug for JavaProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JavaProcess").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// Why it cannot be told whether a process runs.
#[derive(Debug, thiserror::Error)]
pub enum FindProcessError {
    /// `/proc` is not there or may not be listed.
    #[error("listing the processes in {}, which only Linux has", dir.display())]
    List {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The processes of other users are hidden.
    #[error(
        "the service was not seen, but processes of other users are hidden from the agent ({how}). Run the \
         agent as the service's user, or put it into the group of the gid= option {} is mounted with, or set \
         ProtectProc=default in its unit", dir.display()
    )]
    Hidden {
        /// How that is known.
        how: String,
        /// The process file system.
        dir: PathBuf,
    },
    /// The agent sees only the processes of its container.
    #[error(
        "the service was not seen, but the agent sees only the processes of its own container. Share the \
         process namespace with the service's container, or run the agent on the host"
    )]
    Contained,
    /// A process could not be looked at.
    #[error("the service was not seen, but process {pid} could not be looked at ({why})")]
    Unclear {
        /// The process.
        pid: u32,
        /// Why.
        why: String,
    },
}

/// Finds the Java process with `mark` as one of its arguments; `None` when there surely is none.
///
/// For a mark of the form `-Dkey=/path`, an argument naming the same directory by another path counts too.
pub fn find_service(proc_dir: &Path, mark: &str) -> Result<Option<JavaProcess>, FindProcessError> {
    let JavaProcesses { seen, gap } = list_java(proc_dir);
    // The oldest: a younger one is its child that is about to become another program.
    match (seen.into_iter().find(|process| process.is_marked(mark)), gap) {
        (Some(process), _) => Ok(Some(process)),
        (None, Some(gap)) => Err(gap),
        (None, None) => Ok(None),
    }
}

/// Whether the agent sees only the processes of its own container.
fn is_contained(proc_dir: &Path) -> bool {
    // Unreadable means an unusual system; then the processes that are seen count as all of them.
    let namespace = std::fs::read_link(proc_dir.join("self/ns/pid")).ok();
    namespace.is_some_and(|name| name.as_os_str() != OsStr::new(HOST_NAMESPACE))
}

/// What a process is that is known by its number.
#[derive(Debug)]
pub enum Found {
    /// A Java process with the mark as one of its arguments.
    Marked(JavaProcess),
    /// Something else.
    Other,
    /// There surely is no such process.
    Gone,
}

/// Looks at the process of a number, which may be another one's by now.
///
/// For a mark of the form `-Dkey=/path`, an argument naming the same directory by another path counts too.
pub fn find_by_number(proc_dir: &Path, pid: u32, mark: &str) -> Result<Found, FindProcessError> {
    let dir = proc_dir.join(pid.to_string());
    let look = read_java(pid, dir.clone());
    // In a container, the number may be that of a process of the host.
    if !matches!(look, Look::Java(_)) && is_contained(proc_dir) {
        return Err(FindProcessError::Contained);
    }
    match look {
        Look::Java(process) if process.is_marked(mark) => Ok(Found::Marked(process)),
        Look::Java(_) => Ok(Found::Other),
        Look::Other if dir.exists() => Ok(Found::Other),
        Look::Other => match hiding(proc_dir, None) {
            Some(how) => Err(FindProcessError::Hidden { how, dir: proc_dir.to_owned() }),
            None => Ok(Found::Gone),
        },
        Look::Hidden => {
            let how = format!("process {pid} may not be looked at");
            Err(FindProcessError::Hidden { how, dir: proc_dir.to_owned() })
        }
        Look::Unclear(why) => Err(FindProcessError::Unclear { pid, why }),
    }
}

/// How it is known that processes of other users are hidden, when they are.
fn hiding(proc_dir: &Path, hidden: Option<u32>) -> Option<String> {
    if let Some(pid) = hidden {
        return Some(format!("process {pid} may not be looked at"));
    }
    // Every process namespace has a process 1; mounts with `hidepid` leave it out for others.
    (!proc_dir.join("1").exists()).then(|| format!("{} does not show process 1", proc_dir.display()))
}

/// What a look at one process says.
enum Look {
    Java(JavaProcess),
    Other,
    Hidden,
    Unclear(String),
}

fn read_java(pid: u32, dir: PathBuf) -> Look {
    // The short name first: it tells Java apart without reading what others have on their command lines,
    // and it does not wait for a process that is stuck in the kernel.
    match read_bytes(&dir.join("comm")) {
        Ok(name) if MACHINES.contains(&name.trim_ascii_end()) => {}
        Ok(_) => return Look::Other,
        Err(error) => return refused(&error),
    }
    match read_bytes(&dir.join("cmdline")) {
        Ok(line) if line.len() as u64 > MOST_BYTES => {
            Look::Unclear(format!("its command line is longer than {MOST_BYTES} bytes"))
        }
        Ok(line) => Look::Java(JavaProcess { pid, dir, arguments: parse_arguments(&line) }),
        Err(error) => refused(&error),
    }
}

fn refused(error: &io::Error) -> Look {
    if has_gone(error) {
        Look::Other
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        Look::Hidden
    } else {
        Look::Unclear(error.to_string())
    }
}

/// The process ended between being listed and being read.
fn has_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Reads a file of `/proc`, at most one byte more than [`MOST_BYTES`].
pub(super) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse_arguments(line: &[u8]) -> Vec<Vec<u8>> {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    line.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

impl JavaProcess {
    fn is_marked(&self, mark: &str) -> bool {
        self.arguments.iter().any(|argument| argument == mark.as_bytes() || is_same_place(argument, mark))
    }

    fn is_passing(&self) -> bool {
        self.arguments.last().is_some_and(|last| PASSING.contains(&last.as_slice()))
    }
}

/// Two `-Dkey=/path` with the same key whose paths lead to the same directory, over links or a slash more.
fn is_same_place(argument: &[u8], mark: &str) -> bool {
    let Some((key, wanted)) = mark.split_once('=') else { return false };
    let Some(path) = argument.strip_prefix(key.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")) else {
        return false;
    };
    let (path, wanted) = (Path::new(OsStr::from_bytes(path)), Path::new(wanted));
    if !path.is_absolute() || !wanted.is_absolute() {
        return false;
    }
    // Comparing paths part by part already ignores doubled and closing slashes.
    path == wanted
        || matches!((path.canonicalize(), wanted.canonicalize()), (Ok(path), Ok(wanted)) if path == wanted)
}

#[cfg(test)]
mod tests {
    use super::fixture::FakeProc;
    use super::*;
    use crate::collect::unprivileged::as_another_user;

    const MARK: &str = "-Dcatalina.home=/opt/atlassian/confluence";
    const SERVICE: &[&str] =
        &["/opt/jdk/bin/java", "-Xmx1g", MARK, "org.apache.catalina.startup.Bootstrap", "start"];

    fn found(proc: &FakeProc) -> Option<u32> {
        find_service(proc.dir(), MARK).unwrap().map(|process| process.pid)
    }

    #[test]
    fn the_service_is_the_java_process_with_the_mark_as_a_whole_argument() {
        let rows: [(&str, &str, &[&str], bool); 8] = [
            ("the service", "java", SERVICE, true),
            (
                "a path that only begins alike",
                "java",
                &["java", "-Dcatalina.home=/opt/atlassian/confluence2"],
                false,
            ),
            (
                "the mark inside another argument",
                "java",
                &["java", "-c", "x -Dcatalina.home=/opt/atlassian/confluence"],
                false,
            ),
            (
                "a slash more at the end",
                "java",
                &["java", "-Dcatalina.home=/opt/atlassian/confluence/"],
                true,
            ),
            (
                "what stops it",
                "java",
                &["java", MARK, "org.apache.catalina.startup.Bootstrap", "stop"],
                false,
            ),
            ("a shell around it", "sh", SERVICE, false),
            ("somebody who looks for it", "pgrep", &["pgrep", "-f", MARK], false),
            ("started by jsvc", "jsvc", SERVICE, true),
        ];
        for (name, comm, arguments, is_service) in rows {
            let proc = FakeProc::with_init();
            proc.add(4321, comm, arguments);
            assert_eq!(found(&proc).is_some(), is_service, "{name}");
        }
    }

    #[test]
    fn the_oldest_counts_and_what_is_not_a_process_is_passed_over() {
        let proc = FakeProc::with_init();
        for pid in [900, 77, 5000] {
            proc.add(pid, "java", SERVICE);
        }
        proc.write("uptime", "1 1");
        proc.write("99999999999999/comm", "java");
        assert_eq!(found(&proc), Some(77));
    }

    #[test]
    fn a_link_to_the_installation_leads_to_the_same_process() {
        let installed = tempfile::tempdir().unwrap();
        let (real, link) = (installed.path().join("confluence-9.2.1"), installed.path().join("confluence"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let proc = FakeProc::with_init();
        proc.add(5, "java", &["java", &format!("-Dcatalina.home={}", link.display())]);
        let mark = format!("-Dcatalina.home={}", real.display());
        assert!(find_service(proc.dir(), &mark).unwrap().is_some());
        assert!(find_service(proc.dir(), "-Dother.home=/x").unwrap().is_none());
    }

    #[test]
    fn nobody_is_said_not_to_run_who_may_be_hidden() {
        let fails = |proc: &FakeProc| find_service(proc.dir(), MARK).unwrap_err();

        let no_init = FakeProc::empty();
        no_init.add(4000, "bash", &["bash"]);
        assert!(matches!(fails(&no_init), FindProcessError::Hidden { .. }), "hidepid=2");
        assert!(matches!(fails(&FakeProc::empty()), FindProcessError::Hidden { .. }), "an empty /proc");

        let container = FakeProc::with_init();
        container.link("self/ns/pid", "pid:[4026532441]");
        assert!(matches!(fails(&container), FindProcessError::Contained));
        container.add(7, "java", SERVICE);
        assert_eq!(found(&container), Some(7), "seen all the same");

        let endless = FakeProc::with_init();
        endless.add(7, "java", &["java", &"x".repeat(1024 * 1024)]);
        assert!(matches!(fails(&endless), FindProcessError::Unclear { pid: 7, .. }));

        let nowhere = find_service(Path::new("/no/proc/here"), MARK).unwrap_err();
        assert!(matches!(nowhere, FindProcessError::List { .. }));

        let host = FakeProc::with_init();
        host.link("self/ns/pid", HOST_NAMESPACE);
        assert_eq!(found(&host), None);
    }

    #[test]
    fn a_process_that_may_not_be_looked_at_could_be_the_service() {
        let proc = FakeProc::with_init();
        proc.add(7, "java", SERVICE);
        proc.forbid("7");
        let error = as_another_user(|| find_service(proc.dir(), MARK).unwrap_err());
        assert!(
            matches!(&error, FindProcessError::Hidden { how, .. } if how.contains("process 7")),
            "{error}"
        );
        proc.allow("7");
        assert_eq!(found(&proc), Some(7));
    }

    #[test]
    fn a_process_that_ends_meanwhile_is_passed_over() {
        let proc = FakeProc::with_init();
        std::fs::create_dir(proc.dir().join("8")).unwrap();
        proc.write("9/comm", "java\n");
        assert_eq!(found(&proc), None);
    }

    #[test]
    fn arguments_do_not_leave_through_debug() {
        let process =
            JavaProcess { pid: 1, dir: "/proc/1".into(), arguments: vec![b"-Dpassword=hidden".to_vec()] };
        assert!(!format!("{process:?}").contains("hidden"));
        assert_eq!(parse_arguments(b""), [b"".to_vec()]);
        assert_eq!(parse_arguments(b"a\0\0b\0"), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
    }
}
