//! `conf/server.xml`: connectors, context path and data sources of the application server.
//!
//! Form: <https://tomcat.apache.org/tomcat-9.0-doc/config/http.html> and
//! <https://confluence.atlassian.com/doc/configuring-a-datasource-connection-937166084.html>

use std::fmt;

use roxmltree::Node;
use secrecy::SecretString;
use upgrade_readiness_checks::facts::{Connector, Field};

use crate::collect::xml::{XmlError, parse_xml};

/// In the path of the context that passes requests for Synchrony on.
const SYNCHRONY_PROXY: &str = "synchrony-proxy";

/// What of `server.xml` matters.
#[derive(Debug)]
pub struct ServerXml {
    /// Its HTTP connectors.
    pub connectors: Field<Vec<Connector>>,
    /// Path of Confluence's context, when it is stated and literal.
    pub context_path: Option<String>,
    /// It has the context that passes requests for Synchrony on.
    pub synchrony_proxy: bool,
    resources: Vec<DataSource>,
    links: Vec<(String, String)>,
}

/// A data source the application server hands out by name.
#[derive(Clone)]
pub struct DataSource {
    name: String,
    /// JDBC URL as it is written, credentials included.
    pub url: Option<SecretString>,
    /// Account.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// Driver class.
    pub driver_class: Option<String>,
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSource").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerXml {
    /// The data source that the application finds under a name such as `java:comp/env/jdbc/confluence`.
    #[must_use]
    pub fn data_source(&self, jndi_name: &str) -> Option<&DataSource> {
        let name = jndi_name.trim();
        let name = name.strip_prefix("java:").unwrap_or(name);
        let name = name.strip_prefix("comp/env/").unwrap_or(name);
        let named = |name: &str| self.resources.iter().find(|resource| resource.name == name);
        named(name).or_else(|| {
            let (_, global) = self.links.iter().find(|(local, _)| local == name)?;
            named(global)
        })
    }
}

/// Reads `server.xml`.
pub fn parse_server_xml(text: &str) -> Result<ServerXml, XmlError> {
    let document = parse_xml(text, "Server")?;
    let all = |name: &'static str| document.descendants().filter(move |node| node.has_tag_name(name));
    let attribute = |node: Node<'_, '_>, name| node.attribute(name).map(str::to_owned);
    let contexts = || all("Context").filter_map(|context| context.attribute("path"));
    let context_path = contexts()
        .find(|path| !path.contains(SYNCHRONY_PROXY))
        .filter(|path| !path.contains("${"))
        .map(|path| path.trim_end_matches('/').to_owned());
    let resources = all("Resource").filter_map(|node| {
        let either = |one, other| attribute(node, one).or_else(|| attribute(node, other));
        Some(DataSource {
            name: attribute(node, "name")?,
            url: either("url", "jdbcUrl").map(SecretString::from),
            username: either("username", "user"),
            password: attribute(node, "password").map(SecretString::from),
            driver_class: either("driverClassName", "driverClass"),
        })
    });
    let links =
        all("ResourceLink").filter_map(|node| Some((attribute(node, "name")?, attribute(node, "global")?)));
    Ok(ServerXml {
        connectors: read_connectors(all("Connector")),
        context_path,
        synchrony_proxy: contexts().any(|path| path.contains(SYNCHRONY_PROXY)),
        resources: resources.collect(),
        links: links.collect(),
    })
}

