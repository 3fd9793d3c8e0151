//! How rules put lists, foreign texts and common gaps into their one-line messages.

use crate::facts::{HealthCheck, Missing, Source};
use crate::model::Case;

/// Names a message lists before it only counts.
pub(crate) const NAMED: usize = 5;

/// Most characters of a foreign text that a message repeats.
const EXCERPT: usize = 300;

/// The first few of some names, and how many more there are: `a, b, c and 9 more`.
pub(crate) fn first_few<'a>(names: impl IntoIterator<Item = &'a str>, total: u64) -> String {
    let shown: Vec<&str> = names.into_iter().take(NAMED).collect();
    let more = total.saturating_sub(shown.len() as u64);
    match (shown.is_empty(), more) {
        (_, 0) => shown.join(", "),
        (true, more) => format!("{more} that are not listed"),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A foreign text in one line and of bearable length.
pub(crate) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= EXCERPT {
        return line;
    }
    let cut: String = line.chars().take(EXCERPT).collect();
    format!("{cut}…")
}

/// A text as a sentence: with its full stop, unless it ends a statement that is to be pasted.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || text.ends_with(['.', '!', '?', ';']) { text.to_owned() } else { format!("{text}.") }
}

/// `1 table`, `2 tables`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The line to type when a task is done: it names the instance, because there may be several, and quotes what the
/// shell would take apart.
pub(crate) fn sign_off(case: &Case<'_>, check: &str, subject: &str) -> String {
    format!(
        "`agent sign-off {check} --instance {} --subject {} --by NAME --reason TEXT --until DATE`",
        sh(&case.facts.instance),
        sh(subject)
    )
}

/// A word for a POSIX shell, quoted where it would be taken apart.
pub(crate) fn sh(text: &str) -> String {
    let plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:@/=+,".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What is missing when the list of plug-ins is empty: a product without a single one does not exist.
pub(crate) fn no_plugins() -> Missing {
    Missing::Unread {
        of: Source::Plugins,
        what: "the installed plug-ins".to_owned(),
        why: "the list is empty, not even the product's own are in it; does the agent's account administer the site?"
            .to_owned(),
    }
}

/// Whether a health check of the product asks for an administrator in the internal directory: one check then speaks
/// of it, and no other.
pub(crate) fn asks_for_internal_administrator(check: &HealthCheck) -> bool {
    let letters = |text: &str| {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.collect::<String>().to_ascii_lowercase()
    };
    [&check.key, &check.name].into_iter().any(|text| letters(text).contains("internaladmin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_sign_off_is_whole_and_safe_to_type() {
        let mut golden = crate::golden::golden();
        let line =
            |golden: &crate::golden::Golden, subject: &str| sign_off(&golden.case(), "custom", subject);
        assert_eq!(
            line(&golden, "read-9.0"),
            "`agent sign-off custom --instance wiki --subject read-9.0 --by NAME --reason TEXT --until DATE`"
        );
        golden.facts.instance = "the wiki".to_owned();
        let text = line(&golden, "it's a name");
        assert!(text.contains(r"--instance 'the wiki' --subject 'it'\''s a name' --by"), "{text}");
    }

    #[test]
    fn long_lists_and_long_texts_are_cut() {
        assert_eq!(first_few(["a", "b"], 2), "a, b");
        assert_eq!(first_few(["a", "b", "c", "d", "e", "f"], 6), "a, b, c, d, e and 1 more");
        assert_eq!(first_few(["a"], 9), "a and 8 more");
        assert_eq!(first_few([], 3), "3 that are not listed");
        assert_eq!(first_few(["a", "b"], 0), "a, b");
        assert_eq!(excerpt(" a\n\tb\u{a0}c "), "a b c");
        assert_eq!(excerpt(&"ü".repeat(400)).chars().count(), EXCERPT + 1);
        assert_eq!(sentence("so"), "so.");
        assert_eq!(sentence("GRANT x;"), "GRANT x;");
        assert_eq!(sentence(""), "");
        assert_eq!((counted(1, "table"), counted(0, "table")), ("1 table".into(), "0 tables".into()));
    }
}
