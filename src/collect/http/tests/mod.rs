//! The client against servers that answer as real ones do, and as they should not.

mod credentials;
mod hostile;
mod redirects;
mod secure;

use std::error::Error;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use upgrade_readiness_checks::facts::FailureKind;
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::chain::Chain;

/// Short enough for tests, long enough for a busy machine where nothing is waited for.
const SHORT: Limits =
    Limits { connect: Duration::from_secs(5), total: Duration::from_secs(20), most_bytes: 1024 * 1024 };

#[derive(Debug, PartialEq, Deserialize)]
struct Count {
    count: u64,
}

fn client(address: &str) -> Client {
    Client::with_limits(&address.parse::<Url>().unwrap(), &Credentials::Anonymous, None, SHORT).unwrap()
}

/// Everything a person or a log could ever see of an error.
fn everything(error: &HttpError) -> String {
    let mut sources = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        sources.push(format!("{error:?}"));
        cause = error.source();
    }
    format!("{} | {} | {error:?} | {sources:?}", Chain(error), error.remedy())
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/rest/x")).respond_with(answer).mount(&server).await;
    server
}

async fn error_of(answer: ResponseTemplate) -> HttpError {
    let server = server(answer).await;
    client(&server.uri()).get_json::<Count>("rest/x").await.unwrap_err()
}

fn html(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=UTF-8")
}

#[tokio::test]
async fn json_is_read_under_the_context_path() {
    let server = MockServer::start().await;
    Mock::given(path("/confluence/rest/x"))
        .and(header("accept", "application/json"))
        .and(header("user-agent", concat!("upgrade-readiness-agent/", env!("CARGO_PKG_VERSION"))))
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({"count": 7})))
        .mount(&server)
        .await;
    for base in ["/confluence", "/confluence/"] {
        let client = client(&format!("{}{base}", server.uri()));
        assert_eq!(client.get_json::<Count>("rest/x").await.unwrap(), Count { count: 7 });
        assert_eq!(client.get_json::<Count>("/rest/x").await.unwrap(), Count { count: 7 });
        assert_eq!(
            client.get_text("rest/x").await.unwrap_err().kind(),
            FailureKind::Absent,
            "accepts no text"
        );
    }
}

#[tokio::test]
async fn each_status_is_its_own_story() {
    let rows = [
        (ResponseTemplate::new(400), FailureKind::Malformed, "answered 400", "base_url"),
        (ResponseTemplate::new(401), FailureKind::Denied, "answered 401", "wants to know who asks"),
        (ResponseTemplate::new(403), FailureKind::Denied, "answered 403", "firewall"),
        (ResponseTemplate::new(404), FailureKind::Absent, "answered 404", "context path"),
        (ResponseTemplate::new(407), FailureKind::Denied, "answered 407", "proxy"),
        (ResponseTemplate::new(429), FailureKind::Unreachable, "answered 429", "rate limit"),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "120"),
            FailureKind::Unreachable,
            "answered 429",
            "again in 120 s",
        ),
        (
            ResponseTemplate::new(429).insert_header("retry-after", "Fri, 20 Nov 2026 23:00:00 GMT"),
            FailureKind::Unreachable,
            "answered 429",
            "again at 2026-11-20T23:00:00Z",
        ),
        (ResponseTemplate::new(304), FailureKind::Malformed, "answered 304", "base_url"),
        (ResponseTemplate::new(302), FailureKind::Malformed, "answered 302", "base_url"),
        (ResponseTemplate::new(500), FailureKind::Unreachable, "answered 500", "log"),
        (ResponseTemplate::new(503), FailureKind::Unreachable, "answered 503", "starting"),
        (ResponseTemplate::new(504), FailureKind::Timeout, "answered 504", "starting"),
        // Confluence shows its error screen, named johnson, for every request while it starts.
        (
            html(503, "<html><head><link href=\"/johnson/static/css/main.css\"></head></html>"),
            FailureKind::Unreachable,
            "answered 503 and a page that says it is starting",
            "open it in the browser",
        ),
        // redradishtech/atl_manage lib/http.sh: secure administrator sessions in the plug-in manager.
        (
            ResponseTemplate::new(401).set_body_json(serde_json::json!({"subCode": "upm.websudo.error"})),
            FailureKind::Denied,
            "upm.websudo.error",
            "personal access token",
        ),
        // A proxy's own words, of a length nobody wants to read.
        (html(502, &"x".repeat(1_000_000)), FailureKind::Unreachable, "answered 502 and a web page", "proxy"),
    ];
    for (answer, kind, said, advised) in rows {
        let error = error_of(answer).await;
        let story = everything(&error);
        assert_eq!(error.kind(), kind, "{story}");
        assert!(error.to_string().contains(said), "{said}: {story}");
        assert!(error.remedy().contains(advised), "{advised}: {story}");
        assert!(story.len() < 1500, "{story}");
    }
}

