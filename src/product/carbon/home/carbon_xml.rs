//! `repository/conf/carbon.xml`: name, version, ports and the deployment synchroniser of a server.

use std::path::Path;

use roxmltree::Node;
use upgrade_readiness_checks::facts::Synchroniser;

use super::elements::{child, text_below, texts_below};
use super::error::HomeError;
use crate::collect::xml::read_xml;

/// Below the home.
pub(super) const FILE: &str = "repository/conf/carbon.xml";

/// What `carbon.xml` says.
#[derive(Debug)]
pub(super) struct CarbonXml {
    /// The version the server tells of itself.
    pub(super) version: Option<String>,
    /// The name it is reached by.
    pub(super) host_name: Option<String>,
    /// What is added to every usual port, as it is written.
    pub(super) offset: Option<String>,
    /// Whether artifacts are kept in step with a repository.
    pub(super) synchroniser: Result<Synchroniser, String>,
}

/// Reads the file.
pub(super) fn read_carbon_xml(home: &Path) -> Result<CarbonXml, HomeError> {
    let path = home.join(FILE);
    Ok(read_xml(&path, "Server", |root| take(&path, root))?)
}

fn take(path: &Path, root: Node<'_, '_>) -> CarbonXml {
    CarbonXml {
        version: text_below(root, "Version"),
        host_name: text_below(root, "HostName").filter(|name| !name.contains("${")),
        offset: texts_below(root, &["Ports", "Offset"]),
        synchroniser: read_synchroniser(path, root),
    }
}

fn read_synchroniser(path: &Path, root: Node<'_, '_>) -> Result<Synchroniser, String> {
    let place = path.display().to_string();
    let off = Synchroniser { place: place.clone(), enabled: false, commits: false, repository: None };
    let Some(node) = child(root, "DeploymentSynchronizer") else { return Ok(off) };
    let switch = |name: &str| match text_below(node, name) {
        None => Ok(false),
        Some(text) => truth(&text).ok_or_else(|| {
            format!(
                "{place}: DeploymentSynchronizer/{name} is neither true nor false but a variable or a mistake"
            )
        }),
    };
    Ok(Synchroniser {
        enabled: switch("Enabled")?,
        commits: switch("AutoCommit")?,
        repository: text_below(node, "SvnUrl").map(|url| without_login(&url)),
        place: place.clone(),
    })
}

/// `true` or `false`; anything else is neither.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// An address without the login in it and without parameters.
pub(super) fn without_login(address: &str) -> String {
    let address = address.split(['?', '#', ';']).next().unwrap_or_default();
    let shown = match address.split_once("://") {
        Some((scheme, rest)) => {
            let (server, path) =
                rest.split_once('/').map_or((rest, None), |(server, path)| (server, Some(path)));
            let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
            // A login with a slash in its password leaves an @ behind it.
            match path {
                Some(path) if path.contains('@') => format!("{scheme}://***"),
                Some(path) => format!("{scheme}://{server}/{path}"),
                None => format!("{scheme}://{server}"),
            }
        }
        None => address.to_owned(),
    };
    shown.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    fn read(inside: &str) -> CarbonXml {
        let example = Example::new().lay_out();
        example.write(
            "repository/conf/carbon.xml",
            &format!("<Server xmlns=\"http://wso2.org/projects/carbon/carbon.xml\">{inside}</Server>"),
        );
        read_carbon_xml(&example.home()).unwrap()
    }

    #[test]
    fn the_synchroniser_is_off_unless_it_says_so() {
        assert!(!read("").synchroniser.unwrap().enabled);
        let on = read(
            "<DeploymentSynchronizer><Enabled>true</Enabled><AutoCommit>true</AutoCommit>\
             <SvnUrl>https://bob:S3CRET@svn.example.com/repos/esb?x=y</SvnUrl></DeploymentSynchronizer>",
        );
        let on = on.synchroniser.unwrap();
        assert!(on.enabled && on.commits);
        assert_eq!(on.repository.as_deref(), Some("https://svn.example.com/repos/esb"));
        let unclear = read("<DeploymentSynchronizer><Enabled>${sync}</Enabled></DeploymentSynchronizer>");
        assert!(unclear.synchroniser.unwrap_err().contains("neither true nor false"));
    }

    #[test]
    fn bytes_of_latin_1_are_read_as_they_are_declared() {
        let example = Example::new().lay_out();
        let text = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Server><HostName>caf\xe9.example.com</HostName></Server>";
        std::fs::write(example.home().join(FILE), text).unwrap();
        let read = read_carbon_xml(&example.home()).unwrap();
        assert_eq!(read.host_name.as_deref(), Some("caf\u{e9}.example.com"));
    }

    #[test]
    fn logins_do_not_leave_an_address() {
        for (address, shown) in [
            ("ldap://localhost:10389", "ldap://localhost:10389"),
            ("https://bob:S3CRET@svn/repos", "https://svn/repos"),
            ("https://bob:S3/CRET@svn/repos", "https://***"),
            ("ldaps://ad.example.com:636/dc=example?uid", "ldaps://ad.example.com:636/dc=example"),
        ] {
            assert_eq!(without_login(address), shown);
        }
    }
}
