//! What the rule says of settings in four homes.

use super::*;
use crate::facts::Field;
use crate::golden::{Golden, golden_carbon};
use crate::model::Verdict::{Ready, Unknown, Warning};
use crate::rules::testing::{
    Spoil, carbon, installation, judges_spoilt_from, look, prepared, read, unread as not_read,
};

const CARBON_XML: &str = "repository/conf/carbon.xml";
const W: Severity = Severity::Warning;
const N: Severity = Severity::Notice;

fn drift(golden: &mut Golden) -> &mut Drift {
    read(&mut prepared(golden).drift)
}

/// A setting in the untouched, the running, the untouched new and the prepared home; `-` is absent, `?` unread.
fn add(golden: &mut Golden, file: &str, path: &str, values: [&str; 4]) {
    let value = |text: &str| (text != "-").then(|| text.to_owned());
    let [base, local, target, own] = values;
    let prepared = if own == "?" { not_read() } else { Field::Read(value(own)) };
    let drift = drift(golden);
    drift.count += 1;
    drift.settings.push(DriftSetting {
        file: file.into(),
        path: path.into(),
        base: value(base),
        local: value(local),
        target: value(target),
        prepared,
        renamed_to: None,
    });
}

fn one(golden: &mut Golden, values: [&str; 4]) {
    add(golden, CARBON_XML, "Server/Name", values);
}

fn switch(on: bool) -> Field<BTreeMap<String, bool>> {
    Field::Read(BTreeMap::from([("versioningProperties".to_owned(), on)]))
}

const ROWS: &[Spoil] = &[
    ("nothing differs", |_| {}, Ready, &[]),
    ("the number of the release", |g| one(g, ["4.4.6", "4.4.6", "4.4.7", "4.4.7"]), Ready, &[]),
    ("carried over", |g| one(g, ["a", "b", "a", "b"]), Ready, &[]),
    ("decided", |g| one(g, ["a", "b", "a", "c"]), Ready, &[]),
    ("set there alone", |g| one(g, ["a", "a", "a", "c"]), Ready, &[]),
    ("lost", |g| one(g, ["a", "b", "a", "a"]), Warning, &[(W, "lost: repository/conf/carbon.xml")]),
    (
        "an own setting lost",
        |g| one(g, ["-", "b", "-", "-"]),
        Warning,
        &[(W, "lost: repository/conf/carbon.xml")],
    ),
    (
        "what was taken out is back",
        |g| one(g, ["a", "-", "a", "a"]),
        Warning,
        &[(W, "lost: repository/conf/carbon.xml")],
    ),
    ("new and applied", |g| one(g, ["-", "-", "n", "n"]), Ready, &[]),
    ("new and set", |g| one(g, ["-", "-", "n", "m"]), Ready, &[]),
    (
        "new, not applied",
        |g| one(g, ["-", "-", "n", "-"]),
        Warning,
        &[(W, "not-applied: repository/conf/carbon.xml")],
    ),
    (
        "changed, not applied",
        |g| one(g, ["a", "a", "n", "a"]),
        Warning,
        &[(W, "not-applied: repository/conf/carbon.xml")],
    ),
    (
        "gone, still there",
        |g| one(g, ["a", "a", "-", "a"]),
        Ready,
        &[(N, "left-over: repository/conf/carbon.xml")],
    ),
    ("both the same", |g| one(g, ["a", "n", "n", "n"]), Ready, &[]),
    (
        "both the same, and the old one there",
        |g| one(g, ["a", "n", "n", "a"]),
        Warning,
        &[(W, "not-applied: repository/conf/carbon.xml")],
    ),
    (
        "conflict, own",
        |g| one(g, ["a", "b", "n", "b"]),
        Warning,
        &[(W, "conflict: repository/conf/carbon.xml")],
    ),
    (
        "conflict, new",
        |g| one(g, ["a", "b", "n", "n"]),
        Warning,
        &[(W, "conflict: repository/conf/carbon.xml")],
    ),
    ("conflict, decided", |g| one(g, ["a", "b", "n", "c"]), Ready, &[]),
    ("obsolete", |g| one(g, ["a", "b", "-", "b"]), Warning, &[(W, "obsolete: repository/conf/carbon.xml")]),
    ("dropped", |g| one(g, ["a", "b", "-", "-"]), Ready, &[(N, "dropped: repository/conf/carbon.xml")]),
    (
        "to map by hand",
        |g| {
            drift(g).becomes_toml = true;
            one(g, ["a", "b", "-", "-"]);
            add(g, CARBON_XML, "Server/Mine", ["-", "b", "-", "-"]);
            add(g, CARBON_XML, "", ["there", "there", "-", "-"]);
        },
        Warning,
        &[(W, "to-map: repository/conf/carbon.xml")],
    ),
    (
        "of the place",
        |g| {
            add(g, CARBON_XML, "Server/Ports/Offset", ["0", "3", "0", "13"]);
            add(g, CARBON_XML, "Server/HostName", ["-", "a.example.com", "-", "-"]);
        },
        Ready,
        &[(N, "place")],
    ),
    (
        "of the place and the same",
        |g| add(g, CARBON_XML, "Server/Ports/Offset", ["0", "3", "0", "3"]),
        Ready,
        &[],
    ),
    (
        "copied whole",
        |g| drift(g).copied_whole.push(CARBON_XML.into()),
        Warning,
        &[(W, "copied-whole: repository/conf/carbon.xml")],
    ),
    (
        "versions of properties are no longer kept",
        |g| {
            carbon(g).registry_versioning = switch(true);
            prepared(g).home.registry_versioning = switch(false);
        },
        Warning,
        &[(W, "registry-versioning")],
    ),
    (
        "versions of properties were never kept",
        |g| {
            carbon(g).registry_versioning = switch(false);
            prepared(g).home.registry_versioning = switch(false);
        },
        Ready,
        &[],
    ),
    ("the switches unread", |g| prepared(g).home.registry_versioning = not_read(), Unknown, &[]),
    (
        "the prepared one unread",
        |g| one(g, ["a", "b", "a", "?"]),
        Unknown,
        &[(W, "to-carry-over: repository/conf/carbon.xml")],
    ),
    (
        "new, the prepared one unread",
        |g| one(g, ["-", "-", "n", "?"]),
        Unknown,
        &[(W, "to-apply: repository/conf/carbon.xml")],
    ),
    (
        "both, the prepared one unread",
        |g| one(g, ["a", "b", "n", "?"]),
        Unknown,
        &[(W, "conflict: repository/conf/carbon.xml")],
    ),
    ("a file unread", |g| drift(g).unread.push((CARBON_XML.into(), "denied".into())), Unknown, &[]),
    ("not all listed", |g| drift(g).count = 1, Unknown, &[]),
    ("no prepared home", |g| crate::rules::testing::rehearsal(g).prepared = None, Unknown, &[]),
    (
        "the prepared home unread",
        |g| crate::rules::testing::rehearsal(g).prepared = Some(not_read()),
        Unknown,
        &[],
    ),
    ("no pristine", |g| prepared(g).drift = not_read(), Unknown, &[]),
    ("of another release", |g| prepared(g).version = Field::Read("4.4.8".parse().unwrap()), Unknown, &[]),
    ("pristine of another release", |g| drift(g).target_release = Some("4.4.8".into()), Unknown, &[]),
    ("pristine of an unknown release", |g| drift(g).base_release = None, Unknown, &[]),
    ("what runs is not known", |g| installation(g).version = not_read(), Unknown, &[]),
];

