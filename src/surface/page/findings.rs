//! What stands in the way of a target, what cannot be told, and what is in order.

use serde::Deserialize;
use upgrade_readiness_checks::model::{Severity, Verdict};

use super::frame::{Clock, ago};
use crate::surface::book::anchor;
use crate::surface::frame::segment;
use crate::surface::html::Html;
use crate::surface::status::{CheckView, FindingView, TargetView, count, minute, settled};

/// Where the checks of a page are explained, and for which target they were asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links<'a> {
    pub(super) checks: &'a str,
    pub(super) target: &'a str,
}

/// How much is unfolded before anybody touches it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Opened {
    /// What blocks.
    #[default]
    Blockers,
    /// Everything, to be read in one go or printed.
    All,
}

impl Html {
    pub(super) fn findings(&mut self, target: &TargetView, links: Links<'_>, opened: Opened, clock: Clock) {
        let mut found = target.findings();
        found.retain(|(_, finding)| finding.waiver.is_none());
        if found.is_empty() {
            return;
        }
        self.raw("<section id=\"part-findings\" aria-labelledby=\"findings\">\n<div class=\"side\"><h2 id=\"findings\">What stands in the way</h2>");
        self.unfold(links, opened);
        self.raw("</div>\n");
        for (severity, noun) in
            [(Severity::Blocker, "blocker"), (Severity::Warning, "warning"), (Severity::Notice, "notice")]
        {
            let of: Vec<_> = found.iter().filter(|(_, finding)| finding.severity == severity).collect();
            if of.is_empty() {
                continue;
            }
            self.raw(&format!("<h3 id=\"head-{noun}s\"><span class=\"sign {}\">", class(severity)));
            self.element("", &count(of.len(), noun), "</span></h3>\n");
            self.raw(&format!("<div class=\"sheet list\" id=\"list-{noun}s\">\n"));
            let open = opened == Opened::All || severity == Severity::Blocker;
            for (check, finding) in of {
                self.finding(check, finding, links, open, clock);
            }
            self.raw("</div>\n");
        }
        self.raw("</section>\n");
    }

    fn unfold(&mut self, links: Links<'_>, opened: Opened) {
        let (extra, word) = match opened {
            Opened::Blockers => ("&amp;open=all", "Unfold all"),
            Opened::All => ("", "Fold what does not block"),
        };
        self.element("<a class=\"unfold\" href=\"?target=", &segment(links.target), extra);
        self.element("\">", word, "</a>");
    }

    fn finding(
        &mut self,
        check: &CheckView,
        finding: &FindingView,
        links: Links<'_>,
        open: bool,
        clock: Clock,
    ) {
        let class = if finding.waiver.is_some() { "settled" } else { class(finding.severity) };
        self.element("<details class=\"finding\" id=\"", &identity(check, finding), "\"");
        self.raw(if open { " open>" } else { ">" });
        self.raw(&format!("<summary><span class=\"sign {class}\"></span><span class=\"words\">"));
        self.heard(match finding.severity {
            Severity::Blocker => "Blocker: ",
            Severity::Warning => "Warning: ",
            Severity::Notice => "Notice: ",
        });
        self.prose(&finding.summary);
        self.raw("</span>");
        let since = match (finding.holds_on, check.changed_at) {
            (Some(_), _) => " · from the planned day".to_owned(),
            (None, Some(at)) => format!(" · {}", ago(at, clock.now)),
            (None, None) => String::new(),
        };
        self.element("<span class=\"soft note\">", &format!("{}{since}", check.category), "</span>");
        self.raw("</summary>\n<div class=\"body\">\n<dl class=\"pairs\">\n");
        self.pair_of_finding("Seen", &finding.observed);
        self.pair_of_finding("Needed", &finding.required);
        self.raw("<dt class=\"do\">Do</dt><dd class=\"do\">");
        self.prose(&finding.remedy);
        self.raw("</dd>\n");
        if let Some(day) = finding.holds_on {
            self.pair_of_finding(
                "From",
                &format!("the planned day, {day} ({}); not yet today", clock.distance(day)),
            );
        } else if let Some(at) = check.changed_at {
            self.pair_of_finding("Since", &format!("{} ({})", minute(at), ago(at, clock.now)));
        }
        if let Some(waiver) = &finding.waiver {
            let (key, text) = settled(waiver);
            self.pair_of_finding(key, &text);
        }
        if let Some(lapsed) = &finding.lapsed {
            self.pair_of_finding("Counts", &format!("again: {lapsed}"));
        }
        self.raw("<dt>Check</dt><dd>");
        self.check_link(check, links);
        self.element(" <code>", &finding.subject, "</code></dd>\n</dl>\n</div></details>\n");
    }

