//! Java's `.properties` format, read as `java.util.Properties.load` reads it.
//!
//! It takes text and gives pairs; which file they are in and what they mean is for the caller to know.
//!
//! Source: <https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Properties.html#load(java.io.Reader)>

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Reads the pairs of a `.properties` text; of a key that is there twice, the last value counts.
///
/// One thing differs from Java, which refuses the whole text for it: a `\u` without four hexadecimal
/// digits is taken as the letter `u`.
#[must_use]
pub fn parse_properties(text: &str) -> BTreeMap<String, String> {
    logical_lines(text).iter().map(|line| parse_pair(line)).collect()
}

/// Joins continued lines and leaves out blank lines and comments.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut unfinished: Option<String> = None;
    for natural in natural_lines(text) {
        let line = natural.trim_start_matches(is_blank);
        if unfinished.is_none() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let mut joined = unfinished.take().unwrap_or_default();
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        match line.strip_suffix('\\') {
            // An even number of them is that many escaped backslashes.
            Some(rest) if backslashes % 2 == 1 => {
                joined.push_str(rest);
                unfinished = Some(joined);
            }
            Some(_) | None => {
                joined.push_str(line);
                lines.push(joined);
            }
        }
    }
    lines.extend(unfinished);
    lines.retain(|line| !line.is_empty());
    lines
}

/// Lines end at `\n`, `\r\n` and a lone `\r`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).flat_map(|line| line.split('\r'))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// The key ends at the first blank, `=` or `:` that is not escaped.
fn parse_pair(line: &str) -> (String, String) {
    let mut chars = line.chars().peekable();
    let mut key = String::new();
    while let Some(c) = chars.next_if(|c| !is_blank(*c) && !matches!(c, '=' | ':')) {
        push_char(&mut key, c, &mut chars);
    }
    skip_blanks(&mut chars);
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        skip_blanks(&mut chars);
    }
    let mut value = String::new();
    while let Some(c) = chars.next() {
        push_char(&mut value, c, &mut chars);
    }
    (key, value)
}

fn skip_blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| is_blank(*c)).is_some() {}
}

/// Appends `c`, or what it and the characters behind it stand for when it is a backslash.
fn push_char(text: &mut String, c: char, chars: &mut Peekable<Chars<'_>>) {
    if c != '\\' {
        text.push(c);
        return;
    }
    match chars.next() {
        Some('t') => text.push('\t'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('f') => text.push('\u{c}'),
        Some('u') => text.push(take_utf16(chars).unwrap_or('u')),
        Some(other) => text.push(other),
        None => {}
    }
}

/// The character behind a `\u`: one UTF-16 unit, or two that belong together; a lonely half becomes U+FFFD.
fn take_utf16(chars: &mut Peekable<Chars<'_>>) -> Option<char> {
    let first = take_unit(chars)?;
    let mut ahead = chars.clone();
    let second = match (ahead.next(), ahead.next()) {
        (Some('\\'), Some('u')) => take_unit(&mut ahead),
        _ => None,
    };
    if let Some(second) = second
        && let Some(Ok(whole)) = char::decode_utf16([first, second]).next()
        && whole.len_utf16() == 2
    {
        *chars = ahead;
        return Some(whole);
    }
    Some(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Four hexadecimal digits; nothing is taken when they are not there.
fn take_unit(chars: &mut Peekable<Chars<'_>>) -> Option<u16> {
    let mut ahead = chars.clone();
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit * 16 + ahead.next()?.to_digit(16)?;
    }
    *chars = ahead;
    u16::try_from(unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse_properties(text).into_iter().collect()
    }

    fn one(key: &str, value: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), value.to_owned())]
    }

    #[test]
    fn each_form_java_takes_is_taken() {
        let rows = [
            ("a=b", "a", "b"),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("=b", "", "b"),
            ("  a \t=\u{c} b ", "a", "b "),
            ("confluence.home = /var/data", "confluence.home", "/var/data"),
            ("a==b", "a", "=b"),
            ("a = : b", "a", ": b"),
            (r"a\ b=c", "a b", "c"),
            (r"a\:b=c\=d\:e", "a:b", "c=d:e"),
            (r"C\:\\data = C:\\Program Files", r"C:\data", r"C:\Program Files"),
            (r"a=\t\n\r\f\q", "a", "\t\n\r\u{c}q"),
            (r"a=\u00e9\u20AC", "a", "é€"),
            (r"a=\ud83d\ude00!", "a", "😀!"),
            (r"a=\ud83dx", "a", "\u{fffd}x"),
            (r"a=\ud83d\u0041", "a", "\u{fffd}A"),
            (r"a=\ude00", "a", "\u{fffd}"),
            (r"a=\u12", "a", "u12"),
            (r"a=\uzzzz", "a", "uzzzz"),
            ("a=b\\\n   c", "a", "bc"),
            ("a=b\\\r\n\tc\r\n", "a", "bc"),
            ("a=b\\\\\n", "a", "b\\"),
            ("a=b\\", "a", "b"),
            ("a=b\\\n# no comment", "a", "b# no comment"),
            ("a=b\\\n\n", "a", "b"),
            ("# c\\\na=b", "a", "b"),
            ("  ! c\n\n \t\na=b\r", "a", "b"),
            ("a=1\na=2", "a", "2"),
            ("a=1\ra=2", "a", "2"),
        ];
        for (text, key, value) in rows {
            assert_eq!(pairs(text), one(key, value), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for text in ["", "\n\n", "# a=b", "!a=b", "  # a=b", "\\\n", "\\"] {
            assert_eq!(pairs(text), [], "{text:?}");
        }
    }

    #[test]
    fn ten_megabytes_are_only_long() {
        let text = format!("a={}", "\\\n x".repeat(2_500_000));
        assert_eq!(parse_properties(&text)["a"].len(), 2_500_000);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _pairs = parse_properties(&text);
        }

        #[test]
        fn what_java_would_write_comes_back(key in "[ -~]{1,20}", value in "\\PC{0,20}") {
            let escape = |text: &str| -> String {
                text.encode_utf16().fold(String::new(), |all, unit| format!("{all}\\u{unit:04x}"))
            };
            let text = format!("{}={}\n", escape(&key), escape(&value));
            prop_assert_eq!(pairs(&text), one(&key, &value));
        }
    }
}
