//! The fleet: what many agents say of many instances, put together.
//!
//! Of an instance that several nodes report the gravest verdict counts. A node that is expected and says nothing, and a
//! report too old to be believed, make the instance "cannot tell", whatever the others say: only what is known to
//! block outweighs that.

mod markdown;
mod page;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use upgrade_readiness_checks::model::Verdict;

pub use markdown::render_fleet_markdown;
pub use page::render_fleet_page;
pub use text::render_fleet_text;

use crate::board::fleet::{Entry, FleetReading, Paper, PaperFinding, PaperTarget};
use crate::surface::status::{count, length};

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// More findings of a target are left out.
const MOST_FINDINGS: usize = 40;

/// What is known of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Fleet of the upgrade readiness agent")]
pub struct FleetFile {
    /// Version of this format: `1.0`.
    pub format_version: String,
    /// When the shared store was read.
    pub read_at: Timestamp,
    /// Where it is.
    pub store: String,
    /// What all instances together amount to.
    pub verdict: Verdict,
    /// Whether there were more reports than are read; then this is not the whole fleet.
    pub more: bool,
    /// The instances, the gravest first.
    pub instances: Vec<FleetInstanceView>,
}

/// One instance, as all agents that watch it say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetInstanceView {
    /// Its name.
    pub name: String,
    /// Its product; `unknown` when nobody can say.
    pub product: String,
    /// Versions that run, one when all nodes run the same.
    pub versions: Vec<String>,
    /// What follows for the upgrade.
    pub verdict: Verdict,
    /// How many nodes it should have; null when nobody said.
    pub nodes_expected: Option<u64>,
    /// Why not everything that should be known is known.
    pub doubts: Vec<String>,
    /// Its targets.
    pub targets: Vec<FleetTargetView>,
    /// What each agent says.
    pub reports: Vec<ReportView>,
}

/// One target of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetTargetView {
    /// As it is written in the configuration.
    pub requested: String,
    /// The release it stands for; null when it stands for none, or for different ones.
    pub version: Option<String>,
    /// What follows for the upgrade.
    pub verdict: Verdict,
    /// The first moment at which it will be blocked; null when none is known.
    pub blocks_at: Option<Timestamp>,
    /// The check that will block it then.
    pub blocks_because: Option<String>,
    /// Things that block it, on the node with the most of them.
    pub blockers: u64,
    /// Things somebody must decide, on the node with the most of them.
    pub warnings: u64,
    /// Checks that could not look, on the node with the most of them.
    pub unknown: u64,
    /// The gravest findings.
    pub findings: Vec<FleetFindingView>,
}

/// One thing between an instance and a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetFindingView {
    /// What follows from it.
    pub verdict: Verdict,
    /// Id of its check.
    pub check: String,
    /// What is wrong, or what could not be seen.
    pub summary: String,
    /// The nodes or hosts that say so.
    pub said_by: Vec<String>,
}

/// What one agent says of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportView {
    /// Id of the agent.
    pub agent: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub agent_version: String,
    /// The node it is on; null where there is one agent.
    pub node: Option<String>,
    /// Whether it counts.
    pub state: ReportState,
    /// Why it does not count.
    pub reason: Option<String>,
    /// How long ago it was judged, as an ISO 8601 duration; null when that cannot be told.
    pub age: Option<SignedDuration>,
    /// What it said.
    pub verdict: Verdict,
    /// Sources that did not answer recently.
    pub sources_down: Vec<String>,
    /// Sources it asks for all nodes.
    pub leads: Vec<String>,
}

/// Whether a report counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportState {
    /// It does.
    Fresh,
    /// It is too old to be believed.
    Stale,
    /// It cannot be read.
    Unreadable,
}

impl ReportView {
    /// What it is called: its node, else its host.
    #[must_use]
    pub fn name(&self) -> &str {
        let host = if self.host.is_empty() { &self.agent } else { &self.host };
        self.node.as_deref().unwrap_or(host)
    }
}

