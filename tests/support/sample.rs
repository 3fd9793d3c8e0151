//! A board for tests and benchmarks: two instances with everything a surface has to show.
//!
//! Whoever includes this file has the agent's `board` module in scope beside it.

use std::sync::{Arc, LazyLock};

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::catalog::{Catalog, PLATFORMS};
use upgrade_readiness_checks::facts::{
    Asked, Failure, FailureKind, Missing, Product, Section, SignOff, Snapshot, Source, Waiver,
};
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::model::{Category, Finding, Severity, Verdict};
use upgrade_readiness_checks::plan::offer::offer;
use upgrade_readiness_checks::report::{
    Blocks, CheckReport, DatedFinding, Heard, Judge, Outcome, Remark, Report, Word, WordId, WordKind,
};

use super::board::{Board, FactsDigest, Grounds, InstanceState, JudgedTarget, Offering, Since, TargetState};

/// 1 December 2025, 20:00 UTC.
pub(crate) fn now() -> Timestamp {
    golden().now
}

/// `wiki` with a blocked and a ready target, `docs` of which little is known.
pub(crate) fn board() -> Board {
    Board { instances: vec![Arc::new(wiki()), Arc::new(docs())], ..Board::default() }
}

/// `count` instances with two targets each and as many checks as there are in earnest.
pub(crate) fn large_board(count: usize) -> Board {
    let instances = (0..count).map(|number| {
        let mut instance = wiki();
        instance.name = format!("wiki-{number}");
        Arc::new(instance)
    });
    Board { instances: instances.collect(), ..Board::default() }
}

static GROUNDS: LazyLock<Arc<Grounds>> = LazyLock::new(|| {
    let golden = golden();
    Arc::new(Grounds { catalog: Arc::new(golden.catalog), policy: golden.policy, plan: golden.plan })
});

fn wiki() -> InstanceState {
    let mut snapshot = golden().facts;
    let failure = Failure {
        kind: FailureKind::Denied,
        message: "connecting to db.example.com:5432/confluence as confluence: password authentication \
                  failed. Put the current password into /etc/upgrade-readiness-agent/db-password."
            .into(),
    };
    let asked = Asked {
        at: snapshot.taken_at,
        took: SignedDuration::from_millis(31),
        fresh_for: SignedDuration::from_hours(1),
    };
    snapshot.fail(Source::Database, failure, asked);
    snapshot.memory.waivers = vec![waiver()];
    snapshot.memory.sign_offs = vec![sign_off()];
    InstanceState {
        name: "wiki".into(),
        product: Product::Confluence,
        version: Some("9.2.7".parse().expect("a literal")),
        snapshot: Arc::new(snapshot),
        grounds: GROUNDS.clone(),
        targets: vec![
            judged("latest-lts", "10.2.14", blocked_checks(), Some(now())),
            judged("9.2.10", "9.2.10", ready_checks(), None),
        ],
        offering: offering(),
        remarks: vec![Remark {
            subject: "license-seats, seats".into(),
            text: "The waiver of Berta Beispiel for license-seats, seats has nothing to settle: what it is about was \
                   not found. It can be taken back."
                .into(),
        }],
        catalog_digest: Some("c0ffee".repeat(10)),
        facts_digest: FactsDigest::default(),
    }
}

/// Every newer release of three lines, one of which nobody knows much of.
fn offering() -> Offering {
    let golden = golden();
    let catalog = "product = 'confluence'\ncollected_on = '2025-11-20'\n\
        [[line]]\nline = '9.2'\nlong_term_support = true\n\
        end_of_life = '2026-12-10'\nend_of_life_confidence = 'inferred'\n\
        releases = [{ version = '9.2.10', date = '2025-11-01' }, { version = '9.2.9', date = '2025-10-01' }]\n\
        [[line]]\nline = '9.5'\nreleases = [{ version = '9.5.4', date = '2025-09-01' }]\n\
        [[line]]\nline = '10.2'\nlong_term_support = true\nend_of_life = '2027-12-02'\n\
        releases = [{ version = '10.2.14', date = '2025-11-18' }]\n";
    let catalog = Catalog::parse(catalog, PLATFORMS).expect("a literal catalog");
    let judge = Judge { catalog: &catalog, policy: &golden.policy, plan: &golden.plan, now: golden.now };
    Offering::Judged(Arc::new(offer(judge, &golden.facts).expect("the golden instance")))
}

/// The waiver in use.
fn waiver() -> Waiver {
    Waiver {
        check: "plugin-compatibility".into(),
        subject: "com.example.clock".into(),
        target: None,
        reason: "Nobody uses the clock; it goes with the upgrade.".into(),
        by: "Anna Muster".into(),
        given_at: now() - SignedDuration::from_hours(48),
        until: date(2026, 1, 31),
        seen: "warning: 1.0".into(),
    }
}

/// The sign-off in use.
fn sign_off() -> SignOff {
    SignOff {
        check: "upgrade-path".into(),
        subject: None,
        target: None,
        reason: "asked the vendor".into(),
        by: "Anna Muster".into(),
        given_at: now() - SignedDuration::from_hours(24),
        until: date(2026, 3, 31),
        seen: None,
    }
}

