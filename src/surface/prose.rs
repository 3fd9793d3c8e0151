//! Sentences in which an author set code between backticks.

use super::html::Html;
use super::status::printable;

/// A part of a text: as it is, or what the author set between backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Plain(String),
    Code(String),
}

/// Foreign text, made printable, with what stands between single backticks apart.
///
/// A backtick beside another one is an ordinary character, so that pieces of code never touch each other.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let text = printable(text);
    let parts: Vec<&str> = text.trim().split('`').collect();
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        plain.push_str(part);
        let after = parts.get(at + 2);
        // The last part after the closing backtick may be empty: then the text ends there.
        let apart = |after: &&str| !after.is_empty() || at + 3 == parts.len();
        match parts.get(at + 1) {
            Some(code)
                if after.is_some_and(apart)
                    && !plain.ends_with('`')
                    && !code.trim().is_empty()
                    && code.trim().len() == code.len() =>
            {
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                pieces.push(Piece::Code((*code).to_owned()));
                at += 2;
            }
            Some(_) => {
                plain.push('`');
                at += 1;
            }
            None => break,
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    pieces
}

impl Html {
    /// Sentences; what the author set between backticks is code.
    pub(super) fn prose(&mut self, text: &str) {
        for piece in pieces(text) {
            match piece {
                Piece::Plain(plain) => self.text(&plain),
                Piece::Code(code) => self.element("<code>", &code, "</code>"),
            }
        }
    }
}
