//! Files and answers of the products.

use std::path::Path;

use upgrade_readiness_agent::collect::xml::decode_xml;
use upgrade_readiness_agent::fuzzing;
use upgrade_readiness_agent::product::carbon::home::read_home;
use upgrade_readiness_agent::product::confluence::license::{decode_license, encode_license, read_license};
use upgrade_readiness_agent::product::confluence::site::parse_cfg_xml;
use upgrade_readiness_agent::product::confluence::site::server_xml::parse_server_xml;
use upgrade_readiness_checks::facts::LicenseText;

use crate::{SECRET, choose, keeps_secret, scratch, text};

/// A licence: what is wrong with it is told without its text; what is encoded is decoded as the same.
pub(crate) fn license(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let LicenseText::Damaged(why) = read_license(text) {
        assert!(why.len() < 400, "{why}");
        let long = text.split_whitespace().filter(|word| word.len() >= 24);
        assert!(!long.into_iter().any(|word| why.contains(word)), "{why} quotes the licence");
    }
    let pairs: Vec<(&str, &str)> = text.lines().take(32).filter_map(|line| line.split_once('=')).collect();
    let is_word = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let plain = |value: &str| value.len() < 200 && value.bytes().all(|byte| byte.is_ascii_graphic());
    if pairs.is_empty() || !pairs.iter().all(|(key, value)| is_word(key) && plain(value)) {
        return;
    }
    let decoded = decode_license(&encode_license(&pairs)).expect("what was encoded can be decoded");
    for (key, value) in &decoded {
        let last = pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value);
        assert_eq!(last, Some(value.as_str()), "{key}");
    }
}

/// `confluence.cfg.xml` and `server.xml`: passwords in them do not come out.
pub(crate) fn confluence_xml(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, 3) else { return };
    let rest = match way {
        0 => rest.to_vec(),
        // The input stands among properties, one of which is secret.
        1 => [
            b"<confluence-configuration><properties>".as_slice(),
            format!("<property name=\"hibernate.connection.password\">{SECRET}</property>").as_bytes(),
            rest,
            b"</properties></confluence-configuration>",
        ]
        .concat(),
        _ => [
            b"<Server><GlobalNamingResources>".as_slice(),
            format!("<Resource name=\"jdbc/wiki\" url=\"jdbc:h2:x\" username=\"u\" password=\"{SECRET}\"/>")
                .as_bytes(),
            rest,
            b"</GlobalNamingResources></Server>",
        ]
        .concat(),
    };
    let Ok(text) = decode_xml(&rest) else { return };
    let shown = [
        parse_cfg_xml(&text).map_or_else(|error| error.to_string(), |cfg| format!("{cfg:?}")),
        parse_server_xml(&text).map_or_else(|error| error.to_string(), |server| format!("{server:?}")),
    ];
    // An input that carries the text itself may put it where no secret stands.
    let is_planted_only_by_us = way != 0 && text.matches(SECRET).count() == 1 && !text.contains("<!");
    if is_planted_only_by_us {
        for shown in &shown {
            keeps_secret(shown);
        }
    }
}

/// Files of a Carbon home; the first byte chooses which of them the input is.
const HOME: [(&str, &str); 12] = [
    ("repository/conf/deployment.toml", ""),
    (
        "repository/conf/carbon.xml",
        "<Server><Version>4.4.6</Version><Ports><Offset>0</Offset></Ports></Server>",
    ),
    ("repository/conf/registry.xml", "<wso2registry/>"),
    ("repository/conf/datasources/master-datasources.xml", ""),
    ("repository/conf/user-mgt.xml", "<UserManager/>"),
    ("repository/conf/axis2/axis2.xml", "<axisconfig/>"),
    ("repository/conf/tomcat/catalina-server.xml", "<Server/>"),
    ("repository/deployment/server/userstores/example.xml", ""),
    ("repository/logs/wso2carbon.log", ""),
    ("bin/wso2server.sh", "#!/bin/sh\n"),
    ("bin/version.txt", "WSO2 Carbon 4.4.6\n"),
    ("wso2carbon.pid", ""),
];

/// The home of a Carbon product.
pub(crate) fn carbon_home(bytes: &[u8]) {
    let Some((way, rest)) = choose(bytes, HOME.len()) else { return };
    for (index, (name, usual)) in HOME.iter().enumerate() {
        let name = format!("home/{name}");
        if index == way {
            scratch::write(&name, rest);
        } else if usual.is_empty() {
            scratch::remove(&name);
        } else {
            scratch::write(&name, usual.as_bytes());
        }
    }
    let home = read_home(&scratch::path("home"), Path::new("/nonexistent"));
    let shown = format!("{home:?}");
    // Paths stand in many of its texts.
    assert!(shown.len() < rest.len().saturating_mul(64) + 100_000, "{} bytes of facts", shown.len());
}

/// Answers of Confluence and of the marketplace.
pub(crate) fn answers(bytes: &[u8]) {
    fuzzing::confluence_answers(bytes);
}

/// The vendor's list of hashes.
pub(crate) fn registry(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Some(count) = fuzzing::registry(text) {
        assert!(count <= text.lines().count() + text.matches('\r').count(), "{count} files");
    }
}

/// Manifests, their headers, and lists of bundles.
pub(crate) fn bundles(bytes: &[u8]) {
    fuzzing::bundle_texts(bytes);
}
