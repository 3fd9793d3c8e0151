//! The part of the page that tells which release to choose.

use jiff::Timestamp;

use super::super::status::{InstanceView, OfferView, OfferedView, is_target};
use super::{Html, minute, segment};

impl Html {
    pub(super) fn offer(&mut self, instance: &InstanceView, now: Timestamp) {
        let Some(offer) = &instance.offer else { return };
        self.raw("<article>\n<div class=\"title\"><h3>Which release</h3>");
        if let Some(release) = offer.recommended_release() {
            self.badge(release.verdict);
        }
        self.raw("</div>\n");
        self.recommended(offer);
        if !offer.releases.is_empty() {
            self.lines(instance, offer, now);
        }
        self.raw("</article>\n");
    }

    fn recommended(&mut self, offer: &OfferView) {
        let view = &offer.recommended;
        match (&view.version, &offer.running) {
            (Some(version), _) => self.element("<p><b>", version, "</b> is recommended.</p>\n"),
            (None, Some(_)) => self.raw("<p>No release is recommended.</p>\n"),
            (None, None) => self.raw("<p>Which release to choose is not known.</p>\n"),
        }
        self.raw("<dl>\n");
        for (key, texts) in [("Why", &view.reasons), ("Open", &view.open), ("Not", &view.others)] {
            for text in texts {
                self.row(key, text);
            }
        }
        for license in &offer.licenses {
            let which =
                license.place.as_ref().map_or_else(String::new, |place| format!("waiting in {place}: "));
            self.row("Licence", &format!("{which}{}", license.answer));
        }
        self.raw("</dl>\n");
    }

    fn lines(&mut self, instance: &InstanceView, offer: &OfferView, now: Timestamp) {
        self.raw(
            "<details><summary>Every line with its newest release; each leads to its run book</summary>\n<table>\n<thead><tr><th>Release</th><th>Verdict</th><th>Supported until</th>\
             <th>Plug-ins</th><th>In the way</th></tr></thead>\n<tbody>\n",
        );
        for release in offer.shown(instance, false) {
            let mark = match (offer.is_recommended(release), is_target(instance, release)) {
                (true, _) => ", recommended",
                (false, true) => ", a target",
                (false, false) => "",
            };
            self.element("<tr><th><a href=\"plan/", &segment(&instance.name), "/");
            self.element("", &segment(&release.version), "\">");
            self.element("", &release.version, "</a>");
            self.raw(if release.long_term_support { " LTS" } else { "" });
            self.raw(mark);
            self.raw("</th><td>");
            self.badge(release.verdict);
            self.raw("</td><td>");
            match release.supported_until {
                Some(day) => self.show(day),
                None => self.raw("not known"),
            }
            self.raw("</td><td>");
            if let Some(plugins) = release.plugins {
                self.text(&format!("{} ok, {} open", plugins.settled(), plugins.open()));
            }
            self.element("</td><td class=\"error\">", &in_the_way(release, now), "</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n</details>\n");
    }
}

/// What blocks a release, or will.
fn in_the_way(release: &OfferedView, now: Timestamp) -> String {
    let blockers: Vec<String> =
        release.blockers.iter().map(|blocker| format!("{} ({})", blocker.check, blocker.subject)).collect();
    if !blockers.is_empty() {
        return blockers.join(", ");
    }
    match (release.blocks_at.filter(|at| *at > now), &release.blocks_because) {
        (Some(at), Some(because)) => {
            format!("from {}: {} ({})", minute(at), because.check, because.subject)
        }
        (Some(at), None) => format!("from {}", minute(at)),
        (None, _) => String::new(),
    }
}
