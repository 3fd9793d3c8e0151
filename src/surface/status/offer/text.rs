//! The releases an instance could be upgraded to, for a terminal: 80 columns, the recommendation first.

use jiff::Timestamp;
use owo_colors::Style;
use upgrade_readiness_checks::model::Verdict;

use super::super::text::{Sheet, WIDTH, verdict_style, verdict_word};
use super::super::words::{count, printable, product_name};
use super::super::{BecauseView, InstanceView, Selection};
use super::{LicenseView, OfferView, OfferedView, is_target};

/// Where the columns begin, after the mark and the version.
const INDENT: usize = 12;

/// So many blockers are named; the status tells them all.
const MOST_NAMED: usize = 3;

/// What `agent targets` prints; the caller knows whether its output can show colours.
#[must_use]
pub fn render_offers_text(selection: &Selection<'_>, now: Timestamp, color: bool, all: bool) -> String {
    let mut sheet = Sheet { out: String::new(), color, now };
    sheet.head(selection);
    for (instance, _) in &selection.instances {
        sheet.offer_of(instance, all);
    }
    if selection.instances.is_empty() {
        sheet.paragraph("No instance is watched yet. Right after its start the daemon needs a moment.");
    }
    sheet.out
}

impl Sheet {
    fn offer_of(&mut self, instance: &InstanceView, all: bool) {
        let rule = self.paint(&"─".repeat(WIDTH), Style::new().dimmed());
        self.line(&rule);
        let running = instance.version.as_deref().unwrap_or("of a version that is not known");
        self.paragraph(&format!("{}: {} {running}", instance.name, product_name(&instance.product)));
        self.blank();
        let Some(offer) = &instance.offer else {
            let label = self.paint("UNKNOWN", verdict_style(Verdict::Unknown));
            self.labelled("UNKNOWN", &label, "the releases have not been judged");
            self.detail(
                "why",
                "the daemon has just started, or is of a version that does not judge them; `agent --version` tells \
                 that of this command",
            );
            self.blank();
            return;
        };
        self.recommended(offer);
        for license in &offer.licenses {
            self.license(license);
        }
        self.releases(instance, offer, all);
    }

    fn recommended(&mut self, offer: &OfferView) {
        match offer.recommended_release() {
            Some(release) => {
                let label = self.paint("choose", verdict_style(Verdict::Ready));
                let name = if release.long_term_support { " (long-term support)" } else { "" };
                let verdict = verdict_word(release.verdict);
                self.labelled("choose", &label, &format!("{}{name}: {verdict}", release.version));
            }
            None if offer.running.is_some() => {
                let label = self.paint("NONE", verdict_style(Verdict::Blocked));
                self.labelled("NONE", &label, "no release is recommended");
            }
            None => {
                let label = self.paint("UNKNOWN", verdict_style(Verdict::Unknown));
                self.labelled("UNKNOWN", &label, "which release to choose");
            }
        }
        let recommended = &offer.recommended;
        for (key, texts) in
            [("why", &recommended.reasons), ("open", &recommended.open), ("not", &recommended.others)]
        {
            for (number, text) in texts.iter().enumerate() {
                self.detail(if number == 0 { key } else { "" }, text);
            }
        }
        self.blank();
    }

    fn license(&mut self, license: &LicenseView) {
        let text = sentence(license);
        let label = self.paint("licence", Style::new().cyan());
        self.labelled("licence", &label, &text);
        self.blank();
    }

    fn releases(&mut self, instance: &InstanceView, offer: &OfferView, all: bool) {
        if offer.releases.is_empty() {
            return;
        }
        let shown = offer.shown(instance, all);
        let head =
            row(["", "version", "", "verdict", "blockers", "blocked", "supported", "plug-ins", "rolling"]);
        let head = self.paint(&head, Style::new().dimmed());
        self.line(&head);
        let mut line = None;
        for release in &shown {
            if all && line.replace(&release.line).is_some_and(|last| *last != release.line) {
                self.blank();
            }
            self.release(instance, offer, release);
        }
        self.blank();
        let hidden = offer.releases.len() - shown.len();
        let mut legend = "* recommended, + a target; blocked: in so many days if nobody acts; ? not confirmed; plug-ins: \
                          with a version for it / open, - nobody was asked; rolling: whether the site can stay up"
            .to_owned();
        if hidden > 0 {
            legend.extend([". ", &count(hidden, "release"), " more with --all"]);
        }
        self.paragraph(&legend);
        self.blank();
    }

    fn release(&mut self, instance: &InstanceView, offer: &OfferView, release: &OfferedView) {
        let mark = match (offer.is_recommended(release), is_target(instance, release)) {
            (true, _) => "*",
            (false, true) => "+",
            (false, false) => "",
        };
        let days = release.blocks_at.map_or_else(
            || if release.verdict == Verdict::Blocked { "now".to_owned() } else { String::new() },
            |at| days_until(at, self.now),
        );
        let blockers =
            if release.blockers.is_empty() { String::new() } else { release.blockers.len().to_string() };
        let supported = release.supported_until.map_or_else(
            || "not known".to_owned(),
            |day| format!("{day}{}", if release.supported_until_confirmed { "" } else { "?" }),
        );
        let plugins = release
            .plugins
            .map_or_else(|| "-".to_owned(), |plugins| format!("{}/{}", plugins.settled(), plugins.open()));
        let word = verdict_word(release.verdict);
        let line = row([
            mark,
            &printable(&release.version),
            if release.long_term_support { "LTS" } else { "" },
            word,
            &blockers,
            &days,
            &supported,
            &plugins,
            release.rolling.state.word(),
        ]);
        // Painted once the columns stand, so that colours do not count as width.
        let line = line.replacen(word, &self.paint(word, verdict_style(release.verdict)), 1);
        self.line(&line);
        let why = if release.blockers.is_empty() {
            release.blocks_because.as_ref().map(|because| format!("then by {}", name(because)))
        } else {
            Some(format!("by {}", names(&release.blockers)))
        };
        if let Some(why) = why {
            let indent = " ".repeat(INDENT);
            for line in super::super::wrap(&why, WIDTH - INDENT) {
                let line = self.paint(&line, Style::new().dimmed());
                self.line(&format!("{indent}{line}"));
            }
        }
    }
}

/// The columns of the table, each with a blank between it and the next.
fn row(cells: [&str; 9]) -> String {
    let [mark, version, long_term, verdict, blockers, blocked, supported, plugins, rolling] = cells;
    let line = format!(
        "{mark:<1} {version:<9} {long_term:<3} {verdict:<8} {blockers:>8} {blocked:>8} {supported:<12} {plugins:<9} {rolling:<9}"
    );
    line.trim_end().to_owned()
}

fn days_until(at: Timestamp, now: Timestamp) -> String {
    let hours = at.duration_since(now).as_hours();
    if hours <= 0 { "now".to_owned() } else { format!("{} d", (hours + 23) / 24) }
}

fn name(because: &BecauseView) -> String {
    format!("{} ({})", because.check, because.subject)
}

fn names(blockers: &[BecauseView]) -> String {
    let mut named: Vec<String> = blockers.iter().take(MOST_NAMED).map(name).collect();
    if blockers.len() > MOST_NAMED {
        named.push(format!("and {} more", blockers.len() - MOST_NAMED));
    }
    named.join(", ")
}

/// What a licence permits, as a sentence.
pub(super) fn sentence(license: &LicenseView) -> String {
    let which = match &license.place {
        None => "in force".to_owned(),
        Some(place) => format!("waiting in {place}"),
    };
    format!("{which}: {}.", license.answer)
}
