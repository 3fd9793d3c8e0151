//! What the operator says about the cluster an instance is.

use schemars::JsonSchema;
use serde::Deserialize;

use super::validate::Validation;

/// More nodes than any cluster has: a larger number is a mistake.
const MOST_NODES: u64 = 100;

/// The cluster an instance is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawCluster {
    /// How many nodes it should have; a missing one is then noticed.
    pub(super) nodes: Option<u64>,
    /// The name of the node this agent is on. With [store], what all nodes share is then asked by one agent only.
    pub(super) node: Option<String>,
}

impl Validation {
    /// How many nodes the cluster at `key` should have.
    pub(super) fn cluster(&mut self, key: &str, raw: &RawCluster) -> Option<u64> {
        let nodes = raw.nodes?;
        if !(1..=MOST_NODES).contains(&nodes) {
            self.problem(&format!("{key}.nodes"), format!("must be 1 to {MOST_NODES}, and is {nodes}"));
        }
        Some(nodes)
    }

    /// The name of the node an agent is on.
    pub(super) fn node(&mut self, key: &str, name: Option<String>, store: bool) -> Option<String> {
        let name = name?;
        let fits = (1..=64).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
        if !fits {
            self.problem(
                &format!("{key}.node"),
                "must be 1 to 64 letters, digits, dots, hyphens or underscores, such as \"node-1\"",
            );
        }
        if !store {
            self.problem(
                &format!("{key}.node"),
                "needs [store] with a url: through it the agents of the nodes agree who asks",
            );
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse_config;

    fn config(keys: &str) -> String {
        format!("[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n{keys}")
    }

    #[test]
    fn the_number_of_nodes_reaches_the_policy() {
        let nodes = |keys: &str| parse_config(&config(keys)).unwrap().instances[0].policy.cluster_nodes;
        assert_eq!(nodes(""), None);
        assert_eq!(nodes("[instance.cluster]\nnodes = 3\n"), Some(3));
        for wrong in ["0", "101", "18446744073709551615"] {
            assert!(
                parse_config(&config(&format!("[instance.cluster]\nnodes = {wrong}\n"))).is_err(),
                "{wrong}"
            );
        }
        let problems = parse_config(&config("[instance.cluster]\nnodes = 0\n")).unwrap_err();
        assert_eq!(problems[0].key, "instance[0].cluster.nodes");
    }
}