fn docs() -> InstanceState {
    let mut snapshot = Snapshot::empty("docs", Product::Confluence, now());
    for source in [Source::Application, Source::Plugins] {
        snapshot.switch_off(source);
    }
    if let Ok(database) = golden().facts.database() {
        let took = SignedDuration::from_millis(40);
        let asked = Asked { at: now(), took, fresh_for: SignedDuration::from_hours(1) };
        snapshot.learn(Section::Database(Box::new(database.clone())), asked);
    }
    InstanceState {
        name: "docs".into(),
        product: Product::Confluence,
        version: None,
        snapshot: Arc::new(snapshot),
        grounds: GROUNDS.clone(),
        targets: vec![TargetState::Unresolved {
            requested: "next".parse().expect("a literal"),
            reason: "the target \"next\" cannot be resolved because the running version is not known".into(),
        }],
        offering: Offering::Unknown(Missing::Pending { of: Source::Installation }),
        remarks: Vec::new(),
        catalog_digest: None,
        facts_digest: FactsDigest::default(),
    }
}

fn judged(
    requested: &str,
    version: &str,
    checks: Vec<CheckReport>,
    blocks_at: Option<Timestamp>,
) -> TargetState {
    let word = |kind, index| (WordId { kind, index }, Outcome::Holds);
    let heard = if checks.iter().any(|check| check.word.is_some()) {
        Heard::from([word(WordKind::Waiver, 0), word(WordKind::SignOff, 0)])
    } else {
        Heard::new()
    };
    let since = Since { first_seen: now() - SignedDuration::from_hours(240), changed_at: now() };
    TargetState::Judged(Arc::new(JudgedTarget {
        since: vec![since; checks.len()],
        report: Report {
            requested: requested.parse().expect("a literal"),
            version: version.parse().expect("a literal"),
            verdict: Verdict::roll_up(checks.iter().map(|check| check.verdict)),
            judged_at: now(),
            planned_for: Some(date(2026, 1, 17)),
            checks,
            heard,
        },
        blocks_because: blocks_at.map(|_| Blocks {
            day: date(2025, 12, 11),
            check: "license-valid",
            subject: "expiry".into(),
        }),
        blocks_at,
        disk_needs: vec![("/".into(), 77 << 30)],
        plugin_counts: vec![("compatible", 6), ("update-before", 1), ("incompatible", 1), ("unknown", 0)],
    }))
}

/// A finding whose waiver is void.
fn void() -> DatedFinding {
    DatedFinding {
                lapsed: Some(
                    "the waiver of Berta Beispiel is void because what it waived has changed: then it was \"warning: \
                     2.9.0\""
                        .into(),
                ),
                ..finding(
                    Severity::Warning,
                    "com.example.draw",
                    "Draw must be updated before the upgrade",
                    "3.0.2",
                    "3.4.0 or newer",
                    "Update it under Manage apps on the evening before.",
                )
            }
}

/// A finding that is waived.
fn waived() -> DatedFinding {
    DatedFinding {
        word: Some(Word {
            kind: WordKind::Waiver,
            by: waiver().by,
            reason: waiver().reason,
            until: waiver().until,
        }),
        ..finding(
            Severity::Warning,
            &waiver().subject,
            "Nothing is known of Clock for 10.2.14",
            "1.0",
            "a version that is stated to work with 10.2.14",
            "Ask the vendor for a version, or uninstall it before the upgrade.",
        )
    }
}

fn blocked_checks() -> Vec<CheckReport> {
    let mut checks = ready_checks();
    let mut put = |id: &str, verdict, reason: &str, findings: Vec<DatedFinding>| {
        let check = checks.iter_mut().find(|check| check.id == id).expect("an id of the list");
        (check.verdict, check.reason, check.findings) = (verdict, reason.into(), findings);
    };
    put(
        "license-covers-target",
        Verdict::Blocked,
        "10.2.14 was released on 2026-05-12, maintenance ends on 2026-03-31",
        vec![finding(
            Severity::Blocker,
            "maintenance",
            "The licence's maintenance ended before 10.2.14 was released",
            "maintenance through 2026-03-31",
            "maintenance at least through 2026-05-12, the day 10.2.14 was released",
            "Renew the licence at https://my.atlassian.com, then enter it under General Configuration > \
             License details. Until then 10.2.3 is the newest release it covers.",
        )],
    );
    put(
        "plugin-compatibility",
        Verdict::Blocked,
        "8 plug-ins that people installed were looked up for 10.2.14",
        vec![
            finding(
                Severity::Blocker,
                "com.example.gantt",
                "Gantt for Confluence has no version for 10.2.14",
                "4.1.0 installed; newest version listed for 9.2",
                "a version that is stated to work with 10.2.14",
                "Ask the vendor for a version, or uninstall it before the upgrade under Manage apps. Pages \
                 that use its macros will then show \"unknown macro\".",
            ),
            void(),
            waived(),
        ],
    );
    put(
        "java-version",
        Verdict::Warning,
        "Java 17.0.9 in /opt/atlassian/confluence/jre, from process 1234",
        vec![DatedFinding {
            holds_on: Some(date(2026, 1, 17)),
            ..finding(
                Severity::Warning,
                "java",
                "Java 17 runs out of support before the planned day",
                "17.0.9",
                "Java 21",
                "Install Java 21 and set JAVA_HOME in /opt/atlassian/confluence/bin/setjre.sh.",
            )
        }],
    );
    put(
        "operating-system",
        Verdict::Ready,
        "Debian GNU/Linux 12 (bookworm), supported until 2028-06-30",
        vec![finding(
            Severity::Notice,
            "debian",
            "A newer Debian release is out",
            "12",
            "nothing",
            "Nothing has to be done before the upgrade.",
        )],
    );
    for id in ["database-ownership", "database-privileges", "database-settings", "database-supported"] {
        put(
            id,
            Verdict::Unknown,
            "database: connecting to db.example.com:5432/confluence as confluence: password authentication \
             failed. Put the current password into /etc/upgrade-readiness-agent/db-password.",
            Vec::new(),
        );
    }
    let path = checks.iter_mut().find(|check| check.id == "upgrade-path").expect("an id of the list");
    let SignOff { by, reason, until, .. } = sign_off();
    path.reason = format!(
        "signed off by {by} until {until}: {reason}; the agent itself could not see it: what jumps to 10.2.14 are \
         allowed is not known to the catalog"
    );
    path.word = Some(Word { kind: WordKind::SignOff, by, reason, until });
    checks
}

