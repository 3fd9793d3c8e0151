//! Redirects are followed at home only.

use std::io::Write;

use tempfile::NamedTempFile;

use super::*;
use crate::config::SecretSource;

fn moved(to: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", to)
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_host() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"s3cret").unwrap();
    let credentials = Credentials::Bearer(SecretSource::File(file.path().to_owned()));
    let other = MockServer::start().await;
    let port = other.address().port();
    for to in [
        format!("{}/rest/x", other.uri()),
        format!("//127.0.0.1:{port}/rest/x"),
        format!("http://localhost:{port}/rest/x"),
        "https://idp.example.com/login?next=x".to_owned(),
    ] {
        let server = server(moved(&to)).await;
        let client = Client::with_limits(&server.uri().parse().unwrap(), &credentials, None, SHORT).unwrap();
        let error = client.get_json::<Count>("rest/x").await.unwrap_err();
        let HttpError::Redirected { to: named, .. } = &error else { panic!("{error:?}") };
        assert!(to.contains(named.trim_start_matches("http:")), "{named} should be the place in {to}");
        assert!(error.remedy().contains("base_url"));
    }
    assert!(other.received_requests().await.unwrap().is_empty(), "nothing may arrive at the other host");
}

#[tokio::test]
async fn the_same_host_with_tls_is_another_place_and_is_named() {
    let server = MockServer::start().await;
    let port = server.address().port();
    Mock::given(path("/rest/x"))
        .respond_with(moved(&format!("https://127.0.0.1:{port}/rest/x")))
        .mount(&server)
        .await;
    let error = client(&server.uri()).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(error.remedy().contains(&format!("https://127.0.0.1:{port}")), "{}", error.remedy());
}

#[tokio::test]
async fn at_home_they_are_followed_a_few_times() {
    let server = MockServer::start().await;
    for (from, to) in [("/rest/x", "/rest/y"), ("/rest/y", "z"), ("/rest/z", "/a?b=c")] {
        Mock::given(path(from)).respond_with(moved(to)).mount(&server).await;
    }
    Mock::given(path("/a"))
        .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({"count": 3})))
        .mount(&server)
        .await;
    assert_eq!(client(&server.uri()).get_json::<Count>("rest/x").await.unwrap(), Count { count: 3 });
}

#[tokio::test]
async fn a_circle_ends() {
    let server = server(moved("/rest/x")).await;
    let error = client(&server.uri()).get_json::<Count>("rest/x").await.unwrap_err();
    assert!(matches!(error, HttpError::TooManyRedirects { .. }), "{error:?}");
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_place_that_cannot_be_read_is_not_followed() {
    for location in ["http://[::1", "http://"] {
        let error = error_of(moved(location)).await;
        assert!(matches!(error, HttpError::Redirected { .. }), "{error:?}");
    }
}
