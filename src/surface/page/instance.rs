//! One instance in depth: one of its targets, and what is the same for all of them.

use jiff::Timestamp;
use serde::Deserialize;
use upgrade_readiness_checks::model::Verdict;

use super::ahead::Ahead;
use super::findings::{Links, Opened};
use super::frame::{Clock, Frame};
use super::row::{Row, Sources};
use crate::board::InstanceState;
use crate::surface::frame::{Fleet, Part, segment};
use crate::surface::html::{Html, verdict_word};
use crate::surface::status::{InstanceView, NoticeView, TargetView, count, product_name, view_instance};

/// Leads from the page of an instance to the overview.
const ROOT: &str = "../";

/// Which part of an instance is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WantedTarget {
    /// As it was asked for in the configuration, or its version; the first one when absent.
    target: Option<String>,
    open: Opened,
}

/// The page of an instance; `Err` with the targets there are when the one that is wanted is not among them.
pub fn render_instance(
    state: &InstanceState,
    wanted: &WantedTarget,
    fleet: Fleet,
    now: Timestamp,
) -> Result<String, String> {
    let view = view_instance(state);
    let is_wanted = |target: &&TargetView| {
        wanted
            .target
            .as_ref()
            .is_none_or(|asked| target.requested == *asked || target.version.as_ref() == Some(asked))
    };
    let target = view.targets.iter().find(is_wanted);
    if let (Some(asked), None) = (&wanted.target, target) {
        let known: Vec<&str> = view.targets.iter().map(|target| target.requested.as_str()).collect();
        return Err(format!(
            "{asked:?} is no target of {}; its targets are: {}",
            view.name,
            known.join(", ")
        ));
    }
    let title = target.map_or_else(
        || format!("Not judged yet: {}", view.name),
        |target| format!("{}: {} to {}", verdict_word(target.verdict), view.name, target.full_name()),
    );
    let mut html = Html::default();
    let above = [(ROOT.to_owned(), "Instances")];
    let part = Some(Part::Instances);
    let here = view.name.as_str();
    html.begin(&Frame { title: &title, root: ROOT, part, above: &above, here, live: true, fleet }, now);
    let clock = Clock::of(&state.grounds.plan, now);
    html.raw("<div id=\"instance\" data-live>\n");
    html.head_of_instance(state, &view, target, clock);
    html.raw("<div class=\"columns\">\n");
    let ahead = Ahead::of(state, clock);
    html.raw("<aside class=\"glance\" aria-label=\"At a glance\">\n");
    html.at_a_glance(state, &view, target, clock);
    html.on_this_page(&view, target, &ahead);
    html.raw("</aside>\n");
    html.raw("<div class=\"flow\">\n");
    match target {
        Some(target) => html.target(&view, target, wanted.open, clock),
        None => html.raw(
            "<p class=\"lead\">Nothing was judged yet. Right after its start the agent needs a moment.</p>\n",
        ),
    }
    html.timeline(&ahead, clock);
    if let Some(target) = target {
        html.settled_by_people(target, links(target), clock);
        html.ready_ones(target, links(target), clock);
    }
    html.offer(&view, now);
    html.sources(&view.sources, now);
    html.notices_of_instance(&view.notices);
    html.raw("</div>\n</div>\n</div>\n");
    html.end(ROOT, now);
    Ok(html.into_text())
}

