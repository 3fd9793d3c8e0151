//! The run book as text.

use serde_json::json;
use upgrade_readiness_checks::plan::book::Book;

/// The form of a run book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people, tickets and wikis.
    Markdown,
    /// One page.
    Html,
    /// For programs.
    Json,
}

/// Renders a run book.
#[must_use]
pub fn render(book: &Book, form: Form) -> String {
    let title = format!("{}: {} to {}", book.instance, book.running, book.target);
    match form {
        Form::Markdown => format!("# {title}\n"),
        Form::Html => format!("<!DOCTYPE html><title>{title}</title>\n"),
        Form::Json => {
            let sections = book.sections.iter().map(|section| {
                let steps = section.steps.iter().map(|step| {
                    let mark = step.mark.as_ref().map(|mark| json!({ "state": mark.state }));
                    json!({ "id": step.id, "title": step.title, "proven": step.proven, "mark": mark })
                });
                json!({ "steps": steps.collect::<Vec<_>>() })
            });
            json!({
                "target": book.target.to_string(),
                "verdict": book.verdict,
                "sections": sections.collect::<Vec<_>>(),
            })
            .to_string()
                + "\n"
        }
    }
}
