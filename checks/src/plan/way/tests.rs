//! Hard cases: each catalog is small and says only what the case is about.

use jiff::civil::date;

use super::*;
use crate::catalog::{Answers, Catalog, Component, PLATFORMS};
use crate::facts::{
    Driver, Engine, Field, JavaVersion, LicenseText, Product, Reading, Runtime, RuntimeRole, Until,
};
use crate::golden::{Golden, golden};

/// Lines with one release each; those with a star are supported for long.
const LINES: &str = "6.13* 7.4* 7.13* 7.19* 7.20 8.0 8.5* 8.9 9.0 9.2* 10.0 10.2*";

fn catalog(rules: &str) -> Catalog {
    let entry = |line: &str| {
        let (line, long) = line.strip_suffix('*').map_or((line, false), |line| (line, true));
        format!(
            "[[line]]\nline = '{line}'\nlong_term_support = {long}\nreleases = [{{ version = '{line}.1', date = '2024-01-01' }}, \
             {{ version = '{line}.3', date = '2024-06-01' }}]\n"
        )
    };
    let lines: String = LINES.split(' ').map(entry).collect();
    let head = "product = 'confluence'\ncollected_on = '2026-11-20'\n";
    Catalog::parse(&format!("{head}{lines}{rules}"), PLATFORMS).unwrap()
}

fn requirement(component: &str, from: &str, to: &str, supported: &str, excluded: &str) -> String {
    format!(
        "[[requirement]]\ncomponent = '{component}'\nfrom = '{from}'\nto = '{to}'\nsupported = [{supported}]\n\
         excluded = [{excluded}]\nconfidence = 'confirmed'\nsource = 's'\n"
    )
}

fn jump(when: &str, result: &str) -> String {
    format!(
        "[[jump]]\nid = '{when}'\nwhen = {{ {} }}\nresult = '{result}'\nconfidence = 'confirmed'\nbecause = 'the vendor says so'\n",
        when.replace('"', "'")
    )
}

/// Java as it was: each line takes the old or the new one and refuses what is older.
fn java() -> String {
    [
        requirement("java", "6.0", "7.0", "'8'", "'11'"),
        requirement("java", "7.1", "7.20", "'8', '11'", "'17'"),
        requirement("java", "8.0", "8.9", "'11', '17'", "'8'"),
        requirement("java", "9.0", "9.5", "'17', '21'", "'<=11'"),
        requirement("java", "10.0", "10.2", "'21'", "'<=17'"),
    ]
    .concat()
}

/// An instance of this release with a Java and a PostgreSQL of these versions.
fn instance(version: &str, java: Option<u32>, postgres: &str, catalog: Catalog) -> Golden {
    let mut golden = golden();
    golden.catalog = catalog;
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        learned.facts.version = Field::Read(version.parse().unwrap());
    }
    if let (Some(feature), Reading::Learned(learned)) = (java, &mut golden.facts.java) {
        learned.facts.runtimes = vec![Runtime {
            role: RuntimeRole::Running,
            home: "/usr/lib/jvm/java".into(),
            version: Field::Read(JavaVersion { feature, text: format!("{feature}.0.1") }),
            implementor: None,
        }];
    }
    if let Reading::Learned(learned) = &mut golden.facts.database {
        learned.facts.version = Field::Read(postgres.into());
    }
    golden
}

fn found(golden: &Golden, target: &str, method: Method) -> Result<Way, NoWay> {
    let golden = golden.clone().to(target);
    let judge =
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    find(&judge, &golden.facts, &golden.target, method).unwrap()
}

/// A way in one line: changes stand in brackets, those together with an upgrade behind a plus.
fn told(way: &Way) -> String {
    let list = |changes: &[Change], sign: &str| -> String {
        let words: Vec<String> =
            changes.iter().map(|change| format!("{} {}", change.part, change.to)).collect();
        if words.is_empty() { String::new() } else { format!(" {sign}[{}]", words.join(", ")) }
    };
    let stop =
        |stop: &Stop| format!(" > {}{}{}", stop.version, list(&stop.with_jump, "+"), list(&stop.then, ""));
    let stops: String = way.stops.iter().map(stop).collect();
    format!("{}{}{stops}", way.from, list(&way.before, ""))
}

#[track_caller]
fn leads(golden: &Golden, target: &str, expected: &str, outages: usize) {
    let way = found(golden, target, Method::Archive).unwrap();
    assert_eq!((told(&way).as_str(), way.outages), (expected, outages));
}

#[test]
fn one_step_is_enough_when_nothing_stands_in_the_way() {
    let golden = instance("7.19.1", None, "14.2", catalog(""));
    leads(&golden, "10.2.3", "7.19.1 > 10.2.3", 1);
    let way = found(&golden, "10.2.3", Method::Archive).unwrap();
    assert!(matches!(way.stops[0].jump, Jump::NotKnown(_)), "nobody says, and it is said so");
}

