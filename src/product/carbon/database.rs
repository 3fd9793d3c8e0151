//! The way to the databases of a Carbon product, as its data sources describe it.

use std::sync::Arc;

use upgrade_readiness_checks::facts::FailureKind;

use crate::collect::CollectError;
use crate::collect::database::{DatabaseDirectory, Directions};
use crate::config::Instance;

/// The database of user management, which every Carbon product has.
#[derive(Debug)]
pub struct MainDatabase {
    instance: Arc<Instance>,
}

impl MainDatabase {
    /// The main database of an instance; its files are read at each question.
    #[must_use]
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl DatabaseDirectory for MainDatabase {
    fn directions(&self) -> Result<Directions, CollectError> {
        let home = self.instance.installation_dir.display();
        Err(CollectError::new(FailureKind::Internal, format!("the data sources of {home} are not read"), ""))
    }
}
