//! What changed between two status files.

use std::collections::BTreeMap;

use super::Differences;
use crate::surface::status::{CheckView, FindingView, InstanceView, StatusFile, TargetView};

pub(super) fn compare(a: &StatusFile, b: &StatusFile) -> Differences {
    let mut found = Differences::default();
    let name = |instance: &&InstanceView| instance.name.clone();
    for (name, a, b) in pairs(&a.instances, &b.instances, name) {
        let of = |view: Option<&InstanceView>| view.map(|view| view.verdict.id().to_owned());
        found.add(&name, of(a), of(b));
        let (Some(a), Some(b)) = (a, b) else { continue };
        found.add(format!("{name}: version"), a.version.clone(), b.version.clone());
        for (source, a, b) in pairs(&a.sources, &b.sources, |source| source.source.clone()) {
            let state = |view: &crate::surface::status::SourceView| {
                let error = view.error.as_ref().map(|error| format!(": {error}"));
                let state = serde_json::to_value(view.state).unwrap_or_default();
                format!("{}{}", state.as_str().unwrap_or_default(), error.unwrap_or_default())
            };
            found.add(format!("{name}: source {source}"), a.map(state), b.map(state));
        }
        for (target, a, b) in pairs(&a.targets, &b.targets, |target| target.requested.clone()) {
            compare_targets(&format!("{name} to {target}"), a, b, &mut found);
        }
    }
    found
}

fn compare_targets(path: &str, a: Option<&TargetView>, b: Option<&TargetView>, found: &mut Differences) {
    let verdict = |view: &TargetView| {
        let release = view.version.as_ref().map(|version| format!(" ({version})"));
        format!("{}{}", view.verdict.id(), release.unwrap_or_default())
    };
    found.add(path, a.map(verdict), b.map(verdict));
    let (Some(a), Some(b)) = (a, b) else { return };
    let blocks = |view: &TargetView| view.blocks_at.map(|at| at.to_string());
    found.add(format!("{path}: blocks at"), blocks(a), blocks(b));
    for (check, a, b) in pairs(&a.checks, &b.checks, |check| check.id.clone()) {
        let path = format!("{path}: {check}");
        let changed = a.map(|view| view.verdict) != b.map(|view| view.verdict);
        if changed {
            let told = |view: &CheckView| format!("{}: {}", view.verdict.id(), view.reason);
            found.add(&path, a.map(told), b.map(told));
        }
        let of = |view: Option<&'_ CheckView>| view.map(|view| view.findings.clone()).unwrap_or_default();
        let key = |finding: &&FindingView| format!("{}, {}", finding.subject, finding.severity.id());
        for (subject, a, b) in pairs(&of(a), &of(b), key) {
            let told = |view: &FindingView| {
                let waived = if view.waiver.is_some() { ", waived" } else { "" };
                format!("{}; seen: {}{waived}", view.summary, view.observed)
            };
            found.add(format!("{path}, {subject}"), a.map(told), b.map(told));
        }
    }
}

/// Entries of two lists by their names, in order.
fn pairs<'v, T>(
    a: &'v [T],
    b: &'v [T],
    name: impl Fn(&&'v T) -> String,
) -> Vec<(String, Option<&'v T>, Option<&'v T>)> {
    let mut by_name: BTreeMap<String, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for entry in a {
        by_name.entry(name(&entry)).or_default().0 = Some(entry);
    }
    for entry in b {
        by_name.entry(name(&entry)).or_default().1 = Some(entry);
    }
    by_name.into_iter().map(|(name, (a, b))| (name, a, b)).collect()
}
