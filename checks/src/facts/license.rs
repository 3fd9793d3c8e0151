//! Facts about a licence: what its text says, without the people it names.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The licence of the product, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct License {
    /// The file it was read from.
    pub place: String,
    /// What was found there.
    pub text: LicenseText,
    /// A newer licence that waits to be entered.
    #[serde(default)]
    pub at_hand: AtHand,
}

/// A licence that waits to be entered into the product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AtHand {
    /// The configuration names no file for one.
    #[default]
    NotNamed,
    /// Nothing lies where one would be: in this file.
    Nothing(String),
    /// The file is there and could not be read: the reason.
    Unread(String),
    /// A file is there.
    File {
        /// The file.
        place: String,
        /// What it says.
        text: LicenseText,
        /// It is the very licence that is in force already.
        in_force: bool,
    },
}

/// What stands where the licence should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LicenseText {
    /// A licence that could be read.
    Terms(Box<LicenseTerms>),
    /// The property is absent or empty.
    Absent,
    /// Not a licence, or no longer whole: the reason.
    Damaged(String),
    /// The old two-part form that Confluence refuses since 5.6.
    Legacy,
}

/// What a licence allows.
#[expect(clippy::struct_excessive_bools, reason = "a licence states independent yes-or-no properties")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LicenseTerms {
    /// The licence's own description: `Confluence (Data Center): Commercial`.
    pub description: String,
    /// The products it is for, as namespaces of the licence: `conf`, `jira`, `plugins.*` …
    pub products: Vec<String>,
    /// Whether it licenses the watched product.
    pub for_this_product: bool,
    /// Data Center, and not Server.
    pub data_center: bool,
    /// `COMMERCIAL`, `ACADEMIC`, `TESTING`, `DEVELOPER` …; empty when it does not say.
    pub license_type: String,
    /// An evaluation licence.
    pub evaluation: bool,
    /// Bought for a time, and not perpetual.
    pub subscription: bool,
    /// Made for tests or development, not for production, and how that shows.
    pub not_for_production: Option<String>,
    /// When the right to run ends.
    pub expires: Until,
    /// When the right to newer releases and support ends.
    pub maintenance_ends: Until,
    /// Users it allows.
    pub users: Seats,
    /// When it was issued.
    pub created_on: Option<Date>,
    /// The support entitlement number, which names the purchase and no person.
    pub support_entitlement: Option<String>,
}

/// Until when something holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// No end is stated.
    NotStated,
    /// It is stated that there is no end.
    Forever,
    /// Through this day.
    Day(Date),
    /// For this long after the moment the licence was entered, which its text does not tell.
    AfterActivation(SignedDuration),
    /// Something is stated that cannot be read.
    Unreadable(String),
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStated => f.write_str("not stated"),
            Self::Forever => f.write_str("never"),
            Self::Day(day) => write!(f, "{day}"),
            Self::AfterActivation(time) => write!(f, "{time:#} after it was entered"),
            Self::Unreadable(text) => write!(f, "{text:?}, which cannot be read"),
        }
    }
}

/// How many users a licence allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Seats {
    /// As many as one likes.
    Unlimited,
    /// This many.
    Limited(u64),
    /// The licence does not say.
    NotStated,
}

impl fmt::Display for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("unlimited"),
            Self::Limited(count) => write!(f, "{count}"),
            Self::NotStated => f.write_str("not stated"),
        }
    }
}
