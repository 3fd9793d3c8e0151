//! Judging one snapshot against 100 releases, today and on a planned day, without and with the look-ahead; and what a
//! plan takes from an old release: judging every newer one, and finding the way to the newest.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::SignedDuration;
use upgrade_readiness_checks::catalog::Catalog;
use upgrade_readiness_checks::facts::{Field, Point, Reading, Snapshot, Trend, TrendOf, Waiver};
use upgrade_readiness_checks::golden::golden;
use upgrade_readiness_checks::model::{Plan, Target};
use upgrade_readiness_checks::plan::offer::offer;
use upgrade_readiness_checks::plan::way::{self, Method};
use upgrade_readiness_checks::report::Judge;

fn judgement(criterion: &mut Criterion) {
    let golden = golden();
    let targets: Vec<Target> = golden
        .catalog
        .releases()
        .iter()
        .rev()
        .take(100)
        .map(|release| way::target_of(&golden.catalog, &release.version))
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

/// Everything there is from 5.7 on: the longest list and the longest way the catalog has.
fn plan(criterion: &mut Criterion) {
    let golden = golden();
    let catalog = Catalog::embedded(golden.facts.product);
    let mut facts = remembering(golden.facts.clone());
    if let Reading::Learned(learned) = &mut facts.installation {
        learned.facts.version = Field::Read("5.7".parse().expect("a version"));
    }
    let planned = jiff::civil::date(2026, 2, 14);
    for (name, upgrade_on) in [("today", None), ("today and a planned day", Some(planned))] {
        let plan = Plan { day: upgrade_on, ..Plan::default() };
        let judge = Judge { catalog: &catalog, policy: &golden.policy, plan: &plan, now: golden.now };
        criterion.bench_function(&format!("offer every release from 5.7, {name}"), |bencher| {
            bencher.iter(|| black_box(offer(judge, &facts)));
        });
    }
    let plan = Plan::default();
    let judge = Judge { catalog: &catalog, policy: &golden.policy, plan: &plan, now: golden.now };
    let newest = catalog.latest().expect("a catalog with releases");
    let target = way::target_of(&catalog, &newest.version);
    criterion.bench_function("find the way from 5.7 to the newest", |bencher| {
        bencher.iter(|| black_box(way::find(&judge, &facts, &target, Method::Archive)));
    });
}

criterion_group!(benches, judgement, plan);
criterion_main!(benches);
