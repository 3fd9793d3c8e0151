//! The public form of a comparison: what programs read.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use upgrade_readiness_checks::after::{After, Item};
use upgrade_readiness_checks::facts::Snapshot;
use upgrade_readiness_checks::model::Verdict;
use upgrade_readiness_checks::version::ProductVersion;

/// Version of the form; the major number is raised by a change that would mislead a reader.
pub(in crate::cli) const FORMAT_VERSION: &str = "1.0";

/// An instance after its upgrade beside what it was before.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Comparison of agent check --after")]
pub(super) struct AfterView {
    /// Version of this form: `1.0`.
    format_version: &'static str,
    /// Name of the instance.
    pub(super) instance: String,
    /// Its product: `confluence`.
    pub(super) product: &'static str,
    /// The product as people write it.
    #[serde(skip)]
    pub(super) product_name: &'static str,
    /// When the snapshot before was taken.
    pub(super) before_at: Timestamp,
    /// When the one after was.
    pub(super) now_at: Timestamp,
    /// The version before; null when it is not known.
    pub(super) from: Option<String>,
    /// The version now; null when it is not known.
    pub(super) to: Option<String>,
    /// The version that was meant; null when any newer one was.
    pub(super) expected: Option<String>,
    /// The gravest verdict.
    pub(super) verdict: Verdict,
    /// What was compared: problems first, then what cannot be told, then what is well.
    pub(super) items: Vec<ItemView>,
}

/// One thing that was compared.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ItemView {
    /// What it belongs to: `plugins`.
    pub(super) topic: &'static str,
    /// What it is about inside its topic: a plug-in key; null for the whole topic.
    pub(super) subject: Option<String>,
    /// `blocked` (must be put right), `warning` (somebody must decide), `unknown`, `ready`, or `skipped` for what the
    /// product does not have.
    pub(super) verdict: Verdict,
    /// What is to be said.
    pub(super) summary: String,
    /// What was seen before.
    pub(super) before: String,
    /// What is seen now.
    pub(super) now: String,
    /// What to do next; null when all is well.
    pub(super) remedy: Option<String>,
}

impl AfterView {
    pub(super) fn of(
        after: &After,
        before: &Snapshot,
        now: &Snapshot,
        expected: Option<&ProductVersion>,
    ) -> Self {
        let text = |version: Option<&ProductVersion>| version.map(ToString::to_string);
        let mut items: Vec<&Item> = after.items.iter().collect();
        items.sort_by_key(|item| place(item.verdict));
        Self {
            format_version: FORMAT_VERSION,
            instance: now.instance.clone(),
            product: now.product.id(),
            product_name: now.product.name(),
            before_at: before.taken_at,
            now_at: now.taken_at,
            from: text(after.from.as_ref()),
            to: text(after.to.as_ref()),
            expected: text(expected),
            verdict: after.verdict,
            items: items.into_iter().map(ItemView::of).collect(),
        }
    }

    /// The items with a verdict.
    pub(super) fn with(&self, verdict: Verdict) -> impl Iterator<Item = &ItemView> {
        self.items.iter().filter(move |item| item.verdict == verdict)
    }
}

impl ItemView {
    fn of(item: &Item) -> Self {
        let Item { topic, subject, verdict, summary, before, now, remedy } = item;
        Self {
            topic: topic.id(),
            subject: subject.clone(),
            verdict: *verdict,
            summary: summary.clone(),
            before: before.clone(),
            now: now.clone(),
            remedy: remedy.clone(),
        }
    }

    /// Topic and subject, as they identify it.
    pub(super) fn place(&self) -> String {
        let subject = self.subject.as_ref().map(|subject| format!(", {subject}"));
        format!("{}{}", self.topic, subject.unwrap_or_default())
    }
}

/// Problems first, then what cannot be told, then what is well.
fn place(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Blocked => 0,
        Verdict::Warning => 1,
        Verdict::Unknown => 2,
        Verdict::Ready => 3,
        Verdict::Skipped => 4,
    }
}
