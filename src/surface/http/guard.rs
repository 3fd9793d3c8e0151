//! Keeps other web sites from using a person's browser to command the daemon, or to read what only this host may.
//!
//! A page anywhere may send a POST to an address on this host, and the browser adds the password or the certificate
//! of the person before it. Two things tell it apart: the browser says where a request comes from (`Origin`,
//! `Sec-Fetch-Site`), and the name in `Host` is one that leads here by itself, not one an attacker made point here
//! (DNS rebinding).

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderName;
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::uri::Authority;

use super::entrance::Entrance;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const ELSEWHERE: &str = "refused: the request comes from another web site";
const OTHER_NAME: &str = "refused: the request must name this host as localhost, a loopback address, the address \
                          the agent listens on, a name in its certificate, or one of http.hosts";

/// Why a request that changes something is refused; `None` when it is not. `address` is where the configuration says
/// to listen.
pub(super) fn refuse_change(
    headers: &HeaderMap,
    entrance: &Entrance,
    address: SocketAddr,
) -> Option<&'static str> {
    let site = headers.get(SEC_FETCH_SITE).map(|value| value.to_str().unwrap_or("unreadable"));
    if !matches!(site, None | Some("same-origin" | "none")) {
        return Some(ELSEWHERE);
    }
    let Some(host) = host_of(headers).filter(|host| leads_here(host, entrance, address)) else {
        return Some(OTHER_NAME);
    };
    let origin = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or("unreadable"));
    let same = |origin: &str| {
        // Who stands between may answer for any http:// address; behind TLS it is not this site.
        let plain = origin.strip_prefix("http://").filter(|_| entrance.tls.is_none());
        let of = plain.or_else(|| origin.strip_prefix("https://"));
        of.is_some_and(|of| of.eq_ignore_ascii_case(host.as_str()))
    };
    match origin {
        Some(origin) if !same(origin) => Some(ELSEWHERE),
        Some(_) | None => None,
    }
}

/// Why a request that only reads is refused. What everybody on this host may read is not for a page from elsewhere
/// whose name was made to point here; where people say who they are, a browser does not say so to such a page.
pub(super) fn refuse_reading(
    headers: &HeaderMap,
    entrance: &Entrance,
    address: SocketAddr,
) -> Option<&'static str> {
    if entrance.known.is_some() || !address.ip().to_canonical().is_loopback() || !headers.contains_key(HOST) {
        return None;
    }
    let fits = host_of(headers).is_some_and(|host| leads_here(&host, entrance, address));
    (!fits).then_some(OTHER_NAME)
}

fn host_of(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

/// Whether a host name leads to this host whatever a name server says.
fn leads_here(host: &Authority, entrance: &Entrance, address: SocketAddr) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = name.parse::<IpAddr>() {
        return ip.is_loopback() || ip == address.ip() || address.ip().is_unspecified();
    }
    let certified = entrance.tls.iter().flat_map(|tls| &tls.names);
    name.eq_ignore_ascii_case("localhost")
        || entrance.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
        || certified.into_iter().any(|known| covers(known, name))
}

/// Whether a name in a certificate is that of a host; `*` stands for one part of it.
fn covers(known: &str, name: &str) -> bool {
    match known.strip_prefix("*.") {
        None => known.eq_ignore_ascii_case(name),
        Some(domain) => name
            .split_once('.')
            .is_some_and(|(part, rest)| !part.is_empty() && rest.eq_ignore_ascii_case(domain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Reading<'a> = (&'a str, &'a Entrance, &'a [(&'a str, &'a str)], bool);
    type Row<'a> = (&'a [(&'a str, &'a str)], bool);

    fn headers(list: &[(&str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn secured(names: &[&str]) -> Entrance {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        let key = secrecy::SecretString::from(own.signing_key.serialize_pem());
        let tls = super::super::tls::secure(&own.cert.pem(), &key, None, false).unwrap();
        Entrance { tls: Some(tls), hosts: vec!["wiki-host".to_owned()], ..Entrance::default() }
    }

    #[test]
    fn beyond_loopback_only_names_that_are_known_may_change_something() {
        let address: SocketAddr = "0.0.0.0:9977".parse().unwrap();
        let entrance = secured(&["readiness.example.com", "*.wild.example.com"]);
        let rows: [Row<'_>; 16] = [
            (&[("host", "readiness.example.com:9977")], true),
            (&[("host", "READINESS.example.com")], true),
            (&[("host", "a.wild.example.com")], true),
            (&[("host", "wiki-host:9977")], true),
            (&[("host", "192.0.2.9:9977")], true),
            (&[("host", "localhost:9977")], true),
            (&[("host", "wiki-host"), ("origin", "https://wiki-host")], true),
            (&[("host", "a.b.wild.example.com")], false),
            (&[("host", ".wild.example.com")], false),
            (&[("host", "wild.example.com")], false),
            (&[("host", "example.com")], false),
            (&[("host", "evil.example.net")], false),
            (&[("host", "wiki-host"), ("origin", "http://wiki-host")], false),
            (&[("host", "wiki-host"), ("origin", "https://wiki-host:8443")], false),
            (&[("host", "wiki-host"), ("sec-fetch-site", "same-site")], false),
            (&[], false),
        ];
        for (list, allowed) in rows {
            let refusal = refuse_change(&headers(list), &entrance, address);
            assert_eq!(refusal.is_none(), allowed, "{list:?}: {refusal:?}");
        }
    }

    #[test]
    fn what_this_host_may_read_is_not_for_a_page_that_was_made_to_point_here() {
        let loopback = "127.0.0.1:9977";
        let known =
            |known| Entrance { known, hosts: vec!["proxy.example.com".to_owned()], ..Entrance::default() };
        let open = known(None);
        let closed = known(Some(crate::access::AccessList::new([0; 32])));
        let rows: [Reading<'_>; 8] = [
            (loopback, &open, &[("host", "localhost:9977")], true),
            (loopback, &open, &[("host", "proxy.example.com")], true),
            (loopback, &open, &[], true),
            (loopback, &open, &[("host", "evil.example.com:9977")], false),
            (loopback, &open, &[("host", "not a name")], false),
            (loopback, &closed, &[("host", "evil.example.com:9977")], true),
            ("0.0.0.0:9977", &open, &[("host", "evil.example.com:9977")], true),
            ("[::1]:9977", &open, &[("host", "evil.example.com:9977")], false),
        ];
        for (address, entrance, list, allowed) in rows {
            let refusal = refuse_reading(&headers(list), entrance, address.parse().unwrap());
            assert_eq!(refusal.is_none(), allowed, "{address} {list:?}: {refusal:?}");
        }
    }
}
