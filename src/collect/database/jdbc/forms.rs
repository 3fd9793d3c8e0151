//! How each driver writes address and parameters.

use std::collections::BTreeMap;

use upgrade_readiness_checks::facts::Engine;

use super::redact::{HIDDEN, is_secret, pieces, split_parameters, strip_amp};
use super::schemes::{Reach, Scheme};
use super::{JdbcUrl, JdbcUrlError, Server, decode, oracle};

const DOUBLY_ESCAPED: &str =
    "its parameters are separated by \"&amp;\" instead of \"&\": it was escaped twice";
const BAD_PERCENT: &str = "it contains a % that is not followed by two hexadecimal digits";
const SLASH_DATABASE: &str =
    "Microsoft's driver takes the database as ;databaseName=, not behind a slash as jTDS does";
const PARAMETERS_BEHIND_SEMICOLON: &str =
    "its parameters stand behind \";\", but this driver wants them behind \"?\"";

/// Reads what stands behind the words that name the engine.
pub(super) fn parse_address(scheme: Scheme, address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    match scheme {
        Scheme::Postgresql => postgresql(address),
        Scheme::Mysql(engine) => mysql(engine, address),
        Scheme::SqlServer => sql_server(address),
        Scheme::Jtds => jtds(address),
        Scheme::Oracle => oracle(address),
        Scheme::Embedded(engine, reach) => embedded(engine, reach, address),
    }
}

fn url(engine: Engine) -> JdbcUrl {
    JdbcUrl {
        engine,
        servers: Vec::new(),
        database: None,
        schema: None,
        parameters: BTreeMap::new(),
        old_driver: false,
        defect: None,
        shown: String::new(),
    }
}

fn postgresql(address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(Engine::Postgresql);
    // This driver's decoder takes + for a blank.
    let head = read_query(&mut url, address, |text| text.replace('+', " "));
    let (servers, database) = match head.strip_prefix("//") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => ("", head.strip_prefix('/').unwrap_or(head)),
    };
    url.servers = parse_servers(servers)?;
    url.database = decoded(&mut url, &database.replace('+', " "));
    url.schema = url.parameters.get("currentschema").and_then(|path| first_schema(path));
    Ok(url)
}

/// `currentSchema` is a search path; the first name on it is where the product's tables are.
fn first_schema(path: &str) -> Option<String> {
    let name = path.split(',').next()?.trim().trim_matches('"');
    (!name.is_empty()).then(|| name.to_owned())
}

fn mysql(engine: Engine, address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(engine);
    let head = read_query(&mut url, address, str::to_owned);
    let rest = head.strip_prefix("//").ok_or(JdbcUrlError::WrongForm { expected: "//host:port/database" })?;
    let (servers, database) = rest.split_once('/').unwrap_or((rest, ""));
    url.servers = parse_servers(servers)?;
    url.database = decoded(&mut url, database);
    Ok(url)
}

fn sql_server(address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(Engine::SqlServer);
    let head = read_semicolons(&mut url, address);
    let rest = head
        .strip_prefix("//")
        .ok_or(JdbcUrlError::WrongForm { expected: "//host:port;databaseName=…" })?;
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let parameter = |names: [&str; 3]| names.iter().find_map(|name| url.parameters.get(*name)).cloned();
    let (database, port) =
        (parameter(["databasename", "database", ""]), parameter(["portnumber", "port", ""]));
    let server_name = parameter(["servername", "server", ""]);
    if !path.is_empty() {
        url.defect = Some(SLASH_DATABASE.to_owned());
    }
    url.database = database.or_else(|| (!path.is_empty()).then(|| path.to_owned()));

    let (server, instance) = split_instance(strip_login(server));
    if let Some(instance) = instance {
        url.parameters.insert("instancename".to_owned(), instance);
    }
    let mut server = match server_name {
        // An IPv6 address may stand here without brackets.
        Some(host) if server.is_empty() => Server { host: checked_host(&host)?, port: None },
        Some(_) | None => parse_server(&server)?,
    };
    if server.port.is_none() {
        server.port = port.map(|port| parse_port(port.trim())).transpose()?;
    }
    url.servers = vec![server];
    Ok(url)
}

fn jtds(address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(Engine::SqlServer);
    url.old_driver = true;
    let head = read_semicolons(&mut url, address);
    let rest = head.strip_prefix("//").ok_or(JdbcUrlError::WrongForm { expected: "//host:port/database" })?;
    let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
    url.servers = parse_servers(server)?;
    url.database = Some(database.to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| url.parameters.get("databasename").cloned());
    Ok(url)
}

fn oracle(address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(Engine::Oracle);
    let head = read_query(&mut url, address, str::to_owned);
    let (_, place) =
        head.rsplit_once('@').ok_or(JdbcUrlError::WrongForm { expected: "@//host:port/service" })?;
    let place = oracle::parse_place(place)?;
    url.servers = place.servers;
    url.database = place.database;
    Ok(url)
}

fn embedded(engine: Engine, reach: Reach, address: &str) -> Result<JdbcUrl, JdbcUrlError> {
    let mut url = url(engine);
    let head = read_semicolons(&mut url, address);
    let database = match reach {
        Reach::Server => {
            let rest =
                head.strip_prefix("//").ok_or(JdbcUrlError::WrongForm { expected: "//host:port/path" })?;
            let (servers, path) = rest.split_once('/').unwrap_or((rest, ""));
            url.servers = parse_servers(servers)?;
            path
        }
        Reach::File => head,
    };
    url.database = Some(database.to_owned()).filter(|path| !path.is_empty());
    Ok(url)
}

