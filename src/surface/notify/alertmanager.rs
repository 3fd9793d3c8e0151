//! What an Alertmanager is sent: every alert that fires, again and again, and the end of each that ended.
//!
//! API v2, <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>: the labels are who an alert is,
//! sending one again changes nothing, and one whose `endsAt` has passed is resolved.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::condition::Standing;
use super::watch::Known;
use crate::channel::{Event, Level};
use crate::store::ConditionKey;

/// A firing alert that is not sent again ends by itself. Long, because silence of the agent is no good news: while it is
/// restarted or renewed nobody must be told that something is over.
const ENDS_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// So many go into one request.
pub(super) const MOST_AT_ONCE: usize = 500;

/// The alerts of these conditions, in as many lists as there are requests.
pub(super) fn alerts<'a>(
    conditions: impl Iterator<Item = (&'a ConditionKey, &'a Known)>,
    repeat_every: SignedDuration,
    now: Timestamp,
) -> Vec<Value> {
    let ends = now + (repeat_every * 4).max(ENDS_AFTER);
    let all: Vec<Value> = conditions.map(|(key, known)| alert(key, known, ends)).collect();
    all.chunks(MOST_AT_ONCE).map(|part| Value::Array(part.to_vec())).collect()
}

fn alert(key: &ConditionKey, known: &Known, ends: Timestamp) -> Value {
    let Standing { event, level, requested, summary, remedy } = &known.standing;
    let mut labels = Map::new();
    // An empty label is none.
    let mut label = |name: &str, value: &str| {
        if !value.is_empty() {
            labels.insert(name.to_owned(), value.into());
        }
    };
    label("alertname", &key.alert);
    label("severity", level.id());
    label("site", &key.instance);
    label("target", &key.target);
    label("check", &key.check);
    match event {
        Event::SourceFailing => label("source", &key.subject),
        Event::CatalogOld => label("product", &key.subject),
        Event::Blocked
        | Event::WillBeBlocked
        | Event::CannotTell
        | Event::WaiverEnding
        | Event::AgentTrouble => {
            label("subject", &key.subject);
        }
    }
    label("requested", requested);
    match event {
        Event::Blocked => label("verdict", "blocked"),
        Event::CannotTell => label("verdict", "unknown"),
        Event::WillBeBlocked
        | Event::SourceFailing
        | Event::WaiverEnding
        | Event::CatalogOld
        | Event::AgentTrouble => {}
    }
    json!({
        "labels": labels,
        "annotations": {"summary": summary, "description": remedy},
        "startsAt": known.began_at,
        "endsAt": known.ended_at.unwrap_or(ends),
    })
}

/// An alert to try the way with, which ends by itself.
pub(super) fn trial(now: Timestamp) -> Value {
    json!([{
        "labels": {"alertname": "UpgradeReadinessTest", "severity": Level::Info.id()},
        "annotations": {"summary": "A test of the upgrade readiness agent. Nothing is the matter."},
        "startsAt": now,
        "endsAt": now + SignedDuration::from_mins(1),
    }])
}
