//! What a licence allows on a day, as far as its text and the catalog tell.
//!
//! How users in use compare with users allowed is for the checks of an instance to see.
//!
//! What Confluence does with a licence, with the sources of each rule: the checks `license-valid` and
//! `license-covers-target`. In short: a Server licence runs releases built until its maintenance ends
//! (<https://confluence.atlassian.com/purchasing/what-happens-when-the-included-maintenance-ends-321848855.html>),
//! a Data Center licence runs any release until it ends itself.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upgrade_readiness_checks::catalog::{Catalog, Component, Confidence, Release, Standing};
use upgrade_readiness_checks::facts::{LicenseTerms, LicenseText, Seats, Until};
use upgrade_readiness_checks::model::{Policy, Verdict};
use upgrade_readiness_checks::version::{Line, ProductVersion};

const RENEW: &str = "Get the renewed licence from https://my.atlassian.com and enter it under Administration, General Configuration, License Details.";
const COPY_AGAIN: &str = "Copy it again, from the first letter through the last, from https://my.atlassian.com or from the property atlassian.license.message of confluence.cfg.xml.";

const PASTE: &str = "Name a file that holds the licence, or paste the value of the property atlassian.license.message of confluence.cfg.xml.";

/// What is to be said about a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: LicenseText,
    /// The gravest first.
    pub(super) notes: Vec<Note>,
    /// `None` when it allows nothing, or when that cannot be told; a note says why.
    pub(super) allowed: Option<Allowed>,
}

impl Answer {
    pub(super) fn verdict(&self) -> Verdict {
        self.notes.iter().map(|note| note.verdict).max().unwrap_or(Verdict::Ready)
    }
}

/// One thing that is wrong with a licence, or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) verdict: Verdict,
    /// A sentence without its full stop.
    pub(super) summary: String,
    /// Full sentences.
    pub(super) remedy: String,
}

impl Note {
    fn new(verdict: Verdict, summary: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict, summary: summary.into(), remedy: remedy.into() }
    }
}

/// The releases a licence allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed {
    /// The last day on which a release must have been published; `None` when that does not matter.
    pub(super) released_until: Option<Date>,
    pub(super) newest: Picks,
    pub(super) newest_long_term_support: Picks,
    /// What the catalog says of later lines, as sentences.
    pub(super) limits: Vec<String>,
}

/// The newest release that is allowed for sure, and a newer one that may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Picks {
    pub(super) sure: Option<Pick>,
    pub(super) doubtful: Option<Pick>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) version: ProductVersion,
    pub(super) released_on: Option<Date>,
    /// Why it is not sure; empty when it is.
    pub(super) doubt: String,
}

/// What a licence is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    catalog: &'a Catalog,
    policy: &'a Policy,
    today: Date,
}

impl<'a> Judge<'a> {
    pub(super) fn new(catalog: &'a Catalog, policy: &'a Policy, now: Timestamp) -> Self {
        Self { catalog, policy, today: TimeZone::UTC.to_datetime(now).date() }
    }

    pub(super) fn judge(&self, text: LicenseText) -> Answer {
        let (mut notes, allowed) = match &text {
            LicenseText::Terms(terms) => self.judge_terms(terms),
            LicenseText::Absent => {
                (vec![Note::new(Verdict::Unknown, "There is no licence text", PASTE)], None)
            }
            LicenseText::Damaged(reason) => {
                let summary = format!("This is not a whole licence: {reason}");
                (vec![Note::new(Verdict::Blocked, summary, COPY_AGAIN)], None)
            }
            LicenseText::Legacy => {
                let summary = "It is in the old two-part form, which Confluence refuses since 5.6";
                (vec![Note::new(Verdict::Blocked, summary, RENEW)], None)
            }
        };
        notes.sort_by_key(|note| std::cmp::Reverse(note.verdict));
        Answer { text, notes, allowed }
    }

