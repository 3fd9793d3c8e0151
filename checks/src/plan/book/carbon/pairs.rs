//! What is known of the database and the configuration between two kernels.
//!
//! Only what was found by comparing the vendor's own scripts and files stands here; of every other pair the book says
//! that it is not described.

use crate::catalog::Release;
use crate::facts::{ConfigurationModel, Engine, Product};
use crate::version::{Line, ProductVersion};

/// Two kernels whose scripts and files were compared.
#[derive(Debug)]
pub(super) struct Pair {
    from: &'static str,
    to: &'static str,
    /// Indexes that have another name in the scripts of the new one: table, old name, new name, and the new name where
    /// names are kept shorter.
    pub(super) renamed: &'static [Renamed],
    /// No option of the configuration is new.
    pub(super) same_configuration: bool,
}

/// An index with another name.
#[derive(Debug)]
pub(super) struct Renamed {
    pub(super) table: &'static str,
    pub(super) old: &'static str,
    new: &'static str,
    /// In the scripts of Oracle and of MySQL from 5.7.
    new_short: &'static str,
}

impl Renamed {
    pub(super) fn new_name(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Oracle | Engine::Mysql | Engine::Mariadb => self.new_short,
            Engine::Postgresql | Engine::SqlServer | Engine::H2 | Engine::Hsqldb => self.new,
        }
    }
}

/// Tables, columns and keys of these are the same.
static PAIRS: &[Pair] = &[Pair {
    from: "4.4.6",
    to: "4.4.7",
    renamed: &[
        Renamed {
            table: "REG_LOG",
            old: "REG_LOG_IND_BY_REG_LOGGED_TIME",
            new: "REG_LOG_IND_BY_REG_LOGTIME",
            new_short: "REG_LOG_IND_BY_REGLOG",
        },
        Renamed {
            table: "REG_RESOURCE",
            old: "REG_RESOURCE_IND_BY_TENANT_UUID",
            new: "REG_RESOURCE_IND_BY_TENANT",
            new_short: "REG_RESOURCE_IND_BY_TENAN",
        },
    ],
    same_configuration: true,
}];

/// What is known of two kernels.
pub(super) fn known(from: &ProductVersion, to: &ProductVersion) -> Option<&'static Pair> {
    PAIRS.iter().find(|pair| pair.from == from.as_str() && pair.to == to.as_str())
}

/// Whether the product is the kernel by itself.
pub(super) fn is_kernel(product: Product) -> bool {
    product == Product::Wso2Carbon
}

/// The kernel of a release; `None` when it is not known.
pub(super) fn kernel_of(
    product: Product,
    release: Option<&Release>,
    version: &ProductVersion,
) -> Option<ProductVersion> {
    if is_kernel(product) {
        Some(version.clone())
    } else {
        release.and_then(|release| release.kernel.clone())
    }
}

/// How a kernel is configured: by one file since its line 4.5.
pub(super) fn model_of(kernel: &ProductVersion) -> ConfigurationModel {
    if kernel.line() < (Line { major: 4, minor: 5 }) {
        ConfigurationModel::Xml
    } else {
        ConfigurationModel::Toml
    }
}
