//! Which part of the instances this agent watches, when many agents share one configuration.

use std::env;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::validate::Validation;
use crate::chain::Chain;
use crate::collect::text_file::read_text;
use crate::shard::Shard;

/// More agents than this do not share a configuration.
const MOST: u32 = 1000;

/// The part of the instances this agent watches, when many agents share this file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawShard {
    /// How many agents share the instances; default: as many as `agents` names, else 1.
    pub(super) of: Option<u32>,
    /// Which of them this one is, counted from 1.
    pub(super) index: Option<u32>,
    /// A file that says which of them this one is: a number counted from 1, or a name that ends in a hyphen and a number
    /// counted from 0, such as that of a pod of a `StatefulSet`.
    pub(super) index_file: Option<String>,
    /// The environment variable that says it, in place of the file.
    pub(super) index_env: Option<String>,
    /// The addresses of all agents in their order, for Prometheus to find them at /api/v1/sd of any of them.
    pub(super) agents: Vec<String>,
}

impl Validation {
    pub(super) fn shard(&mut self, raw: RawShard) -> Shard {
        let RawShard { of, index, index_file, index_env, agents } = raw;
        for (place, agent) in agents.iter().enumerate() {
            let key = format!("shard.agents[{place}]");
            if !is_address(agent) {
                let told = format!(
                    "must be a host and a port such as \"agent-1.example.com:9977\", and is {agent:?}"
                );
                self.problem(&key, told);
            } else if agents.iter().take(place).any(|before| before == agent) {
                self.problem(&key, format!("{agent:?} stands there twice"));
            }
        }
        let named = u32::try_from(agents.len()).unwrap_or(u32::MAX);
        let of = of.unwrap_or_else(|| named.max(1));
        if !(1..=MOST).contains(&of) {
            self.problem("shard.of", format!("must be from 1 to {MOST}, and is {of}"));
            return Shard::default();
        }
        if named > 0 && named != of {
            let told = format!("must name as many agents as shard.of says: {of}, and names {named}");
            self.problem("shard.agents", told);
        }
        let index = match (index, index_file, index_env) {
            (Some(index), None, None) => Some(index),
            (None, Some(file), None) => {
                let read = read_text(Path::new(&file)).map_err(|error| Chain(&error).to_string());
                self.index_in("shard.index_file", &format!("the file {file}"), &read)
            }
            (None, None, Some(variable)) => {
                let read = env::var(&variable).map_err(|error| error.to_string());
                self.index_in("shard.index_env", &format!("the variable {variable}"), &read)
            }
            (None, None, None) if of == 1 => Some(1),
            (None, None, None) => {
                let told = format!(
                    "is missing: say which of the {of} agents this one is, or name the file that does in index_file"
                );
                self.problem("shard.index", told);
                None
            }
            (_, _, _) => {
                self.problem("shard.index", "give one of index, index_file and index_env");
                None
            }
        };
        let Some(index) = index else { return Shard::default() };
        if !(1..=of).contains(&index) {
            self.problem("shard.index", format!("must be from 1 to {of}, and is {index}"));
            return Shard::default();
        }
        Shard { index, of, agents }
    }

    fn index_in(&mut self, key: &str, place: &str, read: &Result<String, String>) -> Option<u32> {
        let seen = match read {
            Ok(text) => match parse_index(text.trim()) {
                Some(index) => return Some(index),
                None => format!("holds {:?}", text.trim().chars().take(64).collect::<String>()),
            },
            Err(error) => format!("cannot be read: {error}"),
        };
        let told = format!(
            "names {place}, which must hold a number counted from 1 or a name such as \"agent-0\", and {seen}"
        );
        self.problem(key, told);
        None
    }
}

/// Counted from 1 when it is a number, from 0 when it ends a name.
fn parse_index(value: &str) -> Option<u32> {
    match value.rsplit_once('-') {
        Some((name, number)) if !name.is_empty() => number.parse::<u32>().ok()?.checked_add(1),
        Some(_) => None,
        None => value.parse().ok(),
    }
}

/// Whether it is a host and a port, as Prometheus wants a target.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let allowed = |char: char| char.is_ascii_alphanumeric() || ".-_[]:".contains(char);
    !host.is_empty() && host.chars().all(allowed) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    const INSTANCES: &str = "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/a'\n\
        [[instance]]\nname = 'team'\nproduct = 'confluence'\ninstallation_dir = '/opt/b'\n";

    #[test]
    fn mistakes_are_told() {
        let rows = [
            ("of = 4", "shard.index is missing: say which of the 4 agents"),
            ("of = 4\nindex = 5", "shard.index must be from 1 to 4, and is 5"),
            ("of = 4\nindex = 0", "shard.index must be from 1 to 4, and is 0"),
            ("of = 0\nindex = 1", "shard.of must be from 1 to 1000"),
            ("of = 4\nindex = 1\nindex_env = 'X'", "shard.index give one of index, index_file"),
            (
                "of = 4\nindex_env = 'NOT_SET_ANYWHERE'",
                "names the variable NOT_SET_ANYWHERE, which must hold",
            ),
            ("of = 4\nindex_file = '/not/there'", "names the file /not/there, which must hold"),
            ("of = 4\nindex_file = '/'", "shard.index_file names the file /, which must hold"),
            ("of = 4\nindex_file = '/etc/passwd'", "and holds \"root:"),
            ("index = 1\nagents = ['a:1', 'a:1']", "shard.agents[1] \"a:1\" stands there twice"),
            ("index = 1\nagents = ['http://a:1']", "shard.agents[0] must be a host and a port"),
            ("index = 1\nagents = ['a:1\\n']", "shard.agents[0] must be a host and a port"),
            ("index = 1\nof = 2\nagents = ['a:1']", "shard.agents must name as many agents as shard.of says"),
        ];
        for (text, told) in rows {
            let problems = parse_config(&format!("[shard]\n{text}\n{INSTANCES}")).unwrap_err();
            let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(all.iter().any(|one| one.contains(told)), "{text}: {all:?}");
        }
    }

    #[test]
    fn each_agent_watches_its_part_of_one_file() {
        let names = |index: u32| {
            let config = parse_config(&format!("[shard]\nof = 2\nindex = {index}\n{INSTANCES}")).unwrap();
            assert_eq!((config.shard.index, config.shard.of), (index, 2));
            config.instances.iter().map(|instance| instance.name.clone()).collect::<Vec<_>>()
        };
        let mut all = names(1);
        all.extend(names(2));
        all.sort();
        assert_eq!(all, ["team", "wiki"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "agent-1\n").unwrap();
        let told = format!("[shard]\nof = 2\nindex_file = '{}'\n{INSTANCES}", file.path().display());
        assert_eq!(parse_config(&told).unwrap().shard.index, 2);
        let alone = parse_config(INSTANCES).unwrap();
        assert_eq!((alone.instances.len(), alone.shard), (2, Shard::default()));
    }

    #[test]
    fn who_it_is_can_be_told_from_outside() {
        let rows = [
            ("1", Some(1)),
            ("12", Some(12)),
            ("agent-0", Some(1)),
            ("upgrade-readiness-agent-9", Some(10)),
            ("", None),
            ("-1", None),
            ("agent", None),
            ("agent-x", None),
            ("agent-4294967295", None),
        ];
        for (value, expected) in rows {
            assert_eq!(parse_index(value), expected, "{value:?}");
        }
    }
}
