//! Where Confluence keeps its licence: in `confluence.cfg.xml`.

use std::sync::Arc;

use secrecy::SecretString;

use super::read_site;
use crate::collect::CollectError;
use crate::config::Instance;
use crate::product::confluence::license::{LicenseDirectory, LicensePlace, read_at_hand};

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
        let text = site.cfg.property("atlassian.license.message").map(SecretString::from);
        Ok(LicensePlace {
            place: site.cfg_path().display().to_string(),
            at_hand: read_at_hand(self.instance.license_file.as_deref(), text.as_ref()),
            text,
            legacy: site.cfg.property("confluence.license.message").is_some(),
        })
    }
}
