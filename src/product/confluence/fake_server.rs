//! A Confluence and a marketplace for tests: servers on loopback with the documented shapes.

use std::io::Write;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::config::{Credentials, HttpAccess, SecretSource};

/// The secret every test sends.
pub(super) const SECRET: &str = "s3cret-t0ken-4711";

/// A server that answers some paths, and 404 on all others.
#[derive(Debug)]
pub(super) struct Fake {
    pub(super) server: MockServer,
    secret: NamedTempFile,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let mut secret = NamedTempFile::new().unwrap();
        secret.write_all(SECRET.as_bytes()).unwrap();
        Self { server: MockServer::start().await, secret }
    }

    /// Answers a path; what is said first counts.
    pub(super) async fn answer(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    pub(super) async fn json(&self, at: &str, body: Value) {
        self.answer(at, ResponseTemplate::new(200).set_body_json(body)).await;
    }

    pub(super) async fn status(&self, at: &str, status: u16) {
        self.answer(at, ResponseTemplate::new(status)).await;
    }

    fn token(&self) -> SecretSource {
        SecretSource::File(self.secret.path().to_owned())
    }

    /// The way to it with a token.
    pub(super) fn access(&self) -> HttpAccess {
        HttpAccess {
            base_url: self.server.uri().parse().unwrap(),
            credentials: Credentials::Bearer(self.token()),
            ca_file: None,
        }
    }

    /// The way to it with a password.
    pub(super) fn access_with_password(&self) -> HttpAccess {
        let credentials = Credentials::Basic { username: "admin".to_owned(), password: self.token() };
        HttpAccess { credentials, ..self.access() }
    }

    /// The paths that were asked for so far, with their queries, in order.
    pub(super) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests
            .iter()
            .map(|request| match request.url.query() {
                Some(query) => format!("{}?{query}", request.url.path()),
                None => request.url.path().to_owned(),
            })
            .collect()
    }
}

/// A page for people, as Confluence gives it in place of data.
pub(super) fn html(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "text/html;charset=UTF-8")
}

/// The login page: its form posts `os_username` to `dologin.action`.
pub(super) fn login_page() -> ResponseTemplate {
    html(
        200,
        "<!DOCTYPE html><title>Log In - Confluence</title><form action=\"/dologin.action\"><input name=\"os_username\">",
    )
}

/// The screen of a Confluence that is starting, served from paths that contain `johnson`.
pub(super) fn starting_page() -> ResponseTemplate {
    html(503, "<!DOCTYPE html><link rel=\"stylesheet\" href=\"/johnson/static/main.css\">")
}

/// One entry of the list of installed plug-ins.
///
/// Shape: `redradishtech/atl_manage`, lib/http.sh (getplugindata).
pub(super) fn plugin(key: &str, version: &str, user_installed: bool) -> Value {
    json!({
        "key": key, "name": format!("{key} for Confluence"), "version": version, "enabled": true,
        "userInstalled": user_installed, "optional": true, "static": false, "unloadable": true,
        "usesLicensing": true, "description": SECRET,
        "vendor": {"name": "A Vendor", "link": "https://vendor.example.com"},
        "links": {"self": format!("/rest/plugins/1.0/{key}-key")},
    })
}

/// A version of a plug-in as the marketplace lists it, for releases of Confluence from `min` to `max`.
///
/// Shape: a public TypeScript interface for `compatibilities[].hosting.dataCenter.{min,max}.{version,build}`,
/// and the names around it from Atlassian's marketplace-client-java.
pub(super) fn app_version(name: &str, min: &str, max: &str) -> Value {
    json!({
        "name": name, "buildNumber": 700_200_000, "status": "public", "paymentModel": "atlassian",
        "release": {"date": "2026-01-01"},
        "compatibilities": [{"application": "confluence", "hosting": {
            "dataCenter": {"min": {"build": 1, "version": min}, "max": {"build": 2, "version": max}},
        }}],
    })
}

/// A page of the marketplace, as marketplace-client-java and Atlassian's
/// data-center-helm-charts (`update_versions.py`) read it.
pub(super) fn page(versions: &[Value], next: Option<&str>) -> Value {
    match next {
        None => json!({"_embedded": {"versions": versions}, "_links": {"self": {"href": "/x"}}}),
        Some(next) => json!({"_embedded": {"versions": versions}, "_links": {"next": {"href": next}}}),
    }
}

/// How a site that is no cluster answers `/rest/zdu/cluster`.
///
/// Shape: atlassian/dc-app-performance-toolkit (`confluence_clients.py`, `get_confluence_nodes`): 401 or 403, with
/// "clustered installation" in the body or in `WWW-Authenticate`.
pub(super) fn not_clustered() -> ResponseTemplate {
    ResponseTemplate::new(403).set_body_json(json!({
        "status-code": 403, "message": "This resource is available for a clustered installation only.",
    }))
}

/// The overview of a cluster.
///
/// Shape: the public Go client goconfluence, written against a real `/rest/zdu/cluster` of Confluence; the same names
/// stand in the documented REST interface of Bitbucket Data Center.
pub(super) fn cluster(upgrade_mode: bool, state: &str, nodes: &[Value]) -> Value {
    json!({
        "upgradeModeEnabled": upgrade_mode, "state": state, "originalVersion": "9.2.1",
        "hasFinalizationTasks": false, "nodes": nodes, "links": [],
    })
}

/// One node in the overview of a cluster.
pub(super) fn node(id: &str, version: &str, build: &str) -> Value {
    json!({
        "id": id, "name": format!("{id}.example.com"), "ipAddress": "10.0.0.7", "local": id == "n1",
        "state": "ACTIVE", "version": version, "buildNumber": build, "tasksTotal": 0, "activeUserCount": 3,
        "links": [{"href": format!("/rest/zdu/nodes/{id}"), "rel": "self"}],
    })
}
