//! Keeps other web sites from using a person's browser to command the daemon.
//!
//! A page anywhere may send a POST to an address on this host. Two things tell it apart: the browser
//! says where a request comes from (`Origin`, `Sec-Fetch-Site`), and the name in `Host` is one that
//! leads here by itself, not one an attacker made point here (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderName, StatusCode};
use axum::middleware::Next;

use super::{Answer, say};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through when it is of this site; `address` is where the configuration says to listen.
pub(super) async fn same_site_only(
    State(address): State<SocketAddr>,
    request: Request,
    next: Next,
) -> Answer {
    match refusal(request.headers(), address) {
        None => next.run(request).await,
        Some(why) => say(StatusCode::FORBIDDEN, why),
    }
}

/// Why a request is refused; `None` when it is not.
fn refusal(headers: &HeaderMap, address: SocketAddr) -> Option<&'static str> {
    let site = headers.get(SEC_FETCH_SITE).map(|value| value.to_str().unwrap_or("unreadable"));
    if !matches!(site, None | Some("same-origin" | "none")) {
        return Some("refused: the request comes from another web site");
    }
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()?.parse::<Authority>().ok());
    let Some(host) = host.filter(|host| leads_here(host, address)) else {
        return Some(
            "refused: the request must name this host as localhost, a loopback address or the address the \
             agent listens on",
        );
    };
    let origin = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or("unreadable"));
    let same = |origin: &str| {
        let of = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        of.is_some_and(|of| of.eq_ignore_ascii_case(host.as_str()))
    };
    match origin {
        Some(origin) if !same(origin) => Some("refused: the request comes from another web site"),
        Some(_) | None => None,
    }
}

/// Whether a host name leads to this host whatever a name server says.
fn leads_here(host: &Authority, address: SocketAddr) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || ip == address.ip() || address.ip().is_unspecified(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}
