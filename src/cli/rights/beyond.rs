//! What the agent may do and does not need to: by its database account, its user on this host, and open secrets.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use crate::collect::database::{Looker, rights_beyond_reading};
use crate::config::{Config, Instance};
use crate::product;

use super::render::ASK;
use super::secrets::secret_files;

/// How long the database may take to say what an account may do.
const LIMIT: Duration = Duration::from_secs(30);

/// Capabilities that let a process read what others own, by their numbers: `CAP_DAC_READ_SEARCH`, `CAP_SYS_PTRACE`.
const READING_CAPABILITIES: u64 = 1 << 2 | 1 << 19;

/// Where the kernel tells what this process may.
const STATUS: &str = "/proc/self/status";

const CAPABILITIES: &str = "which capabilities this process has";

/// A right that is not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beyond {
    /// Who has it.
    pub(super) who: String,
    /// What it allows.
    pub(super) may: String,
    /// How to take it away.
    pub(super) undo: String,
}

/// What is too much, and what nobody could tell, with the reason.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// What is not needed.
    pub(super) beyond: Vec<Beyond>,
    /// What could not be looked into, and why.
    pub(super) unclear: Vec<(String, String)>,
}

impl Seen {
    fn unclear(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { beyond: Vec::new(), unclear: vec![(what.into(), why.into())] }
    }

    fn add(&mut self, other: Self) {
        self.beyond.extend(other.beyond);
        self.unclear.extend(other.unclear);
    }
}

impl From<Beyond> for Seen {
    fn from(beyond: Beyond) -> Self {
        Self { beyond: vec![beyond], unclear: Vec::new() }
    }
}

/// What the database account may do beyond reading.
pub(super) async fn of_database_account(instance: &Arc<Instance>) -> Seen {
    let directory = product::database_directory(instance);
    match rights_beyond_reading(directory, LIMIT).await {
        Ok(Some(looker)) => of_looker(&instance.name, looker),
        Ok(None) => Seen::unclear(
            "database account",
            "this agent cannot ask such a server: its administrator can see that it may only read",
        ),
        Err(error) => Seen::unclear("what the database account may do", error.into_failure().message),
    }
}

fn of_looker(instance: &str, looker: Looker) -> Seen {
    let Looker { account, is_the_products, beyond, unclear, reading_account } = looker;
    let who = format!("database account {account}");
    let unclear = unclear.into_iter().map(|unclear| (unclear.what, unclear.why)).collect();
    if is_the_products && !beyond.is_empty() {
        // The product needs its rights. What is too much is that the agent has them as well.
        let beyond = vec![Beyond {
            who,
            may: "look with the rights of the product itself, which may change everything".to_owned(),
            undo: format!(
                "Give the agent an account of its own that may only read, and name it under [instance.database] of {instance} \
                 (username, password_file): {reading_account} `agent explain ID` tells which of it a check needs."
            ),
        }];
        return Seen { beyond, unclear };
    }
    let with_account = |beyond: crate::collect::database::Beyond| Beyond {
        who: who.clone(),
        may: beyond.may,
        undo: beyond.undo,
    };
    Seen { beyond: beyond.into_iter().map(with_account).collect(), unclear }
}

/// What the user of this command may do on this host, and secrets that stand open.
pub(super) fn of_this_host(config_file: &Path, config: &Config, instance: &Instance) -> Seen {
    let mut seen = of_this_user(instance);
    for path in secret_files(config, instance) {
        seen.add(open_secret(&path));
    }
    for (path, what) in [(config_file, "the configuration"), (&config.state_dir, "the state of the agent")] {
        seen.add(changeable(path, what));
    }
    seen
}

fn of_this_user(instance: &Instance) -> Seen {
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return Seen::from(Beyond {
            who: "user root".to_owned(),
            may: "do everything on this host".to_owned(),
            undo: format!(
                "Run the agent as a user of its own, as the unit of the package does, and ask as that user: `{ASK}`."
            ),
        });
    }
    let mut seen = match std::fs::read_to_string(STATUS) {
        Ok(status) => capabilities(&status),
        Err(error) => Seen::unclear(CAPABILITIES, format!("reading {STATUS}: {error}")),
    };
    let home = instance.home_dir.iter();
    for directory in std::iter::once(&instance.installation_dir).chain(home) {
        seen.add(writable(directory, uid.as_raw()));
    }
    seen
}

/// Whether this user may write into a directory itself; what is below it is not looked into.
fn writable(directory: &Path, uid: u32) -> Seen {
    match accessat(CWD, directory, Access::WRITE_OK, AtFlags::EACCESS) {
        Ok(()) => Seen::from(Beyond {
            who: format!("user {uid}"),
            may: format!("write in {}", directory.display()),
            undo: format!(
                "Let the agent's user only read there: see its groups with `id`, and the mode with `ls -ld '{}'`.",
                directory.display()
            ),
        }),
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Seen::default(),
        Err(error) => Seen::unclear(
            format!("whether user {uid} may write in {}", directory.display()),
            error.to_string(),
        ),
    }
}

