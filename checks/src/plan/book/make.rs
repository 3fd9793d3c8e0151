//! Makes a book from facts.

use super::{Book, StopReport};
use crate::facts::{Missing, Snapshot, Source};
use crate::model::{Severity, Target, Verdict};
use crate::plan::way::{self, Method, NoWay, Way, on_arrival};
use crate::report::{Judge, Report};

/// Makes the run book of an instance to a target; an error when the running release is not known.
///
/// Without a method the one is taken that suits the installation.
pub fn make(
    judge: Judge<'_>,
    facts: &Snapshot,
    target: &Target,
    method: Option<Method>,
) -> Result<Book, Missing> {
    let installation = facts.installation()?;
    let running = installation.version.read(Source::Installation, "the running version")?;
    let method = method.unwrap_or(Method::Installer);
    let mut sitting = judge.sitting(facts);
    let report = sitting.judge(target);
    let blocks = sitting.blocks_after(target, &report);
    let way = way::find(&judge, facts, target, method)?;
    Ok(Book {
        instance: facts.instance.clone(),
        product: facts.product,
        running: running.clone(),
        target: target.version.clone(),
        method,
        made_for: Vec::new(),
        facts_of: facts.taken_at,
        planned_for: judge.plan.day,
        verdict: report.verdict,
        blocks,
        stops: stop_reports(judge, facts, &way, &report),
        way,
        sections: Vec::new(),
        downtime: None,
        since_staging: None,
        marks_elsewhere: Vec::new(),
    })
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
