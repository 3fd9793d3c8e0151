//! What the rule says of copies.

use super::*;
use crate::facts::{
    CopyDifferences, Field, OutOfReach, PathList, Product, StagedDatabase, StatementOf, TableState, TreeCopy,
    UserStoreFile,
};
use crate::golden::{Golden, golden_carbon};
use crate::model::Severity;
use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
use crate::rules::testing::{
    Spoil, carbon, installation, judges_spoilt_from, look, prepared, read, rehearsal, unread as not_read,
};

const B: Severity = Severity::Blocker;
const W: Severity = Severity::Warning;
const N: Severity = Severity::Notice;

fn copy(golden: &mut Golden) -> &mut TreeCopy {
    &mut prepared(golden).copies[0]
}

fn differences(golden: &mut Golden) -> &mut CopyDifferences {
    read(&mut copy(golden).differences)
}

fn database(golden: &mut Golden) -> &mut StagedDatabase {
    &mut read(&mut prepared(golden).databases)[0]
}

fn staging(golden: &mut Golden) -> &mut TableState {
    read(&mut database(golden).staging)
}

fn production(golden: &mut Golden) -> &mut TableState {
    read(&mut database(golden).production)
}

fn counted_rows(table: &str, rows: u64) -> crate::facts::TableRows {
    crate::facts::TableRows { table: table.into(), rows: Field::Read(rows) }
}

fn some(path: &str) -> PathList {
    PathList { count: 1, paths: vec![path.into()] }
}

fn store(golden: &mut Golden) {
    let store = UserStoreFile {
        tenant: Some(1),
        file: "EXAMPLE_COM.xml".into(),
        domain: Some("EXAMPLE.COM".into()),
        address: None,
        encrypted: true,
    };
    carbon(golden).user_stores = Field::Read(vec![store]);
}

