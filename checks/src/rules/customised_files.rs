//! Which files of the installation were changed by hand and must be carried over?

mod carbon;
mod known;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use self::known::is_expected;
use self::known::{Known, known, rank};
use super::units::minute;
use super::wording::{counted, first_few};
use crate::facts::{ComparedWith, Differences, Family, Field, FileTree, Missing, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};

pub(super) static CHECK: Check = Check {
    id: "customised-files",
    title: "Files changed by hand",
    category: Category::Customisation,
    products: Products::All,
    reads: &[Source::Files],
    people: People::MaySignOff,
    about: About::Instance,
    explain: EXPLAIN,
    evaluate,
};

/// Findings that name a file; more are counted in one.
const NAMED: usize = 20;

const EXPLAIN: &str = "\
## What it looks at

Every file of the installation beside what it should be. The web application is compared with the hashes the vendor \
ships in it (`confluence/WEB-INF/classes/hash-registry.properties`). The rest, the application server with its \
`conf/server.xml` and `bin/setenv.sh`, is compared with an untouched copy of the installed release when the \
configuration names one, and else with the agent's own list of hashes from the day it looked first. What was changed \
before that day does not show then, and a notice says so. The list is begun anew when another release is installed, \
and at no other time.

Of a WSO2 Carbon product the whole home is compared with an untouched copy or the agent's own list, as the vendor ships no \
hashes. What other checks look at is left to them: configuration and scripts to `configuration-drift`, artifacts to \
`staging-copy`, bundles and patches to `osgi-bundles`. What remains is above all keystores and certificates in \
`repository/resources/security`, changed pages, and libraries.

Not taken for a finding, because every installation has it: `confluence-init.properties`, which names the home; JDBC \
drivers, which the check `database-driver` looks at; the files of the set-up wizard when they were removed. `logs`, `temp`, \
`work` and `conf/Catalina` are written by the running service and not compared. Of files larger than 1 GiB only the \
size is compared. Symbolic links are not followed: a link in the place of a file is a change.

## Why it matters

The upgrade puts a new program in the place of the old one. What was changed in the old one, from the proxy settings in \
`server.xml` over single sign-on in `seraph-config.xml` to the certificates in `cacerts`, is gone afterwards unless \
somebody does it again. See <https://confluence.atlassian.com/doc/upgrading-confluence-4578.html>.

## How to fix it

Make the same changes in the files of the new release; do not copy an old file over a new one, whose other content may \
have changed too. When a change is noted for the upgrade day, sign the finding off. What nobody needs any \
more: put the original back. What never matters: `ignore` in `[instance.files]`.

## What it needs

Read access to the whole installation: `setfacl -R -m u:upgrade-readiness:rX <installation>`. For everything \
outside the web application: the archive of the installed release, as `pristine` in `[instance.files]`; it is never \
unpacked.

## Settings

`pristine` and `ignore` in `[instance.files]`.
";

/// How a file differs from the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Modified,
    Added,
    Removed,
}

/// A file that differs, and where that shows.
struct Changed<'a> {
    change: Change,
    /// Relative to the root of its tree.
    inner: &'a str,
    compared_with: &'a ComparedWith,
}

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let trees = &case.facts.files()?.trees;
    let mut missing = Vec::new();
    let mut evidence = Vec::new();
    let mut changed: BTreeMap<String, Changed<'_>> = BTreeMap::new();
    let mut expected: Vec<String> = Vec::new();
    let mut unlisted = 0;
    let mut notices = Vec::new();
    let is_carbon = case.facts.product.family() == Family::Carbon;
    let (mut left, mut left_to) = (0_u64, BTreeSet::new());
    if trees.is_empty() {
        missing.push(unread("the files of the installation", "no part of it was compared with anything"));
    }
    for tree in trees {
        let differences = match &tree.differences {
            Field::Read(differences) => differences,
            Field::Unread(why) => {
                missing.push(unread(&format!("what differs in {}", tree.root), why));
                continue;
            }
        };
        if let Some(out) = &differences.out_of_reach {
            let why = format!("the first of {} is {}: {}", counted(out.count, "place"), out.first, out.why);
            missing.push(unread(&format!("a part of {}", tree.root), &why));
        }
        evidence.push(compared(tree, differences));
        let lists = [
            (Change::Modified, &differences.modified),
            (Change::Added, &differences.added),
            (Change::Removed, &differences.removed),
        ];
        for (change, list) in lists {
            unlisted += list.count.saturating_sub(list.paths.len() as u64);
            for inner in &list.paths {
                let path = format!("{}/{inner}", tree.root);
                if is_carbon && let Some(check) = carbon::looked_at_by(inner) {
                    left += 1;
                    left_to.insert(check);
                } else if is_expected(change, &path) {
                    if !expected.contains(&path) {
                        expected.push(path);
                    }
                } else {
                    // A file that two comparisons find is one finding.
                    let compared_with = &tree.compared_with;
                    changed.entry(path).or_insert(Changed { change, inner, compared_with });
                }
            }
        }
        notices.extend(baseline_notice(tree, case.facts.product.family()));
    }
    if !expected.is_empty() {
        let count = expected.len() as u64;
        let names = expected.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
        evidence.push(format!("changed as in every installation: {}", first_few(names, count)));
    }
    if left > 0 {
        let checks = left_to.into_iter().collect::<Vec<_>>().join(", ");
        evidence.push(format!("{} left to {checks}", counted(left, "changed file")));
    }
    let mut found = findings(changed, unlisted);
    found.extend(notices);
    conclude(evidence.join("; "), found, missing)
}

