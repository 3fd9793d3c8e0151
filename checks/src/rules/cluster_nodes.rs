//! Do the nodes of the cluster agree, and is no rolling upgrade under way?

use std::collections::BTreeMap;

use super::wording::{counted, excerpt, first_few};
use crate::facts::{ClusterNode, ClusterState, Family, Missing, RollingUpgrade, Source};
use crate::model::{
    About, Case, Category, Check, Finding, Judgement, People, Products, Severity, Undecided, conclude,
};
use crate::version::Line;

pub(super) static CHECK: Check = Check {
    id: "cluster-nodes",
    title: "Nodes that agree, and no rolling upgrade under way",
    category: Category::Application,
    products: Products::Only(&[Family::Confluence]),
    reads: &[Source::Installation, Source::Application],
    people: People::MayWaive,
    about: About::Target,
    explain: EXPLAIN,
    evaluate,
};

const EXPLAIN: &str = "\
## What it looks at

The nodes of the cluster as the application lists them: version, build and state of each, how many there are, whether \
upgrade mode is on, and whether upgrade tasks wait. Whether `confluence.cfg.xml` of this node and the application agree \
that it is a cluster. Whether a rolling upgrade is possible for this jump. On a single node there is nothing to compare.

## Why it matters

A node whose build is not that of the database does not start, and an upgrade that was never finalised stands in the \
way of the next one: \
<https://confluence.atlassian.com/confkb/confluence-data-center-will-not-start-up-because-the-build-number-in-the-home-directory-doesn-t-match-the-build-number-in-the-database-after-upgrade-376834096.html>. \
Which jumps go without downtime: \
<https://confluence.atlassian.com/doc/upgrade-confluence-without-downtime-1027127923.html>.

## How to fix it

Open Administration, Rolling upgrades: bring every node to the same release and finalise the upgrade, or switch upgrade \
mode off. Start the nodes that are missing, or take them out of `nodes`.

## What it needs

`[instance.http]` with a personal access token of an administrator: `GET /rest/zdu/cluster`, or on older releases \
`GET /rest/atlassian-cluster-monitoring/cluster/nodes`, which does not tell versions. Read access to \
`confluence.cfg.xml` of this node.

## Settings

`[instance.cluster] nodes`: how many nodes there should be; without it a missing node is not noticed.
";

/// Whether the jump can be made node by node while the site stays up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rolling {
    /// It can.
    Possible(RollingGround),
    /// It needs downtime.
    Downtime(RollingGround),
    /// Nobody says; what is not known.
    NotKnown(String),
    /// There is no cluster, so there is always downtime.
    NotClustered,
}

/// Why a rolling upgrade is possible or not, and the vendor's page that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollingGround {
    /// Why, as a sentence without its full stop.
    pub because: String,
    /// The page.
    pub page: String,
}

/// Whether the jump of a case can be made as a rolling upgrade, by the vendor's table and the nodes there are.
pub fn rolling_possible(case: &Case<'_>) -> Result<Rolling, Missing> {
    let installation = case.facts.installation()?;
    match told(case)? {
        None => Ok(Rolling::NotClustered),
        Some(cluster) => {
            let running = installation.version.read(Source::Installation, "the running version")?;
            let target = &case.target.version;
            let Some(rule) = case.catalog.rolling(running, target) else {
                return Ok(Rolling::NotKnown(format!(
                    "the vendor's table has no row for {running} to {target}"
                )));
            };
            let nodes = cluster.nodes.len() as u64;
            let ground = |because| RollingGround { because, page: rule.page.clone() };
            Ok(if !rule.possible {
                Rolling::Downtime(ground(rule.because.clone()))
            } else if nodes < rule.least_nodes {
                let needed = rule.least_nodes;
                Rolling::Downtime(ground(format!(
                    "it needs {needed} nodes, and the cluster has {}",
                    counted(nodes, "node")
                )))
            } else {
                Rolling::Possible(ground(rule.because.clone()))
            })
        }
    }
}

