//! May the instance run at all, on the day that is judged?

use super::units::in_days;
use crate::facts::{Family, LicenseTerms, LicenseText, Missing, Source, Until};
use crate::model::{
    About, Case, Category, Check, Environment, Finding, Judgement, People, Products, Severity, Undecided,
    conclude,
};

pub(super) static CHECK: Check = Check {
    id: "license-valid",
    title: "A licence that is valid on the day",
    category: Category::License,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::License],
    people: People::MaySayNothing,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The licence text in `confluence.cfg.xml` (property `atlassian.license.message`): whether it is there and whole, for \
which products it is, when the right to run ends, whether it is an evaluation, and whether it was made for tests only. \
A licence is valid through its last day, in UTC; on that day, and for a while before, the check warns.

## Why it matters

A Data Center subscription that has ended leaves the site read-only \
(<https://www.wikitransformationproject.com/blog/2026/05/08/migrating-from-a-read-only-confluence-instance/>), and a \
licence the product cannot read stops it from starting: the new release checks the licence again at its first start, \
in the middle of the night of the upgrade. The startup checks are listed at \
<https://confluence.atlassian.com/confkb/confluence-startup-checks-935906984.html>.

## How to fix it

Get the current key from <https://my.atlassian.com>, copy all of it, and enter it in Confluence under *Administration, \
General Configuration, License Details*. In a cluster, look at that screen on every node: \
<https://confluence.atlassian.com/display/CONF710/Managing+your+Confluence+License>. The agent never prints a licence text.

## What it needs

Read access to `confluence.cfg.xml` in the home directory.

## Settings

`license_warn_days`: how many days before the end it warns. `environment` of the instance: test keys and evaluations \
are in order on a test instance.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let license = case.facts.license()?;
    let place = license.place.as_str();
    let terms = match &license.text {
        LicenseText::Terms(terms) => terms.as_ref(),
        LicenseText::Absent => return Ok(unusable(case, place, "There is no licence", "no licence")),
        LicenseText::Damaged(why) => {
            return Ok(unusable(case, place, "The licence text is damaged", why));
        }
        LicenseText::Legacy => {
            let seen = "the old two-part form of a licence";
            return Ok(unusable(case, place, "The licence has a form that is not accepted any more", seen));
        }
    };
    let mut found = Vec::new();
    let mut missing = Vec::new();
    found.extend(other_product(case, place, terms));
    found.extend(purpose(case, terms));
    match ending(case, terms) {
        Ok(finding) => found.extend(finding),
        Err(unread) => missing.push(unread),
    }
    let evidence = format!("{:?} in {place} ends: {}", terms.description, terms.expires);
    conclude(evidence, found, missing)
}

/// A text that is no licence, whatever the reason: the product would refuse it too.
fn unusable(case: &Case<'_>, place: &str, what: &str, seen: &str) -> Judgement {
    let product = case.facts.product;
    let finding = Finding {
        severity: Severity::Blocker,
        subject: "license".to_owned(),
        summary: format!("{what} in {place}"),
        observed: seen.to_owned(),
        required: format!("a licence for {product} that can be read"),
        remedy: enter_again(case),
    };
    Judgement::new(format!("looked for a licence in {place}"), vec![finding])
}

fn enter_again(case: &Case<'_>) -> String {
    format!(
        "Copy the whole key, down to its last character, from https://my.atlassian.com and enter it in {} under \
         Administration, General Configuration, License Details. Then run `agent refresh --source license`.",
        case.facts.product
    )
}

fn other_product(case: &Case<'_>, place: &str, terms: &LicenseTerms) -> Option<Finding> {
    if terms.for_this_product {
        return None;
    }
    let product = case.facts.product;
    let named = if terms.products.is_empty() { "no product".to_owned() } else { terms.products.join(", ") };
    Some(Finding {
        severity: Severity::Blocker,
        subject: "product".to_owned(),
        summary: format!("The licence in {place} is for {named} and not for {product}"),
        observed: named,
        required: product.to_string(),
        remedy: enter_again(case),
    })
}

/// Test keys and evaluations are in order on a test instance only.
fn purpose(case: &Case<'_>, terms: &LicenseTerms) -> Vec<Finding> {
    let mut found = Vec::new();
    let environment = case.policy.environment;
    let hours = match &terms.expires {
        Until::AfterActivation(_) => Some(format!("it ends {}", terms.expires)),
        Until::NotStated | Until::Forever | Until::Day(_) | Until::Unreadable(_) => None,
    };
    if let Some(sign) = terms.not_for_production.clone().or(hours) {
        let (severity, remedy) = match environment {
            Environment::Production => (
                Severity::Blocker,
                format!(
                    "{} If this is a test instance, say so: environment = \"test\" in its section of the agent's \
                     configuration.",
                    enter_again(case)
                ),
            ),
            Environment::Test => {
                (Severity::Notice, "Nothing needs to be done on a test instance.".to_owned())
            }
        };
        found.push(Finding {
            severity,
            subject: "not-for-production".to_owned(),
            summary: "The licence was made for tests or development, not for production".to_owned(),
            observed: sign,
            required: "a licence for production".to_owned(),
            remedy,
        });
    }
    if terms.evaluation && environment == Environment::Production {
        found.push(Finding {
            severity: Severity::Warning,
            subject: "evaluation".to_owned(),
            summary: "A production instance runs on an evaluation licence".to_owned(),
            observed: terms.description.clone(),
            required: "a bought licence".to_owned(),
            remedy: format!(
                "Buy a licence at https://my.atlassian.com and enter its key in {} under Administration, General \
                 Configuration, License Details. If this is a test instance, say so: environment = \"test\" in its \
                 section of the agent's configuration.",
                case.facts.product
            ),
        });
    }
    found
}

