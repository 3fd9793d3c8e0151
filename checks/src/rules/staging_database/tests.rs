use super::*;
use crate::facts::{Field, PerilousOption, Snapshot, TableRows, TableState};
use crate::golden::{Golden, golden_carbon};
use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
use crate::rules::testing::{Spoil, judges_spoilt_from, look, read, rehearsal, unread};

fn prepared(golden: &mut Golden) -> &mut Prepared {
    read(rehearsal(golden).prepared.as_mut().expect("a prepared home")).as_mut()
}

fn database(golden: &mut Golden) -> &mut StagedDatabase {
    read(&mut prepared(golden).databases).first_mut().expect("a database")
}

fn staging(golden: &mut Golden) -> &mut TableState {
    read(&mut database(golden).staging)
}

fn production(golden: &mut Golden) -> &mut TableState {
    read(&mut database(golden).production)
}

fn rows(state: &mut TableState) -> &mut Vec<TableRows> {
    read(&mut state.rows)
}

fn count(state: &mut TableState, table: &str, count: u64) {
    let of = rows(state).iter_mut().find(|one| one.table == table);
    of.expect("a golden table").rows = Field::Read(count);
}

fn empty(state: &mut TableState) {
    for one in rows(state) {
        one.rows = Field::Read(0);
    }
}

fn virgin(golden: &mut Golden) {
    let staging = staging(golden);
    rows(staging).clear();
    read(&mut staging.kernel_tables).clear();
    (staging.schema, staging.behind) = (Field::Read(crate::facts::SchemaSigns::default()), unread());
}

fn sign(state: &mut TableState, release: Option<&str>) {
    let schema = read(&mut state.schema);
    (schema.at_least, schema.exactly) = (release.map(Into::into), None);
}

/// Somebody works on production.
fn busy(golden: &mut Golden) {
    production(golden).sessions = Field::Read(vec!["10.0.0.7".into()]);
}

#[test]
fn a_staging_database_is_empty_before_and_complete_after_the_copy() {
    use Severity::{Blocker, Notice};
    const WARNED: Severity = Severity::Warning;
    let to_copy: &[(Severity, &str)] = &[(Notice, "WSO2_CARBON_DB: copy")];
    let started: &[(Severity, &str)] = &[(WARNED, "WSO2_CARBON_DB: started")];
    let incomplete: &[(Severity, &str)] = &[(Blocker, "WSO2_CARBON_DB: incomplete")];
    let rows_of: &[Spoil] = &[
        ("golden", |_| {}, Ready, &[]),
        ("virgin", virgin, Ready, to_copy),
        ("no table seen in production", |g| rows(production(g)).clear(), Unknown, &[]),
        (
            "no table seen in either",
            |g| {
                virgin(g);
                rows(production(g)).clear();
            },
            Unknown,
            &[],
        ),
        ("prepared", |g| empty(staging(g)), Ready, to_copy),
        (
            "prepared by a newer script, which puts one row in",
            |g| {
                empty(staging(g));
                rows(staging(g)).push(TableRows { table: "UM_ORG".into(), rows: Field::Read(1) });
            },
            Ready,
            to_copy,
        ),
        (
            "started on an empty one",
            |g| {
                empty(staging(g));
                for table in ["UM_USER", "UM_ROLE", "REG_PATH", "REG_RESOURCE"] {
                    count(staging(g), table, 1);
                }
            },
            Warning,
            started,
        ),
        ("a row is missing, production rests", |g| count(staging(g), "UM_USER", 11), Blocked, incomplete),
        (
            "a row is missing, production runs",
            |g| {
                busy(g);
                count(staging(g), "UM_USER", 11);
            },
            Warning,
            &[(WARNED, "WSO2_CARBON_DB: incomplete")],
        ),
        (
            "sessions of production not seen",
            |g| {
                production(g).sessions = unread();
                count(staging(g), "UM_USER", 0);
            },
            Warning,
            &[(WARNED, "WSO2_CARBON_DB: incomplete")],
        ),
        (
            "a table is missing",
            |g| rows(staging(g)).retain(|one| one.table != "UM_CLAIM"),
            Blocked,
            incomplete,
        ),
        (
            "an empty table is missing",
            |g| {
                count(production(g), "UM_CLAIM", 0);
                rows(staging(g)).retain(|one| one.table != "UM_CLAIM");
            },
            Ready,
            &[],
        ),
        (
            "more than production",
            |g| count(staging(g), "UM_USER", 13),
            Warning,
            &[(WARNED, "WSO2_CARBON_DB: changed")],
        ),
        ("a log that moves", |g| count(staging(g), "REG_LOG", 3), Ready, &[]),
        (
            "tokens that move",
            |g| {
                for (state, rows_there) in [(0, 5), (1, 9)] {
                    let one =
                        TableRows { table: "IDN_OAUTH2_ACCESS_TOKEN".into(), rows: Field::Read(rows_there) };
                    let state = if state == 0 { staging(g) } else { production(g) };
                    rows(state).push(one);
                }
            },
            Ready,
            &[],
        ),
        ("a table not counted", |g| rows(staging(g))[3].rows = unread(), Unknown, &[]),
        ("a table of production not counted", |g| rows(production(g))[3].rows = unread(), Unknown, &[]),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows_of);
}

