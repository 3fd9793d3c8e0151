//! The home of a Carbon product as its files describe it, the running one or a new one beside it.
//!
//! It is read anew at each look and remembers nothing. What the files say is not judged here.

mod databases;
mod datasources;
mod deployment_toml;
mod elements;
mod error;
mod registry_xml;
mod source;
mod user_mgt_xml;

use std::path::Path;

use upgrade_readiness_checks::facts::ConfigurationModel;

pub use error::HomeError;
pub use source::{Password, Source, SourceUrlError};

pub(in crate::product::carbon) use databases::{Stores, read_stores};

use crate::collect::text_file::ReadTextError;

/// How a home is configured: by `deployment.toml` when it has one, else by XML files.
pub fn model_of(home: &Path) -> Result<ConfigurationModel, HomeError> {
    let path = home.join(deployment_toml::FILE);
    match std::fs::metadata(&path) {
        Ok(_) => Ok(ConfigurationModel::Toml),
        Err(cause)
            if crate::collect::kind_of_io(&cause) == upgrade_readiness_checks::facts::FailureKind::Absent =>
        {
            Ok(ConfigurationModel::Xml)
        }
        Err(cause) => Err(ReadTextError::Read { path, cause }.into()),
    }
}
