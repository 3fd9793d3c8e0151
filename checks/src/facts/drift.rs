//! Configuration of four homes side by side: untouched and running, untouched new and prepared.

use serde::{Deserialize, Serialize};

use super::Field;

/// Configuration side by side. Only what is not the same everywhere is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The untouched release that runs.
    pub base: String,
    /// The untouched new release.
    pub target: String,
    /// Files that were compared.
    pub files: u64,
    /// Settings that differ somewhere; at most [`Drift::MOST`].
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
    pub const MOST: usize = 500;
}

/// One setting in the four homes; `None` is where it is absent. Secrets stand as `***`, told apart by a number: `***2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftSetting {
    /// The file, below the configuration directory.
    pub file: String,
    /// Where in the file: `Server/Ports/Offset`.
    pub path: String,
    /// In the untouched release that runs.
    pub base: Option<String>,
    /// In the running home.
    pub local: Option<String>,
    /// In the untouched new release.
    pub target: Option<String>,
    /// In the prepared home; unread when it could not be read there.
    pub prepared: Field<Option<String>>,
}