#[test]
fn what_is_not_counts_is_compared_and_what_is_unread_is_unknown() {
    use Severity::Blocker;
    const WARNED: Severity = Severity::Warning;
    let rows_of: &[Spoil] = &[
        (
            "a tenant is missing",
            |g| assert!(read(&mut staging(g).tenants).remove(&2)),
            Warning,
            &[(WARNED, "WSO2_CARBON_DB: tenants")],
        ),
        (
            "a domain is missing",
            |g| assert!(read(&mut production(g).domains).insert("CORP".into())),
            Warning,
            &[(WARNED, "WSO2_CARBON_DB: domains")],
        ),
        (
            "sequences behind",
            |g| read(&mut staging(g).behind).push("UM_USER_SEQ gives 1 next".into()),
            Blocked,
            &[(Blocker, "WSO2_CARBON_DB: sequences")],
        ),
        ("sequences of production behind", |g| read(&mut production(g).behind).push("X".into()), Ready, &[]),
        ("sequences unread", |g| staging(g).behind = unread(), Unknown, &[]),
        ("tenants unread", |g| production(g).tenants = unread(), Unknown, &[]),
        ("domains unread", |g| staging(g).domains = unread(), Unknown, &[]),
        ("rows unread", |g| staging(g).rows = unread(), Unknown, &[]),
        ("rows of production unread", |g| production(g).rows = unread(), Unknown, &[]),
        ("staging unread", |g| database(g).staging = unread(), Unknown, &[]),
        ("production unread", |g| database(g).production = unread(), Unknown, &[]),
        ("databases unread", |g| prepared(g).databases = unread(), Unknown, &[]),
        ("no database", |g| read(&mut prepared(g).databases).clear(), Unknown, &[]),
        ("the new home unread", |g| rehearsal(g).prepared = Some(unread()), Unknown, &[]),
        ("no new home", |g| rehearsal(g).prepared = None, Unknown, &[]),
        ("off", |g| g.facts.switch_off(Source::Rehearsal), Unknown, &[]),
        ("nothing known", |g| g.facts = Snapshot::empty("carbon", g.facts.product, g.now), Unknown, &[]),
        (
            "another release is set up",
            |g| prepared(g).version = Field::Read("4.4.8".parse().unwrap()),
            Unknown,
            &[],
        ),
        ("its version unread", |g| prepared(g).version = unread(), Unknown, &[]),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows_of);
}

