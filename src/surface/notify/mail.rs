//! Mail by SMTP: a subject that says what matters, plain text, and headers by which machines know what it is.

use std::error::Error as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::ExposeSecret;

use super::condition::cut;
use super::forms::Parcel;
use super::post::{Refusal, Taken, read_small};
use super::words::{subject, text};
use crate::chain::Chain;
use crate::channel::{Account, Security};

/// For each command; the whole is limited too.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const DONE_WITHIN: Duration = Duration::from_mins(1);

/// Where mail goes, as the configuration has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Post<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) account: Option<&'a Account>,
    pub(super) ca_file: Option<&'a Path>,
    pub(super) from: &'a str,
    pub(super) to: &'a [String],
}

/// Sends a message.
pub(super) async fn send(post: Post<'_>, parcel: &Parcel) -> Result<Taken, Refusal> {
    let message = compose(post.from, post.to, parcel).map_err(|why| {
        Refusal::new(format!("the mail cannot be made: {why}"), "Check the addresses in from and to.")
    })?;
    let at = format!("{}:{}", post.host, post.port);
    let transport = transport(post)?;
    match tokio::time::timeout(DONE_WITHIN, transport.send(message)).await {
        Ok(Ok(response)) => {
            let words = response.message().collect::<Vec<_>>().join(" ");
            // Digits only: the words of a server are shown to whoever tries the channel, and kept nowhere.
            Ok(Taken { answer: response.code().to_string(), more: cut(&words, 300) })
        }
        Ok(Err(error)) => Err(refusal(&at, &error)),
        Err(_elapsed) => Err(Refusal::new(
            format!("{at} did not take the mail within {} s", DONE_WITHIN.as_secs()),
            "See the log of the mail server.",
        )),
    }
}

fn transport(post: Post<'_>) -> Result<AsyncSmtpTransport<Tokio1Executor>, Refusal> {
    let parameters = || -> Result<TlsParameters, Refusal> {
        let mut builder = TlsParameters::builder(post.host.to_owned());
        if let Some(path) = post.ca_file {
            let unusable = |why: String| {
                Refusal::new(
                    format!("the certificate to trust in {} cannot be used: {why}", path.display()),
                    "Put the certificate of the authority there, in PEM form.",
                )
            };
            let pem = read_small(path).map_err(|error| unusable(error.to_string()))?;
            builder = builder.add_root_certificate(
                Certificate::from_pem(&pem).map_err(|error| unusable(Chain(&error).to_string()))?,
            );
        }
        builder.build().map_err(|error| {
            Refusal::new(
                format!("setting up secure connections: {}", Chain(&error)),
                "Install the system's certificates (package ca-certificates), or set ca_file.",
            )
        })
    };
    let tls = match post.security {
        Security::Starttls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::None => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(post.host)
        .port(post.port)
        .tls(tls)
        // The name of this host is nobody's business.
        .hello_name(ClientId::Domain("localhost".to_owned()))
        .timeout(Some(ANSWER_WITHIN));
    if let Some(account) = post.account {
        let password = account.password.read().map_err(|why| {
            Refusal::new(
                format!("{} could not be read: {why}", account.password),
                "Put the password there, readable for the agent's user.",
            )
        })?;
        let password = password.expose_secret().to_owned();
        builder = builder.credentials(Credentials::new(account.username.clone(), password));
    }
    Ok(builder.build())
}

/// The mail. Header lines cannot be added by what is told: control characters are taken out, and what is not ASCII is
/// encoded.
pub(super) fn compose(from: &str, to: &[String], parcel: &Parcel) -> Result<Message, String> {
    let from: Mailbox = from.parse().map_err(|error| format!("from: {error}"))?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .from(from)
        .subject(subject(&parcel.letter))
        .date(SystemTime::from(parcel.made_at))
        // The same at every attempt: by it a mail server or reader knows that it has the mail already.
        .message_id(Some(format!("<{}@{domain}>", parcel.id)));
    for one in to {
        builder = builder.to(one.parse::<Mailbox>().map_err(|error| format!("to: {error}"))?);
    }
    for (name, value) in [
        // RFC 3834: nobody answers a machine.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Auto-Response-Suppress", "All".to_owned()),
        // RFC 2919: what mail readers sort by.
        ("List-Id", format!("Upgrade readiness <{}.upgrade-readiness.{domain}>", parcel.channel)),
        ("X-Readiness-Severity", parcel.letter.level().id().to_owned()),
    ] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
        builder = builder.raw_header(HeaderValue::new(name, value));
    }
    builder
        .header(ContentType::TEXT_PLAIN)
        .body(text(&parcel.letter, parcel.late_since))
        .map_err(|error| error.to_string())
}

fn refusal(at: &str, error: &lettre::transport::smtp::Error) -> Refusal {
    let Some(code) = error.status() else {
        // The library tells its cause with itself.
        let told = error.to_string();
        let remedy = if error.is_tls() || told.contains("certificate") {
            "See what it offers: `openssl s_client -starttls smtp -connect HOST:PORT`; if its certificate is the right \
             one, name the authority's as ca_file. Port 465 wants security = \"tls\"."
        } else {
            "Check that the mail server runs and that this host reaches it; port 587 wants security = \"starttls\", \
             465 \"tls\"."
        };
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { told };
        return Refusal::new(format!("{at} could not be used: {why}"), remedy);
    };
    let remedy = match u16::from(code) {
        530 | 534 | 535 | 538 => {
            "Check username and the password's file; the server may want an app password."
        }
        550..=554 | 501 | 503 => {
            "Check from and to, and that the server takes mail from this host for them: its log says more."
        }
        421 | 450..=452 | 454 => "The server wants it later; the agent tries again.",
        _ => "See the log of the mail server.",
    };
    Refusal {
        told: format!("the mail server {at} answered {code}"),
        remedy: remedy.to_owned(),
        // A server may repeat what it was sent; of a failed login nothing is shown.
        more: if matches!(u16::from(code), 530..=538) {
            String::new()
        } else {
            cut(&error.source().map(ToString::to_string).unwrap_or_default(), 300)
        },
        retry_after: None,
        is_about_message: matches!(u16::from(code), 552 | 554),
    }
}
