//! `/api/v1/sd`: the agents that share a configuration, for Prometheus to find them (`http_sd_configs`).

use std::net::SocketAddr;

use serde::Serialize;

use crate::board::Board;
use crate::shard::Shard;

/// One agent, as Prometheus wants it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Group {
    targets: [String; 1],
    labels: Labels,
}

/// What can be made labels of by `relabel_configs`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Labels {
    #[serde(rename = "__meta_upgrade_readiness_shard")]
    shard: String,
    #[serde(rename = "__meta_upgrade_readiness_shards")]
    shards: String,
}

/// All agents the configuration names; this one alone, where it listens, when it names none. Why that cannot be told,
/// when it cannot: Prometheus then goes on with those it knows.
pub(super) fn groups(board: &Board, listening: SocketAddr) -> Result<Vec<Group>, String> {
    let Shard { index, of, agents } = &board.shard;
    let group = |index: u32, address: String| Group {
        targets: [address],
        labels: Labels { shard: index.to_string(), shards: of.to_string() },
    };
    if !agents.is_empty() {
        return Ok((1..).zip(agents).map(|(index, address)| group(index, address.clone())).collect());
    }
    if *of > 1 {
        return Err(format!(
            "where the other agents are is not known: shard.agents in the configuration names all {of}"
        ));
    }
    if listening.ip().is_unspecified() {
        return Err(format!(
            "the agent listens on every address of its host ({listening}), and does not know by which one it is reached: \
             shard.agents in the configuration names it"
        ));
    }
    Ok(vec![group(*index, listening.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_is_found_with_its_shard() {
        let listening = "127.0.0.1:9977".parse().unwrap();
        let alone = serde_json::to_string(&groups(&Board::default(), listening).unwrap()).unwrap();
        let expected = r#"[{"targets":["127.0.0.1:9977"],"labels":{"__meta_upgrade_readiness_shard":"1","__meta_upgrade_readiness_shards":"1"}}]"#;
        assert_eq!(alone, expected);
        let agents = vec!["a.example.com:9977".to_owned(), "[2001:db8::1]:9977".to_owned()];
        let shard = Shard { index: 2, of: 2, agents: agents.clone() };
        let found = groups(&Board { shard, ..Board::default() }, listening).unwrap();
        let found: Vec<_> =
            found.into_iter().map(|Group { targets: [one], labels }| (one, labels.shard)).collect();
        assert_eq!(found, [(agents[0].clone(), "1".to_owned()), (agents[1].clone(), "2".to_owned())]);

        let one_of_many = Shard { index: 2, of: 3, agents: Vec::new() };
        let board = Board { shard: one_of_many, ..Board::default() };
        assert!(
            groups(&board, listening).unwrap_err().contains("shard.agents in the configuration names all 3")
        );
        for everywhere in ["0.0.0.0:9977", "[::]:9977"] {
            let refused = groups(&Board::default(), everywhere.parse().unwrap()).unwrap_err();
            assert!(refused.contains(everywhere), "{refused}");
        }
    }
}
