//! OSGi bundles people put into a Carbon product, and what a new release offers them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Field;
use crate::version::ProductVersion;

/// The bundles of a Carbon home that did not come with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Bundles {
    /// The home they are in.
    pub place: String,
    /// The kernel of that home, as `bin/wso2carbon-version.txt` states it.
    pub kernel: Field<ProductVersion>,
    /// Bundles of people, and their plain jars, which are wrapped into bundles at each start.
    pub custom: Vec<Bundle>,
    /// Files the product makes itself at each start, which must not be carried over.
    pub machine_made: Vec<String>,
    /// Jars in `dropins` that say no name or version of a bundle: the product passes them over.
    pub no_bundles: Vec<String>,
    /// Jars of people that could not be read: the file, and why.
    pub broken: BTreeMap<String, String>,
    /// What is wrong with the list the product starts from, line by line; empty when nothing is.
    pub list_defects: Field<Vec<String>>,
    /// What the new release offers them; `None` inside when no new release is set up beside the running one.
    pub offered: Field<Option<Offered>>,
}

/// One bundle of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Bundle {
    /// The file, relative to its home.
    pub file: String,
    /// What it is.
    pub kind: BundleKind,
    /// Its symbolic name; that of its file for a plain jar.
    pub name: String,
    /// Its version; empty for a plain jar.
    pub version: String,
    /// The packages it imports; those it offers itself, optional and dynamic ones are not listed.
    pub imports: Vec<Wanted>,
    /// The bundles it requires, and the host of a fragment; optional ones and the framework itself are not listed.
    pub requires: Vec<Wanted>,
    /// Capabilities it requires that are not evaluated, as they are written.
    pub not_evaluated: Vec<String>,
    /// The Java feature its manifest demands; `None` when it demands none.
    pub demanded_java: Option<u32>,
    /// The Java feature the newest of its classes was compiled for; `None` inside when it has no classes.
    pub compiled_for: Field<Option<u32>>,
}

/// What a jar of people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BundleKind {
    /// A bundle in `dropins`.
    Dropin,
    /// A plain jar in `lib`.
    Library,
    /// A plain jar in `extensions`.
    Extension,
}

/// A package or bundle that is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The versions that will do, as the manifest writes them; `0.0.0` is any.
    pub range: String,
    /// Attributes that an offer must have as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// What a new release offers to the bundles of people: only the names they want are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Offered {
    /// The home of the new release.
    pub place: String,
    /// Its version, as `bin/version.txt` states it.
    pub version: Field<ProductVersion>,
    /// Jars that were read.
    pub read: u64,
    /// Jars that could not be read, so that what they offer is not known: the file, and why.
    pub unread: BTreeMap<String, String>,
    /// The same of jars of people in it: what they offer and what they need is not known.
    pub broken: BTreeMap<String, String>,
    /// What is wrong with the list it starts from. Bundles that are not listed there offer nothing.
    pub list_defects: Field<Vec<String>>,
    /// How many packages of Java itself its `launch.ini` offers; unread when it lists none, so that they are not known.
    pub system_packages: Field<u64>,
    /// Bundles of people that are in it already; they take the place of those of the same name in the running home.
    pub custom: Vec<Bundle>,
    /// Files of the kind the product makes itself whose origin is not in it: they were copied.
    pub copied_machine_made: Vec<String>,
    /// Who offers each wanted package.
    pub packages: BTreeMap<String, Vec<Offer>>,
    /// Who offers each required bundle.
    pub bundles: BTreeMap<String, Vec<Offer>>,
}

/// Somebody offers something in some version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Offer {
    /// The version, as the manifest writes it.
    pub version: String,
    /// The file that offers it, relative to its home.
    pub by: String,
    /// Whose it is.
    pub of: Offerer,
    /// Attributes beside the version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Attributes that have to be asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub mandatory: BTreeSet<String>,
}

/// Whose an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Offerer {
    /// The new release.
    Release,
    /// People, and it is in the home of the new release.
    NewHome,
    /// People, and it is in the running home only: it has to be carried over as well.
    RunningHome,
}
