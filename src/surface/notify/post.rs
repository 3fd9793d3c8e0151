//! POST requests to receivers: with limits, without redirects, and without a word of the address, which may be a
//! secret.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use sha2::Sha256;

use super::condition::cut;
use super::retry::asked_for;
use crate::chain::Chain;
use crate::channel::{Address, Secret};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// More of an answer is not read.
const MOST_BYTES: usize = 64 * 1024;

/// What a receiver answered that took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// In a few words, such as "200 OK".
    pub answer: String,
    /// The beginning of what came with it, for whoever tries a channel.
    pub more: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What happened.
    pub told: String,
    /// What a person can do about it.
    pub remedy: String,
    /// The beginning of what came with it, for whoever tries a channel.
    pub more: String,
    /// How long it wants to be left alone.
    pub retry_after: Option<SignedDuration>,
    /// Whether another message may fare better.
    pub is_about_message: bool,
}

impl Refusal {
    pub(super) fn new(told: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            told: told.into(),
            remedy: remedy.into(),
            more: String::new(),
            retry_after: None,
            is_about_message: false,
        }
    }
}

/// What goes with a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) content_type: &'a str,
    /// The id of the message, by which a receiver knows that it has it already.
    pub(super) id: Option<&'a str>,
    pub(super) signed_with: Option<&'a Secret>,
}

/// Posts a body; `path` is appended to the address.
pub(super) async fn post(
    address: &Address,
    path: &str,
    body: String,
    envelope: Envelope<'_>,
) -> Result<Taken, Refusal> {
    let url = read_address(address, path)?;
    let at = place_of(&url);
    let client = client_for(address, &url)?;
    let mut request = client.post(url.clone()).header(CONTENT_TYPE, envelope.content_type);
    if let Some(account) = &address.account {
        let password = account.password.read().map_err(|why| unreadable(&account.password, &why))?;
        request = request.basic_auth(&account.username, Some(password.expose_secret()));
    }
    if let Some(id) = envelope.id {
        request = request.header("Idempotency-Key", id);
    }
    if let Some(key) = envelope.signed_with {
        let key = key.read().map_err(|why| unreadable(key, &why))?;
        let moment = Timestamp::now().as_second().to_string();
        let signature = sign(key.expose_secret().as_bytes(), &moment, body.as_bytes());
        request = request.header("X-Readiness-Timestamp", moment).header("X-Readiness-Signature", signature);
    }
    let answered = async {
        let mut response = request.body(body).send().await.map_err(|error| unreachable(&at, error))?;
        let start = read_start(&mut response).await;
        Ok((response, start))
    };
    match tokio::time::timeout(ANSWER_WITHIN, answered).await {
        Ok(Ok((response, start))) => judge(&at, &url, &response, &start),
        Ok(Err(refusal)) => Err(refusal),
        Err(_elapsed) => Err(Refusal::new(
            format!("{at} did not answer within {} s", ANSWER_WITHIN.as_secs()),
            "See whether the service there works, and what holds it up: its log, and that of a proxy before it.",
        )),
    }
}

/// `sha256=` and the HMAC of the moment, a dot and the body.
fn sign(key: &[u8], moment: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(moment.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={}", hex.concat())
}

fn unreadable(secret: &Secret, why: &str) -> Refusal {
    Refusal::new(
        format!("{secret} could not be read: {why}"),
        "Put the secret there, readable for the agent's user.",
    )
}

fn read_address(address: &Address, path: &str) -> Result<Url, Refusal> {
    let text = address.url.read().map_err(|why| unreadable(&address.url, &why))?;
    let text = text.expose_secret().trim();
    let whole =
        if path.is_empty() { text.to_owned() } else { format!("{}{path}", text.trim_end_matches('/')) };
    let wrong = |why: &str| {
        Refusal::new(
            format!("what stands in {} {why}", address.url),
            "Put the whole address there, in one line, as the receiver shows it.",
        )
    };
    let url = Url::parse(&whole).ok().filter(Url::has_host).ok_or_else(|| wrong("is not an address"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if address.allow_plain || is_here(&url) => Ok(url),
        "http" => Err(Refusal::new(
            format!(
                "what stands in {} begins with http:// and leads to another host: it would be read on the way",
                address.url
            ),
            "Use an address that begins with https://, or set allow_plain = true if the network is yours.",
        )),
        _ => Err(wrong("does not begin with https://")),
    }
}

/// Made for each message: they are few, a new CA file counts at once, and nothing is kept open.
fn client_for(address: &Address, url: &Url) -> Result<Client, Refusal> {
    let certificates = match &address.ca_file {
        None => Vec::new(),
        Some(path) => {
            let unusable = |why: String| {
                Refusal::new(
                    format!("the certificates to trust in {} cannot be used: {why}", path.display()),
                    "Put the certificate of the authority there, in PEM form.",
                )
            };
            let text = read_small(path).map_err(|error| unusable(error.to_string()))?;
            let read = reqwest::Certificate::from_pem_bundle(&text).unwrap_or_default();
            if read.is_empty() {
                return Err(unusable("there are none in it".to_owned()));
            }
            read
        }
    };
    let mut builder = Client::builder()
        .user_agent(concat!("upgrade-readiness-agent/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_WITHIN)
        .timeout(ANSWER_WITHIN)
        // What is sent, and to which address, is for that place alone.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .pool_max_idle_per_host(0);
    builder = if url.scheme() == "https" {
        builder.tls_certs_merge(certificates)
    } else {
        builder.tls_certs_only(certificates)
    };
    if is_here(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| {
        Refusal::new(
            format!("setting up the HTTP client: {}", Chain(&error.without_url())),
            "Install the system's certificates (package ca-certificates), or set ca_file.",
        )
    })
}

/// A file of at most a mebibyte.
pub(super) fn read_small(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(1024 * 1024).read_to_end(&mut text)?;
    Ok(text)
}

/// The first bytes of the body; one that breaks off has none.
async fn read_start(response: &mut reqwest::Response) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < MOST_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                start.extend_from_slice(chunk.get(..MOST_BYTES - start.len()).unwrap_or(chunk.as_ref()));
            }
            Ok(None) | Err(_) => break,
        }
    }
    start
}

