//! Configuration of four homes side by side: untouched and running, untouched new and prepared.

use serde::{Deserialize, Serialize};

use super::Field;

/// Configuration side by side. Only what is not the same everywhere is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Drift {
    /// The untouched release that runs: the archive or directory.
    pub base: String,
    /// The release that says it is; `None` when it does not tell.
    pub base_release: Option<String>,
    /// The untouched new release: the archive or directory.
    pub target: String,
    /// The release that says it is; `None` when it does not tell.
    pub target_release: Option<String>,
    /// The running release is configured by XML files and the new one by `deployment.toml`, from which XML is made.
    pub becomes_toml: bool,
    /// Files that were compared.
    pub files: u64,
    /// Settings that differ somewhere; at most [`Drift::MOST`], first those in which a home is not as it came.
    pub settings: Vec<DriftSetting>,
    /// How many there are, listed or not.
    pub count: u64,
    /// Files of the prepared home that equal those of the running home byte for byte, although the vendor changed them.
    pub copied_whole: Vec<String>,
    /// Files that could not be compared setting by setting: the file, and why.
    pub unread: Vec<(String, String)>,
}

impl Drift {
    /// Settings that are listed; more are only counted.
    pub const MOST: usize = 1000;
}

/// One setting in the four homes; `None` is where it is absent. Secrets stand as `***`, told apart by a number: `***2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DriftSetting {
    /// The file, below the home: `repository/conf/carbon.xml`.
    pub file: String,
    /// Where in the file: `Server/Ports/Offset`. Empty is the file as a whole: that it is there, or its content where
    /// that cannot be taken apart.
    pub path: String,
    /// In the untouched release that runs.
    pub base: Option<String>,
    /// In the running home.
    pub local: Option<String>,
    /// In the untouched new release.
    pub target: Option<String>,
    /// In the prepared home; unread when it could not be read there.
    pub prepared: Field<Option<String>>,
    /// What the new release calls it, when it renames it; the value of the prepared home is then of that name.
    pub renamed_to: Option<String>,
}
