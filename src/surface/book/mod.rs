//! How a run book looks: as Markdown for tickets, as one page of HTML for the screen and for paper, and as JSON.
//!
//! What stands in a book is made by `checks::plan::book`; here it is only shown. Nothing is asked of a clock, so the
//! same book gives the same bytes. Every foreign text goes through one escape per place: `escape` for Markdown,
//! `Html::text` for HTML.

mod escape;
mod html;
mod markdown;
mod view;
mod words;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use html::anchor;
use serde::Deserialize;
use upgrade_readiness_checks::plan::book::Book;

pub use view::{
    BlockView, BlocksView, BookView, ChangeView, DoubtView, EstimateView, FORMAT_VERSION, JumpView, MarkView,
    NamedView, NoWayView, OpenView, ProgressView, ProofView, RollingView, SectionView, StepView,
    StopFindingView, StopUnknownView, StopVerdictView, StopView, WayView, book_schema, view,
};

/// What a book is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// For tickets, wikis and text editors.
    Markdown,
    /// One file for a browser and for the printer.
    Html,
    /// For programs; `agent config schema --plan` prints its schema.
    Json,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Html, Self::Json];

    /// The name used on the command line and in addresses.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

/// A book as the page of the daemon, where every step has a form that is sent to this address.
#[must_use]
pub fn render_page(book: &Book, action: &str) -> String {
    html::render_html(book, Some(action))
}

/// A book as text; the same book gives the same text.
#[must_use]
pub fn render(book: &Book, form: Form) -> String {
    match form {
        Form::Markdown => markdown::render_markdown(book),
        Form::Html => html::render_html(book, None),
        Form::Json => view::render_json(book),
    }
}