/// The JSON schema of a fleet.
#[must_use]
pub fn fleet_schema() -> schemars::Schema {
    schemars::schema_for!(FleetFile)
}

/// A fleet as JSON.
#[must_use]
pub fn render_fleet_json(fleet: &FleetFile) -> String {
    // A fleet consists of what JSON can say.
    serde_json::to_string_pretty(fleet).unwrap_or_default() + "\n"
}

/// Puts together what was read, as it is at `now`: a reading that was not renewed grows old with all that is in it.
#[must_use]
pub fn view_fleet(reading: &FleetReading, store: &str, now: Timestamp) -> FleetFile {
    let since = now.duration_since(reading.read_at);
    let mut by_name: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for entry in &reading.entries {
        // A clock that was set back since cannot tell how old it is.
        let age = entry.age.filter(|_| !since.is_negative()).map(|age| age.saturating_add(since));
        by_name.entry(&entry.instance).or_default().push(Entry { age, ..entry.clone() });
    }
    let mut instances: Vec<FleetInstanceView> =
        by_name.into_iter().map(|(name, entries)| view_instance(name, &entries)).collect();
    instances.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.name.cmp(&b.name)));
    let verdicts = instances.iter().map(|instance| instance.verdict);
    let verdicts = verdicts.chain(reading.more.then_some(Verdict::Unknown));
    FleetFile {
        format_version: FORMAT_VERSION.to_owned(),
        read_at: reading.read_at,
        store: store.to_owned(),
        verdict: Verdict::roll_up(verdicts),
        more: reading.more,
        instances,
    }
}

fn view_instance(name: &str, entries: &[Entry]) -> FleetInstanceView {
    let reports: Vec<ReportView> = entries.iter().map(view_report).collect();
    let fresh: Vec<(&ReportView, &Paper)> = reports
        .iter()
        .zip(entries)
        .filter(|(report, _)| report.state == ReportState::Fresh)
        .filter_map(|(report, entry)| Some((report, entry.paper.as_deref().ok()?)))
        .collect();
    // What a stale report said last still tells what to expect.
    let readable = || entries.iter().filter_map(|entry| entry.paper.as_deref().ok());
    let nodes_expected = readable().filter_map(|paper| paper.nodes).max();
    let mut doubts: Vec<String> = reports
        .iter()
        .filter(|report| report.state != ReportState::Fresh)
        .map(|report| {
            let reason = report.reason.as_deref().unwrap_or_default();
            format!("{}: {reason}", report.name())
        })
        .collect();
    let products: BTreeSet<&str> = fresh.iter().map(|(_, paper)| paper.product.as_str()).collect();
    if products.len() > 1 {
        doubts.push(format!(
            "agents say different products: {}; instances of a fleet need different names",
            list(products.iter().copied())
        ));
    }
    let nodes: BTreeSet<&str> = fresh.iter().filter_map(|(_, paper)| paper.node.as_deref()).collect();
    if let Some(expected) = nodes_expected
        // An agent that names no node has seen one of them.
        && let seen = nodes.len().max(fresh.len().min(1))
        && (seen as u64) < expected
    {
        let names =
            if nodes.is_empty() { String::new() } else { format!(" ({})", list(nodes.iter().copied())) };
        doubts.push(format!(
            "{seen} of {expected} nodes report{names}; start the agent on the others, each with its [instance.cluster] node"
        ));
    }
    if fresh.len() > nodes.len() && fresh.len() > 1 {
        doubts.push(
            "several agents report it without a node of its own each: give each [instance.cluster] node another name, or \
             the instances different names"
                .to_owned(),
        );
    }
    let targets = view_targets(&fresh, !doubts.is_empty());
    // A report lists a limited number of targets, and says what all of them amount to.
    let of_reports = fresh.iter().map(|(_, paper)| paper.verdict);
    let of_targets = targets.iter().map(|target| target.verdict);
    let verdict = Verdict::roll_up(
        of_targets.chain(of_reports).chain((!doubts.is_empty()).then_some(Verdict::Unknown)),
    );
    let versions: BTreeSet<String> = fresh.iter().filter_map(|(_, paper)| paper.version.clone()).collect();
    FleetInstanceView {
        name: name.to_owned(),
        product: readable().next().map_or_else(|| "unknown".to_owned(), |paper| paper.product.clone()),
        versions: versions.into_iter().collect(),
        verdict,
        nodes_expected,
        doubts,
        targets,
        reports,
    }
}

