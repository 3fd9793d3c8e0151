//! The page: the status for people with a browser. Plain HTML without scripts or anything to load.
//!
//! Every foreign text goes through `Html::text`.

mod offer;

use std::fmt::Write as _;

use jiff::Timestamp;
use upgrade_readiness_checks::facts::Condition;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::html::{Html, TOKENS};
use super::status::{
    AgentView, CheckView, FindingView, InstanceView, NoticeView, SourceView, StatusFile, TargetView, blocks,
    length, minute, product_name, settled,
};

const STYLE: &str = include_str!("style.css");

/// The page, whole.
#[must_use]
pub fn render_page(status: &StatusFile) -> String {
    let mut html = Html::default();
    html.raw(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"120\">\n<title>Upgrade readiness</title>\n<style>\n",
    );
    html.raw(TOKENS);
    html.raw(STYLE);
    html.raw("</style>\n</head>\n<body>\n<header>\n<h1>Upgrade readiness</h1>\n<p class=\"soft\">As of ");
    html.text(&minute(status.written_at));
    html.raw("</p>\n</header>\n<main>\n");
    html.overview(status);
    html.notices(&status.notices);
    for (number, instance) in status.instances.iter().enumerate() {
        html.instance(number, instance, status.written_at);
    }
    html.raw("</main>\n");
    html.footer(&status.agent);
    html.raw("</body>\n</html>\n");
    html.into_text()
}

impl Html {
    fn overview(&mut self, status: &StatusFile) {
        let targets = status.instances.iter().enumerate().flat_map(|(i, instance)| {
            instance.targets.iter().enumerate().map(move |(t, target)| (anchor(i, t), instance, target))
        });
        let mut targets: Vec<_> = targets.collect();
        if targets.is_empty() {
            self.raw("<p>No target is watched yet. Right after its start the agent needs a moment.</p>\n");
            return;
        }
        targets.sort_by_key(|(_, _, target)| std::cmp::Reverse(target.verdict));
        self.raw("<ul class=\"overview\">\n");
        for (anchor, instance, target) in targets {
            self.element("<li><a href=\"#", &anchor, "\">");
            self.badge(target.verdict);
            self.element("<b>", &instance.name, "</b><span>");
            self.text(&jump(instance, target));
            self.element("</span><span class=\"tally\">", &target.tally().sentence(), "</span></a></li>\n");
        }
        self.raw("</ul>\n");
    }

    fn instance(&mut self, number: usize, instance: &InstanceView, now: Timestamp) {
        self.element("<section>\n<h2>", &instance.name, " <small>");
        self.text(&product_name(&instance.product));
        self.raw(" ");
        self.text(instance.version.as_deref().unwrap_or("of a version that is not known yet"));
        self.raw("</small></h2>\n");
        self.offer(instance, now);
        for (place, target) in instance.targets.iter().enumerate() {
            self.target(&anchor(number, place), instance, target, now);
        }
        self.notices(&instance.notices);
        self.sources(&instance.sources);
        self.raw("</section>\n");
    }

    fn target(&mut self, anchor: &str, instance: &InstanceView, target: &TargetView, now: Timestamp) {
        self.element("<article id=\"", anchor, "\">\n<div class=\"title\"><h3>");
        self.text(&jump(instance, target));
        self.raw("</h3>");
        self.badge(target.verdict);
        self.raw("</div>\n");
        if let Some(day) = target.upgrade_on {
            self.raw("<p class=\"soft\">Planned for ");
            self.show(day);
            self.raw("</p>\n");
        }
        if target.version.is_some() {
            self.element("<p><a href=\"plan/", &segment(&instance.name), "/");
            self.element("", &segment(&target.requested), "\">Run book</a></p>\n");
        }
        if let Some(blocks) = blocks(target, now) {
            self.element("<p>The upgrade ", &blocks, ".</p>\n");
        }
        if let Some(reason) = &target.reason {
            self.element("<p>", reason, "</p>\n");
        }
        self.findings(target);
        self.unknown(target);
        self.checks(target);
        self.raw("</article>\n");
    }

    fn findings(&mut self, target: &TargetView) {
        let findings = target.findings();
        if findings.is_empty() {
            return;
        }
        self.raw("<h4>Findings</h4>\n");
        for (check, finding) in findings {
            self.finding(check, finding);
        }
    }

