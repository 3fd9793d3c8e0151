//! What the operator wants and allows, and the form in which it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Answers, Component, MinimumOf, Pattern};
use crate::model::{Environment, Plan, Policy, Requested};
use crate::version::Line;

/// What the operator wants and allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "Written", into = "Written")]
pub struct Brief {
    /// The releases to judge; at least one.
    pub targets: Vec<Requested>,
    /// The limits, whole.
    pub policy: Policy,
    /// What is planned.
    pub plan: Plan,
    /// The operator's own answers to what the catalog does not know for sure.
    pub answers: Answers,
}

/// The brief as it is written: what a policy does not say of itself stands beside it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Written {
    targets: Vec<Requested>,
    policy: Policy,
    environment: Environment,
    #[serde(default)]
    cluster_nodes: Option<u64>,
    plan: Plan,
    #[serde(default)]
    answers: BTreeMap<Line, AnswersOnLine>,
}

/// The answers on one feature line.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct AnswersOnLine {
    supported: BTreeMap<Component, Vec<Pattern>>,
    minimums: BTreeMap<MinimumOf, u64>,
}

impl From<Brief> for Written {
    fn from(brief: Brief) -> Self {
        let Brief { targets, policy, plan, answers: Answers { supported, minimums } } = brief;
        let mut answers: BTreeMap<Line, AnswersOnLine> = BTreeMap::new();
        for ((line, component), patterns) in supported {
            answers.entry(line).or_default().supported.insert(component, patterns);
        }
        for ((line, of), value) in minimums {
            answers.entry(line).or_default().minimums.insert(of, value);
        }
        let (environment, cluster_nodes) = (policy.environment, policy.cluster_nodes);
        Self { targets, policy, environment, cluster_nodes, plan, answers }
    }
}

impl TryFrom<Written> for Brief {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { targets, policy, environment, cluster_nodes, plan, answers } = written;
        // With nothing to judge there would be nothing to find.
        if targets.is_empty() {
            return Err("the brief names no target".to_owned());
        }
        let mut read = Answers::default();
        for (line, AnswersOnLine { supported, minimums }) in answers {
            for (component, patterns) in supported {
                if patterns.is_empty() {
                    return Err(format!("the answer for {} of {line} names no version", component.id()));
                }
                read.supported.insert((line, component), patterns);
            }
            read.minimums.extend(minimums.into_iter().map(|(of, value)| ((line, of), value)));
        }
        Ok(Self { targets, policy: Policy { environment, cluster_nodes, ..policy }, plan, answers: read })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use jiff::civil::date;

    use super::*;
    use crate::model::Freeze;

    fn line(text: &str) -> Line {
        text.parse().unwrap()
    }

    fn brief() -> Brief {
        let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Brief {
            targets: vec![Requested::LatestLongTermSupport, "9.2.10".parse().unwrap()],
            policy: Policy {
                license_warn_days: 7,
                ignored_plugins: vec!["com.example.a".to_owned()],
                environment: Environment::Test,
                cluster_nodes: Some(3),
                ..Policy::default()
            },
            plan: Plan {
                day: Some(date(2026, 12, 5)),
                starts_at: Some("2026-12-05T19:00:00Z".parse().unwrap()),
                downtime: Some(SignedDuration::from_hours(4)),
                utc_offset_seconds: 3600,
                freezes: vec![Freeze {
                    name: "closing".to_owned(),
                    from: "2026-12-20T00:00:00Z".parse().unwrap(),
                    until: "2026-12-31T00:00:00Z".parse().unwrap(),
                }],
            },
            answers: Answers {
                supported: [
                    ((line("9.2"), Component::Postgresql), patterns(&["14", ">=15"])),
                    ((line("10.2"), Component::OperatingSystem), patterns(&["debian 12"])),
                ]
                .into(),
                minimums: [((line("10.2"), MinimumOf::HeapMib), 2048)].into(),
            },
        }
    }

    #[test]
    fn nothing_of_a_brief_is_lost_on_its_way() {
        let text = toml::to_string(&brief()).unwrap();
        assert_eq!(toml::from_str::<Brief>(&text).unwrap(), brief());
        assert_eq!(toml::to_string(&toml::from_str::<Brief>(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn a_brief_that_says_more_or_less_than_a_reader_understands_is_refused() {
        let text = toml::to_string(&brief()).unwrap();
        let rows = [
            ("targets = [", "wishes = [", "unknown field `wishes`"),
            ("targets = [\"latest-lts\", \"9.2.10\"]", "targets = []", "names no target"),
            ("license_warn_days", "license_hope_days", "unknown field `license_hope_days`"),
            ("utc_offset_seconds", "utc_offset_hours", "unknown field `utc_offset_hours`"),
            ("until", "till", "unknown field `till`"),
            ("[\"14\", \">=15\"]", "[]", "postgresql of 9.2 names no version"),
            ("supported", "supporting", "unknown field `supporting`"),
            ("environment = \"test\"", "environment = \"moon\"", "unknown variant `moon`"),
        ];
        for (from, to, words) in rows {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let error = toml::from_str::<Brief>(&changed).unwrap_err().to_string();
            assert!(error.contains(words), "{words:?} is not in {error}");
        }
    }
}