    fn pair_of_finding(&mut self, key: &str, text: &str) {
        self.element("<dt>", key, "</dt><dd>");
        self.prose(text);
        self.raw("</dd>\n");
    }

    fn check_link(&mut self, check: &CheckView, links: Links<'_>) {
        self.element("<a href=\"", links.checks, "");
        self.element("", &segment(&check.id), "\"><code>");
        self.element("", &check.id, "</code></a>");
    }

    /// What could not be looked at, with the right, file or host it lacked; checks that share their reason together.
    pub(super) fn cannot_tell(&mut self, target: &TargetView, links: Links<'_>, clock: Clock) {
        let groups = target.by_reason(Verdict::Unknown);
        if groups.is_empty() {
            return;
        }
        self.raw("<section id=\"part-cannot-tell\" aria-labelledby=\"cannot-tell\">\n<h2 id=\"cannot-tell\">What cannot be told</h2>\n<div class=\"sheet list\">\n");
        for (reason, checks) in groups {
            self.raw("<div class=\"blind\"><span class=\"sign unknown\"></span><div>\n<p>");
            self.heard("Cannot tell: ");
            self.prose(reason);
            self.raw("</p>\n<ul class=\"soft inline\">");
            for check in checks {
                self.element("<li>", &check.title, " ");
                self.check_link(check, links);
                if let Some(at) = check.changed_at {
                    self.element(", ", &ago(at, clock.now), "");
                }
                self.raw("</li>");
            }
            self.raw("</ul></div></div>\n");
        }
        self.raw("</div>\n</section>\n");
    }

    /// What would count if nobody had given his word.
    pub(super) fn settled_by_people(&mut self, target: &TargetView, links: Links<'_>, clock: Clock) {
        let found: Vec<_> =
            target.findings().into_iter().filter(|(_, finding)| finding.waiver.is_some()).collect();
        let signed: Vec<&CheckView> = target.signed_off().collect();
        if found.is_empty() && signed.is_empty() {
            return;
        }
        self.raw("<section id=\"part-settled\" aria-labelledby=\"settled\">\n<h2 id=\"settled\">Settled by a person’s word</h2>\n<div class=\"sheet list\">\n");
        for (check, finding) in found {
            self.finding(check, finding, links, false, clock);
        }
        for check in signed {
            self.raw("<div class=\"blind\"><span class=\"sign settled\"></span><div>\n<p><strong>");
            self.element("", &check.title, "</strong></p>\n<p>");
            self.prose(&check.reason);
            self.raw("</p>\n<p class=\"soft\">");
            self.check_link(check, links);
            self.raw("</p></div></div>\n");
        }
        self.raw("</div>\n</section>\n");
    }

    pub(super) fn ready_ones(&mut self, target: &TargetView, links: Links<'_>, clock: Clock) {
        for (verdict, id, heading, class) in [
            (Verdict::Ready, "ready", "What is in order", "ready"),
            (Verdict::Skipped, "skipped", "What does not apply", "skipped"),
        ] {
            let checks: Vec<&CheckView> =
                target.with_verdict(verdict).filter(|check| check.sign_off.is_none()).collect();
            if checks.is_empty() {
                continue;
            }
            self.raw(&format!("<section id=\"part-{id}\" aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n<details class=\"sheet fold\" id=\"fold-{id}\"><summary><span class=\"sign {class}\"></span> "));
            self.element("", &count(checks.len(), "check"), "</summary>\n<dl class=\"checks\">\n");
            for check in checks {
                self.element("<dt>", &check.title, "<br>");
                self.check_link(check, links);
                self.raw("</dt><dd>");
                self.prose(&check.reason);
                if let Some(at) = check.changed_at {
                    self.element(" <span class=\"soft\">since ", &clock.day_of(at).to_string(), "");
                    self.element(" (", &ago(at, clock.now), ")</span>");
                }
                self.raw("</dd>\n");
            }
            self.raw("</dl>\n</details>\n</section>\n");
        }
    }
}

/// The same for the same finding, so that a page that renews itself finds it again.
fn identity(check: &CheckView, finding: &FindingView) -> String {
    format!("finding:{}:{}", anchor(&check.id), segment(&finding.subject))
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "blocked",
        Severity::Warning => "warning",
        Severity::Notice => "skipped",
    }
}
