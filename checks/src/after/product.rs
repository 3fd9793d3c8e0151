//! What is different from product to product: topics one does not have, and where its people look.

use super::{Item, Sides, Topic};
use crate::facts::{Family, Product, Snapshot};

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

/// A product that may well have none told of none, before and after.
fn has_no_health_checks(sides: &Sides<'_>) -> bool {
    let none = |side: &Snapshot| {
        side.application().is_ok_and(|application| application.health.value().is_some_and(Vec::is_empty))
    };
    sides.now.product.family() == Family::Carbon && none(sides.before) && none(sides.now)
}

/// What is said of a topic the product does not have.
pub(super) fn skipped(topic: Topic, sides: &Sides<'_>) -> Option<Item> {
    let product = sides.now.product;
    let silent = || topic == Topic::HealthChecks && has_no_health_checks(sides);
    let why = lacks(topic, product).or_else(|| silent().then_some("offers no health checks of its own"))?;
    let none = "does not apply";
    Some(Item::skipped(topic, format!("{product} {why}")).seen(none, none))
}
