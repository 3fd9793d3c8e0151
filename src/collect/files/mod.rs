//! Files of an installation beside what they should be: modified, removed, added.
//!
//! Three things are compared with: the hashes a vendor ships with its product, an untouched copy of the same
//! release (a directory, or an archive that stays packed), and, where there is neither, a list of hashes this
//! program took itself when it looked first. That list is begun anew when another release is installed, and
//! never otherwise: what was changed since does not become the rule by waiting.
//!
//! Names and stamps are read at every look; contents only of files whose stamp is new. Links are not
//! followed, and nothing of what is watched is written.

mod archive;
mod compare;
mod digest;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod hashes;
mod look;
mod manifest;
mod name;
mod pristine;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use glob::Pattern;
use jiff::Timestamp;
use upgrade_readiness_checks::facts::{Section, Source};

use super::blocking::Lookout;
use super::{CollectError, Collector};

pub use digest::Digest;
pub use hashes::{Mark, Marks, hash_directory};

/// What a product knows of its files. Asked anew at each look.
pub trait Anatomy: Send + Sync {
    /// What there is to compare.
    fn survey(&self) -> Result<Survey, CollectError>;
}

/// The files of an installation, and what they can be compared with.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Where the installation is.
    pub root: PathBuf,
    /// The release that is installed, or why that is not known.
    pub release: Result<String, String>,
    /// The part whose hashes the vendor ships; `None` when it ships none with this product.
    pub vendor: Option<VendorHashes>,
    /// Directories that only some ways to install bring: an untouched copy without them says nothing of them.
    pub optional: &'static [&'static str],
    /// Files and directories that the running service writes: no part of the program.
    pub written: &'static [&'static str],
    /// What the operator leaves out, relative to the root.
    pub ignore: Vec<Pattern>,
    /// The untouched copy: a directory or an archive.
    pub pristine: Option<PathBuf>,
    /// Where a copy tells its release.
    pub marker: ReleaseMarker,
}

/// Hashes a vendor ships with its product.
#[derive(Debug, Clone, Copy)]
pub struct VendorHashes {
    /// The directory they are for, below the root.
    pub below: &'static str,
    /// The file they stand in, below the root.
    pub file: &'static str,
    /// Reads that file.
    pub parse: fn(&str) -> Result<VendorList, String>,
}

/// A vendor's list of hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorList {
    /// The hash of each file, by its path below the directory the list is for. What can be no file there, such as
    /// a path with `..`, is left out and counted later.
    pub hashes: BTreeMap<String, Digest>,
    /// Entries that are no hash of a file.
    pub strange: u64,
}

/// How a copy of the installation tells its release.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseMarker {
    /// A small file in it, below its root.
    pub file: &'static str,
    /// What that file says.
    pub parse: fn(&str) -> Option<String>,
    /// What the name of the archive or of its directory says.
    pub parse_name: fn(&str) -> Option<String>,
}

/// Looks at the files of an installation.
pub struct FilesCollector {
    anatomy: Arc<dyn Anatomy>,
    cache_dir: Option<PathBuf>,
    kept_dir: Option<PathBuf>,
    lookout: Lookout,
}

impl FilesCollector {
    /// A collector that keeps what it learned, and its own lists of hashes, in `cache_dir`.
    #[must_use]
    pub fn new(anatomy: Arc<dyn Anatomy>, cache_dir: Option<PathBuf>) -> Self {
        Self { anatomy, cache_dir, kept_dir: None, lookout: Lookout::default() }
    }

    /// Compares with the lists of hashes a daemon keeps in this directory, without beginning any.
    #[must_use]
    pub fn with_lists_kept_in(self, kept_dir: Option<PathBuf>) -> Self {
        Self { kept_dir, ..self }
    }
}

#[async_trait]
impl Collector for FilesCollector {
    fn source(&self) -> Source {
        Source::Files
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let anatomy = Arc::clone(&self.anatomy);
        let (cache_dir, kept_dir) = (self.cache_dir.clone(), self.kept_dir.clone());
        self.lookout
            .run(move |stop| {
                let survey = anatomy.survey()?;
                let cache = look::Cache { own: cache_dir.as_deref(), kept: kept_dir.as_deref() };
                let files = look::look(&survey, cache, Timestamp::now(), stop)?;
                Ok(Section::Files(files))
            })
            .await
    }
}

#[cfg(test)]
mod tests;
