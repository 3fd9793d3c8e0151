//! The texts of checks as HTML: the Markdown of `agent explain`.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::surface::html::Html;

/// The HTML of a text of ours. Markup in it is shown as text, and links lead only to web pages.
pub(super) fn markdown(text: &str) -> String {
    let mut html = Html::default();
    let mut in_head = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(tag) => {
                in_head = in_head || matches!(tag, Tag::TableHead);
                html.raw(&opening(&tag, in_head));
            }
            Event::End(tag) => {
                html.raw(&closing(tag, in_head));
                in_head = in_head && tag != TagEnd::TableHead;
            }
            // The lines of a block of code stay lines.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                for (number, line) in text.split('\n').enumerate() {
                    html.raw(if number == 0 { "" } else { "\n" });
                    html.text(line);
                }
            }
            Event::Code(code) => html.element("<code>", &code, "</code>"),
            Event::SoftBreak => html.raw("\n"),
            Event::HardBreak => html.raw("<br>"),
            Event::Rule => html.raw("<hr>\n"),
            Event::FootnoteReference(_)
            | Event::TaskListMarker(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_) => {}
        }
    }
    html.into_text()
}

fn opening(tag: &Tag<'_>, in_head: bool) -> String {
    let plain = match tag {
        Tag::Paragraph => "<p>",
        Tag::Heading { level, .. } => return format!("<{level}>"),
        Tag::BlockQuote(_) => "<blockquote>",
        Tag::CodeBlock(_) => "<pre tabindex=\"0\"><code>",
        Tag::List(None) => "<ul>",
        Tag::List(Some(_)) => "<ol>",
        Tag::Item => "<li>",
        Tag::Table(_) => "<div class=\"wide\" role=\"region\" aria-label=\"Table\" tabindex=\"0\"><table>",
        Tag::TableHead => "<thead><tr>",
        Tag::TableRow => "<tr>",
        Tag::TableCell if in_head => "<th scope=\"col\">",
        Tag::TableCell => "<td>",
        Tag::Emphasis => "<em>",
        Tag::Strong => "<strong>",
        Tag::Link { dest_url, .. } => return link(dest_url),
        Tag::Image { .. }
        | Tag::HtmlBlock
        | Tag::FootnoteDefinition(_)
        | Tag::DefinitionList
        | Tag::DefinitionListTitle
        | Tag::DefinitionListDefinition
        | Tag::Strikethrough
        | Tag::Superscript
        | Tag::Subscript
        | Tag::MetadataBlock(_) => "",
    };
    plain.to_owned()
}

fn closing(tag: TagEnd, in_head: bool) -> String {
    let plain = match tag {
        TagEnd::Paragraph => "</p>\n",
        TagEnd::Heading(level) => return format!("</{level}>\n"),
        TagEnd::BlockQuote(_) => "</blockquote>\n",
        TagEnd::CodeBlock => "</code></pre>\n",
        TagEnd::List(true) => "</ol>\n",
        TagEnd::List(false) => "</ul>\n",
        TagEnd::Item => "</li>\n",
        TagEnd::Table => "</tbody></table></div>\n",
        TagEnd::TableHead => "</tr></thead><tbody>\n",
        TagEnd::TableRow => "</tr>\n",
        TagEnd::TableCell if in_head => "</th>",
        TagEnd::TableCell => "</td>",
        TagEnd::Emphasis => "</em>",
        TagEnd::Strong => "</strong>",
        TagEnd::Link => "</a>",
        TagEnd::Image
        | TagEnd::HtmlBlock
        | TagEnd::FootnoteDefinition
        | TagEnd::DefinitionList
        | TagEnd::DefinitionListTitle
        | TagEnd::DefinitionListDefinition
        | TagEnd::Strikethrough
        | TagEnd::Superscript
        | TagEnd::Subscript
        | TagEnd::MetadataBlock(_) => "",
    };
    plain.to_owned()
}

fn link(address: &CowStr<'_>) -> String {
    let mut html = Html::default();
    if address.starts_with("https://") || address.starts_with("http://") {
        html.element("<a rel=\"noreferrer\" href=\"", address, "\">");
    } else {
        html.raw("<a>");
    }
    html.into_text()
}

#[cfg(test)]
mod tests {
    use upgrade_readiness_checks::rules;

    use super::*;

    #[test]
    fn what_the_texts_use_becomes_html() {
        let rows = [
            (
                "## A & B\n\nsome `a<b` *text*",
                "<h2>A &amp; B</h2>\n<p>some <code>a&lt;b</code> <em>text</em></p>\n",
            ),
            ("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n"),
            ("3. one", "<ol>\n<li>one</li>\n</ol>\n"),
            (
                "[page](https://example.com/?a=\"b)",
                "<p><a rel=\"noreferrer\" href=\"https://example.com/?a=&quot;b\">page</a></p>\n",
            ),
            ("[page](javascript:x)", "<p><a>page</a></p>\n"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ];
        for (text, expected) in rows {
            assert_eq!(
                markdown(text).replace("<ul><li>", "<ul>\n<li>").replace("<ol><li>", "<ol>\n<li>"),
                expected,
                "{text}"
            );
        }
        let table = markdown("| a | b |\n|---|---|\n| 1 | 2 |");
        assert!(
            table.contains("<thead><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr></thead><tbody>"),
            "{table}"
        );
        assert!(table.contains("<tr><td>1</td><td>2</td></tr>"), "{table}");
    }

    #[test]
    fn the_text_of_every_check_is_whole_and_closed() {
        for check in rules::ALL {
            let html = markdown(check.explain);
            assert!(html.contains("<h2>What it looks at</h2>"), "{}", check.id);
            for tag in ["p", "ul", "ol", "li", "h2", "code", "table", "a", "strong"] {
                let opened =
                    html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
                assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{} {tag}", check.id);
            }
        }
    }
}
