//! All running Java processes, as far as they can be seen.

use std::path::{Path, PathBuf};

use super::{FindProcessError, JavaProcess, Look, hiding, is_contained, read_java};

/// The Java processes that were seen, and why there may be more of them.
#[derive(Debug)]
pub struct JavaProcesses {
    /// Those that were seen, the oldest first; whoever only ends or tests a server is none of them.
    pub seen: Vec<JavaProcess>,
    /// Why there may be more; `None` when these are surely all.
    pub gap: Option<FindProcessError>,
}

/// Lists the running Java processes.
#[must_use]
pub fn list_java(proc_dir: &Path) -> JavaProcesses {
    let mut seen = Vec::new();
    let (mut hidden, mut unclear) = (None, None);
    let failed = |seen, cause| {
        let dir = proc_dir.to_owned();
        JavaProcesses { seen, gap: Some(FindProcessError::List { dir, cause }) }
    };
    let entries = match std::fs::read_dir(proc_dir) {
        Ok(entries) => entries,
        Err(cause) => return failed(seen, cause),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(cause) => return failed(seen, cause),
        };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        match read_java(pid, entry.path()) {
            Look::Java(process) if !process.is_passing() => seen.push(process),
            Look::Java(_) | Look::Other => {}
            Look::Hidden => hidden = hidden.or(Some(pid)),
            Look::Unclear(why) => unclear = unclear.or(Some((pid, why))),
        }
    }
    seen.sort_by_key(|process| process.pid);
    let gap = if let Some((pid, why)) = unclear {
        Some(FindProcessError::Unclear { pid, why })
    } else if let Some(how) = hiding(proc_dir, hidden) {
        Some(FindProcessError::Hidden { how, dir: proc_dir.to_owned() })
    } else {
        is_contained(proc_dir).then_some(FindProcessError::Contained)
    };
    JavaProcesses { seen, gap }
}

impl JavaProcess {
    /// The path a system property of its command line names: that of `-Dname=/path`, the last one as Java takes it.
    #[must_use]
    pub fn path_of(&self, name: &str) -> Option<PathBuf> {
        self.property(name).map(PathBuf::from)
    }

    /// A system property of its command line, when it is text.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.arguments.iter().rev().find_map(|argument| {
            let rest = argument.strip_prefix(b"-D")?.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            std::str::from_utf8(rest).ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::FakeProc;
    use super::*;

    #[test]
    fn the_oldest_is_first_and_who_only_stops_a_server_is_none() {
        let proc = FakeProc::with_init();
        proc.add(9, "java", &["java", "-Dcarbon.home=/old", "-Dcarbon.home=/opt/new", "Main"]);
        proc.add(7, "java", &["java", "-Dcarbon.homes=/x", "Main"]);
        proc.add(8, "java", &["java", "-Dcarbon.home=/opt/new", "Main", "stop"]);
        proc.add(6, "bash", &["bash", "-Dcarbon.home=/opt/new"]);
        let JavaProcesses { seen, gap } = list_java(proc.dir());
        assert!(gap.is_none(), "{gap:?}");
        assert_eq!(seen.iter().map(|process| process.pid).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(seen[0].path_of("carbon.home"), None);
        assert_eq!(seen[1].path_of("carbon.home"), Some(PathBuf::from("/opt/new")));
    }

    #[test]
    fn a_list_that_may_not_be_whole_says_so() {
        let hidden = FakeProc::empty();
        hidden.add(7, "java", &["java", "Main"]);
        let JavaProcesses { seen, gap } = list_java(hidden.dir());
        assert!(seen.len() == 1 && matches!(gap, Some(FindProcessError::Hidden { .. })), "{gap:?}");
        let nowhere = list_java(Path::new("/no/proc/here"));
        assert!(matches!(nowhere.gap, Some(FindProcessError::List { .. })));
    }
}
