//! A Confluence installation as its files describe it: where everything is, and what is configured.
//!
//! It is read anew at each look and remembers nothing. What the files say is neither judged nor
//! completed by asking the running service.

mod cfg_xml;
pub mod index_files;
mod init_properties;
mod layout;
mod license;
pub mod run_user;
pub mod server_xml;
pub mod synchrony;
pub mod versions;

use std::io;
use std::path::{Path, PathBuf};

use upgrade_readiness_checks::facts::FailureKind;

pub use cfg_xml::{CfgXml, parse_cfg_xml};
pub use layout::{SiteLayout, service_mark};
pub use license::SiteLicense;

use crate::collect::CollectError;
use crate::collect::scripts::{Setting, parse_system_property};
use crate::collect::text_file::{ReadTextError, explain_text, read_text};
use crate::collect::xml::{XmlError, xml_remedy};
use crate::config::Instance;

/// Below the home: how Confluence is set up.
pub const CFG_XML: &str = "confluence.cfg.xml";
/// Below the installation directory: where the home is.
const INIT_PROPERTIES: &str = "confluence/WEB-INF/classes/confluence-init.properties";
/// Below the installation directory: connectors and data sources.
pub const SERVER_XML: &str = "conf/server.xml";
/// The property of `confluence.cfg.xml` that sends attachments to Amazon S3.
///
/// <https://confluence.atlassian.com/doc/configuring-s3-object-storage-1206794554.html>
const S3_BUCKET: &str = "confluence.filestore.attachments.s3.bucket.name";

/// An installation as its files describe it.
#[derive(Debug)]
pub struct Site {
    /// Where the program is, as it is configured.
    pub installation_dir: PathBuf,
    /// Where its local home is.
    pub home_dir: PathBuf,
    /// What `confluence.cfg.xml` in the home says.
    pub cfg: CfgXml,
    /// The text of the script that sets the virtual machine's options; empty when there is none, and
    /// taken for empty when it cannot be read.
    options: Result<String, String>,
}

