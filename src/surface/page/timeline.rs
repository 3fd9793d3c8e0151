//! The time line: what is to come, drawn for those who see it and listed for everybody.
//!
//! Drawn is only where on the line each entry of the list stands; every word is in the list.

use jiff::ToSpan;
use upgrade_readiness_checks::model::Verdict;

use super::ahead::{Ahead, Bar, Event, Kind};
use super::frame::Clock;
use crate::surface::html::{Html, verdict_word};

/// Marks closer than this, in hundredths of the line, stand above each other: also on a narrow screen.
const APART: f64 = 8.0;

/// Heights, in pixels.
const LEVEL: u32 = 30;
const BAR: u32 = 38;
const AXIS: u32 = 26;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Html {
    pub(super) fn timeline(&mut self, ahead: &Ahead, clock: Clock) {
        self.raw("<section id=\"part-ahead\" aria-labelledby=\"ahead\">\n<h2 id=\"ahead\">What is to come</h2>\n<div class=\"sheet ahead\">\n");
        self.drawing(ahead);
        self.raw("<ol class=\"events\">\n");
        for Event { day, kind, words } in &ahead.events {
            self.raw(&format!("<li class=\"{}\"><span class=\"when\">", class(*kind)));
            self.day(*day, clock);
            self.raw("</span> <span class=\"what\">");
            self.prose(words);
            self.raw("</span></li>\n");
        }
        self.raw("</ol>\n");
        for closed in &ahead.freezes {
            self.raw("<p class=\"closed\"><span class=\"when\">");
            self.day(closed.from, clock);
            self.raw(&format!(
                "</span> <span class=\"what\">Nothing may be changed until {}: ",
                closed.until
            ));
            self.element("", &closed.name, "</span></p>\n");
        }
        let more = match (ahead.events.is_empty(), ahead.left_out) {
            (true, _) => format!("Nothing is known to end or to change until {}.", ahead.last),
            (false, 0) => format!("Nothing else is known until {}.", ahead.last),
            (false, more) => format!("{more} more until {} are not listed here.", ahead.last),
        };
        self.element("<p class=\"soft\">", &more, "</p>\n</div>\n</section>\n");
    }

    fn drawing(&mut self, ahead: &Ahead) {
        let levels = levels(ahead);
        let above = LEVEL * levels.iter().max().map_or(0, |most| most + 1) + 6;
        let bars = u32::try_from(ahead.targets.len()).unwrap_or(u32::MAX).saturating_mul(BAR);
        let (foot, height) = (above + bars, above + bars + AXIS);
        self.raw(&format!(
            "<svg class=\"line\" role=\"img\" aria-labelledby=\"line-title line-text\" width=\"100%\" height=\"{height}\">\n\
             <title id=\"line-title\">Time line from {} to {}</title>\n<desc id=\"line-text\">",
            ahead.today, ahead.last
        ));
        self.text(&described(ahead));
        self.raw("</desc>\n<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
                  <rect class=\"gap\" width=\"3\" height=\"6\"/></pattern></defs>\n");
        for closed in &ahead.freezes {
            let (from, until) = (ahead.place(closed.from), ahead.place(closed.until));
            self.raw(&format!(
                "<rect class=\"freeze\" x=\"{from:.2}%\" y=\"0\" width=\"{:.2}%\" height=\"{foot}\"/>\n",
                (until - from).max(0.4)
            ));
        }
        self.months(ahead, above, foot);
        for (number, bar) in ahead.targets.iter().enumerate() {
            let top = above + BAR * u32::try_from(number).unwrap_or(0);
            self.bar_of_target(ahead, bar, top);
        }
        if let Some(day) = ahead.planned {
            let x = ahead.place(day);
            self.raw(&format!(
                "<line class=\"planned\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{above}\" y2=\"{foot}\"/>\n"
            ));
        }
        for (number, (event, level)) in ahead.events.iter().zip(&levels).enumerate() {
            let (x, y) = (ahead.place(event.day), above - LEVEL * level - LEVEL / 2 - 4);
            self.raw(&format!(
                "<line class=\"stem\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{y}\" y2=\"{above}\"/>\n"
            ));
            self.raw(&format!(
                "<svg class=\"mark {}\" x=\"{x:.2}%\" y=\"{y}\" overflow=\"visible\">{}<text y=\"4\">{}</text></svg>\n",
                class(event.kind),
                shape(event.kind),
                number + 1
            ));
        }
        self.raw("</svg>\n");
    }

    fn months(&mut self, ahead: &Ahead, above: u32, foot: u32) {
        self.raw(&format!("<line class=\"axis\" x1=\"0\" x2=\"100%\" y1=\"{foot}\" y2=\"{foot}\"/>\n"));
        let mut day = ahead.today.first_of_month();
        for _ in 0..13 {
            day = day.saturating_add(1.month());
            let x = ahead.place(day);
            // The last label must not stick out.
            if day > ahead.last || x > 97.0 {
                break;
            }
            let name =
                usize::try_from(day.month() - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
            let year = if day.month() == 1 { format!(" {}", day.year()) } else { String::new() };
            // On a narrow screen there is room for the first month of each quarter.
            let class = if day.month() % 3 == 1 { "month" } else { "month between" };
            self.raw(&format!(
                "<line class=\"tick\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{above}\" y2=\"{foot}\"/>\
                 <text class=\"{class}\" x=\"{x:.2}%\" y=\"{}\">{name}{year}</text>\n",
                foot + 18
            ));
        }
    }

    fn bar_of_target(&mut self, ahead: &Ahead, bar: &Bar, top: u32) {
        let until = bar.blocked_from.map_or(100.0, |day| ahead.place(day));
        self.raw(&format!("<text class=\"target\" x=\"0\" y=\"{}\">", top + 16));
        self.element("", &bar.name, ": ");
        self.raw(verdict_word(bar.verdict));
        self.raw("</text>\n");
        let y = top + 22;
        self.raw(&format!(
            "<rect class=\"{}\" x=\"0\" y=\"{y}\" width=\"{until:.2}%\" height=\"8\" rx=\"2\"/>\n",
            bar.verdict.id()
        ));
        if bar.verdict == Verdict::Unknown {
            self.raw(&format!(
                "<rect class=\"hatched\" x=\"0\" y=\"{y}\" width=\"{until:.2}%\" height=\"8\"/>\n"
            ));
        }
        if bar.blocked_from.is_some() {
            self.raw(&format!(
                "<rect class=\"blocked\" x=\"{until:.2}%\" y=\"{}\" width=\"{:.2}%\" height=\"12\" rx=\"2\"/>\n",
                y - 2,
                100.0 - until
            ));
        }
    }
}

/// On which level above the line each mark stands, so that none covers another.
fn levels(ahead: &Ahead) -> Vec<u32> {
    let mut ends: Vec<f64> = Vec::new();
    let level = |event: &Event| {
        let x = ahead.place(event.day);
        let free = ends.iter().position(|end| *end <= x);
        let level = free.unwrap_or(ends.len());
        match ends.get_mut(level) {
            Some(end) => *end = x + APART,
            None => ends.push(x + APART),
        }
        u32::try_from(level).unwrap_or(0)
    };
    ahead.events.iter().map(level).collect()
}

/// What is drawn, in words.
fn described(ahead: &Ahead) -> String {
    let target = |bar: &Bar| match bar.blocked_from {
        Some(day) => format!("{}: {}, blocked from {day}.", bar.name, verdict_word(bar.verdict)),
        None => format!("{}: {}.", bar.name, verdict_word(bar.verdict)),
    };
    let mut words: Vec<String> = ahead.targets.iter().map(target).collect();
    words.push("The numbers are those of the list below.".to_owned());
    words.join(" ")
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Blocked => "blocked",
        Kind::Planned => "planned",
        Kind::End => "warning",
        Kind::Word => "settled",
    }
}

/// An octagon, a square, a triangle, a disc.
fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Blocked => "<path d=\"M-5-12H5L12-5V5L5 12H-5L-12 5V-5Z\"/>",
        Kind::Planned => "<path d=\"M-11-11H11V11H-11Z\"/>",
        Kind::End => "<path d=\"M0-15L15 11H-15Z\"/>",
        Kind::Word => "<circle r=\"11\"/>",
    }
}