impl Html {
    fn head_of_instance(
        &mut self,
        state: &InstanceState,
        view: &InstanceView,
        target: Option<&TargetView>,
        clock: Clock,
    ) {
        self.element("<p class=\"kicker\">", &product_name(&view.product), " ");
        self.text(view.version.as_deref().unwrap_or("of a version that is not known yet"));
        self.element("</p>\n<h1>", &view.name, "</h1>\n");
        if view.targets.is_empty() {
            return;
        }
        self.raw("<nav class=\"targets\" aria-label=\"Targets\"><ul>\n");
        for (row, of) in Row::of_instance(state, clock.now).zip(&view.targets) {
            let shown = target.is_some_and(|target| std::ptr::eq(target, of));
            self.element("<li><a id=\"to:", &segment(&of.requested), "\" href=\"?target=");
            self.element("", &segment(&of.requested), "\"");
            self.raw(if shown { " aria-current=\"page\"" } else { "" });
            self.element(
                " data-what=\"",
                &format!("{} to {}", view.name, of.full_name()),
                "\" data-verdict=\"",
            );
            self.element("", verdict_word(of.verdict), "\"><b>");
            self.text(of.name());
            self.raw("</b> ");
            if of.version.as_ref().is_some_and(|version| *version != of.requested) {
                self.element("<span class=\"soft\">", &of.requested, "</span> ");
            }
            self.raw(&format!(
                "<span class=\"sign {}\">{}</span>",
                of.verdict.id(),
                verdict_word(of.verdict)
            ));
            if let Some(at) = row.blocks_at {
                self.element(
                    " <span class=\"soft\">blocked ",
                    &clock.distance(clock.blocked_from(at)),
                    "</span>",
                );
            }
            self.raw("</a></li>\n");
        }
        self.raw("</ul></nav>\n");
    }

    /// What one asks first, and where to go on.
    fn at_a_glance(
        &mut self,
        state: &InstanceState,
        view: &InstanceView,
        target: Option<&TargetView>,
        clock: Clock,
    ) {
        if let Some(target) = target {
            let row = Row::of_instance(state, clock.now)
                .zip(&view.targets)
                .find(|(_, of)| std::ptr::eq(*of, target));
            self.raw("<dl class=\"pairs\">\n");
            self.raw("<dt>Planned</dt><dd>");
            match state.grounds.plan.day {
                Some(day) => self.day(day, clock),
                None => self.raw("<span class=\"soft\">no day</span>"),
            }
            self.raw("</dd>\n");
            if let Some(at) = row.and_then(|(row, _)| row.blocks_at) {
                self.raw("<dt>Blocked from</dt><dd>");
                self.day(clock.blocked_from(at), clock);
                self.raw("</dd>\n");
            }
            let (decided, planned) = coverage(target);
            if planned > 0 {
                self.raw(&format!("<dt>Seen</dt><dd>{decided} of {planned} checks could look</dd>\n"));
            }
            let (class, words) = Sources::of(state).words();
            self.raw(&format!(
                "<dt>Sources</dt><dd><span class=\"sign {class}\"></span> {words}</dd>\n</dl>\n"
            ));
        }
        self.raw("<ul class=\"go\">\n");
        if let Some(target) = target.filter(|target| target.version.is_some()) {
            self.element("<li><a class=\"button\" href=\"../plan/", &segment(&view.name), "/");
            self.element("", &segment(&target.requested), "\">Run book</a></li>\n");
        }
        self.element(
            "<li><a class=\"button\" href=\"",
            &segment(&view.name),
            "/history\">History</a></li>\n</ul>\n",
        );
    }

    /// The parts of the page, with how much is in them.
    fn on_this_page(&mut self, view: &InstanceView, target: Option<&TargetView>, ahead: &Ahead) {
        let mut parts: Vec<(&str, &str, usize)> = Vec::new();
        if let Some(target) = target {
            let (settled, open): (Vec<_>, Vec<_>) =
                target.findings().into_iter().partition(|(_, finding)| finding.waiver.is_some());
            let signed = target.signed_off().count();
            let ready = target.with_verdict(Verdict::Ready).filter(|check| check.sign_off.is_none()).count();
            parts.extend([
                ("findings", "What stands in the way", open.len()),
                ("cannot-tell", "What cannot be told", target.with_verdict(Verdict::Unknown).count()),
                ("ahead", "What is to come", ahead.events.len()),
                ("settled", "Settled by a person’s word", settled.len() + signed),
                ("ready", "What is in order", ready),
            ]);
        }
        parts.extend([
            ("release", "Which release", usize::from(view.offer.is_some())),
            ("sources", "What the sources say", view.sources.len()),
            ("notices", "Waivers and sign-offs to look at", view.notices.len()),
        ]);
        self.raw("<nav class=\"parts\" aria-label=\"On this page\"><ul>\n");
        for (id, name, number) in parts.into_iter().filter(|(id, _, number)| *number > 0 || *id == "ahead") {
            self.raw(&format!("<li><a href=\"#{id}\">{name}"));
            if id != "release" {
                self.raw(&format!(" <span class=\"soft\">{number}</span>"));
            }
            self.raw("</a></li>\n");
        }
        self.raw("</ul></nav>\n");
    }

