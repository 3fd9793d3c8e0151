//! Configuration of the products, of their start, of their databases, and of the agent itself.

use std::fmt::Write as _;

use jiff::Timestamp;
use upgrade_readiness_agent::collect::database::jdbc::{parse_jdbc_url, redact};
use upgrade_readiness_agent::collect::properties::parse_properties;
use upgrade_readiness_agent::collect::scripts::{parse_assignments, parse_system_property};
use upgrade_readiness_agent::config::{When, parse_config};
use upgrade_readiness_agent::fuzzing;

use crate::{SECRET, choose, keeps_secret, text};

/// URLs with a secret where each engine has it; the input stands behind it.
const URLS: [&str; 7] = [
    "jdbc:postgresql://db.example.com:5432/wiki?user=wiki&password=SECRET&",
    "jdbc:mysql://wiki:SECRET@db.example.com:3306/wiki?",
    "jdbc:mysql://(host=db,port=3306,password=SECRET)/wiki?",
    "jdbc:oracle:thin:wiki/SECRET@//db.example.com:1521/",
    "jdbc:sqlserver://db.example.com:1433;password=SECRET;databaseName=",
    "jdbc:h2:file:/var/wiki;PASSWORD=SECRET;",
    "jdbc:jtds:sqlserver://db.example.com/wiki;password={SECRET};",
];

/// A JDBC URL: what is shown of it, and of what is wrong with it, has no password in it.
pub(crate) fn jdbc_url(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, URLS.len() + 1) else { return };
    let Some(rest) = text(rest).filter(|rest| !rest.contains("planted")) else { return };
    let url = match URLS.get(way) {
        Some(url) => url.replace("SECRET", SECRET) + rest,
        None => rest.to_owned(),
    };
    let shown = redact(&url);
    keeps_secret(&shown);
    assert!(!shown.contains(|c: char| c.is_control()), "{shown:?}");
    match parse_jdbc_url(&url) {
        Ok(url) => keeps_secret(&format!("{url:?}")),
        Err(error) => keeps_secret(&error.to_string()),
    }
}

/// Lines of `SHOW GRANTS`.
pub(crate) fn grants(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    for line in text.lines() {
        fuzzing::grants(line);
    }
}

/// Java's properties: written again as they were read, they are read as the same.
pub(crate) fn properties(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let pairs = parse_properties(text);
    let mut written = String::new();
    for (key, value) in &pairs {
        for (text, end) in [(key, '='), (value, '\n')] {
            for unit in text.encode_utf16() {
                write!(written, "\\u{unit:04x}").expect("a String takes every text");
            }
            written.push(end);
        }
    }
    assert_eq!(parse_properties(&written), pairs, "{text:?}");
}

/// Start scripts of products and Java, in each of their languages.
pub(crate) fn scripts(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    fuzzing::java_texts(text);
    drop(parse_system_property(text, "confluence.home"));
    drop(parse_assignments(text, "JAVA_HOME"));
}

/// Names of files of a configuration, which tell their form.
const FILES: [&str; 5] = [
    "repository/conf/deployment.toml",
    "repository/conf/carbon.xml",
    "repository/conf/log4j2.properties",
    "repository/resources/conf/default.json",
    "repository/conf/wrapper.conf",
];

/// A file of a configuration, taken apart: what is shown of a setting that may be a secret hides it.
pub(crate) fn settings(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, FILES.len()) else { return };
    let Some(name) = FILES.get(way) else { return };
    match fuzzing::settings(name, rest) {
        Ok(settings) => {
            for (path, shown) in settings {
                let secret = path.to_lowercase().contains("password");
                assert!(!secret || shown.starts_with("***"), "{path} shows {shown}");
                assert!(shown.chars().count() <= 200, "{path} shows {} characters", shown.chars().count());
            }
        }
        Err(why) => assert!(why.len() < 1000, "{why}"),
    }
}

/// A rhythm of looks: the next one comes, and not at once.
pub(crate) fn schedule(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(when) = text.parse::<When>() else { return };
    for now in ["1970-01-01T00:00:00Z", "2026-11-29T03:14:15.5Z", "2400-02-28T23:59:59Z"] {
        let now: Timestamp = now.parse().expect("a literal");
        let wait = when.wait_from(now);
        assert!(!wait.is_zero(), "{text:?} is due again at once");
        assert!(wait.as_secs() < 200 * 366 * 86_400, "{text:?} is due in {wait:?}");
    }
}

/// The agent's own configuration: refused with reasons, or taken.
pub(crate) fn agent_toml(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Err(problems) = parse_config(text) {
        assert!(!problems.is_empty(), "refused without a reason");
        for problem in problems {
            let shown = problem.to_string();
            assert!(shown.len() <= text.len().saturating_mul(8) + 4000, "{} bytes", shown.len());
        }
    }
}
