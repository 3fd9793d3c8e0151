//! Trying a channel before it is needed: a test message, and templates with an example.

use jiff::{SignedDuration, Timestamp};

use super::alertmanager::alerts;
use super::carry::{ALERTS, carry, render_file};
use super::condition::{Standing, TROUBLE, cut};
use super::forms::Parcel;
use super::letter::{Entry, Letter, Place, What};
use super::post::{Envelope, Refusal, Taken, post};
use super::watch::Known;
use super::words::subject;
use crate::channel::{Body, Channel, Event, Level, Transport};
use crate::store::ConditionKey;

/// Sends a test message now, and says what was answered.
pub async fn try_channel(channel: &Channel, now: Timestamp) -> Result<Taken, Refusal> {
    let entry = Entry {
        what: What::New,
        event: Event::AgentTrouble,
        alert: "UpgradeReadinessTest".to_owned(),
        level: Level::Info,
        check: String::new(),
        subject: String::new(),
        summary: "A test of the upgrade readiness agent. Nothing is the matter.".to_owned(),
        remedy: format!("Nothing; the channel {} works.", channel.name),
        at: now,
        began_at: None,
    };
    let parcel = Parcel {
        letter: Letter { places: vec![place("", "", entry)], ..Letter::default() },
        ..example(channel, now)
    };
    carry(channel, &parcel).await
}

/// Tells, without keeping it anywhere, that there is no store; whether it was taken.
pub(super) async fn tell_of_store(channel: &Channel, why: &str, now: Timestamp) -> bool {
    let entry = Entry {
        what: What::New,
        event: Event::AgentTrouble,
        alert: TROUBLE.to_owned(),
        level: Level::Warning,
        check: String::new(),
        subject: "store".to_owned(),
        summary: cut(&format!("Nothing is told until the agent's store can be used again: {why}"), 900),
        remedy: "`agent status` shows what is known now.".to_owned(),
        at: now,
        began_at: None,
    };
    let key = ConditionKey {
        instance: String::new(),
        target: String::new(),
        alert: entry.alert.clone(),
        check: String::new(),
        subject: entry.subject.clone(),
    };
    let (event, level) = (entry.event, entry.level);
    let (summary, remedy) = (entry.summary.clone(), entry.remedy.clone());
    let standing = Standing { event, level, requested: String::new(), summary, remedy };
    let known = Known { began_at: now, ended_at: None, standing };
    let parcel = Parcel {
        letter: Letter { places: vec![place("", "", entry)], ..Letter::default() },
        ..example(channel, now)
    };
    match &channel.transport {
        Transport::Alertmanager(address) => {
            let repeat = SignedDuration::from_mins(1);
            let Some(body) = alerts(std::iter::once((&key, &known)), repeat, now).pop() else { return false };
            let envelope = Envelope { content_type: "application/json", id: None, signed_with: None };
            post(address, ALERTS, body.to_string(), envelope).await.is_ok()
        }
        Transport::Webhook { .. } | Transport::Mail { .. } => carry(channel, &parcel).await.is_ok(),
    }
}

/// Renders an example with each template of an operator; the first that cannot be used, and why.
pub fn check_templates(channels: &[Channel]) -> Result<(), String> {
    for channel in channels {
        if let Transport::Webhook { body: Body::Template { file, content_type }, .. } = &channel.transport {
            let parcel = example(channel, Timestamp::UNIX_EPOCH);
            render_file(file, content_type, &parcel).map_err(|why| {
                format!(
                    "the template {} of the channel {} cannot be used: {why}",
                    file.display(),
                    channel.name
                )
            })?;
        }
    }
    Ok(())
}

/// What a message that is on its way says, in one line; empty when it cannot be read.
#[must_use]
pub fn subject_of(content: &str) -> String {
    serde_json::from_str::<Letter>(content).map(|letter| subject(&letter)).unwrap_or_default()
}

fn example(channel: &Channel, now: Timestamp) -> Parcel {
    let entry = Entry {
        what: What::New,
        event: Event::Blocked,
        alert: "UpgradeBlocked".to_owned(),
        level: Level::Critical,
        check: "disk-space".to_owned(),
        subject: "/".to_owned(),
        summary: "There is no \"room\" on / for the upgrade".to_owned(),
        remedy: "Make room.".to_owned(),
        at: now,
        began_at: None,
    };
    Parcel {
        id: blake3::hash(format!("test {} {now}", channel.name).as_bytes())
            .to_hex()
            .chars()
            .take(32)
            .collect(),
        channel: channel.name.clone(),
        made_at: now,
        late_since: None,
        letter: Letter { places: vec![place("wiki", "10.2.14", entry)], ..Letter::default() },
    }
}

fn place(site: &str, target: &str, entry: Entry) -> Place {
    let of_a_site = |text: &str| if site.is_empty() { String::new() } else { text.to_owned() };
    Place {
        site: site.to_owned(),
        product: of_a_site("Confluence"),
        version: of_a_site("9.2.7"),
        target: target.to_owned(),
        requested: of_a_site("latest-lts"),
        verdict: of_a_site("blocked"),
        blockers: usize::from(!site.is_empty()),
        entries: vec![entry],
    }
}