fn view_report(entry: &Entry) -> ReportView {
    let (state, reason) = match (&entry.paper, entry.age) {
        (Err(why), _) => (ReportState::Unreadable, Some(format!("what it wrote cannot be read: {why}"))),
        (Ok(_), _) if entry.is_fresh() => (ReportState::Fresh, None),
        (Ok(_), Some(age)) if !age.is_negative() => (
            ReportState::Stale,
            Some(format!(
                "last heard of {} ago; see whether its agent runs and reaches the shared store",
                length(age)
            )),
        ),
        (Ok(_), _) => (
            ReportState::Stale,
            Some("a clock was set back, so nobody can tell how old its report is".to_owned()),
        ),
    };
    let paper = entry.paper.as_deref().ok();
    let sources = paper.map(|paper| paper.sources.as_slice()).unwrap_or_default();
    let down = |state| !matches!(state, upgrade_readiness_checks::facts::Condition::Ok);
    ReportView {
        agent: entry.agent.clone(),
        host: entry.host.clone(),
        agent_version: entry.agent_version.clone(),
        node: paper.and_then(|paper| paper.node.clone()),
        state,
        reason,
        age: entry.age,
        verdict: paper.map_or(Verdict::Unknown, |paper| paper.verdict),
        sources_down: sources
            .iter()
            .filter(|known| down(known.state))
            .map(|known| known.source.clone())
            .collect(),
        leads: sources
            .iter()
            .filter(|known| known.leads == Some(true))
            .map(|known| known.source.clone())
            .collect(),
    }
}

/// Every target anybody names; a node that does not judge it makes it unknown.
fn view_targets(fresh: &[(&ReportView, &Paper)], doubted: bool) -> Vec<FleetTargetView> {
    let mut requested: Vec<&str> = Vec::new();
    for target in fresh.iter().flat_map(|(_, paper)| &paper.targets) {
        if !requested.contains(&target.requested.as_str()) {
            requested.push(&target.requested);
        }
    }
    requested.into_iter().map(|requested| view_target(requested, fresh, doubted)).collect()
}

fn view_target(requested: &str, fresh: &[(&ReportView, &Paper)], doubted: bool) -> FleetTargetView {
    let said: Vec<(&ReportView, &PaperTarget)> = fresh
        .iter()
        .filter_map(|(report, paper)| {
            Some((*report, paper.targets.iter().find(|target| target.requested == requested)?))
        })
        .collect();
    let versions: BTreeSet<&str> = said.iter().filter_map(|(_, target)| target.version.as_deref()).collect();
    let agreed = said.len() == fresh.len() && versions.len() <= 1;
    let verdicts = said.iter().map(|(_, target)| target.verdict);
    let doubt = (doubted || !agreed).then_some(Verdict::Unknown);
    let most = |of: fn(&PaperTarget) -> u64| said.iter().map(|(_, target)| of(target)).max().unwrap_or(0);
    let first =
        said.iter().filter_map(|(_, target)| Some((target.blocks_at?, target))).min_by_key(|(at, _)| *at);
    let mut findings: BTreeMap<&PaperFinding, Vec<String>> = BTreeMap::new();
    for (report, target) in &said {
        for finding in &target.findings {
            findings.entry(finding).or_default().push(report.name().to_owned());
        }
    }
    let unresolved = said.iter().filter_map(|(report, target)| {
        let summary = target.reason.clone()?;
        let said_by = vec![report.name().to_owned()];
        Some(FleetFindingView { verdict: Verdict::Unknown, check: String::new(), summary, said_by })
    });
    let disagreement = (!agreed).then(|| FleetFindingView {
        verdict: Verdict::Unknown,
        check: String::new(),
        summary: format!(
            "the nodes do not judge the same release for {requested}: {}",
            if versions.len() > 1 {
                list(versions.iter().copied())
            } else {
                "not all have this target".to_owned()
            }
        ),
        said_by: Vec::new(),
    });
    let told = findings.into_iter().map(|(finding, said_by)| FleetFindingView {
        verdict: finding.verdict,
        check: finding.check.clone(),
        summary: finding.summary.clone(),
        said_by,
    });
    let mut findings: Vec<FleetFindingView> = told.chain(unresolved).chain(disagreement).collect();
    findings.sort_by(|a, b| b.verdict.cmp(&a.verdict).then_with(|| a.check.cmp(&b.check)));
    findings.truncate(MOST_FINDINGS);
    FleetTargetView {
        requested: requested.to_owned(),
        version: versions.first().filter(|_| versions.len() == 1).map(|version| (*version).to_owned()),
        verdict: Verdict::roll_up(verdicts.chain(doubt)),
        blocks_at: first.map(|(at, _)| at),
        blocks_because: first.and_then(|(_, target)| target.blocks_because.clone()),
        blockers: most(|target| target.blockers),
        warnings: most(|target| target.warnings),
        unknown: most(|target| target.unknown),
        findings,
    }
}