/// The most important by name, the rest in one.
fn findings(changed: BTreeMap<String, Changed<'_>>, unlisted: u64) -> Vec<Finding> {
    let mut changed: Vec<(String, Changed<'_>)> = changed.into_iter().collect();
    changed.sort_by(|(a, one), (b, other)| (rank(a, one.change), a).cmp(&(rank(b, other.change), b)));
    let rest = changed.split_off(changed.len().min(NAMED));
    let mut found: Vec<Finding> = changed.iter().map(|(path, changed)| finding(path, changed)).collect();
    let more = rest.len() as u64 + unlisted;
    if more > 0 {
        let names = first_few(rest.iter().map(|(path, _)| path.as_str()), more);
        found.push(Finding {
            severity: Severity::Warning,
            subject: "other files".to_owned(),
            summary: format!("{} differ too", counted(more, "more file")),
            observed: names,
            required: "each is carried over, put back or known to be of no use".to_owned(),
            remedy: "So many are rarely changed by hand: look whether the untouched copy and the list of hashes are \
                     of the installed release, and leave out what does not matter with ignore in [instance.files]."
                .to_owned(),
        });
    }
    found
}

fn finding(path: &str, changed: &Changed<'_>) -> Finding {
    let Changed { change, inner, compared_with } = changed;
    let known = known(path);
    let holds = known.map_or(String::new(), |known| format!(" Usually in it: {}.", known.holds));
    let (summary, observed, required, remedy) = match change {
        Change::Modified => (
            format!("{path} was changed by hand"),
            format!("another content than {}", reference(compared_with)),
            "the same changes in the file of the new release".to_owned(),
            format!("{}{holds}", redo(path, inner, compared_with, known)),
        ),
        Change::Added => (
            format!("{path} does not come with the release"),
            format!("not in {}", reference(compared_with)),
            "the file in the new installation, if it is still needed".to_owned(),
            format!(
                "{}{holds}",
                known.and_then(|known| known.redo).map_or_else(
                    || format!("Find out what it is for; when it is needed, copy {path} to the same place in the new installation, else delete it now."),
                    |redo| redo.replace("{path}", path)
                )
            ),
        ),
        Change::Removed => (
            format!("{path} was removed"),
            format!("gone, while it is in {}", reference(compared_with)),
            "removed again after the upgrade, if that is meant".to_owned(),
            format!(
                "The upgrade brings it back. When it was removed on purpose, remove it again afterwards; when not, take it \
                 from the archive of the installed release.{holds}"
            ),
        ),
    };
    Finding { severity: Severity::Warning, subject: path.to_owned(), summary, observed, required, remedy }
}

/// How to do a change again.
fn redo(path: &str, inner: &str, compared_with: &ComparedWith, known: Option<&Known>) -> String {
    if let Some(redo) = known.and_then(|known| known.redo) {
        return redo.replace("{path}", path);
    }
    let see = match compared_with {
        ComparedWith::Pristine(copy) if has_ending(copy, "zip") => {
            format!("`unzip -p {copy} '*/{inner}' | diff - {path}` shows the changes.")
        }
        ComparedWith::Pristine(copy) if (has_ending(copy, "gz") || has_ending(copy, "tgz")) => {
            format!("`tar -xzOf {copy} --wildcards '*/{inner}' | diff - {path}` shows the changes.")
        }
        ComparedWith::Pristine(copy) => format!("`diff {copy}/{inner} {path}` shows the changes."),
        ComparedWith::VendorHashes(_) | ComparedWith::Baseline(_) => {
            "The same file in the archive of the installed release shows what was changed.".to_owned()
        }
    };
    format!("{see} Note them, and make them again in the file of the new release after the upgrade.")
}

fn has_ending(path: &str, ending: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case(ending))
}

fn reference(compared_with: &ComparedWith) -> String {
    match compared_with {
        ComparedWith::VendorHashes(_) => "the vendor's list of hashes".to_owned(),
        ComparedWith::Pristine(copy) => format!("the untouched copy {copy}"),
        ComparedWith::Baseline(since) => format!("the agent's list of hashes of {}", minute(*since)),
    }
}

fn compared(tree: &FileTree, differences: &Differences) -> String {
    let strange = match differences.strange_entries {
        0 => String::new(),
        count => format!(" (in which {} can be no file there)", counted(count, "path")),
    };
    format!(
        "{} of {} beside {}{strange}",
        counted(differences.compared, "file"),
        tree.root,
        reference(&tree.compared_with)
    )
}

fn baseline_notice(tree: &FileTree, family: Family) -> Option<Finding> {
    let ComparedWith::Baseline(since) = &tree.compared_with else { return None };
    let remedy = match family {
        Family::Confluence => {
            "Download the archive of the installed release (.tar.gz) from \
             <https://www.atlassian.com/software/confluence/download-archives>, put it on this host and name it: \
             [instance.files] pristine = \"/srv/atlassian-confluence-<release>.tar.gz\". It is not unpacked. A Java that the \
             installer brought is in no archive: what was imported into its cacerts, `keytool -list -keystore` shows."
        }
        Family::Carbon => {
            "Put the archive the installed release was unpacked from on this host and name it: [instance.files] pristine = \
             \"/srv/wso2carbon-<release>.zip\". It is not unpacked."
        }
    };
    Some(Finding {
        severity: Severity::Notice,
        subject: tree.root.clone(),
        summary: format!("What was changed in {} before {} does not show", tree.root, minute(*since)),
        observed: format!("compared with the agent's own list of hashes of {}", minute(*since)),
        required: "an untouched copy of the installed release to compare with".to_owned(),
        remedy: remedy.to_owned(),
    })
}

fn unread(what: &str, why: &str) -> Missing {
    Missing::Unread { of: Source::Files, what: what.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