    fn judge_terms(&self, terms: &LicenseTerms) -> (Vec<Note>, Option<Allowed>) {
        if !terms.for_this_product {
            let summary = match terms.products.as_slice() {
                [] => "It names no product".to_owned(),
                products => format!("It is not for Confluence but for {}", list(products)),
            };
            let remedy = "Use the licence of Confluence itself; licences of apps are entered with the apps.";
            return (vec![Note::new(Verdict::Blocked, summary, remedy)], None);
        }
        let mut notes: Vec<Note> = self.end_of_right(terms).into_iter().collect();
        notes.extend(self.end_of_maintenance(terms));
        if let Some(how) = &terms.not_for_production {
            let remedy = "Use it for tests only.";
            notes.push(Note::new(Verdict::Warning, format!("It is not for production: {how}"), remedy));
        }
        if terms.data_center && terms.users == Seats::NotStated && !terms.evaluation {
            let summary = "It states no readable number of users, which Data Center wants to see";
            notes.push(Note::new(Verdict::Warning, summary, RENEW));
        }
        let over = notes.iter().any(|note| note.verdict == Verdict::Blocked);
        let allowed = if over { None } else { self.allowed(terms) };
        (notes, allowed)
    }

    /// The end of the right to run anything.
    fn end_of_right(&self, terms: &LicenseTerms) -> Option<Note> {
        match &terms.expires {
            Until::Day(day) => {
                let left = days(self.today, *day);
                if left < 0 {
                    // Atlassian, as quoted in
                    // https://www.wikitransformationproject.com/blog/2026/05/08/migrating-from-a-read-only-confluence-instance/
                    let effect = if terms.data_center { "; Confluence is read-only with it" } else { "" };
                    let summary = format!("It ended on {day}, {} ago{effect}", count(-left));
                    Some(Note::new(Verdict::Blocked, summary, RENEW))
                } else if left <= i64::from(self.policy.license_warn_days) {
                    Some(Note::new(Verdict::Warning, format!("It ends on {day}, {}", ahead(left)), RENEW))
                } else {
                    None
                }
            }
            Until::NotStated if terms.data_center => {
                let summary = "It states no day on which it ends, which Data Center wants to see";
                Some(Note::new(Verdict::Warning, summary, RENEW))
            }
            Until::NotStated if terms.evaluation || terms.subscription => {
                let summary = "It was given for a time, and does not state when it ends";
                Some(Note::new(Verdict::Unknown, summary, RENEW))
            }
            Until::NotStated | Until::Forever => None,
            Until::AfterActivation(time) => Some(Note::new(
                Verdict::Unknown,
                format!("It ends {time:#} after it was entered, and its text does not tell when that was"),
                "Look under Administration, General Configuration, License Details, which shows the day.",
            )),
            Until::Unreadable(seen) => {
                let summary = format!("The day on which it ends cannot be read: {seen:?}");
                Some(Note::new(Verdict::Unknown, summary, COPY_AGAIN))
            }
        }
    }

    /// The end of the right to newer releases. On Data Center it decides nothing.
    fn end_of_maintenance(&self, terms: &LicenseTerms) -> Option<Note> {
        if terms.maintenance_ends == terms.expires && terms.expires != Until::NotStated {
            return None; // said already
        }
        let effect = if terms.data_center {
            "without it there is no support"
        } else {
            "it runs what was released until then, and nothing newer"
        };
        match &terms.maintenance_ends {
            Until::Day(day) => {
                let left = days(self.today, *day);
                let when = if left < 0 {
                    format!("Maintenance ended on {day}, {} ago", count(-left))
                } else if left <= i64::from(self.policy.license_warn_days) {
                    format!("Maintenance ends on {day}, {}", ahead(left))
                } else {
                    return None;
                };
                Some(Note::new(Verdict::Warning, format!("{when}: {effect}"), RENEW))
            }
            Until::Forever => None,
            Until::NotStated if terms.data_center => None,
            unclear @ (Until::NotStated | Until::AfterActivation(_) | Until::Unreadable(_)) => {
                let verdict = if terms.data_center { Verdict::Warning } else { Verdict::Unknown };
                let summary = format!(
                    "The end of its maintenance is {unclear}, so which releases it allows cannot be told"
                );
                Some(Note::new(
                    verdict,
                    summary,
                    "Look under Administration, General Configuration, License Details.",
                ))
            }
        }
    }

