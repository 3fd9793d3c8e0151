use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::facts::{Offer, Offered, Offerer, Wanted};
use crate::golden::{Golden, golden, golden_carbon};
use crate::model::Severity::{Blocker, Notice, Warning};
use crate::model::Verdict::{self, Blocked, Ready, Skipped, Unknown};
use crate::rules::testing::{judges_spoilt_from, look, plugins, read, unread};

const FILE: &str = "repository/components/dropins/com.example.handler_1.2.0.jar";
const OTHER: &str = "repository/components/dropins/com.example.other_1.0.jar";
const CORE: &str = "org.wso2.carbon.core";

fn bundles(golden: &mut Golden) -> &mut Bundles {
    plugins(golden).bundles.as_mut().unwrap()
}

fn handler(golden: &mut Golden) -> &mut Bundle {
    &mut bundles(golden).custom[0]
}

fn offered_to(golden: &mut Golden) -> &mut Offered {
    read(&mut bundles(golden).offered).as_mut().unwrap()
}

fn core(golden: &mut Golden) -> &mut Offer {
    &mut offered_to(golden).packages.get_mut(CORE).unwrap()[0]
}

fn wanted(name: &str, range: &str) -> Wanted {
    Wanted { name: name.into(), range: range.into(), attributes: BTreeMap::new() }
}

fn offer(version: &str, by: &str, of: Offerer) -> Offer {
    Offer {
        version: version.into(),
        by: by.into(),
        of,
        attributes: BTreeMap::new(),
        mandatory: BTreeSet::new(),
    }
}

/// Another bundle of people, which offers what the first one wants.
fn add_other(golden: &mut Golden) {
    let bundles = bundles(golden);
    let mut other = bundles.custom[0].clone();
    (other.file, other.name, other.imports) = (OTHER.into(), "com.example.other".into(), Vec::new());
    bundles.custom.push(other);
    handler(golden).imports.push(wanted("com.example.api", "[1,2)"));
    let offers = vec![offer("1.0.0", OTHER, Offerer::RunningHome)];
    offered_to(golden).packages.insert("com.example.api".into(), offers);
}

/// A newer version of the first bundle, in the new home.
fn rebuild(golden: &mut Golden, range: &str) {
    let mut rebuilt = handler(golden).clone();
    rebuilt.version = "2.0.0".into();
    rebuilt.imports = vec![wanted(CORE, range)];
    offered_to(golden).custom.push(rebuilt);
}

#[test]
fn it_is_ready_on_the_golden_instance() {
    let seen = look(&CHECK, &golden_carbon());
    assert_eq!((seen.verdict, seen.findings.as_slice()), (Ready, [].as_slice()), "{}", seen.text());
    assert!(seen.reason.contains("1 bundle and 0 plain jars of people"), "{}", seen.reason);
}

#[test]
fn needs_are_judged() {
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            ("nobody offers it", |g| offered_to(g).packages.clear(), Blocked, &[(Blocker, FILE)]),
            ("another version", |g| core(g).version = "4.5.0".into(), Blocked, &[(Blocker, FILE)]),
            (
                "an exact version",
                |g| handler(g).imports[0].range = "[4.4.6,4.4.6]".into(),
                Blocked,
                &[(Blocker, FILE)],
            ),
            ("a lower bound", |g| handler(g).imports[0].range = "4.4.6".into(), Ready, &[]),
            ("an offer in no version", |g| core(g).version = "${v}".into(), Blocked, &[(Blocker, FILE)]),
            ("a range that is none", |g| handler(g).imports[0].range = "[4".into(), Unknown, &[]),
            (
                "an attribute nobody has",
                |g| drop(handler(g).imports[0].attributes.insert("vendor".into(), "x".into())),
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "an attribute that must be asked for",
                |g| core(g).mandatory = ["vendor".to_owned()].into(),
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "a version that must be asked for",
                |g| core(g).mandatory = ["version".to_owned()].into(),
                Ready,
                &[],
            ),
            (
                "the bundle that offers it, in another version",
                |g| {
                    core(g).attributes.insert("bundle-version".into(), "4.4.7".into());
                    handler(g).imports[0].attributes.insert("bundle-version".into(), "[1,2)".into());
                },
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "a bundle that is not there",
                |g| handler(g).requires.push(wanted("org.wso2.carbon.utils", "0.0.0")),
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "a bundle that is there",
                |g| {
                    handler(g).requires.push(wanted("org.wso2.carbon.utils", "4.4.0"));
                    let offers = vec![offer("4.4.7", "plugins/u.jar", Offerer::Release)];
                    offered_to(g).bundles.insert("org.wso2.carbon.utils".into(), offers);
                },
                Ready,
                &[],
            ),
        ],
    );
}

