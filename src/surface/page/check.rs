//! What the checks are about: all of them, and one with its text and its last answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use upgrade_readiness_checks::model::{Check, Products, Verdict};
use upgrade_readiness_checks::report::CheckReport;
use upgrade_readiness_checks::rules;

use super::frame::{Frame, ago};
use super::markdown::markdown;
use crate::board::{Board, InstanceState, JudgedTarget, TargetState};
use crate::surface::frame::{Fleet, Part, segment};
use crate::surface::html::{Html, verdict_word};

/// More answers than these are counted and not listed.
const MOST_ANSWERS: usize = 50;

const ROOT: &str = "../";

/// An answer of a check.
struct Answer<'a> {
    instance: &'a InstanceState,
    judged: &'a JudgedTarget,
    report: &'a CheckReport,
    since: Option<Timestamp>,
}

/// Every answer of every check that the board holds.
fn answers(board: &Board) -> impl Iterator<Item = Answer<'_>> {
    let targets = board
        .instances
        .iter()
        .flat_map(|instance| instance.targets.iter().map(move |target| (instance, target)));
    targets
        .filter_map(|(instance, target)| match target {
            TargetState::Judged(judged) => Some((instance, judged)),
            TargetState::Unresolved { .. } => None,
        })
        .flat_map(|(instance, judged)| {
            let since =
                judged.since.iter().map(|since| Some(since.changed_at)).chain(std::iter::repeat(None));
            judged.report.checks.iter().zip(since).map(move |(report, since)| Answer {
                instance,
                judged,
                report,
                since,
            })
        })
}

/// All checks with what they say now.
#[must_use]
pub fn render_checks(board: &Board, now: Timestamp) -> String {
    let mut html = Html::default();
    // The address has no slash at its end, so that the overview is beside it.
    html.begin(
        &Frame {
            title: "Checks",
            root: "./",
            part: Some(Part::Checks),
            above: &[],
            here: "",
            live: true,
            fleet: Fleet::of(board),
        },
        now,
    );
    html.raw("<div id=\"checks\" data-live>\n<h1>Checks</h1>\n<p class=\"lead\">What is looked at, why, and what each says now.</p>\n");
    let mut ordered = rules::ALL.to_vec();
    ordered.sort_by_key(|check| check.category);
    let mut counts: BTreeMap<&str, Vec<Verdict>> = BTreeMap::new();
    for answer in answers(board) {
        counts.entry(answer.report.id).or_default().push(answer.report.verdict);
    }
    for of_category in ordered.chunk_by(|one, other| one.category == other.category) {
        let category = of_category.first().map_or("", |check| check.category.id());
        html.element("<h2>", &capital(category), "</h2>\n<ul class=\"sheet list checklist\">\n");
        for check in of_category {
            html.element("<li><span><a href=\"checks/", &segment(check.id), "\">");
            html.element("", check.title, "</a> <code>");
            html.element("", check.id, "</code></span><span class=\"counts\">");
            html.counts_of(counts.get(check.id).map_or(&[], Vec::as_slice));
            html.raw("</span></li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("</div>\n");
    html.end("./", now);
    html.into_text()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The page of a check; `Err` with a text when there is no such check.
pub fn render_check(board: &Board, id: &str, now: Timestamp) -> Result<String, String> {
    let Some(check) = rules::ALL.iter().find(|check| check.id == id) else {
        let alike = |check: &&&Check| {
            let together = check.id.chars().zip(id.chars()).take_while(|(one, other)| one == other).count();
            together >= 3 || (id.len() >= 3 && check.id.contains(id))
        };
        let near: Vec<&str> = rules::ALL.iter().filter(alike).map(|check| check.id).take(8).collect();
        let near = if near.is_empty() {
            String::new()
        } else {
            format!(" Did you mean one of these: {}?", near.join(", "))
        };
        return Err(format!("There is no check {id:?}.{near}"));
    };
    let mut html = Html::default();
    let above = [(format!("{ROOT}checks"), "Checks")];
    let title = format!("{}: {}", check.id, check.title);
    html.begin(
        &Frame {
            title: &title,
            root: ROOT,
            part: Some(Part::Checks),
            above: &above,
            here: check.id,
            live: true,
            fleet: Fleet::of(board),
        },
        now,
    );
    html.raw("<div id=\"check\" data-live>\n");
    html.element("<p class=\"kicker\"><code>", check.id, "</code></p>\n");
    html.element("<h1>", check.title, "</h1>\n");
    let reads: Vec<&str> = check.reads.iter().map(|source| source.id()).collect();
    html.element("<p class=\"lead\">For ", &products(check), ". ");
    html.element("Reads ", &reads.join(", "), ".</p>\n<div class=\"columns\">\n");
    html.answers(board, check, now);
    html.raw("<div class=\"flow prose\">\n");
    html.raw(&markdown(check.explain));
    html.raw("</div>\n</div>\n</div>\n");
    html.end(ROOT, now);
    Ok(html.into_text())
}

fn products(check: &Check) -> String {
    match check.products {
        Products::All => "every product".to_owned(),
        Products::Only(families) => families.iter().map(|family| family.id()).collect::<Vec<_>>().join(", "),
    }
}

impl Html {
    fn counts_of(&mut self, verdicts: &[Verdict]) {
        for verdict in Verdict::ALL {
            let number = verdicts.iter().filter(|of| **of == verdict).count();
            if number > 0 {
                self.raw(&format!(
                    "<span class=\"sign {}\">{number} {}</span> ",
                    verdict.id(),
                    verdict_word(verdict).to_lowercase()
                ));
            }
        }
    }

    /// What it says now, the gravest first.
    fn answers(&mut self, board: &Board, check: &Check, now: Timestamp) {
        let mut of: Vec<Answer<'_>> = answers(board).filter(|answer| answer.report.id == check.id).collect();
        of.sort_by_key(|answer| std::cmp::Reverse(answer.report.verdict));
        self.raw("<aside class=\"glance\" aria-labelledby=\"answers\">\n<h2 id=\"answers\">What it says now</h2>\n");
        if of.is_empty() {
            self.raw("<p>Nothing yet.</p>\n");
        }
        self.raw("<ul class=\"answers\">\n");
        for Answer { instance, judged, report, since } in of.iter().take(MOST_ANSWERS) {
            let requested = judged.report.requested.to_string();
            let what = format!("{} to {}", instance.name, judged.report.version);
            self.element(
                "<li id=\"answer:",
                &segment(&format!("{}:{requested}", instance.name)),
                "\" data-what=\"",
            );
            self.element("", &format!("{}, {what}", check.id), "\" data-verdict=\"");
            self.element("", verdict_word(report.verdict), "\"><a href=\"../instances/");
            self.element("", &segment(&instance.name), "?target=");
            self.element("", &segment(&requested), "\">");
            self.element("", &what, "</a> ");
            self.raw(&format!(
                "<span class=\"sign {}\">{}</span>",
                report.verdict.id(),
                verdict_word(report.verdict)
            ));
            if let Some(at) = since {
                self.element(" <span class=\"soft\">", &ago(*at, now), "</span>");
            }
            self.raw("<br>");
            self.prose(&report.reason);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n");
        if of.len() > MOST_ANSWERS {
            self.raw(&format!(
                "<p class=\"soft\">These are the {MOST_ANSWERS} gravest of {}.</p>\n",
                of.len()
            ));
        }
        self.raw("</aside>\n");
    }
}
