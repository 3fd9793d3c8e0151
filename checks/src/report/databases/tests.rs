use super::*;
use crate::facts::{DatabaseUse, Datasource, OtherDatabase, Privileges};
use crate::golden::{Golden, golden, golden_carbon};
use crate::model::{Severity, Verdict};
use crate::report::{Answers, Judge};
use crate::rules;

/// Makes a configuration lead somewhere else.
type Spoil = fn(&mut DatabaseConfig);

const NAME: &str = "WSO2_GOVERNANCE_DB";

fn learned<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Learned(learned) => &mut learned.facts,
        other => panic!("{}", matches!(other, Reading::Off)),
    }
}

fn config(golden: &mut Golden) -> DatabaseConfig {
    let mut config = learned(&mut golden.facts.installation).database.value().unwrap().clone();
    config.database = Some("governance".into());
    config.url = Some("jdbc:postgresql://db.example.com:5432/governance".into());
    config
}

/// The golden Carbon instance with a second database, which is asked or not.
fn with_second(asked: Option<Field<Box<Database>>>) -> Golden {
    let mut golden = golden_carbon();
    let config = config(&mut golden);
    let datasources = &mut learned(&mut golden.facts.installation).carbon.as_mut().unwrap().datasources;
    let Field::Read(datasources) = datasources else { panic!("the golden data sources") };
    datasources.push(Datasource {
        name: NAME.into(),
        jndi: None,
        uses: BTreeSet::from([DatabaseUse::MountedRegistry]),
        config: config.clone(),
        max_active: None,
        named_twice: false,
    });
    if let Some(facts) = asked {
        let other = OtherDatabase { name: NAME.into(), config, facts };
        learned(&mut golden.facts.database).others.push(other);
    }
    golden
}

/// The second database as it should be.
fn second() -> Box<Database> {
    let mut golden = golden_carbon();
    let mut second = learned(&mut golden.facts.database).clone();
    second.address = "db.example.com:5432/governance".into();
    second
}

fn cut_down(mut database: Box<Database>) -> Box<Database> {
    let Field::Read(Privileges { on_schema, .. }) = &mut database.privileges else { panic!("golden rights") };
    on_schema.remove("CREATE");
    database
}

fn ask_of(golden: &Golden, id: &str) -> Answer {
    let check = rules::ALL.iter().find(|check| check.id == id).unwrap();
    Answers::default().of(check, &golden.case())
}

#[test]
fn one_database_is_asked_once_and_says_what_it_says() {
    for golden in [golden(), golden_carbon()] {
        for check in rules::ALL {
            assert_eq!(
                Answers::default().of(check, &golden.case()),
                ask(check, &golden.case()),
                "{}",
                check.id
            );
        }
    }
}

#[test]
fn each_database_is_judged_and_its_findings_carry_its_name() {
    let sound = ask_of(&with_second(Some(Field::Read(second()))), "database-privileges").unwrap();
    assert!(sound.findings.is_empty());
    assert!(sound.evidence.contains("/carbon; WSO2_GOVERNANCE_DB: carbon holds"), "{}", sound.evidence);

    let mut both = with_second(Some(Field::Read(cut_down(second()))));
    let main = learned(&mut both.facts.database);
    *main = cut_down(main.clone());
    let found = ask_of(&both, "database-privileges").unwrap().findings;
    let subjects: Vec<&str> = found.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["CREATE", "WSO2_GOVERNANCE_DB: CREATE"]);
    assert!(found[1].observed.contains("/governance") && found[1].summary.starts_with(NAME), "{found:?}");
    assert!(found.iter().all(|finding| finding.severity == Severity::Blocker));
}

