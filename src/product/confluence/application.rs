//! What a running Confluence says about itself: its state, version, health checks and users.
//!
//! Everything but its state may be out of reach on its own, for want of a right or because a plug-in
//! is disabled; only a service that cannot be reached at all fails as a whole.

#[cfg(test)]
mod tests;

mod index;

use async_trait::async_trait;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{Application, Field, HealthCheck, Section, Source, UserCount};

use super::cluster::fetch_nodes;
use index::fetch_index;

use super::rest::{NumberOrText, Rest, Round, bounded, why_unread};
use crate::collect::http::{Answer, HttpError};
use crate::collect::{CollectError, Collector};
use crate::config::HttpAccess;

/// More health checks than any Confluence has.
const MOST_HEALTH_CHECKS: usize = 500;

/// Asks a Confluence about itself.
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
        let rest = Rest::new(&self.access)?;
        let (state, certificate_ends_at) = match rest.get_anonymously("status", "application/json").await {
            Ok(answer) => {
                let end = answer.certificate_ends_at();
                (into_field(read_state(answer)), into_field(end))
            }
            Err(error) if error.is_out_of_reach() => return Err(error.into()),
            Err(error) => {
                let why = why_unread(error);
                (Field::Unread(why.clone()), Field::Unread(why))
            }
        };
        let (version, build) = match fetch_manifest(&rest).await {
            Ok(manifest) => (Field::Read(manifest.version), Field::Read(manifest.build)),
            Err(error) => {
                let why = why_unread(error);
                (Field::Unread(why.clone()), Field::Unread(why))
            }
        };
        let round = Round::new(&rest);
        let access_mode = round.ask(fetch_access_mode(&rest)).await;
        let health = round.ask(fetch_health(&rest)).await;
        let users = round.ask(fetch_users(&rest)).await;
        let nodes = round.ask(fetch_nodes(&rest)).await;
        let base_url = self.access.base_url.as_str().trim_end_matches('/').to_owned();
        let index = round.ask(fetch_index(&rest)).await;
        Ok(Section::Application(Application {
            base_url,
            state,
            version,
            build,
            access_mode,
            certificate_ends_at,
            health,
            users,
            nodes,
            index,
        }))
    }
}

/// The state, from `/status`, which needs no login.
///
/// The status code alone proves nothing: 200 comes with `STARTING` and `FIRST_RUN` too, `MAINTENANCE`
/// with 503 and `ERROR` with 500, as documented for the same endpoint of Jira
/// (<https://support.atlassian.com/jira/kb/jira-status-endpoint-response-meanings/>).
fn into_field<T>(read: Result<T, HttpError>) -> Field<T> {
    read.map_or_else(|error| Field::Unread(why_unread(error)), Field::Read)
}

fn read_state(answer: Answer) -> Result<String, HttpError> {
    match parse_state(&answer) {
        Ok(state) => Ok(state),
        // When there is no state in it, the status tells more than the form of the body.
        Err(problem) => Err(answer.accepted().err().unwrap_or(problem)),
    }
}

fn parse_state(answer: &Answer) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Status {
        state: String,
    }
    let Status { state } = answer.json()?;
    let is_word = (1..=40).contains(&state.len())
        && state.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_word { Ok(state) } else { Err(answer.malformed("state is not a word in capitals".to_owned())) }
}

#[derive(Debug, PartialEq, Eq)]
struct Manifest {
    version: Option<String>,
    build: Option<u32>,
}

/// Version and build from the manifest of application links, which needs no login.
///
/// It is XML, or JSON for those who ask for it (atlassian/dc-app-performance-toolkit reads it so).
async fn fetch_manifest(rest: &Rest) -> Result<Manifest, HttpError> {
    let answer = rest
        .get_anonymously("rest/applinks/1.0/manifest", "application/json, application/xml;q=0.9")
        .await?
        .accepted()?;
    let text = answer.text()?;
    let manifest = if text.trim_start().starts_with('<') {
        parse_manifest_xml(text).map_err(|problem| answer.malformed(problem))?
    } else {
        answer.json()?
    };
    manifest.checked().map_err(|problem| answer.malformed(problem))
}

/// A manifest as it comes, in either form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    type_id: Option<String>,
    version: Option<String>,
    build_number: Option<NumberOrText>,
}

fn parse_manifest_xml(text: &str) -> Result<RawManifest, String> {
    let document =
        roxmltree::Document::parse(text).ok().ok_or_else(|| "it is not well-formed XML".to_owned())?;
    let value = |name: &str| {
        let element = document.root_element().children().find(|node| node.tag_name().name() == name)?;
        element.text().map(str::to_owned)
    };
    Ok(RawManifest {
        type_id: value("typeId"),
        version: value("version"),
        build_number: value("buildNumber").map(NumberOrText::Text),
    })
}

impl RawManifest {
    fn checked(self) -> Result<Manifest, String> {
        match self.type_id.as_deref().map(str::trim) {
            Some("confluence") => {}
            Some(_) => return Err("another product than Confluence answers there".to_owned()),
            None => return Err("typeId is missing".to_owned()),
        }
        let version = self.version.map(|text| bounded(&text, 64)).filter(|text| !text.is_empty());
        let build = match self.build_number {
            None => None,
            Some(number) => {
                Some(number.number().ok_or_else(|| "buildNumber is not a build number".to_owned())?)
            }
        };
        Ok(Manifest { version, build })
    }
}

