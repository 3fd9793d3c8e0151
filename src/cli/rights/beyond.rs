//! What the agent may do and does not need to: by its database account, its user on this host, and open secrets.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::collect::database::{Looker, rights_beyond_reading};
use crate::config::{Config, Credentials, Instance, SecretSource};
use crate::product;

/// How long the database may take to say what an account may do.
const LIMIT: Duration = Duration::from_secs(30);

/// Capabilities that let a process read what others own, by their numbers: `CAP_DAC_READ_SEARCH`, `CAP_SYS_PTRACE`.
const READING_CAPABILITIES: u64 = 1 << 2 | 1 << 19;

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

/// What could not be looked into, and why.
type Unclear = Vec<(String, String)>;

/// What the database account may do beyond reading.
pub(super) async fn beyond_of(instance: &Arc<Instance>) -> (Vec<Beyond>, Unclear) {
    let directory = product::database_directory(instance);
    let looker = match rights_beyond_reading(directory, LIMIT).await {
        Ok(Some(looker)) => looker,
        Ok(None) => {
            let why = "this agent cannot ask such a server: its administrator can see that it may only read";
            return (Vec::new(), vec![("database account".to_owned(), why.to_owned())]);
        }
        Err(error) => {
            let why = error.into_failure().message;
            return (Vec::new(), vec![("what the database account may do".to_owned(), why)]);
        }
    };
    (of_looker(&instance.name, looker), Vec::new())
}

fn of_looker(instance: &str, looker: Looker) -> Vec<Beyond> {
    let Looker { account, is_the_products, beyond } = looker;
    if is_the_products && !beyond.is_empty() {
        // The product needs its rights. What is too much is that the agent has them as well.
        return vec![Beyond {
            who: format!("database account {account}"),
            may: "look with the rights of the product itself, which may change everything".to_owned(),
            undo: format!(
                "Give the agent an account of its own that may only read, and name it under [instance.database] of {instance} \
                 (username, password_file): `agent explain database-privileges` has the grants."
            ),
        }];
    }
    let with_account = |beyond: crate::collect::database::Beyond| Beyond {
        who: format!("database account {account}"),
        may: beyond.may,
        undo: beyond.undo,
    };
    beyond.into_iter().map(with_account).collect()
}

/// What the user of this command may do on this host, and secrets that stand open.
pub(super) fn of_this_user(config_file: &Path, config: &Config, instance: &Instance) -> Vec<Beyond> {
    let mut beyond = Vec::new();
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        beyond.push(Beyond {
            who: "user root".to_owned(),
            may: "do everything on this host".to_owned(),
            undo: "Run the agent as a user of its own (deploy/systemd), and ask as that user: `sudo -u upgrade-readiness \
                   agent explain --rights`."
                .to_owned(),
        });
    } else {
        beyond.extend(capabilities(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()));
        let home = instance.home_dir.iter();
        for directory in std::iter::once(&instance.installation_dir).chain(home) {
            if accessat(CWD, directory, Access::WRITE_OK, AtFlags::EACCESS).is_ok() {
                beyond.push(Beyond {
                    who: format!("user {}", uid.as_raw()),
                    may: format!("write in {}", directory.display()),
                    undo: format!(
                        "Let the agent's user only read there: see its groups with `id`, and the mode with `ls -ld '{}'`.",
                        directory.display()
                    ),
                });
            }
        }
    }
    let secrets = secrets_of(instance);
    let open = secrets.iter().filter(|path| mode_of(path).is_some_and(|mode| mode & 0o007 != 0));
    beyond.extend(open.map(|path| Beyond {
        who: "everybody on this host".to_owned(),
        may: format!("read or write the secret {}", path.display()),
        undo: format!("chmod o= '{}'", path.display()),
    }));
    for (path, what) in [(config_file, "the configuration"), (&config.state_dir, "the state of the agent")] {
        if mode_of(path).is_some_and(|mode| mode & 0o002 != 0) {
            beyond.push(Beyond {
                who: "everybody on this host".to_owned(),
                may: format!("change {what}, {}", path.display()),
                undo: format!("chmod o-w '{}'", path.display()),
            });
        }
    }
    beyond
}

/// Capabilities beyond those that read.
fn capabilities(status: &str) -> Option<Beyond> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(line.trim(), 16).ok()?;
    (effective & !READING_CAPABILITIES != 0).then(|| Beyond {
        who: "this process".to_owned(),
        may: format!("use capabilities beyond reading (CapEff {effective:016x})"),
        undo: "Grant CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE at most: deploy/systemd has the drop-in."
            .to_owned(),
    })
}

fn mode_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|there| there.permissions().mode())
}

fn secrets_of(instance: &Instance) -> BTreeSet<PathBuf> {
    let credentials = instance.http.iter().filter_map(|http| match &http.credentials {
        Credentials::Bearer(secret) | Credentials::Basic { password: secret, .. } => Some(secret),
        Credentials::Anonymous => None,
    });
    let secrets = credentials.chain(&instance.database.password);
    secrets
        .filter_map(|secret| match secret {
            SecretSource::File(path) => Some(path.clone()),
            SecretSource::Environment(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_capabilities_that_read_are_needed() {
        let status = |set: &str| format!("Name:\tagent\nCapEff:\t{set}\nSeccomp:\t2\n");
        for (set, too_much) in [
            ("0000000000000000", false),
            ("0000000000080004", false),
            ("0000000000080006", true),
            ("000001ffffffffff", true),
        ] {
            assert_eq!(capabilities(&status(set)).is_some(), too_much, "{set}");
        }
        assert_eq!(capabilities("nothing"), None);
    }

    #[test]
    fn the_products_own_account_is_one_finding_and_another_one_is_told_right_by_right() {
        let right = |may: &str| crate::collect::database::Beyond { may: may.into(), undo: "REVOKE".into() };
        let looker = |is_the_products, beyond| Looker { account: "a".into(), is_the_products, beyond };
        let own = of_looker("wiki", looker(true, vec![right("x"), right("y")]));
        assert_eq!(own.len(), 1);
        assert!(own[0].undo.contains("[instance.database] of wiki"));
        assert_eq!(of_looker("wiki", looker(false, vec![right("x"), right("y")])).len(), 2);
        assert!(of_looker("wiki", looker(true, Vec::new())).is_empty());
    }
}
