//! Where a server listens: the usual ports, those of `catalina-server.xml` or `deployment.toml`, and the offset.

use std::path::Path;

use roxmltree::Node;
use upgrade_readiness_checks::facts::{Field, Ports};

use super::error::{HomeError, field, if_there};
use crate::collect::xml::read_xml;

/// Below the home.
const CONNECTORS: &str = "repository/conf/tomcat/catalina-server.xml";
/// What listens when nothing else is configured.
const HTTPS: u16 = 9443;
const HTTP: u16 = 9763;

/// What configuration says of ports, as it is written.
#[derive(Debug, Default)]
pub(super) struct Stated {
    pub(super) offset: Option<String>,
    pub(super) https: Option<String>,
    pub(super) http: Option<String>,
}

/// The ports with the offset: that of the running command line goes before that of the configuration.
pub(super) fn ports(stated: Result<Stated, HomeError>, running: Option<&str>) -> Field<Ports> {
    let stated = match field(stated) {
        Field::Read(stated) => stated,
        Field::Unread(why) => return Field::Unread(why),
    };
    let offset = running.map(str::to_owned).or(stated.offset);
    match added(offset.as_deref(), stated.https.as_deref(), stated.http.as_deref()) {
        Some(ports) => Field::Read(ports),
        None => Field::Unread(format!(
            "a port or the offset is not a number the agent can work with: offset {}, https {}, http {}",
            shown(offset.as_deref()),
            shown(stated.https.as_deref()),
            shown(stated.http.as_deref())
        )),
    }
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(
        || "as usual".to_owned(),
        |text| format!("{:?}", text.chars().take(40).collect::<String>()),
    )
}

fn added(offset: Option<&str>, https: Option<&str>, http: Option<&str>) -> Option<Ports> {
    let number = |text: Option<&str>, usual: u16| text.map_or(Some(usual), |text| text.trim().parse().ok());
    let offset = number(offset, 0)?;
    Some(Ports {
        offset,
        https: number(https, HTTPS)?.checked_add(offset)?,
        http: number(http, HTTP)?.checked_add(offset)?,
    })
}

/// The ports of the application server's connectors, where it has a file of its own.
pub(super) fn read_connectors(home: &Path) -> Result<(Option<String>, Option<String>), HomeError> {
    let path = home.join(CONNECTORS);
    let found = if_there(read_xml(&path, "Server", take).map_err(HomeError::from))?;
    Ok(found.unwrap_or_default())
}

fn take(root: Node<'_, '_>) -> (Option<String>, Option<String>) {
    let (mut https, mut http) = (None, None);
    for node in root.descendants().filter(|node| node.has_tag_name("Connector")) {
        let is =
            |name, value: &str| node.attribute(name).is_some_and(|text| text.eq_ignore_ascii_case(value));
        let port = node.attribute("port").map(str::to_owned);
        if is("SSLEnabled", "true") || is("scheme", "https") {
            https = https.or(port);
        } else if !node.attribute("protocol").is_some_and(|name| name.to_ascii_lowercase().contains("ajp")) {
            http = http.or(port);
        }
    }
    (https, http)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_added_and_the_command_line_wins() {
        let stated =
            |offset: Option<&str>| Ok(Stated { offset: offset.map(str::to_owned), ..Stated::default() });
        let of = |offset, https, http| Field::Read(Ports { offset, https, http });
        assert_eq!(ports(stated(None), None), of(0, 9443, 9763));
        assert_eq!(ports(stated(Some("3")), None), of(3, 9446, 9766));
        assert_eq!(ports(stated(Some("3")), Some("10")), of(10, 9453, 9773));
        for bad in ["${offset}", "-1", "70000", "60000", ""] {
            assert!(matches!(ports(stated(Some(bad)), None), Field::Unread(_)), "{bad}");
        }
    }
}