#[tokio::test]
async fn a_page_for_people_is_not_data() {
    let rows = [
        // The form of Confluence's own login page posts os_username to dologin.action.
        (
            html(200, "<!DOCTYPE html><form action=\"/dologin.action\"><input name=\"os_username\">"),
            Page::Login,
        ),
        (html(200, "<html><form><input type='password'></form>"), Page::Login),
        (html(200, "<form method=post action=https://idp><input name=SAMLRequest>"), Page::Login),
        (html(200, "<html><body>Confluence is starting up</body></html>"), Page::NotRunning),
        (html(200, "<html><body>Welcome to nginx!</body></html>"), Page::Other),
        (html(200, ""), Page::Other),
        // With a type that lies, behind a byte order mark.
        (
            ResponseTemplate::new(200)
                .set_body_raw("\u{feff} <!doctype HTML><title>Hi</title>", "application/json"),
            Page::Other,
        ),
    ];
    for (answer, expected) in rows {
        let error = error_of(answer).await;
        match &error {
            HttpError::NotJson { looks_like, .. } => assert_eq!(*looks_like, expected, "{error}"),
            other => panic!("{other:?}"),
        }
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test]
async fn data_of_another_form_is_refused_without_being_quoted() {
    let rows = [
        ("", "it ends too early"),
        ("{\"count\": 7", "it ends too early"),
        ("{\"count\": \"s3cret\"}", "a value is of the wrong type"),
        ("{\"count\": -1}", "a value is of the wrong type"),
        ("[\"s3cret\"]", "a value is of the wrong type"),
        ("null", "a value is of the wrong type"),
        ("{}", "count is missing"),
        ("s3cret", "it is not JSON"),
        ("{\"count\": 7} s3cret", "it is not JSON"),
    ];
    for (body, problem) in rows {
        let error = error_of(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let story = everything(&error);
        assert_eq!(error.kind(), FailureKind::Malformed);
        assert!(story.contains(problem), "{body}: {story}");
        assert!(!story.contains("s3cret"), "{story}");
    }
    let deep = "[".repeat(100_000);
    let error = error_of(ResponseTemplate::new(200).set_body_raw(deep, "application/json")).await;
    assert_eq!(error.kind(), FailureKind::Malformed);
}

#[tokio::test]
async fn text_is_utf_8_or_refused() {
    let server = server(ResponseTemplate::new(200).set_body_raw(vec![0xff, 0xfe, 0x00], "text/plain")).await;
    let error = client(&server.uri()).get_text("rest/x").await.unwrap_err();
    assert!(everything(&error).contains("not UTF-8"), "{error}");
}

#[test]
fn addresses_that_cannot_be_meant_are_refused() {
    for (address, why) in [
        ("https://admin:s3cret@wiki.example.com/", "user and password"),
        ("https://admin@wiki.example.com/", "user and password"),
        ("ftp://wiki.example.com/", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("https://wiki.example.com/?os_authType=basic", "without ?"),
        ("https://wiki.example.com/#top", "without ?"),
    ] {
        let error = Client::new(&address.parse().unwrap(), &Credentials::Anonymous, None).unwrap_err();
        let story = everything(&error);
        assert!(story.contains(why), "{address}: {story}");
        assert!(!story.contains("s3cret"), "{story}");
    }
}

#[test]
fn links_lead_to_paths_of_the_same_service_only() {
    let rooted = client("http://wiki.example.com:8090");
    let below = client("http://wiki.example.com:8090/confluence");
    for (link, expected) in [
        ("/rest/a?b=c", "rest/a?b=c"),
        ("rest/a", "rest/a"),
        ("http://wiki.example.com:8090/rest/a", "rest/a"),
        ("http://u:p@wiki.example.com:8090/rest/a#x", "rest/a"),
    ] {
        assert_eq!(rooted.path_of_link(link).unwrap(), expected, "{link}");
        assert_eq!(below.path_of_link(link).unwrap(), expected, "{link}");
    }
    assert_eq!(below.path_of_link("/confluence/rest/a").unwrap(), "rest/a");
    for link in [
        "https://wiki.example.com:8090/rest/a",
        "http://wiki.example.com/rest/a",
        "http://evil.example.com:8090/rest/a",
        "//evil.example.com/rest/a",
        "\\\\evil.example.com\\rest",
        "http://[",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ] {
        assert!(rooted.path_of_link(link).is_err(), "{link}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date_and_never_more_than_a_day() {
    let now = "2026-11-20T22:00:00Z".parse().unwrap();
    for (text, expected) in [
        ("0", Some("2026-11-20T22:00:00Z")),
        (" 90 ", Some("2026-11-20T22:01:30Z")),
        ("99999999999999999999", Some("2026-11-21T22:00:00Z")),
        ("Fri, 20 Nov 2026 22:10:00 GMT", Some("2026-11-20T22:10:00Z")),
        ("Mon, 20 Nov 2006 22:10:00 GMT", Some("2026-11-20T22:00:00Z")),
        ("Tue, 20 Nov 2046 22:10:00 GMT", Some("2026-11-21T22:00:00Z")),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        let until = RetryAfter::parse(text).map(|retry_after| retry_after.until(now));
        assert_eq!(until, expected.map(|moment| moment.parse().unwrap()), "{text:?}");
    }
}
