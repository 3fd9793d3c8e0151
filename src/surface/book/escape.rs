//! Foreign text in Markdown: one function per place it can stand in.
//!
//! Only what would be read as markup there is escaped, so that paths and versions stay readable in a text editor.

use super::words::is_link;
use crate::surface::prose::{Piece, pieces};
use crate::surface::status::printable;

/// In a paragraph, a list item or a heading; what the author set between backticks stays code.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => escape(&mut out, &plain, ""),
            Piece::Code(code) => out.extend(["`", &code, "`"]),
        }
    }
    out
}

/// In a cell of a table; an empty one gets a dash, so that it is seen to be empty.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => escape(&mut out, &plain, "|"),
            // Renderers differ in how a bar is written inside code.
            Piece::Code(code) if code.contains('|') => escape(&mut out, &format!("`{code}`"), "|"),
            Piece::Code(code) => out.extend(["`", &code, "`"]),
        }
    }
    if out.is_empty() { "–".to_owned() } else { out }
}

/// As code inside a line, whatever it consists of.
pub(super) fn code(text: &str) -> String {
    let text = printable(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let touches = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    match text.trim() {
        "" => String::new(),
        _ if touches => format!("{fence} {text} {fence}"),
        _ => format!("{fence}{text}{fence}"),
    }
}

/// Lines as a block of code.
pub(super) fn fenced(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

/// A page to look at: a link when it is one.
pub(super) fn page(page: &str) -> String {
    if is_link(page) { format!("<{page}>") } else { inline(page) }
}

fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or_default()
}

/// Escapes what would be markup, and the characters of `more`.
fn escape(out: &mut String, text: &str, more: &str) {
    let at_start = out.is_empty();
    let marker = if at_start { list_marker(text) } else { None };
    let mut before = None;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map(|(_, after)| *after);
        let is_markup = match char {
            '`' | '*' | '[' | ']' | '<' | '#' | '~' | '$' => true,
            // Inside a word it is an ordinary character, and words like this one are full of it.
            '_' => !(is_alphanumeric(before) && is_alphanumeric(after)),
            '\\' => !is_alphanumeric(after),
            '&' => after.is_some_and(|after| after.is_ascii_alphabetic() || after == '#'),
            '-' | '+' | '=' | '>' | '|' if at_start && at == 0 => true,
            '.' | ')' => marker == Some(at),
            other => more.contains(other),
        };
        if is_markup {
            out.push('\\');
        }
        out.push(char);
        before = Some(char);
    }
}

fn is_alphanumeric(char: Option<char>) -> bool {
    char.is_some_and(char::is_alphanumeric)
}

/// Where the `.` or `)` is that would make a text an item of a numbered list.
fn list_marker(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = text.chars().skip(digits);
    let marks =
        digits > 0 && matches!(rest.next(), Some('.' | ')')) && matches!(rest.next(), None | Some(' '));
    marks.then_some(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        let rows = [
            ("<b>a|b</b>\n# [x](y) *z*", r"\<b>a|b\</b> \# \[x\](y) \*z\*"),
            ("- item", r"\- item"),
            ("12. item", r"12\. item"),
            ("9.2.7 → 10.2.14", "9.2.7 → 10.2.14"),
            ("> quote", r"\> quote"),
            ("Manage apps > Updates", "Manage apps > Updates"),
            ("AO_950DC3_TC and _so_", r"AO_950DC3_TC and \_so\_"),
            (r"C:\Program Files\x\", r"C:\Program Files\x\\"),
            (r"\<b>", r"\\\<b>"),
            ("a &lt; b & c", r"a \&lt; b & c"),
            ("```\ncode", r"\`\`\` code"),
            ("see `gzip -t '/a_b'` and `", r"see `gzip -t '/a_b'` and \`"),
            ("a``b`c", r"a\`\`b\`c"),
            ("  ", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(inline(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(cell("a|b"), r"a\|b");
        assert_eq!(cell(r"a\|b"), r"a\\\|b");
        assert_eq!(cell("`a|b`"), r"\`a\|b\`");
        assert_eq!(cell("`a`"), "`a`");
        assert_eq!(cell(""), "–");
    }

    #[test]
    fn code_ends_where_it_is_to_end() {
        assert_eq!(code("production.stop"), "`production.stop`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(""), "");
        let lines = ["echo `id`".to_owned(), "````".to_owned(), "a\nb".to_owned()];
        assert_eq!(fenced("sh", &lines), "`````sh\necho `id`\n````\na b\n`````");
        assert_eq!(fenced("sh", &[]), "```sh\n\n```");
    }

    #[test]
    fn only_pages_are_links() {
        assert_eq!(page("https://a.example/x?y=1"), "<https://a.example/x?y=1>");
        assert_eq!(page("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(page("https://a.example/> <b>"), r"https://a.example/> \<b>");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_opens(text in ".{0,80}") {
            let escaped = inline(&text);
            prop_assert!(!escaped.contains('\n'));
            // Without code spans every character that opens something has its backslash.
            if !text.contains('`') {
                for (at, _) in escaped.match_indices(['<', '[', '*']) {
                    let slashes = escaped.split_at(at).0.chars().rev().take_while(|char| *char == '\\').count();
                    prop_assert!(slashes % 2 == 1, "{escaped}");
                }
            }
        }
    }
}
