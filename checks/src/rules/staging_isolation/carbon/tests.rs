//! What the rule says of a prepared home of Carbon.

use super::super::CHECK;
use crate::facts::{CarbonHome, Field, Mount, UserStoreFile};
use crate::golden::{Golden, golden_carbon};
use crate::model::Severity;
use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
use crate::rules::testing::{
    Spoil, carbon, judges_spoilt_from, look, prepared, read, rehearsal, unread as not_read,
};

const B: Severity = Severity::Blocker;
const W: Severity = Severity::Warning;

fn there(golden: &mut Golden) -> &mut CarbonHome {
    &mut prepared(golden).home
}

fn host(golden: &mut Golden, name: &str) {
    read(&mut there(golden).datasources)[0].config.host = Some(name.into());
}

fn clustered(golden: &mut Golden) {
    read(&mut carbon(golden).clustering).enabled = true;
    read(&mut there(golden).clustering).enabled = true;
}

fn synchronised(golden: &mut Golden, commits: bool) {
    for home in [0, 1] {
        let home = if home == 0 { carbon(golden) } else { there(golden) };
        let synchroniser = read(&mut home.synchroniser);
        synchroniser.enabled = true;
        synchroniser.commits = commits;
        synchroniser.repository = Some("http://svn.example.com/carbon".into());
    }
}

fn mount(cache_id: &str) -> Vec<Mount> {
    vec![Mount {
        path: "/_system/governance".into(),
        instance: "governance".into(),
        datasource: Some("jdbc/Governance".into()),
        cache_id: Some(cache_id.into()),
        read_only: false,
    }]
}

fn store(address: &str) -> Vec<UserStoreFile> {
    vec![UserStoreFile {
        tenant: None,
        file: "EXAMPLE_COM.xml".into(),
        domain: None,
        address: Some(address.into()),
        encrypted: false,
    }]
}

const ROWS: &[Spoil] = &[
    ("good", |_| {}, Ready, &[]),
    (
        "the same files below the home of the user",
        |g| {
            for home in [carbon, there] {
                let config = &mut read(&mut home(g).datasources)[0].config;
                config.engine = Some(crate::facts::Engine::H2);
                config.url = Some("jdbc:h2:~/carbon".into());
            }
        },
        Blocked,
        &[(B, "datasource: WSO2_CARBON_DB")],
    ),
    ("no data source", |g| read(&mut there(g).datasources).clear(), Unknown, &[]),
    (
        "neither staging nor a prepared home",
        |g| {
            rehearsal(g).staging = None;
            rehearsal(g).prepared = None;
        },
        Skipped,
        &[],
    ),
    ("no other agent", |g| rehearsal(g).staging = None, Ready, &[]),
    (
        "the running home",
        |g| prepared(g).is_running_home = Field::Read(true),
        Blocked,
        &[(B, "prepared-home")],
    ),
    ("whether it is the running home unread", |g| prepared(g).is_running_home = not_read(), Unknown, &[]),
    ("unread", |g| rehearsal(g).prepared = Some(not_read()), Unknown, &[]),
    ("production's database", |g| host(g, "DB.example.com"), Blocked, &[(B, "datasource: WSO2_CARBON_DB")]),
    (
        "production's database, both here",
        |g| {
            host(g, "localhost");
            read(&mut carbon(g).datasources)[0].config.host = Some("127.0.0.1".into());
            read(&mut carbon(g).datasources)[0].config.port = None;
        },
        Blocked,
        &[(B, "datasource: WSO2_CARBON_DB")],
    ),
    (
        "another database of the same server",
        |g| {
            host(g, "db.example.com");
            read(&mut there(g).datasources)[0].config.database = Some("staging".into());
        },
        Ready,
        &[],
    ),
    ("where it leads is not told", |g| read(&mut there(g).datasources)[0].config.host = None, Unknown, &[]),
    ("data sources unread", |g| there(g).datasources = not_read(), Unknown, &[]),
    ("the cluster of production", clustered, Blocked, &[(B, "clustering")]),
    (
        "a cluster of its own",
        |g| {
            clustered(g);
            read(&mut there(g).clustering).domain = Some("staging.domain".into());
        },
        Ready,
        &[],
    ),
    (
        "another domain, and members of production",
        |g| {
            clustered(g);
            read(&mut carbon(g).clustering).members = vec!["10.0.0.7:4000".into()];
            read(&mut there(g).clustering).members = vec!["10.0.0.7:4000".into()];
            read(&mut there(g).clustering).domain = Some("staging.domain".into());
        },
        Warning,
        &[(W, "clustering")],
    ),
    (
        "the same domain, and members of its own",
        |g| {
            clustered(g);
            read(&mut there(g).clustering).scheme = Some("wka".into());
            read(&mut there(g).clustering).members = vec!["10.0.9.7:4000".into()];
        },
        Warning,
        &[(W, "clustering")],
    ),
    ("clustering unread", |g| there(g).clustering = not_read(), Unknown, &[]),
    ("commits", |g| synchronised(g, true), Blocked, &[(B, "synchroniser")]),
    ("takes", |g| synchronised(g, false), Warning, &[(W, "synchroniser")]),
    (
        "a repository of its own",
        |g| {
            synchronised(g, true);
            read(&mut there(g).synchroniser).repository = Some("http://svn.example.com/staging".into());
        },
        Ready,
        &[],
    ),
    ("synchroniser unread", |g| there(g).synchroniser = not_read(), Unknown, &[]),
    (
        "the same cache",
        |g| {
            carbon(g).mounts = Field::Read(mount("carbon@db"));
            there(g).mounts = Field::Read(mount("carbon@db"));
        },
        Warning,
        &[(W, "cache-id")],
    ),
    (
        "a cache of its own",
        |g| {
            carbon(g).mounts = Field::Read(mount("carbon@db"));
            there(g).mounts = Field::Read(mount("carbon@db-staging"));
        },
        Ready,
        &[],
    ),
    (
        "the same directory of users",
        |g| {
            carbon(g).user_stores = Field::Read(store("ldap://ldap.example.com:389"));
            there(g).user_stores = Field::Read(store("ldap://LDAP.example.com:389"));
        },
        Warning,
        &[(W, "user-stores")],
    ),
    ("user stores unread", |g| there(g).user_stores = not_read(), Unknown, &[]),
    ("the same ports", |g| there(g).ports = carbon(g).ports.clone(), Ready, &[(Severity::Notice, "ports")]),
    (
        "what another agent says counts too",
        |g| {
            let own = g.facts.profile().home;
            rehearsal(g).staging.as_mut().unwrap().profile.home = own;
        },
        Blocked,
        &[(B, "home")],
    ),
];

#[test]
fn a_prepared_home_must_share_nothing_with_production() {
    judges_spoilt_from(&CHECK, golden_carbon, ROWS);
}

#[test]
fn words_are_those_of_the_product() {
    let mut golden = golden_carbon();
    let own = golden.facts.profile().database;
    rehearsal(&mut golden).staging.as_mut().unwrap().profile.database = own;
    host(&mut golden, "db.example.com");
    let text = look(&CHECK, &golden).text();
    assert!(text.contains("repository/conf/datasources") && !text.contains("confluence"), "{text}");
    assert!(text.contains("must never be connected to a database that was not upgraded"), "{text}");
}
