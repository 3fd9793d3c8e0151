//! Facts about plug-ins: what is installed, and what is known of each for the targets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Bundles, Field};
use crate::version::ProductVersion;

/// Installed plug-ins and their compatibility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Plugins {
    /// Every installed plug-in, bundled ones too, by key.
    pub installed: Vec<Plugin>,
    /// Whether the plug-in system runs in safe mode (all user-installed ones disabled).
    pub safe_mode: Field<bool>,
    /// What is known for each target that was asked about.
    pub for_targets: Vec<TargetPlugins>,
    /// OSGi bundles of people; `None` for products that have none.
    #[serde(default)]
    pub bundles: Option<Box<Bundles>>,
}

impl Plugins {
    /// What is known for a target; `None` when nobody asked yet.
    #[must_use]
    pub fn for_target(&self, version: &ProductVersion) -> Option<&TargetPlugins> {
        self.for_targets.iter().find(|target| target.version == *version)
    }

    /// The plug-ins people installed: those the upgrade does not bring along.
    pub fn user_installed(&self) -> impl Iterator<Item = &Plugin> {
        self.installed.iter().filter(|plugin| plugin.user_installed)
    }
}

/// One installed plug-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Plugin {
    /// Its key, which identifies it.
    pub key: String,
    /// Its name as the product shows it.
    pub name: String,
    /// Its version, in the vendor's own order.
    pub version: String,
    /// Enabled.
    pub enabled: bool,
    /// Installed by people, and not part of the product.
    pub user_installed: bool,
    /// Modules the product calls broken; unread when its details were not given.
    pub broken_modules: Field<Vec<String>>,
    /// Its own licence; `None` inside when it needs none.
    #[serde(default)]
    pub license: Field<Option<AppLicense>>,
}

/// The licence of a paid plug-in, without its text and without the people it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AppLicense {
    /// Whether the product accepts it.
    pub valid: bool,
    /// The product's word for what is wrong: `EXPIRED`, `USER_MISMATCH`, `VERSION_MISMATCH` …
    pub error: Option<String>,
    /// An evaluation.
    pub evaluation: bool,
    /// When it ends; `None` when the product names no end.
    pub expires_at: Option<Timestamp>,
    /// `COMMERCIAL`, `ACADEMIC` …; empty when the product does not say.
    pub license_type: String,
}

/// What is known of the user-installed plug-ins for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TargetPlugins {
    /// The target.
    pub version: ProductVersion,
    /// The instance's own update check: its answer per plug-in key.
    pub instance: Field<BTreeMap<String, UpdateCheck>>,
    /// The marketplace's answer per plug-in key.
    pub marketplace: BTreeMap<String, Field<Listing>>,
}

/// The answer of the instance's own update check for one plug-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UpdateCheck {
    /// The installed version works with the target.
    Compatible,
    /// It must be updated before the upgrade.
    UpdateBefore,
    /// It must be updated after the upgrade.
    UpdateAfter,
    /// No version works with the target.
    Incompatible,
    /// The vendor does not say.
    Unknown,
}

/// What the marketplace says of one plug-in for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// It is listed, and these versions are stated to work with the target.
    Listed {
        /// Newest version stated to work with the target; `None` when there is none.
        newest_compatible: Option<String>,
        /// Whether the installed version is among those stated to work with the target.
        installed_compatible: bool,
    },
    /// The marketplace does not know the plug-in: private, withdrawn or renamed.
    NotListed,
}
