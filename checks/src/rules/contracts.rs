//! What must hold for every check, whoever wrote it.

use std::collections::BTreeSet;

use jiff::civil::date;
use serde_json::Value;

use super::ALL;
use super::testing::{
    application, config, contents, database, host, installation, java, license, read, service,
};
use crate::facts::{
    Asked, AtHand, BackupKind, Engine, Failure, FailureKind, Family, Field, LicenseText, SignOff, Snapshot,
    Source, Until,
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

/// The golden instance of every family; all of them keep every contract.
fn goldens() -> [Golden; 2] {
    [golden(), golden_carbon()]
}

/// What a check reads for some families only: of others it needs none of it.
const READS_FOR_OTHERS: [(&str, Family, &[Source]); 4] = [
    ("disk-space", Family::Carbon, &[Source::Installation, Source::Database]),
    ("upgrade-interrupted", Family::Carbon, &[Source::Database]),
    ("upgrade-interrupted", Family::Confluence, &[Source::Rehearsal]),
    ("upgrade-notes", Family::Carbon, &[Source::Plugins]),
];

/// The sources a check reads for the product of an instance.
fn reads(check: &Check, golden: &Golden) -> BTreeSet<Source> {
    let family = golden.facts.product.family();
    let others = READS_FOR_OTHERS.iter().filter(|(id, of, _)| *id == check.id && *of == family);
    let others: BTreeSet<Source> = others.flat_map(|(_, _, sources)| *sources).copied().collect();
    check.reads.iter().copied().filter(|source| !others.contains(source)).collect()
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
    for mut golden in goldens() {
        golden.facts = Snapshot::empty("wiki", golden.facts.product, golden.now);
        for (id, verdict, reason) in verdicts(&golden) {
            let expected = READS_ONLY_THE_PLAN.contains(&id) || matches!(verdict, Unknown | Skipped);
            assert!(expected, "{id} is {verdict}: {reason}");
        }
    }
}

#[test]
fn everything_is_ready_on_the_golden_instance() {
    for golden in goldens() {
        for (check, rule) in judge(&golden).checks.into_iter().zip(ALL) {
            let product = golden.facts.product;
            // Of what is not for the product, or what nobody publishes for it, there is nothing to say.
            let skips =
                !rule.products.include(product) || NOT_PUBLISHED.contains(&(check.id, product.family()));
            let expected = if skips { Skipped } else { Ready };
            assert_eq!(check.verdict, expected, "{}: {} {:#?}", check.id, check.reason, check.findings);
            assert!(check.findings.is_empty(), "{}: {:#?}", check.id, check.findings);
            assert!(
                !check.reason.is_empty() && !check.reason.contains('\n'),
                "{}: {:?}",
                check.id,
                check.reason
            );
        }
    }
}

/// What the vendor of a family publishes nowhere the agent could read.
const NOT_PUBLISHED: [(&str, Family); 1] = [("release-support", Family::Carbon)];

/// Words a family's own administrators would not know.
fn foreign_words(family: Family) -> &'static [&'static str] {
    match family {
        Family::Confluence => &["wso2", "carbon"],
        Family::Carbon => &["confluence", "atlassian", "hibernate", "setenv", "web-inf", "catalina_opts"],
    }
}

#[test]
fn no_message_speaks_of_another_product() {
    for golden in goldens() {
        let family = golden.facts.product.family();
        for spoilt in spoilt(&golden) {
            for check in judge(&spoilt).checks {
                let text = format!("{} {:?}", check.reason, check.findings).to_lowercase();
                for word in foreign_words(family) {
                    assert!(!text.contains(word), "{}: {word} in {text}", check.id);
                }
            }
        }
    }
}

/// The same instance with other targets, each source off, and each value that was read unread.
fn spoilt(golden: &Golden) -> Vec<Golden> {
    let releases: Vec<String> =
        golden.catalog.releases().iter().map(|release| release.version.to_string()).collect();
    let targets = releases.iter().step_by(7).map(|release| golden.clone().to(release));
    let off = Source::ALL.map(|source| {
        let mut golden = golden.clone();
        golden.facts.switch_off(source);
        golden
    });
    let fields = spoil(&mut as_value(&golden.facts), None);
    let unread = (0..fields).map(|field| {
        let mut facts = as_value(&golden.facts);
        spoil(&mut facts, Some(field));
        Golden { facts: serde_json::from_value(facts).unwrap(), ..golden.clone() }
    });
    let faults: [fn(&mut Golden); 11] = [
        |g| config(g).engine = Some(Engine::H2),
        |g| config(g).engine = None,
        |g| read(&mut installation(g).drivers).clear(),
        |g| config(g).url = Some("jdbc:jtds:sqlserver://db/x".into()),
        |g| database(g).engine = Engine::Mysql,
        |g| read(&mut database(g).privileges).superuser = true,
        |g| application(g).state = Field::Read("ERROR".into()),
        |g| read(&mut java(g).options).max_heap_bytes = None,
        |g| java(g).runtimes.iter_mut().for_each(|one| read(&mut one.version).feature = 6),
        |g| {
            service(g).locale = Field::Read([("LANG".into(), "C".into())].into());
            host(g).memory_total_bytes = 1 << 30;
        },
        |g| contents(g, BackupKind::Database).tables = vec!["other".into()],
    ];
    let wrong = faults.map(|fault| {
        let mut golden = golden.clone();
        fault(&mut golden);
        golden
    });
    targets.chain(off).chain(unread).chain(wrong).collect()
}