#[test]
fn a_refused_step_is_made_over_the_newest_long_term_stop() {
    let rules = jump("from_below = \"8.5\", to = \"10.0\"", "refused")
        + &jump("from_below = \"7.19\", to = \"8.0\"", "refused");
    leads(&instance("7.4.1", None, "14", catalog(&rules)), "10.2.3", "7.4.1 > 7.19.3 > 9.2.3 > 10.2.3", 3);
    leads(&instance("7.19.1", None, "14", catalog(&rules)), "10.2.3", "7.19.1 > 9.2.3 > 10.2.3", 2);
    leads(&instance("8.5.1", None, "14", catalog(&rules)), "10.2.3", "8.5.1 > 10.2.3", 1);
}

#[test]
fn the_operators_answer_makes_the_stops() {
    let mut answers = Answers::default();
    let answer = |text: &str| vec![text.parse().unwrap()];
    answers.supported.insert(("10.2".parse().unwrap(), Component::UpgradeFrom), answer(">=9.0"));
    answers.supported.insert(("10.0".parse().unwrap(), Component::UpgradeFrom), answer(">=9.0"));
    answers.supported.insert(("9.2".parse().unwrap(), Component::UpgradeFrom), answer(">=7.19"));
    answers.supported.insert(("9.0".parse().unwrap(), Component::UpgradeFrom), answer(">=7.19"));
    let golden = instance("6.13.1", None, "14", catalog("").with_answers(answers));
    leads(&golden, "10.2.3", "6.13.1 > 8.5.3 > 9.2.3 > 10.2.3", 3);
}

#[test]
fn java_is_changed_where_old_and_new_release_take_it() {
    leads(
        &instance("7.19.1", Some(8), "14", catalog(&java())),
        "10.2.3",
        "7.19.1 [Java 11] > 8.5.3 [Java 17] > 9.2.3 [Java 21] > 10.2.3",
        6,
    );
    leads(&instance("8.5.1", Some(17), "14", catalog(&java())), "9.2.3", "8.5.1 > 9.2.3", 1);
    leads(&instance("8.5.1", Some(11), "14", catalog(&java())), "9.2.3", "8.5.1 [Java 17] > 9.2.3", 2);
    // The installer's own Java comes and goes with each release.
    leads(&instance("7.19.1", None, "14", catalog(&java())), "10.2.3", "7.19.1 > 10.2.3", 1);
}

#[test]
fn java_moves_with_the_upgrade_only_where_no_release_takes_both() {
    let rules = requirement("java", "6.0", "7.20", "'8'", "'>=11'")
        + &requirement("java", "8.0", "10.2", "'17'", "'<=11'");
    leads(&instance("7.19.1", Some(8), "14", catalog(&rules)), "8.5.3", "7.19.1 > 8.5.3 +[Java 17]", 1);
}

#[test]
fn a_database_server_is_never_changed_in_the_same_step() {
    let rules = requirement("postgresql", "6.0", "7.4", "'9.6'", "'>=10'")
        + &requirement("postgresql", "7.13", "7.20", "'9.6', '11', '14'", "")
        + &requirement("postgresql", "8.0", "10.2", "'14', '16'", "'<=13'");
    leads(
        &instance("6.13.1", None, "9.6.24", catalog(&rules)),
        "10.2.3",
        "6.13.1 > 7.19.3 [PostgreSQL 14] > 10.2.3",
        3,
    );
    leads(&instance("7.13.1", None, "11.9", catalog(&rules)), "10.2.3", "7.13.1 [PostgreSQL 14] > 10.2.3", 2);
    leads(&instance("7.13.1", None, "14.9", catalog(&rules)), "10.2.3", "7.13.1 > 10.2.3", 1);

    let apart = requirement("postgresql", "6.0", "7.20", "'9.6'", "'>=10'")
        + &requirement("postgresql", "8.0", "10.2", "'14'", "'<=13'");
    let golden = instance("7.19.1", None, "9.6.24", catalog(&apart));
    let no_way = found(&golden, "10.2.3", Method::Archive).unwrap_err();
    assert_eq!(no_way.because.len(), 1, "{no_way:?}");
    assert!(no_way.because[0].contains("does not work with PostgreSQL"), "{no_way:?}");
    assert!(no_way.unless[0].contains("dump that is restored"), "{no_way:?}");
}

#[test]
fn java_and_database_are_changed_in_one_outage_where_both_can_be() {
    let rules = java()
        + &requirement("postgresql", "7.0", "7.20", "'11', '14'", "")
        + &requirement("postgresql", "8.0", "8.9", "'14', '15'", "'<=13'");
    leads(
        &instance("7.19.1", Some(8), "11", catalog(&rules)),
        "8.5.3",
        "7.19.1 [Java 11, PostgreSQL 14] > 8.5.3",
        2,
    );
}

