//! What changed when and why, from the store: the newest first, page by page.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Deserialize;
use upgrade_readiness_checks::model::Verdict;

use super::frame::{Frame, ago, utc_day_of};
use super::row::target_names;
use crate::board::InstanceState;
use crate::chain::Chain;
use crate::store::{Change, Store, StoreError, Wanted};
use crate::surface::frame::{Fleet, Part, segment};
use crate::surface::html::{Html, verdict_word};
use crate::surface::status::count;

/// Changes of one page.
const MOST: u32 = 100;

/// Nobody turns more pages; the store keeps what is older for `agent history`.
const MOST_PAGES: u32 = 1000;

const ROOT: &str = "../../";

/// Where the past is kept.
#[derive(Debug, Clone)]
pub struct Past {
    store: PathBuf,
}

/// Which changes are wanted; what is absent or empty is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WantedChanges {
    check: String,
    /// A target as it was asked for, or a version.
    target: String,
    /// Counted from one.
    page: Option<u32>,
}

impl Past {
    /// The past that is kept in this store.
    #[must_use]
    pub fn in_store(store: PathBuf) -> Self {
        Self { store }
    }

    /// The page of the history of an instance.
    pub async fn render(
        &self,
        state: &InstanceState,
        wanted: &WantedChanges,
        fleet: Fleet,
        now: Timestamp,
    ) -> String {
        let page = wanted.page.unwrap_or(1).clamp(1, MOST_PAGES);
        let of = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let asked = Wanted {
            instance: Some(state.name.clone()),
            target: of(&resolved(state, &wanted.target)),
            check: of(&wanted.check),
            since: None,
            skipped: (page - 1) * MOST,
            most: MOST + 1,
        };
        let read = async { Store::open_to_read(&self.store).await?.changes(&asked).await };
        render(state, wanted, page, fleet, read.await, now)
    }
}

/// A word such as latest-lts stands for the release it was judged as.
fn resolved(state: &InstanceState, asked: &str) -> String {
    let mut names = state.targets.iter().map(target_names);
    names
        .find_map(|(requested, version)| version.filter(|_| requested == asked))
        .unwrap_or_else(|| asked.to_owned())
}

fn render(
    state: &InstanceState,
    wanted: &WantedChanges,
    page: u32,
    fleet: Fleet,
    changes: Result<Vec<Change>, StoreError>,
    now: Timestamp,
) -> String {
    let mut html = Html::default();
    let instance = format!("{ROOT}instances/{}", segment(&state.name));
    let above = [(ROOT.to_owned(), "Instances"), (instance, state.name.as_str())];
    let title = format!("History of {}", state.name);
    html.begin(
        &Frame {
            title: &title,
            root: ROOT,
            part: Some(Part::Instances),
            above: &above,
            here: "History",
            live: true,
            fleet,
        },
        now,
    );
    html.raw("<div id=\"history\" data-live>\n");
    html.element(
        "<h1>",
        &title,
        "</h1>\n<p class=\"lead\">Every change of a verdict and its cause, the newest first.</p>\n",
    );
    html.narrowing(state, wanted);
    match changes {
        Ok(changes) if changes.is_empty() => html.raw("<p>Nothing has changed that is remembered.</p>\n"),
        Ok(mut changes) => {
            let more = changes.len() > MOST as usize;
            changes.truncate(MOST as usize);
            // What was written together may be mixed.
            changes.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| one.target.cmp(&other.target)));
            html.changes(&changes, now);
            html.turn(wanted, page, more);
        }
        Err(StoreError::Absent { .. }) => html.raw("<p>Nothing is remembered yet: there is no store.</p>\n"),
        Err(trouble) => {
            html.raw("<p class=\"caution\"><strong>The history cannot be read:</strong> ");
            html.text(&Chain(&trouble).to_string());
            html.raw("</p>\n<p>");
            html.prose(&trouble.remedy_to_read());
            html.raw("</p>\n");
        }
    }
    html.raw("</div>\n");
    html.end(ROOT, now);
    html.into_text()
}

impl WantedChanges {
    fn address(target: &str, check: &str, page: u32) -> String {
        let mut parts = Vec::new();
        for (key, value) in [("target", target), ("check", check)] {
            if !value.is_empty() {
                parts.push(format!("{key}={}", segment(value)));
            }
        }
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        if parts.is_empty() { "history".to_owned() } else { format!("?{}", parts.join("&")) }
    }
}

