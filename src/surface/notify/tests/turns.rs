//! What is told of which board, and when: nothing is sent here.

use super::scene::{CHECK, blind, board, change, channel, minutes, now, partly, site};
use crate::board::{Board, InstanceState, Notice, TargetState};
use crate::channel::{Channel, Event, Level};
use crate::surface::notify::condition::{ALERTS, Seen, failing};
use crate::surface::notify::watch::{Turn, Watch};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use upgrade_readiness_checks::facts::{Asked, Failure, FailureKind, Snapshot, Source, Waiver};
use upgrade_readiness_checks::report::{Blocks, Outcome, WordId, WordKind};

/// Looks at boards, a minute apart, and tells what is due at once: `minute turn alert subject`.
fn told(channel: &Channel, boards: &[Board]) -> Vec<String> {
    let mut watch = Watch::default();
    let mut told = Vec::new();
    for (minute, board) in boards.iter().enumerate() {
        let at = now() + minutes(i64::try_from(minute).unwrap());
        watch.look(board, channel, at);
        let (groups, _) = watch.due(channel, at);
        for changes in groups.into_values() {
            for change in &changes {
                told.push(format!("{minute} {:?} {} {}", change.turn, change.key.alert, change.key.subject));
            }
            watch.tell(&changes, false, at);
        }
    }
    told
}

fn times(count: usize, instance: &InstanceState) -> Vec<Board> {
    vec![board([instance.clone()]); count]
}

fn at_once() -> Channel {
    let zero = SignedDuration::ZERO;
    Channel {
        hold: zero,
        unknown_for: zero,
        group_wait: zero,
        group_interval: zero,
        ..channel("http://127.0.0.1:1")
    }
}

fn pending(mut instance: InstanceState) -> InstanceState {
    let (name, product) = (instance.name.clone(), instance.product);
    instance.snapshot = Arc::new(Snapshot::empty(&name, product, now()));
    instance
}

fn failed(mut instance: InstanceState, source: Source) -> InstanceState {
    let mut snapshot = Snapshot::clone(&instance.snapshot);
    let took = SignedDuration::from_secs(1);
    let failure = Failure { kind: FailureKind::Denied, message: "the password is wrong".into() };
    snapshot.fail(source, failure, Asked { at: now(), took, fresh_for: took });
    instance.snapshot = Arc::new(snapshot);
    instance
}

#[test]
fn changes_are_told_once_and_only_when_they_stand() {
    let (usual, sudden) = (channel("http://127.0.0.1:1"), at_once());
    let (free, draw, both) = (site("wiki", &[]), site("wiki", &["draw"]), site("wiki", &["draw", "gantt"]));
    let unresolved = InstanceState {
        targets: vec![TargetState::Unresolved {
            requested: "latest-lts".parse().unwrap(),
            reason: "no".into(),
        }],
        ..draw.clone()
    };
    let rows: Vec<(&str, &Channel, Vec<Board>, Vec<&str>)> = vec![
        ("nothing", &usual, times(60, &free), vec![]),
        ("a blocker", &usual, times(60, &draw), vec!["3 Began UpgradeBlocked draw"]),
        (
            "a second one, and the end of both",
            &usual,
            [times(10, &draw), times(10, &both), times(10, &free)].concat(),
            vec![
                "3 Began UpgradeBlocked draw",
                "13 Began UpgradeBlocked gantt",
                "23 Over UpgradeBlocked draw",
                "23 Over UpgradeBlocked gantt",
            ],
        ),
        (
            "it comes and goes faster than it must stand",
            &usual,
            vec![[times(1, &draw), times(1, &free)].concat(); 30].concat(),
            vec![],
        ),
        (
            "it is gone for a moment",
            &usual,
            [times(10, &draw), times(1, &free), times(30, &draw)].concat(),
            vec!["3 Began UpgradeBlocked draw"],
        ),
        (
            "it comes and goes slowly: what changed within five minutes of a message is told when it still stands",
            &usual,
            vec![[times(4, &draw), times(4, &free)].concat(); 3].concat(),
            vec!["3 Began UpgradeBlocked draw", "15 Over UpgradeBlocked draw"],
        ),
        ("nothing was asked yet", &usual, times(60, &pending(draw.clone())), vec![]),
        (
            "a restart: what is not known yet is not over",
            &usual,
            [times(10, &draw), times(20, &pending(free.clone())), times(20, &draw)].concat(),
            vec!["3 Began UpgradeBlocked draw"],
        ),
        (
            "a check that cannot look clears nothing",
            &sudden,
            [times(2, &draw), times(3, &blind(free.clone())), times(2, &draw), times(1, &free)].concat(),
            vec![
                "0 Began UpgradeBlocked draw",
                "2 Began UpgradeCannotTell ",
                "5 Over UpgradeCannotTell ",
                "7 Over UpgradeBlocked draw",
            ],
        ),
        (
            "nor does one that could look at a part and is blocked by that",
            &sudden,
            [
                times(2, &both),
                times(3, &partly(site("wiki", &["gantt"]))),
                times(1, &site("wiki", &["gantt"])),
            ]
            .concat(),
            vec!["0 Began UpgradeBlocked draw", "0 Began UpgradeBlocked gantt", "5 Over UpgradeBlocked draw"],
        ),
        (
            "a target that stands for no release clears nothing of the release",
            &sudden,
            [times(1, &draw), times(2, &unresolved), times(1, &draw)].concat(),
            vec!["0 Began UpgradeBlocked draw", "1 Began UpgradeCannotTell ", "3 Over UpgradeCannotTell "],
        ),
        (
            "an instance that is not watched any more",
            &usual,
            [times(10, &draw), times(10, &site("docs", &[]))].concat(),
            vec!["3 Began UpgradeBlocked draw", "13 Unwatched UpgradeBlocked draw"],
        ),
        (
            "not knowing is told later",
            &usual,
            [times(20, &blind(free.clone())), times(2, &free), times(40, &blind(free.clone()))].concat(),
            vec!["53 Began UpgradeCannotTell "],
        ),
        (
            "a source that fails, and answers",
            &usual,
            [times(40, &failed(free.clone(), Source::Java)), times(10, &free)].concat(),
            vec!["31 Began UpgradeFactsStale java", "43 Over UpgradeFactsStale java"],
        ),
    ];
    for (what, channel, boards, expected) in rows {
        assert_eq!(told(channel, &boards), expected, "{what}");
    }
}

