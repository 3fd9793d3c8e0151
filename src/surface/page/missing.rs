//! The page for an address where nothing is.

use jiff::Timestamp;

use super::frame::Frame;
use crate::surface::frame::Fleet;
use crate::surface::html::Html;

/// Says what is not there and what is; `root` leads from the address to the overview.
#[must_use]
pub fn render_missing(what: &str, root: &str, fleet: Fleet, now: Timestamp) -> String {
    let mut html = Html::default();
    let frame = Frame { title: "Not here", root, part: None, above: &[], here: "", live: false, fleet };
    html.begin(&frame, now);
    html.raw("<h1>There is nothing here</h1>\n");
    html.element("<p class=\"lead\">", what, "</p>\n<p><a href=\"");
    html.element("", if root.is_empty() { "./" } else { root }, "\">All instances</a></p>\n");
    html.end(root, now);
    html.into_text()
}
