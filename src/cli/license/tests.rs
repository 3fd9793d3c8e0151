//! The command from text to answer: every state of a licence, both sides of every limit.

#![expect(clippy::string_slice, reason = "licence texts are ASCII")]

use std::io;

use super::*;
use crate::product::confluence::license::encode_license;

const CATALOG: &str = "
product = 'confluence'
collected_on = '2026-11-20'
[[line]]
line = '7.19'
long_term_support = true
releases = [{ version = '7.19.16', date = '2023-11-06' }, { version = '7.19.20', date = '2024-03-19' }]
[[line]]
line = '8.4'
releases = [{ version = '8.4.5', date = '2023-11-06' }]
[[line]]
line = '8.5'
long_term_support = true
releases = [
  { version = '8.5.4', date = '2023-12-05' }, { version = '8.5.5', date = '2024-01-22' },
  { version = '8.5.6', date = '2024-02-13' }, { version = '8.5.7', date = '2024-03-19' },
]
[[line]]
line = '8.6'
releases = [{ version = '8.6.0', date = '2023-10-05' }]
[[line]]
line = '9.0'
releases = [{ version = '9.0.1', date = '2024-08-06' }]
[[line]]
line = '10.2'
long_term_support = true
releases = [{ version = '10.2.1', date = '2026-01-13' }, { version = '10.2.2' }]
[[line]]
line = '10.3'
releases = [{ version = '10.3.0-rc1', date = '2026-02-01' }, { version = '10.3.0', date = '2026-02-10' }]
[[requirement]]
component = 'license-type'
from = '5.7'
to = '8.5'
supported = ['Server', 'Data Center']
complete = true
confidence = 'confirmed'
source = 's'
[[requirement]]
component = 'license-type'
from = '8.6'
to = '8.9'
supported = ['Data Center']
complete = true
confidence = 'partial'
source = 's'
[[requirement]]
component = 'license-type'
from = '9.0'
supported = ['Data Center']
complete = true
confidence = 'confirmed'
source = 's'
";

const PLATFORMS: &str = "collected_on = '2026-11-20'\nplatform = []";

fn catalog() -> Catalog {
    Catalog::parse(CATALOG, PLATFORMS).unwrap()
}

fn arguments(output: LicenseOutput) -> LicenseArgs {
    LicenseArgs { file: None, output, understood: Understood::default() }
}

/// What the command answers to a text on standard input.
fn ask(text: &str, today: &str) -> (String, u8) {
    let now = format!("{today}T12:00:00Z").parse().unwrap();
    run(&arguments(LicenseOutput::Text), &catalog(), now, &mut text.as_bytes()).unwrap()
}

/// Without line breaks, so that wrapping does not matter.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn server(changes: &[(&str, &str)]) -> String {
    with(&[("MaintenanceExpiryDate", "2024-02-15"), ("conf.NumberOfUsers", "500")], changes)
}

fn data_center(changes: &[(&str, &str)]) -> String {
    let base = [
        ("conf.DataCenter", "true"),
        ("Subscription", "true"),
        ("LicenseExpiryDate", "2027-03-31"),
        ("MaintenanceExpiryDate", "2027-03-31"),
        ("conf.NumberOfUsers", "-1"),
    ];
    with(&base, changes)
}

/// A licence of the given properties, the later of a name counting; `-` as a value leaves one out.
fn with(base: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let common = [
        ("Description", "Confluence: Commercial"),
        ("conf.active", "true"),
        ("conf.LicenseTypeName", "COMMERCIAL"),
        ("CreationDate", "2022-02-14"),
        ("SEN", "SEN-L12345678"),
        ("Organisation", "Secret Works GmbH"),
        ("ContactName", "Erika Mustermann"),
        ("ContactEMail", "erika@example.com"),
    ];
    let gone = |name: &&str| changes.iter().any(|(key, value)| key == name && *value == "-");
    let pairs: Vec<(&str, &str)> =
        common.iter().chain(base).chain(changes).copied().filter(|(key, _)| !gone(key)).collect();
    encode_license(&pairs)
}

