//! What a waiver waives: a finding without its wording and without figures that move by themselves.
//!
//! Free space, ages and counts of users change every hour; a person who lives with "2.1 GiB free" lives with
//! "1.9 GiB free" too, until the finding becomes graver. Versions, names, paths and days are facts.

use super::{Finding, Severity};

impl Finding {
    /// What a waiver of this finding waives: its severity, and what was seen without figures that move by
    /// themselves. Rewording summary, requirement or remedy does not change it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(self.severity, &self.observed)
    }

    /// Whether a waiver given when the fingerprint was `seen` still waives this.
    ///
    /// It does when the finding has become less grave and the facts are the same, and not when it has become
    /// graver or something else was seen.
    #[must_use]
    pub fn is_what_was_waived(&self, seen: &str) -> bool {
        // The fingerprint it has, or would have if it were as grave as it was then.
        Severity::ALL
            .into_iter()
            .filter(|then| *then >= self.severity)
            .any(|then| fingerprint(then, &self.observed) == seen)
    }
}

/// The fingerprint of a finding with this severity for which this was seen.
#[must_use]
pub fn fingerprint(severity: Severity, observed: &str) -> String {
    format!("{}: {}", severity.id(), without_figures(observed))
}

/// Words that follow a figure that moves by itself, and what the figure and the word are replaced with.
/// A size may change its unit, and "1 day" is "23 hours" soon.
const UNITS: [(&str, &[&str]); 5] = [
    ("# bytes", &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "kB", "KB", "MB", "GB", "TB", "byte", "bytes"]),
    (
        "# of time",
        &[
            "day", "days", "hour", "hours", "minute", "minutes", "min", "second", "seconds", "week", "weeks",
            "month", "months", "ms", "s",
        ],
    ),
    ("# percent", &["%", "percent"]),
    ("# users", &["user", "users"]),
    ("# inodes", &["inode", "inodes", "free inodes"]),
];

/// The text with every figure that has a unit replaced, and white space made single blanks.
fn without_figures(text: &str) -> String {
    let mut words = text.split_whitespace().peekable();
    let mut out: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let (before, core) = split_lead(word);
        if core == "today" || core.trim_end_matches(CLOSING) == "today" {
            // The day before it was "in 1 day".
            out.push(word.replacen("today", "in # of time", 1));
            continue;
        }
        let Some((number, rest)) = split_number(core) else {
            // A process has another number after each restart.
            let names_process = word == "process" || word.ends_with("(process");
            out.push(word.to_owned());
            if names_process && words.peek().is_some_and(|next| is_process_number(next)) {
                let number = words.next().unwrap_or_default();
                out.push(number.replacen(number.trim_end_matches(CLOSING), "#", 1));
            }
            continue;
        };
        if rest.is_empty() {
            // "12 GiB": the unit is the next word, or the next two.
            let mut ahead = words.clone();
            let first = ahead.next().unwrap_or_default();
            let second = ahead.next().unwrap_or_default();
            let pair = format!("{first} {second}");
            if let Some((replacement, tail)) = unit(&pair).filter(|_| first == "free") {
                words = ahead;
                out.push(format!("{before}{replacement}{tail}"));
            } else if let Some((replacement, tail)) = unit(first) {
                let _unit = words.next();
                out.push(format!("{before}{replacement}{tail}"));
            } else {
                out.push(format!("{before}{number}"));
            }
        } else if let Some((replacement, tail)) = unit(rest) {
            out.push(format!("{before}{replacement}{tail}"));
        } else {
            out.push(word.to_owned());
        }
    }
    out.join(" ")
}

/// What may stand between a unit and the next blank.
const CLOSING: [char; 9] = [',', '.', ';', ':', ')', ']', '"', '\'', '!'];

/// Opening brackets and quotation marks, a sign, and what follows.
fn split_lead(word: &str) -> (&str, &str) {
    let core = word.trim_start_matches(['(', '[', '"', '\'', '~', '<', '>', '=', '-', '+', '≥', '≤']);
    word.split_at(word.len() - core.len())
}

