//! Where an Oracle database is: behind the `@`, in one of many forms.

use super::forms::{group_value, parse_server, parse_servers};
use super::{JdbcUrlError, Server};

/// What stands behind the `@`.
pub(super) struct Place {
    pub(super) servers: Vec<Server>,
    /// Service name, SID, or the name the driver looks up.
    pub(super) database: Option<String>,
}

/// Reads `//host:port/service`, `host:port:SID`, `host:port/service`, a description, or a name to look up.
pub(super) fn parse_place(place: &str) -> Result<Place, JdbcUrlError> {
    let place = place.trim();
    if place.starts_with('(') {
        return parse_description(place);
    }
    if place.is_empty() {
        return Err(JdbcUrlError::WrongForm { expected: "@//host:port/service" });
    }
    if place.to_ascii_lowercase().starts_with("ldap") {
        return Ok(Place { servers: Vec::new(), database: None });
    }
    let protocol = ["tcps://", "tcp://", "//"].into_iter().find_map(|word| place.strip_prefix(word));
    let address = protocol.unwrap_or(place);
    if let Some((servers, service)) = address.split_once('/') {
        // `service:dedicated/instance` is allowed behind the slash.
        let service = service.split([':', '/']).next().unwrap_or(service);
        return Ok(Place { servers: parse_servers(servers)?, database: name(service) });
    }
    // `host:port:SID`, where the host may be an IPv6 address in brackets.
    let behind_brackets = address.rfind(']').unwrap_or(0);
    match address.get(behind_brackets..).map_or(0, |rest| rest.matches(':').count()) {
        0 if protocol.is_none() && behind_brackets == 0 => {
            Ok(Place { servers: Vec::new(), database: name(address) })
        }
        0 | 1 => Ok(Place { servers: parse_servers(address)?, database: None }),
        2 => {
            let (server, sid) = address.rsplit_once(':').unwrap_or((address, ""));
            Ok(Place { servers: vec![parse_server(server)?], database: name(sid) })
        }
        _ => Err(JdbcUrlError::BadHost),
    }
}

/// `(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=h)(PORT=p))…(CONNECT_DATA=(SERVICE_NAME=s)))`.
fn parse_description(text: &str) -> Result<Place, JdbcUrlError> {
    if text.matches('(').count() != text.matches(')').count() {
        return Err(JdbcUrlError::UnclosedBracket);
    }
    let mut servers = Vec::new();
    // Each address names its protocol once, so these are the places where one begins.
    let upper = text.to_ascii_uppercase();
    let starts: Vec<usize> = upper.match_indices("ADDRESS").map(|(at, _)| at).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let address = text.get(*start..end).unwrap_or_default();
        if group_value(address, "host").is_some() {
            servers.push(parse_server(address)?);
        }
    }
    if servers.is_empty() {
        return Err(JdbcUrlError::BadHost);
    }
    let database = group_value(text, "service_name").or_else(|| group_value(text, "sid"));
    Ok(Place { servers, database: database.and_then(name) })
}

fn name(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