fn told<'a>(case: &Case<'a>) -> Result<Option<&'a ClusterState>, Missing> {
    let nodes = &case.facts.application()?.nodes;
    Ok(nodes.read(Source::Application, "the nodes of the cluster")?.as_ref())
}

fn evaluate(case: &Case<'_>) -> Result<Judgement, Undecided> {
    let configured = case.facts.installation()?.cluster.as_ref();
    let told = told(case)?;
    let Some(cluster) = told else {
        let mut found: Vec<Finding> = configured.map(|_| alone(case)).into_iter().collect();
        found
            .extend(case.policy.cluster_nodes.filter(|&nodes| nodes > 1).map(|nodes| too_few(nodes, 1, &[])));
        let evidence = match configured {
            Some(_) => "a cluster by its configuration, and none by its own word",
            None => "neither a cluster by its own word nor by its configuration",
        };
        return Ok(Judgement::new(evidence, found));
    };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    if configured.is_none() {
        found.push(unconfigured(case, cluster));
    }
    if cluster.nodes.is_empty() {
        missing.push(unread(cluster, "the nodes of the cluster", "the list is empty"));
    }
    let nothing_can_roll = before_rolling(case);
    match differing(cluster) {
        Ok(finding) => found.extend(finding),
        Err(_) if nothing_can_roll => {}
        Err(not_seen) => missing.push(not_seen),
    }
    match under_way(cluster) {
        Ok(findings) => found.extend(findings),
        Err(_) if nothing_can_roll => {}
        Err(not_seen) => missing.push(not_seen),
    }
    found.extend(cluster.nodes.iter().filter_map(idle));
    let there = cluster.nodes.len() as u64;
    let expected = case.policy.cluster_nodes;
    found.extend(
        expected
            .filter(|&expected| there > 0 && there < expected)
            .map(|expected| too_few(expected, there, &cluster.nodes)),
    );
    let rolling = match rolling_possible(case) {
        Ok(rolling) => {
            found.push(how(case, &rolling));
            in_words(&rolling)
        }
        Err(not_seen) => {
            missing.push(not_seen);
            String::new()
        }
    };
    conclude(format!("{}; {rolling}", counted(there, "node")), found, missing)
}

/// The first line with rolling upgrades: the vendor's table has none up to 7.8
/// (<https://confluence.atlassian.com/doc/upgrade-confluence-without-downtime-1027127923.html>).
const ROLLING_SINCE: Line = Line { major: 7, minor: 9 };

/// Whether the running release is known to be too old for a rolling upgrade: none can be under way then, and a node
/// of another build does not start beside the others, so nodes that do not tell their release leave nothing open.
fn before_rolling(case: &Case<'_>) -> bool {
    let running = case.facts.installation().ok().and_then(|installation| installation.version.value());
    running.is_some_and(|running| running.line() < ROLLING_SINCE)
}

fn unread(cluster: &ClusterState, what: &str, why: &str) -> Missing {
    Missing::Unread {
        of: Source::Application,
        what: what.to_owned(),
        why: format!("{why} at {}", cluster.told_by),
    }
}

fn named(node: &ClusterNode) -> String {
    excerpt(node.shown())
}

/// What a node runs, in words; `None` when it does not tell.
fn runs(node: &ClusterNode) -> Option<String> {
    match (&node.version, node.build) {
        (Some(version), Some(build)) => Some(format!("{} (build {build})", excerpt(version))),
        (Some(version), None) => Some(excerpt(version)),
        (None, Some(build)) => Some(format!("build {build}")),
        (None, None) => None,
    }
}

