//! Plays the HTTP side of the example instance, and the marketplace, on loopback.
//!
//! The answers have the shapes the real ones have; each route names where its shape is known from.

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BUILD, VERSION};

/// A plug-in of the example.
struct App {
    key: &'static str,
    name: &'static str,
    version: &'static str,
    enabled: bool,
    /// For how many days it is licensed; `None` for one that needs no licence.
    license_days: Option<i64>,
    /// The newest version in the marketplace, and the Confluence versions it is stated to work with;
    /// `None` for a private plug-in the marketplace does not know.
    listed: Option<Listed>,
}

struct Listed {
    newest: &'static str,
    works_from: &'static str,
    works_to: &'static str,
    installed_works_to: &'static str,
}

const APPS: [App; 5] = [
    App {
        key: "com.example.gantt",
        name: "Gantt Charts",
        version: "4.1.0",
        enabled: true,
        license_days: Some(30),
        listed: Some(Listed {
            newest: "5.2.1",
            works_from: "7.13.0",
            works_to: "10.2.99",
            installed_works_to: "10.2.99",
        }),
    },
    App {
        key: "com.example.forms",
        name: "Forms for Confluence",
        version: "2.8.4",
        enabled: true,
        license_days: Some(400),
        listed: Some(Listed {
            newest: "3.0.0",
            works_from: "9.0.0",
            works_to: "10.2.99",
            installed_works_to: "8.9.99",
        }),
    },
    App {
        key: "com.example.polls",
        name: "Simple Polls",
        version: "1.9.0",
        enabled: true,
        license_days: None,
        listed: Some(Listed {
            newest: "1.9.0",
            works_from: "7.0.0",
            works_to: "8.9.99",
            installed_works_to: "8.9.99",
        }),
    },
    App {
        key: "com.example.intranet.theme",
        name: "Intranet theme",
        version: "1.0.3",
        enabled: true,
        license_days: None,
        listed: None,
    },
    App {
        key: "com.example.calendar",
        name: "Old Calendar",
        version: "0.9.2",
        enabled: false,
        license_days: None,
        listed: Some(Listed {
            newest: "0.9.2",
            works_from: "6.0.0",
            works_to: "7.19.99",
            installed_works_to: "7.19.99",
        }),
    },
];

/// The example instance and the marketplace, as one set of routes: their paths do not overlap.
pub(super) fn router(now: Timestamp) -> Router {
    Router::new()
        // The state is documented for load balancers: support.atlassian.com, "Jira status endpoint response meanings".
        .route("/status", get(async || Json(json!({ "state": "RUNNING" }))))
        .route("/rest/applinks/1.0/manifest", get(manifest))
        .route("/rest/api/accessmode", get(async || Json(json!("READ_WRITE"))))
        .route("/rest/troubleshooting/1.0/check/", get(health))
        .route("/rest/license/1.0/license/userCount", get(async || Json(json!({ "count": 462 }))))
        .route("/rest/license/1.0/license/maxUsers", get(async || Json(json!({ "count": 500 }))))
        .route("/rest/license/1.0/license/remainingSeats", get(async || Json(json!({ "count": 38 }))))
        .route("/rest/zdu/cluster", get(not_clustered))
        .route("/rest/plugins/1.0/", get(installed))
        .route("/rest/plugins/1.0/safe-mode", get(async || Json(json!({ "enabled": false }))))
        .route("/rest/plugins/1.0/product-updates/", get(product_updates))
        .route("/rest/plugins/1.0/product-updates/{build}/compatibility", get(update_check))
        .route("/rest/plugins/1.0/{key}", get(details))
        .route("/rest/plugins/1.0/{key}/license", get(async move |path| app_license(path, now)))
        .route("/rest/2/addons/{key}/versions", get(marketplace))
}

/// Shape: Atlassian's DC app performance toolkit reads `typeId` and `version` of this XML.
async fn manifest() -> impl IntoResponse {
    let xml = format!(
        "<manifest><id>example</id><name>Example wiki</name><typeId>confluence</typeId><version>{VERSION}</version><buildNumber>{BUILD}</buildNumber></manifest>"
    );
    ([("content-type", "application/xml")], xml)
}

/// Shape: Atlassian's DC app performance toolkit knows a site that is no cluster by these words.
async fn not_clustered() -> impl IntoResponse {
    let message = "This resource is available for a clustered installation only.";
    (StatusCode::FORBIDDEN, Json(json!({ "status-code": 403, "message": message })))
}

/// Shape: README of `ParsonsCorp/atlassian_instance_health_exporter`.
async fn health() -> Json<Value> {
    let check = |id: u32, key: &str, name: &str, tag: &str, healthy: bool, severity: &str, reason: &str| {
        json!({
            "id": id, "completeKey": format!("com.atlassian.troubleshooting.plugin-confluence:{key}"), "name": name,
            "description": name, "isHealthy": healthy, "failureReason": reason, "application": "Confluence",
            "time": 1_484_054_268_591_u64, "severity": severity,
            "documentation": "https://confluence.atlassian.com/x/example", "tag": tag, "healthy": healthy,
        })
    };
    Json(json!({ "statuses": [
        check(0, "eolHealthCheck", "End of Life", "Supported Platforms", false, "major",
            "This version of Confluence has reached its end of life."),
        check(1, "licenseLimitHealthCheck", "Confluence license limit", "Administration", true, "undefined",
            "38 seats remain."),
        check(2, "internalAdminHealthCheck", "Internal administrator user", "Administration", true, "undefined",
            "An administrator exists in the internal directory."),
    ] }))
}

