//! What the agent that watches the staging instance says of it.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{FailureKind, Profile, Rehearsal, Section, Source, Staging};

use super::blocking::Lookout;
use super::http::Client;
use super::text_file::read_text_up_to;
use super::{CollectError, Collector};
use crate::config::{StagingAt, StagingPlace};

/// No status file is longer than this.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads the status that another agent publishes.
#[derive(Debug)]
pub struct RehearsalCollector {
    place: Option<StagingPlace>,
    lookout: Lookout,
}

impl RehearsalCollector {
    /// A collector for the staging instance at `place`; without one it learns that there is none.
    #[must_use]
    pub fn new(place: Option<StagingPlace>) -> Self {
        Self { place, lookout: Lookout::default() }
    }
}

#[async_trait]
impl Collector for RehearsalCollector {
    fn source(&self) -> Source {
        Source::Rehearsal
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let Some(place) = &self.place else {
            return Ok(Section::Rehearsal(Rehearsal { staging: None, prepared: None }));
        };
        let (at, text) = match &place.at {
            StagingAt::Http(access) => {
                let client = Client::new(&access.base_url, &access.credentials, access.ca_file.as_deref())?;
                let answer = client.get("api/v1/status", "application/json").await?.accepted()?;
                (access.base_url.to_string(), answer.text()?.to_owned())
            }
            StagingAt::File(path) => {
                let file = path.clone();
                let read = move |_: &_| {
                    read_text_up_to(&file, MOST_BYTES).map_err(|error| {
                        let remedy = format!(
                            "{} It is to be a copy of the status file of the agent that watches staging.",
                            error.remedy()
                        );
                        CollectError::new(error.kind(), error, remedy)
                    })
                };
                (path.display().to_string(), self.lookout.run(read).await?)
            }
        };
        let staging = parse_status(&text, &at, place.instance.as_deref())?;
        Ok(Section::Rehearsal(Rehearsal { staging: Some(staging), prepared: None }))
    }
}

/// A status that does not tell what is asked.
#[derive(Debug, thiserror::Error)]
enum StatusProblem {
    #[error("what {at} gives is not the status of an agent")]
    Malformed {
        at: String,
        #[source]
        cause: serde_json::Error,
    },
    #[error("the status of {at} has the format {found:?}, and this agent reads 1.x")]
    Format { at: String, found: String },
    #[error("the agent of {at} watches no instance {name:?}; it watches {known}")]
    Instance { at: String, name: String, known: String },
    #[error("the agent of {at} watches several instances: {known}")]
    Several { at: String, known: String },
    #[error("the agent of {at} is too old to say what {name} is")]
    NoProfile { at: String, name: String },
}

impl StatusProblem {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => {
                "Give the address of the agent itself, as http://staging.example.com:9977, or a whole copy of its status file."
            }
            Self::Format { .. } | Self::NoProfile { .. } => {
                "Run the same release of the agent on both sides."
            }
            Self::Instance { .. } | Self::Several { .. } => {
                "Name one of them in [instance.rehearsal] instance."
            }
        }
    }
}

impl From<StatusProblem> for CollectError {
    fn from(problem: StatusProblem) -> Self {
        let remedy = problem.remedy();
        Self::new(FailureKind::Malformed, problem, remedy)
    }
}

/// Of a status only what is compared; a newer agent may say more.
#[derive(Deserialize)]
struct Status {
    format_version: String,
    written_at: Timestamp,
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    name: String,
    #[serde(default)]
    profile: Option<Profile>,
}