fn judge(at: &str, url: &Url, response: &reqwest::Response, start: &[u8]) -> Result<Taken, Refusal> {
    let status = response.status();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let start = String::from_utf8_lossy(start);
    let lower = start.to_ascii_lowercase();
    let is_page = header(CONTENT_TYPE).is_some_and(|kind| kind.contains("html"))
        && (lower.contains("<html") || lower.contains("<!doctype"));
    let more = excerpt(&start, url);
    if status.is_success() && !is_page {
        return Ok(Taken { answer: status.to_string(), more });
    }
    let (told, remedy) = if status.is_success() {
        (
            format!(
                "{at} answered {status} with a page for people: it is no receiver, or a sign-on stands before it"
            ),
            "Check the address; let requests of the agent pass the sign-on.".to_owned(),
        )
    } else if status.is_redirection() {
        let to = header(LOCATION).and_then(|to| url.join(to).ok()).map(|to| place_of(&to));
        let to = to.unwrap_or_else(|| "somewhere else".to_owned());
        (
            format!("{at} sends its callers on to {to} ({status}), where the agent does not follow"),
            "Put the address it leads to into the configuration, if that is the right place.".to_owned(),
        )
    } else {
        (format!("{at} answered {status}"), remedy_of(status.as_u16()).to_owned())
    };
    Err(Refusal {
        told,
        remedy,
        more,
        retry_after: header(RETRY_AFTER).and_then(|header| asked_for(header, Timestamp::now())),
        is_about_message: matches!(status.as_u16(), 400 | 406 | 411 | 413 | 415 | 422),
    })
}

fn remedy_of(code: u16) -> &'static str {
    match code {
        400 | 406 | 415 | 422 => {
            "The receiver does not understand what is sent: check form or template_file; `agent notify test` shows \
             what it says."
        }
        413 => {
            "The message is too long for the receiver: limit the channel with instances, on or minimum_severity."
        }
        401 | 403 => {
            "The address or the account has no right any more: make a new webhook, or renew the password."
        }
        404 | 410 => {
            "The webhook is not there any more: make a new one and put its address into the configuration."
        }
        407 => "The proxy wants a password: see http_proxy and no_proxy of the agent's environment.",
        429 => "It limits how often it takes messages; the agent waits as it asks.",
        500..=599 => "The receiver fails: see its log; the agent tries again.",
        _ => "See what the receiver says with `agent notify test`.",
    }
}

/// The beginning of an answer, without what may be secret of the address: some receivers repeat it.
fn excerpt(start: &str, url: &Url) -> String {
    let mut text = start.to_owned();
    let parts = url.path_segments().into_iter().flatten().map(ToOwned::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    for secret in parts.chain(values).filter(|part| part.len() >= 6) {
        text = text.replace(&secret, "***");
    }
    cut(text.trim(), 300)
}

fn unreachable(at: &str, error: reqwest::Error) -> Refusal {
    let error = error.without_url();
    if error.is_timeout() {
        return Refusal::new(
            format!("{at} did not answer in time"),
            "See whether the service there works, and whether this host reaches it.",
        );
    }
    let causes = Chain(&error).to_string();
    let is_tls = causes.contains("certificate") || causes.contains("TLS");
    let remedy = if is_tls {
        "If its certificate is the right one, put that of the authority that signed it, in PEM form, into a file and \
         name it as ca_file."
    } else {
        "Check that the service runs and that this host reaches it. A proxy is taken from http_proxy, https_proxy and \
         no_proxy of the agent's environment."
    };
    Refusal::new(format!("{at} could not be reached: {}", Chain(&error)), remedy)
}

fn is_here(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

/// Scheme, host and port: all that may be shown of an address.
fn place_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf '%s' '1700000000.{}' | openssl dgst -sha256 -hmac key`.
    #[test]
    fn signatures_are_those_openssl_makes() {
        let signature = sign(b"key", "1700000000", b"{}");
        assert_eq!(signature, "sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
    }

    #[test]
    fn what_a_receiver_repeats_of_its_address_is_not_shown() {
        let url: Url = "https://hooks.example.com/services/T0S3CRET/B0?token=s3cr3t-too".parse().unwrap();
        let told = excerpt("no /services/T0S3CRET/B0?token=s3cr3t-too\u{1b}[31m here", &url);
        assert_eq!(told, "no /***/***/B0?token=*** [31m here");
        assert_eq!(place_of(&url), "https://hooks.example.com");
    }
}