#[test]
fn productions_own_database_is_never_staging() {
    use Severity::Blocker;
    let same: &[(Severity, &str)] = &[(Blocker, "WSO2_CARBON_DB: same database")];
    let rows: &[Spoil] = &[
        (
            "by address",
            |g| {
                staging(g).address = "db.example.com:5432/carbon".into();
                staging(g).identity = unread();
            },
            Blocked,
            same,
        ),
        (
            "by another name of its host",
            |g| staging(g).identity = production(g).identity.clone(),
            Blocked,
            same,
        ),
        (
            "another database of the same server",
            |g| {
                staging(g).identity = production(g).identity.clone();
                staging(g).address = "db2.example.com:5432/carbon_staging".into();
            },
            Ready,
            &[],
        ),
        ("a server that does not say which it is", |g| staging(g).identity = unread(), Unknown, &[]),
        (
            "and a database of another name there",
            |g| {
                production(g).identity = unread();
                staging(g).address = "db2.example.com:5432/carbon_staging".into();
            },
            Ready,
            &[],
        ),
        (
            "whatever the release",
            |g| {
                prepared(g).version = unread();
                staging(g).address = "db.example.com:5432/carbon".into();
            },
            Blocked,
            same,
        ),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows);
}

#[test]
fn options_that_make_tables_block() {
    fn option(golden: &mut Golden, option: &str) {
        let perilous = PerilousOption { place: "/opt/n/bin/wso2server.sh".into(), option: option.into() };
        read(&mut prepared(golden).home.perilous_options).push(perilous);
    }
    let rows: &[Spoil] = &[
        (
            "setup",
            |g| option(g, "-Dsetup"),
            Blocked,
            &[(Severity::Blocker, "-Dsetup in /opt/n/bin/wso2server.sh")],
        ),
        (
            "on an empty database too",
            |g| {
                virgin(g);
                option(g, "--cleanRegistry");
            },
            Blocked,
            &[
                (Severity::Blocker, "--cleanRegistry in /opt/n/bin/wso2server.sh"),
                (Severity::Notice, "WSO2_CARBON_DB: copy"),
            ],
        ),
        ("unread", |g| prepared(g).home.perilous_options = unread(), Unknown, &[]),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows);
}

#[test]
fn signs_of_a_release_that_is_neither_warn() {
    let warned: &[(Severity, &str)] = &[(Severity::Warning, "WSO2_CARBON_DB: schema")];
    let rows: &[Spoil] = &[
        ("of the new release", |g| sign(staging(g), Some("4.4.7")), Ready, &[]),
        (
            "both without",
            |g| {
                sign(staging(g), None);
                sign(production(g), None);
            },
            Ready,
            &[],
        ),
        ("newer than the new release", |g| sign(staging(g), Some("4.4.11")), Warning, warned),
        ("older than production", |g| sign(staging(g), None), Warning, warned),
        ("older than production, which is of 4.4.7", |g| sign(production(g), Some("4.4.7")), Warning, warned),
        (
            "newer, and the kernel of the new home is not known",
            |g| {
                sign(staging(g), Some("4.5.0"));
                prepared(g).home.kernel = unread();
            },
            Ready,
            &[],
        ),
        ("unread", |g| staging(g).schema = unread(), Unknown, &[]),
        (
            "a database without tables has no signs",
            |g| {
                virgin(g);
                staging(g).schema = unread();
            },
            Ready,
            &[(Severity::Notice, "WSO2_CARBON_DB: copy")],
        ),
    ];
    judges_spoilt_from(&CHECK, golden_carbon, rows);
}

#[test]
fn the_phase_is_told() {
    let phase = |spoil: fn(&mut Golden)| {
        let mut golden = golden_carbon();
        spoil(&mut golden);
        look(&CHECK, &golden).reason
    };
    assert!(phase(|_| {}).starts_with("WSO2_CARBON_DB: copied, the rows of production at db-staging"));
    assert!(phase(virgin).contains("WSO2_CARBON_DB: virgin"));
    assert!(phase(|g| empty(staging(g))).contains("WSO2_CARBON_DB: prepared, 40 tables without rows"));
    let reason = phase(|g| rehearsal(g).prepared = None);
    assert!(reason.contains("[instance.prepared]"), "{reason}");
}
