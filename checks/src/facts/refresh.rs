//! What public lists said of releases and platforms after the agent was built: the form in which it is kept in
//! the state directory and carried to networks without internet.
//!
//! Texts stand as they came. The catalog decides what of it is believed; here only the form counts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{AskedAddress, Product};

/// The form of [`Refresh`]; another first number is another form.
pub const REFRESH_FORMAT: &str = "1.0";

/// Everything that was learned of one product's releases, and of the platforms it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Refresh {
    /// [`REFRESH_FORMAT`] of the agent that wrote it.
    pub format_version: String,
    /// The product.
    pub product: Product,
    /// The newest sound answer on each topic.
    pub answers: BTreeMap<Topic, PublicAnswer>,
    /// How the last question on each topic ended.
    #[serde(default)]
    pub asked: BTreeMap<Topic, AskedAddress>,
}

impl Refresh {
    /// Nothing is learned yet.
    #[must_use]
    pub fn empty(product: Product) -> Self {
        let format_version = REFRESH_FORMAT.to_owned();
        Self { format_version, product, answers: BTreeMap::new(), asked: BTreeMap::new() }
    }
}

/// What an answer is about. The order is the order in which answers are taken in: exact dates first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(into = "String", try_from = "String")]
pub enum Topic {
    /// The vendor's feed of releases that are not offered first any more.
    FeedArchived,
    /// The vendor's feed of releases on offer.
    FeedCurrent,
    /// The lines of the product, at endoflife.date.
    Lines,
    /// The releases of the product the marketplace knows.
    Marketplace,
    /// The cycles of a platform of the catalog, at endoflife.date.
    Platform(String),
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        match topic {
            Topic::FeedArchived => "feed/archived".to_owned(),
            Topic::FeedCurrent => "feed/current".to_owned(),
            Topic::Lines => "endoflife".to_owned(),
            Topic::Marketplace => "marketplace".to_owned(),
            Topic::Platform(id) => format!("platform/{id}"),
        }
    }
}

impl TryFrom<String> for Topic {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "feed/archived" => Ok(Self::FeedArchived),
            "feed/current" => Ok(Self::FeedCurrent),
            "endoflife" => Ok(Self::Lines),
            "marketplace" => Ok(Self::Marketplace),
            other => match other.strip_prefix("platform/") {
                Some(id) if !id.is_empty() && id.len() <= 64 => Ok(Self::Platform(id.to_owned())),
                Some(_) | None => Err("a topic nobody knows"),
            },
        }
    }
}

/// One answer, with when and where it was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PublicAnswer {
    /// The address.
    pub from: String,
    /// When it was given, or last said to hold still.
    pub learned_at: Timestamp,
    /// The mark the server gave it (`ETag`), to ask whether it changed.
    #[serde(default)]
    pub etag: Option<String>,
    /// The time the server gave it (`Last-Modified`), as it was written.
    #[serde(default)]
    pub last_modified: Option<String>,
    /// What it says.
    pub said: Said,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// Lines of the product, or cycles of a platform.
    Cycles(Vec<CycleSeen>),
    /// Single releases of the product.
    Releases(Vec<ReleaseSeen>),
}

/// A feature line of the product or a release cycle of a platform, as somebody lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CycleSeen {
    /// Its name: `9.2`, `15`.
    pub name: String,
    /// The day of its first release.
    pub released_on: Option<Date>,
    /// It is supported for long.
    #[serde(default)]
    pub long_term_support: bool,
    /// The last day of regular support.
    pub end_of_life: Option<Date>,
    /// The last day of extended support.
    #[serde(default)]
    pub extended_end: Option<Date>,
    /// Its newest release.
    #[serde(default)]
    pub newest: Option<ReleaseSeen>,
}

/// A release of the product, as somebody lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ReleaseSeen {
    /// Its version.
    pub version: String,
    /// The day it was published.
    pub date: Option<Date>,
    /// It belongs to a long-term support line.
    #[serde(default)]
    pub long_term_support: bool,
}