    fn finding(&mut self, check: &CheckView, finding: &FindingView) {
        let (class, word) = match finding.severity {
            Severity::Blocker => ("blocked", "Blocker"),
            Severity::Warning => ("warning", "Warning"),
            Severity::Notice => ("skipped", "Notice"),
        };
        self.raw("<div class=\"card ");
        self.raw(if finding.waiver.is_some() { "settled" } else { class });
        self.element("\"><span class=\"kind ", class, "\">");
        self.raw(word);
        if let Some(waiver) = &finding.waiver {
            self.element("</span><span class=\"kind settled\">", settled(waiver).0, "");
        }
        self.element("</span><strong>", &finding.summary, "</strong>\n<dl>");
        self.row("Seen", &finding.observed);
        self.row("Needed", &finding.required);
        self.row("Do", &finding.remedy);
        if let Some(day) = finding.holds_on {
            self.row("From", &format!("the planned day, {day}; not yet today"));
        }
        if let Some(waiver) = &finding.waiver {
            let (key, text) = settled(waiver);
            self.row(key, &text);
        }
        if let Some(lapsed) = &finding.lapsed {
            self.row("Counts", &format!("again: {lapsed}"));
        }
        self.element("<dt>Check</dt><dd><code>", &check.id, "</code> ");
        self.element("<code>", &finding.subject, "</code></dd></dl></div>\n");
    }

    fn row(&mut self, key: &str, text: &str) {
        self.element("<dt>", key, "</dt>");
        self.element("<dd>", text, "</dd>\n");
    }

    fn unknown(&mut self, target: &TargetView) {
        let groups = target.by_reason(Verdict::Unknown);
        if groups.is_empty() {
            return;
        }
        self.raw("<h4>Cannot tell</h4>\n");
        for (reason, checks) in groups {
            self.raw("<div class=\"card unknown\">");
            for check in checks {
                self.element("<strong>", &check.title, " ");
                self.element("<code>", &check.id, "</code></strong>");
            }
            self.element("<p>", reason, "</p></div>\n");
        }
    }

    fn checks(&mut self, target: &TargetView) {
        for check in target.signed_off() {
            self.raw("<div class=\"card settled\"><span class=\"kind settled\">Settled</span>");
            self.element("<strong>", &check.title, "</strong>\n<dl>");
            self.row("Why", &check.reason);
            self.element("<dt>Check</dt><dd><code>", &check.id, "</code></dd></dl></div>\n");
        }
        let ready: Vec<_> = target.with_verdict(Verdict::Ready).collect();
        if !ready.is_empty() {
            self.raw("<h4>Ready</h4>\n");
            self.list(&ready);
        }
        let skipped: Vec<_> = target.with_verdict(Verdict::Skipped).collect();
        if !skipped.is_empty() {
            self.raw("<details><summary>Does not apply: ");
            self.show(skipped.len());
            self.raw("</summary>\n");
            self.list(&skipped);
            self.raw("</details>\n");
        }
    }

    fn list(&mut self, checks: &[&CheckView]) {
        self.raw("<dl class=\"checks\">\n");
        for check in checks {
            self.row(&check.title, &check.reason);
        }
        self.raw("</dl>\n");
    }

    fn notices(&mut self, notices: &[NoticeView]) {
        if notices.is_empty() {
            return;
        }
        self.raw("<h4>Notices</h4>\n<dl class=\"checks\">\n");
        for NoticeView { subject, text } in notices {
            self.row(subject, text);
        }
        self.raw("</dl>\n");
    }