/// Why an installation could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// `confluence.cfg.xml` could not be read.
    #[error("the home is {} according to {stated_by}", home.display())]
    ReadCfg {
        /// The home it should be in.
        home: PathBuf,
        /// Who says so.
        stated_by: String,
        /// Why.
        #[source]
        cause: ReadTextError,
    },
    /// An XML file is not what it should be.
    #[error("reading {}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: XmlError,
    },
    /// A file that might name the home could not be read.
    #[error("finding the home directory")]
    FindHome(#[source] ReadTextError),
    /// No file names the home.
    #[error("no file names the home directory: {} has no confluence.home", init.display())]
    NoHome {
        /// The file that should.
        init: PathBuf,
    },
    /// A directory is named by something only the running service can look up.
    #[error("{place} sets {key} to {value:?}, whose variables are only known to the running service")]
    Computed {
        /// The file.
        place: String,
        /// The key.
        key: String,
        /// What it says.
        value: String,
    },
    /// A directory is named relative to wherever the service was started.
    #[error("{place} sets {key} to {value:?}, which is not an absolute path")]
    NotAbsolute {
        /// The file.
        place: String,
        /// The key.
        key: String,
        /// What it says.
        value: String,
    },
    /// Two homes are named in one script.
    #[error("{place} sets confluence.home to both {first:?} and {second:?}")]
    TwoHomes {
        /// The script.
        place: String,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
}

const SET_HOME: &str = "Set home_dir of the instance in the agent's configuration.";

impl From<SiteError> for CollectError {
    fn from(error: SiteError) -> Self {
        let (kind, remedy) = match &error {
            SiteError::ReadCfg { cause, .. } => (cause.kind(), cause.remedy()),
            SiteError::FindHome(cause) => (cause.kind(), format!("{} Or: {SET_HOME}", cause.remedy())),
            SiteError::Xml { path, cause } => (FailureKind::Malformed, xml_remedy(path, cause)),
            SiteError::NoHome { init } => {
                (FailureKind::Absent, format!("Set confluence.home in {}. Or: {SET_HOME}", init.display()))
            }
            SiteError::TwoHomes { .. } => (FailureKind::Malformed, SET_HOME.to_owned()),
            SiteError::Computed { place, key, .. } | SiteError::NotAbsolute { place, key, .. } => {
                let remedy = if key == init_properties::HOME {
                    SET_HOME.to_owned()
                } else {
                    format!("Write the absolute path of {key} into {place}.")
                };
                (FailureKind::Malformed, remedy)
            }
        };
        Self::new(kind, error, remedy)
    }
}

/// Reads the files of an instance.
pub fn read_site(instance: &Instance) -> Result<Site, SiteError> {
    let installation_dir = instance.installation_dir.clone();
    let script = options_script(&installation_dir);
    let options = match script.as_deref().map_or_else(|| Ok(String::new()), read_text) {
        // The script may name another home than the file that would be asked next.
        Err(error) if instance.home_dir.is_none() => return Err(SiteError::FindHome(error)),
        read => read.map_err(|error| explain_text(&error)),
    };
    let (home_dir, stated_by) = match &instance.home_dir {
        Some(home) => (home.clone(), "the agent's configuration".to_owned()),
        None => find_home(&installation_dir, script.as_deref(), options.as_deref().unwrap_or_default())?,
    };
    let path = home_dir.join(CFG_XML);
    let text =
        read_text(&path).map_err(|cause| SiteError::ReadCfg { home: home_dir.clone(), stated_by, cause })?;
    let cfg = parse_cfg_xml(&text).map_err(|cause| SiteError::Xml { path, cause })?;
    Ok(Site { installation_dir, home_dir, cfg, options })
}

/// The script that sets the virtual machine's options. Both come with every installation.
fn options_script(installation_dir: &Path) -> Option<PathBuf> {
    let (first, second) =
        if cfg!(windows) { ("setenv.bat", "setenv.sh") } else { ("setenv.sh", "setenv.bat") };
    let script = |name: &str| Some(installation_dir.join("bin").join(name));
    // Whoever may not look into bin must learn of it, so only a file that is surely absent is passed over.
    [first, second].into_iter().filter_map(script).find(|path| {
        std::fs::metadata(path).map_or_else(|error| error.kind() == io::ErrorKind::PermissionDenied, |_| true)
    })
}

/// The home, and the file that names it.
///
/// The virtual machine's `-Dconfluence.home` goes before `confluence-init.properties`.
fn find_home(
    installation_dir: &Path,
    script: Option<&Path>,
    options: &str,
) -> Result<(PathBuf, String), SiteError> {
    let key = init_properties::HOME;
    if let Some(script) = script {
        let place = script.display().to_string();
        if let Some(home) = home_option(options, &place)? {
            return Ok((absolute(&home, &place, key)?, place));
        }
    }
    let init = installation_dir.join(INIT_PROPERTIES);
    let text = read_text(&init).map_err(SiteError::FindHome)?;
    let place = init.display().to_string();
    let home = init_properties::parse_home(&text).ok_or(SiteError::NoHome { init })?;
    Ok((absolute(&home, &place, key)?, place))
}

/// The home among the virtual machine's options, when it is there.
fn home_option(options: &str, place: &str) -> Result<Option<String>, SiteError> {
    let place = place.to_owned();
    let key = init_properties::HOME;
    let settings = parse_system_property(options, key);
    let Some(first) = settings.first() else { return Ok(None) };
    // Which of them counts depends on how the script puts them together.
    if let Some(other) = settings.iter().find(|setting| *setting != first) {
        return Err(SiteError::TwoHomes { place, first: short(first.text()), second: short(other.text()) });
    }
    match first {
        Setting::Literal(home) => Ok(Some(home.clone())),
        Setting::Computed(value) => {
            Err(SiteError::Computed { place, key: key.to_owned(), value: short(value) })
        }
    }
}

fn absolute(value: &str, place: &str, key: &str) -> Result<PathBuf, SiteError> {
    let (place, key) = (place.to_owned(), key.to_owned());
    if value.contains("${") {
        return Err(SiteError::Computed { place, key, value: short(value) });
    }
    let path = PathBuf::from(value);
    if !path.is_absolute() || value.contains(char::is_control) {
        return Err(SiteError::NotAbsolute { place, key, value: short(value) });
    }
    Ok(path)
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}

impl Site {
    /// `confluence.cfg.xml` in the local home.
    #[must_use]
    pub fn cfg_path(&self) -> PathBuf {
        self.home_dir.join(CFG_XML)
    }

    /// `conf/server.xml` of the application server.
    #[must_use]
    pub fn server_xml_path(&self) -> PathBuf {
        self.installation_dir.join(SERVER_XML)
    }

    /// The instance is a node of a cluster, also of one with a single node.
    #[must_use]
    pub fn is_clustered(&self) -> bool {
        match self.cfg.property("confluence.cluster") {
            Some(value) => value.trim().eq_ignore_ascii_case("true"),
            None => self.cfg.setup_type.as_deref() == Some("cluster"),
        }
    }

    /// The home all nodes share, when one is configured.
    pub fn shared_home(&self) -> Result<Option<PathBuf>, SiteError> {
        let key = ["confluence.cluster.home", "shared-home"];
        let Some(key) = key.into_iter().find(|key| self.cfg.property(key).is_some()) else { return Ok(None) };
        self.expand(key, &self.home_dir)
    }

    /// What `${confluenceHome}` stands for: the shared home of a cluster, otherwise the local one.
    fn confluence_home(&self) -> Result<PathBuf, SiteError> {
        let shared = if self.is_clustered() { self.shared_home()? } else { None };
        Ok(shared.unwrap_or_else(|| self.home_dir.clone()))
    }

    /// Where attachments are kept; `None` when they are not in the file system.
    pub fn attachments_dir(&self) -> Result<Option<PathBuf>, SiteError> {
        if self.is_set(S3_BUCKET, |_| true) {
            return Ok(None);
        }
        let home = self.confluence_home()?;
        let configured = self.expand("attachments.dir", &home)?;
        Ok(Some(configured.unwrap_or_else(|| home.join("attachments"))))
    }

    /// Where the search index is kept; `None` when an external search engine keeps it.
    pub fn index_dir(&self) -> Result<Option<PathBuf>, SiteError> {
        if self.is_set("search.platform", |value| value.eq_ignore_ascii_case("opensearch")) {
            return Ok(None);
        }
        let configured = self.expand("lucene.index.dir", &self.confluence_home()?)?;
        Ok(Some(configured.unwrap_or_else(|| self.home_dir.join("index"))))
    }

    /// A property of `confluence.cfg.xml`, or of the same name among the virtual machine's options.
    fn is_set(&self, name: &str, wanted: impl Fn(&str) -> bool) -> bool {
        let options = self.options.as_deref().unwrap_or_default();
        let option = parse_system_property(options, name);
        option
            .iter()
            .map(Setting::text)
            .chain(self.cfg.property(name))
            .map(str::trim)
            .any(|value| !value.is_empty() && wanted(value))
    }

    /// A directory named by a property.
    fn expand(&self, key: &str, confluence_home: &Path) -> Result<Option<PathBuf>, SiteError> {
        let Some(value) = self.cfg.property(key) else { return Ok(None) };
        let value = value
            .trim()
            .replace("${localHome}", &self.home_dir.display().to_string())
            .replace("${confluenceHome}", &confluence_home.display().to_string());
        absolute(&value, &self.cfg_path().display().to_string(), key).map(Some)
    }
}

#[cfg(test)]
mod tests;
