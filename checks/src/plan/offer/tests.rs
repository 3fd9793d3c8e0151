use jiff::civil::date;

use super::*;
use crate::facts::{AtHand, Field, LicenseTerms, LicenseText, Reading, Until};
use crate::golden::{Golden, golden, golden_carbon};
use crate::report::Judge;

fn offered(golden: &Golden) -> Offer {
    let Golden { facts, catalog, policy, plan, now, .. } = golden;
    offer(Judge { catalog, policy, plan, now: *now }, facts).unwrap()
}

fn terms(golden: &mut Golden) -> &mut LicenseTerms {
    match &mut golden.facts.license {
        Reading::Learned(learned) => match &mut learned.facts.text {
            LicenseText::Terms(terms) => terms,
            _ => panic!("the golden licence"),
        },
        _ => panic!("the golden licence"),
    }
}

fn running(golden: &mut Golden, version: &str) {
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        learned.facts.version = Field::Read(version.parse().unwrap());
    }
}

fn server(golden: &mut Golden, maintenance_ends: jiff::civil::Date) {
    let terms = terms(golden);
    terms.data_center = false;
    terms.subscription = false;
    terms.expires = Until::NotStated;
    terms.maintenance_ends = Until::Day(maintenance_ends);
}

#[test]
fn every_newer_release_is_judged_the_newest_first() {
    let offer = offered(&golden());
    let newer = golden().catalog.releases().iter().filter(|release| release.version > offer.running).count();
    assert_eq!(offer.releases.len(), newer);
    assert!(offer.releases.is_sorted_by(|a, b| a.version > b.version));
    let target = offer.releases.iter().find(|release| release.version.as_str() == "9.2.10").unwrap();
    assert_eq!((target.verdict, target.blockers.len(), target.licensed), (Verdict::Ready, 0, Some(true)));
    assert!(target.plugins.is_some(), "the golden instance was asked about its target");
    let other = offer.releases.iter().find(|release| release.version.as_str() == "10.2.1").unwrap();
    assert_eq!(other.plugins, None, "and about no other");
}