    fn sources(&mut self, sources: &[SourceView]) {
        self.raw(
            "<h4>Sources</h4>\n<table>\n<thead><tr><th>Source</th><th>State</th><th>Last answered</th>\
             <th>Took</th><th>Error</th></tr></thead>\n<tbody>\n",
        );
        for source in sources {
            let (class, word) = match source.state {
                Condition::Ok => ("ready", "answers"),
                Condition::Failed => ("blocked", "failed"),
                Condition::Stale => ("unknown", "too old"),
                Condition::Pending => ("unknown", "not asked yet"),
                Condition::Off => ("skipped", "off"),
            };
            self.element("<tr><th>", &source.source, "</th><td><span class=\"badge ");
            self.raw(class);
            self.element("\">", word, "</span></td><td>");
            if let Some(at) = source.collected_at {
                self.text(&minute(at));
            }
            self.raw("</td><td>");
            if let Some(took) = source.duration {
                let short = took.unsigned_abs().as_secs() == 0;
                self.text(&if short { format!("{} ms", took.as_millis()) } else { length(took) });
            }
            self.element("</td><td class=\"error\">", source.error.as_deref().unwrap_or(""), "</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n");
    }

    fn footer(&mut self, agent: &AgentView) {
        self.element("<footer>Upgrade readiness agent ", &agent.version, ", revision ");
        self.element("", &agent.revision, " · <a href=\"api/v1/status\">JSON</a>");
        self.raw(" · <a href=\"metrics\">metrics</a></footer>\n");
    }
}

fn anchor(instance: usize, target: usize) -> String {
    format!("target-{instance}-{target}")
}

/// Text as one segment of an address.
fn segment(text: &str) -> String {
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

fn jump(instance: &InstanceView, target: &TargetView) -> String {
    format!("{} → {}", instance.version.as_deref().unwrap_or("?"), target.full_name())
}

#[cfg(test)]
mod tests {
    use super::super::status::{BecauseView, view};
    use super::*;
    use crate::surface::sample;

    #[test]
    fn the_page_tells_what_the_status_tells() {
        let page = render_page(&view(&sample::board(), sample::now()));
        for part in [
            "As of 2025-12-01 20:00 UTC",
            "9.2.7 → 10.2.14 (latest-lts)",
            "Gantt for Confluence has no version for 10.2.14",
            "Ask the vendor for a version",
            "the planned day, 2026-01-17; not yet today",
            "password authentication failed",
            "640 of 1000 users",
            "this instance is not a cluster",
            // A waived, a void and a signed-off one, and a word that is of no use.
            "<dt>Waived</dt><dd>by Anna Muster until 2026-01-31: Nobody uses the clock",
            "again: the waiver of Berta Beispiel is void",
            "<dt>Why</dt><dd>signed off by Anna Muster until 2026-03-31",
            "has nothing to settle: what it is about was not found",
            "the running version is not known",
            "<a href=\"plan/wiki/latest-lts\">Run book</a>",
        ] {
            assert!(page.contains(part), "{part}");
        }
        let mut told = view(&sample::board(), sample::now());
        told.notices.push(NoticeView { subject: "store".into(), text: "The memory is <new>.".into() });
        let target = &mut told.instances[0].targets[1];
        target.blocks_at = Some("2025-12-11T00:00:00Z".parse().unwrap());
        target.blocks_because = Some(BecauseView { check: "license-valid".into(), subject: "expiry".into() });
        let told = render_page(&told);
        assert!(told.contains("<dt>store</dt><dd>The memory is &lt;new&gt;.</dd>"));
        let day =
            "The upgrade will be blocked from 2025-12-11 00:00 UTC if nobody acts: license-valid (expiry).";
        assert!(told.contains(day));
        let order = ["<h4>Findings", "<h4>Cannot tell", "<h4>Ready", "Does not apply", "<h4>Sources"];
        let places = order.map(|part| page.find(part).unwrap());
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(page.matches("<div").count(), page.matches("</div>").count());
        assert_eq!(page.matches("<dl").count(), page.matches("</dl>").count());
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        let page = render_page(&view(&sample::board(), sample::now()));
        for part in ["<script", "<link", "<img", "src=", "@import", "url("] {
            assert!(!page.contains(part), "{part}");
        }
    }

    #[test]
    fn foreign_text_is_never_markup() {
        const HOSTILE: &str = "\"><script>alert('x')</script><a href='javascript:1' onclick=1>&\u{202e}\u{0}";
        let mut status = view(&sample::board(), sample::now());
        let clean = render_page(&status);
        let StatusFile { agent, instances, .. } = &mut status;
        agent.version = HOSTILE.into();
        agent.revision = HOSTILE.into();
        for instance in instances {
            instance.name = HOSTILE.into();
            instance.product = HOSTILE.into();
            instance.version = Some(HOSTILE.into());
            for source in &mut instance.sources {
                source.source = HOSTILE.into();
                source.error = Some(HOSTILE.into());
            }
            for target in &mut instance.targets {
                target.requested = HOSTILE.into();
                target.reason = Some(HOSTILE.into());
                for check in &mut target.checks {
                    check.id = HOSTILE.into();
                    check.title = HOSTILE.into();
                    check.reason = HOSTILE.into();
                    for finding in &mut check.findings {
                        let FindingView { subject, summary, observed, required, remedy, .. } = finding;
                        for text in [subject, summary, observed, required, remedy] {
                            *text = HOSTILE.into();
                        }
                    }
                }
            }
        }
        let page = render_page(&status);
        assert!(!page.contains("<script") && !page.contains("href='") && !page.contains('\0'));
        assert!(page.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(page.contains("<a href=\"plan/%22%3E%3Cscript%3E"));
        // Only links may appear and disappear with the data, and none did.
        assert_eq!(page.matches("<a ").count(), clean.matches("<a ").count());
    }

    #[test]
    fn a_board_without_anything_is_said() {
        let page = render_page(&view(&crate::board::Board::default(), sample::now()));
        assert!(page.contains("No target is watched yet"));
    }
}
