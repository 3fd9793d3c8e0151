//! How rights are told, within 80 columns.

use super::Rights;
use super::beyond::Beyond;
use crate::collect::accounts::Accounts;
use crate::surface::status::wrap;

const HOST_LOOKED_INTO: &str = "On this host: root, capabilities, writing into the directories of installation and home \
                                themselves, and whether everybody may read a secret the configuration names, or change \
                                configuration and state.";

const DATABASE_LOOKED_INTO: &str = "In the database: what its account was given, may pass on and owns, down to single \
                                    columns, by itself, as everybody and by every role it is a member of. Not what \
                                    functions do that run with the rights of their owner, nor what everybody may \
                                    outside of tables, schemas and databases.";

/// How to look as the service does: with its user, and with the rights its unit and drop-ins give it beside that.
pub(super) const ASK: &str = "systemd-run --pipe --wait -q -p User=upgrade-readiness \
                              -p AmbientCapabilities='CAP_DAC_READ_SEARCH CAP_SYS_PTRACE' agent explain --rights";

/// As whom was looked.
pub(super) fn who() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let name = Accounts::read(std::path::Path::new("/etc")).name(uid);
    let told = format!(
        "Looked at as {name} (uid {uid}). The daemon sees what its own user may see, with what its unit gives it: ask as \
         the daemon, `{ASK}` (without the capabilities, or with SupplementaryGroups= and LoadCredential=, as your \
         drop-ins have it)."
    );
    wrap(&told, 80).join("\n") + "\n"
}

/// What the agent may do about an instance.
pub(super) fn rights(instance: &str, check: Option<&str>, rights: &Rights) -> String {
    let Rights { sees, lacks, beyond, unclear, of_database } = rights;
    let about = check.map(|check| format!(", for {check}")).unwrap_or_default();
    let mut text = format!("\n{instance}{about}\n");
    let mut row = |word: &str, told: &str| {
        for (index, line) in wrap(told, 69).into_iter().enumerate() {
            let word = if index == 0 { word } else { "" };
            text.push_str(format!("  {word:8} {line}").trim_end());
            text.push('\n');
        }
    };
    for (what, why) in lacks {
        row("LACKS", &format!("{what}: {why}"));
    }
    for Beyond { who, may, undo } in beyond {
        row("TOO MUCH", &format!("{who} may {may}"));
        row("  do", undo);
    }
    for (what, why) in unclear {
        row("unclear", &format!("{what}: {why}"));
    }
    if !sees.is_empty() {
        row("sees", &sees.join(", "));
    }
    if lacks.is_empty() && beyond.is_empty() && unclear.is_empty() {
        row("", "It sees what it needs, and has nothing more of what was looked into.");
        row("", HOST_LOOKED_INTO);
        if *of_database {
            row("", DATABASE_LOOKED_INTO);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_comes_first_and_everything_fits() {
        let long = "word ".repeat(40);
        let told = rights(
            "wiki",
            Some("database-privileges"),
            &Rights {
                sees: vec!["host".into(), "java".into()],
                lacks: vec![("database".into(), format!("may not connect\u{1b}[2J {long}"))],
                beyond: vec![Beyond { who: "user root".into(), may: "do all".into(), undo: long.clone() }],
                unclear: vec![("plugins".into(), "it is switched off".into())],
                of_database: true,
            },
        );
        assert!(
            told.starts_with("\nwiki, for database-privileges\n  LACKS    database: may not connect"),
            "{told}"
        );
        assert!(told.lines().all(|line| line.chars().count() <= 80) && !told.contains('\u{1b}'), "{told}");
        assert!(told.find("LACKS") < told.find("TOO MUCH") && told.find("TOO MUCH") < told.find("sees"));
    }

    #[test]
    fn no_more_is_claimed_than_was_looked_into() {
        let host = rights("wiki", None, &Rights::default());
        assert!(host.contains("It sees what it needs") && host.contains("On this host:"), "{host}");
        assert!(!host.contains("database"), "{host}");
        let both = rights("wiki", None, &Rights { of_database: true, ..Rights::default() });
        assert!(both.contains("On this host:") && both.contains("single columns"), "{both}");
        assert!(both.lines().all(|line| line.chars().count() <= 80), "{both}");
    }
}
