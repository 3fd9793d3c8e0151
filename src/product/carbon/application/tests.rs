//! A Carbon server on loopback, as it is and as it should not be.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use upgrade_readiness_checks::facts::FailureKind;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::collect::http::install_tls_provider;
use crate::config::Credentials;

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><title>WSO2 Carbon</title>\
    <form action=\"../admin/login_action.jsp\"><input id=\"txtUserName\"></form></html>";
const VERSION_XML: &str = "<ns:getVersionResponse xmlns:ns=\"http://version.services.core.carbon.wso2.org\">\
    <return>WSO2 Carbon-4.4.6</return></ns:getVersionResponse>";

fn html(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=UTF-8")
}

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

struct Answers {
    login: ResponseTemplate,
    version: ResponseTemplate,
    health: ResponseTemplate,
}

impl Answers {
    fn good() -> Self {
        Self {
            login: html(200, LOGIN_PAGE),
            version: ResponseTemplate::new(200).set_body_raw(VERSION_XML, "application/xml"),
            health: json(200, r#"{"health":[{"key":"server status","value":"RUNNING"}]}"#),
        }
    }

    async fn ask(self) -> Application {
        let server = MockServer::start().await;
        for (at, answer) in [(LOGIN, self.login), (VERSION, self.version), (HEALTH, self.health)] {
            Mock::given(method("GET")).and(path(format!("/{at}"))).respond_with(answer).mount(&server).await;
        }
        let access = HttpAccess {
            base_url: server.uri().parse().unwrap(),
            credentials: Credentials::Anonymous,
            ca_file: None,
        };
        match ApplicationCollector::new(access).collect().await.unwrap() {
            Section::Application(application) => application,
            other => panic!("{other:?}"),
        }
    }
}

fn why<T: std::fmt::Debug>(field: &Field<T>) -> &str {
    match field {
        Field::Unread(why) => why,
        Field::Read(value) => panic!("it was read: {value:?}"),
    }
}

#[tokio::test]
async fn a_running_server_tells_state_version_and_health() {
    let found = Answers::good().ask().await;
    assert_eq!(found.state, Field::Read("RUNNING".to_owned()));
    assert_eq!(found.version, Field::Read(Some("4.4.6".to_owned())));
    let health = found.health.value().unwrap();
    assert_eq!((health[0].key.as_str(), health[0].healthy), ("server status", true));
}

#[tokio::test]
async fn what_is_not_the_login_page_of_the_console_proves_nothing() {
    let elsewhere =
        "<!DOCTYPE html><html><title>Single sign-on</title><form><input name=\"user\"></form></html>";
    let rows = [
        (html(200, elsewhere), "not the login page"),
        (html(503, "<html>down for maintenance</html>"), "503"),
        (ResponseTemplate::new(404), "404"),
        (
            ResponseTemplate::new(302).insert_header("location", "https://sso.example.com/login"),
            "sso.example.com",
        ),
        (ResponseTemplate::new(200), "not the login page"),
    ];
    for (login, part) in rows {
        let found = Answers { login, ..Answers::good() }.ask().await;
        assert!(why(&found.state).contains(part), "{part}: {}", why(&found.state));
    }
}

#[tokio::test]
async fn a_version_is_a_version_or_it_is_not_told() {
    let found = Answers { version: ResponseTemplate::new(404), ..Answers::good() }.ask().await;
    assert_eq!(found.version, Field::Read(None), "not every product has the service");
    for bad in [html(200, LOGIN_PAGE), json(200, "{}"), ResponseTemplate::new(500)] {
        let found = Answers { version: bad, ..Answers::good() }.ask().await;
        assert!(matches!(found.version, Field::Unread(_)), "{:?}", found.version);
    }
    let rows = [
        ("<getVersionResponse><return>WSO2 API Manager-2.6.0</return></getVersionResponse>", Some("2.6.0")),
        (
            "<getVersionResponse><return>WSO2 Identity Server v5.7.0+166</return></getVersionResponse>",
            Some("5.7.0"),
        ),
        ("<getVersionResponse><return>none</return></getVersionResponse>", None),
        ("<other>4.4.6</other>", None),
        ("<!DOCTYPE a [<!ENTITY b \"1.0\">]><getVersionResponse>&b;</getVersionResponse>", None),
    ];
    for (text, expected) in rows {
        assert_eq!(parse_version(text).as_deref(), expected, "{text}");
    }
}

#[tokio::test]
async fn failing_health_checks_are_told_by_their_code() {
    let errors =
        r#"{"errors":[{"code":"HC_00002","message":"Pool nearly full","description":"SHARED_DB 85 %"}]}"#;
    let found = Answers { health: json(503, errors), ..Answers::good() }.ask().await;
    let health = found.health.value().unwrap();
    assert_eq!((health[0].key.as_str(), health[0].healthy), ("HC_00002", false));
    assert_eq!((health[0].name.as_str(), health[0].reason.as_str()), ("Pool nearly full", "SHARED_DB 85 %"));
}

#[tokio::test]
async fn silence_of_the_health_api_is_not_health() {
    let many = format!(r#"{{"health":[{}]}}"#, vec![r#"{"key":"k"}"#; 501].join(","));
    let rows = [
        (ResponseTemplate::new(200), "switched off"),
        (json(200, "{}"), "switched off"),
        (json(200, r#"{"errors":[]}"#), "switched off"),
        (html(200, LOGIN_PAGE), "web page"),
        (html(503, "<html>proxy</html>"), "503"),
        (json(503, "{}"), "503"),
        (json(200, "{\"health\":"), "ends too early"),
        (json(200, &many), "more than 500"),
        (ResponseTemplate::new(401), "401"),
    ];
    let without = Answers { health: ResponseTemplate::new(404), ..Answers::good() }.ask().await;
    assert_eq!(without.health, Field::Read(Vec::new()), "older kernels have none");
    for (health, part) in rows {
        let found = Answers { health, ..Answers::good() }.ask().await;
        let told = why(&found.health);
        assert!(told.contains(part), "{part}: {told}");
        assert_eq!(found.state, Field::Read("RUNNING".to_owned()), "the rest is told all the same");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_fails_as_a_whole() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", closed.local_addr().unwrap());
    drop(closed);
    let access =
        HttpAccess { base_url: address.parse().unwrap(), credentials: Credentials::Anonymous, ca_file: None };
    let error = ApplicationCollector::new(access).collect().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unreachable);
}

#[tokio::test]
async fn the_certificate_the_product_ships_must_be_made_known() {
    install_tls_provider();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client ends the handshake.
            drop(acceptor.accept(stream).await);
        }
    });
    let access =
        HttpAccess { base_url: address.parse().unwrap(), credentials: Credentials::Anonymous, ca_file: None };
    let failure = ApplicationCollector::new(access).collect().await.unwrap_err().into_failure();
    assert!(failure.message.contains("certificate") && failure.message.contains("ca_file"), "{failure:?}");
}
