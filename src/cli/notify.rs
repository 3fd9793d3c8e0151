//! `agent notify`: tries a channel, and shows what waits to be told.

use std::fmt::Write as _;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::ConfigArgs;
use super::output::{Output, advise};
use super::run::block_on;
use crate::channel::Transport;
use crate::config::Config;
use crate::store::{ChannelState, ConditionKey, Message, Store, StoreError, Told};
use crate::surface::notify::{subject_of, try_channel};
use crate::surface::status::{minute, printable};

/// Arguments of `agent notify`.
#[derive(Debug, Args)]
pub(crate) struct NotifyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send a test message now, and tell what the receiver answered.
    Test {
        /// The channel.
        channel: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// What waits, what failed and why, and what was last sent; works when the daemon is down.
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) fn run(command: &NotifyCommand, output: &mut Output) -> anyhow::Result<u8> {
    match &command.action {
        Action::Test { channel, config } => test(channel, &config.read()?, output),
        Action::List { config } => list(&config.read()?, output),
    }
}

fn test(name: &str, config: &Config, output: &mut Output) -> anyhow::Result<u8> {
    let Some(channel) = config.channels.iter().find(|channel| channel.name == name) else {
        let names: Vec<&str> = config.channels.iter().map(|channel| channel.name.as_str()).collect();
        let there = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
        return Err(advise(
            anyhow!("there is no channel {:?}", printable(name)),
            format!("Name one of the configuration's [[channel]]s: {there}."),
        ));
    };
    let began = Timestamp::now();
    let outcome = block_on(try_channel(channel, began))?;
    let took = Timestamp::now().duration_since(began).as_millis();
    match outcome {
        Ok(taken) => {
            let mut text = format!(
                "{name} ({}): taken; answered {} after {took} ms",
                channel.transport.kind(),
                taken.answer
            );
            if !taken.more.is_empty() {
                text.push_str("\n  ");
                text.push_str(&printable(&taken.more));
            }
            if matches!(channel.transport, Transport::Alertmanager(_)) {
                text.push_str(
                    "\n  The alert UpgradeReadinessTest stands there for a minute; a route may tell of it.",
                );
            }
            output.text(&text)?;
            Ok(0)
        }
        Err(refusal) => {
            let more = if refusal.more.is_empty() {
                String::new()
            } else {
                format!("; it says: {}", printable(&refusal.more))
            };
            let error = anyhow!("{}{more}", refusal.told)
                .context(format!("the channel {name} did not take a test message"));
            Err(advise(error, refusal.remedy))
        }
    }
}

struct Outbox {
    states: Vec<ChannelState>,
    messages: Vec<Message>,
    told: Vec<Vec<(ConditionKey, Told)>>,
}

fn list(config: &Config, output: &mut Output) -> anyhow::Result<u8> {
    let path = config.store_file();
    let read = async {
        let mut store = Store::open_to_read(&path).await?;
        let (states, messages) = (store.channels().await?, store.messages(None).await?);
        let mut told = Vec::new();
        for channel in &config.channels {
            told.push(store.told(&channel.name).await?);
        }
        Ok::<_, StoreError>(Outbox { states, messages, told })
    };
    let outbox = block_on(read)?.map_err(|error| {
        let remedy = error.remedy_to_read();
        advise(error, remedy)
    })?;
    if config.channels.is_empty() {
        output.text(
            "No channel is configured: nobody is told. config/agent.toml shows how, under [[channel]].",
        )?;
        return Ok(0);
    }
    let mut text = String::new();
    let mut failing = false;
    for (channel, told) in config.channels.iter().zip(&outbox.told) {
        let state = outbox.states.iter().find(|state| state.name == channel.name);
        failing |= state.is_some_and(|state| state.failing_since.is_some());
        let _infallible = writeln!(text, "{} ({})", channel.name, channel.transport.kind());
        text.push_str(&render(state, &outbox.messages, told, &channel.name));
    }
    output.text(&text)?;
    Ok(u8::from(failing))
}

fn render(
    state: Option<&ChannelState>,
    messages: &[Message],
    told: &[(ConditionKey, Told)],
    channel: &str,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _infallible = writeln!(text, "  {name:10} {value}");
    };
    let Some(state) = state else {
        line("last sent", "nothing: the daemon has not judged everything with this channel yet".to_owned());
        return text;
    };
    line(
        "last sent",
        match (&state.sent_at, &state.answer) {
            (Some(at), answer) => {
                format!("{}, answered {}", minute(*at), answer.as_deref().unwrap_or("nothing"))
            }
            (None, _) => "nothing".to_owned(),
        },
    );
    let standing = told.iter().filter(|(_, told)| told.ended_at.is_none()).count();
    line("told of", format!("{standing} things that stand"));
    if let (Some(since), Some(trouble)) = (state.failing_since, &state.trouble) {
        let next = state.next_at.map(|at| format!(", next {}", minute(at))).unwrap_or_default();
        line(
            "failing",
            format!("since {}, {} attempts{next}: {}", minute(since), state.attempts, printable(trouble)),
        );
    }
    if state.given_up > 0 {
        line("given up", format!("{} messages; the next one says so", state.given_up));
    }
    for message in messages.iter().filter(|message| message.channel == channel) {
        let subject = printable(&subject_of(&message.content));
        line("waiting", format!("{}  {subject}  ({})", minute(message.since), message.id));
    }
    let ends: Vec<_> = told.iter().filter_map(|(_, told)| told.ended_at).collect();
    if let Some(oldest) = ends.iter().min() {
        line("waiting", format!("{} ends of alerts, the oldest of {}", ends.len(), minute(*oldest)));
    }
    text
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_channel_is_described_whatever_its_state() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let good = ChannelState {
            name: "ops".into(),
            began_at: now,
            sent_at: Some(now),
            answer: Some("200 OK".into()),
            failing_since: None,
            trouble: None,
            attempts: 0,
            next_at: None,
            given_up: 0,
        };
        let bad = ChannelState {
            failing_since: Some(now),
            trouble: Some("it answered 500".into()),
            attempts: 3,
            next_at: Some(now + SignedDuration::from_mins(2)),
            given_up: 2,
            ..good.clone()
        };
        let waiting = Message {
            id: "c0ffee".into(),
            channel: "ops".into(),
            instance: "wiki".into(),
            target: "10.2.14".into(),
            made_at: now,
            since: now,
            content: "{}".into(),
        };
        for (state, parts) in [
            (None, vec!["not judged everything"]),
            (Some(&good), vec!["2026-11-28 12:00 UTC, answered 200 OK"]),
            (
                Some(&bad),
                vec!["3 attempts, next 2026-11-28 12:02", "it answered 500", "2 messages", "c0ffee"],
            ),
        ] {
            let text = render(state, std::slice::from_ref(&waiting), &[], "ops");
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
    }
}
