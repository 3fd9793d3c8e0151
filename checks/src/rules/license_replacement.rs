//! Does a newer licence lie at hand that nobody has entered?

use super::license_terms::covers_target;
use super::wording::sentence;
use crate::facts::{AtHand, Family, LicenseTerms, LicenseText, Missing, Source, Until};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "license-replacement",
    title: "No newer licence left lying",
    category: Category::License,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::License],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The file that `license_file` of the instance names: the place where a renewed licence is put when it comes. Its text is \
read as the product reads its own, and laid beside the licence in force and the target.

## Why it matters

A renewed licence has to be entered in the running product before the upgrade; one that was bought and forgotten leaves \
the old one in force, and the upgrade stops with a licence error: \
<https://confluence.atlassian.com/display/DOC/Preparing+to+Upgrade+Confluence>. And a licence that was just bought may \
still be the wrong one for the target.

## How to fix it

Enter the key in the running product under Administration, General Configuration, License Details, and look again with \
`agent refresh --source license`. `agent license FILE` says what a licence allows.

## What it needs

Read access to the file, and to `confluence.cfg.xml` in the home directory.

## Settings

`license_file` of the instance: where a newer licence is put. Without it the check does not apply.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let license = case.facts.license()?;
    let (place, text, in_force) = match &license.at_hand {
        AtHand::NotNamed => {
            return Err(Undecided::DoesNotApply(
                "license_file of the instance names no place for a newer licence".to_owned(),
            ));
        }
        AtHand::Nothing(place) => return Ok(Judgement::ready(format!("no newer licence lies at {place}"))),
        AtHand::Unread(why) => {
            let what = "the licence file at hand".to_owned();
            return Err(Missing::Unread { of: Source::License, what, why: why.clone() }.into());
        }
        AtHand::File { place, text, in_force } => (place, text, *in_force),
    };
    if in_force {
        return Ok(Judgement::ready(format!("the licence in {place} is in force")));
    }
    let finding = match text {
        LicenseText::Terms(new) if new.for_this_product => waiting(case, place, new),
        LicenseText::Terms(new) => unusable(case, place, &format!("it is for {}", new.products.join(", "))),
        LicenseText::Absent => unusable(case, place, "it is empty"),
        LicenseText::Legacy => unusable(case, place, "it has the old two-part form"),
        LicenseText::Damaged(why) => unusable(case, place, why),
    };
    Ok(Judgement::new(format!("another licence than the one in force lies in {place}"), vec![finding]))
}

/// A licence for the product that nobody has entered.
fn waiting(case: &Case<'_>, place: &str, new: &LicenseTerms) -> Finding {
    let product = case.facts.product;
    let target = format!("{product} {}", case.target.version);
    let observed = format!(
        "in {place}: {}, ends: {}, maintenance ends: {}",
        new.description, new.expires, new.maintenance_ends
    );
    if is_older(case, new) {
        return Finding {
            severity: Severity::Notice,
            subject: "older".to_owned(),
            summary: "The licence at hand ends before the one in force".to_owned(),
            observed,
            required: "the newest licence, entered in the product".to_owned(),
            remedy: format!("Remove {place}, so that nobody enters it by mistake."),
        };
    }
    let against = match covers_target(case, new) {
        Ok(judgement) => judgement
            .findings
            .into_iter()
            .find(|found| found.severity == Severity::Blocker)
            .map(|found| found.summary),
        Err(Undecided::Partly { found, .. }) => {
            found.into_iter().find(|found| found.severity == Severity::Blocker).map(|found| found.summary)
        }
        Err(Undecided::Missing(_) | Undecided::DoesNotApply(_)) => None,
    };
    let enter = format!(
        "enter its key in the running {product} under Administration, General Configuration, License Details, and run \
         `agent refresh --source license`"
    );
    match against {
        Some(why) => Finding {
            severity: Severity::Warning,
            subject: "does-not-cover".to_owned(),
            summary: format!("The licence at hand would not allow {target} either"),
            observed: format!("{observed}; {why}"),
            required: format!("a licence that allows {target}"),
            remedy: format!(
                "{} See `agent license {place}`, and ask for another key at https://my.atlassian.com, or choose a \
                 release that it allows. Then {enter}.",
                sentence(&why)
            ),
        },
        None => Finding {
            severity: Severity::Warning,
            subject: "not-entered".to_owned(),
            summary: "A newer licence lies at hand and is not in force".to_owned(),
            observed,
            required: "the newest licence, entered in the product before the upgrade".to_owned(),
            remedy: format!("Before the upgrade, {enter}."),
        },
    }
}

