//! The application source against a fake Confluence.

use serde_json::json;
use upgrade_readiness_checks::facts::FailureKind;
use wiremock::ResponseTemplate;

use super::super::fake_server::{Fake, SECRET, html, login_page, not_clustered, starting_page};
use super::*;

async fn look(access: HttpAccess) -> Result<Application, CollectError> {
    match ApplicationCollector::new(access).collect().await? {
        Section::Application(application) => Ok(application),
        other => panic!("{other:?}"),
    }
}

/// A Confluence that answers everything.
async fn healthy() -> Fake {
    let fake = Fake::start().await;
    // Atlassian's own probes of /status (data-center-helm-charts, CONFLUENCE.md).
    fake.json("/status", json!({"state": "RUNNING"})).await;
    // atlassian/dc-app-performance-toolkit reads version and typeId of the manifest.
    fake.answer(
        "/rest/applinks/1.0/manifest",
        ResponseTemplate::new(200).set_body_raw(MANIFEST, "application/xml"),
    )
    .await;
    // atlassian-api/atlassian-python-api, get_access_mode.
    fake.json("/rest/api/accessmode", json!("READ_WRITE")).await;
    // README of ParsonsCorp/atlassian_instance_health_exporter.
    fake.json("/rest/troubleshooting/1.0/check/", health(true)).await;
    // atlassian-python-api and redradishtech/atl_manage: {"count": N}.
    fake.json("/rest/license/1.0/license/userCount", json!({"count": 412})).await;
    fake.json("/rest/license/1.0/license/maxUsers", json!({"count": 500})).await;
    fake.answer("/rest/zdu/cluster", not_clustered()).await;
    fake
}

const MANIFEST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><manifest><id>0c3e</id><name>Wiki</name>\
    <typeId>confluence</typeId><version>9.2.1</version><buildNumber>9109</buildNumber>\
    <applinksVersion>9.0.0</applinksVersion></manifest>";

fn health(healthy: bool) -> serde_json::Value {
    json!({"statuses": [{"id": 0, "completeKey": "com.atlassian.x-healthcheck-plugin:eolHealthCheck",
        "name": "End of Life", "description": "Checks", "isHealthy": healthy, "failureReason": "Ends on 2026-12-10",
        "application": "Confluence", "time": 1_484_054_268_591_u64, "severity": "undefined",
        "documentation": "https://confluence.atlassian.com/x/1", "tag": "Supported Platforms", "healthy": healthy}]})
}

fn unread<T: std::fmt::Debug>(field: &Field<T>) -> &str {
    match field {
        Field::Unread(why) => why,
        Field::Read(value) => panic!("read {value:?}"),
    }
}

#[tokio::test]
async fn a_running_instance_tells_everything() {
    let fake = healthy().await;
    let application = look(fake.access()).await.unwrap();
    let expected = Application {
        base_url: fake.server.uri(),
        state: Field::Read("RUNNING".to_owned()),
        version: Field::Read(Some("9.2.1".to_owned())),
        build: Field::Read(Some(9109)),
        access_mode: Field::Read("READ_WRITE".to_owned()),
        health: Field::Read(vec![HealthCheck {
            key: "com.atlassian.x-healthcheck-plugin:eolHealthCheck".to_owned(),
            name: "End of Life".to_owned(),
            tag: "Supported Platforms".to_owned(),
            healthy: true,
            severity: "undefined".to_owned(),
            reason: "Ends on 2026-12-10".to_owned(),
            documentation: Some("https://confluence.atlassian.com/x/1".to_owned()),
        }]),
        certificate_ends_at: Field::Read(None),
        users: Field::Read(UserCount { users: 412, allowed: Some(500) }),
        nodes: Field::Read(None),
        index: Field::Read(None),
    };
    assert_eq!(application, expected);
}

#[tokio::test]
async fn what_everybody_may_know_is_asked_without_credentials() {
    let fake = healthy().await;
    look(fake.access()).await.unwrap();
    for request in fake.server.received_requests().await.unwrap() {
        let anonymous = ["/status", "/rest/applinks/1.0/manifest"].contains(&request.url.path());
        assert_eq!(request.headers.contains_key("authorization"), !anonymous, "{}", request.url);
    }
}

#[tokio::test]
async fn a_password_is_marked_as_one_and_a_token_is_not() {
    let fake = healthy().await;
    look(fake.access()).await.unwrap();
    assert!(fake.asked().await.iter().all(|asked| !asked.contains("os_authType")));
    let fake = healthy().await;
    look(fake.access_with_password()).await.unwrap();
    let asked = fake.asked().await;
    assert!(asked.contains(&"/status".to_owned()), "{asked:?}");
    assert!(asked.contains(&"/rest/api/accessmode?os_authType=basic".to_owned()), "{asked:?}");
}

