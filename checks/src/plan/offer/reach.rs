//! How far a licence reaches: the newest release it permits. It answers "may I still go to a version that was
//! released before my licence ended?".

use jiff::civil::Date;

use super::{LICENSE, as_target};
use crate::facts::{AtHand, Family, LicenseTerms, LicenseText, Reading, Snapshot, Until};
use crate::model::{Severity, Undecided};
use crate::report::Judge;
use crate::rules;
use crate::version::ProductVersion;

/// Which licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhichLicense {
    /// The one in force.
    InForce,
    /// The one in this file, which waits to be entered.
    AtHand(String),
}

/// The newest release a licence permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseReach {
    /// Which licence.
    pub which: WhichLicense,
    /// The newest release it permits, with the day it was published; `None` when it permits none that is newer than
    /// the running one, or when that cannot be told.
    pub newest: Option<(ProductVersion, Option<Date>)>,
    /// The answer as a sentence without its full stop.
    pub answer: String,
}

pub(super) fn of_licenses(judge: Judge<'_>, facts: &Snapshot) -> Vec<LicenseReach> {
    if facts.product.family() == Family::Carbon {
        return Vec::new();
    }
    let license = match facts.license() {
        Ok(license) => license,
        Err(missing) => {
            let answer = format!("which releases the licence permits is not known: {missing}");
            return vec![LicenseReach { which: WhichLicense::InForce, newest: None, answer }];
        }
    };
    let mut reaches = vec![reach(judge, facts, WhichLicense::InForce, &license.text)];
    if let AtHand::File { place, text, in_force: false } = &license.at_hand {
        let mut entered = facts.clone();
        if let Reading::Learned(learned) = &mut entered.license {
            learned.facts.text = text.clone();
        }
        reaches.push(reach(judge, &entered, WhichLicense::AtHand(place.clone()), text));
    }
    reaches
}

fn reach(judge: Judge<'_>, facts: &Snapshot, which: WhichLicense, text: &LicenseText) -> LicenseReach {
    let terms = match text {
        LicenseText::Terms(terms) if terms.for_this_product => terms,
        LicenseText::Terms(_) | LicenseText::Absent | LicenseText::Damaged(_) | LicenseText::Legacy => {
            let answer = "which releases it permits cannot be told; license-valid says what is wrong with it"
                .to_owned();
            return LicenseReach { which, newest: None, answer };
        }
    };
    let running = facts.installation().ok().and_then(|facts| facts.version.value());
    let mut newer = judge.catalog.releases().iter().rev().filter(|release| {
        release.version.is_release() && running.is_none_or(|running| release.version > *running)
    });
    let newest = newer
        .find(|release| permits(judge, facts, &as_target(release)) == Some(true))
        .map(|release| (release.version.clone(), release.released_on));
    let answer = answer(terms, newest.as_ref(), judge);
    LicenseReach { which, newest, answer }
}

/// Whether the licence permits a release; `None` when that cannot be told.
fn permits(judge: Judge<'_>, facts: &Snapshot, target: &crate::model::Target) -> Option<bool> {
    let check = rules::ALL.iter().find(|check| check.id == LICENSE)?;
    let blocks = |findings: &[crate::model::Finding]| {
        findings.iter().any(|finding| finding.severity == Severity::Blocker)
    };
    match (check.evaluate)(&judge.case(facts, target)) {
        Ok(judgement) => Some(!blocks(&judgement.findings)),
        Err(Undecided::Partly { found, .. }) if blocks(&found) => Some(false),
        Err(Undecided::Partly { .. } | Undecided::Missing(_) | Undecided::DoesNotApply(_)) => None,
    }
}

fn answer(terms: &LicenseTerms, newest: Option<&(ProductVersion, Option<Date>)>, judge: Judge<'_>) -> String {
    let today = jiff::tz::TimeZone::UTC.to_datetime(judge.now).date();
    let released = |day: &Option<Date>| day.map_or_else(String::new, |day| format!(" of {day}"));
    if terms.data_center {
        return match (&terms.expires, newest) {
            (Until::Day(end), _) if *end < today => format!(
                "no release any more: the subscription ended on {end}, and then it does not matter when a release was \
                 published"
            ),
            (Until::Day(end), Some((version, _))) => {
                format!("every release until the subscription ends on {end}; the newest today is {version}")
            }
            (_, Some((version, _))) => format!("every release; the newest today is {version}"),
            (_, None) => "no release newer than the running one is known that it permits".to_owned(),
        };
    }
    match (&terms.maintenance_ends, newest) {
        (Until::Day(end), Some((version, day))) if *end < today => format!(
            "releases published before maintenance ended on {end} may still be installed; the newest of them is \
             {version}{}",
            released(day)
        ),
        (Until::Day(end), Some((version, day))) => format!(
            "releases published until maintenance ends on {end}; the newest today is {version}{}",
            released(day)
        ),
        (Until::Day(end), None) => {
            format!(
                "no newer release: none was published between the running one and {end} that takes a Server licence"
            )
        }
        (_, Some((version, day))) => format!("the newest release it permits is {version}{}", released(day)),
        (_, None) => "no release newer than the running one is known that it permits".to_owned(),
    }
}
