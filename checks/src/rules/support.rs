//! Turns the catalog's ruling on a version into findings, the same way for every rule.

use crate::catalog::{Component, Confidence, Ruling, Standing};
use crate::facts::Missing;
use crate::model::{Case, Finding, Severity};

/// A version that the target may or may not support.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) component: Component,
    /// What the catalog is asked about: `17`, `15.6`, `Data Center`.
    pub(super) value: &'a str,
    /// How people call it: `Java 17.0.9`, `PostgreSQL 15.6`.
    pub(super) name: &'a str,
    /// Identifies the finding.
    pub(super) subject: &'a str,
    /// What to do when it is not supported; full sentences.
    pub(super) remedy: &'a str,
}

/// Asks the catalog whether the target supports something.
///
/// Only a confirmed statement blocks or is green. Weaker evidence warns, and no evidence at all is
/// unknown; both name the vendor page and how to answer once.
pub(super) fn supported_by_target(
    case: &Case<'_>,
    candidate: Candidate<'_>,
) -> Result<Option<Finding>, Missing> {
    let Candidate { component, value, name, subject, remedy } = candidate;
    let line = case.target.line();
    let product = case.facts.product;
    let ruling = case.catalog.ruling(component, value, line);
    let answer = how_to_answer(case, component, &ruling);
    let finding = |severity, summary: String, remedy: String| Finding {
        severity,
        subject: subject.to_owned(),
        summary,
        observed: name.to_owned(),
        required: required(&ruling),
        remedy,
    };
    let found = match (ruling.standing, ruling.confidence) {
        (Standing::Supported, Confidence::Confirmed) => None,
        (Standing::Supported, Confidence::Partial | Confidence::Inferred) => Some(finding(
            Severity::Warning,
            format!("{name} was seen with {product} {line}, but the vendor's list could not be confirmed"),
            answer,
        )),
        (Standing::Excluded, Confidence::Confirmed) => Some(finding(
            Severity::Blocker,
            format!("{product} {} does not support {name}", case.target.version),
            remedy.to_owned(),
        )),
        (Standing::Excluded, Confidence::Partial | Confidence::Inferred) => Some(finding(
            Severity::Warning,
            format!("{name} is said not to work with {product} {line}, which could not be confirmed"),
            format!("{remedy} {answer}"),
        )),
        (Standing::NotListed, _) => Some(finding(
            Severity::Warning,
            format!("{name} is not among the versions known to work with {product} {line}"),
            format!("{remedy} {answer}"),
        )),
        (Standing::Unknown, _) => {
            return Err(Missing::Unknown {
                what: format!("{product} {line} supports of {}", component.id()),
                how_to_answer: lower_first(&answer),
            });
        }
    };
    Ok(found)
}

/// The vendor page to look at, and where the answer goes.
pub(super) fn how_to_answer(case: &Case<'_>, component: Component, ruling: &Ruling) -> String {
    answer_under(case, component.id(), ruling.page.as_deref(), "[\"…\"]")
}

/// The same for any key of `[requirements]`.
pub(super) fn answer_under(case: &Case<'_>, key: &str, page: Option<&str>, example: &str) -> String {
    let table = case.catalog.answer_key(case.target.line());
    let page = page.map_or_else(|| "the vendor's documentation".to_owned(), ToOwned::to_owned);
    format!(
        "Look it up once in {page} and write it into the agent's configuration: {table} {key} = {example}."
    )
}

fn required(ruling: &Ruling) -> String {
    if ruling.supported.is_empty() { "not known".to_owned() } else { ruling.supported.join(", ") }
}

/// A sentence, to be continued from another one.
pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
