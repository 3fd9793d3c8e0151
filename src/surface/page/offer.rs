//! The part of the page that tells which release to choose.

use jiff::Timestamp;

use crate::surface::frame::segment;
use crate::surface::html::Html;
use crate::surface::status::{InstanceView, OfferView, OfferedView, is_target, minute};

impl Html {
    pub(super) fn offer(&mut self, instance: &InstanceView, now: Timestamp) {
        let Some(offer) = &instance.offer else { return };
        self.raw("<section id=\"part-release\" aria-labelledby=\"release\">\n<h2 id=\"release\">Which release</h2>\n<div class=\"sheet offer\">\n");
        self.recommended(offer);
        if !offer.releases.is_empty() {
            self.lines(instance, offer, now);
        }
        self.raw("</div>\n</section>\n");
    }

    fn recommended(&mut self, offer: &OfferView) {
        let view = &offer.recommended;
        self.raw("<p class=\"lead\">");
        match (&view.version, &offer.running) {
            (Some(version), _) => self.element("<b>", version, "</b> is recommended. "),
            (None, Some(_)) => self.raw("No release is recommended. "),
            (None, None) => self.raw("Which release to choose is not known. "),
        }
        if let Some(release) = offer.recommended_release() {
            self.badge(release.verdict);
        }
        self.raw("</p>\n<dl class=\"pairs\">\n");
        for (key, texts) in [("Why", &view.reasons), ("Open", &view.open), ("Not", &view.others)] {
            self.sentences(key, texts);
        }
        let licenses: Vec<String> = offer
            .licenses
            .iter()
            .map(|license| match &license.place {
                Some(place) => format!("waiting in {place}: {}", license.answer),
                None => license.answer.clone(),
            })
            .collect();
        self.sentences("Licence", &licenses);
        self.raw("</dl>\n");
    }

    fn sentences(&mut self, key: &str, texts: &[String]) {
        if texts.is_empty() {
            return;
        }
        self.element("<dt>", key, "</dt><dd>");
        for text in texts {
            self.raw("<p>");
            self.prose(text);
            self.raw("</p>");
        }
        self.raw("</dd>\n");
    }

    fn lines(&mut self, instance: &InstanceView, offer: &OfferView, now: Timestamp) {
        self.raw(
            "<details id=\"fold-releases\"><summary>Every line with its newest release; each leads to its run book</summary>\n\
             <table class=\"releases\">\n<thead><tr><th scope=\"col\">Release</th><th scope=\"col\">Verdict</th>\
             <th scope=\"col\">Supported until</th><th scope=\"col\">Plug-ins</th><th scope=\"col\">In the way</th></tr></thead>\n<tbody>\n",
        );
        for release in offer.shown(instance, false) {
            let mark = match (offer.is_recommended(release), is_target(instance, release)) {
                (true, _) => "recommended",
                (false, true) => "a target",
                (false, false) => "",
            };
            self.element("<tr><th scope=\"row\"><a href=\"../plan/", &segment(&instance.name), "/");
            self.element("", &segment(&release.version), "\">");
            self.element("", &release.version, "</a>");
            self.raw(if release.long_term_support { " <span class=\"soft\">LTS</span>" } else { "" });
            if !mark.is_empty() {
                self.element(" <span class=\"soft\">", mark, "</span>");
            }
            self.raw("</th><td>");
            self.badge(release.verdict);
            self.raw("</td><td data-name=\"Supported until\">");
            match release.supported_until {
                Some(day) => self.show(day),
                None => self.raw("not known"),
            }
            self.raw("</td><td data-name=\"Plug-ins\">");
            match release.plugins {
                Some(plugins) => self.text(&format!("{} ok, {} open", plugins.settled(), plugins.open())),
                None => self.raw("not known"),
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
