//! Where the new release is that was set up beside the running one.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use upgrade_readiness_checks::facts::{Family, Product};

use super::DatabaseAccess;
use super::raw::RawDatabase;
use super::validate::Validation;

/// The new release, set up beside the running one before it takes over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrepared {
    /// Its home, with the configuration that was made for it.
    home: String,
    /// An untouched copy of the new release: the archive it came in, never unpacked, or a directory. With it and
    /// `pristine` of the instance's files the configurations are compared.
    pristine: Option<String>,
    /// How the staging database is reached, where that differs from the configuration of the new home. The account is
    /// used for every database of the new home; `url` replaces that of the database of user management.
    #[serde(default)]
    database: RawDatabase,
}

/// The new release, set up beside the running one.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedPlace {
    /// Its home.
    pub home: PathBuf,
    /// An untouched copy of it: an archive or a directory.
    pub pristine: Option<PathBuf>,
    /// How its databases are reached, where this differs from its configuration.
    pub database: DatabaseAccess,
}

impl Validation {
    /// What stands at `key` about the new release of an instance in `installation_dir`.
    pub(super) fn prepared(&mut self, key: &str, product: Product, raw: RawPrepared) -> PreparedPlace {
        if product.family() != Family::Carbon {
            self.problem(key, format!("is for WSO2 Carbon products only, and this instance runs {product}"));
        }
        PreparedPlace {
            home: self.path(&format!("{key}.home"), &raw.home),
            pristine: raw.pristine.map(|path| self.path(&format!("{key}.pristine"), &path)),
            database: self.database(&format!("{key}.database"), raw.database),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{PreparedPlace, parse_config};

    fn parse(product: &str, keys: &str) -> Result<Option<PreparedPlace>, Vec<String>> {
        let text = format!(
            "[[instance]]\nname = 'esb'\nproduct = '{product}'\ninstallation_dir = '/opt/c'\n[instance.prepared]\n{keys}"
        );
        parse_config(&text)
            .map(|config| config.instances[0].prepared.clone())
            .map_err(|problems| problems.into_iter().map(|problem| problem.key).collect())
    }

    #[test]
    fn a_new_home_and_its_database_are_taken() {
        let keys = "home = '/opt/new'\npristine = '/srv/new.zip'\ndatabase.username = 'agent'\ndatabase.password_env = 'P'\n";
        let place = parse("wso2-carbon", keys).unwrap().unwrap();
        assert_eq!(place.home.to_str(), Some("/opt/new"));
        assert_eq!(place.database.username.as_deref(), Some("agent"));
    }

    #[test]
    fn products_without_long_term_support_are_judged_for_the_latest() {
        let target = |product: &str| {
            let text =
                format!("[[instance]]\nname = 'a'\nproduct = '{product}'\ninstallation_dir = '/opt/c'\n");
            parse_config(&text).unwrap().instances[0].targets.clone()
        };
        assert_eq!(target("wso2-api-manager"), ["latest".parse().unwrap()]);
        assert_eq!(target("confluence"), ["latest-lts".parse().unwrap()]);
    }

    #[test]
    fn every_mistake_names_its_key() {
        assert_eq!(parse("confluence", "home = '/opt/new'\n").unwrap_err(), ["instance[0].prepared"]);
        assert_eq!(parse("wso2-carbon", "home = 'new'\n").unwrap_err(), ["instance[0].prepared.home"]);
        assert_eq!(
            parse("wso2-carbon", "home = '/n'\npristine = 'x.zip'\ndatabase.username = 'a'\n").unwrap_err(),
            ["instance[0].prepared.pristine", "instance[0].prepared.database"]
        );
    }
}