/// Id, title, category and evidence.
const CHECKS: [(&str, &str, Category, &str); 18] = [
    (
        "application-health",
        "The application is well",
        Category::Application,
        "RUNNING; 12 health checks of the product pass",
    ),
    (
        "database-driver",
        "A driver that fits",
        Category::Database,
        "postgresql-42.7.2.jar, bundled with Confluence",
    ),
    (
        "database-ownership",
        "The account owns its tables",
        Category::Database,
        "412 objects, all owned by confluence",
    ),
    (
        "database-privileges",
        "The account may change its schema",
        Category::Database,
        "confluence may CREATE and USAGE in public",
    ),
    (
        "database-settings",
        "Settings the target needs",
        Category::Database,
        "encoding UTF8, isolation read committed",
    ),
    ("database-supported", "A database the target supports", Category::Database, "PostgreSQL 16.4"),
    ("disk-space", "Room for the upgrade", Category::Platform, "/ has 400.0 GiB free, 77.0 GiB are needed"),
    ("file-ownership", "Files can be written", Category::Platform, "all of 3 places belong to confluence"),
    ("hardware", "Enough memory and processors", Category::Platform, "8 processors, 16.0 GiB of memory"),
    ("java-memory", "A heap that fits", Category::Platform, "heap of 4.0 GiB on a host with 16.0 GiB"),
    (
        "java-version",
        "A Java the target runs on",
        Category::Platform,
        "Java 17.0.9 in /opt/atlassian/confluence/jre",
    ),
    (
        "license-covers-target",
        "The licence covers the target",
        Category::License,
        "maintenance through 2026-12-31",
    ),
    ("license-seats", "Enough seats", Category::License, "640 of 1000 users"),
    (
        "license-valid",
        "A licence that holds",
        Category::License,
        "Confluence (Data Center): Commercial, through 2026-12-31",
    ),
    (
        "locale-encoding",
        "UTF-8 everywhere",
        Category::Platform,
        "LANG is en_US.UTF-8, file.encoding is UTF-8",
    ),
    (
        "operating-system",
        "A supported operating system",
        Category::Platform,
        "Debian GNU/Linux 12 (bookworm), supported until 2028-06-30",
    ),
    (
        "plugin-compatibility",
        "Plug-ins that work with the target",
        Category::Plugins,
        "8 plug-ins that people installed all have a version",
    ),
    ("upgrade-path", "The jump is allowed", Category::Release, "9.2.7 may be upgraded directly"),
];

fn ready_checks() -> Vec<CheckReport> {
    let mut checks: Vec<CheckReport> = CHECKS
        .iter()
        .map(|(id, title, category, reason)| CheckReport {
            id,
            title,
            category: *category,
            verdict: Verdict::Ready,
            reason: (*reason).into(),
            findings: Vec::new(),
            word: None,
            saw_all: true,
        })
        .collect();
    checks.insert(
        2,
        CheckReport {
            id: "cluster-nodes",
            title: "All nodes alike",
            category: Category::Application,
            verdict: Verdict::Skipped,
            reason: "this instance is not a cluster".into(),
            findings: Vec::new(),
            word: None,
            saw_all: true,
        },
    );
    checks
}

fn finding(
    severity: Severity,
    subject: &str,
    summary: &str,
    observed: &str,
    required: &str,
    remedy: &str,
) -> DatedFinding {
    let finding = Finding {
        severity,
        subject: subject.into(),
        summary: summary.into(),
        observed: observed.into(),
        required: required.into(),
        remedy: remedy.into(),
    };
    DatedFinding { finding, holds_on: None, word: None, lapsed: None }
}
