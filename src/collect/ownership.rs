//! Who owns the files the service needs, and whether its user may use them.
//!
//! Judged by owner, group and permission bits; access control lists and mount options are not read.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use upgrade_readiness_checks::facts::{Field, FileOwnership};

use super::accounts::{Account, Accounts};
use super::text_file::explain_io;

/// Bits for reading, writing, and entering a directory.
const READ: u32 = 0o4;
const WRITE: u32 = 0o2;
const ENTER: u32 = 0o1;

/// A file or directory the service needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Which one.
    pub path: PathBuf,
    /// The service must be able to write it, not only to read it.
    pub must_write: bool,
}

/// Looks at each file that is there.
pub fn read_ownership(
    needed: &[Needed],
    user: &Result<Account, String>,
    accounts: &Accounts,
) -> Vec<FileOwnership> {
    needed.iter().filter_map(|needed| look_at(needed, user, accounts)).collect()
}

fn look_at(needed: &Needed, user: &Result<Account, String>, accounts: &Accounts) -> Option<FileOwnership> {
    let path = needed.path.display().to_string();
    let must_write = needed.must_write;
    match fs::metadata(&needed.path) {
        Ok(metadata) => Some(FileOwnership {
            path,
            uid: metadata.uid(),
            owner: accounts.name(metadata.uid()),
            gid: metadata.gid(),
            mode: metadata.mode() & 0o7777,
            directory: metadata.is_dir(),
            must_write,
            usable: match user {
                Ok(user) => judge(user, &metadata, must_write, accounts),
                Err(why) => Field::Unread(why.clone()),
            },
        }),
        Err(error) if is_absent(&error) => None,
        Err(error) => Some(unseen(&path, must_write, explain_io(&needed.path, &error))),
    }
}

/// What is told of a file that could not be looked at.
pub fn unseen(path: &str, must_write: bool, why: String) -> FileOwnership {
    FileOwnership {
        path: path.to_owned(),
        uid: FileOwnership::NOBODY_KNOWN,
        owner: "unknown".to_owned(),
        gid: FileOwnership::NOBODY_KNOWN,
        mode: 0,
        directory: false,
        must_write,
        usable: Field::Unread(why),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn judge(user: &Account, file: &Metadata, must_write: bool, accounts: &Accounts) -> Field<bool> {
    let wanted = READ | if must_write { WRITE } else { 0 } | if file.is_dir() { ENTER } else { 0 };
    may(user, (file.uid(), file.gid(), file.mode()), wanted).map_or_else(
        || {
            Field::Unread(format!(
                "user {} is not in /etc/passwd, so whether it is in group {} is not known; `id {}` tells",
                accounts.name(user.uid),
                file.gid(),
                user.uid
            ))
        },
        Field::Read,
    )
}

/// The kernel's rule: owner, else group, else others; only the first that applies counts.
fn may(user: &Account, (uid, gid, mode): (u32, u32, u32), wanted: u32) -> Option<bool> {
    let granted = |shift: u32| (mode >> shift) & wanted == wanted;
    if user.uid == 0 {
        return Some(true);
    }
    if user.uid == uid {
        return Some(granted(6));
    }
    match &user.groups {
        Some(groups) if groups.contains(&gid) => Some(granted(3)),
        Some(_) => Some(granted(0)),
        // It does not matter which of the two applies when they agree.
        None => (granted(3) == granted(0)).then(|| granted(0)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::collect::unprivileged::as_another_user;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nconf:x:2002:2002::/home/conf:/bin/sh\n\
                          nobody:x:65534:65534::/:/bin/false\n";
    const GROUP: &str = "root:x:0:\nconf:x:2002:\nwiki:x:3000:alice,conf\nother:x:3001:alice\n";

    fn accounts() -> Accounts {
        Accounts::parse(PASSWD, GROUP)
    }

    #[test]
    fn rights_follow_the_kernels_rule() {
        let conf = accounts().by_name("conf").unwrap();
        let root = accounts().by_name("root").unwrap();
        let stranger = accounts().by_uid(4711);
        let (all, read) = (READ | WRITE | ENTER, READ | ENTER);
        let rows = [
            (&conf, (2002, 2002, 0o700), all, Some(true)),
            (&conf, (2002, 2002, 0o500), all, Some(false)),
            (&conf, (2002, 2002, 0o077), all, Some(false)),
            (&conf, (0, 2002, 0o770), all, Some(true)),
            (&conf, (0, 3000, 0o770), all, Some(true)),
            (&conf, (0, 3000, 0o707), all, Some(false)),
            (&conf, (0, 3001, 0o770), all, Some(false)),
            (&conf, (0, 0, 0o755), all, Some(false)),
            (&conf, (0, 0, 0o755), read, Some(true)),
            (&conf, (0, 0, 0o644), READ, Some(true)),
            (&conf, (0, 0, 0o640), READ, Some(false)),
            (&root, (2002, 2002, 0o000), all, Some(true)),
            (&stranger, (4711, 1, 0o700), all, Some(true)),
            (&stranger, (0, 1, 0o755), read, Some(true)),
            (&stranger, (0, 1, 0o770), all, None),
        ];
        for (user, file, wanted, expected) in rows {
            assert_eq!(may(user, file, wanted), expected, "{user:?} {file:?} {wanted:o}");
        }
    }

    #[test]
    fn absent_files_are_left_out_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["home/logs", "install/work"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let mode = |name: &str, mode| {
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        for (name, bits) in [("", 0o755), ("install", 0o755), ("install/work", 0o755), ("home", 0o000)] {
            mode(name, bits);
        }
        let needed = |name: &str| Needed { path: root.join(name), must_write: true };
        let needed = [needed("home/logs"), needed("nothing"), needed("install/work")];
        let conf = accounts().by_name("conf").unwrap();
        let files = as_another_user(move || read_ownership(&needed, &Ok(conf), &accounts()));
        mode("home", 0o755);
        assert_eq!(files.len(), 2);
        assert!(matches!(&files[0].usable, Field::Unread(why) if why.contains("setfacl")), "{:?}", files[0]);
        assert_eq!(files[0].uid, FileOwnership::NOBODY_KNOWN);
        assert_eq!(files[1].usable, Field::Read(false), "somebody else's directory");
    }
}
