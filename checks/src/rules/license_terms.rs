//! Whether the terms of a licence allow a release: asked of the licence in force and of one that lies at hand.

use jiff::civil::Date;

use super::units::in_days;
use crate::catalog::{Component, Confidence, Release, Standing};
use crate::facts::{LicenseTerms, Missing, Source, Until};
use crate::model::{Case, Finding, Judgement, Severity, Undecided, conclude};

/// What stands between a licence for the watched product and the target.
pub(super) fn covers_target(case: &Case<'_>, terms: &LicenseTerms) -> Result<Judgement, Undecided> {
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
