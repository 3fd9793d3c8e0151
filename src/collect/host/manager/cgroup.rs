//! What the control group of a process says of who started it.
//!
//! Form: `man 7 cgroups`, "/proc/[pid]/cgroup"; the names are those systemd gives, `man 7 systemd.unit`.

/// What a control group says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// A unit of the system's systemd, which is there for this service.
    Unit(String),
    /// It runs under systemd, and no unit is there for it: the session of a person, a job of cron.
    Outside(String),
    /// Somebody else manages it, who is not seen from here: why.
    Beyond(String),
    /// Nothing: the host has no systemd, or the agent is in a container with the service.
    Untold,
}

/// Units that start programs of others, in their own control group. To stop such a unit would be wrong.
const FOR_OTHERS: [&str; 16] = [
    "anacron.service",
    "atd.service",
    "containerd.service",
    "cron.service",
    "crond.service",
    "crio.service",
    "cronie.service",
    "docker.service",
    "jenkins.service",
    "kubelet.service",
    "monit.service",
    "rc-local.service",
    "ssh.service",
    "sshd.service",
    "supervisor.service",
    "supervisord.service",
];

/// How groups of containers begin.
const CONTAINERS: [&str; 8] =
    ["docker", "libpod", "kubepods", "cri-containerd", "crio-", "lxc", "machine.slice", "buildkit"];

/// systemd allows no longer name of a unit.
const LONGEST_NAME: usize = 255;

/// Reads `/proc/<pid>/cgroup`.
pub(super) fn parse_cgroup(text: &str) -> Group {
    let Some(path) = systemd_path(text) else { return Group::Untold };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let Some((last, before)) = parts.split_last() else { return Group::Untold };
    if let Some(container) = parts.iter().find(|part| is_container(part)) {
        return Group::Beyond(format!(
            "the service runs in a container ({}): what started the container stops it",
            shown(container)
        ));
    }
    let of_a_person = before.first() == Some(&"user.slice");
    if of_a_person && is_unit_name(last) {
        return Group::Beyond(format!(
            "the service runs as unit {last} of its user's own systemd, not of the system's: `systemctl --user` as \
             that user stops it"
        ));
    }
    let in_slices = before.iter().all(|part| is_slice(part));
    if in_slices && !of_a_person && is_unit_name(last) && !FOR_OTHERS.contains(last) {
        return Group::Unit((*last).to_owned());
    }
    // Only systemd names groups so; others say nothing of who started what is in them.
    if parts.first().is_some_and(|first| is_slice(first) || *first == "init.scope") {
        return Group::Outside(shown(last));
    }
    Group::Untold
}

/// The group in the hierarchy systemd keeps: its own of version 1, else the one of version 2.
fn systemd_path(text: &str) -> Option<&str> {
    let path = |name: &str| {
        text.lines().find_map(|line| {
            let (_number, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            (controllers == name).then_some(path)
        })
    };
    path("name=systemd").or_else(|| path(""))
}

fn is_container(part: &str) -> bool {
    // The daemons themselves are ordinary services.
    !part.ends_with(".service") && CONTAINERS.iter().any(|name| part.starts_with(name))
}

fn is_slice(part: &str) -> bool {
    part.strip_suffix(".slice").is_some()
}

/// The name of a service, by the characters systemd allows in one.
pub(super) fn is_unit_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    name.len() <= LONGEST_NAME
        && name.strip_suffix(".service").is_some_and(|stem| !stem.is_empty() && !stem.starts_with(['-', '.']))
        && name.bytes().all(allowed)
}

fn shown(part: &str) -> String {
    part.chars().filter(|character| !character.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str) -> Group {
        Group::Unit(name.to_owned())
    }

    fn outside(name: &str) -> Group {
        Group::Outside(name.to_owned())
    }

    #[test]
    fn a_group_tells_the_unit_or_that_there_is_none() {
        let v1 = "12:pids:/system.slice/x.service\n5:cpu,cpuacct:/\n1:name=systemd:/system.slice/wiki.service\n0::/other\n";
        let rows = [
            ("0::/system.slice/confluence.service\n", unit("confluence.service")),
            (v1, unit("wiki.service")),
            (
                "0::/system.slice/system-confluence.slice/confluence@prod.service\n",
                unit("confluence@prod.service"),
            ),
            ("0::/wiki.slice/confluence.service", unit("confluence.service")),
            ("0::/user.slice/user-0.slice/session-4.scope\n", outside("session-4.scope")),
            ("0::/system.slice/cron.service\n", outside("cron.service")),
            ("0::/system.slice/ssh.service\n", outside("ssh.service")),
            ("0::/init.scope\n", outside("init.scope")),
            ("0::/system.slice/agent.service/inner\n", outside("inner")),
            ("0::/system.slice/a b.service\n", outside("a b.service")),
            ("0::/system.slice/-x.service\n", outside("-x.service")),
            ("0::/\n", Group::Untold),
            ("0::/../..\n", Group::Untold),
            ("0::/openrc.confluence\n", Group::Untold),
            ("0::/confluence.service\n", unit("confluence.service")),
            ("", Group::Untold),
            ("<html>login</html>", Group::Untold),
            (":::::", Group::Untold),
            ("5:memory:/system.slice/x.service\n", Group::Untold),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_cgroup(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_others_manage_is_not_taken_for_a_unit_of_the_system() {
        let rows = [
            ("0::/system.slice/docker-0123456789ab.scope\n", "container"),
            ("1:name=systemd:/docker/0123456789ab\n", "container"),
            ("1:name=systemd:/docker/0123/system.slice/confluence.service\n", "container"),
            ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-01.scope\n", "container"),
            ("0::/machine.slice/libpod-01.scope\n", "container"),
            ("0::/system.slice/containerd.service/kubepods-pod1:cri-containerd:01\n", "container"),
            ("0::/lxc.payload.wiki/system.slice/confluence.service\n", "container"),
            ("0::/user.slice/user-2.slice/user@2.service/app.slice/confluence.service\n", "systemctl --user"),
        ];
        for (text, part) in rows {
            let group = parse_cgroup(text);
            assert!(matches!(&group, Group::Beyond(why) if why.contains(part)), "{text}: {group:?}");
        }
    }

    #[test]
    fn names_are_bounded_and_harmless() {
        let long = format!("0::/system.slice/{}.service", "x".repeat(100_000));
        let Group::Outside(shown) = parse_cgroup(&long) else { panic!("a name that long is none") };
        assert_eq!(shown.len(), 100);
        let hostile = "0::/system.slice/a\u{1b}[31m$(reboot).service";
        assert_eq!(parse_cgroup(hostile), outside("a[31m$(reboot).service"));
        for name in ["", ".service", "x", "x.timer", "é.service", "a;b.service"] {
            assert!(!is_unit_name(name), "{name}");
        }
    }
}