fn ending(case: &Case<'_>, terms: &LicenseTerms) -> Result<Option<Finding>, Missing> {
    let finding = |severity, summary: String, required: &str| Finding {
        severity,
        subject: "expiry".to_owned(),
        summary,
        observed: format!("end of the licence: {}", terms.expires),
        required: required.to_owned(),
        remedy: format!("Renew the licence. {}", enter_again(case)),
    };
    match &terms.expires {
        Until::Day(day) => {
            let left = case.days_until(*day);
            let when = in_days(left);
            if left < 0 {
                let what = if terms.data_center { ", and leaves the site read-only" } else { "" };
                let summary = format!("The licence ended on {day}, {when}{what}");
                Ok(Some(finding(Severity::Blocker, summary, "a licence that has not ended")))
            } else if left <= i64::from(case.policy.license_warn_days) {
                let required = format!("more than {} days left", case.policy.license_warn_days);
                Ok(Some(finding(Severity::Warning, format!("The licence ends on {day}, {when}"), &required)))
            } else {
                Ok(None)
            }
        }
        // DataCenterLicenseExpiryValidator demands an end of Data Center licences.
        // https://docs.atlassian.com/ConfluenceServer/javadoc/5.8.6/ (package license.validator)
        Until::NotStated if terms.data_center => Ok(Some(finding(
            Severity::Warning,
            "The Data Center licence states no end, without which it may be refused".to_owned(),
            "a Data Center licence with an end",
        ))),
        Until::NotStated | Until::Forever => Ok(None),
        Until::AfterActivation(_) => Err(Missing::Unread {
            of: Source::License,
            what: "the end of the licence".to_owned(),
            why: format!(
                "it ends {}, and when it was activated stands nowhere the agent reads",
                terms.expires
            ),
        }),
        Until::Unreadable(_) => Err(Missing::Unread {
            of: Source::License,
            what: "the end of the licence".to_owned(),
            why: format!("it says {}; see it under License Details in the product", terms.expires),
        }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, judges_spoilt, license, look, terms};

    #[test]
    fn judges_what_the_licence_says() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: &[Spoil] = &[
            ("good", |_| {}, Ready, &[]),
            ("absent", |g| license(g).text = LicenseText::Absent, Blocked, &[(B, "license")]),
            ("legacy", |g| license(g).text = LicenseText::Legacy, Blocked, &[(B, "license")]),
            (
                "damaged",
                |g| license(g).text = LicenseText::Damaged("its end is cut off".into()),
                Blocked,
                &[(B, "license")],
            ),
            (
                "for another product",
                |g| {
                    terms(g).for_this_product = false;
                    terms(g).products = vec!["jira".into()];
                },
                Blocked,
                &[(B, "product")],
            ),
            (
                "for no product",
                |g| {
                    terms(g).for_this_product = false;
                    terms(g).products.clear();
                },
                Blocked,
                &[(B, "product")],
            ),
            ("ended yesterday", |g| ends(g, date(2025, 11, 30)), Blocked, &[(B, "expiry")]),
            ("ends today", |g| ends(g, date(2025, 12, 1)), Warning, &[(W, "expiry")]),
            ("ends at the limit", |g| ends(g, date(2026, 1, 30)), Warning, &[(W, "expiry")]),
            ("ends after the limit", |g| ends(g, date(2026, 1, 31)), Ready, &[]),
            ("ends long ago", |g| ends(g, date(-9999, 1, 1)), Blocked, &[(B, "expiry")]),
            ("ends in a far future", |g| ends(g, date(9999, 12, 31)), Ready, &[]),
            ("forever", |g| terms(g).expires = Until::Forever, Ready, &[]),
            (
                "Data Center without an end",
                |g| terms(g).expires = Until::NotStated,
                Warning,
                &[(W, "expiry")],
            ),
            (
                "perpetual",
                |g| {
                    terms(g).data_center = false;
                    terms(g).expires = Until::NotStated;
                },
                Ready,
                &[],
            ),
            ("end unreadable", |g| terms(g).expires = Until::Unreadable("soon".into()), Unknown, &[]),
            ("for three hours", |g| terms(g).expires = hours(), Blocked, &[(B, "not-for-production")]),
            (
                "for three hours on a test instance",
                |g| {
                    terms(g).expires = hours();
                    g.policy.environment = Environment::Test;
                },
                Unknown,
                &[(Severity::Notice, "not-for-production")],
            ),
            (
                "a test key",
                |g| terms(g).not_for_production = Some("type TESTING".into()),
                Blocked,
                &[(B, "not-for-production")],
            ),
            ("evaluation", |g| terms(g).evaluation = true, Warning, &[(W, "evaluation")]),
            (
                "evaluation on a test instance",
                |g| {
                    terms(g).evaluation = true;
                    g.policy.environment = Environment::Test;
                },
                Ready,
                &[],
            ),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn a_blocker_stands_beside_what_could_not_be_read() {
        let mut golden = golden();
        terms(&mut golden).for_this_product = false;
        terms(&mut golden).expires = Until::Unreadable("soon".into());
        assert_eq!(look(&CHECK, &golden).verdict, Blocked);
    }

    fn ends(golden: &mut Golden, day: jiff::civil::Date) {
        terms(golden).expires = Until::Day(day);
    }

    fn hours() -> Until {
        Until::AfterActivation(SignedDuration::from_hours(3))
    }
}