#[tokio::test]
async fn the_state_counts_and_not_the_status_code() {
    for (status, body, expected) in [
        (200, "RUNNING", "RUNNING"),
        (200, "STARTING", "STARTING"),
        (200, "FIRST_RUN", "FIRST_RUN"),
        (503, "MAINTENANCE", "MAINTENANCE"),
        (500, "ERROR", "ERROR"),
    ] {
        let fake = Fake::start().await;
        let answer = ResponseTemplate::new(status).set_body_json(json!({"state": body}));
        fake.answer("/status", answer).await;
        let application = look(fake.access()).await.unwrap();
        assert_eq!(application.state, Field::Read(expected.to_owned()));
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_read_is_not_running() {
    for (answer, said) in [
        (ResponseTemplate::new(404), "answered 404"),
        (ResponseTemplate::new(401), "answered 401"),
        (starting_page(), "starting"),
        (login_page(), "a login page"),
        (ResponseTemplate::new(200).set_body_string(""), "ends too early"),
        (ResponseTemplate::new(200).set_body_json(json!({})), "state is missing"),
        (ResponseTemplate::new(200).set_body_json(json!({"state": null})), "wrong type"),
        (ResponseTemplate::new(200).set_body_json(json!({"state": ""})), "not a word"),
        (ResponseTemplate::new(200).set_body_json(json!({"state": "running\n<b>"})), "not a word"),
        (ResponseTemplate::new(200).set_body_json(json!({"state": "R".repeat(5000)})), "not a word"),
        (
            ResponseTemplate::new(302).insert_header("location", "https://idp.example.com/"),
            "https://idp.example.com",
        ),
    ] {
        let fake = Fake::start().await;
        fake.answer("/status", answer).await;
        let application = look(fake.access()).await.unwrap();
        let why = unread(&application.state);
        assert!(why.contains(said) && why.contains("/status"), "{said}: {why}");
    }
}

#[tokio::test]
async fn an_instance_out_of_reach_fails_as_a_whole() {
    let fake = Fake::start().await;
    let mut access = fake.access();
    access.base_url = "http://127.0.0.1:9".parse().unwrap();
    let error = look(access).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable);
    let failure = error.into_failure();
    assert!(
        failure.message.contains("http://127.0.0.1:9/status") && failure.message.contains("curl"),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_starting_instance_leaves_the_rest_unread() {
    let fake = Fake::start().await;
    fake.json("/status", json!({"state": "STARTING"})).await;
    for path in [
        "/rest/applinks/1.0/manifest",
        "/rest/api/accessmode",
        "/rest/troubleshooting/1.0/check/",
        "/rest/license/1.0/license/maxUsers",
    ] {
        fake.answer(path, starting_page()).await;
    }
    let application = look(fake.access()).await.unwrap();
    assert_eq!(application.state, Field::Read("STARTING".to_owned()));
    for why in [
        unread(&application.version),
        unread(&application.build),
        unread(&application.access_mode),
        unread(&application.health),
        unread(&application.users),
    ] {
        assert!(why.contains("answered 503 and a page that says it is starting"), "{why}");
    }
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again() {
    let fake = Fake::start().await;
    fake.json("/status", json!({"state": "RUNNING"})).await;
    fake.status("/rest/api/accessmode", 401).await;
    let application = look(fake.access_with_password()).await.unwrap();
    for why in [unread(&application.access_mode), unread(&application.health), unread(&application.users)] {
        assert!(why.contains("answered 401 to a request as admin"), "{why}");
        assert!(!why.contains(SECRET));
    }
    assert_eq!(fake.asked().await.iter().filter(|asked| asked.contains("os_authType")).count(), 1);
}

#[tokio::test]
async fn a_missing_right_concerns_only_what_it_is_for() {
    let fake = Fake::start().await;
    fake.json("/status", json!({"state": "RUNNING"})).await;
    fake.answer(
        "/rest/applinks/1.0/manifest",
        ResponseTemplate::new(200).set_body_raw(MANIFEST, "application/xml"),
    )
    .await;
    fake.json("/rest/api/accessmode", json!("READ_ONLY")).await;
    // ParsonsCorp/atlassian_instance_health_exporter: 403 is an account that is no administrator.
    fake.status("/rest/troubleshooting/1.0/check/", 403).await;
    fake.status("/rest/license/1.0/license/maxUsers", 403).await;
    let application = look(fake.access()).await.unwrap();
    assert_eq!(application.access_mode, Field::Read("READ_ONLY".to_owned()));
    assert!(unread(&application.health).contains("right to administer"), "{:?}", application.health);
    assert!(unread(&application.users).contains("right to administer"), "{:?}", application.users);
}

#[tokio::test]
async fn the_manifest_is_read_in_both_forms() {
    let rows = [
        (MANIFEST.to_owned(), Ok((Some("9.2.1"), Some(9109)))),
        (json!({"typeId": "confluence", "version": "9.2.1", "buildNumber": 9109}).to_string(), Ok((Some("9.2.1"), Some(9109)))),
        (json!({"typeId": "confluence", "version": "9.2.1", "buildNumber": "9109"}).to_string(), Ok((Some("9.2.1"), Some(9109)))),
        (json!({"typeId": "confluence", "version": "9.2.1"}).to_string(), Ok((Some("9.2.1"), None))),
        (json!({"typeId": "confluence"}).to_string(), Ok((None, None))),
        ("<manifest><typeId>confluence</typeId><version> </version></manifest>".to_owned(), Ok((None, None))),
        (json!({"typeId": "jira", "version": "9.2.1"}).to_string(), Err("another product")),
        (json!({"version": "9.2.1"}).to_string(), Err("typeId is missing")),
        (json!({"typeId": "confluence", "buildNumber": "latest"}).to_string(), Err("not a build number")),
        (json!({"typeId": "confluence", "buildNumber": -1}).to_string(), Err("wrong type")),
        ("<manifest><typeId>confluence</typeId>".to_owned(), Err("not well-formed")),
        (
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><manifest><typeId>&b;</typeId></manifest>".to_owned(),
            Err("not well-formed"),
        ),
        (String::new(), Err("ends too early")),
    ];
    for (body, expected) in rows {
        let fake = Fake::start().await;
        fake.json("/status", json!({"state": "RUNNING"})).await;
        fake.answer(
            "/rest/applinks/1.0/manifest",
            ResponseTemplate::new(200).set_body_raw(body.clone(), "text/plain"),
        )
        .await;
        let application = look(fake.access()).await.unwrap();
        match expected {
            Ok((version, build)) => {
                assert_eq!(application.version, Field::Read(version.map(str::to_owned)), "{body}");
                assert_eq!(application.build, Field::Read(build), "{body}");
            }
            Err(said) => {
                assert!(unread(&application.version).contains(said), "{body}: {:?}", application.version);
                assert!(unread(&application.build).contains(said), "{body}");
            }
        }
    }
}

#[tokio::test]
async fn health_checks_are_found_under_their_old_path_too() {
    let fake = Fake::start().await;
    fake.json("/status", json!({"state": "RUNNING"})).await;
    fake.json("/rest/supportHealthCheck/1.0/check/", health(false)).await;
    let application = look(fake.access()).await.unwrap();
    assert!(!application.health.value().unwrap()[0].healthy);
}

#[tokio::test]
async fn health_checks_that_do_not_say_how_they_ended_are_not_good() {
    let entry = |entry: serde_json::Value| json!({"statuses": [entry]});
    let many = json!({"statuses": vec![json!({"name": "n", "isHealthy": true}); 501]});
    for (body, said) in [
        (entry(json!({"name": "Locks"})), "isHealthy is missing"),
        (entry(json!({"isHealthy": true})), "name is missing"),
        (entry(json!({"name": "Locks", "isHealthy": "yes"})), "wrong type"),
        (json!({}), "statuses is missing"),
        (json!([]), ""),
        (many, "more than 500"),
    ] {
        let fake = Fake::start().await;
        fake.json("/status", json!({"state": "RUNNING"})).await;
        fake.json("/rest/troubleshooting/1.0/check/", body.clone()).await;
        let application = look(fake.access()).await.unwrap();
        assert!(unread(&application.health).contains(said), "{said}: {:?}", application.health);
    }
    let fake = Fake::start().await;
    fake.json("/status", json!({"state": "RUNNING"})).await;
    fake.json("/rest/troubleshooting/1.0/check/", json!({"statuses": []})).await;
    assert_eq!(look(fake.access()).await.unwrap().health, Field::Read(Vec::new()));
}

#[tokio::test]
async fn users_are_counted_where_possible() {
    let count = |count: i64| ResponseTemplate::new(200).set_body_json(json!({"count": count}));
    let no = || ResponseTemplate::new(403);
    let read = |users, allowed| Ok(UserCount { users, allowed });
    for (max, used, left, expected) in [
        (count(500), count(412), count(88), read(412, Some(500))),
        (count(-1), count(412), no(), read(412, None)),
        (count(500), no(), count(88), read(412, Some(500))),
        (count(500), no(), count(-12), read(512, Some(500))),
        (count(500), no(), no(), Err("remainingSeats")),
        (count(-1), no(), count(-1), Err("userCount")),
        (no(), count(412), count(88), Err("maxUsers")),
        (count(500), count(-3), count(88), Err("count is negative")),
        (count(500), html(200, "<html>"), html(200, "<html>"), Err("a web page")),
        (
            ResponseTemplate::new(200).set_body_json(json!({"count": "500"})),
            count(1),
            no(),
            Err("wrong type"),
        ),
    ] {
        let fake = Fake::start().await;
        fake.json("/status", json!({"state": "RUNNING"})).await;
        for (name, answer) in [("maxUsers", max), ("userCount", used), ("remainingSeats", left)] {
            fake.answer(&format!("/rest/license/1.0/license/{name}"), answer).await;
        }
        let users = look(fake.access()).await.unwrap().users;
        match expected {
            Ok(expected) => assert_eq!(users, Field::Read(expected)),
            Err(said) => assert!(unread(&users).contains(said), "{said}: {users:?}"),
        }
    }
}
