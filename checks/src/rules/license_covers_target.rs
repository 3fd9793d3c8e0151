//! Does the licence allow this very release?
//!
//! Whether the licence is valid as such is a question for license-valid.

use super::license_terms::covers_target;
use crate::facts::{Family, LicenseText, Missing, Source};
use crate::model::{About, Case, Category, Check, Judgement, People, Products, Undecided};

pub(super) static CHECK: Check = Check {
    id: "license-covers-target",
    title: "A licence that covers the target",
    category: Category::License,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::License],
    people: People::MaySayNothing,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The licence's dates and type beside the target. A Server licence covers what was released before its maintenance ends; \
a Data Center licence covers every release as long as the subscription runs. And a release line may accept Data Center \
licences only.

## Why it matters

The new release compares the build date of the program with the licence when it starts, and refuses to start when \
maintenance ended before: <https://docs.atlassian.com/ConfluenceServer/javadoc/8.5.7/> (SupportPeriodValidator, which \
skips Data Center licences). That is after the old program is gone. An ended subscription leaves the site read-only. \
From 9.0 on only Data Center licences are accepted: \
<https://confluence.atlassian.com/doc/preparing-for-confluence-9-0-1333827518.html>. An ended maintenance does not stop \
the running release: <https://confluence.atlassian.com/purchasing/what-happens-when-the-included-maintenance-ends-321848855.html>.

## How to fix it

Renew the subscription, or move from Server to Data Center (support of Server licences ended on 2024-02-15: \
<https://confluence.atlassian.com/doc/preparing-for-confluence-9-0-1333827518.html>), at <https://my.atlassian.com> before the night of the upgrade, enter the \
new key in the running product, and see it here. Or choose a release that was published before maintenance ended; the \
finding names the newest one.

## What it needs

Read access to `confluence.cfg.xml` in the home directory. The release dates come from the catalog; the day a program \
was built is not published, and the day it was released is a little later: the safe side.

## Settings

`release_date_margin_days`: release dates are kept in other time zones and may be off by a day or two; a maintenance end \
this close to the release warns instead of deciding. `license-type` under `[requirements.\"<line>\"]`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let license = case.facts.license()?;
    match &license.text {
        LicenseText::Terms(terms) if terms.for_this_product => covers_target(case, terms),
        LicenseText::Terms(_) => Err(unread("it is for another product").into()),
        LicenseText::Absent => Err(unread("there is none").into()),
        LicenseText::Damaged(_) => Err(unread("its text is damaged").into()),
        LicenseText::Legacy => Err(unread("it has the old two-part form").into()),
    }
}

