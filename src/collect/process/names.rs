//! The names of all processes, when all of them can be seen.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::{HOST_NAMESPACE, has_gone, hiding, read_bytes};

/// Why it cannot be told which processes run.
#[derive(Debug, thiserror::Error)]
pub enum ListNamesError {
    /// `/proc` is not there or may not be listed.
    #[error("listing the processes in {dir}, which only Linux has: {cause}")]
    List {
        /// The process file system.
        dir: String,
        /// Why not.
        cause: io::Error,
    },
    /// Some processes are not shown.
    #[error(
        "processes of other users are hidden from the agent ({how}). Run it as root, or put it into the group of the \
         gid= option {dir} is mounted with, or set ProtectProc=default in its unit"
    )]
    Hidden {
        /// How that is known.
        how: String,
        /// The process file system.
        dir: String,
    },
    /// The agent sees only the processes of its container.
    #[error(
        "the agent sees only the processes of its own container. Run it on the host, or share the process namespace \
         of the host with it"
    )]
    Contained,
}

/// The short names (`/proc/<pid>/comm`, at most 15 bytes) of all processes, each once, sorted.
///
/// Command lines are not read: passwords stand in them.
pub fn list_names(proc_dir: &Path) -> Result<Vec<String>, ListNamesError> {
    let dir = || proc_dir.display().to_string();
    let listed = |cause| ListNamesError::List { dir: dir(), cause };
    let mut names = Vec::new();
    let mut hidden = None;
    for entry in std::fs::read_dir(proc_dir).map_err(listed)? {
        let entry = entry.map_err(listed)?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        match read_bytes(&entry.path().join("comm")) {
            Ok(name) => names.push(String::from_utf8_lossy(name.trim_ascii_end()).into_owned()),
            Err(error) if has_gone(&error) => {}
            Err(_closed) => hidden = hidden.or(Some(pid)),
        }
    }
    if let Some(how) = hiding(proc_dir, hidden) {
        return Err(ListNamesError::Hidden { how, dir: dir() });
    }
    let namespace = std::fs::read_link(proc_dir.join("self/ns/pid")).ok();
    if namespace.is_some_and(|name| name.as_os_str() != OsStr::new(HOST_NAMESPACE)) {
        return Err(ListNamesError::Contained);
    }
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::FakeProc;
    use super::*;
    use crate::collect::unprivileged::as_another_user;

    #[test]
    fn every_process_is_named_once() {
        let proc = FakeProc::with_init();
        proc.add(7, "clamd", &["clamd"]);
        proc.add(8, "clamd", &["clamd"]);
        proc.write("uptime", "1 1");
        std::fs::create_dir(proc.dir().join("9")).unwrap();
        assert_eq!(list_names(proc.dir()).unwrap(), ["clamd", "systemd"]);
    }

    #[test]
    fn a_list_that_is_not_whole_is_none() {
        assert!(matches!(list_names(FakeProc::empty().dir()), Err(ListNamesError::Hidden { .. })));
        assert!(matches!(list_names(Path::new("/no/proc")), Err(ListNamesError::List { .. })));
        let contained = FakeProc::with_init();
        contained.link("self/ns/pid", "pid:[4026532441]");
        assert!(matches!(list_names(contained.dir()), Err(ListNamesError::Contained)));
        let closed = FakeProc::with_init();
        closed.add(7, "clamd", &["clamd"]);
        closed.forbid("7");
        let error = as_another_user(|| list_names(closed.dir()).unwrap_err());
        closed.allow("7");
        assert!(error.to_string().contains("process 7"), "{error}");
    }
}
