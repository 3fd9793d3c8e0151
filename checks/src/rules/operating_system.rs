//! Does the target support this operating system, and does anybody still maintain it?

use super::support::{Candidate, supported_by_target};
use super::units::in_days;
use crate::catalog::{Component, Cycle, Standing};
use crate::facts::{OperatingSystem, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "operating-system",
    title: "An operating system that is supported",
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

The distribution and its version (`/etc/os-release`) or the family of operating systems, beside what the catalog knows \
of the target; and the day on which support of that version ends, free support and paid or long-term support.

## Why it matters

An operating system without fixes is a risk of its own, and its libraries and Java packages grow too old for new \
releases. Moving the instance to another host is best done apart from the upgrade, so it has to be known early. Supported \
systems: <https://confluence.atlassian.com/doc/supported-platforms-207488198.html>; ends of support: <https://endoflife.date>.

## How to fix it

Upgrade the distribution, or move the instance to a new host, some weeks before the upgrade. The end of an operating \
system's support never blocks; that is for you to decide.

## What it needs

The agent on the host of the instance.

## Settings

`support_warn_days`: how many days before the end it warns. `operating-system` under `[requirements.\"<line>\"]`: \
families (`linux`, `windows`), distributions (`debian`), or distributions with version (`debian 12`, `rhel 9`).
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let os = &case.facts.host()?.os;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    let ask = Candidate {
        component: Component::OperatingSystem,
        value: &closest_name(case, os),
        name: &os.name,
        subject: "system",
        remedy: "Move the instance to a host with a supported operating system before the upgrade.",
    };
    match supported_by_target(case, ask) {
        Ok(finding) => found.extend(finding),
        Err(unknown) => missing.push(unknown),
    }
    let (support, finding) = support_of(case, os);
    found.extend(finding);
    conclude(format!("{} ({}), {support}", os.name, os.architecture), found, missing)
}

/// The name to ask the catalog by: the most special one it supports, else the family.
///
/// A list of families says nothing of distributions, so a distribution that is not on it is not thereby excluded.
fn closest_name(case: &Case<'_>, os: &OperatingSystem) -> String {
    let mut names = Vec::new();
    if let Some(id) = &os.id {
        if let Some(version) = &os.version {
            names.push(format!("{id} {version}"));
            names.extend(version.split_once('.').map(|(major, _)| format!("{id} {major}")));
        }
        names.push(id.clone());
    }
    let line = case.target.line();
    let supported = |name: &String| {
        case.catalog.ruling(Component::OperatingSystem, name, line).standing == Standing::Supported
    };
    names.into_iter().find(supported).unwrap_or_else(|| os.family.clone())
}

/// What is known of the system's support, and what follows from it.
fn support_of(case: &Case<'_>, os: &OperatingSystem) -> (String, Option<Finding>) {
    let notice = |summary: String, observed: String| Finding {
        severity: Severity::Notice,
        subject: "support".to_owned(),
        summary,
        observed,
        required: "an operating system that gets security fixes".to_owned(),
        remedy: "Make sure that it is still maintained on the day of the upgrade.".to_owned(),
    };
    let (Some(id), Some(version)) = (&os.id, &os.version) else {
        let summary = format!("{} states no version, so the end of its support is not known", os.name);
        return ("which states no version".to_owned(), Some(notice(summary, os.kernel.clone())));
    };
    let Some(cycle) = case.catalog.cycle(id, version) else {
        let summary = format!("The end of support of {} is not known to the catalog", os.name);
        return (
            "whose end of support is not known".to_owned(),
            Some(notice(summary, format!("{id} {version}"))),
        );
    };
    match cycle.end_of_life {
        None => ("with no end of support set".to_owned(), None),
        Some(end) => (format!("supported until {end}"), ending(case, os, cycle, end)),
    }
}

