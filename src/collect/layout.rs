//! What shared collectors must know of a product: where its parts are.

use std::path::PathBuf;

use upgrade_readiness_checks::facts::Role;

use super::CollectError;

/// Where the parts of an instance are. Implemented by each product; asked anew at every look.
pub trait Layout: Send + Sync {
    /// A text that stands in the command line of the service's Java process and of no other process,
    /// such as `-Dcatalina.home=/opt/atlassian/confluence`.
    fn service_mark(&self) -> Result<String, CollectError>;

    /// The directories whose sizes and file systems matter.
    fn directories(&self) -> Result<Vec<(Role, PathBuf)>, CollectError>;

    /// What starts the service, for telling who does so.
    fn launch(&self) -> Result<Launch, CollectError>;

    /// Where Java and its options are configured.
    fn java(&self) -> Result<JavaPlaces, CollectError>;
}

/// What starts a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The directory its program is in, as it is configured.
    pub dir: PathBuf,
    /// The scripts in it that start the service.
    pub scripts: &'static [&'static str],
}

/// Where an instance's Java may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JavaPlaces {
    /// Java homes the start scripts name, the one that would be used first.
    pub configured: Vec<PathBuf>,
    /// Java homes that came with the installation.
    pub bundled: Vec<PathBuf>,
    /// The script that sets the options of the virtual machine.
    pub options_script: Option<OptionsScript>,
}

/// A script that sets the options of the virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionsScript {
    /// In the variables Tomcat takes them from.
    Variables(PathBuf),
    /// In the command that starts the machine, which stands in it.
    Command(PathBuf),
}
