//! What the operator's own probes say.

use super::wording::sentence;
use crate::facts::{Missing, Probe, ProbeOutcome, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "custom",
    title: "The site's own probes content",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Custom],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The probes under `[[instance.custom]]`: programs with the contract of monitoring plug-ins, addresses over HTTP, queries to \
the product's database, queries to a Prometheus. *Critical* blocks, *warning* warns, and what cannot be asked is unknown.

## Why it matters

Every site has conditions of its own that nobody else can know: a replica that must be in step, a queue that must be \
empty, a ticket that must be approved.

## How to fix it

That is for the site to say: `remedy` of the probe is shown with the finding.

## What it needs

Programs run with the rights of the agent, without a shell, its environment or standard input, and only with \
`allow_programs = true` under `[probes]`. Queries run in a read-only transaction with the account of the source `database`.

## Settings

`[[instance.custom]]`: `name`, one of `program`, `url`, `sql`, `promql` with `url`; `warning` and `critical` as ranges of \
monitoring plug-ins (<https://www.monitoring-plugins.org/doc/guidelines.html>); `time_limit`, `remedy`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let probes = &case.facts.custom()?.probes;
    if probes.is_empty() {
        return Err(Undecided::DoesNotApply("the configuration names no probe of the site's own".to_owned()));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for probe in probes {
        match probe.outcome {
            ProbeOutcome::Ok => {}
            ProbeOutcome::Warning => found.push(finding(probe, Severity::Warning, "warns")),
            ProbeOutcome::Critical => found.push(finding(probe, Severity::Blocker, "is critical")),
            ProbeOutcome::Unknown => missing.push(Missing::Unread {
                of: Source::Custom,
                what: format!("the probe {}", probe.name),
                why: probe.said.clone(),
            }),
        }
    }
    let content = probes.iter().filter(|probe| probe.outcome == ProbeOutcome::Ok).count();
    conclude(format!("{content} of {} probes are content", probes.len()), found, missing)
}

fn finding(probe: &Probe, severity: Severity, how: &str) -> Finding {
    let Probe { name, kind, asks, said, remedy, .. } = probe;
    Finding {
        severity,
        subject: name.clone(),
        summary: format!("The probe {name} {how}"),
        observed: said.clone(),
        required: format!("a probe that is content ({kind}: {asks})"),
        remedy: match remedy {
            Some(remedy) => sentence(remedy),
            None => format!(
                "See what {asks} is about; [[instance.custom]] {name} can say here what is to be done."
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Skipped, Unknown, Warning};
    use crate::rules::testing::{Row, custom, judges, look};

    fn probes(outcomes: &[ProbeOutcome]) -> Golden {
        let mut golden = golden();
        let probes = &mut custom(&mut golden).probes;
        let first = probes.remove(0);
        *probes = outcomes
            .iter()
            .enumerate()
            .map(|(index, outcome)| Probe { name: format!("p{index}"), outcome: *outcome, ..first.clone() })
            .collect();
        golden
    }

    #[test]
    fn each_probe_counts() {
        use ProbeOutcome as P;
        let rows: Vec<Row> = vec![
            (probes(&[]), Skipped, &[]),
            (probes(&[P::Ok, P::Ok]), Ready, &[]),
            (probes(&[P::Ok, P::Warning]), Warning, &[(Severity::Warning, "p1")]),
            (
                probes(&[P::Warning, P::Critical]),
                Blocked,
                &[(Severity::Warning, "p0"), (Severity::Blocker, "p1")],
            ),
            (probes(&[P::Unknown, P::Warning]), Unknown, &[(Severity::Warning, "p1")]),
            (probes(&[P::Unknown, P::Critical]), Blocked, &[(Severity::Blocker, "p1")]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn the_operators_own_words_are_shown() {
        let mut golden = probes(&[ProbeOutcome::Critical]);
        custom(&mut golden).probes[0].remedy = Some("Call the database team".into());
        assert_eq!(look(&CHECK, &golden).findings[0].remedy, "Call the database team.");
    }
}