impl Html {
    /// The targets to choose from, and the check that was chosen.
    fn narrowing(&mut self, state: &InstanceState, wanted: &WantedChanges) {
        self.raw("<nav aria-label=\"Only of one target\"><ul class=\"tally\">\n");
        let all = std::iter::once((String::new(), "All targets".to_owned()));
        let each = state.targets.iter().map(|target| {
            let (requested, _) = target_names(target);
            (requested.clone(), requested)
        });
        for (target, name) in all.chain(each) {
            self.element("<li><a href=\"", &WantedChanges::address(&target, &wanted.check, 1), "\"");
            self.raw(if target == wanted.target { " aria-current=\"true\">" } else { ">" });
            self.element("", &name, "</a></li>\n");
        }
        if !wanted.check.is_empty() {
            self.element("<li><a href=\"", &WantedChanges::address(&wanted.target, "", 1), "\">");
            self.element("Only of <code>", &wanted.check, "</code>: show all checks</a></li>\n");
        }
        self.raw("</ul></nav>\n");
    }

    /// What changed at the same moment for the same target stands together; first judgements are folded.
    fn changes(&mut self, changes: &[Change], now: Timestamp) {
        let mut day = None;
        for group in changes.chunk_by(|one, other| one.at == other.at && one.target == other.target) {
            let Some(first) = group.first() else { continue };
            // The moments below it are in UTC.
            let of = utc_day_of(first.at);
            if day.replace(of) != Some(of) {
                self.raw(&format!("<h2 class=\"date\" id=\"day:{of}\">{of}</h2>\n"));
            }
            // What is unfolded belongs to its moment, wherever newer ones push it.
            let place = format!("{}:{}", first.at.as_nanosecond(), segment(&first.target));
            self.element("<section class=\"sheet moment\" id=\"moment:", &place, "\">\n<h3>");
            self.time(first.at);
            self.element(" <span class=\"soft\">to ", &first.target, " · ");
            self.element("", &ago(first.at, now), "</span></h3>\n");
            let (new, turned): (Vec<_>, Vec<_>) = group.iter().partition(|change| change.before.is_none());
            self.list_of_changes(&turned);
            if !new.is_empty() {
                self.element("<details id=\"first:", &place, "\"><summary>");
                self.element("", &count(new.len(), "check"), " judged for the first time</summary>\n");
                self.list_of_changes(&new);
                self.raw("</details>\n");
            }
            self.raw("</section>\n");
        }
    }

    fn list_of_changes(&mut self, changes: &[&Change]) {
        if changes.is_empty() {
            return;
        }
        self.raw("<ul class=\"changes\">\n");
        for change in changes {
            self.element(
                "<li><p class=\"turn\"><a href=\"../../checks/",
                &segment(&change.check),
                "\"><code>",
            );
            self.element("", &change.check, "</code></a> ");
            if let Some(before) = change.before {
                self.verdict_sign(before);
                self.raw(" <span aria-hidden=\"true\">→</span>");
                self.heard(" then ");
            }
            self.verdict_sign(change.after);
            self.raw("</p>\n<p>");
            self.prose(&change.cause);
            self.raw("</p>\n");
            if let Some(observed) = &change.observed {
                self.raw("<p class=\"soft\">Seen: ");
                self.prose(observed);
                self.raw("</p>\n");
            }
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
    }

    fn verdict_sign(&mut self, verdict: Verdict) {
        self.raw(&format!("<span class=\"sign {}\">{}</span>", verdict.id(), verdict_word(verdict)));
    }

    fn turn(&mut self, wanted: &WantedChanges, page: u32, more: bool) {
        if page == 1 && !more {
            return;
        }
        self.raw("<nav class=\"pages\" aria-label=\"Pages\">");
        if page > 1 {
            self.element(
                "<a rel=\"prev\" href=\"",
                &WantedChanges::address(&wanted.target, &wanted.check, page - 1),
                "\">Newer</a>",
            );
        }
        self.raw(&format!("<span>Page {page}</span>"));
        if more {
            self.element(
                "<a rel=\"next\" href=\"",
                &WantedChanges::address(&wanted.target, &wanted.check, page + 1),
                "\">Older</a>",
            );
        }
        self.raw("</nav>\n");
    }
}

#[cfg(test)]
mod tests;