    fn target(&mut self, view: &InstanceView, target: &TargetView, opened: Opened, clock: Clock) {
        self.raw("<section id=\"part-statement\" class=\"statement\" aria-labelledby=\"statement\">\n<h2 id=\"statement\">");
        self.raw(&format!(
            "<span class=\"sign {}\">{}</span>",
            target.verdict.id(),
            verdict_word(target.verdict)
        ));
        self.raw(" <span class=\"to\">");
        self.text(view.version.as_deref().unwrap_or("?"));
        self.element(" → ", &target.full_name(), "</span></h2>\n");
        self.element("<p class=\"lead\">", &statement(target), "</p>\n");
        if let Some(reason) = &target.reason {
            self.raw("<p>");
            self.prose(reason);
            self.raw("</p>\n");
        }
        self.raw("</section>\n");
        self.findings(target, links(target), opened, clock);
        self.cannot_tell(target, links(target), clock);
    }

    fn notices_of_instance(&mut self, notices: &[NoticeView]) {
        if notices.is_empty() {
            return;
        }
        self.raw("<section id=\"part-notices\" aria-labelledby=\"notices\">\n<h2 id=\"notices\">Waivers and sign-offs to look at</h2>\n<ul class=\"sheet plain\">\n");
        for NoticeView { subject, text } in notices {
            self.element("<li><strong>", subject, "</strong> ");
            self.prose(text);
            self.raw("</li>\n");
        }
        self.raw("</ul>\n</section>\n");
    }
}

fn links(target: &TargetView) -> Links<'_> {
    Links { checks: "../checks/", target: &target.requested }
}

/// What the verdict consists of, in a sentence.
fn statement(target: &TargetView) -> String {
    let tally = target.tally();
    let parts = tally.sentence();
    let settled = match target.verdict {
        Verdict::Blocked => "The upgrade must not start",
        Verdict::Unknown => "Whether it can start cannot be told",
        Verdict::Warning => "It can start once somebody has decided",
        Verdict::Ready => "Nothing stands in the way",
        Verdict::Skipped => "Nothing was judged",
    };
    if parts.is_empty() { format!("{settled}.") } else { format!("{settled}: {parts}.") }
}

/// How many checks could look, of those that apply.
fn coverage(target: &TargetView) -> (usize, usize) {
    let applies = target.checks.iter().filter(|check| check.verdict != Verdict::Skipped);
    let (mut decided, mut planned) = (0, 0);
    for check in applies {
        planned += 1;
        decided += usize::from(check.verdict != Verdict::Unknown);
    }
    (decided, planned)
}

/// Which instances there are, for somebody who asked for another.
#[must_use]
pub fn no_such_instance(board: &crate::board::Board, asked: &str) -> String {
    const MOST: usize = 20;
    let asked_small = asked.to_lowercase();
    let mut names: Vec<&str> = board.instances.iter().map(|state| state.name.as_str()).collect();
    let total = names.len();
    // Those that look alike come first.
    let alike = |name: &str| {
        let name = name.to_lowercase();
        let together = name.chars().zip(asked_small.chars()).take_while(|(one, other)| one == other).count();
        (name.contains(&asked_small) || asked_small.contains(&name), together)
    };
    names.sort_by_key(|name| std::cmp::Reverse(alike(name)));
    names.truncate(MOST);
    let more = total - names.len();
    let more = if more == 0 { String::new() } else { format!(", and {} more", count(more, "instance")) };
    format!("There is no instance {asked:?}. There are: {}{more}.", names.join(", "))
}
