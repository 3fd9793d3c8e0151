//! Has the target heap enough, and the host memory enough beside it?

use super::support::{answer_under, lower_first};
use super::units::{MIB, bytes, percent_of};
use super::vocabulary::Vocabulary;
use crate::catalog::{Confidence, Minimum, MinimumOf, PageKind};
use crate::facts::{Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "java-memory",
    title: "Heap, and memory beside it",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Host, Source::Java],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The largest heap (`-Xmx`) of the running service or of its start script, beside what the target needs at least; and \
the host's memory beside that heap.

## Why it matters

The upgrade writes a recovery dump and changes all data while the program starts; with a small heap it ends in an \
OutOfMemoryError halfway. Memory beside the heap is needed for Java itself, for the collaborative editing process and \
for previews; without it the kernel kills the service. The product looks at its memory at every start: \
<https://confluence.atlassian.com/confkb/confluence-startup-checks-935906984.html>. The delivered `setenv.sh` sets a heap \
of 1 GiB. A WSO2 Carbon server compares memory and heap with `etc/config-validation.xml` when it starts, and only writes a \
warning into its log.

## How to fix it

Set `-Xms` and `-Xmx` to the same value in `CATALINA_OPTS` of `bin/setenv.sh` (WSO2 Carbon: in `bin/wso2server.sh`) \
and restart the service; give the host more memory where both do not fit. The new installation has a script of its own: \
carry the values over.

## What it needs

The agent on the host of the instance, and read access to the process or to the start script.

## Settings

`heap_of_memory_percent`: the largest part of the memory the heap may take. `heap-mib` and `free-beside-heap-mib` under \
`[requirements.\"<line>\"]` answer what the catalog does not know.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let options = case.facts.java()?.options.read(Source::Java, "the options of Java")?;
    let memory = case.facts.host()?.memory_total_bytes;
    let place = options.place.as_str();
    let script = Vocabulary::of(case.facts.product).java_options_in(place);

    let Some(heap) = options.max_heap_bytes else {
        let finding = Finding {
            severity: Severity::Warning,
            subject: "heap".to_owned(),
            summary: format!("No largest heap is set in {place}, so Java takes what it likes"),
            observed: "no -Xmx".to_owned(),
            required: "-Xmx with a size that was chosen".to_owned(),
            remedy: format!("Set -Xms and -Xmx in {script} and restart the service."),
        };
        return Ok(Judgement::new(format!("no -Xmx in {place}"), vec![finding]));
    };

    let evidence = format!("a heap of {} by {place}, on a host with {}", bytes(heap), bytes(memory));
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let beside = memory.saturating_sub(heap);
    let raise = format!("Raise -Xms and -Xmx in {script} and restart the service.");
    let make_room = format!(
        "Give the host more memory, or lower -Xms and -Xmx in {script} as far as the least heap of \
         the target allows, and restart the service."
    );
    let needs = [
        (MinimumOf::HeapMib, "heap", "The heap", heap, &raise),
        (
            MinimumOf::FreeBesideHeapMib,
            "memory-beside-heap",
            "The memory beside the heap",
            beside,
            &make_room,
        ),
    ];
    for (of, subject, name, has, remedy) in needs {
        match case.catalog.minimum(of, case.target.line()) {
            Some(minimum) => found.extend(too_little(case, &minimum, subject, name, has, remedy)),
            None => missing.push(unknown(case, of)),
        }
    }
    let percent = case.policy.heap_of_memory_percent;
    if heap > percent_of(memory, percent) {
        found.push(Finding {
            severity: Severity::Warning,
            subject: "heap-share".to_owned(),
            summary: format!("The heap may take more than {percent}% of the host's memory"),
            observed: format!("-Xmx of {} on a host with {}", bytes(heap), bytes(memory)),
            required: format!("at most {}", bytes(percent_of(memory, percent))),
            remedy: make_room.clone(),
        });
    }
    conclude(evidence, found, missing)
}

fn too_little(
    case: &Case<'_>,
    minimum: &Minimum,
    subject: &str,
    name: &str,
    has: u64,
    remedy: &str,
) -> Option<Finding> {
    let needs = minimum.value.saturating_mul(MIB);
    if has >= needs {
        return None;
    }
    let (severity, doubt) = match minimum.confidence {
        Confidence::Confirmed => (Severity::Blocker, ""),
        Confidence::Partial | Confidence::Inferred => (Severity::Warning, ", as far as is known"),
    };
    let (product, line) = (case.facts.product, case.target.line());
    Some(Finding {
        severity,
        subject: subject.to_owned(),
        summary: format!("{name} is smaller than {product} {line} needs{doubt}"),
        observed: bytes(has),
        required: format!("{} ({})", bytes(needs), minimum.source),
        remedy: remedy.to_owned(),
    })
}

fn unknown(case: &Case<'_>, of: MinimumOf) -> Missing {
    let line = case.target.line();
    let page = case.catalog.page(PageKind::HardwareRequirements, line);
    let what = match of {
        MinimumOf::HeapMib => "heap",
        MinimumOf::FreeBesideHeapMib => "memory beside the heap",
        MinimumOf::Cpus | MinimumOf::MemoryMib => "hardware",
    };
    Missing::Unknown {
        what: format!("{what} {} {line} needs", case.facts.product),
        how_to_answer: lower_first(&answer_under(case, of.id(), page, "1024")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, host, java, judges, look, read, unread};

    const GIB: u64 = 1 << 30;

    /// The golden target's answers count as confirmed: 1024 MiB of heap, 2048 MiB beside it.
    fn with(heap: Option<u64>, memory: u64) -> Golden {
        let mut golden = golden();
        read(&mut java(&mut golden).options).max_heap_bytes = heap;
        host(&mut golden).memory_total_bytes = memory;
        golden
    }

    #[test]
    fn heap_and_memory_must_fit_together() {
        const B: Severity = Severity::Blocker;
        const W: Severity = Severity::Warning;
        let rows: Vec<Row> = vec![
            (with(Some(GIB), 16 * GIB), Ready, &[]),
            (with(Some(GIB - 1), 16 * GIB), Blocked, &[(B, "heap")]),
            (with(Some(12 * GIB), 16 * GIB), Ready, &[]),
            (with(Some(12 * GIB + 1), 16 * GIB), Warning, &[(W, "heap-share")]),
            (with(Some(14 * GIB + 1), 16 * GIB), Blocked, &[(B, "memory-beside-heap"), (W, "heap-share")]),
            (with(Some(u64::MAX), 16 * GIB), Blocked, &[(B, "memory-beside-heap"), (W, "heap-share")]),
            (with(None, 16 * GIB), Warning, &[(W, "heap")]),
            (with(Some(0), 0), Blocked, &[(B, "heap"), (B, "memory-beside-heap")]),
            (with(Some(GIB / 2), 16 * GIB).to("9.3.1"), Warning, &[(W, "heap")]),
            (with(Some(4 * GIB), 16 * GIB).to("77.0.0"), Unknown, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn names_the_script_where_it_is_known() {
        let mut golden = with(None, GIB);
        read(&mut java(&mut golden).options).place = "/opt/atlassian/confluence/bin/setenv.sh".into();
        let remedy = &look(&CHECK, &golden).findings[0].remedy;
        assert!(remedy.contains("/opt/atlassian/confluence/bin/setenv.sh"), "{remedy}");
    }

    #[test]
    fn options_that_could_not_be_read_are_unknown() {
        let mut golden = golden();
        java(&mut golden).options = unread();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }
}
