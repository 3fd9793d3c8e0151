//! The accounts of this host, from files in the form of `/etc/passwd` and `/etc/group`.
//!
//! Accounts of a directory service are not in them and nobody is asked for those.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::process::read_bytes;

/// A user of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The number.
    pub uid: u32,
    /// The groups it is in; `None` when the account is not known on this host.
    pub groups: Option<BTreeSet<u32>>,
}

/// The accounts of this host.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Name, number and first group, in the order of the file: the first entry counts.
    users: Vec<(String, u32, u32)>,
    members: BTreeMap<u32, BTreeSet<String>>,
}

impl Accounts {
    /// Reads `passwd` and `group` in a directory; a file that cannot be read has no accounts in it.
    #[must_use]
    pub fn read(etc_dir: &Path) -> Self {
        // One comment in another encoding must not hide all accounts.
        let read = |name| read_bytes(&etc_dir.join(name)).unwrap_or_default();
        let [passwd, group] = ["passwd", "group"].map(read);
        Self::parse(&String::from_utf8_lossy(&passwd), &String::from_utf8_lossy(&group))
    }

    pub(crate) fn parse(passwd: &str, group: &str) -> Self {
        let mut accounts = Self::default();
        for line in passwd.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [name, _, uid, gid, ..] = fields.as_slice()
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
                && !name.is_empty()
                && !name.chars().any(char::is_control)
            {
                accounts.users.push(((*name).to_owned(), uid, gid));
            }
        }
        for line in group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            if let [_, _, gid, members, ..] = fields.as_slice()
                && let Ok(gid) = gid.parse()
            {
                let members = members.split(',').map(|name| name.trim().to_owned());
                accounts.members.entry(gid).or_default().extend(members);
            }
        }
        accounts
    }

    /// The name of a user, or the number when it has none here.
    #[must_use]
    pub fn name(&self, uid: u32) -> String {
        let named = self.users.iter().find(|(_, other, _)| *other == uid);
        named.map_or_else(|| uid.to_string(), |(name, ..)| name.clone())
    }

    /// The account of this name, with its groups.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Account> {
        let (_, uid, gid) = self.users.iter().find(|(other, ..)| other == name)?;
        let member_of =
            self.members.iter().filter(|(_, members)| members.contains(name)).map(|(gid, _)| *gid);
        Some(Account { uid: *uid, groups: Some(member_of.chain([*gid]).collect()) })
    }

    /// The account of this number; its groups are not known when it has no name here.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Account {
        let named = self.users.iter().find(|(_, other, _)| *other == uid);
        named.and_then(|(name, ..)| self.by_name(name)).unwrap_or(Account { uid, groups: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_counts_and_all_groups_do() {
        let accounts = Accounts::parse(
            "root:x:0:0:root:/root:/bin/sh\nconf:x:2002:2002::/home/conf:/bin/sh\nalias:x:2002:1::/:/\nconf:x:7:7::/:/\n",
            "conf:x:2002:\nwiki:x:3000:alice, conf\nbroken\nother:x:3001:alice\n",
        );
        assert_eq!(accounts.name(2002), "conf");
        let conf = Account { uid: 2002, groups: Some(BTreeSet::from([2002, 3000])) };
        assert_eq!(accounts.by_name("conf"), Some(conf.clone()));
        assert_eq!(accounts.by_uid(2002), conf);
        assert_eq!(accounts.by_uid(4711), Account { uid: 4711, groups: None });
    }

    #[test]
    fn strange_account_files_are_survived() {
        let strange = ["", "\n\n", "::::::", "a:b", "<html>", "x:x:99999999999:1::/:/", "+@admins::::::"];
        for text in strange.into_iter().chain([":x:7:1::", "a\u{1b}b:x:7:1:", "conf:x", "bad:x:minus:1::/:/"])
        {
            let accounts = Accounts::parse(text, text);
            assert_eq!(accounts.name(7), "7", "{text:?}");
            assert_eq!(accounts.by_name("conf"), None, "{text:?}");
        }
        assert_eq!(Accounts::read(Path::new("/nonexistent")).name(0), "0");

        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("passwd"), b"old:x:1:1:J\xfcrgen:/:\nconf:x:7:7::/:\n").unwrap();
        assert_eq!(Accounts::read(dir.path()).name(7), "conf", "a comment in another encoding");
    }
}