fn parse_status(text: &str, at: &str, name: Option<&str>) -> Result<Staging, StatusProblem> {
    let at = at.to_owned();
    let status: Status = match serde_json::from_str(text) {
        Ok(status) => status,
        Err(cause) => return Err(StatusProblem::Malformed { at, cause }),
    };
    if status.format_version.split('.').next() != Some("1") {
        return Err(StatusProblem::Format { at, found: status.format_version.chars().take(32).collect() });
    }
    let known = status.instances.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
    let instance = match (name, status.instances.len()) {
        (None, 1) => status.instances.into_iter().next(),
        (None, _) => return Err(StatusProblem::Several { at, known }),
        (Some(name), _) => status.instances.into_iter().find(|known| known.name == name),
    };
    let Some(instance) = instance else {
        return Err(StatusProblem::Instance { at, name: name.unwrap_or_default().to_owned(), known });
    };
    let Some(profile) = instance.profile else {
        return Err(StatusProblem::NoProfile { at, name: instance.name });
    };
    Ok(Staging { place: at, instance: instance.name, written_at: status.written_at, profile })
}

/// A door for the fuzz targets: whether a text is taken for the status of another agent.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzz_status(text: &str) -> bool {
    parse_status(text, "status.json", None).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use upgrade_readiness_checks::golden::golden;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::config::{Credentials, HttpAccess};

    fn status() -> serde_json::Value {
        let profile = golden().facts.profile();
        json!({"format_version": "1.3", "written_at": "2025-12-01T20:00:00Z", "agent": {}, "instances": [
            {"name": "wiki-staging", "profile": profile, "verdict": "ready"}, {"name": "old"}]})
    }

    fn reason(text: &str, name: Option<&str>) -> String {
        CollectError::from(parse_status(text, "staging", name).unwrap_err()).into_failure().message
    }

    #[test]
    fn the_named_instance_is_read_and_nothing_else_will_do() {
        let text = status().to_string();
        let staging = parse_status(&text, "staging", Some("wiki-staging")).unwrap();
        assert_eq!(staging.profile, golden().facts.profile());
        assert!(reason(&text, None).contains("several instances: wiki-staging, old"));
        assert!(reason(&text, Some("wiki")).contains("no instance \"wiki\"; it watches wiki-staging, old"));
        assert!(reason(&text, Some("old")).contains("too old to say what old is"));
        assert!(reason("<html>", None).contains("Give the address of the agent itself"));
        assert!(reason(&text.replace("1.3", "2.0"), None).contains("format \"2.0\""));
        assert!(reason(text.strip_suffix("}").unwrap(), None).contains("not the status of an agent"));
        assert!(
            reason(r#"{"format_version":"1.0","written_at":"2025-12-01T20:00:00Z","instances":[]}"#, None)
                .contains("watches")
        );
    }

    #[tokio::test]
    async fn it_is_asked_over_http_or_read_from_a_file() {
        let server = MockServer::start().await;
        Mock::given(path("/api/v1/status"))
            .respond_with(ResponseTemplate::new(200).set_body_json(status()))
            .mount(&server)
            .await;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("status.json");
        std::fs::write(&file, status().to_string()).unwrap();
        let http = HttpAccess {
            base_url: server.uri().parse().unwrap(),
            credentials: Credentials::Anonymous,
            ca_file: None,
        };
        for at in [StagingAt::Http(http), StagingAt::File(file.clone())] {
            let place = StagingPlace { instance: Some("wiki-staging".into()), at };
            let section = RehearsalCollector::new(Some(place)).collect().await.unwrap();
            let Section::Rehearsal(Rehearsal { staging: Some(staging), .. }) = section else {
                panic!("{section:?}")
            };
            assert_eq!(staging.instance, "wiki-staging");
        }
        let gone = StagingPlace { instance: None, at: StagingAt::File(directory.path().join("gone")) };
        let failure = RehearsalCollector::new(Some(gone)).collect().await.unwrap_err().into_failure();
        assert_eq!(failure.kind, FailureKind::Absent);
        assert!(
            failure.message.contains("status file of the agent that watches staging"),
            "{}",
            failure.message
        );
        let none = RehearsalCollector::new(None).collect().await.unwrap();
        assert_eq!(none, Section::Rehearsal(Rehearsal { staging: None, prepared: None }));
    }
}
