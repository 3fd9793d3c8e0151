use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::*;
use crate::collect::layout::Launch;
use crate::collect::process::find_service;
use crate::collect::process::fixture::{FakeLayout, FakeProc};
use crate::collect::unprivileged::as_another_user;

const MARK: &str = "-Dcatalina.home=/opt/atlassian/confluence";

/// A unit as the vendor's knowledge base and many administrators write it.
const UNIT: &str = "[Unit]\nDescription=Confluence\nAfter=network.target\n\n[Service]\nType=forking\nUser=confluence\n\
    PIDFile=/opt/atlassian/confluence/work/catalina.pid\n\
    ExecStart=/opt/atlassian/confluence/bin/start-confluence.sh\n\
    ExecStop=/opt/atlassian/confluence/bin/stop-confluence.sh\n\n[Install]\nWantedBy=multi-user.target\n";

/// The script the vendor's installer writes.
const SCRIPT: &str = "#!/bin/bash\n\n# Confluence Linux service controller script\n\
    cd \"/opt/atlassian/confluence/bin\"\n\ncase \"$1\" in\n    start)\n        ./start-confluence.sh\n        ;;\n    \
    stop)\n        ./stop-confluence.sh\n        ;;\nesac\n";

/// A host whose files a test writes; its installation is at `/opt/atlassian/confluence`.
struct FakeHost {
    proc: FakeProc,
    dir: PathBuf,
}

impl FakeHost {
    fn new() -> Self {
        Self { proc: FakeProc::with_init(), dir: "/opt/atlassian/confluence".into() }
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let host = Self::new();
        for (name, text) in files {
            host.write(name, text);
        }
        host
    }

