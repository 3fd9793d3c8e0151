//! A release to be judged, and the ways to ask for one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Release};
use crate::version::{Line, NotAVersion, ProductVersion};

/// A target as the operator writes it: a version, or a word that stands for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum Requested {
    /// This very release.
    Version(ProductVersion),
    /// The newest release.
    Latest,
    /// The newest release of a long-term support line.
    LatestLongTermSupport,
    /// The newest release of the line after the running one.
    Next,
    /// The release that is recommended for this instance.
    Recommended,
}

impl FromStr for Requested {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "latest" => Ok(Self::Latest),
            "latest-lts" => Ok(Self::LatestLongTermSupport),
            "next" => Ok(Self::Next),
            "recommended" => Ok(Self::Recommended),
            version => version.parse().map(Self::Version),
        }
    }
}

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "{version}"),
            Self::Latest => f.write_str("latest"),
            Self::LatestLongTermSupport => f.write_str("latest-lts"),
            Self::Next => f.write_str("next"),
            Self::Recommended => f.write_str("recommended"),
        }
    }
}

impl TryFrom<String> for Requested {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Requested> for String {
    fn from(requested: Requested) -> Self {
        requested.to_string()
    }
}

/// One release to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How it was asked for.
    pub requested: Requested,
    /// What it resolved to.
    pub version: ProductVersion,
    /// What the catalog knows of it; `None` when the catalog does not have this release.
    pub release: Option<Release>,
}

/// Why a target cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// `next` needs to know what runs.
    #[error("the target \"next\" cannot be resolved because the running version is not known")]
    RunningUnknown,
    /// There is nothing of the kind.
    #[error("the catalog has no release for the target \"{0}\"")]
    NoSuchRelease(Requested),
    /// No release is recommended.
    #[error("the target \"recommended\" stands for no release: {0}")]
    NothingRecommended(String),
}

impl Target {
    /// Finds the release a target stands for, given what runs, and what is recommended or why nothing is.
    pub fn resolve(
        requested: &Requested,
        catalog: &Catalog,
        running: Option<&ProductVersion>,
        recommended: Result<&ProductVersion, &str>,
    ) -> Result<Self, TargetError> {
        let none = || TargetError::NoSuchRelease(requested.clone());
        let (version, release) = match requested {
            Requested::Version(version) => (version.clone(), catalog.release(version)),
            Requested::Latest => {
                let release = catalog.latest().ok_or_else(none)?;
                (release.version.clone(), Some(release))
            }
            Requested::LatestLongTermSupport => {
                let release = catalog.latest_long_term_support().ok_or_else(none)?;
                (release.version.clone(), Some(release))
            }
            Requested::Next => {
                let running = running.ok_or(TargetError::RunningUnknown)?;
                let release = catalog.next(running).ok_or_else(none)?;
                (release.version.clone(), Some(release))
            }
            Requested::Recommended => {
                let version =
                    recommended.map_err(|because| TargetError::NothingRecommended(because.to_owned()))?;
                (version.clone(), catalog.release(version))
            }
        };
        Ok(Self { requested: requested.clone(), version, release: release.cloned() })
    }

    /// The feature line of the release.
    #[must_use]
    pub fn line(&self) -> Line {
        self.version.line()
    }
}
