//! What every form of a run book must be, on a book made by hand.

use serde_json::Value;

use super::fixture::{bare, book, hostile, hostile_without_way};
use super::*;

#[test]
fn the_whole_book_as_markdown() {
    insta::assert_snapshot!(render(&book(), Form::Markdown));
}

#[test]
fn the_whole_book_as_html() {
    let html = render(&book(), Form::Html);
    let (before, after) = html.split_once("<style>").unwrap();
    let (_, after) = after.split_once("</style>").unwrap();
    insta::assert_snapshot!(format!("{before}<style>…</style>{after}"));
}

#[test]
fn the_whole_book_as_json() {
    insta::assert_snapshot!(render(&book(), Form::Json));
}

#[test]
fn a_book_of_little_says_what_is_not_known() {
    insta::assert_snapshot!(render(&bare(), Form::Markdown));
    let html = render(&bare(), Form::Html);
    for part in [
        "<span class=\"kind blocked\">There is no way</span>",
        "Any of these opens one:",
        "Nothing is known of an upgrade on staging",
        "cannot be reckoned yet",
        "<dt>Planned for</dt><dd>not planned</dd>",
        "<td>nothing</td>",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let json: Value = serde_json::from_str(&render(&bare(), Form::Json)).unwrap();
    assert_eq!(
        (&json["way"], &json["downtime"], &json["since_staging"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(json["no_way"]["unless"][0], "Java 17 is installed");
}

#[test]
fn the_same_book_gives_the_same_bytes() {
    for form in Form::ALL {
        assert_eq!(render(&book(), form), render(&book(), form), "{}", form.id());
    }
}

/// What is opened is closed, in its order.
fn assert_balanced(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in html.split('<').skip(1) {
        let name = tag.split(['>', ' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if name == "meta" || name == "!DOCTYPE" => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_is_whole_loads_nothing_and_can_be_read_aloud() {
    for book in [book(), bare()] {
        let html = render(&book, Form::Html);
        assert_balanced(&html);
        for part in ["<script", "<link", "<img", "src=", "@import", "url("] {
            assert!(!html.contains(part), "{part}");
        }
        // Headings go down one level at a time.
        let levels: Vec<u8> =
            html.match_indices("<h").filter_map(|(at, _)| html.as_bytes().get(at + 2).copied()).collect();
        let levels: Vec<u8> = levels.into_iter().filter(u8::is_ascii_digit).collect();
        assert_eq!(levels.iter().filter(|level| **level == b'1').collect::<Vec<_>>(), [&b'1']);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        // Every anchor leads somewhere, and no id is there twice.
        let ids: Vec<&str> =
            html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let once: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
        for part in html.split("href=\"#").skip(1) {
            let anchor = part.split('"').next().unwrap();
            assert!(ids.contains(&anchor), "{anchor}");
        }
        for named in html.split("aria-labelledby=\"").skip(1) {
            assert!(ids.contains(&named.split('"').next().unwrap()));
        }
    }
    assert!(render(&book(), Form::Html).contains("id=\"production.8.5.32.stop\""));
}

const HOSTILE: &str = "\"><script>alert('x')</script>](javascript:1)\r\n\n# x\n- [x] y\n```\n~~~\n|a|b|\n<!-- \
                       *b* _c_ &lt; `<img src=x>` \\\u{202e}\u{0}\u{1b}[2J";

#[test]
fn hostile_text_is_never_markup_on_the_page() {
    let clean = render(&book(), Form::Html);
    let tags = |html: &str| {
        html.split('<').skip(1).filter(|tag| !tag.starts_with("/a") && !tag.starts_with("a ")).count()
    };
    for hostile in [hostile(HOSTILE), hostile_without_way(HOSTILE)] {
        let html = render(&hostile, Form::Html);
        assert_balanced(&html);
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<!--"));
        assert!(!html.chars().any(|char| char.is_control() && char != '\n'));
        assert!(!html.contains('\u{202e}'));
        assert!(html.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(!html.contains("href=\"javascript"));
        assert!(tags(&html) > tags(&clean) / 2);
    }
}

/// The lines that are not code.
fn outside_code(markdown: &str) -> Vec<&str> {
    let mut fence: Option<String> = None;
    let mut lines = Vec::new();
    for line in markdown.lines() {
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => {
                fence = Some(line.chars().take_while(|char| *char == '`').collect());
            }
            None => lines.push(line),
        }
    }
    assert_eq!(fence, None);
    lines
}

/// What a line is: heading, quote, numbered item, or row with its number of cells.
fn kind(line: &str) -> (String, bool, usize) {
    let marks = line.chars().take_while(|char| "#> ".contains(*char)).collect();
    let after_digits = line.trim_start_matches(|char: char| char.is_ascii_digit());
    let numbered = after_digits.len() < line.len() && after_digits.starts_with([')', '.']);
    let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    (marks, numbered, if line.starts_with('|') { cells } else { 0 })
}

#[test]
fn hostile_text_is_never_markup_in_markdown() {
    let plain = render(&hostile("a"), Form::Markdown);
    let plain: Vec<_> = outside_code(&plain).into_iter().map(kind).collect();
    let texts = [
        HOSTILE,
        "- a",
        "1. a",
        "+ a",
        "# a",
        "> a",
        "=",
        "---",
        "```",
        "    a",
        "~~~",
        "| a | b |",
        "\\",
        "<b>",
        "[ ] a",
    ];
    for text in texts {
        let markdown = render(&hostile(text), Form::Markdown);
        assert!(!markdown.chars().any(|char| char.is_control() && char != '\n'), "{text}");
        // No text brings a line, a heading, a quote or a cell of its own.
        let kinds: Vec<_> = outside_code(&markdown).into_iter().map(kind).collect();
        assert_eq!(kinds, plain, "{text}");
        for line in outside_code(&markdown) {
            let item = line.trim_start_matches("> ").trim_start();
            let item = item.strip_prefix("- ").or_else(|| item.strip_prefix("* ")).unwrap_or_default();
            assert!(
                !["- ", "+ ", "* ", "# ", "> ", "1. "].iter().any(|mark| item.starts_with(mark)),
                "{line}"
            );
            assert!(!line.starts_with("---") && !line.starts_with('='), "{line}");
        }
    }
}

#[test]
fn the_schema_knows_every_member_and_every_word() {
    let schema = serde_json::to_string(&book_schema()).unwrap();
    let mut members = Vec::new();
    for book in [book(), bare()] {
        let json: Value = serde_json::from_str(&render(&book, Form::Json)).unwrap();
        members_of(&json, &mut members);
        let read: BookView = serde_json::from_value(json).unwrap();
        assert_eq!(read, view(&book));
    }
    assert!(members.len() > 60);
    for member in members {
        assert!(schema.contains(&format!("\"{member}\":")), "{member}");
    }
    for word in [
        "text",
        "caution",
        "list",
        "commands",
        "table",
        "rolling",
        "installer",
        "archive",
        "failed",
        "blocker",
    ] {
        assert!(schema.contains(&format!("\"{word}\"")), "{word}");
    }
}

fn members_of(json: &Value, members: &mut Vec<String>) {
    match json {
        Value::Object(object) => {
            for (name, value) in object {
                if !members.contains(name) {
                    members.push(name.clone());
                }
                members_of(value, members);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| members_of(value, members)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