#[test]
fn a_database_nobody_could_ask_is_never_green() {
    let rows: [(Option<Field<Box<Database>>>, &str); 2] = [
        (Some(Field::Unread("connection refused".into())), "WSO2_GOVERNANCE_DB: connection refused"),
        (None, "nobody asked it"),
    ];
    for (asked, why) in rows {
        let golden = with_second(asked);
        // What only the database tells cannot know of one that no collector tells of.
        for id in ["database-settings", "database-supported"] {
            let Err(undecided) = ask_of(&golden, id) else { panic!("{id} is decided") };
            assert!(format!("{undecided:?}").contains(why), "{undecided:?}");
        }
    }
    let golden = with_second(Some(Field::Unread("connection refused".into())));
    for id in ["database-privileges", "database-ownership", "database-sessions", "database-integrity"] {
        assert!(ask_of(&golden, id).is_err(), "{id}");
    }
}

#[test]
fn a_blocker_of_one_database_blocks_whatever_cannot_be_seen_of_another() {
    let mut golden = with_second(Some(Field::Unread("connection refused".into())));
    let main = learned(&mut golden.facts.database);
    *main = cut_down(main.clone());
    let Golden { facts, target, catalog, policy, plan, now } = &golden;
    let report = Judge { catalog, policy, plan, now: *now }.judge(facts, target);
    let check = report.checks.iter().find(|check| check.id == "database-privileges").unwrap();
    assert_eq!(check.verdict, Verdict::Blocked, "{check:?}");
    assert!(check.reason.contains("connection refused"), "{}", check.reason);
}

#[test]
fn an_embedded_second_database_is_seen_while_the_main_one_cannot_be_asked() {
    let mut golden = with_second(None);
    golden.facts.switch_off(Source::Database);
    let carbon = learned(&mut golden.facts.installation).carbon.as_mut().unwrap();
    let Field::Read(datasources) = &mut carbon.datasources else { panic!("the golden data sources") };
    let config = &mut datasources.last_mut().unwrap().config;
    (config.engine, config.host) = (Some(Engine::H2), None);
    config.url = Some("jdbc:h2:repository/database/WSO2CARBON_DB".into());
    let found = ask_of(&golden, "database-embedded").unwrap().findings;
    let subjects: Vec<&str> = found.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["WSO2_GOVERNANCE_DB: embedded-database"]);
}

#[test]
fn what_applies_to_one_database_only_is_told_of_both() {
    let mut embedded = second();
    embedded.engine = Engine::H2;
    let joined = ask_of(&with_second(Some(Field::Read(embedded))), "database-privileges").unwrap();
    assert!(joined.evidence.contains("WSO2_GOVERNANCE_DB: H2 is embedded"), "{}", joined.evidence);
    let mut both = with_second(Some(Field::Read({
        let mut embedded = second();
        embedded.engine = Engine::H2;
        embedded
    })));
    learned(&mut both.facts.database).engine = Engine::H2;
    let skipped = ask_of(&both, "database-privileges");
    assert!(matches!(skipped, Err(Undecided::DoesNotApply(reason)) if reason.contains(NAME)));
}

#[test]
fn two_ways_to_the_same_database_are_one() {
    let mut golden = with_second(None);
    let main = learned(&mut golden.facts.installation).database.value().unwrap().clone();
    let rows: [(Spoil, bool); 5] = [
        (|_| {}, true),
        (|config| config.host = Some("DB.example.com".into()), true),
        (|config| config.port = None, true),
        (|config| config.port = Some(5433), false),
        (|config| config.schema = Some("other".into()), false),
    ];
    for (spoil, same) in rows {
        let mut other = main.clone();
        spoil(&mut other);
        assert_eq!(is_same(&main, &other), same, "{other:?}");
    }
    let (mut one, mut other) = (main.clone(), main);
    for config in [&mut one, &mut other] {
        (config.host, config.url) = (None, Some("jdbc:h2:x".into()));
    }
    other.data_source = Some("jdbc/Other".into());
    assert!(is_same(&one, &other));
}

#[test]
fn rules_asked_of_each_database_read_only_what_they_are_given() {
    for check in rules::ALL.iter().filter(|check| of_each_database(check)) {
        let given =
            check.reads.iter().all(|source| [Source::Database, Source::Installation].contains(source));
        assert!(given, "{} reads {:?}", check.id, check.reads);
    }
}
