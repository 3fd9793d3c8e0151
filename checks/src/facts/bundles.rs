//! OSGi bundles people put into a Carbon product, and what a new release offers them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Field;

/// The bundles of a Carbon home that did not come with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundles {
    /// Where it was looked.
    pub place: String,
    /// Bundles of people, and plain jars that are wrapped into one at each start.
    pub custom: Vec<Bundle>,
    /// Files the product makes itself at each start, which must not be carried over.
    pub machine_made: Vec<String>,
    /// Jars that are no bundles, or whose manifest cannot be read: the file, and what is wrong.
    pub broken: BTreeMap<String, String>,
    /// What is wrong with the list the product starts from, line by line; empty when nothing is.
    pub list_defects: Field<Vec<String>>,
    /// What the new release offers them; `None` inside when no new release is set up beside the running one.
    pub offered: Field<Option<Offered>>,
}

/// One bundle of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The file, relative to the home.
    pub file: String,
    /// What it is.
    pub kind: BundleKind,
    /// Its symbolic name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The packages it imports; those it exports itself, optional and dynamic ones are not listed.
    pub imports: Vec<Wanted>,
    /// The bundles it requires, and the host of a fragment.
    pub requires: Vec<Wanted>,
    /// Capabilities it requires that are not evaluated, as they are written.
    pub not_evaluated: Vec<String>,
    /// The Java feature its classes or its manifest need at least.
    pub java: Field<Option<u32>>,
}

/// What a jar of people is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The versions that will do, as the manifest writes them; `0.0.0` is any.
    pub range: String,
}

/// What a new release offers to the bundles of people: only the names they want are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The home of the new release.
    pub place: String,
    /// Jars that were read.
    pub read: u64,
    /// Jars that could not be read, so that what they offer is not known: the file, and why.
    pub unread: BTreeMap<String, String>,
    /// Who offers each wanted package.
    pub packages: BTreeMap<String, Vec<Offer>>,
    /// Who offers each required bundle.
    pub bundles: BTreeMap<String, Vec<Offer>>,
}

/// Somebody offers something in some version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offer {
    /// The version, as the manifest writes it.
    pub version: String,
    /// The file that offers it, relative to its home.
    pub by: String,
    /// The range of the wanted one includes this version, for each who wants it: whether it does, by the bundle's file.
    pub fits: BTreeMap<String, bool>,
    /// It is offered by another bundle of people, and not by the release.
    pub by_people: bool,
}