/// Capabilities beyond those that read.
fn capabilities(status: &str) -> Seen {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()) else {
        return Seen::unclear(CAPABILITIES, format!("{STATUS} has no line CapEff that can be read"));
    };
    if effective & !READING_CAPABILITIES == 0 {
        return Seen::default();
    }
    Seen::from(Beyond {
        who: "this process".to_owned(),
        may: format!("use capabilities beyond reading (CapEff {effective:016x})"),
        undo: "Grant CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE at most, as files-of-others.conf of the package does."
            .to_owned(),
    })
}

fn open_secret(path: &Path) -> Seen {
    match mode_of(path) {
        Ok(mode) if mode & 0o007 != 0 => Seen::from(Beyond {
            who: "everybody on this host".to_owned(),
            may: format!("read or write the secret {}", path.display()),
            undo: format!("chmod o= '{}'", path.display()),
        }),
        Ok(_) => Seen::default(),
        Err(error) => Seen::unclear(
            format!("whether the secret {} is open to everybody", path.display()),
            error.to_string(),
        ),
    }
}

fn changeable(path: &Path, what: &str) -> Seen {
    match mode_of(path) {
        Ok(mode) if mode & 0o002 == 0 => Seen::default(),
        Ok(_) => Seen::from(Beyond {
            who: "everybody on this host".to_owned(),
            may: format!("change {what}, {}", path.display()),
            undo: format!("chmod o-w '{}'", path.display()),
        }),
        // Before the daemon was ever started there is no state.
        Err(error) if error.kind() == ErrorKind::NotFound => Seen::default(),
        Err(error) => {
            let open = format!("whether everybody may change {what}, {}", path.display());
            Seen::unclear(open, error.to_string())
        }
    }
}

fn mode_of(path: &Path) -> std::io::Result<u32> {
    std::fs::metadata(path).map(|there| there.permissions().mode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_capabilities_that_read_are_needed() {
        let status = |set: &str| format!("Name:\tagent\nCapEff:\t{set}\nSeccomp:\t2\n");
        for (text, expected) in [
            (status("0000000000000000"), (0, 0)),
            (status("0000000000080004"), (0, 0)),
            (status("0000000000080006"), (1, 0)),
            (status("000001ffffffffff"), (1, 0)),
            (status("all of them"), (0, 1)),
            ("nothing".to_owned(), (0, 1)),
            (String::new(), (0, 1)),
        ] {
            let seen = capabilities(&text);
            assert_eq!((seen.beyond.len(), seen.unclear.len()), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_open_is_told_and_what_cannot_be_seen_is_unclear() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let state = |mode| {
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let numbers = |seen: Seen| (seen.beyond.len(), seen.unclear.len());
        for (mode, secret, config) in [
            (0o600, (0, 0), (0, 0)),
            (0o640, (0, 0), (0, 0)),
            (0o604, (1, 0), (0, 0)),
            (0o602, (1, 0), (1, 0)),
        ] {
            state(mode);
            let seen = (numbers(open_secret(&file)), numbers(changeable(&file, "the configuration")));
            assert_eq!(seen, (secret, config), "{mode:o}");
        }
        let (absent, below_a_file) = (folder.path().join("absent"), file.join("x"));
        assert_eq!(numbers(open_secret(&absent)), (0, 1));
        assert_eq!(numbers(open_secret(&below_a_file)), (0, 1));
        assert_eq!(
            numbers(changeable(&absent, "the state")),
            (0, 0),
            "where nothing is, nothing can be changed"
        );
        assert_eq!(numbers(changeable(&below_a_file, "the state")), (0, 1));
        assert_eq!(numbers(writable(folder.path(), 1)), (1, 0));
        assert_eq!(numbers(writable(&absent, 1)), (0, 1));
    }

    #[test]
    fn the_products_own_account_is_one_finding_and_another_one_is_told_right_by_right() {
        let right = |may: &str| crate::collect::database::Beyond { may: may.into(), undo: "REVOKE".into() };
        let looker = |is_the_products, beyond| {
            let unclear = vec![crate::collect::database::Unclear { what: "w".into(), why: "y".into() }];
            let reading_account = "CREATE ROLE readiness;".to_owned();
            Looker { account: "a".into(), is_the_products, beyond, unclear, reading_account }
        };
        let own = of_looker("wiki", looker(true, vec![right("x"), right("y")]));
        assert_eq!(own.beyond.len(), 1);
        assert!(own.beyond[0].undo.contains("[instance.database] of wiki"));
        assert!(own.beyond[0].undo.contains("CREATE ROLE readiness;"));
        let another = of_looker("wiki", looker(false, vec![right("x"), right("y")]));
        assert_eq!(another.beyond.len(), 2);
        let none = of_looker("wiki", looker(true, Vec::new()));
        assert!(none.beyond.is_empty());
        for seen in [own, another, none] {
            assert_eq!(seen.unclear, [("w".to_owned(), "y".to_owned())]);
        }
    }
}