#[test]
fn a_version_that_is_only_not_listed_is_left_for_one_that_is() {
    let rules = requirement("postgresql", "9.0", "9.2", "'14', '15', '16'", "")
        + &requirement("postgresql", "10.0", "10.2", "'14', '16', '17'", "");
    leads(&instance("9.2.1", None, "13", catalog(&rules)), "10.2.3", "9.2.1 [PostgreSQL 14] > 10.2.3", 2);
    // One between two that are listed is no reason for an outage; it stays to be looked up.
    let golden = instance("9.2.1", None, "15", catalog(&rules));
    leads(&golden, "10.2.3", "9.2.1 > 10.2.3", 1);
    let way = found(&golden, "10.2.3", Method::Archive).unwrap();
    assert_eq!(way.stops[0].doubts.len(), 1);
    assert_eq!((way.stops[0].doubts[0].value.as_str(), way.stops[0].doubts[0].contested), ("15", false));
}

#[test]
fn what_runs_already_is_no_reason_to_change_another_part_differently() {
    // Nobody lists the database of today for the running release; Java is changed there all the same.
    let rules = java()
        + &requirement("postgresql", "8.5", "8.5", "'14'", "")
        + &requirement("postgresql", "9.0", "10.2", "'14', '15', '16'", "");
    leads(
        &instance("8.5.1", Some(11), "15.18", catalog(&rules)),
        "10.2.3",
        "8.5.1 [Java 17] > 9.2.3 [Java 21] > 10.2.3",
        4,
    );
}

#[test]
fn a_driver_is_changed_like_java() {
    let rules = requirement("mysql-driver", "6.0", "7.4", "'5.1'", "'>=8'")
        + &requirement("mysql-driver", "7.13", "7.20", "'5.1', '8.0'", "")
        + &requirement("mysql-driver", "8.0", "10.2", "'8.0'", "'<=5.1'");
    let mut golden = instance("7.4.1", None, "5.7.44", catalog(&rules));
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        let driver = Driver {
            engine: Engine::Mysql,
            file: "mysql-connector-java-5.1.49.jar".into(),
            version: Some("5.1.49".into()),
        };
        learned.facts.drivers = Field::Read(vec![driver]);
        let Field::Read(config) = &mut learned.facts.database else { panic!() };
        config.engine = Some(Engine::Mysql);
    }
    if let Reading::Learned(learned) = &mut golden.facts.database {
        learned.facts.engine = Engine::Mysql;
    }
    leads(&golden, "10.2.3", "7.4.1 > 7.19.3 [JDBC driver for MySQL 8.0] > 10.2.3", 3);
}

#[test]
fn a_data_source_is_replaced_before_the_release_that_refuses_it() {
    let rules = requirement("database-connection", "6.0", "7.20", "'jdbc', 'data-source'", "")
        + &requirement("database-connection", "8.0", "10.2", "'jdbc'", "'data-source'");
    let mut golden = instance("7.19.1", None, "14", catalog(&rules));
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        let Field::Read(config) = &mut learned.facts.database else { panic!() };
        config.data_source = Some("java:comp/env/jdbc/ConfDS".into());
    }
    leads(&golden, "8.5.3", "7.19.1 [database connection by jdbc] > 8.5.3", 2);
}

#[test]
fn without_a_licence_for_it_there_is_no_way_unless_one_is_entered() {
    let mut golden = instance("7.19.1", None, "14", catalog(""));
    if let Reading::Learned(learned) = &mut golden.facts.license
        && let LicenseText::Terms(terms) = &mut learned.facts.text
    {
        terms.data_center = false;
        terms.subscription = false;
        terms.expires = Until::NotStated;
        terms.maintenance_ends = Until::Day(date(2024, 3, 1));
    }
    let no_way = found(&golden, "8.5.3", Method::Archive).unwrap_err();
    assert!(no_way.unless[0].starts_with("a licence is entered that covers 8.5.3, or"), "{no_way:?}");
    assert!(!no_way.together);
    // The older bug-fix release of the line was published in time, and so is the stop on the way to it.
    leads(&golden, "8.5.1", "7.19.1 > 8.5.1", 1);
    let rules = jump("from_below = \"8.0\", to = \"8.5\"", "refused");
    golden.catalog = catalog(&rules);
    leads(&golden, "8.5.1", "7.19.1 > 8.0.1 > 8.5.1", 2);
}

#[test]
fn several_obstacles_are_named_together() {
    let rules = jump("to = \"10.0\"", "refused")
        + &requirement("postgresql", "6.0", "9.2", "'11'", "'>=12'")
        + &requirement("postgresql", "10.0", "10.2", "'16'", "'<=15'");
    let golden = instance("9.2.1", None, "11", catalog(&rules));
    let no_way = found(&golden, "10.2.3", Method::Archive).unwrap_err();
    assert!(no_way.together, "{no_way:?}");
    assert_eq!(no_way.because.len(), 2, "{no_way:?}");
}

