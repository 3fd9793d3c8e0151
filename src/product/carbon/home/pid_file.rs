//! `wso2carbon.pid`: the process a home was last started as, and whose process that is now.
//!
//! The file is never removed, and holds a buffer of 100 bytes: the number, a line end, and NULs
//! (`org.wso2.carbon.server.Main` of the kernel).

use std::path::Path;

use upgrade_readiness_checks::facts::{Field, PidFile, PidProcess};

use super::error::{HomeError, if_there};
use crate::chain::Chain;
use crate::collect::process::{Found, find_by_number};
use crate::collect::text_file::read_bytes_up_to;

/// Below the home.
const FILE: &str = "wso2carbon.pid";
/// The file has 100 bytes; a larger one is another one.
const MOST_BYTES: u64 = 4096;
/// The class that starts every Carbon server.
const MAIN_CLASS: &[u8] = b"org.wso2.carbon.bootstrap.Bootstrap";

/// Reads the file, when there is one, and looks at the process it names. `mark` stands in the server's command line.
pub(super) fn read_pid_file(home: &Path, proc_dir: &Path, mark: &str) -> Result<Option<PidFile>, HomeError> {
    let path = home.join(FILE);
    let Some(bytes) = if_there(read_bytes_up_to(&path, MOST_BYTES).map_err(HomeError::from))? else {
        return Ok(None);
    };
    let pid = parse_pid(&bytes).ok_or_else(|| HomeError::Unfit {
        path: path.clone(),
        complaint: "does not begin with the number of a process".to_owned(),
    })?;
    let process = match find_by_number(proc_dir, pid, mark) {
        Ok(Found::Marked(process)) if process.arguments.iter().any(|argument| argument == MAIN_CLASS) => {
            Field::Read(PidProcess::Server)
        }
        Ok(Found::Marked(_) | Found::Other) => Field::Read(PidProcess::Other),
        Ok(Found::Gone) => Field::Read(PidProcess::Gone),
        Err(error) => Field::Unread(Chain(&error).to_string()),
    };
    Ok(Some(PidFile { place: path.display().to_string(), pid, process }))
}

/// The digits at the beginning.
fn parse_pid(bytes: &[u8]) -> Option<u32> {
    let digits: String =
        bytes.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::collect::process::fixture::FakeProc;
    use crate::product::carbon::fixture::Example;
    use crate::product::carbon::layout::service_mark;

    /// The file as the kernel writes it.
    fn buffer(pid: u32) -> Vec<u8> {
        let mut bytes = format!("{pid}\n").into_bytes();
        bytes.resize(100, 0);
        bytes
    }

    #[test]
    fn the_number_ends_at_the_first_byte_that_is_no_digit() {
        assert_eq!(parse_pid(&buffer(4711)), Some(4711));
        assert_eq!(parse_pid(b"4711"), Some(4711));
        for bad in [b"".as_slice(), b"\0\0", b"abc", b"-4", b"0\n", b"99999999999\n"] {
            assert_eq!(parse_pid(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn whose_process_it_is_now_is_told() {
        type Row<'a> = (&'a str, Option<(&'a str, Vec<&'a str>)>, PidProcess);
        let example = Example::new().lay_out();
        let mark = service_mark(&example.home());
        let main = "org.wso2.carbon.bootstrap.Bootstrap";
        let elsewhere = "-Dcarbon.home=/opt/other";
        let rows: [Row<'_>; 5] = [
            ("the server", Some(("java", vec!["java", &mark, main])), PidProcess::Server),
            ("a server of another home", Some(("java", vec!["java", elsewhere, main])), PidProcess::Other),
            ("a tool of this home", Some(("java", vec!["java", &mark, "org.wso2.Tool"])), PidProcess::Other),
            ("an editor with the number", Some(("vi", vec!["vi", &mark, main])), PidProcess::Other),
            ("nobody", None, PidProcess::Gone),
        ];
        for (name, process, expected) in rows {
            let proc = FakeProc::with_init();
            if let Some((comm, arguments)) = process {
                proc.add(4711, comm, &arguments);
            }
            fs::write(example.home().join(FILE), buffer(4711)).unwrap();
            let read = read_pid_file(&example.home(), proc.dir(), &mark).unwrap().unwrap();
            assert_eq!((read.pid, read.process), (4711, Field::Read(expected)), "{name}");
        }
        let contained = FakeProc::with_init();
        contained.link("self/ns/pid", "pid:[4026532441]");
        let read = read_pid_file(&example.home(), contained.dir(), &mark).unwrap().unwrap();
        assert!(matches!(read.process, Field::Unread(_)), "the number may be one of the host's");
        let hidden = read_pid_file(&example.home(), FakeProc::empty().dir(), &mark).unwrap().unwrap();
        assert!(matches!(hidden.process, Field::Unread(_)), "processes of others may be hidden");
    }

    #[test]
    fn no_file_and_another_file_are_told_apart() {
        let example = Example::new().lay_out();
        let read = |example: &crate::product::carbon::fixture::LaidOut| {
            read_pid_file(&example.home(), Path::new("/proc"), "-Dx=/y")
        };
        assert_eq!(read(&example).unwrap(), None);
        example.write("wso2carbon.pid", "<html>");
        assert!(read(&example).unwrap_err().to_string().contains("wso2carbon.pid"));
        example.write("wso2carbon.pid", &"1".repeat(10_000));
        assert!(read(&example).is_err(), "too long");
    }

    #[test]
    fn a_process_of_this_host_with_the_marks_of_a_server_is_one() {
        let example = Example::new().lay_out();
        let java = example.root().join("java");
        fs::copy("/bin/sh", &java).unwrap();
        let mark = service_mark(&example.home());
        #[expect(clippy::disallowed_methods, reason = "a stand-in for the server, ended below")]
        let mut server = std::process::Command::new(&java)
            .args(["-c", "read line", &mark, "org.wso2.carbon.bootstrap.Bootstrap"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        fs::write(example.home().join(FILE), buffer(server.id())).unwrap();
        let read = || read_pid_file(&example.home(), Path::new("/proc"), &mark).unwrap().unwrap().process;
        // For a moment the new process still has the name of the one that made it.
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut running = read();
        while running != Field::Read(PidProcess::Server) && Instant::now() < deadline {
            std::thread::yield_now();
            running = read();
        }
        server.stdin.take().unwrap().write_all(b"end\n").unwrap();
        server.wait().unwrap();
        assert_eq!(running, Field::Read(PidProcess::Server));
        // In a container, processes of the host cannot be seen, and the number may be one of theirs.
        let after = read();
        assert_ne!(after, Field::Read(PidProcess::Server), "the file stays when the server is gone");
        assert_ne!(after, Field::Read(PidProcess::Other));
    }
}