/// Nodes that differ block, also while others do not tell what they run.
fn differing(cluster: &ClusterState) -> Result<Option<Finding>, Missing> {
    let known = |value: fn(&ClusterNode) -> Option<String>| {
        let mut values: Vec<String> = cluster.nodes.iter().filter_map(value).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let versions = known(|node| node.version.clone());
    let builds = known(|node| node.build.map(|build| build.to_string()));
    if versions <= 1 && builds <= 1 {
        let silent = cluster.nodes.iter().find(|node| runs(node).is_none());
        return match silent {
            None => Ok(None),
            Some(node) => {
                Err(unread(cluster, &format!("the version of node {}", named(node)), "it is not told"))
            }
        };
    }
    let mut by_version: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in &cluster.nodes {
        by_version.entry(runs(node).unwrap_or_else(|| "not told".to_owned())).or_default().push(named(node));
    }
    let seen: Vec<String> = by_version
        .iter()
        .map(|(version, nodes)| {
            format!("{version}: {}", first_few(nodes.iter().map(String::as_str), nodes.len() as u64))
        })
        .collect();
    Ok(Some(Finding {
        severity: Severity::Blocker,
        subject: "versions".to_owned(),
        summary: "the nodes of the cluster run different releases".to_owned(),
        observed: seen.join("; "),
        required: "the same version and build on every node".to_owned(),
        remedy: "End the rolling upgrade that is under way (Administration, Rolling upgrades), or bring every node to \
                 the same release; start the next upgrade only then."
            .to_owned(),
    }))
}

/// The words with which a cluster says how a rolling upgrade stands, as the public clients know them.
const STABLE: &str = "STABLE";
const UNDER_WAY: [&str; 5] = [
    "READY_TO_UPGRADE",
    "MIXED",
    "READY_TO_RUN_UPGRADE_TASKS",
    "RUNNING_UPGRADE_TASKS",
    "UPGRADE_TASKS_FAILED",
];

fn under_way(cluster: &ClusterState) -> Result<Vec<Finding>, Missing> {
    let upgrade = cluster.upgrade.read(Source::Application, "how a rolling upgrade stands")?;
    let RollingUpgrade { upgrade_mode, state, original_version, unfinished_tasks } = upgrade;
    let mut found = Vec::new();
    let state = state.as_deref().unwrap_or(STABLE);
    if *upgrade_mode || UNDER_WAY.contains(&state) {
        let mode = if *upgrade_mode { "upgrade mode is on" } else { "upgrade mode is off" };
        let since = original_version
            .as_deref()
            .map_or_else(String::new, |version| format!(", the cluster came from {}", excerpt(version)));
        found.push(Finding {
            // What the product says of a rolling upgrade is known from clients only, and not from its documentation.
            severity: Severity::Warning,
            subject: "upgrade-mode".to_owned(),
            summary: "a rolling upgrade of the cluster was begun and is not finalised".to_owned(),
            observed: format!("{mode}, state {state}{since}"),
            required: format!("upgrade mode off and state {STABLE}"),
            remedy: "Open Administration, Rolling upgrades: bring every node to the new release and finalise the upgrade, \
                     or take the upgraded nodes back and switch upgrade mode off."
                .to_owned(),
        });
    } else if state != STABLE {
        let why = format!("{:?} is no state the agent knows", excerpt(state));
        return Err(unread(cluster, "how a rolling upgrade stands", &why));
    } else if *unfinished_tasks == Some(true) {
        found.push(Finding {
            severity: Severity::Warning,
            subject: "unfinished-tasks".to_owned(),
            summary: "the cluster says that upgrade tasks wait to be run".to_owned(),
            observed: format!("hasFinalizationTasks is true at {}", cluster.told_by),
            required: "an earlier upgrade that is finalised".to_owned(),
            remedy:
                "Open Administration, Rolling upgrades, and finalise the earlier upgrade when it offers to."
                    .to_owned(),
        });
    }
    Ok(found)
}

fn idle(node: &ClusterNode) -> Option<Finding> {
    let state = node.state.as_deref().filter(|state| *state != "ACTIVE")?;
    Some(Finding {
        severity: Severity::Warning,
        subject: format!("node {}", node.id),
        summary: format!("node {} is not active", named(node)),
        observed: format!("state {}", excerpt(state)),
        required: "ACTIVE".to_owned(),
        remedy: format!(
            "Look into logs/atlassian-confluence.log in the local home of node {}; start it again, or take it out of the \
             cluster before the upgrade.",
            named(node)
        ),
    })
}

fn too_few(expected: u64, there: u64, nodes: &[ClusterNode]) -> Finding {
    let names: Vec<String> = nodes.iter().map(named).collect();
    let names = first_few(names.iter().map(String::as_str), names.len() as u64);
    let names = if names.is_empty() { String::new() } else { format!(": {names}") };
    Finding {
        severity: Severity::Warning,
        subject: "missing-nodes".to_owned(),
        summary: "nodes of the cluster are missing".to_owned(),
        observed: format!("{}{names}", counted(there, "node")),
        required: counted(expected, "node"),
        remedy: "Start the nodes that are missing, or correct nodes under [instance.cluster] in the agent's \
                 configuration. A node that joins later with the old program does not start on the upgraded database."
            .to_owned(),
    }
}

fn alone(case: &Case<'_>) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: "configuration".to_owned(),
        summary: "the configuration says that this is a node of a cluster, and the application says it is none".to_owned(),
        observed: format!("confluence.cluster in confluence.cfg.xml; no cluster at {}", base_url(case)),
        required: "the same in both".to_owned(),
        remedy: "Look at confluence.cluster and confluence.cluster.home in confluence.cfg.xml, and restart this node; \
                 look whether the licence is one for Data Center, and whether base_url leads to this instance."
            .to_owned(),
    }
}

