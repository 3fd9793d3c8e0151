//! Credentials arrive where they should and show up nowhere else.

use std::io::Write;

use tempfile::NamedTempFile;
use wiremock::matchers::{header, method};

use super::*;
use crate::config::SecretSource;

const SECRET: &str = "s3cret-t0ken-4711";

fn secret_file(text: &str) -> (NamedTempFile, SecretSource) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let source = SecretSource::File(file.path().to_owned());
    (file, source)
}

fn client_with(address: &str, credentials: &Credentials) -> Client {
    Client::with_limits(&address.parse().unwrap(), credentials, None, SHORT).unwrap()
}

#[tokio::test]
async fn a_token_and_a_password_are_sent_in_their_own_form() {
    let (_file, token) = secret_file(&format!("{SECRET}\n"));
    let rows = [
        (Credentials::Bearer(token.clone()), format!("Bearer {SECRET}")),
        // base64("admin:s3cret-t0ken-4711")
        (
            Credentials::Basic { username: "admin".to_owned(), password: token },
            "Basic YWRtaW46czNjcmV0LXQwa2VuLTQ3MTE=".to_owned(),
        ),
    ];
    for (credentials, sent) in rows {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(header("authorization", sent.as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_json(serde_json::json!({"count": 1})))
            .mount(&server)
            .await;
        let client = client_with(&server.uri(), &credentials);
        assert_eq!(client.get_json::<Count>("rest/x").await.unwrap(), Count { count: 1 });
        client.without_credentials().get_json::<Count>("rest/x").await.unwrap_err();
        let last = server.received_requests().await.unwrap().pop().unwrap();
        assert!(!last.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn a_renewed_token_needs_no_restart() {
    let (mut file, token) = secret_file("old\n");
    let server = server(ResponseTemplate::new(200).set_body_json(serde_json::json!({"count": 1}))).await;
    let client = client_with(&server.uri(), &Credentials::Bearer(token));
    client.get_json::<Count>("rest/x").await.unwrap();
    file.as_file_mut().set_len(0).unwrap();
    std::fs::write(file.path(), "new\n").unwrap();
    client.get_json::<Count>("rest/x").await.unwrap();
    let sent: Vec<_> = server
        .received_requests()
        .await
        .unwrap()
        .iter()
        .map(|request| request.headers["authorization"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["Bearer old", "Bearer new"]);
}

#[tokio::test]
async fn no_error_shows_the_secret() {
    let (_file, token) = secret_file(SECRET);
    let encoded = "YWRtaW46czNjcmV0LXQwa2VuLTQ3MTE";
    for credentials in [
        Credentials::Bearer(token.clone()),
        Credentials::Basic { username: "admin".to_owned(), password: token },
    ] {
        // A server that throws back what it was sent.
        let echo = format!("{{\"echo\": \"Bearer {SECRET} Basic {encoded}=\"}}");
        for answer in [
            ResponseTemplate::new(401).set_body_raw(echo.clone(), "application/json"),
            ResponseTemplate::new(500).set_body_raw(echo.clone(), "text/html"),
            ResponseTemplate::new(200).set_body_raw(echo.clone(), "application/json"),
            ResponseTemplate::new(200).set_body_raw(echo.clone(), "text/html"),
            ResponseTemplate::new(302)
                .insert_header("location", format!("https://{SECRET}@idp.example.com/{SECRET}").as_str()),
        ] {
            let server = server(answer).await;
            let client = client_with(&server.uri(), &credentials);
            let story =
                format!("{} {client:?}", everything(&client.get_json::<Count>("rest/x").await.unwrap_err()));
            assert!(!story.contains(SECRET) && !story.contains(encoded), "{story}");
        }
        let unreachable = client_with("http://127.0.0.1:9", &credentials);
        let story = everything(&unreachable.get_json::<Count>("rest/x").await.unwrap_err());
        assert!(!story.contains(SECRET) && !story.contains(encoded), "{story}");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_or_broken_is_not_sent() {
    let server = server(ResponseTemplate::new(200).set_body_json(serde_json::json!({"count": 1}))).await;
    let (_empty, empty) = secret_file("\n");
    let (_lines, lines) = secret_file("one-half\nother-half");
    let (_good, good) = secret_file("pw");
    let rows = [
        (
            Credentials::Bearer(SecretSource::File("/nowhere/token".into())),
            FailureKind::Absent,
            "/nowhere/token",
        ),
        (Credentials::Bearer(empty), FailureKind::Absent, "is empty"),
        (Credentials::Bearer(lines), FailureKind::Malformed, "line break"),
        (Credentials::Basic { username: "a:b".to_owned(), password: good }, FailureKind::Malformed, "colon"),
    ];
    for (credentials, kind, said) in rows {
        let error = client_with(&server.uri(), &credentials).get_json::<Count>("rest/x").await.unwrap_err();
        let story = everything(&error);
        assert_eq!(error.kind(), kind, "{story}");
        assert!(story.contains(said), "{story}");
        assert!(!story.contains("half"), "{story}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_names_where_the_refused_secret_is_kept_and_what_to_do() {
    for (status, advised) in [(401, "make a new personal access token"), (403, "right to administer")] {
        let (file, token) = secret_file(SECRET);
        let server = server(ResponseTemplate::new(status)).await;
        let client = client_with(&server.uri(), &Credentials::Bearer(token));
        let error = client.get_json::<Count>("rest/x").await.unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
        assert!(error.remedy().contains(advised), "{}", error.remedy());
    }
}
