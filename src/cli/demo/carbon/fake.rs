//! Plays the HTTP side of the example server on loopback.
//!
//! The answers have the shapes the real ones have; each route names where its shape is known from.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use serde_json::json;

use super::VERSION;

pub(super) fn router() -> Router {
    Router::new()
        // It is answered without a login as soon as the server is up: `StartupFinalizerServiceComponent` and the
        // console of wso2/carbon-kernel.
        .route("/carbon/admin/login.jsp", get(login))
        // A service that ships with the kernel (`Version.aar`) and needs no login.
        .route("/services/Version", get(version))
        .route("/services/Version/getVersion", get(version))
        .route("/api/health-check/v1.0/health", get(health))
}

async fn login() -> Html<&'static str> {
    Html(
        "<html><head><title>WSO2 Management Console</title></head><body><form action=\"../admin/login_action.jsp\" \
         method=\"POST\"><input name=\"username\" id=\"txtUserName\"/></form></body></html>",
    )
}

async fn version() -> impl IntoResponse {
    let answer = format!(
        "<ns:getVersionResponse xmlns:ns=\"http://version.services.core.carbon.wso2.org\"><return>WSO2 Carbon-{VERSION}</return></ns:getVersionResponse>"
    );
    ([("content-type", "application/xml")], answer)
}

/// Shape: `errors[]` and 503, README of wso2/carbon-health-check.
async fn health() -> impl IntoResponse {
    let error = json!({
        "code": "HC_00005", "message": "User store is unreachable",
        "description": "The user store EXAMPLE.COM could not be reached.",
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "errors": [error] })))
}