#[test]
fn the_longest_supported_release_is_recommended_with_its_reasons() {
    let offer = offered(&golden());
    let Recommendation { version, reasons, open, others } = &offer.recommendation;
    assert_eq!(version.as_ref().unwrap().line(), "10.2".parse().unwrap());
    let reasons = reasons.join("\n");
    for part in [
        "the licence in force allows it",
        "long-term support",
        "supported until 2027-12-02",
        "newest release of 10.2",
    ] {
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
    assert!(open.iter().any(|open| open.contains("plug-ins")), "{open:?}");
    assert!(others.iter().any(|other| other.starts_with("11.0.0: until when")), "{others:?}");
}

#[test]
fn what_the_licence_does_not_allow_is_not_recommended() {
    let mut golden = golden();
    running(&mut golden, "8.5.1");
    server(&mut golden, date(2024, 1, 20));
    let offer = offered(&golden);
    let version = offer.recommendation.version.clone().unwrap();
    assert_eq!(version.line(), "8.5".parse().unwrap(), "{offer:#?}");
    assert!(
        offer
            .releases
            .iter()
            .all(|release| release.line() < "9.0".parse().unwrap() || release.licensed == Some(false))
    );
    let Recommendation { reasons, open, .. } = &offer.recommendation;
    assert!(reasons.iter().any(|reason| reason.contains("is not allowed by the licence")), "{reasons:?}");
    assert!(open.iter().any(|open| open.starts_with("its support ends on 2025-12-15")), "{open:?}");
}

#[test]
fn an_ended_subscription_permits_nothing_and_ended_maintenance_what_came_before() {
    let mut ended = golden();
    terms(&mut ended).expires = Until::Day(date(2025, 11, 1));
    let offer = offered(&ended);
    assert_eq!(offer.recommendation.version, None);
    assert_eq!(offer.licenses[0].newest, None);
    assert!(offer.licenses[0].answer.starts_with("no release any more"), "{:?}", offer.licenses);

    let mut old = golden();
    running(&mut old, "8.5.1");
    server(&mut old, date(2024, 1, 20));
    let offer = offered(&old);
    let (newest, released) = offer.licenses[0].newest.clone().unwrap();
    assert!(released.unwrap() <= date(2024, 1, 23), "{newest}");
    assert!(offer.licenses[0].answer.contains("may still be installed"), "{:?}", offer.licenses);
}

#[test]
fn a_licence_at_hand_is_told_beside_the_one_in_force() {
    let mut golden = golden();
    running(&mut golden, "8.5.1");
    server(&mut golden, date(2024, 1, 20));
    let mut renewed = terms(&mut golden).clone();
    renewed.data_center = true;
    renewed.expires = Until::Day(date(2026, 12, 31));
    if let Reading::Learned(learned) = &mut golden.facts.license {
        learned.facts.at_hand = AtHand::File {
            place: "/root/wiki-license.txt".into(),
            text: LicenseText::Terms(Box::new(renewed)),
            in_force: false,
        };
    }
    let offer = offered(&golden);
    assert_eq!(offer.licenses.len(), 2);
    assert_eq!(offer.licenses[1].which, WhichLicense::AtHand("/root/wiki-license.txt".into()));
    assert_eq!(offer.licenses[1].newest.as_ref().unwrap().0, golden.catalog.latest().unwrap().version);
}

#[test]
fn a_large_instance_is_led_to_a_long_term_line() {
    // Of a line without long support that is supported longer, only who is small hears first.
    let catalog = "product = 'confluence'\ncollected_on = '2025-11-20'\n\
        [[line]]\nline = '9.2'\nlong_term_support = true\nend_of_life = '2026-12-10'\nreleases = [{ version = '9.2.10', date = '2025-11-01' }]\n\
        [[line]]\nline = '9.5'\nend_of_life = '2027-05-01'\nreleases = [{ version = '9.5.1', date = '2025-11-01' }]\n";
    let catalog = crate::catalog::Catalog::parse(catalog, crate::catalog::PLATFORMS).unwrap();
    let mut small = golden();
    small.catalog = catalog;
    small.policy.large_instance_users = 10_000;
    let version = |golden: &Golden| offered(golden).recommendation.version.unwrap().to_string();
    assert_eq!(version(&small), "9.5.1");
    let mut asked = small.clone();
    asked.policy.prefer_long_term_support = true;
    assert_eq!(version(&asked), "9.2.10");
    let mut large = small.clone();
    large.policy.large_instance_users = 500;
    assert_eq!(version(&large), "9.2.10");
}

#[test]
fn of_releases_with_the_same_support_the_one_with_fewer_blockers_and_open_plugins_is_better() {
    let mut golden = golden();
    golden.catalog = crate::catalog::Catalog::parse(
        "product = 'confluence'\ncollected_on = '2025-11-20'\n\
         [[line]]\nline = '9.2'\nlong_term_support = true\nend_of_life = '2026-12-10'\n\
         releases = [{ version = '9.2.10', date = '2025-11-01' }, { version = '9.2.11', date = '2025-11-10' }]\n",
        crate::catalog::PLATFORMS,
    )
    .unwrap();
    // The plug-ins were asked about 9.2.10 only: of the newer one nothing is known.
    assert_eq!(offered(&golden).recommendation.version.unwrap().as_str(), "9.2.10");
}

#[test]
fn nothing_newer_and_nothing_known_are_said() {
    let mut newest = golden();
    let latest = newest.catalog.latest().unwrap().version.to_string();
    running(&mut newest, &latest);
    let offer = offered(&newest);
    assert!(offer.releases.is_empty() && offer.recommendation.version.is_none());
    assert!(offer.recommendation.reasons[0].contains("no release newer"));
    let mut unknown = golden();
    unknown.facts.license = Reading::Off;
    let offer = offered(&unknown);
    assert!(offer.licenses[0].answer.contains("not known"), "{:?}", offer.licenses);
    assert!(offer.recommendation.reasons[0].contains("no licence is known to forbid it"));
    unknown.facts.installation = Reading::Pending;
    let Golden { facts, catalog, policy, plan, now, .. } = &unknown;
    assert!(super::offer(Judge { catalog, policy, plan, now: *now }, facts).is_err());
}

#[test]
fn hundreds_of_releases_without_licence_and_long_term_support_are_offered_by_line() {
    let mut golden = golden_carbon();
    golden.catalog = crate::catalog::Catalog::embedded(crate::facts::Product::Wso2Carbon);
    let offer = offered(&golden);
    assert!(offer.releases.len() > 200, "{}", offer.releases.len());
    let lines: Vec<String> = offer.newest_of_lines().map(|release| release.line().to_string()).collect();
    assert!(lines.len() < 20 && lines.contains(&"4.4".to_owned()), "{lines:?}");
    let Recommendation { version, reasons, open, others } = &offer.recommendation;
    // The newest that the Java of the golden instance, 8, can run.
    assert_eq!(version.as_ref().map(ProductVersion::as_str), Some("4.6.3"));
    let text = [reasons.as_slice(), open, others].concat().join("\n");
    for word in ["licence", "long-term", "plug-in"] {
        assert!(!text.contains(word), "{text}");
    }
    assert!(offer.licenses.is_empty());
}
