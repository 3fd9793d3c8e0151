//! Where the staging instance is, on which the upgrade is tried.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::HttpAccess;
use super::raw::RawAccess;
use super::validate::Validation;

/// The staging instance on which the upgrade is tried, as the agent that watches it tells. Give `base_url` or `file`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRehearsal {
    /// Its name there; may be left out when that agent watches only one instance.
    instance: Option<String>,
    /// Address of the agent that watches it, such as `http://staging.example.com:9977`.
    base_url: Option<String>,
    /// File with a bearer token for that agent.
    token_file: Option<String>,
    /// Environment variable with a bearer token.
    token_env: Option<String>,
    /// systemd credential with a bearer token.
    token_credential: Option<String>,
    /// User name for that agent.
    username: Option<String>,
    /// File with the password.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// systemd credential with the password.
    password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    ca_file: Option<String>,
    /// A copy of that agent's status file.
    file: Option<String>,
}

/// Where the state of the staging instance is read.
#[derive(Debug, Clone, PartialEq)]
pub struct StagingPlace {
    /// Its name there; the only one when absent.
    pub instance: Option<String>,
    /// Where its state is.
    pub at: StagingAt,
}

/// A way to the status of another agent.
#[derive(Debug, Clone, PartialEq)]
pub enum StagingAt {
    /// Asked over HTTP.
    Http(HttpAccess),
    /// Read from a copy of the status file.
    File(PathBuf),
}

impl Validation {
    pub(super) fn rehearsal(&mut self, key: &str, raw: RawRehearsal) -> Option<StagingPlace> {
        let RawRehearsal { instance, base_url, file, .. } = raw;
        let at = match (base_url, file) {
            (Some(base_url), None) => StagingAt::Http(self.access(
                key,
                RawAccess {
                    base_url,
                    token_file: raw.token_file,
                    token_env: raw.token_env,
                    token_credential: raw.token_credential,
                    username: raw.username,
                    password_file: raw.password_file,
                    password_env: raw.password_env,
                    password_credential: raw.password_credential,
                    ca_file: raw.ca_file,
                },
            )?),
            (None, Some(file)) => StagingAt::File(self.path(&format!("{key}.file"), &file)),
            (Some(_), Some(_)) => {
                self.problem(key, "has both base_url and file; give one of them");
                return None;
            }
            (None, None) => {
                self.problem(
                    key,
                    "must say where the staging instance is watched: base_url of that agent, or file with a copy of its status file",
                );
                return None;
            }
        };
        Some(StagingPlace { instance, at })
    }
}
