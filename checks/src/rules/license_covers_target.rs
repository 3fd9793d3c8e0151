//! Does the licence allow this very release?
//!
//! Whether the licence is valid as such is a question for license-valid.

use jiff::civil::Date;

use super::units::in_days;
use crate::catalog::{Component, Confidence, Release, Standing};
use crate::facts::{LicenseTerms, LicenseText, Missing, Source, Until};
use crate::model::{
    Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "license-covers-target",
    title: "A licence that covers the target",
    category: Category::License,
    products: Products::All,
    reads: &[Source::License],
    people: People::MaySayNothing,
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
    let terms = match &license.text {
        LicenseText::Terms(terms) if terms.for_this_product => terms.as_ref(),
        LicenseText::Terms(_) => return Err(unread("it is for another product").into()),
        LicenseText::Absent => return Err(unread("there is none").into()),
        LicenseText::Damaged(_) => return Err(unread("its text is damaged").into()),
        LicenseText::Legacy => return Err(unread("it has the old two-part form").into()),
    };
    let mut found: Vec<Finding> = accepted_type(case, terms).into_iter().collect();
    let mut missing = Vec::new();
    if let Some(refused) = found.pop_if(|finding| finding.severity == Severity::Blocker) {
        // Of a type the target does not take the dates do not matter.
        return conclude(format!("a {} licence", license_type(terms)), vec![refused], missing);
    }
    let dates = if terms.data_center { data_center(case, terms) } else { server(case, terms) };
    let (evidence, dates) = match dates {
        // A key without dates to compare is still of a type.
        Err(Undecided::DoesNotApply(reason)) if !found.is_empty() => (reason, Ok(None)),
        dates => dates?,
    };
    match dates {
        Ok(finding) => found.extend(finding),
        Err(reason) => missing.push(reason),
    }
    conclude(evidence, found, missing)
}

/// What was seen, and what follows from the dates.
type Dates = (String, Result<Option<Finding>, Missing>);

fn unread(why: &str) -> Missing {
    Missing::Unread {
        of: Source::License,
        what: "the terms of the licence".to_owned(),
        why: format!("{why}; see license-valid"),
    }
}

fn license_type(terms: &LicenseTerms) -> &'static str {
    if terms.data_center { "Data Center" } else { "Server" }
}

/// Only a clear no counts: what the catalog does not know of licence types is not asked of anybody.
fn accepted_type(case: &Case<'_>, terms: &LicenseTerms) -> Option<Finding> {
    let ours = license_type(terms);
    let ruling = case.catalog.ruling(Component::LicenseType, ours, case.target.line());
    let severity = match (ruling.standing, ruling.confidence) {
        (Standing::Excluded, Confidence::Confirmed) => Severity::Blocker,
        (Standing::Excluded, Confidence::Partial | Confidence::Inferred) => Severity::Warning,
        (Standing::Supported | Standing::NotListed | Standing::Unknown, _) => return None,
    };
    let product = case.facts.product;
    let covered = match &terms.maintenance_ends {
        Until::Day(end) if !terms.data_center => covered(case, *end),
        Until::Day(_)
        | Until::NotStated
        | Until::Forever
        | Until::AfterActivation(_)
        | Until::Unreadable(_) => String::new(),
    };
    let required = if ruling.supported.is_empty() {
        format!("a licence of another type than {ours}")
    } else {
        format!("a {} licence", ruling.supported.join(" or "))
    };
    Some(Finding {
        severity,
        subject: "type".to_owned(),
        summary: format!("{product} {} does not accept {ours} licences", case.target.version),
        observed: format!("a {ours} licence"),
        required: required.clone(),
        remedy: format!(
            "Get {required} for this instance at https://my.atlassian.com and enter it in the running {product} under \
             Administration, General Configuration, License Details, before the upgrade.{covered}"
        ),
    })
}

fn data_center(case: &Case<'_>, terms: &LicenseTerms) -> Result<Dates, Undecided> {
    let evidence = format!(
        "a Data Center licence that ends: {}, with maintenance that ends: {}",
        terms.expires, terms.maintenance_ends
    );
    let finding = |severity, subject: &str, summary: String, end: &Until| Finding {
        severity,
        subject: subject.to_owned(),
        summary,
        observed: format!("end: {end}"),
        required: format!("a later end than {}", case.today()),
        remedy: format!(
            "Renew the subscription at https://my.atlassian.com and enter the new key in the running {} under \
             Administration, General Configuration, License Details. Then run `agent refresh --source license`.",
            case.facts.product
        ),
    };
    match &terms.expires {
        Until::Day(day) if case.days_until(*day) < 0 => {
            let when = in_days(case.days_until(*day));
            // The end itself is license-valid's; here it is said what it means for the target.
            let summary = format!(
                "{} {} would be read-only: the subscription ended on {day}, {when}",
                case.facts.product, case.target.version
            );
            let mut finding = finding(Severity::Blocker, "expiry", summary, &terms.expires);
            "Renew the subscription, as license-valid says: one new key settles both."
                .clone_into(&mut finding.remedy);
            return Ok((evidence, Ok(Some(finding))));
        }
        Until::AfterActivation(_) => return Err(counted_in_hours(terms)),
        Until::Unreadable(_) => {
            return Ok((evidence, Err(unreadable("the end of the licence", &terms.expires))));
        }
        Until::Day(_) | Until::NotStated | Until::Forever => {}
    }
    let result = match &terms.maintenance_ends {
        Until::Day(day) if case.days_until(*day) < 0 => {
            let when = in_days(case.days_until(*day));
            let summary = format!("Maintenance of the licence ended on {day}, {when}: there is no support");
            Ok(Some(finding(Severity::Warning, "maintenance", summary, &terms.maintenance_ends)))
        }
        Until::Unreadable(_) => Err(unreadable("the end of maintenance", &terms.maintenance_ends)),
        Until::Day(_) | Until::NotStated | Until::Forever | Until::AfterActivation(_) => Ok(None),
    };
    Ok((evidence, result))
}

