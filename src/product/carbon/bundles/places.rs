//! Where a Carbon home has its bundles and its plain jars.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::FailureKind;

use crate::chain::Chain;
use crate::collect::kind_of_io;
use crate::collect::notebook::Stamp;

/// More jars than any directory of a product has.
const MOST_JARS: usize = 5_000;

/// Profiles, patches and service packs that are looked at, at most.
const MOST_DIRECTORIES: usize = 1_000;

/// Where the components of a product are; the Enterprise Integrator 6 keeps several runtimes beside each other.
const COMPONENTS: [&str; 2] = ["repository/components", "wso2/components"];

/// The directory of the Enterprise Integrator's runtimes, beside which it keeps `dropins` and `lib`.
const SHARED: &str = "wso2/components";

/// The list of a profile, below its directory.
const LIST: &str = "configuration/org.eclipse.equinox.simpleconfigurator/bundles.info";

/// The profile a product starts with unless it is told another.
const DEFAULT_PROFILE: &str = "default";

/// Why the jars of a home cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("looking for the components of {}", home.display())]
    NoHome {
        home: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("listing {}", path.display())]
    List {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{} has more than {most} of what is looked for", path.display())]
    TooMany { path: PathBuf, most: usize },
    #[error("there is no {}", path.display())]
    NoList { path: PathBuf },
}

impl PlaceError {
    /// The kind of failure it is.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::NoHome { cause, .. } | Self::List { cause, .. } => kind_of_io(cause),
            Self::TooMany { .. } => FailureKind::Malformed,
            Self::NoList { .. } => FailureKind::Absent,
        }
    }

    /// It and its cause in one line.
    pub(super) fn line(&self) -> String {
        Chain(self).to_string()
    }
}

/// A jar of a home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JarFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The same, below the home.
    pub(super) below: String,
    /// Its name.
    pub(super) name: String,
    /// What differs when it has changed, and how long it is; an error when that could not be seen.
    pub(super) stamp: Result<(Stamp, u64), String>,
}

/// Directories of a home, for one purpose each.
#[derive(Debug, Clone)]
pub(super) struct Places {
    home: PathBuf,
    components: &'static str,
}

impl Places {
    /// Those of a home; an error when it has no components, so that it is no home.
    pub(super) fn of(home: &Path) -> Result<Self, PlaceError> {
        let mut first = None;
        for components in COMPONENTS {
            match fs::metadata(home.join(components)) {
                Ok(found) if found.is_dir() => return Ok(Self { home: home.to_owned(), components }),
                Ok(_) => {}
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        let cause = first.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotADirectory, "not a directory"));
        Err(PlaceError::NoHome { home: home.to_owned(), cause })
    }

    /// Where the components are.
    pub(super) fn components(&self) -> PathBuf {
        self.home.join(self.components)
    }

    /// The bundles of the distribution.
    pub(super) fn plugins(&self) -> Result<Vec<JarFile>, PlaceError> {
        self.jars(&[&format!("{}/plugins", self.components)])
    }

    /// Bundles of people, and those the product makes.
    pub(super) fn dropins(&self) -> Result<Vec<JarFile>, PlaceError> {
        self.shared("dropins")
    }

    /// Plain jars that are wrapped into bundles.
    pub(super) fn library(&self) -> Result<Vec<JarFile>, PlaceError> {
        self.shared("lib")
    }

    /// Plain jars that become part of the framework.
    pub(super) fn extensions(&self) -> Result<Vec<JarFile>, PlaceError> {
        self.jars(&[&format!("{}/extensions", self.components)])
    }

    fn shared(&self, name: &str) -> Result<Vec<JarFile>, PlaceError> {
        let own = format!("{}/{name}", self.components);
        if self.components == SHARED { self.jars(&[&own, name]) } else { self.jars(&[&own]) }
    }

    /// Jars of patches and service packs in the order in which the next start copies them over the plug-ins; the
    /// directory of what they replaced is none of them.
    pub(super) fn patches(&self) -> Result<Vec<JarFile>, PlaceError> {
        let mut jars = Vec::new();
        for (directory, inside) in [("servicepacks", "/lib"), ("patches", "")] {
            let below = format!("{}/{directory}", self.components);
            for name in self.directories(&below)? {
                let is_one = name.starts_with("patch") || name.starts_with("servicepack");
                if is_one && name != "patch0000" {
                    jars.extend(self.jars(&[&format!("{below}/{name}{inside}")])?);
                }
            }
        }
        Ok(jars)
    }

    /// The list a product starts from: that of the default profile, else of the first that has one.
    pub(super) fn list(&self) -> Result<PathBuf, PlaceError> {
        let file = |profile: &str| self.components().join(profile).join(LIST);
        let usual = file(DEFAULT_PROFILE);
        match fs::metadata(&usual) {
            Ok(_) => return Ok(usual),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(PlaceError::List { path: usual, cause }),
        }
        let profiles = self.directories(self.components)?;
        let other = profiles.iter().map(|profile| file(profile)).find(|file| file.is_file());
        other.ok_or(PlaceError::NoList { path: usual })
    }

    /// Names of the directories in a directory, sorted; none when it is not there.
    fn directories(&self, below: &str) -> Result<Vec<String>, PlaceError> {
        let mut names = Vec::new();
        let directory = self.home.join(below);
        for entry in entries(&directory)? {
            let entry = entry.map_err(|cause| PlaceError::List { path: directory.clone(), cause })?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
            if names.len() > MOST_DIRECTORIES {
                return Err(PlaceError::TooMany { path: directory, most: MOST_DIRECTORIES });
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The jars in some directories, by name; none where there is no such directory.
    fn jars(&self, directories: &[&str]) -> Result<Vec<JarFile>, PlaceError> {
        let mut jars = BTreeMap::new();
        for below in directories {
            let directory = self.home.join(below);
            for entry in entries(&directory)? {
                let entry = entry.map_err(|cause| PlaceError::List { path: directory.clone(), cause })?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_jar = Path::new(&name).extension().is_some_and(|end| end.eq_ignore_ascii_case("jar"));
                if !is_jar {
                    continue;
                }
                let path = entry.path();
                // Through a link: the product reads what it leads to.
                let stamp = match fs::metadata(&path) {
                    Ok(found) if found.is_dir() => continue,
                    Ok(found) if found.is_file() => Ok((Stamp::of(&found), found.len())),
                    Ok(_) => Err("not a regular file".to_owned()),
                    Err(error) => Err(error.to_string()),
                };
                let below = format!("{below}/{name}");
                jars.insert(below.clone(), JarFile { path, below, name, stamp });
                if jars.len() > MOST_JARS {
                    return Err(PlaceError::TooMany { path: directory, most: MOST_JARS });
                }
            }
        }
        Ok(jars.into_values().collect())
    }
}

/// What is in a directory; nothing when there is none.
fn entries(directory: &Path) -> Result<impl Iterator<Item = io::Result<fs::DirEntry>> + use<>, PlaceError> {
    match fs::read_dir(directory) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(cause) => Err(PlaceError::List { path: directory.to_owned(), cause }),
    }
}
