//! Judging one snapshot against 100 releases, today and on a planned day, without and with the look-ahead.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::SignedDuration;
use upgrade_readiness_checks::facts::{Point, Snapshot, Trend, TrendOf, Waiver};
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::model::{Plan, Requested, Target};
use upgrade_readiness_checks::report::Judge;

fn judgement(criterion: &mut Criterion) {
    let golden = golden();
    let targets: Vec<Target> = golden
        .catalog
        .releases()
        .iter()
        .rev()
        .take(100)
        .filter_map(|release| {
            let requested = Requested::Version(release.version.clone());
            Target::resolve(&requested, &golden.catalog, None).ok()
        })
        .collect();
    assert_eq!(targets.len(), 100);
    let facts = remembering(golden.facts.clone());
    let planned = jiff::civil::date(2026, 2, 14);
    for (name, upgrade_on) in [("today", None), ("today and a planned day", Some(planned))] {
        let plan = Plan { day: upgrade_on, ..Plan::default() };
        let judge = Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &plan, now: golden.now };
        criterion.bench_function(&format!("judge 100 targets, {name}"), |bencher| {
            bencher.iter(|| {
                let mut sitting = judge.sitting(&facts);
                for target in &targets {
                    black_box(sitting.judge(target));
                }
            });
        });
        criterion.bench_function(&format!("judge and look ahead, 100 targets, {name}"), |bencher| {
            bencher.iter(|| {
                let mut sitting = judge.sitting(&facts);
                for target in &targets {
                    let report = sitting.judge(target);
                    black_box(sitting.blocks_after(target, &report));
                }
            });
        });
    }
}

/// The facts of an instance that has been watched for a month, with a disk that fills and a few words of people.
fn remembering(mut facts: Snapshot) -> Snapshot {
    let day = SignedDuration::from_hours(24);
    let point = |days: i32| Point {
        at: facts.taken_at - day * days,
        value: (500 + u64::from(days.unsigned_abs())) << 30,
    };
    let points = (0..30).rev().map(point).collect();
    let waiver = |number: i32| Waiver {
        check: "disk-space".into(),
        subject: format!("/data/{number}"),
        target: None,
        reason: "known".into(),
        by: "somebody".into(),
        given_at: facts.taken_at - day,
        until: jiff::civil::date(2026, 3, 1),
        seen: "warning: # bytes free of # bytes".into(),
    };
    facts.memory.waivers = (0..10).map(waiver).collect();
    facts.memory.trends = vec![Trend { of: TrendOf::FreeBytes("/".into()), points }];
    facts
}

criterion_group!(benches, judgement);
criterion_main!(benches);