#[test]
fn a_check_reads_what_it_says_it_reads() {
    for (golden, source) in
        goldens().into_iter().flat_map(|golden| Source::ALL.map(|it| (golden.clone(), it)))
    {
        let before = verdicts(&golden);
        let mut golden = golden;
        golden.facts.switch_off(source);
        for ((check, before), (id, verdict, reason)) in ALL.iter().zip(before).zip(verdicts(&golden)) {
            if reads(check, &golden).contains(&source) {
                assert!(matches!(verdict, Unknown | Skipped), "{id} is {verdict} without {source}: {reason}");
            } else {
                assert_eq!(verdict, before.1, "{id} without {source}: {reason}");
            }
        }
    }
}

#[test]
fn the_same_case_gives_the_same_report() {
    for golden in [golden().to("10.2.1"), golden_carbon().to("4.5.0")] {
        assert_eq!(judge(&golden), judge(&golden.clone()));
    }
}

#[test]
fn facts_that_could_not_be_read_never_block() {
    for golden in goldens() {
        let mut facts = as_value(&golden.facts);
        let fields = spoil(&mut facts, None);
        assert!(fields > 20, "{fields} fields found in the golden snapshot");
        let all = Golden { facts: serde_json::from_value(facts).unwrap(), ..golden.clone() };
        for source in Source::ALL {
            assert_eq!(all.facts.state(source), golden.facts.state(source), "{source} itself still answers");
        }
        for (id, verdict, reason) in verdicts(&all) {
            assert_ne!(verdict, Blocked, "{id}: {reason}");
        }

        for field in 0..fields {
            let mut facts = as_value(&golden.facts);
            spoil(&mut facts, Some(field));
            let one = Golden { facts: serde_json::from_value(facts).unwrap(), ..golden.clone() };
            let changed = verdicts(&one);
            assert!(changed.iter().all(|(_, verdict, _)| *verdict != Blocked), "{changed:#?}");
        }
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
    for (start, failing) in
        goldens().into_iter().flat_map(|golden| Source::ALL.map(|it| (golden.clone(), it)))
    {
        // Another source that is off may be signed off, and must not hide the one that fails.
        for off in Source::ALL.map(Some).into_iter().chain([None]) {
            let mut golden = start.clone();
            every_word(&mut golden);
            if let Some(off) = off {
                golden.facts.switch_off(off);
            }
            let (took, fresh_for) = (jiff::SignedDuration::ZERO, jiff::SignedDuration::from_hours(1));
            golden.facts.fail(failing, failure.clone(), Asked { at: golden.now, took, fresh_for });
            for (check, (id, verdict, reason)) in ALL.iter().zip(verdicts(&golden)) {
                let looked = reads(check, &golden).contains(&failing);
                assert!(!looked || matches!(verdict, Unknown | Skipped), "{id} without {failing}: {reason}");
            }
        }
    }
    for mut stale in goldens() {
        every_word(&mut stale);
        stale.facts.taken_at += jiff::SignedDuration::from_hours(1000);
        for (id, verdict, reason) in verdicts(&stale) {
            let expected = READS_ONLY_THE_PLAN.contains(&id) || matches!(verdict, Unknown | Skipped);
            assert!(expected, "{id}: {reason}");
        }
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
    let blockers = (1..=43).map(|number| number.to_string());
    let guide_of_carbon = (0..=24).map(|number| format!("G{number}"));
    let blockers_of_carbon = (1..=32).map(|number| format!("W{number:02}"));
    let expected: Vec<String> = blockers.chain(guide_of_carbon).chain(blockers_of_carbon).collect();
    assert!(numbers.ends_with(&expected.iter().map(String::as_str).collect::<Vec<_>>()), "{numbers:?}");
    let unnamed: Vec<&&str> = ids.difference(&named).collect();
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
    scenes.chain(vec![golden(), golden_carbon(), waiting, mysql]).collect()
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
    serde_json::to_value(facts).unwrap()
}

/// Makes every field that was read one that was not, or only the one with this number; counts them.
fn spoil(value: &mut Value, only: Option<usize>) -> usize {
    fn walk(value: &mut Value, only: Option<usize>, count: &mut usize) {
        match value {
            Value::Object(table) if table.len() == 1 && table.contains_key("read") => {
                let this = *count;
                *count += 1;
                if only.is_none_or(|only| only == this) {
                    table.clear();
                    table.insert("unread".to_owned(), Value::String("permission denied".to_owned()));
                } else if let Some(inner) = table.get_mut("read") {
                    walk(inner, only, count);
                }
            }
            Value::Object(table) => table.iter_mut().for_each(|(_, value)| walk(value, only, count)),
            Value::Array(list) => list.iter_mut().for_each(|value| walk(value, only, count)),
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }
    let mut count = 0;
    walk(value, only, &mut count);
    count
}
