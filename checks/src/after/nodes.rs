//! Are all nodes of the cluster there again, and do all of them run what is installed?

use super::release::installed;
use super::{Item, Sides, Topic, remedy, shown};
use crate::facts::{ClusterNode, ClusterState, Missing, RollingUpgrade, Snapshot, Source};
use crate::rules::wording::{counted, excerpt, first_few};
use crate::version::ProductVersion;

const TOPIC: Topic = Topic::Nodes;

/// What a cluster says when no rolling upgrade is under way.
const STABLE: &str = "STABLE";

pub(super) fn nodes(sides: &Sides<'_>) -> Vec<Item> {
    let both = sides.both(told);
    let (before, now) = (shown(&both.before, Told::show), shown(&both.now, Told::show));
    let mut items = match both.known(TOPIC, Told::show) {
        Err(unknown) => unknown,
        Ok((Told(None), Told(None))) => Vec::new(),
        Ok((Told(Some(_)), Told(None))) => vec![
            Item::blocked(TOPIC, "the instance was in a cluster and is in none now").so_do(format!(
                "See whether {} still holds the cluster's settings, and restart the node with them; two single nodes on one \
                 database damage it.",
                sides.whereabouts().cluster
            )),
        ],
        Ok((Told(None), Told(Some(_)))) => vec![
            Item::warning(TOPIC, "the instance is in a cluster and was in none before")
                .so_do("Find out who made it one; when it is meant, take a new snapshot to compare with."),
        ],
        Ok((Told(Some(before)), Told(Some(now)))) => numbers(before, now),
    };
    // Whether the nodes are well now needs nothing from before.
    if let Ok(Told(Some(cluster))) = &both.now {
        items.extend(agreement(cluster, &installed(sides.now)));
    }
    if items.is_empty() {
        items.push(Item::well(TOPIC, format!("{now}, as before")));
    }
    let seen =
        |item: Item| if item.before.is_empty() { item.seen(before.clone(), now.clone()) } else { item };
    items.into_iter().map(seen).collect()
}

/// The cluster the application tells of, or that it is in none.
struct Told<'a>(Option<&'a ClusterState>);

impl Told<'_> {
    fn show(&self) -> String {
        let Self(Some(cluster)) = self else { return "no cluster".to_owned() };
        let version = |node: &ClusterNode| node.version.as_deref().map_or_else(|| "?".to_owned(), excerpt);
        let mut versions: Vec<String> = cluster.nodes.iter().map(version).collect();
        versions.sort();
        versions.dedup();
        let names = first_few(versions.iter().map(String::as_str), versions.len() as u64);
        format!("{} on {names}", counted(cluster.nodes.len() as u64, "node"))
    }
}

fn told(side: &Snapshot) -> Result<Told<'_>, Missing> {
    let what = "the nodes of the cluster";
    let cluster = side.application()?.nodes.read(Source::Application, what)?.as_ref();
    match cluster {
        Some(cluster) if cluster.nodes.is_empty() => Err(Missing::Unread {
            of: Source::Application,
            what: what.to_owned(),
            why: format!("the list of {} is empty", cluster.told_by),
        }),
        cluster => Ok(Told(cluster)),
    }
}

/// As many nodes as before.
fn numbers(before: &ClusterState, now: &ClusterState) -> Vec<Item> {
    let names = |cluster: &ClusterState| -> Vec<String> {
        cluster.nodes.iter().map(|node| excerpt(node.shown())).collect()
    };
    let (earlier, there) = (names(before), names(now));
    let lacking: Vec<&str> =
        earlier.iter().filter(|name| !there.contains(name)).map(String::as_str).collect();
    let (was, is) = (earlier.len() as u64, there.len() as u64);
    if is < was {
        let names = if lacking.is_empty() {
            String::new()
        } else {
            format!(": {}", first_few(lacking.iter().copied(), lacking.len() as u64))
        };
        return vec![
            Item::blocked(TOPIC, format!("{} of {was} nodes {} not in the cluster{names}", was - is, are(was - is)))
                .about("number")
                .so_do("Upgrade and start what is missing; logs/atlassian-confluence.log of that node says why it does not join."),
        ];
    }
    if is > was {
        return vec![
            Item::warning(TOPIC, format!("the cluster has {is} nodes and had {was} before"))
                .about("number")
                .so_do("See whether every node is one that belongs to it (Administration, Clustering)."),
        ];
    }
    Vec::new()
}

fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Every node runs what is installed here, is active, and no rolling upgrade is left unfinished.
fn agreement(cluster: &ClusterState, version: &Result<ProductVersion, Missing>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut silent = Vec::new();
    for node in &cluster.nodes {
        let name = excerpt(node.shown());
        let runs = node.version.as_deref().and_then(|version| version.trim().parse::<ProductVersion>().ok());
        match (&runs, version) {
            (Some(runs), Ok(version)) if runs != version => items.push(
                Item::blocked(TOPIC, format!("node {name} runs {runs}, and {version} is installed here"))
                    .about(format!("node {}", node.id))
                    .so_do(format!("Upgrade node {name} too, and restart it.")),
            ),
            (Some(_), Ok(_)) => {}
            (None, _) | (_, Err(_)) => silent.push(name.clone()),
        }
        if let Some(state) = node.state.as_deref().filter(|state| *state != "ACTIVE") {
            items.push(
                Item::warning(TOPIC, format!("node {name} is not active: {}", excerpt(state)))
                    .about(format!("state of node {}", node.id))
                    .so_do(format!("Read logs/atlassian-confluence.log in the local home of node {name}; restart it, or take it out.")),
            );
        }
    }
    items.extend(builds(cluster));
    if !silent.is_empty() {
        let names = first_few(silent.iter().map(String::as_str), silent.len() as u64);
        items.push(
            Item::untold(TOPIC, &format!("the version of {}", counted(silent.len() as u64, "node")))
                .about("versions")
                .seen(
                    "whatever it was",
                    format!(
                        "not known: {} tells no version of {names}, or the installed one is not known",
                        cluster.told_by
                    ),
                )
                .so_do("Look on each node which release it runs (Administration, Clustering)."),
        );
    }
    items.extend(rolling(cluster));
    items
}

fn builds(cluster: &ClusterState) -> Option<Item> {
    let mut builds: Vec<u32> = cluster.nodes.iter().filter_map(|node| node.build).collect();
    builds.sort_unstable();
    builds.dedup();
    let all = builds.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    (builds.len() > 1).then(|| {
        Item::blocked(TOPIC, format!("the nodes run different builds: {}", excerpt(&all)))
            .about("builds")
            .so_do("Bring every node to the same release and restart it.")
    })
}