const ROWS: &[Spoil] = &[
    ("everything", |_| {}, Ready, &[]),
    ("no table seen in production", |g| read(&mut production(g).rows).clear(), Unknown, &[]),
    (
        "a filled table that is not in staging",
        |g| read(&mut staging(g).rows).retain(|one| one.table != "UM_USER"),
        Blocked,
        &[(B, "rows: WSO2_CARBON_DB")],
    ),
    (
        "sessions that began since the copy",
        |g| {
            read(&mut production(g).rows).push(counted_rows("IDN_AUTH_SESSION_STORE", 3));
            read(&mut staging(g).rows).push(counted_rows("IDN_AUTH_SESSION_STORE", 0));
        },
        Ready,
        &[],
    ),
    (
        "files missing",
        |g| differences(g).missing = some("webapps/a.war"),
        Blocked,
        &[(B, "missing: repository/deployment/server")],
    ),
    (
        "nothing copied",
        |g| {
            differences(g).missing = some("webapps/a.war");
            differences(g).compared = 0;
        },
        Blocked,
        &[(B, "not-copied: repository/deployment/server")],
    ),
    (
        "files differ",
        |g| differences(g).differing = some("a.xml"),
        Warning,
        &[(W, "differing: repository/deployment/server")],
    ),
    (
        "more there",
        |g| differences(g).extra = some("a.xml"),
        Ready,
        &[(N, "extra: repository/deployment/server")],
    ),
    (
        "not in the running home",
        |g| {
            copy(g).is_there = Field::Read(false);
            differences(g).extra = some("a.xml");
        },
        Ready,
        &[],
    ),
    (
        "into itself",
        |g| copy(g).nested = Some("repository/deployment/server/server".into()),
        Warning,
        &[(W, "nested: repository/deployment/server")],
    ),
    ("a link", |g| copy(g).is_original = true, Blocked, &[(B, "original: repository/deployment/server")]),
    ("unread", |g| copy(g).differences = not_read(), Unknown, &[]),
    ("whether it is there is unread", |g| copy(g).is_there = not_read(), Unknown, &[]),
    (
        "a part unread",
        |g| {
            differences(g).out_of_reach =
                Some(OutOfReach { count: 2, first: "/a".into(), why: "denied".into() });
        },
        Unknown,
        &[],
    ),
    ("nothing compared", |g| prepared(g).copies.clear(), Unknown, &[]),
    ("a user store not copied", store, Blocked, &[(B, "user-stores")]),
    (
        "user stores copied",
        |g| {
            store(g);
            let stores = carbon(g).user_stores.clone();
            prepared(g).home.user_stores = stores;
        },
        Ready,
        &[],
    ),
    (
        "user stores there unread",
        |g| {
            store(g);
            prepared(g).home.user_stores = not_read();
        },
        Unknown,
        &[],
    ),
    (
        "event directories of old tenants",
        |g| {
            g.facts.product = Product::Wso2IdentityServer;
            installation(g).version = Field::Read("5.7.0".parse().unwrap());
            g.target.version = "5.11.0".parse().unwrap();
            prepared(g).version = Field::Read("5.11.0".parse().unwrap());
            read(&mut prepared(g).home.tenants).with_event_files.insert(2);
        },
        Warning,
        &[(W, "event-directories")],
    ),
    (
        "event directories of releases that use them",
        |g| {
            g.facts.product = Product::Wso2IdentityServer;
            installation(g).version = Field::Read("5.9.0".parse().unwrap());
            g.target.version = "5.11.0".parse().unwrap();
            prepared(g).version = Field::Read("5.11.0".parse().unwrap());
            read(&mut prepared(g).home.tenants).with_event_files.insert(2);
        },
        Ready,
        &[],
    ),
    (
        "old bundles",
        |g| {
            let old = installation(g).statements.last().unwrap().clone();
            assert_eq!(old.of, StatementOf::BundleVersion);
            prepared(g).statements.push(old);
        },
        Blocked,
        &[(B, "bundles")],
    ),
    (
        "a directory of nobody",
        |g| {
            read(&mut carbon(g).tenants).ids.insert(7);
        },
        Ready,
        &[(N, "tenant-directories")],
    ),
    (
        "fewer rows",
        |g| read(&mut staging(g).rows)[0].rows = Field::Read(11),
        Warning,
        &[(W, "rows: WSO2_CARBON_DB")],
    ),
    (
        "no row of a table",
        |g| read(&mut staging(g).rows)[0].rows = Field::Read(0),
        Blocked,
        &[(B, "rows: WSO2_CARBON_DB")],
    ),
    (
        "no row at all",
        |g| read(&mut staging(g).rows).iter_mut().for_each(|table| table.rows = Field::Read(0)),
        Blocked,
        &[(B, "rows: WSO2_CARBON_DB")],
    ),
    (
        "no row could be counted",
        |g| read(&mut staging(g).rows).iter_mut().for_each(|table| table.rows = not_read()),
        Unknown,
        &[],
    ),
    ("more rows", |g| read(&mut staging(g).rows)[0].rows = Field::Read(13), Ready, &[]),
    (
        "a tenant without a row",
        |g| {
            read(&mut staging(g).tenants).remove(&2);
        },
        Blocked,
        &[(B, "tenants: WSO2_CARBON_DB")],
    ),
    (
        "a domain without a row",
        |g| {
            read(&mut staging(g).domains).remove("SYSTEM");
        },
        Blocked,
        &[(B, "domains: WSO2_CARBON_DB")],
    ),
    ("domains unread", |g| staging(g).domains = not_read(), Unknown, &[]),
    ("staging unread", |g| database(g).staging = not_read(), Unknown, &[]),
    ("databases unread", |g| prepared(g).databases = not_read(), Unknown, &[]),
    ("no database", |g| read(&mut prepared(g).databases).clear(), Unknown, &[]),
    ("no prepared home", |g| rehearsal(g).prepared = None, Unknown, &[]),
    ("of another release", |g| prepared(g).version = Field::Read("4.4.8".parse().unwrap()), Unknown, &[]),
];

#[test]
fn judges_what_was_copied() {
    judges_spoilt_from(&CHECK, golden_carbon, ROWS);
}

#[test]
fn without_untouched_releases_the_finding_says_that_vendor_files_are_in_it() {
    let mut golden = golden_carbon();
    differences(&mut golden).missing = some("axis2services/Version.aar");
    assert!(!look(&CHECK, &golden).text().contains("pristine"));
    differences(&mut golden).knows_vendor = false;
    let text = look(&CHECK, &golden).text();
    assert!(text.contains("pristine in [instance.files] and [instance.prepared]"), "{text}");
    assert!(
        text.contains("rsync -a /opt/wso2/wso2carbon-4.4.6/repository/deployment/server/ /opt/wso2/"),
        "{text}"
    );
}
