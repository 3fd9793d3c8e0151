//! Has the host the processors and the memory the target needs?

use super::support::{answer_under, lower_first};
use super::units::{MIB, bytes, percent_of};
use crate::catalog::{Confidence, MinimumOf, PageKind};
use crate::facts::{Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "hardware",
    title: "Processors and memory the target needs",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Host],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The processors the host may use and its physical memory, beside the least the vendor asks for the target's line.

## Why it matters

A host that was large enough for a release of years ago may be too small for the new one: it starts, and is slow or \
runs out of memory while it changes its data. The vendor's figures for Confluence: \
<https://confluence.atlassian.com/doc/server-hardware-requirements-guide-30736403.html>; those for WSO2 Carbon are what the \
server itself compares its host with when it starts (`etc/config-validation.xml`), which makes it warn and no more.

## How to fix it

Give the machine more processors or memory before the night of the upgrade, and raise the heap with it where needed \
(see java-memory).

## What it needs

The agent on the host of the instance.

## Settings

`memory_tolerance_percent`: how far the reported memory may fall short, because firmware and kernel keep some of it. \
`cpus` and `memory-mib` under `[requirements.\"<line>\"]` answer what the catalog does not know.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let host = case.facts.host()?;
    let memory = host.memory_total_bytes;
    let evidence = format!("{} processors and {} of memory", host.cpus, bytes(memory));
    let tolerated = case.policy.memory_tolerance_percent;
    let needs = [
        Need { of: MinimumOf::Cpus, subject: "cpus", unit: 1, has: host.cpus.into(), tolerated: 0 },
        Need { of: MinimumOf::MemoryMib, subject: "memory", unit: MIB, has: memory, tolerated },
    ];
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for need in needs {
        match need.judge(case) {
            Ok(finding) => found.extend(finding),
            Err(unknown) => missing.push(unknown),
        }
    }
    conclude(evidence, found, missing)
}

struct Need {
    of: MinimumOf,
    subject: &'static str,
    /// What one unit of the catalog's minimum is in the unit of `has`.
    unit: u64,
    has: u64,
    /// How far `has` may fall short, in percent.
    tolerated: u8,
}

impl Need {
    fn judge(&self, case: &Case<'_>) -> Result<Option<Finding>, Missing> {
        let (product, line) = (case.facts.product, case.target.line());
        let page = case.catalog.page(PageKind::HardwareRequirements, line);
        let Some(minimum) = case.catalog.minimum(self.of, line) else {
            let example = if self.of == MinimumOf::Cpus { "4" } else { "8192" };
            return Err(Missing::Unknown {
                what: format!("{} {product} {line} needs", self.name()),
                how_to_answer: lower_first(&answer_under(case, self.of.id(), page, example)),
            });
        };
        let needs = minimum.value.saturating_mul(self.unit);
        if self.has >= needs.saturating_sub(percent_of(needs, self.tolerated)) {
            return Ok(None);
        }
        let (severity, doubt) = match minimum.confidence {
            Confidence::Confirmed => (Severity::Blocker, ""),
            Confidence::Partial | Confidence::Inferred => (Severity::Warning, ", as far as is known"),
        };
        let (has, wants) = (self.amount(self.has), self.amount(needs));
        Ok(Some(Finding {
            severity,
            subject: self.subject.to_owned(),
            summary: format!("The host has {has} and {product} {line} needs {wants}{doubt}"),
            observed: has,
            required: format!("{wants} ({})", minimum.source),
            remedy: format!(
                "Give the machine at least {wants} before the upgrade{}.",
                page.map_or_else(String::new, |page| format!("; the vendor's figures are at {page}"))
            ),
        }))
    }

    fn name(&self) -> &'static str {
        if self.of == MinimumOf::Cpus { "number of processors" } else { "memory" }
    }

    fn amount(&self, count: u64) -> String {
        match (self.of == MinimumOf::Cpus, count) {
            (true, 1) => "1 processor".to_owned(),
            (true, count) => format!("{count} processors"),
            (false, count) => format!("{} of memory", bytes(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, host, judges, look};

    /// The golden target's answers count as confirmed: 4 processors, 6144 MiB.
    fn with(cpus: u32, memory_mib: u64) -> Golden {
        let mut golden = golden();
        host(&mut golden).cpus = cpus;
        host(&mut golden).memory_total_bytes = memory_mib * MIB;
        golden
    }

    #[test]
    fn a_host_must_have_what_is_asked() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: Vec<Row> = vec![
            (with(4, 6144), Ready, &[]),
            (with(3, 6144), Blocked, &[(B, "cpus")]),
            (with(4, 5837), Ready, &[]),
            (with(4, 5836), Blocked, &[(B, "memory")]),
            (with(0, 0), Blocked, &[(B, "cpus"), (B, "memory")]),
            (with(2, 2048).to("8.5.4"), Warning, &[(W, "cpus"), (W, "memory")]),
            (with(4, 6144).to("9.3.1"), Unknown, &[]),
            (with(4, 2048).to("9.3.1"), Unknown, &[(W, "memory")]),
            (with(64, 1 << 20).to("77.0.0"), Unknown, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn says_how_to_answer_what_is_not_known() {
        let reason = look(&CHECK, &with(4, 6144).to("9.3.1")).reason;
        assert!(reason.contains("[requirements.\"9.3\"] cpus = 4"), "{reason}");
    }
}