#[test]
fn a_server_licence_allows_what_was_released_in_time() {
    let (text, code) = ask(&server(&[]), "2023-10-01");
    insta::assert_snapshot!(text, @"
    Confluence Server licence, COMMERCIAL: usable today

    description       Confluence: Commercial
    users             500
    may run           no end is stated
    maintenance       through 2024-02-15
    issued on         2022-02-14
    support number    SEN-L12345678

    Releases it allows: those published by 2024-02-15
      newest          8.5.5, released 2024-01-22
                      perhaps 8.5.6, released 2024-02-13: within 3 days of the end
                      of maintenance, and the day it was built decides
      newest LTS      8.5.5, released 2024-01-22
                      perhaps 8.5.6, released 2024-02-13: within 3 days of the end
                      of maintenance, and the day it was built decides
      8.6 and later are said to need a Data Center licence, which could not be
      confirmed.
      9.0 and later need a Data Center licence.
    ");
    assert_eq!(code, 0);
}

#[test]
fn a_server_licence_without_maintenance_still_runs() {
    let (text, code) = ask(&server(&[]), "2026-11-20");
    insta::assert_snapshot!(text, @"
    Confluence Server licence, COMMERCIAL: usable today, with warnings

    warning  Maintenance ended on 2024-02-15, 1009 days ago: it runs what was
             released until then, and nothing newer.
             Get the renewed licence from https://my.atlassian.com and enter it
             under Administration, General Configuration, License Details.

    description       Confluence: Commercial
    users             500
    may run           no end is stated
    maintenance       through 2024-02-15
    issued on         2022-02-14
    support number    SEN-L12345678

    Releases it allows: those published by 2024-02-15
      newest          8.5.5, released 2024-01-22
                      perhaps 8.5.6, released 2024-02-13: within 3 days of the end
                      of maintenance, and the day it was built decides
      newest LTS      8.5.5, released 2024-01-22
                      perhaps 8.5.6, released 2024-02-13: within 3 days of the end
                      of maintenance, and the day it was built decides
      8.6 and later are said to need a Data Center licence, which could not be
      confirmed.
      9.0 and later need a Data Center licence.
    ");
    assert_eq!(code, 1);
}

#[test]
fn a_data_center_licence_allows_everything_until_it_ends() {
    let (text, code) = ask(&data_center(&[]), "2026-11-20");
    insta::assert_snapshot!(text, @"
    Confluence Data Center licence, COMMERCIAL, subscription: usable today

    description       Confluence: Commercial
    users             unlimited
    may run           through 2027-03-31
    maintenance       through 2027-03-31
    issued on         2022-02-14
    support number    SEN-L12345678

    Releases it allows: any, through 2027-03-31
      newest          10.3.0, released 2026-02-10
      newest LTS      10.2.2
    ");
    assert_eq!(code, 0);

    let (text, code) = ask(&data_center(&[]), "2027-04-01");
    insta::assert_snapshot!(text, @"
    Confluence Data Center licence, COMMERCIAL, subscription: not usable

    blocked  It ended on 2027-03-31, 1 day ago; Confluence is read-only with it.
             Get the renewed licence from https://my.atlassian.com and enter it
             under Administration, General Configuration, License Details.

    description       Confluence: Commercial
    users             unlimited
    may run           through 2027-03-31
    maintenance       through 2027-03-31
    issued on         2022-02-14
    support number    SEN-L12345678
    ");
    assert_eq!(code, 2);
}

#[test]
fn a_vendors_test_licence_does_not_tell_when_it_ends() {
    let ends =
        [("LicenseExpiryDate", "P3H"), ("MaintenanceExpiryDate", "P3H"), ("conf.LicenseTypeName", "TESTING")];
    let (text, code) = ask(&server(&ends), "2026-11-20");
    insta::assert_snapshot!(text, @"
    Confluence Server licence, TESTING: its text does not tell enough

    unknown  It ends 3h after it was entered, and its text does not tell when that
             was.
             Look under Administration, General Configuration, License Details,
             which shows the day.

    warning  It is not for production: its type is TESTING.
             Use it for tests only.

    description       Confluence: Commercial
    users             500
    may run           for 3h after it was entered
    maintenance       for 3h after it was entered
    issued on         2022-02-14
    support number    SEN-L12345678
    ");
    assert_eq!(code, 3);
}

#[test]
fn a_licence_of_an_app_is_not_for_confluence() {
    let (text, code) = ask(
        &server(&[("conf.active", "-"), ("plugins.*.active", "true"), ("jira.active", "true")]),
        "2023-10-01",
    );
    insta::assert_snapshot!(text, @"
    Licence of something else than Confluence: not usable

    blocked  It is not for Confluence but for jira, plugins.*.
             Use the licence of Confluence itself; licences of apps are entered with
             the apps.

    description       Confluence: Commercial
    products          jira, plugins.*
    users             500
    may run           no end is stated
    maintenance       through 2024-02-15
    issued on         2022-02-14
    support number    SEN-L12345678
    ");
    assert_eq!(code, 2);
}

#[test]
fn texts_that_are_no_licence_say_what_to_do() {
    let (text, code) = ask(&server(&[])[..200], "2026-11-20");
    insta::assert_snapshot!(text, @"
    Damaged licence, or none: not usable

    blocked  This is not a whole licence: it has no mark such as X02q6 at its end,
             after 198 characters: the end was probably lost when it was copied.
             Copy it again, from the first letter through the last, from
             https://my.atlassian.com or from the property atlassian.license.message
             of confluence.cfg.xml.
    ");
    assert_eq!(code, 2);

    let (text, code) = ask(" \n", "2026-11-20");
    insta::assert_snapshot!(text, @"
    No licence

    unknown  There is no licence text.
             Name a file that holds the licence, or paste the value of the property
             atlassian.license.message of confluence.cfg.xml.
    ");
    assert_eq!(code, 3);

    let (text, code) = ask(&"qwErtzUiopAsdfghjKly".repeat(5), "2026-11-20");
    insta::assert_snapshot!(text, @"
    Licence in the old form: not usable

    blocked  It is in the old two-part form, which Confluence refuses since 5.6.
             Get the renewed licence from https://my.atlassian.com and enter it
             under Administration, General Configuration, License Details.
    ");
    assert_eq!(code, 2);
}

#[test]
fn both_sides_of_every_limit_are_told_apart() {
    let rows = [
        // Warned of 60 days ahead, valid through its last day.
        (data_center(&[]), "2027-01-29", 0, "usable today description"),
        (data_center(&[]), "2027-01-30", 1, "It ends on 2027-03-31, in 60 days"),
        (data_center(&[]), "2027-03-30", 1, "in 1 day."),
        (data_center(&[]), "2027-03-31", 1, "which is today"),
        (data_center(&[]), "2027-04-01", 2, "1 day ago"),
        (data_center(&[]), "2031-04-01", 2, "Confluence is read-only with it"),
        (server(&[]), "2023-12-16", 0, "usable today description"),
        (server(&[]), "2023-12-17", 1, "Maintenance ends on 2024-02-15, in 60 days"),
        (server(&[]), "2024-02-15", 1, "which is today"),
        (server(&[]), "2024-02-16", 1, "Maintenance ended on 2024-02-15, 1 day ago"),
        // A perpetual licence that does end.
        (server(&[("LicenseExpiryDate", "2024-02-15")]), "2024-02-15", 1, "It ends on 2024-02-15"),
        (server(&[("LicenseExpiryDate", "2024-02-15")]), "2024-02-16", 2, "It ended on 2024-02-15"),
        (server(&[("LicenseExpiryDate", "unlimited")]), "2023-10-01", 0, "without end"),
        // Ends that do not tell.
        (server(&[("LicenseExpiryDate", "soon")]), "2023-10-01", 3, "cannot be read: \"soon\""),
        (server(&[("MaintenanceExpiryDate", "soon")]), "2023-10-01", 3, "\"soon\", which cannot be read"),
        (server(&[("MaintenanceExpiryDate", "-")]), "2023-10-01", 3, "not stated, so which releases"),
        (server(&[("Evaluation", "true")]), "2023-10-01", 3, "does not state when it ends"),
        (data_center(&[("LicenseExpiryDate", "-")]), "2026-11-20", 1, "states no day on which it ends"),
        (data_center(&[("LicenseExpiryDate", "unlimited")]), "2026-11-20", 0, "without end"),
        (data_center(&[("MaintenanceExpiryDate", "-")]), "2026-11-20", 0, "no end is stated"),
        (data_center(&[("MaintenanceExpiryDate", "2026-11-19")]), "2026-11-20", 1, "there is no support"),
        (data_center(&[("MaintenanceExpiryDate", "x")]), "2026-11-20", 1, "cannot be read"),
        // What else a person must know.
        (data_center(&[("conf.NumberOfUsers", "many")]), "2026-11-20", 1, "no readable number of users"),
        (data_center(&[("Evaluation", "true"), ("conf.NumberOfUsers", "-")]), "2026-11-20", 0, "evaluation"),
        (data_center(&[("conf.LicenseTypeName", "DEVELOPER")]), "2026-11-20", 1, "its type is DEVELOPER"),
        (data_center(&[("conf.active", "-")]), "2026-11-20", 2, "It names no product"),
    ];
    for (license, today, code, says) in rows {
        let (text, found) = ask(&license, today);
        assert!(flat(&text).contains(says), "{says}: {text}");
        assert_eq!(found, code, "{today} {says}: {text}");
    }
}

/// The newest release and the newest of a long-term line, sure and in doubt.
fn picks(license: &str) -> [Option<String>; 4] {
    let today = "2024-01-01T00:00:00Z".parse().unwrap();
    let catalog = catalog();
    let policy = Policy::default();
    let answer = Judge::new(&catalog, &policy, today).judge(read_license(license));
    let allowed = answer.allowed.unwrap();
    let name = |pick: Option<Pick>| pick.map(|pick| pick.version.to_string());
    let (newest, lts) = (allowed.newest, allowed.newest_long_term_support);
    [name(newest.sure), name(newest.doubtful), name(lts.sure), name(lts.doubtful)]
}

#[test]
fn the_margin_around_the_end_of_maintenance_is_in_doubt() {
    let rows: [(&str, [Option<&str>; 4]); 7] = [
        // 8.5.6 was released on 2024-02-13.
        ("2024-02-09", [Some("8.5.5"), None, Some("8.5.5"), None]),
        ("2024-02-10", [Some("8.5.5"), Some("8.5.6"), Some("8.5.5"), Some("8.5.6")]),
        ("2024-02-16", [Some("8.5.5"), Some("8.5.6"), Some("8.5.5"), Some("8.5.6")]),
        ("2024-02-17", [Some("8.5.6"), None, Some("8.5.6"), None]),
        // No Server licence reaches 8.6, however long its maintenance is.
        ("2030-01-01", [Some("8.5.7"), None, Some("8.5.7"), None]),
        ("2023-11-20", [Some("8.4.5"), None, Some("7.19.16"), None]),
        ("2001-01-01", [None, None, None, None]),
    ];
    for (end, expected) in rows {
        let found = picks(&server(&[("MaintenanceExpiryDate", end)]));
        assert_eq!(found.each_ref().map(Option::as_deref), expected, "{end}");
    }
    let forever = picks(&server(&[("MaintenanceExpiryDate", "Unlimited")]));
    assert_eq!(forever[0].as_deref(), Some("8.5.7"));
}

#[test]
fn a_catalog_that_does_not_say_leaves_it_in_doubt() {
    let silent = CATALOG.split("[[requirement]]").next().unwrap();
    let catalog = Catalog::parse(silent, PLATFORMS).unwrap();
    let now = "2023-10-01T00:00:00Z".parse().unwrap();
    let args = arguments(LicenseOutput::Text);
    let (text, _) = run(&args, &catalog, now, &mut server(&[]).as_bytes()).unwrap();
    let text = flat(&text);
    assert!(text.contains("newest none that is sure perhaps 8.6.0, released 2023-10-05: that 8.6"), "{text}");
    assert!(text.contains("that 8.6 takes Server licences is not confirmed"), "{text}");
    assert!(!text.contains("need a Data Center licence"), "{text}");
}

#[test]
fn the_embedded_catalog_serves() {
    let catalog = Catalog::embedded(upgrade_readiness_checks::facts::Product::Confluence);
    let now = "2026-11-20T00:00:00Z".parse().unwrap();
    let ask =
        |license: &str| run(&arguments(LicenseOutput::Text), &catalog, now, &mut license.as_bytes()).unwrap();
    let (text, code) = ask(&server(&[]));
    assert!(
        text.contains("8.6 and later need a Data Center licence.") && text.contains("newest          8.5."),
        "{text}"
    );
    assert_eq!(code, 1);
    let (text, code) = ask(&data_center(&[]));
    assert!(!text.contains("none that") && !text.contains("perhaps"), "{text}");
    assert_eq!(code, 0);
}

#[test]
fn json_tells_the_same() {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let ask =
        |text: &str| run(&arguments(LicenseOutput::Json), &catalog(), now, &mut text.as_bytes()).unwrap();
    let (text, code) = ask(&server(&[]));
    insta::assert_snapshot!(text, @r#"
    {
      "format_version": "1.0",
      "product": "confluence",
      "verdict": "warning",
      "state": "terms",
      "notes": [
        {
          "verdict": "warning",
          "summary": "Maintenance ended on 2024-02-15, 1009 days ago: it runs what was released until then, and nothing newer",
          "remedy": "Get the renewed licence from https://my.atlassian.com and enter it under Administration, General Configuration, License Details."
        }
      ],
      "terms": {
        "description": "Confluence: Commercial",
        "products": [
          "conf"
        ],
        "for_this_product": true,
        "data_center": false,
        "license_type": "COMMERCIAL",
        "evaluation": false,
        "subscription": false,
        "not_for_production": null,
        "expires": {
          "says": "not stated",
          "day": null
        },
        "maintenance_ends": {
          "says": "2024-02-15",
          "day": "2024-02-15"
        },
        "users": "500",
        "created_on": "2022-02-14",
        "support_entitlement": "SEN-L12345678"
      },
      "releases": {
        "released_until": "2024-02-15",
        "newest": {
          "version": "8.5.5",
          "released_on": "2024-01-22",
          "doubt": ""
        },
        "newest_perhaps": {
          "version": "8.5.6",
          "released_on": "2024-02-13",
          "doubt": "within 3 days of the end of maintenance, and the day it was built decides"
        },
        "newest_long_term_support": {
          "version": "8.5.5",
          "released_on": "2024-01-22",
          "doubt": ""
        },
        "newest_long_term_support_perhaps": {
          "version": "8.5.6",
          "released_on": "2024-02-13",
          "doubt": "within 3 days of the end of maintenance, and the day it was built decides"
        },
        "limits": [
          "8.6 and later are said to need a Data Center licence, which could not be confirmed.",
          "9.0 and later need a Data Center licence."
        ]
      }
    }
    "#);
    assert_eq!(code, 1);
    let (text, code) = ask("AAAA");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((value["state"].as_str(), value["verdict"].as_str()), (Some("damaged"), Some("blocked")));
    assert!(value["terms"].is_null() && value["releases"].is_null());
    assert_eq!(code, 2);
}

#[test]
fn nobody_is_named_and_no_line_is_too_long() {
    let now = "2027-03-01T12:00:00Z".parse().unwrap();
    let owner =
        [("Description", "Confluence for Secret Works GmbH, Erika Mustermann"), ("Evaluation", "true")];
    for license in [server(&owner), data_center(&owner), data_center(&[("conf.active", "-")])] {
        for output in [LicenseOutput::Text, LicenseOutput::Json] {
            let (text, _) = run(&arguments(output), &catalog(), now, &mut license.as_bytes()).unwrap();
            for name in ["Secret", "Erika", "example.com", "AAA"] {
                assert!(!text.contains(name), "{name}: {text}");
            }
            let long = text.lines().find(|line| line.chars().count() > 80);
            assert!(output == LicenseOutput::Json || long.is_none(), "{long:?}");
        }
    }
}

#[test]
fn files_are_read_and_what_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("confluence.license");
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let ask = |file: &str| {
        let args = LicenseArgs {
            file: Some(dir.path().join(file)),
            output: LicenseOutput::Text,
            understood: Understood::default(),
        };
        run(&args, &catalog(), now, &mut io::empty())
    };
    let refused = |file: &str| format!("{:#}", ask(file).unwrap_err());

    std::fs::write(&path, data_center(&[])).unwrap();
    assert_eq!(ask("confluence.license").unwrap().1, 0);
    assert!(refused("absent").starts_with(&format!("opening {}", dir.path().join("absent").display())));
    assert!(refused("").starts_with("reading "));
    std::fs::write(&path, [0xff, 0xfe, 0x41, 0x00]).unwrap();
    assert!(refused("confluence.license").contains("not UTF-8"));
    std::fs::write(&path, "A".repeat(MOST_CHARACTERS + 1)).unwrap();
    assert!(refused("confluence.license").contains("longer than 65536 bytes"));

    let dash = LicenseArgs {
        file: Some("-".into()),
        output: LicenseOutput::Text,
        understood: Understood::default(),
    };
    assert_eq!(run(&dash, &catalog(), now, &mut data_center(&[]).as_bytes()).unwrap().1, 0);
    let endless = run(&dash, &catalog(), now, &mut io::repeat(b'A')).unwrap_err();
    assert!(format!("{endless:#}").contains("longer than 65536 bytes"));
}

#[test]
fn the_arguments_are_what_the_help_says() {
    use clap::Parser;
    #[derive(Debug, clap::Parser)]
    struct Command {
        #[command(flatten)]
        license: LicenseArgs,
    }
    let parse =
        |args: &[&str]| Command::try_parse_from([&["license"], args].concat()).map(|command| command.license);
    let args = parse(&[]).unwrap();
    assert_eq!((args.file, args.output), (None, LicenseOutput::Text));
    let args = parse(&["-", "--output", "json"]).unwrap();
    assert_eq!((args.file.as_deref(), args.output), (Some(Path::new("-")), LicenseOutput::Json));
    assert!(parse(&["a", "b"]).is_err() && parse(&["--output", "xml"]).is_err());
}
