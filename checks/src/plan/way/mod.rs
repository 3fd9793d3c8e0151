//! The way from the running release to a target: the releases to stop at, and where Java, database, driver and
//! operating system are changed on it.
//!
//! What runs at any moment is a release together with its platform. A way leads only through such states that
//! nobody confirmed not to work, and of those through the ones of which most is known. Each stop stands for one
//! upgrade with all that belongs to one.

mod arrival;
mod obstacle;
mod parts;
mod search;

use std::fmt;

use crate::catalog::{Catalog, Jump, RollingRule};
use crate::facts::{Missing, Snapshot, Source};
use crate::model::{Requested, Target};
use crate::report::Judge;
use crate::version::ProductVersion;

pub use arrival::on_arrival;
pub use parts::Part;

use obstacle::explain;
use search::{Graph, Lifted};

/// How the new program gets onto the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Method {
    /// Node by node, while the site stays up.
    Rolling,
    /// The vendor's installer replaces the installation.
    Installer,
    /// The archive is unpacked beside the old installation.
    Archive,
}

impl Method {
    /// Every method, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::Rolling, Self::Installer, Self::Archive];

    /// The name used on the command line and in the run book's JSON.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Installer => "installer",
            Self::Archive => "archive",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A way that can be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The release that runs now.
    pub from: ProductVersion,
    /// What is changed below the running release before its first upgrade.
    pub before: Vec<Change>,
    /// The releases that are upgraded to one after the other; the last one is the target.
    pub stops: Vec<Stop>,
    /// How often users cannot work: for each upgrade that is no rolling one, and each change below a release.
    pub outages: usize,
    /// What could not be seen, and so was left out of the search.
    pub unseen: Vec<String>,
}

/// One upgrade on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The release that is upgraded to.
    pub version: ProductVersion,
    /// It belongs to a long-term support line.
    pub long_term_support: bool,
    /// Whether this step is allowed, and who says so.
    pub jump: Jump,
    /// What the vendor says of making it while the site stays up; `None` when nobody says, or on a single node.
    pub rolling: Option<RollingRule>,
    /// What changes in the same step, because no release works with the old and the new one.
    pub with_jump: Vec<Change>,
    /// What is changed while this release runs, before the next upgrade.
    pub then: Vec<Change>,
    /// What is not known to work with this release as it is reached.
    pub doubts: Vec<Doubt>,
}

/// Something below the product that is changed on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub part: Part,
    /// As it is: `11`, `13.4`.
    pub from: String,
    /// What it becomes: `17`, `14`.
    pub to: String,
}

/// Something of which nobody says that a release works with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub part: Part,
    /// Its version.
    pub value: String,
    /// What is known to work, as the catalog has it; empty when nothing is.
    pub known: Vec<String>,
    /// Somebody says that it does not work, which could not be confirmed.
    pub contested: bool,
    /// The vendor's page to look at.
    pub page: Option<String>,
}

/// Why there is no way, and what would open one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoWay {
    /// What stands in the way, as sentences without their full stop.
    pub because: Vec<String>,
    /// What would open a way, as sentences without their full stop; any one of them does, unless `together`.
    pub unless: Vec<String>,
    /// Only all of `unless` together open a way.
    pub together: bool,
}

/// Finds the way to a target; an error when not even the running release is known.
pub fn find(
    judge: &Judge<'_>,
    facts: &Snapshot,
    target: &Target,
    method: Method,
) -> Result<Result<Way, NoWay>, Missing> {
    let running = facts.installation()?.version.read(Source::Installation, "the running version")?;
    if target.version <= *running {
        let because = if target.version == *running {
            format!("{} {running} runs already", facts.product)
        } else {
            format!("{} is older than {running}, which runs, and there is no way back", target.version)
        };
        let unless = format!("a release newer than {running} is chosen: `agent targets` lists them");
        return Ok(Err(NoWay { because: vec![because], unless: vec![unless], together: false }));
    }
    let graph = Graph::of(judge, facts, running, target, method);
    Ok(graph.shortest(Lifted::Nothing).map_or_else(|| Err(explain(&graph)), |way| Ok(graph.way(&way))))
}

/// The release that a version stands for, to be judged as a target of its own.
#[must_use]
pub fn target_of(catalog: &Catalog, version: &ProductVersion) -> Target {
    Target {
        requested: Requested::Version(version.clone()),
        version: version.clone(),
        release: catalog.release(version).cloned(),
    }
}

#[cfg(test)]
mod tests;
