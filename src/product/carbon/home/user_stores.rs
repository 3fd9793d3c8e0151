//! `userstores/*.xml`: the secondary user stores of the super tenant and of tenants.

use std::path::Path;

use roxmltree::Node;
use upgrade_readiness_checks::facts::UserStoreFile;

use super::carbon_xml::without_login;
use super::error::{HomeError, if_there, list};
use super::tenants;
use crate::collect::database::jdbc::redact;
use crate::collect::xml::{read_xml, text_of};

/// Below the home: those of the super tenant.
const SUPER_TENANT: &str = "repository/deployment/server/userstores";
/// Below the directory of a tenant.
const OF_TENANT: &str = "userstores";
/// No tenant has more of them.
const MOST: usize = 1000;
/// All tenants together do not have more.
const MOST_TOGETHER: usize = 20_000;

/// Reads the files of all secondary user stores.
pub(super) fn read_user_stores(home: &Path) -> Result<Vec<UserStoreFile>, HomeError> {
    let mut stores = read_directory(&home.join(SUPER_TENANT), None)?;
    let directory = home.join(tenants::DIRECTORY);
    for name in if_there(list(&directory, 100_000, "tenants"))?.unwrap_or_default() {
        if let Ok(id) = name.parse::<u32>() {
            stores.extend(read_directory(&directory.join(name).join(OF_TENANT), Some(id))?);
        }
        if stores.len() > MOST_TOGETHER {
            return Err(HomeError::TooMany { path: directory, what: "user stores", most: MOST_TOGETHER });
        }
    }
    Ok(stores)
}

fn read_directory(directory: &Path, tenant: Option<u32>) -> Result<Vec<UserStoreFile>, HomeError> {
    let names = if_there(list(directory, MOST, "user stores"))?.unwrap_or_default();
    let files = names
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("xml")));
    files
        .map(|file| {
            Ok(read_xml(&directory.join(&file), "UserStoreManager", |root| take(tenant, &file, root))?)
        })
        .collect()
}

fn take(tenant: Option<u32>, file: &str, root: Node<'_, '_>) -> UserStoreFile {
    let property = |wanted: &str| {
        let mut all = root.children().filter(|node| node.has_tag_name("Property"));
        let named = |node: &Node<'_, '_>| {
            node.attribute("name").is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        };
        let found = all.find(named)?;
        Some(text_of(found).trim().to_owned()).filter(|text| !text.is_empty())
    };
    let is_encrypted = |node: Node<'_, '_>| {
        node.attribute("encrypted").is_some_and(|text| text.eq_ignore_ascii_case("true"))
    };
    UserStoreFile {
        tenant,
        file: file.to_owned(),
        domain: property("DomainName"),
        address: property("ConnectionURL").or_else(|| property("url")).map(|address| {
            if address.starts_with("jdbc:") { redact(&address) } else { without_login(&address) }
        }),
        encrypted: root.descendants().any(is_encrypted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::carbon::fixture::Example;

    const LDAP: &str = "<UserStoreManager class=\"x.ReadOnlyLDAPUserStoreManager\">\
        <Property name=\"DomainName\">EXAMPLE.COM</Property>\
        <Property name=\"ConnectionURL\">ldap://bob:S3CRET@ad.example.com:389</Property>\
        <Property encrypted=\"true\" name=\"ConnectionPassword\">S3CRET==</Property></UserStoreManager>";

    #[test]
    fn stores_of_all_tenants_are_told_without_their_secrets() {
        let example = Example::new().lay_out();
        example.write("repository/deployment/server/userstores/EXAMPLE_COM.xml", LDAP);
        example.write("repository/deployment/server/userstores/notes.txt", "x");
        example.write(
            "repository/tenants/3/userstores/jdbc.xml",
            "<UserStoreManager><Property name=\"url\">jdbc:mysql://db/u?password=S3CRET</Property></UserStoreManager>",
        );
        let stores = read_user_stores(&example.home()).unwrap();
        let brief: Vec<_> = stores
            .iter()
            .map(|store| (store.tenant, store.domain.as_deref(), store.address.as_deref(), store.encrypted))
            .collect();
        assert_eq!(
            brief,
            [
                (None, Some("EXAMPLE.COM"), Some("ldap://ad.example.com:389"), true),
                (Some(3), None, Some("jdbc:mysql://db/u?password=***"), false),
            ]
        );
        assert!(!format!("{stores:?}").contains("S3CRET"));
    }

    #[test]
    fn a_store_that_cannot_be_read_leaves_them_unread() {
        for text in ["", "<html>S3CRET</html>", "<UserStoreManager><Property>S3CRET"] {
            let example = Example::new().lay_out();
            example.write("repository/deployment/server/userstores/a.xml", text);
            let error = read_user_stores(&example.home()).unwrap_err();
            assert!(error.remedy().contains("a.xml"));
            assert!(!format!("{error:?}").contains("S3CRET"));
        }
    }
}
