//! Licences of every shape the vendor makes, and some it does not.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn terms(pairs: &[(&str, &str)]) -> LicenseTerms {
    read_terms(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

#[test]
fn a_server_licence_is_perpetual_with_an_end_of_maintenance() {
    let terms = terms(&[
        ("Description", "Confluence (Server): Commercial"),
        ("conf.active", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("conf.NumberOfUsers", "500"),
        ("Evaluation", "false"),
        ("CreationDate", "2022-02-14"),
        ("PurchaseDate", "2022-02-14"),
        ("MaintenanceExpiryDate", "2024-02-15"),
        ("SEN", "SEN-L12345678"),
        ("LicenseID", "LIDSEN-L12345678"),
        ("ServerID", "AAAA-AAAA-AAAA-AAAA"),
        ("licenseVersion", "2"),
    ]);
    assert_eq!(
        terms,
        LicenseTerms {
            description: "Confluence (Server): Commercial".into(),
            products: vec!["conf".into()],
            for_this_product: true,
            data_center: false,
            license_type: "COMMERCIAL".into(),
            evaluation: false,
            subscription: false,
            not_for_production: None,
            expires: Until::NotStated,
            maintenance_ends: Until::Day(date(2024, 2, 15)),
            users: Seats::Limited(500),
            created_on: Some(date(2022, 2, 14)),
            support_entitlement: Some("SEN-L12345678".into()),
        }
    );
}

#[test]
fn a_data_center_licence_is_a_subscription() {
    let terms = terms(&[
        ("Description", "Confluence (Data Center): Commercial"),
        ("conf.active", "true"),
        ("conf.DataCenter", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("conf.NumberOfUsers", "-1"),
        ("Subscription", "true"),
        ("LicenseExpiryDate", "2027-03-31"),
        ("MaintenanceExpiryDate", "2027-03-31"),
        ("keyVersion", "1600708331"),
    ]);
    assert!(terms.for_this_product && terms.data_center && terms.subscription && !terms.evaluation);
    assert_eq!(terms.expires, Until::Day(date(2027, 3, 31)));
    assert_eq!(terms.maintenance_ends, Until::Day(date(2027, 3, 31)));
    assert_eq!(terms.users, Seats::Unlimited);
    assert_eq!(terms.not_for_production, None);
}

#[test]
fn evaluation_and_starter_licences_are_read() {
    let evaluation = terms(&[
        ("conf.active", "true"),
        ("conf.DataCenter", "TRUE"),
        ("Evaluation", " true "),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("LicenseExpiryDate", "2026-12-01"),
    ]);
    assert!(evaluation.evaluation && evaluation.data_center);
    let starter = terms(&[("conf.active", "true"), ("conf.Starter", "true"), ("conf.NumberOfUsers", "10")]);
    assert_eq!(starter.users, Seats::Limited(10));
    assert!(!starter.data_center);
}

#[test]
fn the_products_own_property_goes_first() {
    let terms = terms(&[
        ("conf.active", "true"),
        ("jira.active", "true"),
        ("team_calendars.active", "false"),
        ("plugins.*.active", "true"),
        ("MaintenanceExpiryDate", "2030-01-01"),
        ("conf.MaintenanceExpiryDate", "2025-01-01"),
        ("stash.MaintenanceExpiryDate", "2020-01-01"),
        ("NumberOfUsers", "-1"),
        ("conf.NumberOfUsers", "25"),
        ("jira.DataCenter", "true"),
        ("DataCenter", "true"),
        ("LicenseTypeName", "TESTING"),
        ("conf.LicenseTypeName", "ACADEMIC"),
    ]);
    assert_eq!(terms.products, ["conf", "jira", "plugins.*"]);
    assert_eq!(terms.maintenance_ends, Until::Day(date(2025, 1, 1)));
    assert_eq!(terms.users, Seats::Limited(25));
    assert!(!terms.data_center);
    assert_eq!(terms.license_type, "ACADEMIC");
    assert_eq!(terms.not_for_production, None);
}

#[test]
fn licences_of_others_are_not_for_this_product() {
    for pairs in [
        &[("plugins.*.active", "true"), ("NumberOfUsers", "10")][..],
        &[("com.example.plugin.active", "true"), ("conf.active", "false")],
        &[("confluence.active", "true"), ("xconf.active", "true"), ("conf.activex", "true")],
        &[("conf.active", "yes")],
        &[("conf.active", "")],
        &[("active", "true")],
    ] {
        assert!(!terms(pairs).for_this_product, "{pairs:?}");
    }
    assert_eq!(terms(&[]).products, [""; 0]);
}

#[test]
fn every_form_of_an_end_is_read_and_no_other() {
    use Until::{AfterActivation, Day, Forever};
    let rows = [
        ("2024-02-15", Day(date(2024, 2, 15))),
        (" 2024-02-29 ", Day(date(2024, 2, 29))),
        ("2115-09-30", Day(date(2115, 9, 30))),
        ("0001-01-01", Day(date(1, 1, 1))),
        ("9999-12-31", Day(date(9999, 12, 31))),
        ("unlimited", Forever),
        ("Unlimited", Forever),
        ("UNLIMITED", Forever),
        ("P3H", AfterActivation(SignedDuration::from_hours(3))),
        ("P72H", AfterActivation(SignedDuration::from_hours(72))),
        ("P0H", AfterActivation(SignedDuration::ZERO)),
        ("Duration:60000", AfterActivation(SignedDuration::from_secs(60))),
        ("Duration: 10000", AfterActivation(SignedDuration::from_secs(10))),
    ];
    for (text, until) in rows {
        assert_eq!(terms(&[("LicenseExpiryDate", text)]).expires, until, "{text:?}");
    }
    for text in [
        "",
        "never",
        "2023-02-29",
        "2024-13-01",
        "2024-2-3",
        "20240203",
        "15.02.2024",
        "15/Feb/24",
        "2024-02-15T00:00",
        "-2024-2-15",
        "1700000000000",
        "P3D",
        "PT3H",
        "PH",
        "P-3H",
        "P+3H",
        "P99999999999999999999H",
        "P9223372036854775807H",
        "Duration:",
        "Duration:-1",
        "Duration:9223372036854775807",
        "٢٠٢٤-٠٢",
        "null",
    ] {
        assert_eq!(
            terms(&[("LicenseExpiryDate", text)]).expires,
            Until::Unreadable(text.to_owned()),
            "{text:?}"
        );
    }
    let long = "2024-02-15 ".repeat(50);
    let Until::Unreadable(cut) = terms(&[("conf.LicenseExpiryDate", &long)]).expires else {
        panic!("it was read");
    };
    assert_eq!(cut.chars().count(), 40);
    assert_eq!(terms(&[]).expires, Until::NotStated);
}

#[test]
fn nonsense_counts_are_not_stated() {
    for text in ["", "-2", "+5", "ten", "1e3", "99999999999999999999999", "5.0", "--1", "unlimited"] {
        assert_eq!(terms(&[("conf.NumberOfUsers", text)]).users, Seats::NotStated, "{text:?}");
    }
    assert_eq!(terms(&[("NumberOfUsers", "0")]).users, Seats::Limited(0));
    assert_eq!(terms(&[("NumberOfUsers", " 2000 ")]).users, Seats::Limited(2000));
    let own_first = [("conf.NumberOfUsers", "x"), ("NumberOfUsers", "10")];
    assert_eq!(terms(&own_first).users, Seats::NotStated);
}

#[test]
fn licences_for_tests_show_by_mark_type_or_description() {
    let shows = |key: &str, value: &str| terms(&[("conf.active", "true"), (key, value)]).not_for_production;
    let rows = [
        ("***NOT-FOR-PRODUCTION-USE***", "see http://", "it has the property ***NOT-FOR-PRODUCTION-USE***"),
        ("conf.LicenseType", "Confluence: Developer", "its type is DEVELOPER"),
        ("LicenseTypeName", "TESTING", "its type is TESTING"),
        ("conf.LicenseTypeName", "developer", "its type is DEVELOPER"),
        ("Description", "Test license for plugin developers", "its description says \"Test\""),
        ("Description", "Confluence (Data Center): Developer", "its description says \"Developer\""),
    ];
    for (key, value, how) in rows {
        assert_eq!(shows(key, value).as_deref(), Some(how), "{key}={value}");
    }
    for (key, value) in [
        ("Description", "Confluence (Server): Commercial"),
        ("Description", "Confluence: The Latest Contest and Attestation"),
        ("Description", "Confluence (Data Center): Evaluation"),
        ("LicenseTypeName", "COMMERCIAL"),
        ("conf.LicenseType", "Confluence: Academic"),
        ("PartnerName", "Developer and Test Partner"),
        ("Organisation", "Developer Test License"),
    ] {
        assert_eq!(shows(key, value), None, "{key}={value}");
    }
    let owner = [("Organisation", "Test Drive Ltd"), ("Description", "Confluence: Test Drive Ltd")];
    assert_eq!(terms(&owner).not_for_production, None);
}

#[test]
fn types_are_spelt_alike() {
    for (key, value, shown) in [
        ("conf.LicenseTypeName", "COMMERCIAL", "COMMERCIAL"),
        ("conf.LicenseType", "Confluence: Developer", "DEVELOPER"),
        ("conf.LicenseType", "Confluence: Open Source", "OPEN_SOURCE"),
        ("LicenseTypeName", " non-profit ", "NON_PROFIT"),
        ("LicenseTypeName", "", ""),
        ("jira.LicenseTypeName", "COMMERCIAL", ""),
    ] {
        assert_eq!(terms(&[(key, value)]).license_type, shown, "{key}={value}");
    }
}

#[test]
fn nobody_is_named() {
    let terms = terms(&[
        ("Organisation", "Secret Works GmbH"),
        ("ContactName", "Erika Mustermann"),
        ("ContactEMail", "erika@example.com"),
        ("PartnerName", "Hidden Partners"),
        ("conf.Organisation", "Secret Sister"),
        ("***CREATED-BY***", "Max Power"),
        ("Description", "Confluence: Secret Works GmbH, Erika Mustermann (Secret Sister), Max Power"),
        ("LicenseTypeName", "Hidden Partners"),
        ("SEN", "erika@example.com"),
        ("LicenseExpiryDate", "ask erika@example.com"),
        ("conf.MaintenanceExpiryDate", "Secret Works GmbH"),
    ]);
    assert_eq!(terms.description, "Confluence: ***, *** (***), ***");
    assert_eq!(terms.expires, Until::Unreadable("ask ***".into()));
    let shown = format!("{terms:?} {}", serde_json::to_string(&terms).unwrap()).to_lowercase();
    for name in ["secret", "erika", "hidden", "example", "max power"] {
        assert!(!shown.contains(name), "{name}: {shown}");
    }
}

#[test]
fn what_is_shown_cannot_play_with_the_terminal() {
    let terms = terms(&[
        ("Description", &format!("\u{1b}[2J\u{202e}Confluence\r\n{}", "x".repeat(5000))),
        ("SEN", "Unknown"),
        ("a\u{7}b.active", "true"),
    ]);
    assert_eq!(terms.description.chars().count(), 200);
    assert!(terms.description.starts_with(" [2J Confluence  xxx"));
    assert_eq!(terms.products, ["a b"]);
    assert_eq!(terms.support_entitlement, None);
}

proptest! {
    #[test]
    fn any_properties_are_survived(
        pairs in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..20),
        end in "\\PC{0,60}|P[0-9]{1,25}H|Duration:[0-9]{1,25}|[0-9]{4}-[0-9]{2}-[0-9]{2}",
    ) {
        let mut pairs = pairs;
        pairs.insert("LicenseExpiryDate".into(), end);
        let terms = read_terms(&pairs);
        if let Until::Unreadable(text) = terms.expires {
            prop_assert!(text.chars().count() <= 40);
        }
    }
}
