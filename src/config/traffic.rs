//! Where the access logs are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::validate::Validation;
use crate::collect::traffic::AccessLogs;

/// Two weeks are the least from which a week can be told; a year is more than anybody keeps.
const DAYS: std::ops::RangeInclusive<u32> = 14..=366;

/// Access logs, from which is seen when the instance is used.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawTraffic {
    /// Patterns of access logs, rotated and gzip-compressed ones too; give those of the application server or those
    /// of the proxy before it, not both. Default: the product's own.
    pub(super) logs: Option<Vec<String>>,
    /// Parts of paths whose requests do not count, such as health probes; a part ends where a part of the path does.
    /// Default /status and /rest/troubleshooting.
    pub(super) ignore: Option<Vec<String>>,
    /// How many days back the logs are looked at, from 14 to 366; default 35.
    pub(super) days: Option<u32>,
}

impl Validation {
    /// The access logs of the instance at `key`; without patterns the product knows its own.
    pub(super) fn traffic(&mut self, key: &str, raw: RawTraffic) -> AccessLogs {
        let patterns = raw.logs.unwrap_or_default();
        for (index, pattern) in patterns.iter().enumerate() {
            let key = format!("{key}.logs[{index}]");
            if !pattern.starts_with('/') {
                self.problem(
                    &key,
                    format!("must be a pattern from the root such as \"/var/log/nginx/access.log*\", and is {pattern:?}"),
                );
            } else if let Err(error) = glob::Pattern::new(pattern) {
                self.problem(&key, format!("is not a pattern: {error}"));
            }
        }
        let usual = || vec!["/status".to_owned(), "/rest/troubleshooting".to_owned()];
        let ignore = raw.ignore.unwrap_or_else(usual);
        for (index, part) in ignore.iter().enumerate() {
            if !part.starts_with('/') || part.len() < 2 {
                let key = format!("{key}.ignore[{index}]");
                self.problem(&key, format!("must be part of a path such as \"/status\", and is {part:?}"));
            }
        }
        let days = raw.days.unwrap_or(35);
        if !DAYS.contains(&days) {
            self.problem(&format!("{key}.days"), format!("must be from 14 to 366, and is {days}"));
        }
        AccessLogs { patterns, ignore, days }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    fn config(keys: &str) -> String {
        format!("[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n{keys}")
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let traffic = |keys: &str| parse_config(&config(keys)).unwrap().instances[0].traffic.clone();
        let usual = AccessLogs {
            patterns: Vec::new(),
            ignore: vec!["/status".into(), "/rest/troubleshooting".into()],
            days: 35,
        };
        assert_eq!(traffic(""), usual);
        let all = "[instance.traffic]\nlogs = ['/var/log/nginx/*.log*']\nignore = []\ndays = 14\n";
        let told =
            AccessLogs { patterns: vec!["/var/log/nginx/*.log*".into()], ignore: Vec::new(), days: 14 };
        assert_eq!(traffic(all), told);
    }

    #[test]
    fn every_mistake_names_its_key() {
        let text = config(
            "[instance.traffic]\nlogs = ['access.log', '/var/log/[a']\nignore = ['status', '/']\ndays = 7\n",
        );
        let problems = parse_config(&text).unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        let table = "instance[0].traffic.";
        let expected =
            ["logs[0]", "logs[1]", "ignore[0]", "ignore[1]", "days"].map(|key| format!("{table}{key}"));
        for key in &expected {
            assert!(keys.contains(&key.as_str()), "{key}: {problems:?}");
        }
        assert_eq!(keys.len(), expected.len(), "{problems:?}");
    }
}
