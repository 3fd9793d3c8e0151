use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::*;
use crate::facts::{AtHand, Family, Field, LicenseText, Reading, StepState};
use crate::golden::{Golden, golden};
use crate::report::Judge;
use crate::scenes::{Scene, scenes};

pub(super) fn made(golden: &Golden, method: Option<Method>) -> Book {
    let judge =
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    make(judge, &golden.facts, &golden.target, method).unwrap()
}

/// The scenes with their books: making them anew for each test would be most of what the tests take.
pub(super) static SCENES: LazyLock<Vec<(Scene, Book)>> = LazyLock::new(|| {
    let with_book = |scene: Scene| {
        let book = made(&scene.golden, scene.method);
        (scene, book)
    };
    scenes().into_iter().map(with_book).collect()
});

pub(super) fn scene(name: &str) -> &'static Book {
    &SCENES.iter().find(|(scene, _)| scene.name == name).unwrap().1
}

/// Everything a person reads of a step.
pub(super) fn text_of(step: &Step) -> String {
    let blocks = step.blocks.iter().map(|block| match block {
        Block::Text(text) | Block::Caution(text) => text.clone(),
        Block::List(items) => items.join("\n"),
        Block::Commands { place, lines, .. } => format!("{place}\n{}", lines.join("\n")),
        Block::Table { head, rows } => {
            format!(
                "{}\n{}",
                head.join(" "),
                rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join("\n")
            )
        }
    });
    let open = step.open.iter().map(|open| format!("{} {}", open.check, open.summary));
    std::iter::once(step.title.clone()).chain(blocks).chain(open).collect::<Vec<_>>().join("\n")
}

pub(super) fn commands(book: &Book) -> Vec<(SectionKind, String, String)> {
    let all = book.steps().flat_map(|(section, step)| {
        step.blocks.iter().filter_map(move |block| match block {
            Block::Commands { place, lines, .. } => Some((section.kind, place.clone(), lines.join("\n"))),
            Block::Text(_) | Block::Caution(_) | Block::List(_) | Block::Table { .. } => None,
        })
    });
    all.collect()
}

#[test]
fn steps_have_ids_of_their_own_in_the_order_of_sections() {
    for (scene, book) in SCENES.iter() {
        let mut seen = BTreeSet::new();
        for (section, step) in book.steps() {
            assert!(seen.insert(step.id.clone()), "{}: {} stands twice", scene.name, step.id);
            assert!(step.id.starts_with(section.kind.id()), "{}", step.id);
            assert!(
                step.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c)),
                "{} cannot be typed",
                step.id
            );
            assert!(!step.title.is_empty() && !step.title.ends_with('.'), "{}", step.title);
        }
        assert!(book.sections.is_sorted_by_key(|section| section.kind), "{}", scene.name);
    }
}

#[test]
fn the_same_facts_make_the_same_book() {
    for (scene, book) in SCENES.iter() {
        assert_eq!(made(&scene.golden, scene.method), *book, "{}", scene.name);
    }
}

#[test]
fn every_finding_stands_once_and_nothing_open_is_ticked() {
    for (scene, book) in SCENES.iter() {
        let Golden { facts, catalog, policy, plan, now, target } = &scene.golden;
        let report = Judge { catalog, policy, plan, now: *now }.judge(facts, target);
        let mut found: Vec<(&str, String)> = report
            .checks
            .iter()
            .flat_map(|check| check.findings.iter().map(|dated| (check.id, dated.finding.subject.clone())))
            .collect();
        let mut told: Vec<(&str, String)> = book
            .steps()
            .flat_map(|(_, step)| &step.open)
            .filter(|open| open.severity.is_some())
            .map(|open| (open.check, open.subject.clone()))
            .collect();
        found.sort();
        told.sort();
        assert_eq!(found, told, "{}", scene.name);
        for (_, step) in book.steps() {
            let in_the_way = step
                .open
                .iter()
                .any(|open| open.settled_by.is_none() && open.severity != Some(Severity::Notice));
            assert!(!(step.proven && in_the_way), "{}: {} is ticked", scene.name, step.id);
            for proof in &step.proofs {
                assert!(!proof.evidence.is_empty(), "{}", step.id);
            }
        }
    }
}

