//! A question to a Prometheus: its instant query, and the worst of the values that come back.

use serde::Deserialize;
use upgrade_readiness_checks::facts::ProbeOutcome;

use super::{CustomProbe, Said};
use crate::collect::http::{Client, HttpError, Limits};
use crate::config::HttpAccess;

/// What is asked of a Prometheus.
#[derive(Debug, Clone, PartialEq)]
pub struct PromqlQuestion {
    /// Where it is, and who asks.
    pub access: HttpAccess,
    /// The query.
    pub query: String,
}

/// Shape: <https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries>.
#[derive(Deserialize)]
struct Answer {
    status: String,
    error: Option<String>,
    data: Option<Data>,
}

/// What came of the query; a matrix or a string cannot be compared with a range.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Vector { result: Vec<Sample> },
    Scalar { result: (f64, String) },
    Other {},
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

pub(super) async fn ask(question: &PromqlQuestion, probe: &CustomProbe) -> Said {
    match fetch(question, probe).await {
        Ok(answer) => judge(answer, probe),
        Err(error) => Said::unknown(&error),
    }
}

async fn fetch(question: &PromqlQuestion, probe: &CustomProbe) -> Result<Answer, HttpError> {
    let PromqlQuestion { access, query } = question;
    let limits = Limits { total: probe.time_limit, ..Limits::default() };
    let client =
        Client::with_limits(&access.base_url, &access.credentials, access.ca_file.as_deref(), limits)?;
    let query: String = form_urlencoded(query);
    // A query it cannot work on is answered with 400 or 422, and the reason in the same form.
    let answer = client.get(&format!("api/v1/query?query={query}"), "application/json").await?;
    match answer.json::<Answer>() {
        Ok(told) => Ok(told),
        Err(error) => answer.accepted().and(Err(error)),
    }
}

fn form_urlencoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn judge(answer: Answer, probe: &CustomProbe) -> Said {
    let unknown = |text: String| Said { outcome: ProbeOutcome::Unknown, text };
    if answer.status != "success" {
        return unknown(format!("Prometheus refuses the query: {}", answer.error.unwrap_or_default()));
    }
    let values: Vec<String> = match answer.data {
        Some(Data::Scalar { result: (_, value) }) => vec![value],
        Some(Data::Vector { result }) => result.into_iter().map(|sample| sample.value.1).collect(),
        Some(Data::Other {}) | None => {
            return unknown("the query gives neither a vector nor a scalar".to_owned());
        }
    };
    let numbers: Option<Vec<f64>> = values.iter().map(|value| parse(value)).collect();
    let Some(numbers) = numbers else { return unknown("a value is not a number".to_owned()) };
    let count = numbers.len();
    let of = if count > 1 { format!("the worst of {count} values is ") } else { "the value is ".to_owned() };
    let said = numbers.into_iter().map(|value| probe.judge(value, &of));
    // The first of the gravest, so that the same answer always reads the same.
    said.reduce(|worst, next| if grave(next.outcome) > grave(worst.outcome) { next } else { worst })
        .unwrap_or_else(|| {
            unknown("the query gives no value at all; is what it asks for still scraped?".to_owned())
        })
}

/// Prometheus writes what is no finite number as `NaN`, `+Inf`, `-Inf`.
fn parse(value: &str) -> Option<f64> {
    value.parse().ok()
}

fn grave(outcome: ProbeOutcome) -> u8 {
    match outcome {
        ProbeOutcome::Ok => 0,
        ProbeOutcome::Warning => 1,
        ProbeOutcome::Unknown => 2,
        ProbeOutcome::Critical => 3,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use upgrade_readiness_checks::facts::ProbeOutcome::{Critical, Ok, Unknown, Warning};
    use wiremock::matchers::{path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::collect::custom::Question;
    use crate::config::Credentials;

    const QUERY: &str = "max by (a) (rate(x{b=\"c&d\"}[5m])) + 1";

    async fn answered(status: u16, body: Value) -> (ProbeOutcome, String) {
        let server = MockServer::start().await;
        Mock::given(path("/api/v1/query"))
            .and(query_param("query", QUERY))
            .respond_with(ResponseTemplate::new(status).set_body_json(body))
            .mount(&server)
            .await;
        let access = HttpAccess {
            base_url: server.uri().parse().unwrap(),
            credentials: Credentials::Anonymous,
            ca_file: None,
        };
        let question = PromqlQuestion { access, query: QUERY.to_owned() };
        let probe = CustomProbe {
            name: "p".into(),
            question: Question::Promql(question.clone()),
            warning: Some("5".parse().unwrap()),
            critical: Some("10".parse().unwrap()),
            time_limit: std::time::Duration::from_secs(5),
            remedy: None,
        };
        let said = ask(&question, &probe).await;
        (said.outcome, said.text)
    }

    fn vector(values: &[&str]) -> Value {
        let samples: Vec<Value> =
            values.iter().map(|value| json!({"metric": {}, "value": [1.5, value]})).collect();
        json!({"status": "success", "data": {"resultType": "vector", "result": samples}})
    }

    #[tokio::test]
    async fn the_worst_value_counts_and_none_is_unknown() {
        let rows = [
            (200, vector(&["1"]), Ok, "the value is 1"),
            (200, vector(&["1", "11", "6"]), Critical, "the worst of 3 values is 11"),
            (200, vector(&["1", "6"]), Warning, "the worst of 2 values is 6"),
            (200, vector(&["NaN"]), Critical, "NaN"),
            (200, vector(&[]), Unknown, "no value at all"),
            (200, vector(&["many"]), Unknown, "not a number"),
            (
                200,
                json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "7"]}}),
                Warning,
                "7",
            ),
            (
                200,
                json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "2"]]}]}}),
                Unknown,
                "neither",
            ),
            (
                400,
                json!({"status": "error", "errorType": "bad_data", "error": "parse error"}),
                Unknown,
                "parse error",
            ),
            (200, json!({"data": 1}), Unknown, "answer"),
            (503, json!([]), Unknown, "503"),
        ];
        for (status, body, outcome, part) in rows {
            let said = answered(status, body.clone()).await;
            assert_eq!(said.0, outcome, "{body}: {}", said.1);
            assert!(said.1.contains(part), "{body}: {}", said.1);
        }
    }
}