fn ending(case: &Case<'_>, os: &OperatingSystem, cycle: &Cycle, end: jiff::civil::Date) -> Option<Finding> {
    let left = case.days_until(end);
    if left > i64::from(case.policy.support_warn_days) {
        return None;
    }
    let name = &os.name;
    let when = in_days(left);
    let summary = match cycle.extended_end {
        _ if left >= 0 => format!("Support of {name} ends on {end}, {when}"),
        Some(extended) if case.days_until(extended) >= 0 => {
            format!(
                "Free support of {name} ended on {end}; only paid or long-term support goes on, until {extended}"
            )
        }
        Some(extended) => {
            format!("Nobody maintains {name} any more: all support ended by {}", extended.max(end))
        }
        None => format!("Support of {name} ended on {end}, {when}: it gets no security fixes"),
    };
    Some(Finding {
        severity: Severity::Warning,
        subject: "support".to_owned(),
        summary,
        observed: format!("end of support: {end}"),
        required: format!("more than {} days of support after the upgrade", case.policy.support_warn_days),
        remedy: "Upgrade the distribution or move the instance to a newer host, some weeks before its own upgrade; do \
                 not do both in one night."
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Answers, Catalog};
    use crate::facts::Product;
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{Row, days_after, host, judges, look};
    use crate::version::Line;

    const W: (Severity, &str) = (Severity::Warning, "support");
    const N: (Severity, &str) = (Severity::Notice, "support");

    fn on(id: Option<&str>, version: Option<&str>) -> Golden {
        let mut golden = golden();
        let os = &mut host(&mut golden).os;
        os.id = id.map(ToOwned::to_owned);
        os.version = version.map(ToOwned::to_owned);
        golden
    }

    fn debian() -> Cycle {
        golden().catalog.cycle("debian", "12").unwrap().clone()
    }

    /// So many days after free support of Debian 12 has ended.
    fn at(days: i64) -> Golden {
        days_after(debian().end_of_life.unwrap(), days)
    }

    /// So many days after long-term support of Debian 12 has ended.
    fn later(days: i64) -> Golden {
        days_after(debian().extended_end.unwrap(), days)
    }

    /// The golden target, with one answer to what it supports.
    fn answered(mut golden: Golden, supported: &str) -> Golden {
        let key = (Line { major: 9, minor: 2 }, Component::OperatingSystem);
        let supported = [(key, vec![supported.parse().unwrap()])].into();
        let answers = Answers { supported, ..Answers::default() };
        golden.catalog = Catalog::embedded(Product::Confluence).with_answers(answers);
        golden
    }

    #[test]
    fn the_end_of_support_warns() {
        let rows: Vec<Row> = vec![
            (golden(), Ready, &[]),
            (at(-181), Ready, &[]),
            (at(-180), Warning, &[W]),
            (at(1), Warning, &[W]),
            (later(1), Warning, &[W]),
            (on(Some("debian"), Some("7")), Warning, &[W]),
            (on(Some("debian"), None), Ready, &[N]),
            (on(None, None), Ready, &[N]),
            (on(Some("templeos"), Some("5.3")), Ready, &[N]),
            (on(Some("ubuntu"), Some("24.04")), Ready, &[]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn words_grow_stronger_with_time() {
        let rows = vec![
            (at(0), "ends on"),
            (at(1), "only paid or long-term"),
            (later(0), "only paid or long-term"),
            (later(1), "Nobody maintains"),
        ];
        for (golden, words) in rows {
            let summary = &look(&CHECK, &golden).findings[0].summary;
            assert!(summary.contains(words), "{words}: {summary}");
        }
    }

    #[test]
    fn the_target_decides_by_distribution_or_family() {
        const B: (Severity, &str) = (Severity::Blocker, "system");
        let freebsd = |mut golden: Golden| {
            host(&mut golden).os.family = "freebsd".into();
            golden
        };
        let rows: Vec<Row> = vec![
            (answered(golden(), "debian 12"), Ready, &[]),
            (answered(golden(), "debian"), Ready, &[]),
            (answered(golden(), "linux"), Ready, &[]),
            (answered(on(Some("rhel"), Some("9.4")), "rhel 9"), Ready, &[]),
            (answered(golden(), "debian 11"), Blocked, &[B]),
            (freebsd(golden()), Blocked, &[B]),
            // The vendor's own images are Linux; of other families, and of the newest line, less is known.
            (golden().to("8.5.4"), Ready, &[]),
            (golden().to("10.2.1"), Ready, &[]),
            (freebsd(golden().to("10.2.1")), Warning, &[(Severity::Warning, "system")]),
            (golden().to("11.0.0"), Unknown, &[]),
        ];
        judges(&CHECK, rows);
    }
}
