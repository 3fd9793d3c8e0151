//! The process that runs the service: its user, its limits, its locale.

use std::collections::BTreeMap;
use std::io;
use std::num::ParseIntError;

use upgrade_readiness_checks::facts::{Field, Limits, ServiceProcess};

use super::HostPaths;
use crate::chain::Chain;
use crate::collect::accounts::Accounts;
use crate::collect::process::{JavaProcess, MOST_BYTES, read_bytes};
use crate::collect::text_file::read_text;

/// The variables that choose the locale, the strongest first.
const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// No name of a locale is longer.
const LONGEST_LOCALE: usize = 64;

/// Reads what matters of the service's process.
pub(super) fn read_service(
    paths: &HostPaths,
    process: &Result<Option<JavaProcess>, String>,
) -> Field<Option<ServiceProcess>> {
    let process = match process {
        Ok(Some(process)) => process,
        Ok(None) => return Field::Read(None),
        Err(why) => return Field::Unread(why.clone()),
    };
    let status = process.dir.join("status");
    let uid = match read_text(&status) {
        Ok(text) => match parse_uid(&text) {
            Some(uid) => uid,
            None => return Field::Unread(format!("{} names no user", status.display())),
        },
        Err(error) => return Field::Unread(Chain(&error).to_string()),
    };
    Field::Read(Some(ServiceProcess {
        pid: process.pid,
        uid,
        user: Accounts::read(&paths.etc_dir).name(uid),
        limits: read_limits(process),
        locale: read_locale(process),
    }))
}

/// The user whose rights count: the second of the four numbers is the effective one.
fn parse_uid(status: &str) -> Option<u32> {
    let numbers = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    numbers.split_whitespace().nth(1)?.parse().ok()
}

fn read_limits(process: &JavaProcess) -> Field<Limits> {
    let path = process.dir.join("limits");
    match read_text(&path) {
        Ok(text) => match parse_limits(&text) {
            Some(limits) => Field::Read(limits),
            None => Field::Unread(format!("{} does not state them as Linux does", path.display())),
        },
        Err(error) => Field::Unread(Chain(&error).to_string()),
    }
}

fn parse_limits(text: &str) -> Option<Limits> {
    let (open_files, open_files_hard) = parse_limit(text, "Max open files")?;
    let (processes, _) = parse_limit(text, "Max processes")?;
    Some(Limits { open_files, open_files_hard, processes })
}

/// Soft and hard value of one limit.
fn parse_limit(text: &str, name: &str) -> Option<(Option<u64>, Option<u64>)> {
    let mut values = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
    Some((parse_limit_value(values.next()?).ok()?, parse_limit_value(values.next()?).ok()?))
}

/// One value; `None` is unlimited.
fn parse_limit_value(word: &str) -> Result<Option<u64>, ParseIntError> {
    if word == "unlimited" { Ok(None) } else { word.parse().map(Some) }
}