/// A number at the start, with at most one separator inside, and what follows it.
///
/// `None` when what follows makes it something else: `9.2.10`, `2026-03-31`, `16.4-1`, `10/12`.
fn split_number(core: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|char: char| char.is_ascii_digit()).len();
    let whole = digits(core);
    if whole == 0 {
        return None;
    }
    let (_, after) = core.split_at(whole);
    let fraction = after.strip_prefix(['.', ',']).map_or(0, digits);
    let end = if fraction > 0 { whole + 1 + fraction } else { whole };
    let (number, rest) = core.split_at(end);
    let letters_or_sign = rest.chars().next().is_none_or(|char| char.is_alphabetic() || char == '%');
    letters_or_sign.then_some((number, rest))
}

/// What replaces a figure with this unit, and what follows the unit.
fn unit(word: &str) -> Option<(&'static str, &str)> {
    let name = word.trim_end_matches(CLOSING);
    let (_, tail) = word.split_at(name.len());
    let (replacement, _) = UNITS.iter().find(|(_, names)| names.contains(&name))?;
    Some((replacement, tail))
}

fn is_process_number(word: &str) -> bool {
    let number = word.trim_end_matches(CLOSING);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(severity: Severity, observed: &str) -> Finding {
        Finding {
            severity,
            subject: "x".into(),
            summary: "worded".into(),
            observed: observed.into(),
            required: String::new(),
            remedy: String::new(),
        }
    }

    #[test]
    fn figures_with_a_unit_are_left_out_and_everything_else_stays() {
        let rows = [
            ("2.1 GiB free of 500 GiB", "# bytes free of # bytes"),
            ("1023 B", "# bytes"),
            ("-Xmx of 512 MiB on a host with 16 GiB", "-Xmx of # bytes on a host with # bytes"),
            ("ends in 45 days (93%, 940 users)", "ends in # of time (# percent, # users)"),
            ("ends today", "ends in # of time"),
            ("ended 1 day ago.", "ended # of time ago."),
            ("answered in 250ms, 93 % of 2s", "answered in # of time, # percent of # of time"),
            ("1200 free inodes", "# inodes"),
            ("LANG=C in the environment of process 1234", "LANG=C in the environment of process #"),
            // Facts.
            ("Java 17.0.9, end of support: 2027-10-31", "Java 17.0.9, end of support: 2027-10-31"),
            ("PostgreSQL 16.4 (Debian 16.4-1.pgdg120+1)", "PostgreSQL 16.4 (Debian 16.4-1.pgdg120+1)"),
            ("build 9111 in /data/2 GiBerish/x", "build 9111 in /data/2 GiBerish/x"),
            ("3 of 412", "3 of 412"),
            ("4 processors", "4 processors"),
            ("/mnt/5 s", "/mnt/5 s"),
            ("a   b\n\tc", "a b c"),
            ("", ""),
            ("١٢ days", "١٢ days"),
            ("9.2.10 days", "9.2.10 days"),
            ("1,5 GiB.", "# bytes."),
            ("process", "process"),
        ];
        for (text, expected) in rows {
            assert_eq!(without_figures(text), expected, "{text:?}");
            assert_eq!(
                without_figures(expected),
                expected,
                "leaving out twice changes nothing: {expected:?}"
            );
        }
    }

    #[test]
    fn wording_does_not_void_a_waiver_and_gravity_and_facts_do() {
        use Severity::{Blocker, Notice, Warning};
        let waived = seen(Warning, "2 GiB free of 10 GiB").fingerprint();
        assert_eq!(waived, "warning: # bytes free of # bytes");
        let rows = [
            (seen(Warning, "1.9 GiB free of 10 GiB"), true),
            (Finding { summary: "other words".into(), ..seen(Warning, "800 MiB free of 10 GiB") }, true),
            (seen(Notice, "3 GiB free of 10 GiB"), true),
            (seen(Blocker, "2 GiB free of 10 GiB"), false),
            (seen(Warning, "2 GiB used of 10 GiB"), false),
        ];
        for (finding, expected) in rows {
            assert_eq!(finding.is_what_was_waived(&waived), expected, "{finding:?}");
        }
        assert!(!seen(Warning, "").is_what_was_waived(""), "a word that says nothing waives nothing");
    }
}
