//! Takes in the body of a request whole, within bounds, before anybody acts on it: from then on the client can keep
//! nobody waiting.

use std::time::Duration;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use tokio::time::timeout;

use super::plan::MOST_BYTES_SAID;
use super::{Answer, say};

/// For the whole body, which is short.
pub(super) const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Reads the body and hands the request on.
pub(super) async fn take_in(request: Request, next: Next) -> Answer {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    match timeout(BODY_WITHIN, to_bytes(body, MOST_BYTES_SAID)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        // When the connection broke instead, nobody reads this.
        Ok(Err(_)) => {
            say(StatusCode::PAYLOAD_TOO_LARGE, &format!("what is sent may have {MOST_BYTES_SAID} bytes"))
        }
        Err(_elapsed) => say(StatusCode::REQUEST_TIMEOUT, "what was to be sent did not come in time"),
    }
}