fn rolling(cluster: &ClusterState) -> Option<Item> {
    let upgrade = cluster.upgrade.read(Source::Application, "how a rolling upgrade stands");
    let RollingUpgrade { upgrade_mode, state, unfinished_tasks, .. } = match &upgrade {
        Ok(upgrade) => upgrade,
        Err(missing) => {
            return Some(
                Item::untold(TOPIC, "how a rolling upgrade stands")
                    .about("upgrade-mode")
                    .seen("whatever it was", format!("not known: {missing}"))
                    .so_do(remedy(false, true)),
            );
        }
    };
    let state = state.as_deref().unwrap_or(STABLE);
    // What the product says of a rolling upgrade is known from clients only, and not from its documentation.
    (*upgrade_mode || state != STABLE || *unfinished_tasks == Some(true)).then(|| {
        let mode = if *upgrade_mode { "on" } else { "off" };
        Item::warning(TOPIC, format!("the upgrade of the cluster is not finalised: {}", excerpt(state)))
            .about("upgrade-mode")
            .so_do(format!(
                "Upgrade mode is {mode}. Open Administration, Rolling upgrades, bring every node to the new release and \
                 finalise the upgrade."
            ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::after::testing::{Pair, Row, judges, look, read, unread};
    use crate::facts::Field;
    use crate::model::Verdict::{Blocked, Ready, Unknown, Warning};

    fn cluster(version: &str) -> ClusterState {
        let node = |id: &str| ClusterNode {
            id: id.into(),
            name: Some(format!("wiki-{id}")),
            state: Some("ACTIVE".into()),
            version: Some(version.into()),
            build: Some(9111),
        };
        ClusterState {
            told_by: "rest/zdu/cluster".into(),
            upgrade: Field::Read(RollingUpgrade {
                upgrade_mode: false,
                state: Some("STABLE".into()),
                original_version: None,
                unfinished_tasks: Some(false),
            }),
            nodes: vec![node("a"), node("b")],
        }
    }

    fn now(pair: &mut Pair) -> &mut ClusterState {
        pair.application_before().nodes = Field::Read(Some(cluster("9.2.7")));
        let nodes = &mut pair.application().nodes;
        *nodes = Field::Read(Some(cluster("9.2.10")));
        read(nodes).as_mut().unwrap()
    }

    fn upgrade(pair: &mut Pair) -> &mut RollingUpgrade {
        read(&mut now(pair).upgrade)
    }

    #[test]
    fn as_many_nodes_as_before_and_all_of_them_alike() {
        let rows: &[Row] = &[
            ("no cluster", |_| {}, &[(Ready, None)]),
            ("upgraded", |p| now(p).told_by = "elsewhere".into(), &[(Ready, None)]),
            ("one is gone", |p| drop(now(p).nodes.pop()), &[(Blocked, Some("number"))]),
            (
                "one more",
                |p| {
                    let cluster = now(p);
                    let node = ClusterNode { id: "c".into(), name: None, ..cluster.nodes[0].clone() };
                    cluster.nodes.push(node);
                },
                &[(Warning, Some("number"))],
            ),
            (
                "one was forgotten",
                |p| now(p).nodes[1].version = Some("9.2.7".into()),
                &[(Blocked, Some("node b"))],
            ),
            ("other builds", |p| now(p).nodes[1].build = Some(9000), &[(Blocked, Some("builds"))]),
            ("one tells no version", |p| now(p).nodes[1].version = None, &[(Unknown, Some("versions"))]),
            (
                "one rests",
                |p| now(p).nodes[1].state = Some("OFFLINE".into()),
                &[(Warning, Some("state of node b"))],
            ),
            ("upgrade mode", |p| upgrade(p).upgrade_mode = true, &[(Warning, Some("upgrade-mode"))]),
            (
                "tasks failed",
                |p| upgrade(p).state = Some("UPGRADE_TASKS_FAILED".into()),
                &[(Warning, Some("upgrade-mode"))],
            ),
            ("tasks wait", |p| upgrade(p).unfinished_tasks = Some(true), &[(Warning, Some("upgrade-mode"))]),
            ("mode is not known", |p| now(p).upgrade = unread(), &[(Unknown, Some("upgrade-mode"))]),
            ("an empty list", |p| now(p).nodes.clear(), &[(Unknown, None)]),
            ("unread", |p| p.application().nodes = unread(), &[(Unknown, None)]),
            ("unread before", |p| p.application_before().nodes = unread(), &[(Unknown, None)]),
            (
                "a cluster no more",
                |p| p.application_before().nodes = Field::Read(Some(cluster("9.2.7"))),
                &[(Blocked, None)],
            ),
            (
                "a new cluster",
                |p| p.application().nodes = Field::Read(Some(cluster("9.2.10"))),
                &[(Warning, None)],
            ),
        ];
        judges(Topic::Nodes, rows);
    }

    #[test]
    fn the_node_that_is_missing_is_named() {
        let items = look(None, Topic::Nodes, |pair| drop(now(pair).nodes.pop()));
        assert_eq!(items[0].summary, "1 of 2 nodes is not in the cluster: wiki-b");
        assert_eq!(
            (items[0].before.as_str(), items[0].now.as_str()),
            ("2 nodes on 9.2.7", "1 node on 9.2.10")
        );
    }
}