/// Takes the parameters behind `?` into the URL and gives what stands before them.
fn read_query<'a>(url: &mut JdbcUrl, address: &'a str, prepare: fn(&str) -> String) -> &'a str {
    // A host name needs no semicolon, and a database name hardly one: it is the wrong mark.
    let Some((head, mark, tail)) = split_parameters(address) else { return address };
    if mark == ';' {
        note_defect(url, PARAMETERS_BEHIND_SEMICOLON);
    }
    for piece in pieces(tail, mark) {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let (name, doubly_escaped) = strip_amp(name);
        if doubly_escaped {
            note_defect(url, DOUBLY_ESCAPED);
        }
        let (name, value) = (decode(&prepare(name)), decode(&prepare(value)));
        if !name.well_formed || !value.well_formed {
            note_defect(url, BAD_PERCENT);
        }
        insert(url, &name.text, value.text);
    }
    head
}

/// Takes the parameters behind `;` into the URL and gives what stands before them.
fn read_semicolons<'a>(url: &mut JdbcUrl, address: &'a str) -> &'a str {
    let (head, tail) = address.split_once(';').unwrap_or((address, ""));
    for piece in pieces(tail, ';') {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        let value = value.trim();
        let value = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value);
        insert(url, name, value.replace("}}", "}"));
    }
    head
}

fn insert(url: &mut JdbcUrl, name: &str, value: String) {
    let name = name.trim().to_ascii_lowercase();
    // A piece of a password that fell apart looks like a name.
    if !name.is_empty() && name != HIDDEN && !is_secret(&name) {
        url.parameters.entry(name).or_insert(value);
    }
}

fn note_defect(url: &mut JdbcUrl, defect: &str) {
    url.defect.get_or_insert_with(|| defect.to_owned());
}

fn decoded(url: &mut JdbcUrl, text: &str) -> Option<String> {
    let decoded = decode(text);
    if !decoded.well_formed {
        note_defect(url, BAD_PERCENT);
    }
    Some(decoded.text).filter(|text| !text.is_empty())
}

/// Servers with commas between them; nothing at all means this host.
pub(super) fn parse_servers(text: &str) -> Result<Vec<Server>, JdbcUrlError> {
    let text = strip_login(text);
    if text.is_empty() {
        return Ok(vec![Server { host: "localhost".to_owned(), port: None }]);
    }
    split_outside_brackets(text)?.into_iter().map(|server| parse_server(server.trim())).collect()
}

fn strip_login(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, servers)| servers)
}

fn split_outside_brackets(text: &str) -> Result<Vec<&str>, JdbcUrlError> {
    let mut depth = 0_u32;
    let pieces = text
        .split(|c| {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            c == ',' && depth == 0
        })
        .collect();
    if depth > 0 { Err(JdbcUrlError::UnclosedBracket) } else { Ok(pieces) }
}

/// `host`, `host:port`, `[::1]:port`, `(host=h,port=p)` or `address=(host=h)(port=p)`.
pub(super) fn parse_server(text: &str) -> Result<Server, JdbcUrlError> {
    if text.contains('(') {
        let host = group_value(text, "host").ok_or(JdbcUrlError::BadHost)?;
        let port = group_value(text, "port").map(parse_port).transpose()?;
        return Ok(Server { host: checked_host(host.trim_matches(['[', ']']))?, port });
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, behind) = rest.split_once(']').ok_or(JdbcUrlError::UnclosedBracket)?;
        let port = match behind {
            "" => None,
            behind => Some(behind.strip_prefix(':').ok_or(JdbcUrlError::BadHost)?),
        };
        (host, port)
    } else {
        match text.rsplit_once(':') {
            // Without brackets nobody can tell where the address ends; the drivers cannot either.
            Some((host, _)) if host.contains(':') => return Err(JdbcUrlError::BadHost),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let host = if host.is_empty() && port.is_some() { "localhost" } else { host };
    Ok(Server { host: checked_host(host)?, port: port.map(parse_port).transpose()? })
}

/// The value behind `name=` in groups of parentheses or a list in them.
pub(super) fn group_value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(['(', ')', ',']).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim();
        (key.trim().eq_ignore_ascii_case(name) && !value.is_empty()).then_some(value)
    })
}

fn checked_host(host: &str) -> Result<String, JdbcUrlError> {
    let impossible = |c: char| c.is_whitespace() || c.is_control() || "<>\"'{}[]()@?&=;,|\\^`".contains(c);
    if host.is_empty() || host.len() > 255 || host.contains(impossible) || host.contains(HIDDEN) {
        return Err(JdbcUrlError::BadHost);
    }
    Ok(host.to_owned())
}

fn parse_port(text: &str) -> Result<u16, JdbcUrlError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.filter(|port| *port > 0).ok_or(JdbcUrlError::BadPort)
}

/// Takes `\instance` out of `host\instance:port`.
fn split_instance(server: &str) -> (String, Option<String>) {
    match server.split_once('\\') {
        None => (server.to_owned(), None),
        Some((host, rest)) => {
            let (instance, port) = rest.split_once(':').map_or((rest, None), |(i, port)| (i, Some(port)));
            let server = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            (server, Some(instance.to_owned()))
        }
    }
}
