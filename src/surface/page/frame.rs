//! Head and foot of a page.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::model::Plan;

use super::assets::address;
use crate::surface::frame::{Crumb, Fleet, Part};
use crate::surface::html::Html;
use crate::surface::metrics::REVISION;
use crate::surface::status::{length, minute};

/// What is around what a page tells.
pub(super) struct Frame<'a> {
    /// Of the window; what matters most comes first.
    pub(super) title: &'a str,
    /// Leads from the page to the overview.
    pub(super) root: &'a str,
    pub(super) part: Option<Part>,
    pub(super) above: &'a [Crumb<'a>],
    /// What the page is called in the way to it.
    pub(super) here: &'a str,
    /// Whether it shows what changes by itself.
    pub(super) live: bool,
    pub(super) fleet: Fleet,
}

impl Html {
    pub(super) fn begin(&mut self, frame: &Frame<'_>, now: Timestamp) {
        let Frame { title, root, part, above, here, live, fleet } = *frame;
        self.element(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
            title,
            " · Upgrade readiness</title>\n",
        );
        self.element("<link rel=\"stylesheet\" href=\"", &address(root, "page.css"), "\">\n");
        self.element(
            "<link rel=\"icon\" type=\"image/svg+xml\" href=\"",
            &address(root, "icon.svg"),
            "\">\n",
        );
        if live {
            self.element("<script defer src=\"", &address(root, "page.js"), "\"></script>\n");
            self.raw("<noscript><meta http-equiv=\"refresh\" content=\"120\"></noscript>\n");
        }
        self.element(
            "</head>\n<body data-root=\"",
            root,
            "\">\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n",
        );
        self.bar(root, part, fleet, above, here);
        if live {
            // Changes of verdict are told here, to those who cannot see them and to those who look elsewhere.
            self.raw("<p class=\"said\" id=\"said\" role=\"status\"></p>\n");
        }
        self.raw("<main id=\"main\" tabindex=\"-1\">\n");
        self.as_of(now);
    }

    /// When the page was made: kept for the foot, where it is shown.
    fn as_of(&mut self, now: Timestamp) {
        self.element("<p class=\"paper-only\" id=\"as-of\" data-live>As of ", &minute(now), "</p>\n");
    }

    pub(super) fn end(&mut self, root: &str, now: Timestamp) {
        self.raw("</main>\n<footer id=\"foot\" data-live>\n<p>As of ");
        self.time(now);
        self.raw("</p>\n<p>Upgrade readiness agent ");
        self.element("", env!("CARGO_PKG_VERSION"), "");
        self.element(", revision ", REVISION, "</p>\n");
        self.element("<p><a href=\"", root, "api/v1/status\">JSON</a> <a href=\"");
        self.element("", root, "metrics\">Metrics</a></p>\n</footer>\n</body>\n</html>\n");
    }

    /// A moment, to the minute.
    pub(super) fn time(&mut self, at: Timestamp) {
        self.raw(&format!("<time datetime=\"{at:.0}\">"));
        self.element("", &minute(at), "</time>");
    }

    /// How long ago a moment is; the moment itself is shown to who points at it.
    pub(super) fn ago(&mut self, at: Timestamp, now: Timestamp) {
        self.raw(&format!("<time datetime=\"{at:.0}\" title=\""));
        self.element("", &minute(at), "\">");
        self.element("", &ago(at, now), "</time>");
    }

    /// A day, and how far it is.
    pub(super) fn day(&mut self, day: Date, clock: Clock) {
        self.raw(&format!(
            "<time datetime=\"{day}\">{day}</time> <span class=\"soft\">{}</span>",
            clock.distance(day)
        ));
    }

    /// Text for those who hear the page.
    pub(super) fn heard(&mut self, text: &str) {
        self.element("<span class=\"heard\">", text, "</span>");
    }
}

/// How long ago. Pages are made for a minute, so that less than one is no time at all.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(at);
    if age < SignedDuration::from_mins(-1) {
        format!("{} ahead of this host's clock", length(age))
    } else if age < SignedDuration::from_mins(1) {
        "just now".to_owned()
    } else {
        format!("{} ago", length(age))
    }
}

/// The day of a moment in UTC, for where moments beside it are in UTC.
pub(super) fn utc_day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// When a page is made, and which day that is for the operator: his plans are in his days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: Timestamp,
    offset: Offset,
}

impl Clock {
    pub(super) fn of(plan: &Plan, now: Timestamp) -> Self {
        Self { now, offset: Offset::from_seconds(plan.utc_offset_seconds).unwrap_or(Offset::UTC) }
    }

    /// The operator's day of a moment.
    pub(super) fn day_of(self, at: Timestamp) -> Date {
        self.offset.to_datetime(at).date()
    }

    pub(super) fn today(self) -> Date {
        self.day_of(self.now)
    }

    /// The day from when on something is blocked: a day of UTC, and never one that is over for the operator.
    pub(super) fn blocked_from(self, at: Timestamp) -> Date {
        utc_day_of(at).max(self.today())
    }

    /// How far a day is.
    pub(super) fn distance(self, day: Date) -> String {
        match (day - self.today()).get_days() {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            -1 => "yesterday".to_owned(),
            days if days > 0 => format!("in {days} days"),
            days => format!("{} days ago", days.unsigned_abs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let rows = [
            ("2026-11-20T12:00:30Z", "just now"),
            ("2026-11-20T11:59:30Z", "just now"),
            ("2026-11-20T11:58:00Z", "2 minutes ago"),
            ("2026-11-17T12:00:00Z", "3 days ago"),
            ("2026-11-20T14:00:00Z", "2 hours ahead of this host's clock"),
        ];
        for (at, expected) in rows {
            assert_eq!(ago(at.parse().unwrap(), now), expected);
        }
        let rows = [
            ("2026-11-20", "today"),
            ("2026-11-21", "tomorrow"),
            ("2026-11-19", "yesterday"),
            ("2026-12-01", "in 11 days"),
            ("2025-11-20", "365 days ago"),
        ];
        for (day, expected) in rows {
            assert_eq!(Clock::of(&Plan::default(), now).distance(day.parse().unwrap()), expected);
        }
    }

    #[test]
    fn days_are_those_of_the_operator() {
        // The evening of the 5th in New York, the morning of the 6th in Tokyo.
        let now: Timestamp = "2026-12-06T01:00:00Z".parse().unwrap();
        for (hours, planned, expected) in [
            (-5, "2026-12-05", "today"),
            (0, "2026-12-05", "yesterday"),
            (9, "2026-12-06", "today"),
            (-5, "2026-12-06", "tomorrow"),
        ] {
            let clock = Clock::of(&Plan { utc_offset_seconds: hours * 3600, ..Plan::default() }, now);
            assert_eq!(clock.distance(planned.parse().unwrap()), expected, "{planned} at {hours}");
        }
    }
}
