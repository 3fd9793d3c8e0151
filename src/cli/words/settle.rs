//! What a person's word is about: a finding there is now, or a check that cannot tell.

use jiff::Timestamp;
use upgrade_readiness_checks::model::{Check, People, Verdict, fingerprint};

use super::{command, described, done, target_version};
use crate::cli::output::advise;
use crate::store::{Kind, Subject, Word};
use crate::surface::status::{Age, CheckView, FindingView, Selection, StatusFile, age, printable};

/// What somebody wants to say.
pub(super) struct Wanted<'a> {
    pub(super) kind: Kind,
    pub(super) check: &'static Check,
    pub(super) instance: &'a str,
    pub(super) subject: Option<&'a str>,
    pub(super) target: Option<&'a str>,
}

/// What it is about, and what was seen of it; refuses what nobody may say and what is not found now.
pub(super) fn settle(
    wanted: &Wanted<'_>,
    file: &StatusFile,
    existing: &[(Kind, Word)],
    now: Timestamp,
) -> anyhow::Result<(Subject, Option<String>)> {
    let Wanted { kind, check, instance, subject, target } = *wanted;
    may_say(kind, check, subject)?;
    match age(file, now) {
        Age::Fresh(_) => {}
        Age::Stale(_) | Age::Future(_) => {
            return Err(advise(
                anyhow::anyhow!(
                    "what is found now is not known: the status file is of {:.0}",
                    file.written_at
                ),
                "Start the daemon with `systemctl start upgrade-readiness-agent`, and see why it does not write.",
            ));
        }
    }
    let selection = file
        .select(Some(instance), target)
        .map_err(|error| advise(error, "Leave --target out to speak of all, or name one of these."))?;
    let version = target.map(|asked| target_version(Some(file), instance, asked)).transpose()?;
    let about =
        Subject { check: check.id.to_owned(), subject: subject.map(ToOwned::to_owned), target: version };
    let renewed = existing.iter().find(|(known, word)| *known == kind && word.about == about);
    let Some(subject) = subject else {
        if renewed.is_some() || views(&selection, check).any(|view| view.verdict == Verdict::Unknown) {
            return Ok((about, None));
        }
        return Err(advise(
            anyhow::anyhow!("{} can tell by itself, so there is nothing to say for it as a whole", check.id),
            advice_on_subjects(wanted, &selection),
        ));
    };
    let found = || findings(&selection, check).filter(|finding| finding.subject == subject);
    let print = |finding: &FindingView| fingerprint(finding.severity, &finding.observed);
    let mut seen: Vec<String> = found().map(print).collect();
    seen.sort_unstable();
    seen.dedup();
    match (kind, seen.as_slice(), renewed) {
        // What is done may be another thing for each target; the gravest of them is settled with the others.
        (Kind::SignOff, [_, ..], _) => Ok((about, found().max_by_key(|finding| finding.severity).map(print))),
        // Settled findings are not found any more; saying it again renews the word.
        (Kind::SignOff, [], Some((_, word))) => Ok((about, word.seen.clone())),
        (Kind::Waiver, [one], _) => Ok((about, Some(one.clone()))),
        (Kind::Waiver, [_, _, ..], _) => Err(advise(
            anyhow::anyhow!("{} is another thing for each target", described(&about)),
            "Name one with --target, and the next with a command of its own.",
        )),
        (_, [], _) => Err(advise(
            anyhow::anyhow!("{} finds nothing about {:?} now", check.id, printable(subject)),
            advice_on_subjects(wanted, &selection),
        )),
    }
}

fn may_say(kind: Kind, check: &Check, subject: Option<&str>) -> anyhow::Result<()> {
    let id = check.id;
    match (check.people, kind, subject) {
        (People::MaySayNothing, _, _) => Err(advise(
            anyhow::anyhow!(
                "{id} cannot be {}: the product itself refuses there, or data is lost, whatever anybody says",
                done(kind)
            ),
            format!("Mend what it finds; `agent explain {id}` tells how."),
        )),
        (People::MayWaive, Kind::SignOff, Some(_)) => Err(advise(
            anyhow::anyhow!("what {id} finds is no task that is done by saying so"),
            format!("Mend it (`agent explain {id}`), or live with it for a time: `agent waive {id} …`."),
        )),
        (_, Kind::Waiver, None) => Err(advise(
            anyhow::anyhow!("--subject is missing: one finding is waived at a time"),
            format!("Add --subject with what `agent status` names beside {id}."),
        )),
        (People::MayWaive | People::MaySignOff, _, _) => Ok(()),
    }
}

fn advice_on_subjects(wanted: &Wanted<'_>, selection: &Selection<'_>) -> String {
    let mut subjects: Vec<String> =
        findings(selection, wanted.check).map(|finding| printable(&finding.subject)).collect();
    subjects.sort_unstable();
    subjects.dedup();
    if subjects.is_empty() {
        return format!("It finds nothing now; there is nothing to {}.", command(wanted.kind));
    }
    let rest = subjects.len().saturating_sub(20);
    subjects.truncate(20);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("Name with --subject what it finds: {}{more}.", subjects.join(", "))
}

fn views<'a>(selection: &Selection<'a>, check: &'static Check) -> impl Iterator<Item = &'a CheckView> {
    let targets: Vec<_> =
        selection.instances.iter().flat_map(|(_, targets)| targets.iter().copied()).collect();
    targets.into_iter().flat_map(|target| &target.checks).filter(|view| view.id == check.id)
}

fn findings<'a>(selection: &Selection<'a>, check: &'static Check) -> impl Iterator<Item = &'a FindingView> {
    views(selection, check).flat_map(|view| &view.findings)
}
