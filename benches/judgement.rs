//! Judging one snapshot against 100 releases, today and on a planned day, without and with the look-ahead.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
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
    let planned = jiff::civil::date(2026, 2, 14);
    for (name, upgrade_on) in [("today", None), ("today and a planned day", Some(planned))] {
        let plan = Plan { day: upgrade_on, ..Plan::default() };
        let judge = Judge { catalog: &golden.catalog, policy: &golden.policy, plan: &plan, now: golden.now };
        criterion.bench_function(&format!("judge 100 targets, {name}"), |bencher| {
            bencher.iter(|| {
                for target in &targets {
                    black_box(judge.judge(&golden.facts, target));
                }
            });
        });
        criterion.bench_function(&format!("judge and look ahead, 100 targets, {name}"), |bencher| {
            bencher.iter(|| {
                for target in &targets {
                    black_box(judge.judge(&golden.facts, target));
                    black_box(judge.blocks_on(&golden.facts, target));
                }
            });
        });
    }
}

criterion_group!(benches, judgement);
criterion_main!(benches);
