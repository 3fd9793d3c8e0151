//! What is posted to a webhook: the forms of chat tools, one for programs, and templates of the operator.
//!
//! Texts come from what is watched, so they are escaped for where they go: nobody there can be called, and nothing
//! that is no text can be made.

use jiff::Timestamp;
use minijinja::value::{Serde, Value as TemplateValue};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::condition::cut;
use super::letter::{Entry, Letter, Place, What};
use super::words::{described, heading, subject, text};
use crate::channel::{Event, Form, Level};

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

/// The version of what a webhook is sent with `form = "json"`.
pub const FORMAT_VERSION: &str = "1.0";

/// Everything there is to say; also what templates may use.
///
/// A public format: members are added, and never change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Notification of the upgrade readiness agent")]
struct MessageView {
    /// Version of this format: `1.0`.
    format_version: String,
    /// The same at every attempt to deliver it.
    id: String,
    /// Name of the channel.
    channel: String,
    /// When it was made.
    made_at: Timestamp,
    /// Since when what it tells could not be delivered; null when it is not late.
    late_since: Option<Timestamp>,
    /// The gravest of its events.
    severity: Level,
    /// All of it in a line.
    subject: String,
    /// All of it for people.
    text: String,
    /// Messages before this one that were given up.
    given_up_before: u32,
    /// How much more happened than is told here.
    left_out: usize,
    /// What happened, by instance and target.
    places: Vec<PlaceView>,
}

/// One instance and target; the agent itself when the instance is empty.
#[derive(Debug, Serialize, JsonSchema)]
struct PlaceView {
    /// The instance.
    instance: String,
    /// Name of its product.
    product: String,
    /// The version that runs.
    version: String,
    /// The release that is judged; empty when it is about the whole instance.
    target: String,
    /// The target as written in the configuration.
    requested: String,
    /// Of the target, or of the whole instance; empty when it is about neither.
    verdict: String,
    /// What stands in the way of the target.
    blockers: usize,
    /// What happened.
    events: Vec<EventView>,
}

/// One thing that happened.
#[derive(Debug, Serialize, JsonSchema)]
struct EventView {
    /// What became of it.
    what: What,
    /// What it is about.
    event: Event,
    /// The name of the alert, as in the Prometheus rules.
    alert: String,
    /// How much it matters.
    severity: Level,
    /// Id of the check; empty when it is about none.
    check: String,
    /// What it is about inside the check.
    subject: String,
    /// What is wrong, or was.
    summary: String,
    /// What to do next.
    remedy: String,
    /// When it happened.
    at: Timestamp,
    /// When it had begun, of what came and went; null otherwise.
    began_at: Option<Timestamp>,
}

/// The JSON schema of what a webhook with the form `json` gets.
#[must_use]
pub fn message_schema() -> schemars::Schema {
    schemars::schema_for!(MessageView)
}

fn json_form(parcel: &Parcel) -> Value {
    serde_json::to_value(view(parcel)).expect("the view types consist of what JSON can say")
}

fn view(parcel: &Parcel) -> MessageView {
    let Parcel { id, channel, made_at, late_since, letter } = parcel;
    MessageView {
        format_version: FORMAT_VERSION.to_owned(),
        id: id.clone(),
        channel: channel.clone(),
        made_at: *made_at,
        late_since: *late_since,
        severity: letter.level(),
        subject: subject(letter),
        text: text(letter, *late_since),
        given_up_before: letter.lost,
        left_out: letter.left_out,
        places: letter.places.iter().map(view_place).collect(),
    }
}

fn view_place(place: &Place) -> PlaceView {
    let Place { site, product, version, target, requested, verdict, blockers, entries } = place.clone();
    let events = entries.into_iter().map(view_event).collect();
    PlaceView { instance: site, product, version, target, requested, verdict, blockers, events }
}

fn view_event(entry: Entry) -> EventView {
    let Entry { what, event, alert, level, check, subject, summary, remedy, at, began_at } = entry;
    EventView { what, event, alert, severity: level, check, subject, summary, remedy, at, began_at }
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