fn read_connectors<'a, 'b: 'a>(nodes: impl Iterator<Item = Node<'a, 'b>>) -> Field<Vec<Connector>> {
    let mut connectors = Vec::new();
    for node in nodes {
        let is_ajp = node.attribute("protocol").is_some_and(|name| name.to_ascii_lowercase().contains("ajp"));
        let port = node.attribute("port").unwrap_or_default();
        // Tomcat does not open a connector with this port.
        if is_ajp || port == "-1" {
            continue;
        }
        let Ok(port) = port.parse() else {
            return Field::Unread(format!(
                "the connector in line {} of server.xml has no literal port",
                node.document().text_pos_at(node.range().start).row
            ));
        };
        let encrypted = node.attribute("SSLEnabled").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        connectors.push(Connector {
            port,
            scheme: node.attribute("scheme").unwrap_or(if encrypted { "https" } else { "http" }).to_owned(),
            proxy_name: node.attribute("proxyName").map(str::to_owned),
            proxy_port: node.attribute("proxyPort").and_then(|port| port.parse().ok()),
            max_threads: node.attribute("maxThreads").and_then(|threads| threads.parse().ok()),
        });
    }
    Field::Read(connectors)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const TYPICAL: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Server port="8000" shutdown="SHUTDOWN">
  <Service name="Tomcat-Standalone">
    <Connector port="8090" maxThreads="48" proxyName="wiki.example.com" proxyPort="443" scheme="https" secure="true"/>
    <!-- <Connector port="8091"/> -->
    <Connector port="8443" SSLEnabled="true"/>
    <Connector port="8009" protocol="AJP/1.3"/>
    <Connector port="-1"/>
    <Engine name="Standalone" defaultHost="localhost">
      <Host name="localhost" appBase="webapps">
        <Context path="${confluence.context.path}/synchrony-proxy" docBase="../synchrony-proxy"/>
        <Context path="/wiki" docBase="../confluence">
          <Resource name="jdbc/confluence" auth="Container" type="javax.sql.DataSource" username="confdb"
            password="S3CRET" driverClassName="org.postgresql.Driver" url="jdbc:postgresql://db:5432/wiki"/>
          <ResourceLink name="jdbc/linked" global="jdbc/everywhere" type="javax.sql.DataSource"/>
        </Context>
      </Host>
    </Engine>
  </Service>
  <GlobalNamingResources>
    <Resource name="jdbc/everywhere" user="global" jdbcUrl="jdbc:mysql://db/wiki"/>
  </GlobalNamingResources>
</Server>"#;

    #[test]
    fn connectors_context_and_data_sources_are_read() {
        let server = parse_server_xml(TYPICAL).unwrap();
        let connectors = server.connectors.value().unwrap();
        let brief: Vec<_> = connectors.iter().map(|c| (c.port, c.scheme.as_str(), c.proxy_port)).collect();
        assert_eq!(brief, [(8090, "https", Some(443)), (8443, "https", None)]);
        assert_eq!(connectors[0].proxy_name.as_deref(), Some("wiki.example.com"));
        assert_eq!(connectors[0].max_threads, Some(48));
        assert_eq!(server.context_path.as_deref(), Some("/wiki"));
        assert!(server.synchrony_proxy);
        assert!(!parse_server_xml("<Server><Context path=\"/wiki\"/></Server>").unwrap().synchrony_proxy);

        let source = server.data_source("java:comp/env/jdbc/confluence").unwrap();
        assert_eq!(source.username.as_deref(), Some("confdb"));
        assert_eq!(source.password.as_ref().unwrap().expose_secret(), "S3CRET");
        assert!(!format!("{server:?} {source:?}").contains("S3CRET"));
        assert_eq!(server.data_source("jdbc/linked").unwrap().username.as_deref(), Some("global"));
        assert!(server.data_source("java:comp/env/jdbc/other").is_none());
    }

    #[test]
    fn a_context_at_the_root_and_one_that_is_computed_differ() {
        let with =
            |path: &str| format!("<Server><Context path=\"{path}\" docBase=\"../confluence\"/></Server>");
        assert_eq!(parse_server_xml(&with("")).unwrap().context_path.as_deref(), Some(""));
        assert_eq!(parse_server_xml(&with("/")).unwrap().context_path.as_deref(), Some(""));
        assert_eq!(parse_server_xml(&with("${confluence.context.path}")).unwrap().context_path, None);
        assert_eq!(parse_server_xml("<Server/>").unwrap().context_path, None);
    }

    #[test]
    fn a_port_that_is_no_number_leaves_the_connectors_unread() {
        for port in ["${http.port}", "99999", "", "x"] {
            let text = format!("<Server>\n<Connector port=\"{port}\"/></Server>");
            let connectors = parse_server_xml(&text).unwrap().connectors;
            let Field::Unread(why) = connectors else { panic!("{port}: {connectors:?}") };
            assert!(why.contains("line 2"), "{why}");
        }
        assert!(matches!(
            parse_server_xml("<Server><Connector/></Server>").unwrap().connectors,
            Field::Unread(_)
        ));
    }

    #[test]
    fn what_is_not_a_server_xml_is_refused() {
        for (text, reason) in [
            ("", "empty"),
            ("<confluence-configuration/>", "not <Server>"),
            ("<!DOCTYPE server-xml [<!ENTITY a SYSTEM \"a.xml\">]><Server>&a;</Server>", "DOCTYPE"),
            ("<Server><Connector port=\"8090\"", "truncated"),
            ("<Server><Resource password=\"S3&CRET\"/></Server>", "an & that"),
        ] {
            let told = parse_server_xml(text).unwrap_err().to_string();
            assert!(told.contains(reason) && !told.contains("CRET"), "{text}: {told}");
        }
    }
}