#[test]
fn bundles_of_people_serve_each_other() {
    const COMPANIONS: &str = "repository/components/dropins/com.example.handler_1.2.0.jar companions";
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            ("both are carried over", add_other, Ready, &[(Notice, COMPANIONS)]),
            (
                "the other one does not resolve",
                |g| {
                    add_other(g);
                    bundles(g).custom[1].imports.push(wanted("org.gone", "0.0.0"));
                },
                Blocked,
                &[(Blocker, FILE), (Blocker, OTHER)],
            ),
            (
                "they need each other",
                |g| {
                    add_other(g);
                    bundles(g).custom[1].imports.push(wanted("com.example.spi", "0.0.0"));
                    let offers = vec![offer("0.0.0", FILE, Offerer::RunningHome)];
                    offered_to(g).packages.insert("com.example.spi".into(), offers);
                },
                Ready,
                &[
                    (Notice, COMPANIONS),
                    (Notice, "repository/components/dropins/com.example.other_1.0.jar companions"),
                ],
            ),
            (
                "the release offers it as well",
                |g| {
                    add_other(g);
                    let offers = offered_to(g).packages.get_mut("com.example.api").unwrap();
                    offers.push(offer("1.9", "plugins/api.jar", Offerer::Release));
                },
                Ready,
                &[],
            ),
        ],
    );
}

#[test]
fn what_is_in_the_new_home_already_counts() {
    const NEW: &str =
        "/opt/wso2/wso2carbon-4.4.7/repository/components/dropins/com.example.handler_1.2.0.jar";
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            (
                "built anew for the target",
                |g| {
                    handler(g).imports[0].range = "[4.4.6,4.4.7)".into();
                    rebuild(g, "[4.4.7,4.5.0)");
                },
                Ready,
                &[],
            ),
            ("built for another one", |g| rebuild(g, "[4.5.0,5.0.0)"), Blocked, &[(Blocker, NEW)]),
        ],
    );
}

#[test]
fn what_could_not_be_seen_is_unknown_and_never_blocks() {
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            ("facts of an older agent", |g| plugins(g).bundles = None, Unknown, &[]),
            ("the new home could not be read", |g| bundles(g).offered = unread(), Unknown, &[]),
            ("no new home", |g| bundles(g).offered = Field::Read(None), Unknown, &[]),
            ("its version is not known", |g| offered_to(g).version = unread(), Unknown, &[]),
            (
                "its list is not known, and it matters",
                |g| {
                    offered_to(g).list_defects = unread();
                    offered_to(g).packages.clear();
                },
                Unknown,
                &[],
            ),
            (
                "a jar of it could not be read, and it matters",
                |g| {
                    offered_to(g).unread.insert("plugins/x.jar".into(), "permission denied".into());
                    offered_to(g).packages.clear();
                },
                Unknown,
                &[],
            ),
            (
                "a jar of it could not be read, and it does not matter",
                |g| {
                    drop(offered_to(g).unread.insert("plugins/x.jar".into(), "permission denied".into()));
                },
                Ready,
                &[],
            ),
            (
                "packages of Java are not known, and one is needed",
                |g| {
                    offered_to(g).system_packages = unread();
                    handler(g).imports.push(wanted("javax.naming", "0.0.0"));
                },
                Unknown,
                &[],
            ),
            (
                "packages of Java are not known, and another one is needed",
                |g| {
                    offered_to(g).system_packages = unread();
                    handler(g).imports.push(wanted("javaxx.naming", "0.0.0"));
                },
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "packages of Java are known, and this is none",
                |g| {
                    handler(g).imports.push(wanted("javax.xml.bind", "0.0.0"));
                },
                Blocked,
                &[(Blocker, FILE)],
            ),
            (
                "a jar of people could not be read",
                |g| {
                    drop(bundles(g).broken.insert(OTHER.into(), "no zip".into()));
                },
                Unknown,
                &[],
            ),
            (
                "a jar of people in the new home could not be read",
                |g| {
                    drop(offered_to(g).broken.insert(OTHER.into(), "no zip".into()));
                },
                Unknown,
                &[],
            ),
            ("classes could not be read", |g| handler(g).compiled_for = unread(), Unknown, &[]),
            ("the running list could not be read", |g| bundles(g).list_defects = unread(), Unknown, &[]),
        ],
    );
}

