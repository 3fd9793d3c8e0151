//! The newest rebuild of the search index.

use serde::Deserialize;
use upgrade_readiness_checks::facts::IndexState;

use super::super::rest::Rest;
use crate::collect::http::{Answer, HttpError};

/// Asks how the newest rebuild stands; asking starts none.
///
/// Clients read `finished` and `percentageComplete` (atlassian-api/atlassian-python-api, `reindex_get_status`); the
/// vendor does not describe the answer, so whatever of it is not there is not told.
pub(super) async fn fetch_index(rest: &Rest) -> Result<Option<IndexState>, HttpError> {
    match rest.get("rest/prototype/1/index/reindex", "application/json, application/xml;q=0.9").await {
        Ok(answer) => parse_index(&answer),
        // There is no rebuild to tell of, or no such question in this version.
        Err(HttpError::Status { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIndex {
    finished: Option<Word>,
    percentage_complete: Option<Word>,
}

/// A value that comes in several forms.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Truth(bool),
    Number(f64),
    Text(String),
}

impl Word {
    fn text(&self) -> String {
        match self {
            Self::Truth(truth) => truth.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.trim().to_ascii_lowercase(),
        }
    }
}

/// A door for the fuzz targets.
#[cfg(feature = "fuzzing")]
pub(super) fn fuzz(answer: &Answer) -> Option<u8> {
    parse_index(answer).ok().flatten().and_then(|index| index.percent)
}

fn parse_index(answer: &Answer) -> Result<Option<IndexState>, HttpError> {
    let text = answer.text()?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let raw = if text.trim_start().starts_with('<') {
        parse_xml(text)
            .ok_or_else(|| answer.malformed("it is neither JSON nor a rebuild in XML".to_owned()))?
    } else {
        answer.json()?
    };
    let percent = raw.percentage_complete.map(|word| word.text());
    let percent = percent.and_then(|text| text.trim_end_matches('%').split('.').next()?.parse().ok());
    let finished = raw.finished.map(|word| word.text()).and_then(|text| text.parse::<bool>().ok());
    // Without the word itself, the share tells.
    let running = finished.map(|finished| !finished).or_else(|| percent.map(|percent: u8| percent < 100));
    Ok(Some(IndexState { running, percent: percent.filter(|percent| *percent <= 100) }))
}

/// The same values as elements or attributes; a page for people has neither.
fn parse_xml(text: &str) -> Option<RawIndex> {
    let document = roxmltree::Document::parse(text).ok()?;
    let root = document.root_element();
    let value = |name: &str| {
        let element = root.descendants().find(|node| node.tag_name().name() == name);
        let text = element.and_then(|node| node.text()).or_else(|| root.attribute(name))?;
        Some(Word::Text(text.to_owned()))
    };
    let raw = RawIndex { finished: value("finished"), percentage_complete: value("percentageComplete") };
    (root.tag_name().name() != "html" && (raw.finished.is_some() || raw.percentage_complete.is_some()))
        .then_some(raw)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use upgrade_readiness_checks::facts::{Application, Field, Section};
    use wiremock::ResponseTemplate;

    use super::super::super::fake_server::{Fake, html, login_page};
    use super::*;
    use crate::collect::Collector;
    use crate::product::confluence::application::ApplicationCollector;

    const PATH: &str = "/rest/prototype/1/index/reindex";

    async fn look(fake: &Fake) -> Field<Option<IndexState>> {
        fake.json("/status", json!({"state": "RUNNING"})).await;
        match ApplicationCollector::new(fake.access()).collect().await.unwrap() {
            Section::Application(Application { index, .. }) => index,
            other => panic!("{other:?}"),
        }
    }

    async fn answered(answer: ResponseTemplate) -> Field<Option<IndexState>> {
        let fake = Fake::start().await;
        fake.answer(PATH, answer).await;
        look(&fake).await
    }

    #[tokio::test]
    async fn a_rebuild_is_told_in_whatever_form() {
        let state = |running, percent| Field::Read(Some(IndexState { running, percent }));
        let rows = [
            (json!({"finished": false, "percentageComplete": 42, "jobID": 1}), state(Some(true), Some(42))),
            (json!({"finished": true, "percentageComplete": 100}), state(Some(false), Some(100))),
            (json!({"finished": "false", "percentageComplete": "7.5"}), state(Some(true), Some(7))),
            (json!({"percentageComplete": 99.9}), state(Some(true), Some(99))),
            (json!({"percentageComplete": 250}), state(Some(false), None)),
            (json!({"finished": "perhaps"}), state(None, None)),
            (json!({}), state(None, None)),
        ];
        for (body, expected) in rows {
            assert_eq!(answered(ResponseTemplate::new(200).set_body_json(&body)).await, expected, "{body}");
        }
        let xml = "<reindex><finished>false</finished><percentageComplete>3</percentageComplete></reindex>";
        let answer = ResponseTemplate::new(200).set_body_raw(xml, "application/xml");
        assert_eq!(answered(answer).await, state(Some(true), Some(3)));
    }

    #[tokio::test]
    async fn no_rebuild_is_none_and_what_is_no_answer_is_unread() {
        assert_eq!(look(&Fake::start().await).await, Field::Read(None), "404");
        assert_eq!(answered(ResponseTemplate::new(200)).await, Field::Read(None), "nothing");
        for answer in [
            login_page(),
            html(200, "<html><body>finished</body></html>"),
            ResponseTemplate::new(403),
            ResponseTemplate::new(500),
            ResponseTemplate::new(200).set_body_json(json!("soon")),
        ] {
            assert!(matches!(answered(answer).await, Field::Unread(_)));
        }
    }
}
