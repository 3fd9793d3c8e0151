//! What must hold for every check, whoever wrote it.

use std::collections::BTreeSet;

use jiff::civil::date;
use toml::Value;

use super::ALL;
use super::testing::{database, license, read};
use crate::facts::{
    Asked, AtHand, Engine, Failure, FailureKind, LicenseText, SignOff, Snapshot, Source, Until,
};
use crate::golden::{Golden, golden, golden_carbon};
use crate::model::Verdict::{self, Blocked, Ready, Skipped, Unknown};
use crate::model::{About, Check};
use crate::report::{Judge, Report};

const HEADINGS: [&str; 5] =
    ["## What it looks at", "## Why it matters", "## How to fix it", "## What it needs", "## Settings"];

/// What these decide stands in the plan alone, which is always known: no source can be missing.
const READS_ONLY_THE_PLAN: [&str; 1] = ["freeze"];

fn judge(golden: &Golden) -> Report {
    let Golden { facts, target, catalog, policy, plan, now } = golden;
    Judge { catalog, policy, plan, now: *now }.judge(facts, target)
}

/// The golden instance a check is for.
fn golden_for(check: &Check) -> Golden {
    if check.products.include(golden().facts.product) { golden() } else { golden_carbon() }
}

/// Each check's id, verdict and reason, on the golden instance it is for, spoilt.
fn verdicts_where_it_applies(spoil: impl Fn(&mut Golden)) -> Vec<(&'static str, Verdict, String)> {
    let [confluence, carbon] = [golden(), golden_carbon()].map(|mut golden| {
        spoil(&mut golden);
        verdicts(&golden)
    });
    let pairs = ALL.iter().zip(confluence.into_iter().zip(carbon));
    let confluence = golden().facts.product;
    pairs
        .map(|(check, (ours, theirs))| if check.products.include(confluence) { ours } else { theirs })
        .collect()
}

/// Each check's id, verdict and reason.
fn verdicts(golden: &Golden) -> Vec<(&'static str, Verdict, String)> {
    judge(golden).checks.into_iter().map(|check| (check.id, check.verdict, check.reason)).collect()
}

#[test]
fn ids_are_unique_sorted_and_kebab_case() {
    let ids: Vec<&str> = ALL.iter().map(|check| check.id).collect();
    assert!(!ids.is_empty());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for id in ids {
        let words =
            id.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(words, "{id}");
    }
}

#[test]
fn every_check_explains_itself() {
    for check in ALL {
        let headings: Vec<&str> = check.explain.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings, HEADINGS, "{}", check.id);
        let empty =
            check.explain.split("\n## ").any(|part| part.lines().skip(1).all(|line| line.trim().is_empty()));
        assert!(!empty, "{} has a heading with nothing below it", check.id);
        assert!(!check.title.is_empty() && !check.title.ends_with('.'), "{}", check.id);
        let reads: BTreeSet<Source> = check.reads.iter().copied().collect();
        assert_eq!(reads.len(), check.reads.len(), "{} names a source twice", check.id);
        assert_eq!(reads.is_empty(), READS_ONLY_THE_PLAN.contains(&check.id), "{} reads {reads:?}", check.id);
    }
}

#[test]
fn nothing_is_ready_while_nothing_is_known() {
    let mut golden = golden();
    golden.facts = Snapshot::empty("wiki", golden.facts.product, golden.now);
    for (id, verdict, reason) in verdicts(&golden) {
        let expected = READS_ONLY_THE_PLAN.contains(&id) || matches!(verdict, Unknown | Skipped);
        assert!(expected, "{id} is {verdict}: {reason}");
    }
}

#[test]
fn everything_is_ready_on_the_golden_instance() {
    for check in ALL {
        let report = judge(&golden_for(check));
        let check = report.checks.iter().find(|other| other.id == check.id).unwrap();
        assert_eq!(check.verdict, Ready, "{}: {} {:#?}", check.id, check.reason, check.findings);
        assert!(check.findings.is_empty(), "{}: {:#?}", check.id, check.findings);
        assert!(!check.reason.is_empty() && !check.reason.contains('\n'), "{}: {:?}", check.id, check.reason);
    }
}

