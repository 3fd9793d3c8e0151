//! Where the runtimes are: the one of the running process, and the others that are named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Field, Runtime, RuntimeRole};

use super::release::{Release, read_release};
use crate::collect::process::JavaProcess;

/// The runtime of the running service.
pub(super) fn read_running(process: &JavaProcess) -> Runtime {
    let link = process.dir.join("exe");
    let named = process.arguments.first().map(|program| Path::new(OsStr::from_bytes(program)));
    let program = match std::fs::read_link(&link) {
        Ok(program) => strip_deleted(program),
        // The link is for the service's own user; the command line is for all.
        Err(error) => match named.filter(|program| program.is_absolute()) {
            Some(program) => program.canonicalize().unwrap_or_else(|_| program.to_owned()),
            None => {
                return unseen(
                    format!("of process {}", process.pid),
                    format!(
                        "{}: {error}, and the command line does not say where its Java is. Run the agent as \
                         the service's user, or give it the right with AmbientCapabilities=CAP_SYS_PTRACE in \
                         its unit",
                        link.display()
                    ),
                );
            }
        },
    };
    match home_of(&program) {
        Some(home) => runtime(RuntimeRole::Running, home),
        None => unseen(
            format!("of process {}", process.pid),
            format!("process {} runs {}, which is not in a Java home", process.pid, program.display()),
        ),
    }
}

/// A program that was replaced while it runs, by an update of the Java package: what stands there now is
/// what the next start takes, and the next start is what an upgrade is about.
fn strip_deleted(program: PathBuf) -> PathBuf {
    match program.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(path) => PathBuf::from(OsStr::from_bytes(path)),
        None => program,
    }
}

/// The directory above `bin/java`.
fn home_of(program: &Path) -> Option<&Path> {
    let bin = program.parent().filter(|bin| bin.file_name().is_some_and(|name| name == "bin"))?;
    let is_java = program.file_name().is_some_and(|name| name == "java" || name == "javaw");
    bin.parent().filter(|_| is_java)
}

/// A runtime that is in use without being seen: rules must not take another one for it.
pub(super) fn unseen(home: String, why: String) -> Runtime {
    Runtime { role: RuntimeRole::Running, home, version: Field::Unread(why), implementor: None }
}

fn runtime(role: RuntimeRole, home: &Path) -> Runtime {
    let Release { version, implementor } = read_release(home);
    // Rebuilding the path leaves out doubled and closing slashes.
    let home = home.components().collect::<PathBuf>().display().to_string();
    Runtime { role, home, version, implementor }
}

/// Adds a runtime. A home that is there already in a more important role is repeated only as the bundled one.
pub(super) fn add(runtimes: &mut Vec<Runtime>, role: RuntimeRole, home: &Path) {
    let real = |home: &Path| home.canonicalize().unwrap_or_else(|_| home.to_owned());
    let known = runtimes.iter().find(|known| real(Path::new(&known.home)) == real(home));
    match (known.cloned(), role) {
        (None, _) => runtimes.push(runtime(role, home)),
        // Under the same path, so that it shows that the Java in use came with the installation.
        (Some(known), RuntimeRole::Bundled) => runtimes.push(Runtime { role, ..known }),
        (Some(_), RuntimeRole::Running | RuntimeRole::Configured) => {}
    }
}

/// There is nothing at this path.
pub(super) fn is_absent(home: &Path) -> bool {
    home.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::process::fixture::FakeProc;
    use crate::collect::unprivileged::as_another_user;

    fn process(proc: &FakeProc, program: &str) -> JavaProcess {
        JavaProcess { pid: 7, dir: proc.dir().join("7"), arguments: vec![program.as_bytes().to_vec()] }
    }

    fn unread(runtime: &Runtime) -> &str {
        match &runtime.version {
            Field::Read(version) => panic!("read: {version:?}"),
            Field::Unread(why) => why,
        }
    }

    #[test]
    fn the_program_of_the_process_tells_its_home() {
        let rows = [
            ("/opt/jdk/bin/java", "/opt/jdk"),
            ("/usr/lib/jvm/java-8/jre/bin/java", "/usr/lib/jvm/java-8/jre"),
            ("/opt/jdk/bin/java (deleted)", "/opt/jdk"),
            ("/usr/bin/jsvc", "of process 7"),
            ("/opt/jdk/java", "of process 7"),
        ];
        for (program, home) in rows {
            let proc = FakeProc::with_init();
            proc.link("7/exe", program);
            let runtime = read_running(&process(&proc, "java"));
            assert_eq!((runtime.role, runtime.home.as_str()), (RuntimeRole::Running, home), "{program}");
        }
    }

    #[test]
    fn without_the_link_an_absolute_program_name_will_do() {
        let proc = FakeProc::with_init();
        proc.write("jdk-21/release", "JAVA_VERSION=\"21.0.1\"");
        proc.write("jdk-21/bin/java", "");
        proc.link("default/java", "../jdk-21/bin/java");
        let by_link = proc.dir().join("default/java").display().to_string();
        let runtime = read_running(&process(&proc, &by_link));
        assert!(runtime.home.ends_with("/jdk-21"), "{}", runtime.home);
        assert_eq!(runtime.version.value().unwrap().feature, 21);

        assert_eq!(read_running(&process(&proc, "/opt/c/jre//bin/java")).home, "/opt/c/jre");
    }

    #[test]
    fn a_java_in_use_that_cannot_be_seen_is_said_to_be_there() {
        let proc = FakeProc::with_init();
        proc.link("7/exe", "/opt/jdk/bin/java");
        proc.forbid("7");
        for program in ["java", "", "bin/java"] {
            let runtime = as_another_user(|| read_running(&process(&proc, program)));
            assert!(unread(&runtime).contains("CAP_SYS_PTRACE"), "{}", unread(&runtime));
        }
        proc.allow("7");
        let no_arguments = JavaProcess { pid: 7, dir: "/nowhere".into(), arguments: Vec::new() };
        assert!(unread(&read_running(&no_arguments)).contains("/nowhere/exe"));
    }
}
