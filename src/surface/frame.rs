//! What stands around every page of the daemon: the bar that leads to the others, and where in them this one is.
//!
//! Addresses are relative to the page, since a proxy may have put the daemon anywhere.

use std::fmt::Write as _;

use super::html::Html;
use crate::board::Board;

/// What the bar leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The overview, and what is below it.
    Instances,
    /// What the checks are about.
    Checks,
}

/// Whether there is a page of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fleet {
    /// Agents share a store, and what they wrote there can be looked at.
    Shared,
    /// This agent knows of no other.
    Alone,
}

impl Fleet {
    /// What the board says of it.
    #[must_use]
    pub fn of(board: &Board) -> Self {
        if board.fleet.is_some() { Self::Shared } else { Self::Alone }
    }
}

/// A page above this one: its address and its name.
pub(super) type Crumb<'a> = (String, &'a str);

impl Html {
    /// The bar, and the way from the overview to this page; `root` leads from the page to the overview.
    pub(super) fn bar(
        &mut self,
        root: &str,
        part: Option<Part>,
        fleet: Fleet,
        above: &[Crumb<'_>],
        here: &str,
    ) {
        let home = if root.is_empty() { "./" } else { root };
        self.raw("<header class=\"bar\">\n<a class=\"brand\" href=\"");
        self.element("", home, "\">Upgrade readiness</a>\n<nav aria-label=\"Main\"><ul>");
        let parts = [
            (Part::Instances, home.to_owned(), "Instances"),
            (Part::Checks, format!("{root}checks"), "Checks"),
        ];
        for (of, address, name) in parts {
            self.element("<li><a href=\"", &address, "\"");
            // A page below the overview is not the overview.
            let current = match (part == Some(of), above.is_empty()) {
                (true, true) => " aria-current=\"page\"",
                (true, false) => " aria-current=\"true\"",
                (false, _) => "",
            };
            self.raw(current);
            self.element(">", name, "</a></li>");
        }
        if fleet == Fleet::Shared {
            self.element("<li><a href=\"", root, "fleet\">Fleet</a></li>");
        }
        self.raw("</ul></nav>\n</header>\n");
        if above.is_empty() {
            return;
        }
        self.raw("<nav class=\"crumbs\" aria-label=\"Where this page is\"><ol>");
        for (address, name) in above {
            self.element("<li><a href=\"", address, "\">");
            self.element("", name, "</a></li>");
        }
        self.element("<li aria-current=\"page\">", here, "</li></ol></nav>\n");
    }
}

/// Text as one segment of an address.
pub(super) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment() {
        let rows = [
            ("wiki-2.prod_a~", "wiki-2.prod_a~"),
            ("a/b?c=d#e", "a%2Fb%3Fc%3Dd%23e"),
            ("\"><x", "%22%3E%3Cx"),
            ("ä", "%C3%A4"),
        ];
        for (text, expected) in rows {
            assert_eq!(segment(text), expected);
        }
    }
}
