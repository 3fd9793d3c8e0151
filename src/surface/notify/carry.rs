//! The way of a message to its receiver, whichever kind of channel it is.

use std::path::Path;

use super::alertmanager::trial;
use super::forms::{Parcel, render_form, render_template};
use super::mail::{self, Post};
use super::post::{Envelope, Refusal, Taken, post, read_small};
use crate::channel::{Body, Channel, Transport};

/// Where an Alertmanager takes alerts, under its address.
pub(super) const ALERTS: &str = "/api/v2/alerts";

/// Longer templates are a mistake.
const MOST_OF_A_TEMPLATE: usize = 256 * 1024;

/// Carries a message. An Alertmanager is given alerts, and takes none of these.
pub(super) async fn carry(channel: &Channel, parcel: &Parcel) -> Result<Taken, Refusal> {
    match &channel.transport {
        Transport::Alertmanager(address) => {
            let body = trial(parcel.made_at).to_string();
            let envelope = Envelope { content_type: "application/json", id: None, signed_with: None };
            post(address, ALERTS, body, envelope).await
        }
        Transport::Webhook { address, body, signed_with } => {
            let (text, content_type) = match body {
                Body::Known(form) => (render_form(*form, parcel), "application/json"),
                Body::Template { file, content_type } => {
                    let unusable = |why: String| {
                        let remedy = "Mend the template; `agent config check` tries it.";
                        Refusal::new(format!("the template {} cannot be used: {why}", file.display()), remedy)
                    };
                    (render_file(file, content_type, parcel).map_err(unusable)?, content_type.as_str())
                }
            };
            let envelope = Envelope { content_type, id: Some(&parcel.id), signed_with: signed_with.as_ref() };
            post(address, "", text, envelope).await
        }
        Transport::Mail { host, port, security, account, ca_file, from, to } => {
            let post = Post {
                host,
                port: *port,
                security: *security,
                account: account.as_ref(),
                ca_file: ca_file.as_deref(),
                from,
                to,
            };
            mail::send(post, parcel).await
        }
    }
}

/// Renders what a template file makes of a message.
pub(super) fn render_file(file: &Path, content_type: &str, parcel: &Parcel) -> Result<String, String> {
    let source = read_small(file).map_err(|error| error.to_string())?;
    if source.len() > MOST_OF_A_TEMPLATE {
        return Err(format!("it is longer than {MOST_OF_A_TEMPLATE} bytes"));
    }
    let source = String::from_utf8(source).map_err(|_not_utf8| "it is not UTF-8".to_owned())?;
    render_template(&source, content_type.contains("json"), parcel)
}
