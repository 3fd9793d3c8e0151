//! May the service open enough files and start enough threads?

use crate::facts::{Missing, ServiceProcess, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "process-limits",
    title: "Enough open files and processes",
    category: Category::Platform,
    products: Products::All,
    reads: &[Source::Host],
    people: People::MayWaive,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The limits the kernel sets to the running service, from `/proc/<pid>/limits`: open files, and processes and threads of \
its user.

## Why it matters

After an upgrade the search index is rebuilt with many files open at once, and a new release starts more threads than \
the old one. At the limit requests fail with \"Too many open files\" or \"unable to create native thread\", and an index \
is left unfinished. The vendor's own health checks look at both limits too.

## How to fix it

`systemctl edit <service>` with `LimitNOFILE=` and `LimitNPROC=` under `[Service]`; for a service that is started by a \
script, lines for its user in `/etc/security/limits.conf`. Restart the service: limits are set when a process starts. \
The limits of a login shell are others and prove nothing.

## What it needs

The agent on the host of the instance, a running service, and the right to read its `/proc/<pid>/limits`, which is \
open to everybody unless `/proc` is mounted with `hidepid`.

## Settings

`open_files_minimum` and `processes_minimum`.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let service = case.facts.host()?.service.read(Source::Host, "the process of the service")?;
    let Some(process) = service else {
        return Err(Undecided::Missing(Missing::Unread {
            of: Source::Host,
            what: "the limits of the service".to_owned(),
            why: format!(
                "it does not run, and limits are set when it starts; `systemctl start {}`, or `systemctl list-units` \
                 to find its name",
                case.facts.product.id()
            ),
        }));
    };
    let limits = process.limits.read(Source::Host, "the limits of the service")?;
    let evidence = format!(
        "process {} of user {} may open {} files and start {} processes and threads",
        process.pid,
        process.user,
        amount(limits.open_files),
        amount(limits.processes)
    );
    let wanted = [
        Wanted {
            subject: "open-files",
            name: "open files",
            has: limits.open_files,
            least: case.policy.open_files_minimum,
            unit_key: "LimitNOFILE",
            limits_key: "nofile",
        },
        Wanted {
            subject: "processes",
            name: "processes and threads",
            has: limits.processes,
            least: case.policy.processes_minimum,
            unit_key: "LimitNPROC",
            limits_key: "nproc",
        },
    ];
    let found = wanted.iter().filter_map(|wanted| wanted.judge(case, process)).collect();
    Ok(Judgement::new(evidence, found))
}

struct Wanted {
    subject: &'static str,
    name: &'static str,
    has: Option<u64>,
    least: u64,
    unit_key: &'static str,
    limits_key: &'static str,
}

impl Wanted {
    fn judge(&self, case: &Case<'_>, process: &ServiceProcess) -> Option<Finding> {
        let Self { subject, name, has, least, unit_key, limits_key } = *self;
        let has = has.filter(|has| *has < least)?;
        let (user, unit) = (&process.user, case.facts.product.id());
        Some(Finding {
            severity: Severity::Warning,
            subject: subject.to_owned(),
            summary: format!("The service may have only {has} {name}"),
            observed: has.to_string(),
            required: format!("at least {least}"),
            remedy: format!(
                "Run `systemctl edit {unit}` (or the unit that starts process {}), write {unit_key}={least} under \
                 [Service], and restart the service. When a script starts it, write \"{user} - {limits_key} {least}\" into \
                 /etc/security/limits.conf instead.",
                process.pid
            ),
        })
    }
}

fn amount(limit: Option<u64>) -> String {
    limit.map_or_else(|| "any number of".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Field, Limits};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Row, host, judges, look, service, unread};

    fn with(open_files: Option<u64>, processes: Option<u64>) -> Golden {
        let mut golden = golden();
        service(&mut golden).limits = Field::Read(Limits { open_files, open_files_hard: None, processes });
        golden
    }

    #[test]
    fn limits_must_reach_the_least() {
        const FILES: (Severity, &str) = (Severity::Warning, "open-files");
        const PROCESSES: (Severity, &str) = (Severity::Warning, "processes");
        let rows: Vec<Row> = vec![
            (with(Some(8192), Some(4096)), Ready, &[]),
            (with(Some(8191), Some(4096)), Warning, &[FILES]),
            (with(Some(8192), Some(4095)), Warning, &[PROCESSES]),
            (with(Some(0), Some(0)), Warning, &[FILES, PROCESSES]),
            (with(None, None), Ready, &[]),
            (with(Some(1024), None), Warning, &[FILES]),
        ];
        judges(&CHECK, rows);
    }

    #[test]
    fn a_service_that_does_not_run_has_no_limits_to_read() {
        let mut golden = golden();
        service(&mut golden).limits = unread();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
        host(&mut golden).service = Field::Read(None);
        let seen = look(&CHECK, &golden);
        assert_eq!(seen.verdict, Unknown);
        assert!(seen.reason.contains("systemctl start confluence"), "{}", seen.reason);
        host(&mut golden).service = unread();
        assert_eq!(look(&CHECK, &golden).verdict, Unknown);
    }
}