/// `READ_WRITE` or `READ_ONLY` (atlassian-api/atlassian-python-api reads it so).
async fn fetch_access_mode(rest: &Rest) -> Result<String, HttpError> {
    let answer = rest.get("rest/api/accessmode", "application/json, text/plain;q=0.9").await?;
    let mode = answer.text()?.trim().trim_matches('"');
    match mode {
        "READ_WRITE" | "READ_ONLY" => Ok(mode.to_owned()),
        _ => Err(answer.malformed("it is neither READ_WRITE nor READ_ONLY".to_owned())),
    }
}

/// The product's own health checks, from the plug-in for troubleshooting; older ones have another path.
///
/// Shape: <https://confluence.atlassian.com/jirakb/how-to-retrieve-health-check-results-using-rest-api-867195158.html>
/// and the README of `ParsonsCorp/atlassian_instance_health_exporter`.
async fn fetch_health(rest: &Rest) -> Result<Vec<HealthCheck>, HttpError> {
    let answer = match rest.get("rest/troubleshooting/1.0/check/", "application/json").await {
        Err(HttpError::Status { code: 404, .. }) => {
            rest.get("rest/supportHealthCheck/1.0/check/", "application/json").await?
        }
        answer => answer?,
    };
    parse_health(&answer)
}

fn parse_health(answer: &Answer) -> Result<Vec<HealthCheck>, HttpError> {
    #[derive(Deserialize)]
    struct Checks {
        statuses: Vec<Check>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Check {
        complete_key: Option<String>,
        name: String,
        is_healthy: Option<bool>,
        healthy: Option<bool>,
        failure_reason: Option<String>,
        severity: Option<String>,
        documentation: Option<String>,
        tag: Option<String>,
    }
    let Checks { statuses } = answer.json()?;
    if statuses.len() > MOST_HEALTH_CHECKS {
        return Err(answer.malformed(format!("it lists more than {MOST_HEALTH_CHECKS} health checks")));
    }
    let text = |text: Option<String>, most| text.map(|text| bounded(&text, most)).unwrap_or_default();
    statuses
        .into_iter()
        .map(|check| {
            let name = bounded(&check.name, 200);
            // Silence about one check must not pass for a healthy one.
            let healthy = check
                .is_healthy
                .or(check.healthy)
                .ok_or_else(|| answer.malformed("isHealthy is missing in one of the checks".to_owned()))?;
            Ok(HealthCheck {
                key: check.complete_key.map_or_else(|| name.clone(), |key| bounded(&key, 300)),
                name,
                tag: text(check.tag, 100),
                healthy,
                severity: text(check.severity, 40).to_ascii_lowercase(),
                reason: text(check.failure_reason, 2000),
                documentation: check.documentation.map(|link| bounded(&link, 500)),
            })
        })
        .collect()
}

/// Users counted against the licence; each of the three numbers comes as `{"count": N}`
/// (`atlassian-api/atlassian-python-api`; `redradishtech/atl_manage`).
async fn fetch_users(rest: &Rest) -> Result<UserCount, HttpError> {
    let (_, allowed) = fetch_count(rest, "maxUsers").await?;
    let allowed = u64::try_from(allowed).ok(); // a licence writes -1 for "as many as you like"
    let users = match fetch_count(rest, "userCount").await {
        Ok((answer, count)) => parse_users(&answer, count),
        // What is left tells as much, when there is a limit.
        Err(error) => match allowed {
            Some(allowed) if !rest.ends_the_round(&error) => {
                let (answer, left) = fetch_count(rest, "remainingSeats").await?;
                parse_users(&answer, i64::try_from(allowed).unwrap_or(i64::MAX).saturating_sub(left))
            }
            Some(_) | None => Err(error),
        },
    }?;
    Ok(UserCount { users, allowed })
}

async fn fetch_count(rest: &Rest, what: &str) -> Result<(Answer, i64), HttpError> {
    #[derive(Deserialize)]
    struct Count {
        count: i64,
    }
    let answer = rest.get(&format!("rest/license/1.0/license/{what}"), "application/json").await?;
    let Count { count } = answer.json()?;
    Ok((answer, count))
}

fn parse_users(answer: &Answer, count: i64) -> Result<u64, HttpError> {
    u64::try_from(count).ok().ok_or_else(|| answer.malformed("count is negative".to_owned()))
}

/// A door for the fuzz targets: reads an answer as each of those this file asks for.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(answer: &Answer) {
    drop(parse_state(answer));
    drop(parse_health(answer));
    drop(parse_users(answer, 1));
    assert!(index::fuzz(answer).is_none_or(|percent| percent <= 100), "more than all of the index");
    if let Ok(text) = answer.text() {
        drop(parse_manifest_xml(text).map(RawManifest::checked));
    }
    drop(answer.json::<RawManifest>().map(RawManifest::checked));
}
