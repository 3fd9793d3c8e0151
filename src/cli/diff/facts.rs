//! What changed between two snapshots.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::{Differences, Taken};

/// Members that tick when nothing happens.
const TICKING: &[&str] = &["taken_at", "collected_at", "took", "fresh_for", "trends", "given_at"];

/// Members by which the entries of a list are known.
const NAMES: &[&str] = &[
    "name",
    "key",
    "id",
    "mount_point",
    "role",
    "path",
    "check",
    "plugin",
    "version",
    "release",
    "pid",
    "kind",
];

/// Trees are no deeper than what we write; what is deeper is compared as a whole.
const MOST_DEPTH: usize = 32;

/// The facts; and what they are judged by, where both say it.
pub(super) fn compare(a: Taken, b: Taken) -> anyhow::Result<Differences> {
    let mut found = Differences::default();
    if let (Taken::Dossier(a), Taken::Dossier(b)) = (&a, &b) {
        for (name, a, b) in [
            ("brief", tree(&a.brief)?, tree(&b.brief)?),
            ("catalog", tree(&a.catalog)?, tree(&b.catalog)?),
            ("agent", tree(&a.agent)?, tree(&b.agent)?),
        ] {
            walk(name, Some(&a), Some(&b), 0, &mut found);
        }
    }
    walk("", Some(&tree(&a.into_facts())?), Some(&tree(&b.into_facts())?), 0, &mut found);
    Ok(found)
}

fn tree(part: &impl Serialize) -> anyhow::Result<Value> {
    serde_json::to_value(part).context("reading the snapshot")
}

fn walk(path: &str, a: Option<&Value>, b: Option<&Value>, depth: usize, found: &mut Differences) {
    if a == b {
        return;
    }
    match (a, b) {
        (Some(Value::Object(a)), Some(Value::Object(b))) if depth < MOST_DEPTH => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names.into_iter().filter(|name| !TICKING.contains(&name.as_str())) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(&below, a.get(name), b.get(name), depth + 1, found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if depth < MOST_DEPTH => {
            let (a, b) = (named(a), named(b));
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let below = format!("{path}[{name}]");
                walk(&below, a.get(name).copied(), b.get(name).copied(), depth + 1, found);
            }
        }
        _ => found.add(path, a.map(told), b.map(told)),
    }
}

/// The entries of a list by what they are known by, else by what they are: a list without order in which something
/// is inserted differs by that.
fn named(list: &[Value]) -> BTreeMap<String, &Value> {
    let mut by_name = BTreeMap::new();
    for entry in list {
        let name = match entry {
            Value::Object(members) => NAMES
                .iter()
                .find_map(|name| Some(members.get(*name)?.as_str()?.to_owned()))
                .unwrap_or_else(|| entry.to_string()),
            other => told(other),
        };
        let mut unique = name.clone();
        let mut number = 1;
        while by_name.contains_key(&unique) {
            number += 1;
            unique = format!("{name} {number}");
        }
        by_name.insert(unique, entry);
    }
    by_name
}

fn told(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
