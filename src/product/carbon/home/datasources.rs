//! `repository/conf/datasources/*-datasources.xml`: where the data is.
//!
//! The master file is read first, then every other one, as the kernel does (`DataSourceConstants`). Both forms are
//! understood: the pool's own settings, and `dataSourceClassName` with `dataSourceProps`.

use std::path::Path;

use roxmltree::Node;
use secrecy::{ExposeSecret, SecretString};

use super::elements::{child, text_below, texts_below};
use super::error::{HomeError, list};
use super::source::{Password, Source, flag_doubles};
use crate::collect::xml::{read_xml, text_of};

/// Below the home: the directory of the files.
const DIRECTORY: &str = "repository/conf/datasources";
/// The file that is read first.
const MASTER: &str = "master-datasources.xml";
/// How the names of all such files end.
const ENDING: &str = "-datasources.xml";
/// No home has more files there, nor more data sources in one of them.
const MOST: usize = 200;

/// The data sources of all files, in the order they are read.
pub(super) fn read_datasources(home: &Path) -> Result<Vec<Source>, HomeError> {
    let directory = home.join(DIRECTORY);
    let mut sources = read_file(&directory.join(MASTER))?;
    for name in list(&directory, MOST, "files")? {
        if name != MASTER && name.ends_with(ENDING) {
            sources.extend(read_file(&directory.join(name))?);
        }
    }
    flag_doubles(&mut sources);
    Ok(sources)
}

fn read_file(path: &Path) -> Result<Vec<Source>, HomeError> {
    let sources = read_xml(path, "datasources-configuration", |root| {
        let all = root.descendants().filter(|node| node.has_tag_name("datasource"));
        all.take(MOST + 1).filter_map(|node| read_source(path, node)).collect::<Vec<_>>()
    })?;
    if sources.len() > MOST {
        return Err(HomeError::TooMany { path: path.to_owned(), what: "data sources", most: MOST });
    }
    Ok(sources)
}

/// A data source of a relational database; `None` for other kinds.
fn read_source(path: &Path, node: Node<'_, '_>) -> Option<Source> {
    let definition = child(node, "definition")?;
    if !definition.attribute("type").unwrap_or("RDBMS").eq_ignore_ascii_case("RDBMS") {
        return None;
    }
    let configuration = child(definition, "configuration").unwrap_or(definition);
    let properties = child(configuration, "dataSourceProps");
    let property = |names: &[&str]| {
        let all = properties?.children().filter(|node| node.has_tag_name("property"));
        all.into_iter().find(|node| {
            node.attribute("name")
                .is_some_and(|name| names.iter().any(|known| name.eq_ignore_ascii_case(known)))
        })
    };
    let url = child(configuration, "url").or_else(|| property(&["url", "jdbcUrl"]));
    let account = child(configuration, "username").or_else(|| property(&["user", "username"]));
    let password = child(configuration, "password").or_else(|| property(&["password"]));
    let text = |node: Option<Node<'_, '_>>| {
        node.map(|node| text_of(node).trim().to_owned()).filter(|text| !text.is_empty())
    };
    Some(Source {
        name: text_below(node, "name").unwrap_or_else(|| "(without a name)".to_owned()),
        jndi: texts_below(node, &["jndiConfig", "name"]),
        place: path.display().to_string(),
        key: "url",
        url: text(url).map(SecretString::from),
        account: text(account),
        password: password.map_or(Password::Absent, read_password),
        driver_class: text_below(configuration, "driverClassName")
            .or_else(|| text_below(configuration, "dataSourceClassName")),
        max_active: text_below(configuration, "maxActive").and_then(|text| text.parse().ok()),
        named_twice: false,
        written_in_toml: false,
    })
}

/// What an element says of a password.
///
/// With the attribute `secretAlias` its text is only a place-holder: the password is in the secure vault.
pub(super) fn read_password(node: Node<'_, '_>) -> Password {
    if node.attributes().any(|attribute| attribute.name() == "secretAlias") {
        return Password::Vault;
    }
    // Blanks belong to a password.
    Password::of(SecretString::from(text_of(node)))
}

impl Password {
    /// What a text says of a password that stands in its place.
    pub(super) fn of(text: SecretString) -> Self {
        let shown = text.expose_secret();
        if shown.trim().is_empty() {
            Self::Absent
        } else if shown.contains("$secret{") || shown.contains("secretAlias:") {
            Self::Vault
        } else if shown.contains("${")
            || shown.contains("$env{")
            || shown.contains("$sys{")
            || shown.contains("$ref{")
        {
            Self::Computed
        } else {
            Self::Plain(text)
        }
    }
}