    fn write(&self, name: &str, text: &str) {
        self.proc.write(name, text);
        let path = self.proc.dir().join(name);
        if name.contains("init.d") {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Runs the service in a control group.
    fn run(&self, cgroup: &str) {
        self.proc.add(7, "java", &["java", MARK, "Main", "start"]);
        self.proc.write("7/cgroup", cgroup);
    }

    fn look(&self) -> Field<ServiceManager> {
        let dir = |name: &str| self.proc.dir().join(name);
        let paths = HostPaths {
            proc_dir: self.proc.dir().to_owned(),
            etc_dir: dir("etc"),
            usr_lib_dir: dir("usr/lib"),
            lib_dir: dir("lib"),
        };
        let launch =
            Launch { dir: self.dir.clone(), scripts: &["bin/start-confluence.sh", "bin/startup.sh"] };
        let layout = FakeLayout { launch: Some(launch), ..FakeLayout::default() };
        let process = find_service(&paths.proc_dir, MARK).map_err(|error| error.to_string());
        read_manager(&layout, &paths, &process)
    }

    fn why(&self) -> String {
        match self.look() {
            Field::Read(manager) => panic!("{manager:?}"),
            Field::Unread(why) => why,
        }
    }
}

fn systemd(unit: &str) -> Field<ServiceManager> {
    Field::Read(ServiceManager::Systemd { unit: unit.to_owned() })
}

#[test]
fn the_group_of_the_running_process_counts_most() {
    let host = FakeHost::with(&[("etc/systemd/system/other.service", UNIT)]);
    host.run("0::/system.slice/wiki.service\n");
    assert_eq!(host.look(), systemd("wiki.service"));
}

#[test]
fn without_a_running_process_the_files_tell() {
    for dir in ["etc", "usr/lib", "lib"] {
        let host = FakeHost::with(&[
            (&format!("{dir}/systemd/system/confluence.service"), UNIT),
            ("etc/systemd/system/ssh.service", "[Service]\nExecStart=/usr/sbin/sshd -D\n"),
            ("etc/init.d/confluence", SCRIPT),
        ]);
        assert_eq!(host.look(), systemd("confluence.service"), "{dir}");
        host.run("0::/\n");
        assert_eq!(host.look(), systemd("confluence.service"), "running, and the group tells nothing");
    }
    let script = FakeHost::with(&[("etc/init.d/confluence", SCRIPT), ("etc/init.d/README", "no script")]);
    let path = script.proc.dir().join("etc/init.d/confluence").display().to_string();
    assert_eq!(script.look(), Field::Read(ServiceManager::InitScript { path: path.clone() }));
    script.run("0::/user.slice/user-0.slice/session-4.scope\n");
    assert_eq!(script.look(), Field::Read(ServiceManager::InitScript { path }), "run by hand");
    let nothing = FakeHost::new();
    assert_eq!(nothing.look(), Field::Read(ServiceManager::Scripts));
    nothing.run("0::/user.slice/user-0.slice/session-4.scope\n");
    assert_eq!(nothing.look(), Field::Read(ServiceManager::Scripts));
}

#[test]
fn a_unit_is_known_by_what_it_runs() {
    let service = |line: &str| format!("[Service]\n{line}\n");
    let rows = [
        ("ExecStart=-+/opt/atlassian/confluence/bin/catalina.sh run", true),
        ("ExecStart=/bin/su - wiki -c \"/opt/atlassian/confluence/bin/start-confluence.sh\"", true),
        (
            "ExecStart=/usr/bin/java -Dx=1 \\\n# in between\n  -Dcatalina.home=/opt/atlassian/confluence Main",
            true,
        ),
        ("WorkingDirectory=/opt/atlassian/confluence/\nExecStart=/usr/local/bin/wiki", true),
        ("WorkingDirectory=-/opt/atlassian/confluence/bin", true),
        ("  ExecStart = /opt/atlassian/confluence/bin/startup.sh", true),
        ("ExecStart=/opt/atlassian/confluence2/bin/start-confluence.sh", false),
        ("ExecStart=/data/opt/atlassian/confluence/bin/start-confluence.sh", false),
        ("ExecStart=/opt/atlassian/confluence-old/bin/start-confluence.sh", false),
        ("#ExecStart=/opt/atlassian/confluence/bin/start-confluence.sh", false),
        ("; ExecStart=/opt/atlassian/confluence/bin/start-confluence.sh", false),
        ("ExecStop=/opt/atlassian/confluence/bin/stop-confluence.sh", false),
        ("Environment=X=/opt/atlassian/confluence", false),
        ("ExecStart=", false),
        ("ExecStart", false),
        ("WorkingDirectory=~", false),
    ];
    for (line, known) in rows {
        let host = FakeHost::with(&[("etc/systemd/system/wiki.service", &service(line))]);
        let expected = if known { systemd("wiki.service") } else { Field::Read(ServiceManager::Scripts) };
        assert_eq!(host.look(), expected, "{line}");
    }
    let other = "[Unit]\nExecStart=/opt/atlassian/confluence/bin/start-confluence.sh\n[Service]\n";
    let host = FakeHost::with(&[
        ("etc/systemd/system/wiki.service", other),
        ("etc/systemd/system/wiki.timer", UNIT),
        ("etc/systemd/system/wiki.service.d/x.conf", UNIT),
    ]);
    assert_eq!(host.look(), Field::Read(ServiceManager::Scripts), "another section, another kind of unit");
}

#[test]
fn what_starts_it_goes_before_what_only_works_on_it() {
    let backup = "[Service]\nType=oneshot\nExecStart=/opt/atlassian/confluence/tools/backup.sh\n";
    let watch = "[Service]\nExecStart=/usr/bin/watch\nWorkingDirectory=/opt/atlassian/confluence\n";
    let host = FakeHost::with(&[
        ("etc/systemd/system/a-backup.service", backup),
        ("etc/systemd/system/b-watch.service", watch),
        ("etc/systemd/system/confluence.service", UNIT),
        ("usr/lib/systemd/system/confluence.service", "[Service]\nExecStart=/bin/true\n"),
    ]);
    assert_eq!(host.look(), systemd("confluence.service"));
    host.write("lib/systemd/system/zz-old.service", UNIT);
    let why = host.why();
    assert!(why.contains("confluence.service, zz-old.service") && why.contains("several"), "{why}");
}

#[test]
fn masked_units_and_aliases_are_what_systemd_makes_of_them() {
    let host = FakeHost::with(&[("usr/lib/systemd/system/confluence.service", UNIT)]);
    let system = host.proc.dir().join("etc/systemd/system");
    fs::create_dir_all(&system).unwrap();
    symlink(host.proc.dir().join("usr/lib/systemd/system/confluence.service"), system.join("wiki.service"))
        .unwrap();
    symlink("/nowhere/at/all.service", system.join("gone.service")).unwrap();
    assert_eq!(host.look(), systemd("confluence.service"), "an alias of it");

    fs::remove_file(system.join("wiki.service")).unwrap();
    symlink("/dev/null", system.join("confluence.service")).unwrap();
    assert_eq!(host.look(), Field::Read(ServiceManager::Scripts), "masked");
}

#[test]
fn a_link_to_the_installation_is_the_installation() {
    let mut host = FakeHost::new();
    let real = host.proc.dir().join("confluence-9.2.1");
    let link = host.proc.dir().join("current");
    fs::create_dir_all(real.join("bin")).unwrap();
    fs::write(real.join("bin/start-confluence.sh"), "").unwrap();
    symlink(&real, &link).unwrap();
    let unit =
        |dir: &PathBuf| format!("[Service]\nExecStart=\"{}/bin/start-confluence.sh\" -fg\n", dir.display());
    for (configured, named) in [(&real, &link), (&link, &real)] {
        host.dir.clone_from(configured);
        host.write("etc/systemd/system/wiki.service", &unit(named));
        assert_eq!(host.look(), systemd("wiki.service"));
    }
}

#[test]
fn what_does_not_fit_together_is_unread() {
    let by_hand = FakeHost::with(&[("etc/systemd/system/confluence.service", UNIT)]);
    by_hand.run("0::/user.slice/user-0.slice/session-4.scope\n");
    let why = by_hand.why();
    assert!(why.contains("confluence.service") && why.contains("session-4.scope"), "{why}");

    let template = FakeHost::with(&[("etc/systemd/system/confluence@.service", UNIT)]);
    assert!(template.why().contains("confluence@*.service"));

    let container = FakeHost::new();
    container.run("0::/system.slice/docker-0123.scope\n");
    assert!(container.why().contains("container"));
    container.write(
        "etc/systemd/system/wiki.service",
        "[Service]\nExecStart=docker run -v /opt/atlassian/confluence:/c x\n",
    );
    assert_eq!(container.look(), systemd("wiki.service"), "and a unit runs the container");

    let two = FakeHost::with(&[("etc/init.d/a", SCRIPT), ("etc/init.d/b", SCRIPT)]);
    assert!(two.why().contains("scripts of init"));
}

#[test]
fn what_cannot_be_looked_at_is_not_taken_for_absent() {
    let hidden = FakeHost { proc: FakeProc::empty(), dir: "/opt/atlassian/confluence".into() };
    assert!(hidden.why().contains("hidden"));
    hidden.write("etc/systemd/system/confluence.service", UNIT);
    assert_eq!(hidden.look(), systemd("confluence.service"), "the files tell all the same");

    let no_group = FakeHost::new();
    no_group.run("");
    fs::remove_file(no_group.proc.dir().join("7/cgroup")).unwrap();
    assert!(no_group.why().contains("7/cgroup"));

    for name in ["etc/systemd/system/wiki.service", "etc/init.d/wiki"] {
        let closed = FakeHost::with(&[(name, UNIT)]);
        for path in [name, name.rsplit_once('/').unwrap().0] {
            // As executable as before, and readable for nobody.
            let mode = if path == "etc/init.d/wiki" { 0o111 } else { 0o000 };
            fs::set_permissions(closed.proc.dir().join(path), fs::Permissions::from_mode(mode)).unwrap();
            let why = as_another_user(|| closed.look());
            closed.proc.allow(path);
            assert!(matches!(&why, Field::Unread(why) if why.contains(path)), "{path}: {why:?}");
        }
    }

    let layout = FakeLayout::default();
    let nowhere = read_manager(&layout, &HostPaths::default(), &Ok(None));
    assert!(matches!(nowhere, Field::Unread(why) if why.contains("/opt/x")));
}

#[test]
fn hostile_files_are_bounded_and_harmless() {
    let huge = format!("{UNIT}#{}\n", "x".repeat(300 * 1024));
    let host = FakeHost::with(&[("etc/systemd/system/huge.service", &huge)]);
    assert!(host.why().contains("longer"));
    host.write("etc/systemd/system/confluence.service", UNIT);
    host.write("etc/systemd/system/a;reboot.service", UNIT);
    host.write("etc/systemd/system/\u{1b}[31m.service", UNIT);
    host.write("etc/init.d/b$(reboot)", SCRIPT);
    assert_eq!(host.look(), systemd("confluence.service"));

    let odd = [
        "",
        "[",
        "[]",
        "[Service",
        "=\n=\n",
        "[Service]\n=\nExecStart\\\n\\\n\\",
        "\u{0}\u{0}",
        "[Service]\nExecStart=\"'",
    ];
    for text in odd {
        let host = FakeHost::with(&[("etc/systemd/system/x.service", text), ("etc/init.d/x", text)]);
        assert_eq!(host.look(), Field::Read(ServiceManager::Scripts), "{text:?}");
    }
    let binary = FakeHost::new();
    fs::create_dir_all(binary.proc.dir().join("etc/init.d/directory")).unwrap();
    fs::write(binary.proc.dir().join("etc/init.d/program"), [0x7f, b'E', b'L', b'F', 0xff]).unwrap();
    assert_eq!(binary.look(), Field::Read(ServiceManager::Scripts));
}
