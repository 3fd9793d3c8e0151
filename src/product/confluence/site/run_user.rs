//! The user the service is set up to run under.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use upgrade_readiness_checks::facts::FailureKind;

use crate::collect::accounts::{Account, Accounts};
use crate::collect::scripts::{Setting, parse_assignments};
use crate::collect::text_file::{explain_io, explain_text, read_text};

/// The user the service is set up to run under.
///
/// The installer writes it into `bin/user.sh`. Without that, whoever owns the log directory of the home
/// is taken for it, because the service itself makes that directory at its first start.
pub fn read_run_user(
    installation_dir: &Path,
    home_dir: &Path,
    accounts: &Accounts,
) -> Result<Account, String> {
    let script = installation_dir.join("bin/user.sh");
    let named = match read_text(&script) {
        Ok(text) => {
            parse_assignments(&text, "CONF_USER").into_iter().rev().find(|setting| !is_empty(setting))
        }
        Err(error) if error.kind() == FailureKind::Absent => None,
        Err(error) => return Err(explain_text(&error)),
    };
    match named {
        Some(Setting::Literal(name)) => accounts.by_name(&name).ok_or_else(|| {
            format!(
                "{} names the user {:?}, who is not in /etc/passwd; `id` tells whether a directory service knows it",
                script.display(),
                name.chars().take(64).collect::<String>()
            )
        }),
        Some(Setting::Computed(_)) => {
            Err(format!("{} computes CONF_USER when it runs, so the user is not known", script.display()))
        }
        None => {
            let logs = home_dir.join("logs");
            let owner = fs::metadata(&logs).map_err(|error| {
                format!(
                    "the service's user is not known: {} names none, and {}",
                    script.display(),
                    explain_io(&logs, &error)
                )
            })?;
            Ok(accounts.by_uid(owner.uid()))
        }
    }
}

fn is_empty(setting: &Setting) -> bool {
    matches!(setting, Setting::Literal(text) if text.is_empty())
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::facts::Field;

    use super::*;
    use crate::collect::ownership::{Needed, read_ownership};
    use crate::product::confluence::fixture::Example;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nconf:x:2002:2002::/home/conf:/bin/sh\n\
                          nobody:x:65534:65534::/:/bin/false\n";
    const GROUP: &str = "root:x:0:\nconf:x:2002:\nwiki:x:3000:alice,conf\nother:x:3001:alice\n";

    fn accounts() -> Accounts {
        Accounts::parse(PASSWD, GROUP)
    }

    #[test]
    fn the_user_is_found_where_the_installer_wrote_it() {
        let uid = rustix::process::geteuid().as_raw();
        let rows = [
            (Some("CONF_USER=\"conf\" # user created by installer\n"), Ok(2002)),
            (Some("#CONF_USER=\"root\"\nCONF_USER='conf'\nexport CONF_USER\n"), Ok(2002)),
            (Some("CONF_USER=\"\"\n"), Ok(uid)),
            (Some(""), Ok(uid)),
            (None, Ok(uid)),
            (Some("CONF_USER=\"ghost\"\n"), Err("\"ghost\", who is not in /etc/passwd")),
            (Some("CONF_USER=$(whoami)\n"), Err("computes CONF_USER")),
        ];
        for (script, expected) in rows {
            let example = Example::new().lay_out();
            match script {
                Some(text) => example.write("install/bin/user.sh", text),
                None => example.remove("install/bin/user.sh"),
            }
            let user = read_run_user(&example.installation_dir(), &example.home_dir(), &accounts());
            match expected {
                Ok(uid) => assert_eq!(user.map(|user| user.uid), Ok(uid), "{script:?}"),
                Err(reason) => assert!(user.as_ref().unwrap_err().contains(reason), "{script:?}: {user:?}"),
            }
        }
    }

    #[test]
    fn without_script_and_logs_nobody_knows_the_user() {
        let example = Example::new().lay_out();
        example.set_mode("home", 0o750);
        example.remove("install/bin/user.sh");
        std::fs::remove_dir(example.home_dir().join("logs")).unwrap();
        let why = read_run_user(&example.installation_dir(), &example.home_dir(), &accounts()).unwrap_err();
        assert!(why.contains("user.sh") && why.contains("logs"), "{why}");
        let needed = Needed { path: example.home_dir(), must_write: true };
        let files = read_ownership(&[needed], &Err(why.clone()), &accounts());
        assert_eq!(files[0].usable, Field::Unread(why), "owner and mode are told all the same");
        assert_eq!(files[0].mode, 0o750);
    }
}
