//! Where Confluence keeps its licence: in `confluence.cfg.xml`.

use std::sync::Arc;

use secrecy::SecretString;

use super::read_site;
use crate::collect::CollectError;
use crate::config::Instance;
use crate::product::confluence::license::{LicenseDirectory, LicensePlace};

/// Reads the licence text from an instance's configuration.
#[derive(Debug)]
pub struct SiteLicense {
    instance: Arc<Instance>,
}

impl SiteLicense {
    /// The licence of an instance; the file is read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl LicenseDirectory for SiteLicense {
    fn license(&self) -> Result<LicensePlace, CollectError> {
        let site = read_site(&self.instance)?;
        Ok(LicensePlace {
            place: site.cfg_path().display().to_string(),
            text: site.cfg.property("atlassian.license.message").map(SecretString::from),
            legacy: site.cfg.property("confluence.license.message").is_some(),
        })
    }
}
