//! How rights are told, within 80 columns.

use super::Rights;
use super::beyond::Beyond;
use crate::collect::accounts::Accounts;
use crate::surface::status::wrap;

/// As whom was looked.
pub(super) fn who() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let name = Accounts::read(std::path::Path::new("/etc")).name(uid);
    let told = format!(
        "Looked at as {name} (uid {uid}). The daemon sees what its own user may see: ask as that user, such as with \
         `sudo -u upgrade-readiness agent explain --rights`."
    );
    wrap(&told, 80).join("\n") + "\n"
}

/// What the agent may do about an instance.
pub(super) fn rights(instance: &str, check: Option<&str>, rights: &Rights) -> String {
    let Rights { sees, lacks, beyond, unclear } = rights;
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
        row(
            "",
            "It sees what it needs. Nothing was found that it may and need not; single columns and roles of roles were not looked into.",
        );
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
            },
        );
        assert!(
            told.starts_with("\nwiki, for database-privileges\n  LACKS    database: may not connect"),
            "{told}"
        );
        assert!(told.lines().all(|line| line.chars().count() <= 80) && !told.contains('\u{1b}'), "{told}");
        assert!(told.find("LACKS") < told.find("TOO MUCH") && told.find("TOO MUCH") < told.find("sees"));
        assert!(rights("wiki", None, &Rights::default()).contains("It sees what it needs"));
    }
}
