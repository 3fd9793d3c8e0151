//! The answer of `agent license` as text for people and as JSON for programs.

use std::fmt::Write as _;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use upgrade_readiness_checks::facts::{LicenseTerms, LicenseText, Product, Until};
use upgrade_readiness_checks::model::Verdict;

use super::{Allowed, Answer, Note, Pick};

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Columns of the names before values.
const NAMES: usize = 18;

/// Version of the JSON form.
pub(in crate::cli) const FORMAT_VERSION: &str = "1.0";

/// Writes the answer for people: what is wrong first, at most 80 columns wide.
pub(super) fn render_text(answer: &Answer) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, "", &headline(answer));
    for note in &answer.notes {
        text.push('\n');
        push_wrapped(&mut text, &format!("{:<9}", note.verdict), &format!("{}.", note.summary));
        push_wrapped(&mut text, &" ".repeat(9), &note.remedy);
    }
    if let LicenseText::Terms(terms) = &answer.text {
        text.push('\n');
        for (name, value) in rows(terms) {
            push_wrapped(&mut text, &format!("{name:<NAMES$}"), &value);
        }
        if let Some(allowed) = &answer.allowed {
            text.push('\n');
            push_allowed(&mut text, allowed, terms);
        }
    }
    text
}

fn headline(answer: &Answer) -> String {
    let state = match answer.verdict() {
        Verdict::Ready | Verdict::Skipped => "usable today",
        Verdict::Warning => "usable today, with warnings",
        Verdict::Unknown => "its text does not tell enough",
        Verdict::Blocked => "not usable",
    };
    let name = Product::Confluence.name();
    match &answer.text {
        LicenseText::Terms(terms) if terms.for_this_product => {
            let mut kind = vec![format!("{name} {} licence", edition(terms))];
            kind.extend((!terms.license_type.is_empty()).then(|| terms.license_type.clone()));
            kind.extend(terms.evaluation.then(|| "evaluation".to_owned()));
            kind.extend(terms.subscription.then(|| "subscription".to_owned()));
            format!("{}: {state}", kind.join(", "))
        }
        LicenseText::Terms(_) => format!("Licence of something else than {name}: {state}"),
        LicenseText::Absent => "No licence".to_owned(),
        LicenseText::Damaged(_) => format!("Damaged licence, or none: {state}"),
        LicenseText::Legacy => format!("Licence in the old form: {state}"),
    }
}

fn edition(terms: &LicenseTerms) -> &'static str {
    if terms.data_center { "Data Center" } else { "Server" }
}

fn rows(terms: &LicenseTerms) -> Vec<(&'static str, String)> {
    let mut rows = vec![("description", terms.description.clone())];
    if terms.products.len() > 1 || !terms.for_this_product {
        rows.push(("products", super::judge::list(&terms.products)));
    }
    rows.push(("users", terms.users.to_string()));
    rows.push(("may run", end(&terms.expires)));
    rows.push(("maintenance", end(&terms.maintenance_ends)));
    rows.extend(terms.created_on.map(|day| ("issued on", day.to_string())));
    rows.extend(terms.support_entitlement.clone().map(|number| ("support number", number)));
    rows.retain(|(_, value)| !value.is_empty());
    rows
}

fn end(until: &Until) -> String {
    match until {
        Until::NotStated => "no end is stated".to_owned(),
        Until::Forever => "without end".to_owned(),
        Until::Day(day) => format!("through {day}"),
        Until::AfterActivation(time) => format!("for {time:#} after it was entered"),
        Until::Unreadable(_) => format!("until {until}"),
    }
}

fn push_allowed(text: &mut String, allowed: &Allowed, terms: &LicenseTerms) {
    let title = match (allowed.released_until, terms.data_center, &terms.expires) {
        (Some(day), _, _) => format!("Releases it allows: those published by {day}"),
        (None, true, Until::Day(day)) => format!("Releases it allows: any, through {day}"),
        (None, _, _) => "Releases it allows: any".to_owned(),
    };
    push_wrapped(text, "", &title);
    let lists = [("newest", &allowed.newest), ("newest LTS", &allowed.newest_long_term_support)];
    for (name, picks) in lists {
        let sure = match (&picks.sure, &picks.doubtful) {
            (Some(pick), _) => release(pick),
            (None, Some(_)) => "none that is sure".to_owned(),
            (None, None) => "none that the catalog knows".to_owned(),
        };
        push_wrapped(text, &format!("  {name:<16}"), &sure);
        if let Some(pick) = &picks.doubtful {
            let shown = format!("perhaps {}: {}", release(pick), pick.doubt);
            push_wrapped(text, &" ".repeat(NAMES), &shown);
        }
    }
    for limit in &allowed.limits {
        push_wrapped(text, "  ", limit);
    }
}

fn release(pick: &Pick) -> String {
    match pick.released_on {
        Some(day) => format!("{}, released {day}", pick.version),
        None => pick.version.to_string(),
    }
}

/// Appends words in lines of at most [`WIDTH`] columns, the first behind `head`, the others below its end.
fn push_wrapped(text: &mut String, head: &str, words: &str) {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut column = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(indent);
            column = indent;
        }
        if column > indent {
            line.push(' ');
            column += 1;
        }
        line.push_str(word);
        column += length;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// Writes the answer for programs.
