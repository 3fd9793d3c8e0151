//! `agent explain --rights`: does the agent have what its checks need, and nothing more?
//!
//! Whoever types the command is looked at, not the daemon: the answer says as whom, and how to ask as the daemon.

mod beyond;
mod render;
mod secrets;

use std::sync::Arc;

use upgrade_readiness_checks::facts::{Condition, Source};
use upgrade_readiness_checks::model::{Check, Verdict};

use super::ConfigArgs;
use super::output::Output;
use super::run::block_on;
use super::snapshot::{choose_instance, look_at};
use crate::board::{Board, Grounds, Offering};
use crate::collect::database::RowCounts;
use crate::config::{Config, Instance};
use crate::keeper::{History, Judging, judge_instance};
use crate::surface::status::view;

use beyond::{Beyond, Seen, of_database_account, of_this_host};

/// What the agent may do about one instance.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rights {
    /// What could be seen.
    sees: Vec<String>,
    /// What could not be seen, and why.
    lacks: Vec<(String, String)>,
    /// What is not needed.
    beyond: Vec<Beyond>,
    /// What could not be looked into, and why.
    unclear: Vec<(String, String)>,
    /// The database account was looked into, since a check reads the database.
    of_database: bool,
}

impl Rights {
    fn add(&mut self, seen: Seen) {
        self.beyond.extend(seen.beyond);
        self.unclear.extend(seen.unclear);
    }
}

/// Everything is there and nothing more; something could not be seen; there is more than is needed.
const ALL_WELL: u8 = 0;
const TOO_MUCH: u8 = 1;
const CANNOT_TELL: u8 = 3;

/// Asks what is needed for a check, or for all of them, and says what is lacking and what is too much.
pub(super) fn run(
    check: Option<&'static Check>,
    instance: Option<&str>,
    args: &ConfigArgs,
    output: &mut Output,
) -> anyhow::Result<u8> {
    let config = args.read()?;
    let instances = match instance {
        Some(name) => vec![choose_instance(&config, Some(name))?],
        None => config.instances.clone(),
    };
    let mut code = ALL_WELL;
    let mut text = render::who();
    for instance in &instances {
        let mut rights = block_on(looked_at(&config, instance, check))??;
        rights.add(of_this_host(&args.config, &config, instance));
        text.push_str(&render::rights(&instance.name, check.map(|check| check.id), &rights));
        code = code.max(code_of(&rights));
    }
    output.text(&text)?;
    Ok(code)
}

fn code_of(rights: &Rights) -> u8 {
    if !rights.lacks.is_empty() || !rights.unclear.is_empty() {
        CANNOT_TELL
    } else if rights.beyond.is_empty() {
        ALL_WELL
    } else {
        TOO_MUCH
    }
}

/// Looks as a check would, and says what could be seen.
async fn looked_at(
    config: &Config,
    instance: &Arc<Instance>,
    check: Option<&'static Check>,
) -> anyhow::Result<Rights> {
    let sources: Vec<Source> = check.map_or_else(|| Source::ALL.to_vec(), |check| check.reads.to_vec());
    let looked = look_at(config, instance, &sources, RowCounts::Leave).await?;
    let mut rights = Rights::default();
    for source in &sources {
        let state = looked.snapshot.state(*source);
        let why = state.failure.map(|failure| failure.message.clone()).unwrap_or_default();
        match state.condition {
            Condition::Ok => rights.sees.push(source.id().to_owned()),
            Condition::Off => rights.unclear.push((source.id().to_owned(), "it is switched off".to_owned())),
            Condition::Pending | Condition::Stale | Condition::Failed => {
                rights.lacks.push((source.id().to_owned(), why));
            }
        }
    }
    rights.lacks.extend(unseen(instance, check, &looked));
    if sources.contains(&Source::Database) {
        rights.add(of_database_account(instance).await);
        rights.of_database = true;
    }
    Ok(rights)
}

/// What checks could not see though their sources answered: a part that is closed to the agent.
fn unseen(
    instance: &Instance,
    check: Option<&'static Check>,
    looked: &super::snapshot::Looked,
) -> Vec<(String, String)> {
    let (policy, plan) = (instance.policy.clone(), instance.plan.clone());
    let grounds = Arc::new(Grounds { catalog: looked.catalog.clone(), policy, plan });
    let judging = Judging {
        grounds: &grounds,
        targets: &instance.targets,
        offering: &Offering::NotJudged,
        now: looked.snapshot.taken_at,
        ahead: false,
    };
    let state = judge_instance(&judging, &Arc::new(looked.snapshot.clone()), &mut History::default());
    let board = Board { instances: vec![Arc::new(state)], ..Board::default() };
    let status = view(&board, looked.snapshot.taken_at);
    let failed: Vec<String> = Source::ALL
        .into_iter()
        .filter(|source| looked.snapshot.state(*source).condition != Condition::Ok)
        .map(|source| format!("{}: ", source.id()))
        .collect();
    let mut unseen = Vec::new();
    for target in status.instances.iter().flat_map(|instance| &instance.targets) {
        for (reason, checks) in target.by_reason(Verdict::Unknown) {
            // Of a source that does not answer, enough is said.
            if failed.iter().any(|source| reason.starts_with(source)) {
                continue;
            }
            let meant = checks.iter().filter(|seen| check.is_none_or(|check| check.id == seen.id));
            let ids: Vec<&str> = meant.map(|seen| seen.id.as_str()).collect();
            let entry = (ids.join(", "), reason.to_owned());
            if !ids.is_empty() && !unseen.contains(&entry) {
                unseen.push(entry);
            }
        }
    }
    unseen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_weighs_more_than_what_is_too_much() {
        let pair = || ("a".to_owned(), "b".to_owned());
        let beyond = || Beyond { who: "a".into(), may: "b".into(), undo: "c".into() };
        let rows = [
            (Rights::default(), 0),
            (Rights { beyond: vec![beyond()], ..Rights::default() }, 1),
            (Rights { lacks: vec![pair()], beyond: vec![beyond()], ..Rights::default() }, 3),
            (Rights { unclear: vec![pair()], ..Rights::default() }, 3),
        ];
        for (rights, code) in rows {
            assert_eq!(code_of(&rights), code, "{rights:?}");
        }
    }
}