fn unread(why: &str) -> Missing {
    Missing::Unread {
        of: Source::License,
        what: "the terms of the licence".to_owned(),
        why: format!("{why}; see license-valid"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::{Date, date};

    use super::*;
    use crate::facts::Until;
    use crate::golden::{Golden, golden};
    use crate::model::Severity;
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Row, Spoil, judges, judges_spoilt, license, look, terms};

    const B: Severity = Severity::Blocker;
    const W: Severity = Severity::Warning;

    /// A Server licence and a target whose line takes one.
    fn server(maintenance_ends: Until) -> Golden {
        let mut golden = golden().to("8.5.4");
        let terms = terms(&mut golden);
        terms.data_center = false;
        terms.expires = Until::NotStated;
        terms.maintenance_ends = maintenance_ends;
        golden
    }

    fn released() -> Date {
        golden().to("8.5.4").target.release.unwrap().released_on.unwrap()
    }

    fn days_after_release(days: i64) -> Until {
        Until::Day(released().checked_add(jiff::Span::new().days(days)).unwrap())
    }

    #[test]
    fn a_server_licence_covers_what_was_released_before_maintenance_ends() {
        let rows: Vec<Row> = vec![
            (server(days_after_release(4)), Ready, &[]),
            (server(days_after_release(3)), Warning, &[(W, "maintenance")]),
            (server(days_after_release(0)), Warning, &[(W, "maintenance")]),
            (server(days_after_release(-3)), Warning, &[(W, "maintenance")]),
            (server(days_after_release(-4)), Blocked, &[(B, "maintenance")]),
            (server(Until::Forever), Ready, &[]),
            (server(Until::NotStated), Unknown, &[]),
            (server(Until::Unreadable("31/31/2031".into())), Unknown, &[]),
            (server(Until::AfterActivation(SignedDuration::from_hours(3))), Skipped, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn the_newest_release_that_is_covered_is_named() {
        let seen = look(&CHECK, &server(days_after_release(-4)));
        let remedy = &seen.findings[0].remedy;
        assert!(remedy.contains("surely covers is 8."), "{remedy}");
        let ancient = look(&CHECK, &server(Until::Day(date(1999, 1, 1))));
        assert!(!ancient.findings[0].remedy.contains("surely covers"), "{}", ancient.text());
    }

    #[test]
    fn a_server_licence_is_not_accepted_by_newer_lines() {
        let mut golden = golden();
        terms(&mut golden).data_center = false;
        assert_eq!(look(&CHECK, &golden).found(), [(B, "type")]);
        // The ended maintenance of a licence that is refused anyway is no second finding.
        for (end, named) in [(Until::Day(date(2023, 9, 30)), true), (Until::Unreadable("?".into()), false)] {
            terms(&mut golden).maintenance_ends = end;
            let seen = look(&CHECK, &golden);
            assert_eq!((seen.verdict, seen.found().as_slice()), (Blocked, [(B, "type")].as_slice()));
            assert_eq!(seen.findings[0].remedy.contains("surely covers is 8.5.1."), named, "{}", seen.text());
        }
        terms(&mut golden).maintenance_ends = Until::AfterActivation(SignedDuration::from_hours(3));
        let seen = look(&CHECK, &golden);
        assert_eq!(
            (seen.verdict, seen.found().as_slice()),
            (Blocked, [(B, "type")].as_slice()),
            "a test key has a type too"
        );
    }

    #[test]
    fn a_release_without_a_date_cannot_be_compared() {
        let mut golden = server(Until::Day(date(2020, 1, 1)));
        golden.target.release = None;
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown);
        assert!(seen.reason.contains("2020-01-01"), "{}", seen.reason);
    }

    #[test]
    fn a_data_center_licence_must_run_on_the_day() {
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("release not known", |g| g.target.release = None, Ready, &[]),
            ("ends today", |g| terms(g).expires = Until::Day(date(2025, 12, 1)), Ready, &[]),
            ("ended", |g| terms(g).expires = Until::Day(date(2025, 11, 30)), Blocked, &[(B, "expiry")]),
            ("no end", |g| terms(g).expires = Until::NotStated, Ready, &[]),
            ("end unreadable", |g| terms(g).expires = Until::Unreadable("?".into()), Unknown, &[]),
            (
                "for three hours",
                |g| terms(g).expires = Until::AfterActivation(SignedDuration::from_hours(3)),
                Skipped,
                &[],
            ),
            ("maintenance today", |g| terms(g).maintenance_ends = Until::Day(date(2025, 12, 1)), Ready, &[]),
            (
                "maintenance ended",
                |g| terms(g).maintenance_ends = Until::Day(date(2025, 11, 30)),
                Warning,
                &[(W, "maintenance")],
            ),
            (
                "maintenance unreadable",
                |g| terms(g).maintenance_ends = Until::Unreadable("?".into()),
                Unknown,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn what_is_no_licence_is_left_to_the_other_check() {
        let texts = [LicenseText::Absent, LicenseText::Legacy, LicenseText::Damaged("cut off".into())];
        for text in texts {
            let mut golden = golden();
            license(&mut golden).text = text;
            let seen = look(&CHECK, &golden);
            assert_eq!(seen.verdict, Unknown);
            assert!(seen.reason.contains("see license-valid"), "{}", seen.reason);
        }
        let mut golden = golden();
        terms(&mut golden).for_this_product = false;
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }
}
