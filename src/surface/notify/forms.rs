//! What is posted to a webhook: the forms of chat tools, one for programs, and templates of the operator.
//!
//! Texts come from what is watched, so they are escaped for where they go: nobody there can be called, and nothing
//! that is no text can be made.

use jiff::Timestamp;
use minijinja::value::{Serde, Value as TemplateValue};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::condition::cut;
use super::letter::{Letter, Place};
use super::words::{described, heading, subject, text};
use crate::channel::{Form, Level};

/// Loops of a template end.
const MOST_STEPS: u64 = 1_000_000;

/// A message about to be sent.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    pub(super) id: String,
    pub(super) channel: String,
    pub(super) made_at: Timestamp,
    /// Since when what it tells could not be delivered, when it is late.
    pub(super) late_since: Option<Timestamp>,
    pub(super) letter: Letter,
}

/// The body of a known form.
pub(super) fn render_form(form: Form, parcel: &Parcel) -> String {
    let value = match form {
        Form::Slack => slack(parcel),
        Form::Teams => teams(parcel),
        Form::Mattermost => mattermost(parcel),
        Form::Json => json_form(parcel),
    };
    value.to_string()
}

/// Renders a template of the operator. `as_json`: values are written as JSON, with their quotes.
pub(super) fn render_template(source: &str, as_json: bool, parcel: &Parcel) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| if as_json { AutoEscape::Json } else { AutoEscape::None });
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(MOST_STEPS));
    let told = |error: &minijinja::Error| {
        let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
        format!("{line}{error}")
    };
    let context = TemplateValue::from(Serde(json_form(parcel)));
    let made = environment.render_str(source, context).map_err(|error| told(&error))?;
    if as_json && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&made) {
        return Err(format!(
            "what it makes is not JSON ({error}); values are written with their quotes: \"text\": {{{{ text }}}}"
        ));
    }
    Ok(made)
}

/// Everything there is to say; also what templates may use.
///
/// A public format: members are added, and never change.
fn json_form(parcel: &Parcel) -> Value {
    let letter = &parcel.letter;
    let place = |place: &Place| {
        let events: Vec<Value> = place
            .entries
            .iter()
            .map(|entry| {
                json!({
                    "what": entry.what, "event": entry.event, "alert": entry.alert, "severity": entry.level.id(),
                    "check": entry.check, "subject": entry.subject, "summary": entry.summary,
                    "remedy": entry.remedy, "at": entry.at, "began_at": entry.began_at,
                })
            })
            .collect();
        json!({
            "instance": place.site, "product": place.product, "version": place.version, "target": place.target,
            "requested": place.requested, "verdict": place.verdict, "blockers": place.blockers, "events": events,
        })
    };
    json!({
        "format_version": "1.0",
        "id": parcel.id,
        "channel": parcel.channel,
        "made_at": parcel.made_at,
        "late_since": parcel.late_since,
        "severity": letter.level().id(),
        "subject": subject(letter),
        "text": text(letter, parcel.late_since),
        "given_up_before": letter.lost,
        "left_out": letter.left_out,
        "places": letter.places.iter().map(place).collect::<Vec<_>>(),
    })
}

/// An incoming webhook, <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>; a message has at
/// most 50 blocks, a header 150 characters and a section 3000, <https://docs.slack.dev/reference/block-kit/blocks>.
fn slack(parcel: &Parcel) -> Value {
    let letter = &parcel.letter;
    // The three characters that mean something, <https://docs.slack.dev/messaging/formatting-message-text>.
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let section = |text: String| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    let title = subject(letter);
    let mut blocks =
        vec![json!({"type": "header", "text": {"type": "plain_text", "text": cut(&title, 140)}})];
    let mut parts = parts(parcel, 1400);
    let more = parts.len().saturating_sub(45);
    parts.truncate(45);
    blocks.extend(parts.iter().map(|part| section(shorten(&escape(part), 2900))));
    if more > 0 {
        blocks.push(section(format!("… and {more} more parts; `agent status` shows all.")));
    }
    json!({"text": escape(&title), "blocks": blocks})
}

/// A card for a workflow "when a Teams webhook request is received",
/// <https://learn.microsoft.com/power-automate/teams/send-a-message-in-teams>; a message has at most 28 KB,
/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>.
fn teams(parcel: &Parcel) -> Value {
    let letter = &parcel.letter;
    let color = match letter.level() {
        Level::Critical => "attention",
        Level::Warning => "warning",
        Level::Info => "good",
    };
    // Markdown makes links of brackets.
    let escape = |text: &str| text.replace('[', "\\[").replace(']', "\\]");
    let block = |text: &str| json!({"type": "TextBlock", "text": escape(text), "wrap": true});
    let mut body = vec![json!({
        "type": "TextBlock", "text": escape(&subject(letter)), "wrap": true, "weight": "bolder", "size": "medium",
        "color": color,
    })];
    let mut room: usize = 18_000;
    for part in parts(parcel, 1400) {
        // Lines of their own need two line breaks.
        let part = part.replace('\n', "\n\n");
        let bytes = part.len() + 80;
        if bytes > room {
            body.push(block("… and more; `agent status` shows all."));
            break;
        }
        room -= bytes;
        body.push(block(&part));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {"width": "Full"},
                "body": body,
            },
        }],
    })
}

/// An incoming webhook, <https://developers.mattermost.com/integrate/webhooks/incoming/>; a post has at most 16383
/// characters.
fn mattermost(parcel: &Parcel) -> Value {
    // Nobody is called by a plug-in whose name is `@all`, or `<!all>` as Slack has it, and nothing is made a heading or a link.
    let escape = |text: &str| {
        text.replace('@', "@\u{200b}").replace('<', "<\u{200b}").replace('[', "\\[").replace('`', "'")
    };
    let title = escape(&subject(&parcel.letter));
    let text = format!(
        "#### {title}\n```\n{}\n```",
        shorten(&escape(&text(&parcel.letter, parcel.late_since)), 15_000)
    );
    json!({"text": text})
}

/// The text in parts: what is to be said of all, then each place with its first entry, then entry by entry.
fn parts(parcel: &Parcel, most: usize) -> Vec<String> {
    let letter = &parcel.letter;
    let mut parts = Vec::new();
    let head = text(&Letter { places: Vec::new(), ..letter.clone() }, parcel.late_since);
    if !head.trim().is_empty() {
        parts.push(head.trim().to_owned());
    }
    for place in &letter.places {
        let mut part = heading(place);
        for entry in &place.entries {
            let next = described(entry);
            if part.chars().count() + next.chars().count() > most {
                parts.push(std::mem::take(&mut part));
            }
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(&next);
        }
        parts.push(part);
    }
    parts
}

/// The beginning of a text with its line breaks.
fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…\n(`agent status` shows all)", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