#[test]
fn judges_a_setting_by_its_four_values() {
    judges_spoilt_from(&CHECK, golden_carbon, ROWS);
}

#[test]
fn no_new_option_is_said_as_such() {
    let mut golden = golden_carbon();
    one(&mut golden, ["4.4.6", "4.4.6", "4.4.7", "4.4.7"]);
    let seen = look(&CHECK, &golden);
    assert!(
        seen.reason.contains("no configuration option is new between 4.4.6 and 4.4.7"),
        "{}",
        seen.reason
    );
    add(&mut golden, CARBON_XML, "Server/Cache", ["-", "-", "x", "x"]);
    let seen = look(&CHECK, &golden);
    assert!(seen.reason.contains("1 option new, changed or gone"), "{}", seen.reason);
}

#[test]
fn what_is_missing_says_what_to_configure() {
    let mut golden = golden_carbon();
    crate::rules::testing::rehearsal(&mut golden).prepared = None;
    let reason = look(&CHECK, &golden).reason;
    assert!(
        reason.contains("[instance.prepared] home") && reason.contains("[instance.files] pristine"),
        "{reason}"
    );
    let mut golden = golden_carbon();
    drift(&mut golden).base_release = Some("4.4.5".into());
    let reason = look(&CHECK, &golden).reason;
    assert!(
        reason.contains("is of 4.4.5, and 4.4.6 runs") && reason.contains("[instance.files]"),
        "{reason}"
    );
}

#[test]
fn two_hundred_differences_stay_readable() {
    let mut golden = golden_carbon();
    for number in 0..40 {
        for path in ["a", "b", "c", "d", "e", "f", "g"] {
            add(&mut golden, &format!("repository/conf/{number:02}.xml"), path, ["1", "2", "1", "1"]);
        }
    }
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.findings.len(), NAMED + 1);
    assert_eq!(seen.findings[0].observed.matches("here 2, prepared 1").count(), 5);
    assert!(seen.findings[0].observed.ends_with("and 2 more"), "{}", seen.findings[0].observed);
    let rest = seen.findings.last().unwrap();
    assert_eq!(rest.subject, "lost: other files");
    assert!(
        rest.summary.starts_with("105 more settings in 15 more files are changed here"),
        "{}",
        rest.summary
    );
}

#[test]
fn the_remedy_says_what_to_type() {
    let mut golden = golden_carbon();
    one(&mut golden, ["a", "b", "a", "a"]);
    let text = look(&CHECK, &golden).text();
    for part in [
        "unzip -p /srv/vendor/wso2carbon-4.4.6.zip '*/repository/conf/carbon.xml' | diff - /opt/wso2/wso2carbon-4.4.6/repo",
        "/opt/wso2/wso2carbon-4.4.7/repository/conf/carbon.xml",
        "Server/Name (here b, prepared a)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    drift(&mut golden).settings[0].renamed_to = Some("server.name".into());
    assert!(look(&CHECK, &golden).text().contains("Server/Name (now server.name)"));
}
