//! Does a virus scanner run that may stand in the way of the upgrade?

use std::collections::BTreeMap;

use super::wording::{counted, first_few, sign_off};
use crate::facts::{Installation, Search, Source};
use crate::model::{About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided};

pub(super) static CHECK: Check = Check {
    id: "antivirus",
    title: "No virus scanner in the way",
    category: Category::Preparation,
    products: Products::All,
    reads: &[Source::Host, Source::Installation],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The names of the running processes, among them known virus scanners and endpoint protection: ClamAV, Microsoft \
Defender, Sophos, CrowdStrike Falcon, Trend Micro, Trellix, Symantec, SentinelOne, Carbon Black, ESET, Kaspersky, \
Bitdefender, Cortex XDR, Elastic Defend and others.

## Why it matters

The upgrade writes and renames ten thousands of files. A scanner holds each of them open for a moment, which makes the \
upgrade slow, and some operations fail. The vendor's guide says to disable such a tool before upgrading when it is \
known to interfere.

## How to fix it

Ask who runs the scanner for exclusions of the directories the finding names, and agree who switches on-access scanning \
off during the upgrade; then sign the finding off. A scanner that only runs when it is called (`clamd` without \
`clamonacc`, for mail) can be signed off for long.

## What it needs

To see the processes of other users: not with `hidepid` on `/proc`, not from inside a container. What the installation \
source reads tells which directories are to be excluded. Scanners inside the kernel or on the storage are not seen.

## Settings

None.
";

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let host = case.facts.host()?;
    let installation = case.facts.installation()?;
    let scanners = host.scanners.read(Source::Host, "the list of running virus scanners")?;
    let mut by_product: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for scanner in scanners {
        by_product.entry(&scanner.product).or_default().push(&scanner.process);
    }
    if by_product.is_empty() {
        return Ok(Judgement::ready("none of the known virus scanners is among the running processes"));
    }
    let evidence = format!("{} running", counted(by_product.len() as u64, "known virus scanner"));
    let directories = directories(installation).join(", ");
    let found = by_product.into_iter().map(|(product, mut processes)| {
        processes.sort_unstable();
        processes.dedup();
        let subject = processes.first().copied().unwrap_or(product).to_owned();
        Finding {
            severity: Severity::Warning,
            summary: format!("{product} runs on the host and may hold files open during the upgrade"),
            observed: format!("processes: {}", first_few(processes.iter().copied(), processes.len() as u64)),
            required: "exclusions, and no on-access scanning while the upgrade runs".to_owned(),
            remedy: format!(
                "Ask whoever runs {product} to exclude {directories} and to switch on-access scanning off during the \
                 upgrade. When that is agreed: {}.",
                sign_off(case, CHECK.id, &subject)
            ),
            subject,
        }
    });
    Ok(Judgement::new(evidence, found.collect()))
}

/// The directories a scanner should leave alone; those inside another one are not repeated.
fn directories(installation: &Installation) -> Vec<&str> {
    let index = match &installation.search {
        Search::Lucene { index_dir } => Some(index_dir.as_str()),
        Search::OpenSearch | Search::None => None,
    };
    let shared = installation.cluster.as_ref().and_then(|cluster| cluster.shared_home_dir.as_deref());
    let (program, home) = (installation.installation_dir.as_str(), installation.home_dir.as_str());
    let others = [shared, installation.attachments_dir.as_deref(), index].into_iter().flatten();
    let mut all = vec![program, home];
    for directory in others {
        let inside = |outer: &&str| {
            directory
                .strip_prefix(outer.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !all.iter().any(inside) {
            all.push(directory);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Field, Scanner};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Ready, Unknown, Warning};
    use crate::rules::testing::{Spoil, host, installation, judges_spoilt, look, unread};

    const W: Severity = Severity::Warning;

    fn runs(golden: &mut Golden, scanners: &[(&str, &str)]) {
        let scanner = |(process, product): &(&str, &str)| Scanner {
            process: (*process).into(),
            product: (*product).into(),
        };
        host(golden).scanners = Field::Read(scanners.iter().map(scanner).collect());
    }

    #[test]
    fn every_scanner_asks_for_a_word() {
        let rows: &[Spoil] = &[
            ("none", |_| {}, Ready, &[]),
            ("one", |g| runs(g, &[("wdavdaemon", "Microsoft Defender")]), Warning, &[(W, "wdavdaemon")]),
            (
                "one with two processes, and another",
                |g| runs(g, &[("savscand", "Sophos"), ("clamd", "ClamAV"), ("savd", "Sophos")]),
                Warning,
                &[(W, "clamd"), (W, "savd")],
            ),
            ("processes are hidden", |g| host(g).scanners = unread(), Unknown, &[]),
            ("host off", |g| g.facts.switch_off(Source::Host), Unknown, &[]),
            ("directories not known", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn the_remedy_names_the_directories_and_the_command() {
        let mut golden = golden();
        runs(&mut golden, &[("clamonacc", "ClamAV")]);
        installation(&mut golden).search = Search::Lucene { index_dir: "/fast/index".into() };
        let text = look(&CHECK, &golden).text();
        let directories =
            "/opt/atlassian/confluence, /var/atlassian/application-data/confluence, /fast/index and";
        assert!(text.contains(directories), "{text}");
        assert!(text.contains("--subject clamonacc"), "{text}");
    }
}
