//! HTML that grows, for the page and the run book.
//!
//! Every foreign text goes through [`Html::text`], which is the only place that escapes.

use std::fmt;

use upgrade_readiness_checks::model::Verdict;

use super::status::printable;

/// What the styles of all pages and of the run book begin with: colours, light and dark, signs of verdicts, and the bar.
pub(super) const TOKENS: &str = concat!(include_str!("tokens.css"), include_str!("signs.css"));

/// A document that grows.
#[derive(Debug, Default)]
pub(super) struct Html {
    out: String,
}

impl Html {
    /// What has grown.
    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// Markup of ours.
    pub(super) fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    /// Text of anybody: the only way for it into the document.
    pub(super) fn text(&mut self, text: &str) {
        for char in printable(text).chars() {
            match char {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                other => self.out.push(other),
            }
        }
    }

    /// Text between markup of ours.
    pub(super) fn element(&mut self, open: &str, text: &str, close: &str) {
        self.raw(open);
        self.text(text);
        self.raw(close);
    }

    /// Text in between, from what can be shown.
    pub(super) fn show(&mut self, shown: impl fmt::Display) {
        self.text(&shown.to_string());
    }

    /// A verdict as a word on its colour.
    pub(super) fn badge(&mut self, verdict: Verdict) {
        self.raw("<span class=\"badge ");
        self.raw(verdict.id());
        self.element("\">", verdict_word(verdict), "</span>");
    }
}

/// A verdict as it is called on a page.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Blocked => "Blocked",
        Verdict::Unknown => "Cannot tell",
        Verdict::Warning => "Warnings",
        Verdict::Ready => "Ready",
        Verdict::Skipped => "Skipped",
    }
}

#[cfg(test)]
mod tests;