pub(super) fn render_json(answer: &Answer) -> anyhow::Result<String> {
    let view = AnswerView {
        format_version: FORMAT_VERSION,
        product: Product::Confluence.id(),
        verdict: answer.verdict(),
        state: match answer.text {
            LicenseText::Terms(_) => "terms",
            LicenseText::Absent => "absent",
            LicenseText::Damaged(_) => "damaged",
            LicenseText::Legacy => "legacy",
        },
        notes: answer.notes.iter().map(NoteView::new).collect(),
        terms: match &answer.text {
            LicenseText::Terms(terms) => Some(TermsView::new(terms)),
            LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => None,
        },
        releases: answer.allowed.as_ref().map(AllowedView::new),
    };
    let mut text = serde_json::to_string_pretty(&view)?;
    writeln!(text)?;
    Ok(text)
}

/// The JSON schema of the answer.
pub(in crate::cli) fn schema() -> schemars::Schema {
    schemars::schema_for!(AnswerView<'_>)
}

#[derive(Serialize, JsonSchema)]
#[schemars(title = "Answer of agent license")]
struct AnswerView<'a> {
    /// Version of this form: `1.0`.
    format_version: &'static str,
    /// The product it was read for.
    product: &'static str,
    /// How it stands: `ready`, `warning`, `blocked` or `unknown`.
    verdict: Verdict,
    /// What the text is: `terms`, `absent`, `damaged`, or `legacy`.
    state: &'static str,
    /// What is to be said of it.
    notes: Vec<NoteView<'a>>,
    /// What it says; null when it could not be read.
    terms: Option<TermsView<'a>>,
    /// Which releases it allows; null when it could not be read.
    releases: Option<AllowedView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct NoteView<'a> {
    /// How it stands: `ready`, `warning`, `blocked` or `unknown`.
    verdict: Verdict,
    /// What is to be said.
    summary: &'a str,
    /// What to do next.
    remedy: &'a str,
}

impl<'a> NoteView<'a> {
    fn new(note: &'a Note) -> Self {
        Self { verdict: note.verdict, summary: &note.summary, remedy: &note.remedy }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "a licence states independent yes-or-no properties")]
#[derive(Serialize, JsonSchema)]
struct TermsView<'a> {
    /// What it calls itself.
    description: &'a str,
    /// The products it names.
    products: &'a [String],
    /// Whether it is for this product.
    for_this_product: bool,
    /// Whether it is for Data Center.
    data_center: bool,
    /// Its type, in the vendor's word.
    license_type: &'a str,
    /// Whether it is for trying the product only.
    evaluation: bool,
    /// Whether the right to run ends with it.
    subscription: bool,
    /// Why it is not for a production instance; null when it is.
    not_for_production: Option<&'a str>,
    /// When the right to run ends.
    expires: UntilView,
    /// When the right to newer releases ends.
    maintenance_ends: UntilView,
    /// How many users it is for: a number, or words.
    users: String,
    /// The day it was made.
    created_on: Option<Date>,
    /// Its number with the vendor's support.
    support_entitlement: Option<&'a str>,
}

impl<'a> TermsView<'a> {
    fn new(terms: &'a LicenseTerms) -> Self {
        Self {
            description: &terms.description,
            products: &terms.products,
            for_this_product: terms.for_this_product,
            data_center: terms.data_center,
            license_type: &terms.license_type,
            evaluation: terms.evaluation,
            subscription: terms.subscription,
            not_for_production: terms.not_for_production.as_deref(),
            expires: UntilView::new(&terms.expires),
            maintenance_ends: UntilView::new(&terms.maintenance_ends),
            users: terms.users.to_string(),
            created_on: terms.created_on,
            support_entitlement: terms.support_entitlement.as_deref(),
        }
    }
}

/// An end in words, and as a day when it is one.
#[derive(Serialize, JsonSchema)]
struct UntilView {
    /// In words.
    says: String,
    /// The last day; null when it is none.
    day: Option<Date>,
}

impl UntilView {
    fn new(until: &Until) -> Self {
        let day = match until {
            Until::Day(day) => Some(*day),
            Until::NotStated | Until::Forever | Until::AfterActivation(_) | Until::Unreadable(_) => None,
        };
        Self { says: until.to_string(), day }
    }
}

#[derive(Serialize, JsonSchema)]
struct AllowedView<'a> {
    /// Releases of this day and before are allowed; null when there is no such day.
    released_until: Option<Date>,
    /// The newest release it surely allows.
    newest: Option<PickView<'a>>,
    /// A newer one it may allow.
    newest_perhaps: Option<PickView<'a>>,
    /// The newest long-term support release it surely allows.
    newest_long_term_support: Option<PickView<'a>>,
    /// A newer one it may allow.
    newest_long_term_support_perhaps: Option<PickView<'a>>,
    /// What else limits it, in words.
    limits: &'a [String],
}

impl<'a> AllowedView<'a> {
    fn new(allowed: &'a Allowed) -> Self {
        let Allowed { released_until, newest, newest_long_term_support, limits } = allowed;
        let view = |pick: &'a Option<Pick>| pick.as_ref().map(PickView::new);
        Self {
            released_until: *released_until,
            newest: view(&newest.sure),
            newest_perhaps: view(&newest.doubtful),
            newest_long_term_support: view(&newest_long_term_support.sure),
            newest_long_term_support_perhaps: view(&newest_long_term_support.doubtful),
            limits,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct PickView<'a> {
    /// The release.
    version: &'a str,
    /// The day it came out.
    released_on: Option<Date>,
    /// Why it is not sure; empty when it is.
    doubt: &'a str,
}

impl<'a> PickView<'a> {
    fn new(pick: &'a Pick) -> Self {
        Self { version: pick.version.as_str(), released_on: pick.released_on, doubt: &pick.doubt }
    }
}
