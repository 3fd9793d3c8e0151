//! Something served over HTTP: its status, and what must stand in it.

use std::time::Duration;

use upgrade_readiness_checks::facts::ProbeOutcome;

use super::Said;
use crate::collect::http::{Client, HttpError, Limits};
use crate::config::HttpAccess;

/// What is asked over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpQuestion {
    /// Where, and who asks.
    pub access: HttpAccess,
    /// The status a good answer has.
    pub status: u16,
    /// What must stand in a good answer.
    pub contains: Option<String>,
}

impl HttpQuestion {
    pub(super) fn url(&self) -> String {
        self.access.base_url.to_string()
    }
}

pub(super) async fn ask(question: &HttpQuestion, limit: Duration) -> Said {
    match fetch(question, limit).await {
        Ok(said) => said,
        // Nobody there is an answer to the question whether somebody is.
        Err(error) => Said { outcome: ProbeOutcome::Critical, ..Said::unknown(&error) },
    }
}

async fn fetch(question: &HttpQuestion, limit: Duration) -> Result<Said, HttpError> {
    let HttpQuestion { access, status, contains } = question;
    let limits = Limits { total: limit, ..Limits::default() };
    // The address is the very page that is asked for, and no place to start from.
    let mut root = access.base_url.clone();
    root.set_path("/");
    let client = Client::with_limits(&root, &access.credentials, access.ca_file.as_deref(), limits)?;
    let answer = client.get(access.base_url.path().trim_start_matches('/'), "*/*").await?;
    if answer.status != *status {
        let text = format!("it answered {}, and should answer {status}", answer.status);
        return Ok(Said { outcome: ProbeOutcome::Critical, text });
    }
    if let Some(wanted) = contains
        && !answer.text()?.contains(wanted)
    {
        let text = format!("it answered {status} without {wanted:?}");
        return Ok(Said { outcome: ProbeOutcome::Critical, text });
    }
    Ok(Said { outcome: ProbeOutcome::Ok, text: format!("it answered {status}") })
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::config::Credentials;

    #[tokio::test]
    async fn status_and_content_must_be_as_they_should() {
        let server = MockServer::start().await;
        let body = ResponseTemplate::new(200).set_body_string("all is OK here");
        Mock::given(path("/good")).respond_with(body).mount(&server).await;
        let ask = async |at: &str, status: u16, contains: Option<&str>| {
            let access = HttpAccess {
                base_url: at.parse().unwrap(),
                credentials: Credentials::Anonymous,
                ca_file: None,
            };
            let question = HttpQuestion { access, status, contains: contains.map(str::to_owned) };
            let said = super::ask(&question, Duration::from_secs(5)).await;
            (said.outcome, said.text)
        };
        let (good, bad) = (format!("{}/good", server.uri()), format!("{}/bad", server.uri()));
        assert_eq!(ask(&good, 200, None).await.0, ProbeOutcome::Ok);
        assert_eq!(ask(&good, 200, Some("OK")).await.0, ProbeOutcome::Ok);
        assert_eq!(ask(&bad, 404, None).await.0, ProbeOutcome::Ok);
        let without = ask(&good, 200, Some("fine")).await;
        assert_eq!(without, (ProbeOutcome::Critical, "it answered 200 without \"fine\"".to_owned()));
        let other = ask(&bad, 200, None).await;
        assert_eq!(other, (ProbeOutcome::Critical, "it answered 404, and should answer 200".to_owned()));
        let nobody = ask("http://127.0.0.1:1/x", 200, None).await;
        assert_eq!(nobody.0, ProbeOutcome::Critical, "{}", nobody.1);
    }
}