/// Shape: list of installed apps as public clients of the universal plug-in manager read it.
async fn installed() -> Json<Value> {
    let plugin = |key: &str, name: &str, version: &str, enabled: bool, user: bool| {
        json!({
            "key": key, "name": name, "version": version, "enabled": enabled, "userInstalled": user,
            "optional": true, "links": { "self": format!("/rest/plugins/1.0/{key}-key") },
        })
    };
    let bundled = ["confluence-jira-metadata", "confluence-daily-summary-email", "confluence-editor"]
        .map(|name| plugin(&format!("com.atlassian.confluence.plugins.{name}"), name, VERSION, true, false));
    let installed = APPS.iter().map(|app| plugin(app.key, app.name, app.version, app.enabled, true));
    Json(json!({ "plugins": bundled.into_iter().chain(installed).collect::<Vec<_>>(), "links": {} }))
}

/// Shape: `modules[]` as `craftamap/pluploader` reads it.
async fn details(Path(key): Path<String>) -> Response {
    let Some(app) = APPS.iter().find(|app| key.strip_suffix("-key") == Some(app.key)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let broken = app.key == "com.example.intranet.theme";
    Json(json!({
        "key": app.key, "name": app.name, "version": app.version, "enabled": app.enabled, "userInstalled": true,
        "modules": [{
            "completeKey": format!("{}:main", app.key), "key": "main", "name": "main", "enabled": app.enabled,
            "optional": true, "recognisableType": true, "broken": broken,
        }],
    }))
    .into_response()
}

/// Shape: `valid`, `evaluation`, `licenseType` and `expiryDate` in milliseconds, as `craftamap/pluploader` reads them.
fn app_license(Path(key): Path<String>, now: Timestamp) -> Json<Value> {
    let Some((app, days)) = APPS
        .iter()
        .find_map(|app| Some((app, app.license_days?)).filter(|_| key.strip_suffix("-key") == Some(app.key)))
    else {
        return Json(json!({ "pluginKey": key.strip_suffix("-key") }));
    };
    let ends = now + SignedDuration::from_hours(days * 24);
    Json(json!({
        "pluginKey": app.key, "valid": true, "evaluation": false, "licenseType": "COMMERCIAL",
        "expiryDate": ends.as_millisecond(), "active": true,
    }))
}

/// Shape: `versions[]` with `links.self`, as a public Go client reads it.
async fn product_updates() -> Json<Value> {
    let version = |version: &str, build: u32| {
        json!({
            "version": version, "recent": true,
            "links": { "self": format!("/rest/plugins/1.0/product-updates/{build}/compatibility") },
        })
    };
    Json(json!({ "versions": [version("9.2.13", 9111), version("8.5.27", 9012)] }))
}

/// Shape: five lists, as the same client and public administrators' scripts read them.
async fn update_check() -> Json<Value> {
    let item = |key: &str| {
        let name = APPS.iter().find(|app| app.key == key).map_or(key, |app| app.name);
        json!({ "key": key, "name": name, "enabled": true, "links": {} })
    };
    Json(json!({
        "compatible": [item("com.example.gantt")],
        "updateRequired": [],
        "updateRequiredAfterProductUpdate": [item("com.example.forms")],
        "incompatible": [item("com.example.polls"), item("com.example.calendar")],
        "unknown": [item("com.example.intranet.theme")],
    }))
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    offset: usize,
}

/// Shape: `_embedded.versions[]` with `compatibilities[]`, Atlassian's Java client for Marketplace REST v2.
async fn marketplace(Path(key): Path<String>, Query(page): Query<Page>) -> Response {
    let Some(app) = APPS.iter().find(|app| app.key == key) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(listed) = &app.listed else { return StatusCode::NOT_FOUND.into_response() };
    let version = |name: &str, from: &str, to: &str| {
        let range = json!({ "min": { "version": from, "build": 1 }, "max": { "version": to, "build": 2 } });
        json!({
            "name": name, "buildNumber": 100_200_300, "status": "public", "paymentModel": "atlassian",
            "compatibilities": [{
                "application": "confluence", "hosting": { "dataCenter": range, "server": range, "cloud": false },
            }],
        })
    };
    let mut versions = vec![version(listed.newest, listed.works_from, listed.works_to)];
    if listed.newest != app.version {
        versions.push(version(app.version, "7.0.0", listed.installed_works_to));
    }
    let versions: Vec<Value> = versions.into_iter().skip(page.offset).collect();
    Json(json!({ "_links": {}, "_embedded": { "versions": versions }, "count": versions.len() }))
        .into_response()
}
