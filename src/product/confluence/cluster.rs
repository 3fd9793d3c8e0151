//! The nodes of a cluster and how a rolling upgrade stands, as one node tells it.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;
use upgrade_readiness_checks::facts::{ClusterNode, ClusterState, Field, RollingUpgrade};

use super::rest::{NumberOrText, Rest, bounded};
use crate::collect::http::{Answer, HttpError};

/// The overview of the cluster, since there are rolling upgrades (7.9).
const OVERVIEW: &str = "rest/zdu/cluster";

/// The list of nodes of the plug-in for cluster monitoring, which older releases have.
const MONITORING: &str = "rest/atlassian-cluster-monitoring/cluster/nodes";

/// More nodes than any cluster has.
const MOST_NODES: usize = 100;

/// The cluster, or `None` when the site says that it is none.
///
/// Answers and words are those atlassian/dc-app-performance-toolkit goes by (`confluence_clients.py`,
/// `get_confluence_nodes`): a site that is no cluster refuses the overview with 401 or 403 and words about a
/// "clustered installation", and the monitoring with 500 and `NonClusterMonitoring`.
pub(super) async fn fetch_nodes(rest: &Rest) -> Result<Option<ClusterState>, HttpError> {
    let answer = rest.get_any(OVERVIEW, "application/json").await?;
    if matches!(answer.status, 401 | 403) && answer.mentions("clustered installation") {
        return Ok(None);
    }
    match answer.accepted() {
        Ok(answer) => parse_overview(&answer).map(Some),
        // Not a word about clusters: the overview may be missing, or closed to this account only.
        Err(refusal @ HttpError::Status { code: 403 | 404, .. }) => match ask_monitoring(rest).await {
            Ok(nodes) => Ok(nodes),
            // What was wrong first tells more than that the older way is closed too.
            Err(error) if !rest.ends_the_round(&error) => Err(refusal),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

async fn ask_monitoring(rest: &Rest) -> Result<Option<ClusterState>, HttpError> {
    let answer = rest.get_any(MONITORING, "application/json").await?;
    if answer.status == 500 && answer.mentions("nonclustermonitoring") {
        return Ok(None);
    }
    parse_monitoring(&answer.accepted()?).map(Some)
}

/// A node in either list; names differ between them and between releases.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNode {
    #[serde(alias = "nodeId")]
    id: Option<String>,
    #[serde(alias = "nodeName", alias = "hostName")]
    name: Option<String>,
    state: Option<String>,
    version: Option<String>,
    build_number: Option<NumberOrText>,
}

impl RawNode {
    /// The node; an error names what is wrong and quotes nothing.
    fn checked(self) -> Result<ClusterNode, String> {
        let text =
            |text: Option<String>| text.map(|text| bounded(&text, 100)).filter(|text| !text.is_empty());
        let name = text(self.name);
        let id = text(self.id).or_else(|| name.clone());
        let build = match self.build_number {
            None => None,
            Some(number) => {
                Some(number.number().ok_or_else(|| "buildNumber of a node is not a number".to_owned())?)
            }
        };
        Ok(ClusterNode {
            id: id.ok_or_else(|| "id of a node is missing".to_owned())?,
            name,
            state: text(self.state).map(|state| state.to_ascii_uppercase()),
            version: text(self.version),
            build,
        })
    }
}

fn checked(answer: &Answer, nodes: Vec<RawNode>) -> Result<Vec<ClusterNode>, HttpError> {
    if nodes.len() > MOST_NODES {
        return Err(answer.malformed(format!("it lists more than {MOST_NODES} nodes")));
    }
    let nodes: Result<Vec<_>, String> = nodes.into_iter().map(RawNode::checked).collect();
    nodes.map_err(|problem| answer.malformed(problem))
}

/// Shape: the public Go client goconfluence, written against a real Confluence.
/// A door for the fuzz targets.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(answer: &Answer) {
    drop(parse_overview(answer));
    drop(parse_monitoring(answer));
}

fn parse_overview(answer: &Answer) -> Result<ClusterState, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Overview {
        nodes: Vec<RawNode>,
        upgrade_mode_enabled: Option<bool>,
        state: Option<String>,
        original_version: Option<String>,
        has_finalization_tasks: Option<bool>,
    }
    let overview: Overview = answer.json()?;
    let text = |text: Option<String>| text.map(|text| bounded(&text, 64)).filter(|text| !text.is_empty());
    let state = text(overview.state);
    // Either word tells how it stands; with neither of them nothing is known, and silence is not "stable".
    let upgrade = match (overview.upgrade_mode_enabled, &state) {
        (None, None) => {
            Field::Unread(format!("neither upgradeModeEnabled nor state is in the answer of {OVERVIEW}"))
        }
        (upgrade_mode, _) => Field::Read(RollingUpgrade {
            upgrade_mode: upgrade_mode.unwrap_or(false),
            state,
            original_version: text(overview.original_version),
            unfinished_tasks: overview.has_finalization_tasks,
        }),
    };
    Ok(ClusterState { told_by: OVERVIEW.to_owned(), upgrade, nodes: checked(answer, overview.nodes)? })
}

/// A list of nodes, bare or under `nodes`; its shape is known from a client that only counts them.
fn parse_monitoring(answer: &Answer) -> Result<ClusterState, HttpError> {
    let mut list: Value = answer.json()?;
    let list = list.get_mut("nodes").map(Value::take).unwrap_or(list);
    let nodes: Vec<RawNode> = serde_json::from_value(list)
        .ok()
        .ok_or_else(|| answer.malformed("it is not a list of nodes".to_owned()))?;
    Ok(ClusterState {
        told_by: MONITORING.to_owned(),
        upgrade: Field::Unread(format!("{MONITORING} does not tell how a rolling upgrade stands")),
        nodes: checked(answer, nodes)?,
    })
}