fn unconfigured(case: &Case<'_>, cluster: &ClusterState) -> Finding {
    Finding {
        severity: Severity::Warning,
        subject: "configuration".to_owned(),
        summary: "the application says that it is a cluster, and the configuration of this node names none".to_owned(),
        observed: format!("{} at {}", counted(cluster.nodes.len() as u64, "node"), base_url(case)),
        required: "the same in both".to_owned(),
        remedy: "Look whether base_url under [instance.http] leads to this instance and not to another, and whether \
                 home_dir names the home this node runs on."
            .to_owned(),
    }
}

fn base_url<'a>(case: &Case<'a>) -> &'a str {
    case.facts.application().map_or("?", |application| application.base_url.as_str())
}

fn in_words(rolling: &Rolling) -> String {
    match rolling {
        Rolling::Possible(ground) => format!("a rolling upgrade is possible: {}", ground.because),
        Rolling::Downtime(ground) => format!("a rolling upgrade is not possible: {}", ground.because),
        Rolling::NotKnown(why) => format!("whether a rolling upgrade is possible is not known: {why}"),
        Rolling::NotClustered => "not a cluster".to_owned(),
    }
}

fn how(case: &Case<'_>, rolling: &Rolling) -> Finding {
    let target = &case.target.version;
    let (summary, remedy) = match rolling {
        Rolling::Possible(ground) => (
            format!("the cluster can be upgraded to {target} node by node, without downtime"),
            format!(
                "See {} for the steps: upgrade mode on, one node after the other, finalise at the end.",
                ground.page
            ),
        ),
        Rolling::Downtime(ground) => (
            format!("the upgrade of the cluster to {target} needs downtime"),
            format!(
                "Plan to stop all nodes, and to start one alone first: it runs all upgrade tasks. See {} .",
                ground.page
            ),
        ),
        Rolling::NotKnown(_) | Rolling::NotClustered => (
            format!("whether the cluster can be upgraded to {target} without downtime is not known"),
            "Plan for downtime: stop all nodes, and start one alone first.".to_owned(),
        ),
    };
    Finding {
        severity: Severity::Notice,
        subject: "rolling".to_owned(),
        summary,
        observed: in_words(rolling),
        required: "a jump the vendor allows without downtime, for a rolling upgrade".to_owned(),
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cluster, Field};
    use crate::golden::{Golden, golden};
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};
    use crate::rules::testing::{
        Spoil, application, installation, judges_spoilt, judges_spoilt_from, look, read, unread,
    };

    const B: Severity = Severity::Blocker;
    const W: Severity = Severity::Warning;
    const ROLLING: (Severity, &str) = (Severity::Notice, "rolling");

    fn node(id: &str) -> ClusterNode {
        ClusterNode {
            id: id.into(),
            name: Some(format!("name of {id}")),
            state: Some("ACTIVE".into()),
            version: Some("9.2.7".into()),
            build: Some(9111),
        }
    }

    /// The golden instance as a cluster of three nodes.
    fn clustered() -> Golden {
        let mut golden = golden();
        installation(&mut golden).cluster =
            Some(Cluster { name: Some("wiki".into()), node: Some("n1".into()), shared_home_dir: None });
        application(&mut golden).nodes = Field::Read(Some(ClusterState {
            told_by: "rest/zdu/cluster".into(),
            upgrade: Field::Read(RollingUpgrade {
                upgrade_mode: false,
                state: Some("STABLE".into()),
                original_version: None,
                unfinished_tasks: Some(false),
            }),
            nodes: vec![node("a1"), node("b2"), node("c3")],
        }));
        golden.policy.cluster_nodes = Some(3);
        golden
    }

    fn cluster(golden: &mut Golden) -> &mut ClusterState {
        read(&mut application(golden).nodes).as_mut().unwrap()
    }

    fn upgrade(golden: &mut Golden) -> &mut RollingUpgrade {
        read(&mut cluster(golden).upgrade)
    }

    #[test]
    fn a_single_node_has_nothing_to_compare() {
        let rows: &[Spoil] = &[
            ("golden", |_| {}, Ready, &[]),
            ("three are expected", |g| g.policy.cluster_nodes = Some(3), Warning, &[(W, "missing-nodes")]),
            ("one is expected", |g| g.policy.cluster_nodes = Some(1), Ready, &[]),
            (
                "configured as one",
                |g| installation(g).cluster = installation(&mut clustered()).cluster.clone(),
                Warning,
                &[(W, "configuration")],
            ),
            ("nodes unread", |g| application(g).nodes = unread(), Unknown, &[]),
            ("off", |g| g.facts.switch_off(Source::Application), Unknown, &[]),
        ];
        judges_spoilt(&CHECK, rows);
    }

    #[test]
    fn nodes_must_agree_and_no_upgrade_be_under_way() {
        let rows: &[Spoil] = &[
            ("all alike", |_| {}, Ready, &[ROLLING]),
            (
                "another build",
                |g| cluster(g).nodes[1].build = Some(9109),
                Blocked,
                &[(B, "versions"), ROLLING],
            ),
            (
                "another version",
                |g| cluster(g).nodes[1].version = Some("9.2.6".into()),
                Blocked,
                &[(B, "versions"), ROLLING],
            ),
            (
                "another version, and one does not tell",
                |g| {
                    cluster(g).nodes[1].version = Some("9.2.6".into());
                    cluster(g).nodes[2].version = None;
                    cluster(g).nodes[2].build = None;
                },
                Blocked,
                &[(B, "versions"), ROLLING],
            ),
            (
                "one does not tell",
                |g| {
                    cluster(g).nodes[2].version = None;
                    cluster(g).nodes[2].build = None;
                },
                Unknown,
                &[ROLLING],
            ),
            ("upgrade mode", |g| upgrade(g).upgrade_mode = true, Warning, &[(W, "upgrade-mode"), ROLLING]),
            ("mixed", |g| upgrade(g).state = Some("MIXED".into()), Warning, &[(W, "upgrade-mode"), ROLLING]),
            ("a new word", |g| upgrade(g).state = Some("FINE".into()), Unknown, &[ROLLING]),
            ("no state", |g| upgrade(g).state = None, Ready, &[ROLLING]),
            (
                "unfinished tasks",
                |g| upgrade(g).unfinished_tasks = Some(true),
                Warning,
                &[(W, "unfinished-tasks"), ROLLING],
            ),
            ("upgrade state unread", |g| cluster(g).upgrade = unread(), Unknown, &[ROLLING]),
            ("one is missing", |g| cluster(g).nodes.truncate(2), Warning, &[(W, "missing-nodes"), ROLLING]),
            (
                "nobody expects",
                |g| {
                    cluster(g).nodes.truncate(2);
                    g.policy.cluster_nodes = None;
                },
                Ready,
                &[ROLLING],
            ),
            ("no node at all", |g| cluster(g).nodes.clear(), Unknown, &[ROLLING]),
            (
                "not active",
                |g| cluster(g).nodes[0].state = Some("DRAINING".into()),
                Warning,
                &[(W, "node a1"), ROLLING],
            ),
            ("state not told", |g| cluster(g).nodes[0].state = None, Ready, &[ROLLING]),
            (
                "not configured as one",
                |g| installation(g).cluster = None,
                Warning,
                &[(W, "configuration"), ROLLING],
            ),
            ("version unread", |g| installation(g).version = unread(), Unknown, &[]),
            ("installation off", |g| g.facts.switch_off(Source::Installation), Unknown, &[]),
        ];
        judges_spoilt_from(&CHECK, clustered, rows);
    }

    #[test]
    fn an_old_cluster_that_cannot_tell_more_is_not_unknown_for_ever() {
        fn old(golden: &mut Golden, running: &str) {
            *read(&mut installation(golden).version) = running.parse().unwrap();
            cluster(golden).upgrade = unread();
            for node in &mut cluster(golden).nodes {
                (node.version, node.build) = (None, None);
            }
        }
        let rows: &[Spoil] = &[
            ("7.4 by its monitoring", |g| old(g, "7.4.17"), Ready, &[ROLLING]),
            ("7.8", |g| old(g, "7.8.3"), Ready, &[ROLLING]),
            ("7.9 has rolling upgrades", |g| old(g, "7.9.0"), Unknown, &[ROLLING]),
            (
                "7.4, and nodes that differ",
                |g| {
                    old(g, "7.4.17");
                    cluster(g).nodes[0].build = Some(8402);
                    cluster(g).nodes[1].build = Some(8401);
                },
                Blocked,
                &[(B, "versions"), ROLLING],
            ),
        ];
        judges_spoilt_from(&CHECK, clustered, rows);
        let mut golden = golden();
        installation(&mut golden).cluster = installation(&mut clustered()).cluster.clone();
        let reason = look(&CHECK, &golden).reason;
        assert!(reason.contains("a cluster by its configuration, and none by its own word"), "{reason}");
    }

    #[test]
    fn a_rolling_upgrade_is_possible_only_where_the_vendor_says_so() {
        let rolling = |golden: &Golden| rolling_possible(&golden.case()).unwrap();
        assert_eq!(rolling(&golden()), Rolling::NotClustered);
        assert!(matches!(rolling(&clustered()), Rolling::Possible(_)));
        assert!(matches!(rolling(&clustered().to("9.3.1")), Rolling::Possible(_)));
        assert!(matches!(rolling(&clustered().to("9.4.0")), Rolling::Downtime(_)));
        assert!(matches!(rolling(&clustered().to("10.2.1")), Rolling::Downtime(_)));
        assert!(matches!(rolling(&clustered().to("9.2.7")), Rolling::NotKnown(_)));
        let mut one = clustered();
        cluster(&mut one).nodes.truncate(1);
        let Rolling::Downtime(ground) = rolling(&one) else {
            panic!("one node cannot stay up while it is upgraded")
        };
        assert!(ground.because.contains("1 node"), "{}", ground.because);
        assert!(look(&CHECK, &clustered()).reason.contains("a rolling upgrade is possible"));
    }

    #[test]
    fn what_a_node_says_is_quoted_but_not_at_length() {
        let mut golden = clustered();
        cluster(&mut golden).nodes[1].version = Some("9\n".repeat(10_000));
        cluster(&mut golden).nodes[1].name = Some("x".repeat(10_000));
        let seen = look(&CHECK, &golden);
        assert!(seen.verdict == Blocked && seen.text().len() < 4_000, "{}", seen.text().len());
    }
}