fn read_locale(process: &JavaProcess) -> Field<BTreeMap<String, String>> {
    let path = process.dir.join("environ");
    match read_bytes(&path) {
        Ok(environ) if environ.len() as u64 > MOST_BYTES => {
            Field::Unread(format!("{} is longer than {MOST_BYTES} bytes", path.display()))
        }
        Ok(environ) => Field::Read(parse_locale(&environ)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Field::Unread(format!(
            "{}: {error}. Only the service's own user may read it: run the agent as that user, or give it the \
             right with AmbientCapabilities=CAP_SYS_PTRACE in its unit",
            path.display()
        )),
        Err(error) => Field::Unread(format!("{}: {error}", path.display())),
    }
}

/// Picks the locale variables; empty ones count as not set, as they do for the C library.
fn parse_locale(environ: &[u8]) -> BTreeMap<String, String> {
    let mut locale = BTreeMap::new();
    for variable in environ.split(|&byte| byte == 0) {
        let variable = String::from_utf8_lossy(variable);
        let Some((name, value)) = variable.split_once('=') else { continue };
        if LOCALE.contains(&name) && !value.is_empty() {
            let value = value.chars().filter(|character| !character.is_control()).take(LONGEST_LOCALE);
            locale.entry(name.to_owned()).or_insert_with(|| value.collect());
        }
    }
    locale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::process::find_service;
    use crate::collect::process::fixture::FakeProc;
    use crate::collect::unprivileged::as_another_user;

    const MARK: &str = "-Dcatalina.home=/opt/atlassian/confluence";

    /// The head and the lines of interest of `/proc/<pid>/limits` and `status` on Linux 6.1.
    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
        Max cpu time              unlimited            unlimited            seconds   \n\
        Max processes             63432                63432                processes \n\
        Max open files            1024                 524288               files     \n";
    const STATUS: &str = "Name:\tjava\nUmask:\t0027\nState:\tS (sleeping)\nPid:\t4321\nUid:\t0\t2002\t2002\t2002\nGid:\t2002\t2002\t2002\t2002\n";
    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nconfluence:x:2002:2002:Atlassian Confluence:/var/atlassian:/bin/bash\n";

    fn host() -> (FakeProc, HostPaths) {
        let proc = FakeProc::with_init();
        proc.add(4321, "java", &["/opt/jdk/bin/java", "-Dpassword=hidden", MARK, "start"]);
        proc.write("4321/status", STATUS);
        proc.write("4321/limits", LIMITS);
        proc.write("4321/environ", "HOME=/x\0DB_PASSWORD=hidden\0LANG=en_US.UTF-8\0LANG=C\0LC_ALL=\0");
        proc.write("etc/passwd", PASSWD);
        let paths = HostPaths {
            proc_dir: proc.dir().to_owned(),
            etc_dir: proc.dir().join("etc"),
            usr_lib_dir: proc.dir().join("lib"),
            lib_dir: proc.dir().join("lib"),
        };
        (proc, paths)
    }

    fn look(paths: &HostPaths) -> Field<Option<ServiceProcess>> {
        read_service(paths, &find_service(&paths.proc_dir, MARK).map_err(|error| error.to_string()))
    }

    fn read(paths: &HostPaths) -> ServiceProcess {
        match look(paths) {
            Field::Read(Some(service)) => service,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_running_service_is_described_without_its_secrets() {
        let (_proc, paths) = host();
        let service = read(&paths);
        let limits =
            Limits { open_files: Some(1024), open_files_hard: Some(524_288), processes: Some(63_432) };
        let locale = BTreeMap::from([("LANG".to_owned(), "en_US.UTF-8".to_owned())]);
        let expected = ServiceProcess {
            pid: 4321,
            uid: 2002,
            user: "confluence".into(),
            limits: Field::Read(limits),
            locale: Field::Read(locale),
        };
        assert_eq!(service, expected);
        assert!(!format!("{service:?}").contains("hidden"));
    }

    #[test]
    fn what_is_missing_is_unread_on_its_own() {
        let (proc, paths) = host();
        for file in ["4321/limits", "4321/environ", "etc/passwd"] {
            std::fs::remove_file(proc.dir().join(file)).unwrap();
        }
        let service = read(&paths);
        assert_eq!(service.user, "2002", "the number when there is no name");
        assert!(matches!(service.limits, Field::Unread(why) if why.contains("4321/limits")));
        assert!(matches!(service.locale, Field::Unread(why) if why.contains("4321/environ")));

        proc.write("4321/status", "Name:\tjava\n");
        assert!(matches!(look(&paths), Field::Unread(why) if why.contains("names no user")));
    }

    #[test]
    fn the_environment_of_another_user_is_out_of_reach_and_says_what_helps() {
        let (proc, paths) = host();
        proc.forbid("4321/environ");
        let service = as_another_user(|| read(&paths));
        assert!(matches!(service.locale, Field::Unread(why) if why.contains("CAP_SYS_PTRACE")));
        assert!(matches!(service.limits, Field::Read(_)));

        proc.write("4321/limits", "<html>login</html>");
        proc.allow("4321/environ");
        proc.write("4321/environ", &"x".repeat(1024 * 1024 + 1));
        let service = read(&paths);
        assert!(matches!(service.limits, Field::Unread(_)));
        assert!(matches!(service.locale, Field::Unread(why) if why.contains("longer")));
    }

    #[test]
    fn limits_are_numbers_or_unlimited() {
        let line = |files: &str, processes: &str| {
            parse_limits(&format!("Max processes {processes} processes\nMax open files {files} files\n"))
        };
        let unlimited = Limits { open_files: None, open_files_hard: None, processes: None };
        assert_eq!(line("unlimited unlimited", "unlimited unlimited"), Some(unlimited));
        for nonsense in ["", "1024", "-1 5", "99999999999999999999999 1", "many more"] {
            assert_eq!(line(nonsense, "1 1"), None, "{nonsense}");
        }
        assert_eq!(parse_limits("Max open files 1 1 files"), None, "processes are missing");
    }

    #[test]
    fn users_and_locales_of_damaged_files() {
        assert_eq!(parse_uid("Uid:\t1\t-2"), None);
        assert_eq!(parse_uid("Uid:"), None);
        assert!(parse_locale(b"").is_empty());
        assert!(parse_locale(b"LANG\0XLANG=C\0LC_TIME=C\0\0").is_empty());
        let hostile = [b"LANG=a\x1b\xff".as_slice(), &[b'x'; 500]].concat();
        assert!(parse_locale(&hostile)["LANG"].chars().count() <= LONGEST_LOCALE);
    }
}
