//! Makes a book from facts.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::parts::{Estimate, Section, SectionKind};
use super::site::Site;
use super::{Book, StopReport, carbon, confluence, staging, sum};
use crate::facts::{Family, Missing, Snapshot, Source};
use crate::model::{Severity, Target, Verdict};
use crate::plan::way::{self, Method, NoWay, Way, on_arrival};
use crate::report::{Judge, Report};

/// Makes the run book of an instance to a target; an error when the running release is not known.
///
/// Without a method the one is taken by which the program came onto the host.
pub fn make(
    judge: Judge<'_>,
    facts: &Snapshot,
    target: &Target,
    method: Option<Method>,
) -> Result<Book, Missing> {
    let installation = facts.installation()?;
    let running = installation.version.read(Source::Installation, "the running version")?;
    let site = Site::of(facts, installation);
    let asked = method;
    let method = match facts.product.family() {
        Family::Confluence => asked.unwrap_or_else(|| site.usual_method()),
        // There is neither an installer nor a way to upgrade node by node.
        Family::Carbon => Method::Archive,
    };
    let mut sitting = judge.sitting(facts);
    let report = sitting.judge(target);
    let blocks = sitting.blocks_after(target, &report);
    let way = way::find(&judge, facts, target, method)?;
    let staging = Site::of_staging(facts, installation);
    let desk = Desk {
        judge,
        facts,
        site: &site,
        production: &site,
        running,
        target,
        report: &report,
        way: &way,
        method,
        asked,
    };
    let sections = sections(&desk, &Desk { site: &staging, ..desk });
    let known: BTreeSet<&str> =
        sections.iter().flat_map(|section| &section.steps).map(|step| step.id.as_str()).collect();
    let marks = facts.memory.steps.iter().filter(|mark| mark.target == target.version);
    Ok(Book {
        instance: facts.instance.clone(),
        product: facts.product,
        running: running.clone(),
        target: target.version.clone(),
        method,
        made_for: made_for(&desk),
        not_seen: not_seen(&desk),
        facts_of: facts.taken_at,
        planned_for: judge.plan.day,
        verdict: report.verdict,
        blocks,
        stops: stop_reports(judge, facts, &way, &report),
        downtime: downtime(&sections),
        since_staging: staging::since(&desk),
        marks_elsewhere: marks.filter(|mark| !known.contains(mark.step.as_str())).cloned().collect(),
        sections,
        way,
    })
}

fn sections(desk: &Desk<'_>, on_staging: &Desk<'_>) -> Vec<Section> {
    match desk.facts.product.family() {
        Family::Confluence => confluence::sections(desk, on_staging),
        // Both homes of a Carbon product stand beside each other: its steps on staging name what they need themselves.
        Family::Carbon => carbon::sections(desk),
    }
}

fn made_for(desk: &Desk<'_>) -> Vec<(String, String)> {
    match desk.facts.product.family() {
        Family::Confluence => desk.site.made_for(),
        Family::Carbon => carbon::made_for(desk),
    }
}

/// What could not be seen: what stands in capitals, and what the way had to leave out.
fn not_seen(desk: &Desk<'_>) -> Vec<String> {
    let unseen = desk.way.as_ref().map_or(&[][..], |way| &way.unseen);
    let of_product = match desk.facts.product.family() {
        Family::Confluence => Vec::new(),
        Family::Carbon => carbon::not_seen(desk),
    };
    desk.site.gaps.iter().chain(unseen).cloned().chain(of_product).collect()
}

/// All that users have to wait for, together.
fn downtime(sections: &[Section]) -> Option<Estimate> {
    let production = sections.iter().filter(|section| section.kind == SectionKind::Production);
    let steps = production.flat_map(|section| &section.steps).filter(|step| step.outage);
    let known: Vec<&Estimate> = steps.clone().filter_map(|step| step.time.as_ref()).collect();
    let unknown = steps.count() - known.len();
    let from_staging = known.iter().filter(|estimate| estimate.ground.starts_with("as on staging")).count();
    let total = sum(known.iter().map(|estimate| estimate.time))?;
    let ground = format!(
        "the sum of {} steps in which users cannot work, {from_staging} of them measured on staging; {unknown} more take a \
         moment each",
        known.len()
    );
    Some(Estimate { time: total, ground })
}

/// Each stop, judged on what will be there when it is reached. Without a way, the target alone.
fn stop_reports(
    judge: Judge<'_>,
    facts: &Snapshot,
    way: &Result<Way, NoWay>,
    report: &Report,
) -> Vec<StopReport> {
    let way = match way {
        Ok(way) if way.stops.len() > 1 || !way.before.is_empty() => way,
        Ok(_) | Err(_) => return vec![stop_report(report)],
    };
    let judged = way.stops.iter().enumerate().map(|(index, stop)| {
        let arrived = on_arrival(facts, way, index);
        let mut sitting = judge.sitting(&arrived);
        stop_report(&sitting.judge(&way::target_of(judge.catalog, &stop.version)))
    });
    judged.collect()
}

fn stop_report(report: &Report) -> StopReport {
    let counted = report.checks.iter().flat_map(|check| {
        check
            .findings
            .iter()
            .filter(|dated| dated.counts() && dated.finding.severity > Severity::Notice)
            .map(|dated| (dated.finding.severity, check.id, dated.finding.summary.clone()))
    });
    let mut findings: Vec<_> = counted.collect();
    findings.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let unknown = report
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Unknown)
        .map(|check| (check.id, check.reason.clone()))
        .collect();
    StopReport { version: report.version.clone(), verdict: report.verdict, findings, unknown }
}
