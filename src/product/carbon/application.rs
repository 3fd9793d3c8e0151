//! What a running Carbon server says about itself: that it answers, its version, its own health checks.
//!
//! Nothing here needs a login: the login page of the console, the service `Version`, and the health API of newer
//! products, which is switched off unless its owner switched it on.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{Application, Field, HealthCheck, Section, Source};

use crate::collect::http::{Answer, Client, HttpError};
use crate::collect::{CollectError, Collector};
use crate::config::HttpAccess;

/// The login page of the management console.
const LOGIN: &str = "carbon/admin/login.jsp";
/// The service that tells the version, in its form for browsers.
const VERSION: &str = "services/Version/getVersion";
/// The health API.
const HEALTH: &str = "api/health-check/v1.0/health";
/// More health checks than any product has.
const MOST_HEALTH_CHECKS: usize = 500;

/// Asks a Carbon server about itself.
#[derive(Debug)]
pub struct ApplicationCollector {
    access: HttpAccess,
}

impl ApplicationCollector {
    /// A collector for the instance that is reached this way.
    #[must_use]
    pub fn new(access: HttpAccess) -> Self {
        Self { access }
    }
}

#[async_trait]
impl Collector for ApplicationCollector {
    fn source(&self) -> Source {
        Source::Application
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let client =
            Client::new(&self.access.base_url, &self.access.credentials, self.access.ca_file.as_deref())?;
        // What everybody may know is asked without saying who asks.
        let anyone = client.without_credentials();
        let login = anyone.get(LOGIN, "text/html").await;
        let (state, certificate_ends_at) = match login {
            Ok(answer) => (into_field(read_state(&answer)), into_field(answer.certificate_ends_at())),
            Err(error) if error.is_out_of_reach() => return Err(error.into()),
            Err(error) => {
                let why = why_unread(error);
                (Field::Unread(why.clone()), Field::Unread(why))
            }
        };
        let version = into_field(fetch_version(&anyone).await);
        let health = into_field(fetch_health(&client).await);
        let none = |what: &str| format!("a Carbon server does not tell {what}");
        Ok(Section::Application(Application {
            base_url: self.access.base_url.as_str().trim_end_matches('/').to_owned(),
            state,
            version,
            build: Field::Read(None),
            access_mode: Field::Unread(none("whether it is read-only")),
            certificate_ends_at,
            health,
            users: Field::Unread(none("how many users count against a licence")),
            nodes: Field::Unread(none("its cluster over HTTP")),
            index: Field::Read(None),
        }))
    }
}

fn into_field<T>(read: Result<T, HttpError>) -> Field<T> {
    read.map_or_else(|error| Field::Unread(why_unread(error)), Field::Read)
}

fn why_unread(error: HttpError) -> String {
    CollectError::from(error).into_failure().message
}

/// `RUNNING` when the console shows its own login page; any other page proves nothing.
fn read_state(answer: &Answer) -> Result<String, HttpError> {
    if answer.status != 200 {
        return Err(answer.refused());
    }
    // The form of the page posts to this address in every release.
    if answer.mentions("login_action.jsp") || (answer.mentions("carbon") && answer.mentions("txtusername")) {
        return Ok("RUNNING".to_owned());
    }
    Err(answer.malformed("it is not the login page of a Carbon server".to_owned()))
}

/// The version the service states: a sentence in an XML element, such as `WSO2 Carbon-4.4.6`.
///
/// Products that do not ship the service answer 404, and some put a login before it: then it is not told.
async fn fetch_version(client: &Client) -> Result<Option<String>, HttpError> {
    let answer = client.get(VERSION, "application/xml, text/xml;q=0.9").await?;
    if answer.status == 404 {
        return Ok(None);
    }
    let answer = answer.accepted()?;
    let text = answer.text()?;
    parse_version(text).map(Some).ok_or_else(|| answer.malformed("there is no version in it".to_owned()))
}

fn parse_version(text: &str) -> Option<String> {
    let document = roxmltree::Document::parse(text).ok()?;
    if document.root_element().tag_name().name() != "getVersionResponse" {
        return None;
    }
    let said: String =
        document.descendants().filter(roxmltree::Node::is_text).filter_map(|node| node.text()).collect();
    let mut words = said.split(|c: char| c.is_whitespace() || c == '-');
    let version = words.rfind(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        word.contains('.') && word.starts_with(|first: char| first.is_ascii_digit())
    })?;
    let version = version.strip_prefix('v').unwrap_or(version).split('+').next().unwrap_or_default();
    (version.len() <= 64).then(|| version.to_owned())
}

/// The answer of the health API.
#[derive(Deserialize)]
struct Health {
    health: Option<Vec<Good>>,
    errors: Option<Vec<Bad>>,
}

/// A value that is in order.
#[derive(Deserialize)]
struct Good {
    key: String,
}

/// Something that is not.
#[derive(Deserialize)]
struct Bad {
    code: Option<String>,
    message: Option<String>,
    description: Option<String>,
}

/// The product's own health checks.
///
/// 200 with `health` is well, 503 with `errors` is not. When the service is switched off, some releases answer 200 with
/// nothing in it: that says nothing about their health.
async fn fetch_health(client: &Client) -> Result<Vec<HealthCheck>, HttpError> {
    let answer = client.get(HEALTH, "application/json").await?;
    match answer.status {
        200 | 503 => {}
        // Kernels 4.4 have no such service, and say so.
        404 => return Ok(Vec::new()),
        _ => return Err(answer.refused()),
    }
    // A proxy answers 503 as well, with a page.
    if answer.is_empty() {
        return Err(answer.malformed(SWITCHED_OFF.to_owned()));
    }
    let Health { health, errors } = match answer.json() {
        Ok(read) => read,
        Err(problem) if answer.status == 200 => return Err(problem),
        Err(_problem) => return Err(answer.refused()),
    };
    let (health, errors) = match (answer.status, health, errors) {
        (_, health, Some(errors)) if !errors.is_empty() => (health.unwrap_or_default(), errors),
        (200, Some(health), _) => (health, Vec::new()),
        (200, None, _) => return Err(answer.malformed(SWITCHED_OFF.to_owned())),
        _ => return Err(answer.refused()),
    };
    if health.len() + errors.len() > MOST_HEALTH_CHECKS {
        return Err(answer.malformed(format!("it lists more than {MOST_HEALTH_CHECKS} health checks")));
    }
    let good =
        health.into_iter().map(|good| check(bounded(&good.key, 300), true, String::new(), String::new()));
    let bad = errors.into_iter().map(|bad| {
        let code = bounded(&bad.code.unwrap_or_default(), 100);
        let message = bounded(&bad.message.unwrap_or_default(), 300);
        let reason = bounded(&bad.description.unwrap_or_default(), 2000);
        check(if code.is_empty() { "unnamed".to_owned() } else { code }, false, message, reason)
    });
    Ok(good.chain(bad).collect())
}

const SWITCHED_OFF: &str = "there is no health in it: the health API is switched off, which says nothing about the server's \
                            health. Switch it on in deployment.toml: [carbon_health_check] enable = true";

fn check(key: String, healthy: bool, message: String, reason: String) -> HealthCheck {
    HealthCheck {
        name: if message.is_empty() { key.clone() } else { message },
        tag: "health API".to_owned(),
        healthy,
        severity: if healthy { "undefined" } else { "major" }.to_owned(),
        documentation: None,
        reason,
        key,
    }
}

/// Text from the server without control characters and of a bearable length.
fn bounded(text: &str, most_chars: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(most_chars).collect()
}