    fn allowed(&self, terms: &LicenseTerms) -> Option<Allowed> {
        let (edition, released_until) = if terms.data_center {
            ("Data Center", None)
        } else {
            let until = match terms.maintenance_ends {
                Until::Day(day) => Some(day),
                Until::Forever => None,
                Until::NotStated | Until::AfterActivation(_) | Until::Unreadable(_) => return None,
            };
            ("Server", until)
        };
        let newest = |wanted: &dyn Fn(&Release) -> bool| {
            let mut picks = Picks::default();
            let releases = self.catalog.releases().iter().rev();
            for release in releases.filter(|release| release.version.is_release() && wanted(release)) {
                let Some(doubts) = self.doubts(release, edition, released_until) else { continue };
                let (version, released_on) = (release.version.clone(), release.released_on);
                let pick = Pick { version, released_on, doubt: doubts.join("; ") };
                if pick.doubt.is_empty() {
                    picks.sure = Some(pick);
                    break;
                }
                picks.doubtful.get_or_insert(pick);
            }
            picks
        };
        Some(Allowed {
            released_until,
            newest: newest(&|_| true),
            newest_long_term_support: newest(&|release| release.long_term_support),
            limits: if terms.data_center { Vec::new() } else { self.limits(edition) },
        })
    }

    /// Why it is not sure that a release is allowed; `None` when it is sure that it is not.
    fn doubts(&self, release: &Release, edition: &str, until: Option<Date>) -> Option<Vec<String>> {
        let line = release.version.line();
        let mut doubts = Vec::new();
        if let Some(until) = until {
            // What decides is the day it was built, which is not published and lies a little earlier.
            let margin = i64::from(self.policy.release_date_margin_days);
            // A release of an unknown day cannot be held against it and is not offered.
            let left = days(release.released_on?, until);
            if left < -margin {
                return None;
            }
            if left <= margin {
                let span = count(margin);
                doubts.push(format!(
                    "within {span} of the end of maintenance, and the day it was built decides"
                ));
            }
        }
        let ruling = self.catalog.ruling(Component::LicenseType, edition, line);
        match (ruling.standing, ruling.confidence) {
            (Standing::Supported, Confidence::Confirmed) => {}
            (Standing::Excluded, _) => return None, // `limits` says how sure that is
            (Standing::Supported, Confidence::Partial | Confidence::Inferred)
            | (Standing::NotListed | Standing::Unknown, _) => {
                doubts.push(format!("that {line} takes {edition} licences is not confirmed"));
            }
        }
        Some(doubts)
    }

    /// From which line on an edition is refused, and from which that is said without confirmation.
    fn limits(&self, edition: &str) -> Vec<String> {
        let mut lines: Vec<Line> =
            self.catalog.releases().iter().map(|release| release.version.line()).collect();
        lines.dedup();
        let first_refused = |at_least: Confidence| {
            let refused = |line: &&Line| {
                let ruling = self.catalog.ruling(Component::LicenseType, edition, **line);
                ruling.standing == Standing::Excluded && ruling.confidence >= at_least
            };
            lines.iter().rev().take_while(refused).last()
        };
        let (said, confirmed) = (first_refused(Confidence::Inferred), first_refused(Confidence::Confirmed));
        let mut limits = Vec::new();
        if let Some(line) = said.filter(|_| said != confirmed) {
            limits.push(format!(
                "{line} and later are said to need a Data Center licence, which could not be confirmed."
            ));
        }
        limits.extend(confirmed.map(|line| format!("{line} and later need a Data Center licence.")));
        limits
    }
}

/// Days from one day to another.
fn days(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

fn count(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

fn ahead(left: i64) -> String {
    if left == 0 { "which is today".to_owned() } else { format!("in {}", count(left)) }
}

/// The first few names of a list that may be long.
pub(super) fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