#[test]
fn a_check_reads_what_it_says_it_reads() {
    for source in Source::ALL {
        let verdicts = verdicts_where_it_applies(|golden| golden.facts.switch_off(source));
        for (check, (id, verdict, reason)) in ALL.iter().zip(verdicts) {
            if check.reads.contains(&source) {
                assert!(matches!(verdict, Unknown | Skipped), "{id} is {verdict} without {source}: {reason}");
            } else {
                assert_eq!(verdict, Ready, "{id} without {source}: {reason}");
            }
        }
    }
}

#[test]
fn the_same_case_gives_the_same_report() {
    let golden = golden().to("10.2.1");
    assert_eq!(judge(&golden), judge(&golden.clone()));
}

#[test]
fn facts_that_could_not_be_read_never_block() {
    let mut facts = as_value(&golden().facts);
    let fields = spoil(&mut facts, None);
    assert!(fields > 20, "{fields} fields found in the golden snapshot");
    let mut all = golden();
    all.facts = facts.try_into().unwrap();
    for source in Source::ALL {
        assert_eq!(all.facts.state(source), golden().facts.state(source), "{source} itself still answers");
    }
    for (id, verdict, reason) in verdicts(&all) {
        assert_ne!(verdict, Blocked, "{id}: {reason}");
    }

    for field in 0..fields {
        let mut facts = as_value(&golden().facts);
        spoil(&mut facts, Some(field));
        let mut one = golden();
        one.facts = facts.try_into().unwrap();
        let changed = verdicts(&one);
        assert!(changed.iter().all(|(_, verdict, _)| *verdict != Blocked), "{changed:#?}");
    }
}

/// A word for every check, as generous as words can be.
fn every_word(golden: &mut Golden) {
    let sign_off = |check: &&Check| SignOff {
        check: check.id.to_owned(),
        subject: None,
        target: None,
        reason: "it is fine".into(),
        by: "somebody".into(),
        given_at: golden.now,
        until: jiff::civil::Date::MAX,
        seen: None,
    };
    golden.facts.memory.sign_offs = ALL.iter().map(sign_off).collect();
}

#[test]
fn no_word_makes_up_for_a_source_that_fails_or_is_stale() {
    let failure = Failure { kind: FailureKind::Denied, message: "may not".into() };
    for failing in Source::ALL {
        // Another source that is off may be signed off, and must not hide the one that fails.
        for off in Source::ALL.map(Some).into_iter().chain([None]) {
            let mut golden = golden();
            every_word(&mut golden);
            if let Some(off) = off {
                golden.facts.switch_off(off);
            }
            let (took, fresh_for) = (jiff::SignedDuration::ZERO, jiff::SignedDuration::from_hours(1));
            golden.facts.fail(failing, failure.clone(), Asked { at: golden.now, took, fresh_for });
            for (check, (id, verdict, reason)) in ALL.iter().zip(verdicts(&golden)) {
                let looked = check.reads.contains(&failing);
                assert!(!looked || matches!(verdict, Unknown | Skipped), "{id} without {failing}: {reason}");
            }
        }
    }
    let mut stale = golden();
    every_word(&mut stale);
    stale.facts.taken_at += jiff::SignedDuration::from_hours(1000);
    for (id, verdict, reason) in verdicts(&stale) {
        let expected = READS_ONLY_THE_PLAN.contains(&id) || matches!(verdict, Unknown | Skipped);
        assert!(expected, "{id}: {reason}");
    }
}

/// What the guides ask, and who answers.
const COVERAGE: &str = include_str!("../../coverage.md");