impl FleetTargetView {
    /// The target for people: its release, and the word that stands for it.
    fn jump(&self, instance: &FleetInstanceView) -> String {
        let from =
            if instance.versions.is_empty() { "?".to_owned() } else { instance.versions.join(" and ") };
        match &self.version {
            Some(version) if *version != self.requested => format!("{from} → {version} ({})", self.requested),
            Some(_) | None => format!("{from} → {}", self.requested),
        }
    }

    /// How many of what; empty when there is nothing.
    fn tally(&self) -> String {
        let parts = [
            (self.blockers, count(usize::try_from(self.blockers).unwrap_or(usize::MAX), "blocker")),
            (self.warnings, count(usize::try_from(self.warnings).unwrap_or(usize::MAX), "warning")),
            (self.unknown, format!("{} unknown", self.unknown)),
        ];
        list(parts.iter().filter(|(number, _)| *number > 0).map(|(_, text)| text.as_str()))
    }
}

impl FleetFile {
    /// `7 instances, 3 agents: 1 blocked, 2 cannot tell, 4 ready`.
    fn summary(&self) -> String {
        let agents: BTreeSet<&str> = self
            .instances
            .iter()
            .flat_map(|instance| instance.reports.iter().map(|report| report.agent.as_str()))
            .collect();
        let of = |verdict, word: &str| {
            let number = self.instances.iter().filter(|instance| instance.verdict == verdict).count();
            (number > 0).then(|| format!("{number} {word}"))
        };
        let parts = [
            of(Verdict::Blocked, "blocked"),
            of(Verdict::Unknown, "cannot tell"),
            of(Verdict::Warning, "with warnings"),
            of(Verdict::Ready, "ready"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let all = format!("{}, {}", count(self.instances.len(), "instance"), count(agents.len(), "agent"));
        if parts.is_empty() { all } else { format!("{all}: {}", parts.join(", ")) }
    }
}

/// `node-1 (db-host), 12 seconds old, asks database for all`.
fn told_by(report: &ReportView) -> String {
    let mut text = report.name().to_owned();
    if report.node.is_some() && !report.host.is_empty() {
        text = format!("{text} on {}", report.host);
    }
    if let Some(age) = report.age.filter(|age| !age.is_negative()) {
        text = format!("{text}, {} ago", length(age));
    }
    if !report.leads.is_empty() {
        text = format!("{text}, asks {} for all", report.leads.join(", "));
    }
    if !report.sources_down.is_empty() {
        text = format!("{text}, without {}", report.sources_down.join(", "));
    }
    text
}

fn list<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