#[test]
fn what_is_ticked_says_what_was_seen_and_when() {
    let book = scene("single-postgresql-9.2");
    let step = book.step("preparation.backups").unwrap();
    assert!(step.proven && step.proofs.len() == 4);
    let proof = step.proofs.iter().find(|proof| proof.check == "backup-database").unwrap();
    assert!(proof.evidence.contains("/backup/database-0"), "{}", proof.evidence);
    assert_eq!(proof.seen_at, Some(golden().now));
}

#[test]
fn no_password_stands_in_a_command_and_none_is_asked_for_on_its_line() {
    for (scene, book) in SCENES.iter() {
        for (_, _, lines) in commands(book) {
            for word in ["--password=", "PGPASSWORD", "-P ", "IDENTIFIED BY"] {
                assert!(!lines.contains(word), "{}: {lines}", scene.name);
            }
        }
    }
}

#[test]
fn what_is_done_on_staging_never_names_a_host_of_production() {
    // A Carbon product is copied from its running home and databases, which the commands name.
    for (scene, book) in SCENES.iter().filter(|(_, book)| book.product.family() == Family::Confluence) {
        let name = scene.golden.facts.host().ok().and_then(|host| host.name.clone());
        for (kind, place, lines) in commands(book) {
            if kind != SectionKind::Staging {
                continue;
            }
            for own in [name.as_deref().unwrap_or("wiki.example.com"), "db.example.com"] {
                let words: BTreeSet<&str> =
                    place.split([' ', ',']).chain(lines.split(['=', ' ', '/', ':', '\n'])).collect();
                assert!(!words.contains(own), "{}: {place}: {lines}", scene.name);
            }
        }
    }
    let mut unknown = golden();
    unknown.facts.rehearsal = Reading::Off;
    let book = made(&unknown, None);
    let places: Vec<String> = commands(&book)
        .into_iter()
        .filter(|(kind, ..)| *kind == SectionKind::Staging)
        .map(|(_, place, _)| place)
        .collect();
    assert!(places.iter().all(|place| !place.contains("wiki.example.com")), "{places:?}");
    assert!(places.iter().any(|place| place.contains("STAGING_HOST")), "{places:?}");
}

#[test]
fn names_of_others_cannot_break_out_of_a_command() {
    let mut golden = golden();
    let hostile = "x'; rm -rf / #\n$(reboot)`id`\"";
    if let Reading::Learned(learned) = &mut golden.facts.installation {
        learned.facts.installation_dir = format!("/opt/{hostile}");
        learned.facts.home_dir = format!("/srv/{hostile}");
        let Field::Read(config) = &mut learned.facts.database else { panic!() };
        config.database = Some(hostile.to_owned());
        config.account = Some(hostile.to_owned());
        config.host = Some(hostile.to_owned());
    }
    golden.facts.instance = hostile.to_owned();
    let book = made(&golden, Some(Method::Archive));
    for (_, step) in book.steps() {
        for block in &step.blocks {
            let Block::Commands { lines, shell: Shell::Sh, .. } = block else { continue };
            for line in lines.iter().filter(|line| line.contains("rm -rf")) {
                assert!(!outside_of_quotes(line).contains("rm -rf"), "{line}");
            }
        }
    }
}

