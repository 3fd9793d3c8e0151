//! What the rule says of one spoilt fact at a time.

use super::*;
use crate::facts::{Files, OutOfReach, PathList, Reading};
use crate::golden::{Golden, golden};
use crate::model::Verdict::{Ready, Unknown, Warning};
use crate::rules::testing::{Spoil, judges_spoilt, look};

const INSTALL: &str = "/opt/atlassian/confluence";

fn files(golden: &mut Golden) -> &mut Files {
    match &mut golden.facts.files {
        Reading::Learned(learned) => &mut learned.facts,
        Reading::Pending | Reading::Off | Reading::Failed { .. } => panic!("the golden instance has them"),
    }
}

/// The web application, the whole installation.
fn tree(golden: &mut Golden, index: usize) -> &mut Differences {
    match &mut files(golden).trees[index].differences {
        Field::Read(differences) => differences,
        Field::Unread(why) => panic!("the golden instance has it: {why}"),
    }
}

fn list<const N: usize>(paths: [&str; N]) -> PathList {
    PathList { count: N as u64, paths: paths.map(Into::into).into() }
}

fn with_baseline(golden: &mut Golden) {
    let since = "2025-11-03T08:00:00Z".parse().unwrap();
    files(golden).trees[1].compared_with = ComparedWith::Baseline(since);
}

#[test]
fn judges_what_differs() {
    const W: Severity = Severity::Warning;
    let rows: &[Spoil] = &[
        ("nothing differs", |_| {}, Ready, &[]),
        (
            "the most important first, drivers and the home's name not at all",
            |g| {
                tree(g, 0).modified = list([
                    "WEB-INF/classes/confluence-init.properties",
                    "WEB-INF/web.xml",
                    "decorators/main.vmd",
                ]);
                tree(g, 0).added = list(["WEB-INF/lib/mysql-connector-j-8.3.0.jar", "robots.txt"]);
                tree(g, 0).removed = list(["a.jsp", "setup/start.jsp"]);
                tree(g, 1).modified = list(["bin/setenv.sh", "conf/server.xml", "jre/lib/security/cacerts"]);
            },
            Warning,
            &[
                (W, "/opt/atlassian/confluence/conf/server.xml"),
                (W, "/opt/atlassian/confluence/bin/setenv.sh"),
                (W, "/opt/atlassian/confluence/confluence/WEB-INF/web.xml"),
                (W, "/opt/atlassian/confluence/jre/lib/security/cacerts"),
                (W, "/opt/atlassian/confluence/confluence/decorators/main.vmd"),
                (W, "/opt/atlassian/confluence/confluence/robots.txt"),
                (W, "/opt/atlassian/confluence/confluence/a.jsp"),
            ],
        ),
        (
            "both comparisons find the same file",
            |g| {
                tree(g, 0).modified = list(["WEB-INF/web.xml"]);
                tree(g, 1).modified = list(["confluence/WEB-INF/web.xml"]);
            },
            Warning,
            &[(W, "/opt/atlassian/confluence/confluence/WEB-INF/web.xml")],
        ),
        (
            "only what every installation has",
            |g| tree(g, 0).added = list(["WEB-INF/lib/ojdbc8.jar"]),
            Ready,
            &[],
        ),
        ("an own list is a notice", with_baseline, Ready, &[(Severity::Notice, INSTALL)]),
        (
            "a part could not be looked at",
            |g| {
                tree(g, 1).modified = list(["bin/setenv.sh"]);
                tree(g, 1).out_of_reach =
                    Some(OutOfReach { count: 3, first: "/opt/x".into(), why: "denied".into() });
            },
            Unknown,
            &[(W, "/opt/atlassian/confluence/bin/setenv.sh")],
        ),
        (
            "nothing to compare with",
            |g| files(g).trees[1].differences = Field::Unread("no copy".into()),
            Unknown,
            &[],
        ),
        ("no tree at all", |g| files(g).trees.clear(), Unknown, &[]),
        ("hashes of nothing in particular", |g| tree(g, 0).strange_entries = 2, Ready, &[]),
    ];
    judges_spoilt(&CHECK, rows);
}

#[test]
fn many_are_named_up_to_a_bound_and_then_counted() {
    let mut golden = golden();
    let names: Vec<String> = (0..200).map(|number| format!("extra-{number:03}.txt")).collect();
    tree(&mut golden, 1).added = PathList { count: 5000, paths: names };
    tree(&mut golden, 1).modified = list(["conf/server.xml"]);
    let seen = look(&CHECK, &golden);
    assert_eq!(seen.findings.len(), 21);
    assert!(seen.findings[0].subject.ends_with("conf/server.xml"));
    let rest = seen.findings.last().unwrap();
    assert_eq!((rest.subject.as_str(), rest.summary.as_str()), ("other files", "4981 more files differ too"));
}

#[test]
fn the_remedy_says_what_to_type() {
    let mut golden = golden();
    tree(&mut golden, 1).modified = list(["conf/server.xml", "jre/lib/security/cacerts"]);
    let text = look(&CHECK, &golden).text();
    for part in [
        "tar -xzOf /srv/atlassian-confluence-9.2.7.tar.gz --wildcards '*/conf/server.xml' | diff - /opt/",
        "proxyName",
        "keytool -list -keystore /opt/atlassian/confluence/jre/lib/security/cacerts",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    with_baseline(&mut golden);
    let text = look(&CHECK, &golden).text();
    assert!(text.contains("before 2025-11-03 08:00 UTC") && text.contains("pristine ="), "{text}");
}

#[test]
fn of_a_carbon_home_only_what_no_other_check_looks_at_is_found() {
    let mut golden = crate::golden::golden_carbon();
    let trees = &mut files(&mut golden).trees;
    trees.truncate(1);
    let home = trees[0].root.clone();
    tree(&mut golden, 0).modified = list([
        "repository/conf/carbon.xml",
        "bin/wso2server.sh",
        "repository/resources/security/wso2carbon.jks",
    ]);
    tree(&mut golden, 0).added = list([
        "repository/components/dropins/a_1.0.0.jar",
        "repository/deployment/server/webapps/a.war",
        "repository/tenants/1/userstores/A.xml",
        "repository/components/lib/postgresql-42.7.2.jar",
        "confidential.txt",
    ]);
    let seen = look(&CHECK, &golden);
    let expected = [
        (Severity::Warning, format!("{home}/repository/resources/security/wso2carbon.jks")),
        (Severity::Warning, format!("{home}/confidential.txt")),
    ];
    let expected: Vec<_> = expected.iter().map(|(severity, subject)| (*severity, subject.as_str())).collect();
    assert_eq!(seen.found(), expected);
    assert!(
        seen.reason.contains("5 changed files left to configuration-drift, osgi-bundles, staging-copy"),
        "{}",
        seen.reason
    );
    assert!(seen.text().contains("what was encrypted cannot be read any more"));
    files(&mut golden).trees[0].compared_with =
        ComparedWith::Baseline("2025-11-03T08:00:00Z".parse().unwrap());
    let text = look(&CHECK, &golden).text();
    assert!(text.contains("wso2carbon-<release>.zip") && !text.contains("tlassian"), "{text}");
}