/// Whether the licence in force is known to last longer than the other.
fn is_older(case: &Case<'_>, new: &LicenseTerms) -> bool {
    let Ok(license) = case.facts.license() else { return false };
    let LicenseText::Terms(old) = &license.text else { return false };
    match (&old.maintenance_ends, &new.maintenance_ends) {
        (Until::Day(old), Until::Day(new)) => new < old,
        (Until::Forever, Until::Day(_)) => true,
        (_, _) => false,
    }
}

fn unusable(case: &Case<'_>, place: &str, why: &str) -> Finding {
    let product = case.facts.product;
    Finding {
        severity: Severity::Warning,
        subject: "unusable".to_owned(),
        summary: format!("The licence file at hand cannot be entered into {product}"),
        observed: format!("in {place}: {why}"),
        required: format!("the whole text of a licence for {product}"),
        remedy: format!(
            "Copy the key once more from https://my.atlassian.com into {place}, from its first character to its last, \
             and look at it with `agent license {place}`."
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Row, judges, license, look, terms};

    const W: Severity = Severity::Warning;

    fn at_hand(at_hand: AtHand) -> Golden {
        let mut golden = golden();
        license(&mut golden).at_hand = at_hand;
        golden
    }

    fn file(text: LicenseText, in_force: bool) -> Golden {
        at_hand(AtHand::File { place: "/root/new.txt".into(), text, in_force })
    }

    /// The golden licence, changed.
    fn newer(change: fn(&mut LicenseTerms)) -> Golden {
        let mut golden = golden();
        let mut new = terms(&mut golden).clone();
        new.expires = Until::Day(date(2027, 12, 31));
        new.maintenance_ends = Until::Day(date(2027, 12, 31));
        change(&mut new);
        file(LicenseText::Terms(Box::new(new)), false)
    }

    #[test]
    fn a_newer_licence_must_not_be_left_lying() {
        let rows: Vec<Row> = vec![
            (at_hand(AtHand::NotNamed), Skipped, &[]),
            (at_hand(AtHand::Nothing("/root/new.txt".into())), Ready, &[]),
            (at_hand(AtHand::Unread("permission denied".into())), Unknown, &[]),
            (file(LicenseText::Absent, true), Ready, &[]),
            (file(LicenseText::Absent, false), Warning, &[(W, "unusable")]),
            (file(LicenseText::Legacy, false), Warning, &[(W, "unusable")]),
            (file(LicenseText::Damaged("cut off".into()), false), Warning, &[(W, "unusable")]),
            (newer(|_| {}), Warning, &[(W, "not-entered")]),
            (newer(|new| new.for_this_product = false), Warning, &[(W, "unusable")]),
            (newer(|new| new.data_center = false), Warning, &[(W, "does-not-cover")]),
            (newer(|new| new.expires = Until::Day(date(2025, 11, 30))), Warning, &[(W, "does-not-cover")]),
            (
                newer(|new| new.maintenance_ends = Until::Day(date(2025, 12, 24))),
                Ready,
                &[(Severity::Notice, "older")],
            ),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn a_broken_licence_in_force_does_not_hide_the_one_at_hand() {
        let mut golden = newer(|_| {});
        license(&mut golden).text = LicenseText::Damaged("cut off".into());
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.found(), [(W, "not-entered")]);
        assert!(seen.findings[0].remedy.contains("agent refresh --source license"), "{}", seen.text());
    }
}
