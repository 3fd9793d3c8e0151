//! What is different from product to product: topics one does not have, and where its people look.

use super::{Item, Sides, Topic};
use crate::facts::{Family, Product};

/// Where people look into an instance.
pub(super) struct Whereabouts {
    /// The log, as part of a sentence.
    pub(super) log: &'static str,
    /// The script that holds the options of Java.
    pub(super) script: &'static str,
    /// What names the database.
    pub(super) database: &'static str,
    /// Where nodes of a cluster are configured.
    pub(super) cluster: &'static str,
}

impl Sides<'_> {
    pub(super) fn whereabouts(&self) -> &'static Whereabouts {
        match self.now.product.family() {
            Family::Confluence => &Whereabouts {
                log: "logs/atlassian-confluence.log in the home directory",
                script: "bin/setenv.sh",
                database: "confluence.cfg.xml in the home directory",
                cluster: "confluence.cfg.xml in the home directory",
            },
            Family::Carbon => &Whereabouts {
                log: "repository/logs/wso2carbon.log",
                script: "the start script in bin",
                database: "the data sources in repository/conf",
                cluster: "the configuration in repository/conf",
            },
        }
    }
}

/// Why there is nothing to compare of a topic; `None` when there is.
fn lacks(topic: Topic, product: Product) -> Option<&'static str> {
    if product.family() == Family::Confluence {
        return None;
    }
    match topic {
        Topic::Builds => Some("keeps no build number in its data"),
        Topic::AccessMode => Some("has no mode in which people can only read"),
        Topic::SearchIndex => Some("has no search index of its own"),
        Topic::License => Some("has no licence that is entered"),
        Topic::ContextPath => Some("has its path in its own configuration"),
        Topic::Version
        | Topic::Statements
        | Topic::RunningVersion
        | Topic::Nodes
        | Topic::State
        | Topic::HealthChecks
        | Topic::Plugins
        | Topic::RowCounts
        | Topic::Database
        | Topic::DatabaseSize
        | Topic::DatabaseOwnership
        | Topic::Files
        | Topic::Address
        | Topic::Connectors
        | Topic::Heap
        | Topic::JvmOptions => None,
    }
}

/// What is said of a topic the product does not have.
pub(super) fn skipped(topic: Topic, sides: &Sides<'_>) -> Option<Item> {
    let product = sides.now.product;
    let why = lacks(topic, product)?;
    let none = "does not apply";
    Some(Item::skipped(topic, format!("{product} {why}")).seen(none, none))
}