#[test]
fn a_channel_is_for_what_it_is_told_to_be_for() {
    let draw = failed(site("wiki", &["draw"]), Source::Java);
    let count = |channel: Channel| Seen::of(&board([draw.clone()]), &channel, now()).0.len();
    let all = at_once();
    assert_eq!(count(all.clone()), 2);
    assert_eq!(count(Channel { on: [Event::SourceFailing].into(), ..all.clone() }), 1);
    assert_eq!(count(Channel { minimum: Level::Critical, ..all.clone() }), 1);
    assert_eq!(count(Channel { instances: Some(["docs".to_owned()].into()), ..all.clone() }), 0);

    // What it was for before is forgotten, and nobody is told that it is over.
    let mut watch = Watch::default();
    let boards = board([draw]);
    watch.look(&boards, &all, now());
    let changes: Vec<_> = watch.due(&all, now()).0.into_values().flatten().collect();
    watch.tell(&changes, false, now());
    watch.look(&boards, &Channel { on: [Event::SourceFailing].into(), ..all.clone() }, now());
    let (groups, _) = watch.due(&all, now());
    assert!(groups.values().flatten().all(|change| change.turn == Turn::Unwanted), "{groups:?}");
}

#[test]
fn days_ahead_and_the_agent_itself_are_conditions_too() {
    let days = |count: i64| now() + SignedDuration::from_hours(24 * count);
    let alerts = |board: &Board, now: Timestamp| -> Vec<String> {
        Seen::of(board, &at_once(), now).0.into_keys().map(|key| key.alert).collect()
    };
    for (left, expected) in [
        (40, vec![]),
        (29, vec!["UpgradeWillBeBlocked"]),
        (13, vec!["UpgradeWillBeBlocked", "UpgradeWillSoonBeBlocked"]),
        (-1, vec![]),
    ] {
        let mut wiki = site("wiki", &[]);
        change(&mut wiki, |judged| {
            judged.blocks_at = Some(days(left));
            let day = jiff::civil::date(2026, 1, 1);
            judged.blocks_because = Some(Blocks { day, check: "license-valid", subject: "expiry".into() });
        });
        assert_eq!(alerts(&board([wiki]), now()), expected, "{left}");
    }

    let mut waived = site("wiki", &[]);
    let mut snapshot = Snapshot::clone(&waived.snapshot);
    snapshot.memory.waivers = vec![Waiver {
        check: CHECK.into(),
        subject: "draw".into(),
        target: None,
        reason: "known".into(),
        by: "Ann".into(),
        given_at: now(),
        until: jiff::civil::date(2025, 12, 5),
        seen: String::new(),
    }];
    waived.snapshot = Arc::new(snapshot);
    let id = WordId { kind: WordKind::Waiver, index: 0 };
    change(&mut waived, |judged| judged.report.heard = [(id, Outcome::Holds)].into());
    assert_eq!(alerts(&board([waived.clone()]), now()), ["UpgradeWaiverEnds"]);
    assert_eq!(alerts(&board([waived]), now() - SignedDuration::from_hours(24 * 20)), [""; 0]);

    let old = now() + SignedDuration::from_hours(24 * 365);
    assert_eq!(alerts(&board([site("wiki", &[])]), old), ["UpgradeCatalogOld"]);
    let notice = |subject, text: &str| Notice { subject, text: text.into() };
    for (notice, count) in [
        (notice("memory-off", "Nothing is remembered."), 1),
        (notice("channels", &format!("{}x", failing("chat"))), 1),
        // A channel cannot tell that it gets nothing through.
        (notice("channels", &format!("{}x", failing("ops"))), 0),
        (notice("channels", &format!("{}x {}x", failing("ops"), failing("zoo"))), 1),
    ] {
        let board = Board { notices: vec![notice.clone()], ..board([site("wiki", &[])]) };
        assert_eq!(alerts(&board, now()).len(), count, "{notice:?}");
    }
}

