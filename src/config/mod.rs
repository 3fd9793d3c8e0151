//! The agent's configuration: what is watched, how often, and where the results go.
//!
//! A file is read in three steps: `raw` has its form, `validate` finds every mistake at once, and
//! what comes out is a [`Config`] without gaps.

mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::Date;
use upgrade_readiness_checks::facts::Product;
use upgrade_readiness_checks::model::{Environment, Policy, Requested};

pub use secret::{SecretError, SecretSource};

/// One instance that is to be upgraded some day.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its name: metric label, argument of commands.
    pub name: String,
    /// The product it runs.
    pub product: Product,
    /// Where the program is.
    pub installation_dir: PathBuf,
    /// Where its home is; when absent, the installation tells.
    pub home_dir: Option<PathBuf>,
    /// The releases to judge.
    pub targets: Vec<Requested>,
    /// The day the upgrade is planned for.
    pub upgrade_on: Option<Date>,
    /// How its HTTP side is reached; `None` switches the sources `application` and `plugins` off.
    pub http: Option<HttpAccess>,
    /// How its database is reached, where this differs from the product's own configuration.
    pub database: DatabaseAccess,
    /// Where plug-in compatibility is looked up.
    pub marketplace: Marketplace,
    /// The operator's limits for this instance.
    pub policy: Policy,
}

impl Instance {
    /// What the instance is for.
    #[must_use]
    pub fn environment(&self) -> Environment {
        self.policy.environment
    }
}

/// How an HTTP service is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpAccess {
    /// Address including the context path: `https://wiki.example.com/confluence`.
    pub base_url: reqwest::Url,
    /// Who asks.
    pub credentials: Credentials,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
}

/// How the agent shows who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// It does not.
    Anonymous,
    /// A personal access token.
    Bearer(SecretSource),
    /// User and password.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: SecretSource,
    },
}

/// How the database is reached; what is absent is taken from the product's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseAccess {
    /// JDBC URL.
    pub url: Option<String>,
    /// Account to look with.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretSource>,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
}

/// Where plug-in compatibility is looked up.
#[derive(Debug, Clone, PartialEq)]
pub enum Marketplace {
    /// Nowhere: only the instance's own update check counts.
    Off,
    /// At this address.
    Online(reqwest::Url),
    /// In a file with the marketplace's JSON, carried in by hand.
    Offline(PathBuf),
}

/// Where the agent listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
}