#[test]
fn what_needs_nothing_needs_no_new_home() {
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            (
                "nothing of people",
                |g| {
                    bundles(g).custom.clear();
                    bundles(g).offered = Field::Read(None);
                },
                Ready,
                &[],
            ),
            (
                "a plain jar",
                |g| {
                    handler(g).kind = BundleKind::Library;
                    handler(g).imports.clear();
                    bundles(g).offered = Field::Read(None);
                },
                Ready,
                &[],
            ),
        ],
    );
}

#[test]
fn another_release_is_not_judged_by_the_new_home() {
    let golden = golden_carbon().to("4.5.0");
    let seen = look(&CHECK, &golden);
    assert_eq!((seen.verdict, seen.found()), (Unknown, vec![(Warning, FILE)]), "{}", seen.text());
    assert!(seen.reason.contains("is 4.4.7; name one of 4.5.0"), "{}", seen.reason);

    let mut free = golden.clone();
    handler(&mut free).imports = vec![wanted(CORE, "4.4.6"), wanted("org.wso2.carbon.base", "[1.0.0,1.1.0)")];
    assert_eq!(look(&CHECK, &free).found(), [], "neither is tied to the kernel that runs");
}

#[test]
fn lists_and_jars_that_are_not_as_they_should_be() {
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            (
                "a broken line",
                |g| bundles(g).list_defects = Field::Read(vec!["line 3: 4 fields".into()]),
                Verdict::Warning,
                &[(Warning, "bundles.info")],
            ),
            (
                "a broken line of the new home",
                |g| offered_to(g).list_defects = Field::Read(vec!["line 3: 4 fields".into()]),
                Verdict::Warning,
                &[(Warning, "new-bundles.info")],
            ),
            (
                "copied products",
                |g| {
                    offered_to(g)
                        .copied_machine_made
                        .push("repository/components/dropins/a_1.0.0.jar".into());
                },
                Verdict::Warning,
                &[(Warning, "machine-made")],
            ),
            ("no bundle", |g| bundles(g).no_bundles.push("x.jar".into()), Ready, &[(Notice, "no-bundles")]),
            (
                "a capability",
                |g| handler(g).not_evaluated.push("osgi.extender;filter:=(a=b)".into()),
                Verdict::Warning,
                &[(Warning, "repository/components/dropins/com.example.handler_1.2.0.jar capabilities")],
            ),
        ],
    );
}

#[test]
fn java_is_judged_by_what_the_target_takes() {
    const JAVA: &str = "repository/components/dropins/com.example.handler_1.2.0.jar java";
    judges_spoilt_from(
        &CHECK,
        golden_carbon,
        &[
            ("its newest", |g| handler(g).demanded_java = Some(8), Ready, &[]),
            ("demanded", |g| handler(g).demanded_java = Some(11), Blocked, &[(Blocker, JAVA)]),
            (
                "compiled for",
                |g| handler(g).compiled_for = Field::Read(Some(11)),
                Verdict::Warning,
                &[(Warning, JAVA)],
            ),
            ("no classes", |g| handler(g).compiled_for = Field::Read(None), Ready, &[]),
            (
                "a plain jar",
                |g| {
                    handler(g).kind = BundleKind::Library;
                    handler(g).compiled_for = Field::Read(Some(17));
                },
                Verdict::Warning,
                &[(Warning, JAVA)],
            ),
        ],
    );
}

#[test]
fn others_skip_it() {
    let report = crate::report::Judge {
        catalog: &golden().catalog,
        policy: &golden().policy,
        plan: &golden().plan,
        now: golden().now,
    }
    .judge(&golden().facts, &golden().target);
    let verdict = report.checks.iter().find(|check| check.id == CHECK.id).unwrap().verdict;
    assert_eq!(verdict, Skipped);
    let carbon = golden_carbon();
    let report = crate::report::Judge {
        catalog: &carbon.catalog,
        policy: &carbon.policy,
        plan: &carbon.plan,
        now: carbon.now,
    }
    .judge(&carbon.facts, &carbon.target);
    for id in ["app-licenses", "plugin-compatibility", "plugin-state"] {
        let check = report.checks.iter().find(|check| check.id == id).unwrap();
        assert_eq!(check.verdict, Skipped, "{id}: {}", check.reason);
    }
}

#[test]
fn a_new_home_of_another_release_says_nothing_of_the_bundles() {
    let mut golden = golden_carbon();
    rebuild(&mut golden, "0.0.0");
    offered_to(&mut golden).custom[0].imports.clear();
    offered_to(&mut golden).version = crate::facts::Field::Read("4.4.8".parse().unwrap());
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.verdict, Unknown, "{}", seen.text());
}
