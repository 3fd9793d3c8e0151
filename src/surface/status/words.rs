//! Words for people: numbers, ages, and foreign text made harmless for a terminal.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::facts::Product;
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::report::WordKind;

use super::{TargetView, WaiverView};

/// `1 blocker`, `2 blockers`.
pub(in crate::surface) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A length of time in its largest unit: `3 minutes`, `2 days`. Shorter than a second is `0 seconds`.
pub(in crate::surface) fn length(time: SignedDuration) -> String {
    let seconds = time.unsigned_abs().as_secs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    count(usize::try_from(number).unwrap_or(usize::MAX), unit)
}

/// `2025-12-01 20:00 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// From when a target will be blocked, and by what; `None` when no day to come is known.
pub(in crate::surface) fn blocks(target: &TargetView, now: Timestamp) -> Option<String> {
    let at = target.blocks_at.filter(|at| *at > now && target.verdict != Verdict::Blocked)?;
    let because = target.blocks_because.as_ref();
    let because =
        because.map_or_else(String::new, |because| format!(": {} ({})", because.check, because.subject));
    Some(format!("will be blocked from {} if nobody acts{because}", minute(at)))
}

/// What a person's word is called where it stands, and the word: `Waived`, `by … until …: …`.
pub(in crate::surface) fn settled(waiver: &WaiverView) -> (&'static str, String) {
    let name = if waiver.kind == WordKind::SignOff.id() { "Settled" } else { "Waived" };
    (name, format!("by {} until {}: {}", waiver.by, waiver.until, waiver.reason))
}

/// The name of a product as people write it, from its id; the id itself of one a newer agent wrote.
pub(in crate::surface) fn product_name(id: &str) -> String {
    Product::by_id(id).map_or_else(|| id.to_owned(), |product| product.name().to_owned())
}

/// Foreign text that a terminal shows and does not obey: control characters and those that turn the
/// direction of writing become visible escapes, white space becomes blanks.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_whitespace() {
            out.push(' ');
        } else if char.is_control() || is_invisible(char) {
            // Writing into a string cannot fail.
            let _infallible = write!(out, "{}", char.escape_unicode());
        } else {
            out.push(char);
        }
    }
    out
}

/// Characters that change how others are shown: directions of writing, zero widths, tags.
fn is_invisible(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Foreign text in lines of at most `width` characters. Words that are longer are broken.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in printable(text).split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.push(word.into_iter().collect());
            word = rest;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        length += word.len();
        line.extend(word);
    }
    if length > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        let rows = [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3599, "59 minutes"),
            (3600, "1 hour"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (-120, "2 minutes"),
        ];
        for (seconds, expected) in rows {
            assert_eq!(length(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn foreign_text_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{9b}1mc"), "a\\u{1b}[2Jb\\u{9b}1mc");
        assert_eq!(printable("x\r\ny\tz"), "x  y z");
        assert_eq!(printable("\u{202e}gpj\u{0}"), "\\u{202e}gpj\\u{0}");
        assert_eq!(printable("Größe → 京"), "Größe → 京");
    }

    #[test]
    fn words_are_wrapped_and_long_ones_broken() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn nothing_is_too_wide_and_nothing_is_lost(text in ".{0,200}", width in 1_usize..100) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            prop_assert!(lines.iter().all(|line| !line.chars().any(char::is_control)));
            let squeeze = |text: &str| text.replace(' ', "");
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&printable(&text)));
        }
    }
}