#[test]
fn a_check_with_hundreds_of_findings_is_told_with_a_limit() {
    let subjects: Vec<String> = (0..300).map(|number| format!("plug-in-{number:03}")).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let seen = Seen::of(&board([site("wiki", &subjects)]), &at_once(), now()).0;
    assert_eq!(seen.len(), 26);
    assert!(seen.values().any(|standing| standing.summary.contains("275 more things")));
}

/// One more thing may take the place of another in what is told by itself.
#[test]
fn what_is_told_among_others_is_not_over() {
    let subjects: Vec<String> = (0..25).map(|number| format!("plug-in-{number:03}")).collect();
    let mut subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let before = site("wiki", &subjects);
    subjects.push("another");
    let told = told(&at_once(), &[times(1, &before), times(3, &site("wiki", &subjects))].concat());
    let later: Vec<&str> = told.iter().filter(|line| !line.starts_with("0 ")).map(String::as_str).collect();
    assert_eq!(told.len() - later.len(), 25);
    assert_eq!(later, ["1 Began UpgradeBlocked (others)", "1 Began UpgradeBlocked another"]);
}

/// `recommended` may come to stand for another release, and two words for the same one.
#[test]
fn how_a_target_was_asked_for_stays_as_it_was_told() {
    let instance = site("wiki", &["draw"]);
    let mut other = instance.clone();
    change(&mut other, |judged| judged.report.requested = "recommended".parse().unwrap());
    let mut watch = Watch::default();
    for (minute, instance) in [(0, &instance), (1, &other)] {
        let at = now() + minutes(minute);
        watch.look(&board([instance.clone()]), &at_once(), at);
        let (groups, _) = watch.due(&at_once(), at);
        for changes in groups.into_values() {
            watch.tell(&changes, false, at);
        }
    }
    let requested: Vec<_> = watch.standing().map(|(_, known)| known.standing.requested.as_str()).collect();
    assert_eq!(requested, ["latest-lts"]);
}

#[test]
fn alerts_are_named_as_in_the_prometheus_rules() {
    let rules = include_str!("../../../../deploy/prometheus/upgrade-readiness.rules.yml");
    // An agent that is down can tell nothing; the next three say what one alert for each thing that blocks, and
    // UpgradeFactsStale, say here; then what agent-trouble tells here; the last are about files that only node_exporter
    // reads.
    let only_there = [
        "UpgradeReadinessAgentDown",
        "UpgradeCheckBlocked",
        "UpgradeNewBlocker",
        "UpgradeSourceFailing",
        "UpgradeReadinessCertificateEnds",
        "UpgradeReadinessCertificateEnded",
        "UpgradeReadinessChannelFailing",
        "UpgradeReadinessNewsLost",
        "UpgradeReadinessStoreUnreachable",
        "UpgradeReadinessTextfileGone",
        "UpgradeReadinessTextfileStale",
    ];
    let named = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in named.filter(|alert| !only_there.contains(alert)) {
        assert!(ALERTS.contains(&alert), "{alert} is told by Prometheus only");
    }
}
