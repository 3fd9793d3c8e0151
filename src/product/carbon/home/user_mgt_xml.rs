//! `repository/conf/user-mgt.xml`: which data source users, roles and tenants are in, and whether the administrator's
//! account is made at the next start.

use std::path::Path;

use roxmltree::Node;

use super::elements::{child, text_below};
use super::error::HomeError;
use crate::collect::xml::{read_xml, text_of};

/// Below the home.
pub(super) const FILE: &str = "repository/conf/user-mgt.xml";

/// What `user-mgt.xml` says.
#[derive(Debug, Default)]
pub(super) struct UserMgtXml {
    /// The JNDI name of the data source.
    pub(super) data_source: Option<String>,
    /// The administrator's account is made at the next start, when it says so.
    pub(super) adds_admin: Option<bool>,
}

/// Reads the file.
pub(super) fn read_user_mgt_xml(home: &Path) -> Result<UserMgtXml, HomeError> {
    Ok(read_xml(&home.join(FILE), "UserManager", take)?)
}

fn take(root: Node<'_, '_>) -> UserMgtXml {
    let Some(configuration) = child(root, "Realm").and_then(|realm| child(realm, "Configuration")) else {
        return UserMgtXml::default();
    };
    let mut properties = configuration.children().filter(|node| node.has_tag_name("Property"));
    let data_source = properties.find(|node| node.attribute("name") == Some("dataSource"));
    UserMgtXml {
        data_source: data_source.map(|node| text_of(node).trim().to_owned()).filter(|text| !text.is_empty()),
        adds_admin: text_below(configuration, "AddAdmin").map(|text| text.eq_ignore_ascii_case("true")),
    }
}
