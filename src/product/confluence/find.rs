//! How an installation of Confluence is known among directories and processes.

use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::{Family, Field, Product};

use super::site::SERVER_XML;
use super::site::server_xml::parse_server_xml;
use super::site::versions::read_versions;
use crate::collect::process::JavaProcess;
use crate::collect::text_file::read_text;
use crate::product::find::{Finder, Found, Looked};

/// Finds Confluence.
pub static FINDER: Finder =
    Finder { family: Family::Confluence, prepared_beside: false, is_installation, runs, look, keys };

/// Below an installation: any of these is the web application.
const MARKS: [&str; 2] =
    ["confluence/WEB-INF/classes/confluence-init.properties", "confluence/WEB-INF/web.xml"];

fn is_installation(dir: &Path) -> bool {
    MARKS.iter().any(|mark| dir.join(mark).is_file())
}

/// Every Tomcat has a `catalina.home`; Confluence's start script gives it properties of the product as well.
fn runs(process: &JavaProcess) -> Option<PathBuf> {
    let dir = process.path_of("catalina.home")?;
    let of_product = |argument: &Vec<u8>| argument.starts_with(b"-Dconfluence.");
    (is_installation(&dir) || process.arguments.iter().any(of_product)).then_some(dir)
}

fn look(dir: &Path, _process: Option<&JavaProcess>) -> Looked {
    let (version, _) = read_versions(dir);
    let version = match version {
        Field::Read(version) => Some(version),
        Field::Unread(_) => None,
    };
    Looked { product: Product::Confluence, called: None, version, base_url: base_url(dir) }
}

fn base_url(dir: &Path) -> Option<String> {
    let server = parse_server_xml(&read_text(&dir.join(SERVER_XML)).ok()?).ok()?;
    let Field::Read(connectors) = &server.connectors else { return None };
    // Behind a proxy the connector itself speaks HTTP, whatever scheme it states.
    let connector = connectors.first()?;
    let scheme = if connector.proxy_name.is_some() { "http" } else { connector.scheme.as_str() };
    let path = server.context_path.unwrap_or_default();
    let fits = path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
    let known = matches!(scheme, "http" | "https");
    (fits && known).then(|| format!("{scheme}://127.0.0.1:{}{path}", connector.port))
}

fn keys(found: &Found) -> String {
    let base_url = found.says.base_url.as_deref().unwrap_or("http://127.0.0.1:8090");
    format!(
        r#"# Its HTTP side, for plug-ins and health checks: with a personal access token of an administrator.
#[instance.http]
#base_url = "{base_url}"
#token_file = "/etc/upgrade-readiness-agent/confluence.token"

# Needed when the database password is encrypted, or when the agent should look with an account of its own.
#[instance.database]
#username = "readiness"
#password_file = "/etc/upgrade-readiness-agent/database-password"

# Where backups are.
#[instance.backups.home]
#places = ["/backup/home-*.tar.gz"]
#[instance.backups.database]
#places = ["/backup/*.dump"]
#[instance.backups.installation]
#places = ["/backup/installation-*.tar.gz"]
"#
    )
}

#[cfg(test)]
mod tests {
    use crate::product::find::testing::FakeHost;

    const WEB_XML: &str = "x/confluence/WEB-INF/web.xml";

    #[test]
    fn a_tomcat_is_confluence_by_its_files_or_its_properties() {
        let host = FakeHost::new();
        host.write(WEB_XML, "<web-app/>");
        host.write("y/webapps/other/WEB-INF/web.xml", "<web-app/>");
        for (pid, dir) in [(7, "x"), (8, "y")] {
            let home = format!("-Dcatalina.home={}", host.at(dir).display());
            host.run(pid, &[&home, "org.apache.catalina.startup.Bootstrap", "start"]);
        }
        host.run(9, &["-Dcatalina.home=/gone", "-Dconfluence.context.path=", "Bootstrap", "start"]);
        host.run(10, &["-Dcatalina.home=/gone", "-Dconfluence.context.path=", "Bootstrap", "stop"]);
        let survey = host.find();
        assert_eq!(survey.proposed.len(), 1);
        assert_eq!(survey.proposed[0].instance.pid, Some(7));
        assert_eq!(survey.proposed[0].instance.says.version, None);
        assert!(survey.troubles.len() == 1 && survey.troubles[0].contains("process 9"), "{survey:?}");
    }

    #[test]
    fn the_address_is_that_of_the_first_connector() {
        let server = |connector: &str, path: &str| {
            format!(
                "<Server><Service><Connector {connector}/><Engine><Host><Context path=\"{path}\"/></Host></Engine></Service></Server>"
            )
        };
        let rows = [
            (server("port='8091'", ""), "http://127.0.0.1:8091\""),
            (server("port='8443' SSLEnabled='true'", "/wiki"), "https://127.0.0.1:8443/wiki\""),
            (server("port='8091' scheme='https' proxyName='w'", "/wiki"), "http://127.0.0.1:8091/wiki\""),
            (server("port='${port}'", ""), "http://127.0.0.1:8090\""),
            (server("port='8091' scheme='x&quot;&#10;y'", ""), "http://127.0.0.1:8090\""),
            (server("port='8091'", "/w&quot;&#10;x"), "http://127.0.0.1:8090\""),
            ("<html>".to_owned(), "http://127.0.0.1:8090\""),
        ];
        for (text, expected) in rows {
            let host = FakeHost::new();
            host.write(WEB_XML, "<web-app/>");
            host.write("x/conf/server.xml", &text);
            let keys = host.find().proposed.remove(0).keys;
            assert!(keys.contains(expected), "{text}: {keys}");
        }
    }
}