#[test]
fn every_sentence_of_the_guides_has_an_answer_and_every_check_named_is_there() {
    let ids: BTreeSet<&str> = ALL.iter().map(|check| check.id).collect();
    let mut numbers = Vec::new();
    let mut named = BTreeSet::new();
    let lines = COVERAGE.lines().filter(|line| line.starts_with('|'));
    for line in lines.filter(|line| !line.starts_with("|--") && !line.starts_with("| # ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{line}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{line}");
        numbers.push(cells[0]);
        let codes: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        for code in &codes {
            // Steps of the run book have a dot in their id, and a test there looks for them.
            let known =
                ids.contains(code) || code.starts_with("agent ") || code.contains('.') || *code == "database";
            assert!(known, "there is no check {code}: {line}");
            named.insert(*code);
        }
        let answered = !codes.is_empty() || cells[2] == "every check";
        assert!(answered, "nobody answers: {line}");
    }
    let blockers: Vec<String> = (1..=43).map(|number| number.to_string()).collect();
    assert!(numbers.ends_with(&blockers.iter().map(String::as_str).collect::<Vec<_>>()), "{numbers:?}");
    let unnamed: Vec<&&str> = ids.difference(&named).collect();
    // What guards Carbon products stands in a table of its own.
    let of_carbon = |id: &&&str| {
        ALL.iter().any(|check| check.id == **id && !check.products.include(golden().facts.product))
    };
    let unnamed: Vec<&&str> = unnamed.into_iter().filter(|id| !of_carbon(id)).collect();
    assert_eq!(unnamed, [&"custom"], "checks nobody asked for, but for the site's own");
}

/// Golden and other instances: what may depend on the target does so somewhere.
fn instances() -> Vec<Golden> {
    let mut waiting = golden();
    let license = license(&mut waiting);
    if let LicenseText::Terms(terms) = &license.text {
        let mut terms = terms.clone();
        terms.data_center = false;
        terms.maintenance_ends = Until::Day(date(2027, 1, 20));
        let text = LicenseText::Terms(terms);
        license.at_hand = AtHand::File { place: "/root/new.txt".into(), text, in_force: false };
    }
    let mut mysql = golden();
    let facts = database(&mut mysql);
    facts.engine = Engine::Mysql;
    read(&mut facts.settings).values = [("character_set_database", "utf8"), ("log_bin", "ON")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let scenes = crate::scenes::scenes().into_iter().map(|scene| scene.golden);
    scenes.chain(vec![golden(), waiting, mysql, golden_carbon()]).collect()
}

#[test]
fn a_check_about_the_instance_says_the_same_of_every_target() {
    let mut wrong = BTreeSet::new();
    for golden in instances() {
        let releases: Vec<String> =
            golden.catalog.releases().iter().step_by(7).map(|release| release.version.to_string()).collect();
        for check in ALL.iter().filter(|check| check.about == About::Instance) {
            let first = (check.evaluate)(&golden.case());
            for release in &releases {
                let other = golden.clone().to(release);
                if (check.evaluate)(&other.case()) != first {
                    wrong.insert(check.id);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these say something else of another target: {wrong:?}");
}

#[test]
fn a_check_about_the_target_tells_targets_apart_somewhere() {
    let goldens = instances();
    let mut alike = BTreeSet::new();
    for check in ALL.iter().filter(|check| check.about == About::Target) {
        let differs = goldens.iter().any(|golden| {
            let first = (check.evaluate)(&golden.case());
            ["4.4.7", "4.5.0", "6.13.4", "8.5.4", "9.2.10", "9.2.11", "10.2.1", "11.0.0"]
                .iter()
                .any(|release| (check.evaluate)(&golden.clone().to(release).case()) != first)
        });
        if !differs {
            alike.insert(check.id);
        }
    }
    assert!(alike.is_empty(), "these could be asked once for all targets: {alike:?}");
}

fn as_value(facts: &Snapshot) -> Value {
    Value::try_from(facts).unwrap()
}

/// Makes every field that was read one that was not, or only the one with this number; counts them.
fn spoil(value: &mut Value, only: Option<usize>) -> usize {
    fn walk(value: &mut Value, only: Option<usize>, count: &mut usize) {
        match value {
            Value::Table(table) if table.len() == 1 && table.contains_key("read") => {
                let this = *count;
                *count += 1;
                if only.is_none_or(|only| only == this) {
                    table.clear();
                    table.insert("unread".to_owned(), Value::String("permission denied".to_owned()));
                } else if let Some(inner) = table.get_mut("read") {
                    walk(inner, only, count);
                }
            }
            Value::Table(table) => table.iter_mut().for_each(|(_, value)| walk(value, only, count)),
            Value::Array(list) => list.iter_mut().for_each(|value| walk(value, only, count)),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => {}
        }
    }
    let mut count = 0;
    walk(value, only, &mut count);
    count
}
