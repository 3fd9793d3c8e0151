//! What the sources of an instance say: which answer, how old it is, and what hinders the others.

use jiff::Timestamp;
use upgrade_readiness_checks::facts::Condition;

use crate::surface::html::Html;
use crate::surface::status::{SourceView, length};

impl Html {
    pub(super) fn sources(&mut self, sources: &[SourceView], now: Timestamp) {
        self.raw(
            "<section id=\"part-sources\" aria-labelledby=\"sources\">\n<h2 id=\"sources\">What the sources say</h2>\n\
             <table class=\"sheet sources\">\n<thead><tr><th scope=\"col\">Source</th><th scope=\"col\">State</th>\
             <th scope=\"col\">Last answer</th><th scope=\"col\">Took</th><th scope=\"col\">What hinders it</th></tr></thead>\n<tbody>\n",
        );
        for source in sources {
            let (class, word) = match source.state {
                Condition::Ok => ("ready", "answers"),
                Condition::Failed => ("blocked", "failed"),
                Condition::Stale => ("unknown", "too old"),
                Condition::Pending => ("unknown", "not asked yet"),
                Condition::Off => ("skipped", "off"),
            };
            self.element("<tr><th scope=\"row\">", &source.source, "</th><td>");
            self.raw(&format!(
                "<span class=\"sign {class}\">{word}</span></td><td data-name=\"Last answer\">"
            ));
            match source.collected_at {
                Some(at) => self.ago(at, now),
                None => self.raw("<span class=\"soft\">never</span>"),
            }
            self.raw("</td><td data-name=\"Took\">");
            if let Some(took) = source.duration {
                let short = took.unsigned_abs().as_secs() == 0;
                self.text(&if short { format!("{} ms", took.as_millis()) } else { length(took) });
            }
            self.raw("</td><td class=\"error\">");
            self.prose(source.error.as_deref().unwrap_or(""));
            self.raw("</td></tr>\n");
        }
        self.raw("</tbody>\n</table>\n</section>\n");
    }
}