#[test]
fn a_kind_of_database_nobody_takes_is_said() {
    let rules = requirement("database-engine", "6.0", "10.2", "'postgresql'", "'h2'");
    let mut golden = instance("9.2.1", None, "16", catalog(&rules));
    if let Reading::Learned(learned) = &mut golden.facts.database {
        learned.facts.engine = Engine::H2;
    }
    let no_way = found(&golden, "10.2.3", Method::Archive).unwrap_err();
    assert!(no_way.because[0].contains("10.2.3 does not work with H2"), "{no_way:?}");
}

#[test]
fn a_rolling_upgrade_goes_line_by_line_or_not_at_all() {
    let mut golden = golden();
    let node = |id: &str| crate::facts::ClusterNode {
        id: id.into(),
        name: None,
        state: None,
        version: None,
        build: None,
    };
    if let Reading::Learned(learned) = &mut golden.facts.application {
        learned.facts.nodes = Field::Read(Some(crate::facts::ClusterState {
            told_by: "/rest/zdu/cluster".into(),
            upgrade: Field::Unread("not told".into()),
            nodes: vec![node("a"), node("b")],
        }));
    }
    let way = found(&golden, "9.4.0", Method::Rolling).unwrap();
    let lines: Vec<String> = way.stops.iter().map(|stop| stop.version.line().to_string()).collect();
    assert_eq!((lines.as_slice(), way.outages), (["9.3".to_owned(), "9.4".to_owned()].as_slice(), 0));
    let no_way = found(&golden, "10.2.1", Method::Rolling).unwrap_err();
    assert!(no_way.unless.iter().any(|unless| unless.contains("--method installer")), "{no_way:?}");
    // One node alone cannot roll.
    let alone = found(&crate::golden::golden(), "9.2.10", Method::Rolling).unwrap_err();
    assert!(alone.because[0].contains("needs 2 nodes"), "{alone:?}");
}

#[test]
fn there_is_no_way_back_and_none_to_where_one_is() {
    let golden = golden();
    for (target, words) in [("9.2.7", "runs already"), ("8.5.4", "older than 9.2.7")] {
        let no_way = found(&golden, target, Method::Archive).unwrap_err();
        assert!(no_way.because[0].contains(words), "{no_way:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_told_and_never_taken_for_good() {
    let mut golden = golden();
    golden.facts.java = Reading::Off;
    golden.facts.database = Reading::Pending;
    let way = found(&golden, "9.2.10", Method::Archive).unwrap();
    assert_eq!(way.unseen.len(), 2, "{way:?}");
    golden.facts.installation = Reading::Pending;
    let golden = golden.to("9.2.10");
    let judge =
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    assert!(find(&judge, &golden.facts, &golden.target, Method::Archive).is_err());
}

#[test]
fn each_stop_is_judged_on_what_is_there_when_it_is_reached() {
    let golden = instance("7.19.1", Some(8), "14", catalog(&java())).to("10.2.3");
    let way = found(&golden, "10.2.3", Method::Archive).unwrap();
    let java = |stop| on_arrival(&golden.facts, &way, stop).java().unwrap().in_use().unwrap().version.clone();
    let feature = |stop| java(stop).value().unwrap().feature;
    assert_eq!([feature(0), feature(1), feature(2)], [11, 17, 21]);
    let version = on_arrival(&golden.facts, &way, 2).installation().unwrap().version.clone();
    assert_eq!(version.value().unwrap().as_str(), "9.2.3");
}

#[test]
fn the_way_from_an_old_release_over_the_real_catalog_changes_the_database_where_both_are_known() {
    let catalog = Catalog::embedded(Product::Confluence);
    let golden = instance("5.7.1", None, "9.5.25", catalog);
    let newest = golden.catalog.latest().unwrap().version.to_string();
    let way = found(&golden, &newest, Method::Installer).unwrap();
    let told = told(&way);
    assert!(told.ends_with(&newest), "{told}");
    let doubts: Vec<_> =
        way.stops.iter().flat_map(|stop| &stop.doubts).filter(|doubt| doubt.contested).collect();
    assert!(doubts.is_empty(), "{doubts:?}");
    let lines: Vec<String> = way.stops.iter().map(|stop| stop.version.line().to_string()).collect();
    assert_eq!(lines, ["6.11", "7.4", "7.19", "11.0"], "{told}");
    let servers: Vec<&str> =
        way.stops.iter().flat_map(|stop| &stop.then).map(|change| change.to.as_str()).collect();
    assert_eq!(servers, ["9.6", "10", "14"], "{told}");
}