fn server(case: &Case<'_>, terms: &LicenseTerms) -> Result<Dates, Undecided> {
    let name = format!("{} {}", case.facts.product, case.target.version);
    let released_on = case.target.release.as_ref().and_then(|release| release.released_on);
    let released = released_on.map_or_else(|| "on an unknown day".to_owned(), |day| format!("on {day}"));
    let evidence = format!(
        "a Server licence with maintenance that ends: {}; {name} was released {released}",
        terms.maintenance_ends
    );
    let end = match &terms.maintenance_ends {
        Until::Day(end) => *end,
        Until::Forever => return Ok((evidence, Ok(None))),
        Until::AfterActivation(_) => return Err(counted_in_hours(terms)),
        Until::NotStated | Until::Unreadable(_) => {
            return Ok((evidence, Err(unreadable("the end of maintenance", &terms.maintenance_ends))));
        }
    };
    let Some(released_on) = released_on else {
        let unknown = Missing::Unknown {
            what: format!("day {name} was released on"),
            how_to_answer: format!(
                "compare the day on its download page with the end of maintenance, {end}, and name a newer catalog \
                 under [catalog.file] that has it"
            ),
        };
        return Ok((evidence, Err(unknown)));
    };
    Ok((evidence, Ok(maintenance(case, &name, released_on, end))))
}

fn maintenance(case: &Case<'_>, name: &str, released_on: Date, end: Date) -> Option<Finding> {
    let after = i64::from((released_on - end).get_days());
    let margin = i64::from(case.policy.release_date_margin_days);
    let (severity, summary) = if after > margin {
        (
            Severity::Blocker,
            format!("Maintenance ended on {end}, before {name} was released on {released_on}"),
        )
    } else if after >= -margin {
        let summary =
            format!("Maintenance ended on {end}, so close to the release of {name} that the hour decides");
        (Severity::Warning, summary)
    } else {
        return None;
    };
    let covered = covered(case, end);
    Some(Finding {
        severity,
        subject: "maintenance".to_owned(),
        summary,
        observed: format!("end of maintenance: {end}"),
        required: format!("maintenance beyond {released_on}"),
        remedy: format!(
            "Support of Server licences ended on 2024-02-15, so move to a Data Center licence at \
             https://my.atlassian.com and enter the new key in the running {} before the upgrade.{covered}",
            case.facts.product
        ),
    })
}

fn covered(case: &Case<'_>, end: Date) -> String {
    newest_covered(case, end).map_or_else(String::new, |release| {
        format!(" The newest release this licence surely covers is {}.", release.version)
    })
}

/// The newest release from before the end of maintenance whose line accepts Server licences.
fn newest_covered<'a>(case: &Case<'a>, end: Date) -> Option<&'a Release> {
    let margin = i64::from(case.policy.release_date_margin_days);
    case.catalog.releases().iter().rfind(|release| {
        let early = release.released_on.is_some_and(|on| i64::from((end - on).get_days()) > margin);
        let ruling = || case.catalog.ruling(Component::LicenseType, "Server", release.version.line());
        early && release.version.is_release() && ruling().standing != Standing::Excluded
    })
}

fn counted_in_hours(terms: &LicenseTerms) -> Undecided {
    Undecided::DoesNotApply(format!(
        "the licence is a test key that ends {}, and covers any release until then; see license-valid",
        match &terms.expires {
            Until::AfterActivation(_) => &terms.expires,
            Until::NotStated | Until::Forever | Until::Day(_) | Until::Unreadable(_) =>
                &terms.maintenance_ends,
        }
    ))
}

fn unreadable(what: &str, until: &Until) -> Missing {
    Missing::Unread {
        of: Source::License,
        what: what.to_owned(),
        why: match until {
            Until::NotStated => {
                "the licence does not state it; see it at https://my.atlassian.com".to_owned()
            }
            Until::Forever | Until::Day(_) | Until::AfterActivation(_) | Until::Unreadable(_) => {
                format!("it says {until}; see it under License Details in the product")
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::golden::{Golden, golden};
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