/// What a POSIX shell reads outside of single quotes.
pub(super) fn outside_of_quotes(line: &str) -> String {
    let (mut quoted, mut escaped, mut out) = (false, false, String::new());
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if !quoted => escaped = true,
            '\'' => quoted = !quoted,
            c if !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

#[test]
fn each_stop_has_its_own_section_report_and_backups() {
    let book = scene("old-postgresql-5.7");
    let way = book.way.as_ref().unwrap();
    assert!(way.stops.len() > 2);
    assert_eq!(book.stops.len(), way.stops.len());
    for stop in &way.stops {
        let step = book.step(&format!("production.{}.backup-database", stop.version)).unwrap();
        assert!(text_of(step).contains(&format!("before-{}", stop.version)), "{}", text_of(step));
    }
    let changed: Vec<&str> =
        book.steps().map(|(_, step)| step.id.as_str()).filter(|id| id.ends_with("change-database")).collect();
    assert_eq!(changed.len(), 6, "three in production, three on staging: {changed:?}");
    // On arrival at the last stop the database is the one the way has brought.
    let last = book.stops.last().unwrap();
    assert!(last.findings.iter().all(|(_, _, summary)| !summary.contains("PostgreSQL 9.5")), "{last:?}");
}

#[test]
fn times_of_staging_become_times_of_production() {
    let book = scene("rehearsed-9.2");
    let install = book.step("production.install").unwrap().time.clone().unwrap();
    assert_eq!(
        (install.time, install.ground.as_str()),
        (SignedDuration::from_mins(18), "as on staging on 2025-11-20")
    );
    let start = book.step("production.start").unwrap().time.clone().unwrap();
    assert!(!start.ground.contains("staging"), "a step that failed there says nothing: {start:?}");
    let downtime = book.downtime.as_ref().unwrap();
    assert!(downtime.ground.contains("3 of them measured on staging"), "{downtime:?}");
    let parts: SignedDuration = book
        .sections
        .iter()
        .filter(|section| section.kind == SectionKind::Production)
        .flat_map(|section| &section.steps)
        .filter(|step| step.outage)
        .filter_map(|step| step.time.as_ref())
        .map(|estimate| estimate.time)
        .sum();
    assert_eq!(parts, downtime.time);
}

#[test]
fn marks_stand_at_their_steps_and_those_of_another_book_are_kept_apart() {
    let book = scene("rehearsed-9.2");
    let state = |id: &str| book.step(id).unwrap().mark.as_ref().map(|mark| mark.state);
    assert_eq!(state("staging.install"), Some(StepState::Done));
    assert_eq!(state("staging.start"), Some(StepState::Failed));
    assert_eq!(state("production.stop"), None);
    assert!(book.step("staging.clear-caches").unwrap().is_settled());
    assert!(!book.step("staging.start").unwrap().is_settled());
    let elsewhere: Vec<&str> = book.marks_elsewhere.iter().map(|mark| mark.step.as_str()).collect();
    assert_eq!(elsewhere, ["production.node-a"]);
}

#[test]
fn what_changed_since_staging_is_told() {
    let since = scene("rehearsed-9.2").since_staging.as_ref().unwrap();
    for part in [
        "Java: 21.0.5 on wiki-staging, 17.0.9 in production",
        "app com.example.gantt of production: 4.0.9 when staging was begun on 2025-11-20, 4.1.0 now",
        "app com.example.forms: not installed on wiki-staging, 7.3 in production",
    ] {
        assert!(since.iter().any(|told| told == part), "{part}: {since:#?}");
    }
    assert_eq!(scene("single-postgresql-9.2").since_staging, None, "staging does not run the target");
    let mut same = golden();
    same.facts.memory.steps.clear();
    assert_eq!(made(&same, None).since_staging, Some(Vec::new()), "nothing differs");
}

#[test]
fn what_could_not_be_seen_stands_in_capitals_and_is_said() {
    let book = scene("hardly-anything-seen-9.2");
    assert!(book.not_seen.iter().any(|gap| gap.starts_with("SERVICE_USER")), "{:?}", book.not_seen);
    let stop = text_of(book.step("production.stop").unwrap());
    assert!(stop.contains("runuser -u SERVICE_USER"), "{stop}");
    assert!(scene("single-postgresql-9.2").not_seen.is_empty());
}

/// A sentence of the guides: where its step is there, and where it is not.
struct Seed {
    /// As `coverage.md` numbers it.
    row: &'static str,
    step: &'static str,
    /// A word of the step.
    says: &'static str,
    there: &'static str,
    /// `None` for what belongs into every book.
    absent: Option<&'static str>,
}

const fn seed(
    row: &'static str,
    step: &'static str,
    says: &'static str,
    there: &'static str,
    absent: Option<&'static str>,
) -> Seed {
    Seed { row, step, says, there, absent }
}

const SINGLE: &str = "single-postgresql-9.2";
const ROLLING: &str = "rolling-cluster-9.2";
const MYSQL: &str = "archive-mysql-8.5";
const WINDOWS: &str = "windows-sqlserver-7.19";
const ORACLE: &str = "archive-oracle-6.13";
const CLUSTER: &str = "cluster-opensearch-8.5";
const REHEARSED: &str = "rehearsed-9.2";

const SEEDS: &[Seed] = &[
    seed("A1", "preparation.release", "agent targets", SINGLE, None),
    seed("A6", "preparation.method", "--method archive", SINGLE, None),
    seed("A6", "preparation.method", "--method rolling", CLUSTER, Some(SINGLE)),
    seed("A8", "staging.environment", "staging environment", SINGLE, None),
    seed("A9", "staging.compatibility", "upm/check", SINGLE, None),
    seed("A9", "production.compatibility", "upm/check", SINGLE, None),
    seed("A10", "staging.backup-database", "pg_dump", SINGLE, Some(MYSQL)),
    seed("A10", "production.backup-database", "mysqldump", MYSQL, Some(SINGLE)),
    seed("A10", "production.backup-database", "BACKUP DATABASE", WINDOWS, Some(SINGLE)),
    seed("A11", "production.backup-installation", "/opt/atlassian", SINGLE, Some(WINDOWS)),
    seed("A12", "production.backup-home", "/var/atlassian", SINGLE, Some(WINDOWS)),
    seed("A13", "preparation.download", "-x64.bin", SINGLE, Some(MYSQL)),
    seed("A13", "preparation.download", ".tar.gz", MYSQL, Some(SINGLE)),
    seed("A13", "preparation.download", "-x64.exe", WINDOWS, Some(SINGLE)),
    seed("A14", "production.stop", "systemctl stop confluence", SINGLE, Some(MYSQL)),
    seed("A14", "production.stop", "/etc/init.d/confluence stop", MYSQL, Some(SINGLE)),
    seed("A14", "production.stop", "net stop Confluence020124", WINDOWS, Some(SINGLE)),
    seed("A14", "staging.stop", "systemctl stop", SINGLE, Some(ROLLING)),
    seed("A15", "production.install", "upgrade an existing installation", SINGLE, Some(MYSQL)),
    seed("A15", "production.install", "tar --extract", MYSQL, Some(SINGLE)),
    seed("A16", "production.driver", "mysql-connector-j-8.0.33.jar", MYSQL, Some(SINGLE)),
    seed("A16", "staging.driver", "mysql-connector-j-8.0.33.jar", MYSQL, Some(SINGLE)),
    seed("A17", "production.windows-service", "service.bat", WINDOWS, Some(SINGLE)),
    seed("A17", "staging.windows-service", "service.bat", WINDOWS, Some(SINGLE)),
    seed("A18", "production.start", "Upgrade completed successfully", SINGLE, Some(ROLLING)),
    seed("A19", "production.apps", "plugins/servlet/upm", SINGLE, None),
    seed("A19", "production.update-before", "Forms 7.3", REHEARSED, Some(SINGLE)),
    seed("A20", "production.clear-caches", "plugins-osgi-cache", SINGLE, Some(ROLLING)),
    seed("A20", "production.stop-again", "caches", SINGLE, Some(ROLLING)),
    seed("A21", "production.start-again", "systemctl start", SINGLE, Some(ROLLING)),
    seed("A22", "staging.test", "Gantt for Confluence", SINGLE, None),
    seed("A23", "production.carry-over", "server.xml", REHEARSED, Some(ROLLING)),
    seed("A24", "staging.test", "Through the proxy", SINGLE, Some("archive-oracle-6.13")),
    seed("A25", "verification.accepted", "accept", SINGLE, None),
    seed("A26", "staging.companion", "Companion", SINGLE, None),
    seed("A26", "production.companion", "Companion", SINGLE, None),
    seed("A28", "preparation.window", "Planned: 2025-12-06", SINGLE, Some("hardly-anything-seen-9.2")),
    seed("A29", "preparation.announce", "Tell", SINGLE, None),
    seed("B1", "preparation.database", "another kind of database", SINGLE, None),
    seed("B6", "preparation.notes", "Release notes", SINGLE, None),
    seed("B7", "preparation.notes", "upgrade-notes", SINGLE, None),
    seed("B13", "preparation.apps", "Gantt for Confluence", SINGLE, Some("hardly-anything-seen-9.2")),
    seed("B20", "production.scanners", "ClamAV", REHEARSED, Some(SINGLE)),
    seed("B21", "production.search", "rebuilt", SINGLE, Some(ROLLING)),
    seed("B32", "staging.copy", "dump", SINGLE, None),
    seed("B33", "staging.copy", "XML", SINGLE, None),
    seed("B37", "staging.environment", "not bound to a host", SINGLE, None),
    seed("12", "preparation.database", "nvarchar", WINDOWS, Some(SINGLE)),
    seed("38", "preparation.database", "ANY", ORACLE, Some(SINGLE)),
    seed("34", "production.finalise", "Finalise", ROLLING, Some(SINGLE)),
    seed("34", "production.nodes", "wiki-b", CLUSTER, Some(SINGLE)),
    seed("28", "production.carry-over", "-Xmx4096m", SINGLE, Some(ROLLING)),
];

#[test]
fn every_sentence_of_the_guides_is_there_when_it_applies_and_absent_when_not() {
    for Seed { row, step, says, there, absent } in SEEDS {
        let text = scene(there).step(step).map(text_of);
        let text = text.unwrap_or_else(|| panic!("{row}: {there} has no step {step}"));
        assert!(text.contains(says), "{row}: {step} of {there} does not say {says:?}: {text}");
        if let Some(absent) = absent {
            let text = scene(absent).step(step).map(text_of).unwrap_or_default();
            assert!(!text.contains(says), "{row}: {step} of {absent} says {says:?}: {text}");
        } else {
            let family = scene(there).product.family();
            for (other, book) in SCENES.iter().filter(|(_, book)| book.product.family() == family) {
                let name = other.name;
                let night = book.way.as_ref().map_or(1, |way| way.stops.len());
                assert!(
                    night > 1 || book.step(step).is_some(),
                    "{row}: {name} has no step {step}, which belongs into every book"
                );
            }
        }
    }
}

#[test]
fn every_step_that_the_table_of_coverage_names_is_in_a_book() {
    let table = include_str!("../../../coverage.md");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = rows
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(|code| SectionKind::ALL.iter().any(|kind| code.starts_with(&format!("{}.", kind.id()))))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for id in named {
        assert!(SCENES.iter().any(|(_, book)| book.step(id).is_some()), "no book has a step {id}");
    }
}

#[test]
fn a_licence_that_waits_is_entered_first() {
    let mut golden = golden();
    if let Reading::Learned(learned) = &mut golden.facts.license {
        learned.facts.at_hand =
            AtHand::File { place: "/root/new.txt".into(), text: LicenseText::Absent, in_force: false };
    }
    let text = |golden: &Golden| text_of(made(golden, None).step("preparation.license").unwrap());
    assert!(text(&golden).contains("/root/new.txt"));
    assert!(!text(&crate::golden::golden()).contains("lies in"));
}

#[test]
fn without_a_running_release_there_is_no_book() {
    let mut golden = golden();
    golden.facts.installation = Reading::Pending;
    let judge =
        Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    assert!(make(judge, &golden.facts, &golden.target, None).is_err());
}
