//! Every database of a Carbon product: that of user management first, then each other one its data sources lead to.

use std::sync::Arc;

use async_trait::async_trait;
use upgrade_readiness_checks::facts::{
    Database, FailureKind, Field, OtherDatabase, Section, Sessions, Source,
};

use super::database::{HomeDatabase, MainDatabase, databases};
use super::tables::TABLES;
use crate::collect::database::{DatabaseCollector, DatabaseDirectory, RowCounts, TimeLimits};
use crate::collect::{CollectError, Collector};
use crate::config::Instance;

/// Databases that are asked; a product has one to four.
const MOST_DATABASES: usize = 12;

/// Asks every database of a Carbon product. When the main one cannot be asked, the source fails.
pub struct DatabasesCollector {
    instance: Arc<Instance>,
    counts: RowCounts,
    limits: TimeLimits,
}

impl DatabasesCollector {
    /// A collector for the databases of an instance, which counts rows or does not.
    #[must_use]
    pub fn new(instance: Arc<Instance>, counts: RowCounts) -> Self {
        Self { instance, counts, limits: TimeLimits::default() }
    }

    /// The same with other time limits for each database.
    #[must_use]
    pub fn with_time_limits(self, limits: TimeLimits) -> Self {
        Self { limits, ..self }
    }

    async fn ask(&self, directory: Arc<dyn DatabaseDirectory>) -> Result<Database, CollectError> {
        let collector = DatabaseCollector::new(directory, None)
            .with_kernel_tables(&TABLES)
            .with_row_counts(self.counts)
            .with_watched_silence(Sessions::APART)
            .with_time_limits(self.limits);
        Box::pin(collector.look()).await
    }

    async fn ask_other(&self, other: HomeDatabase) -> OtherDatabase {
        let HomeDatabase { name, config, directory, .. } = other;
        let facts = match self.ask(directory).await {
            Ok(database) => Field::Read(Box::new(database)),
            Err(error) => Field::Unread(error.into_failure().message),
        };
        OtherDatabase { name, config, facts }
    }

    async fn others(&self) -> Result<Vec<HomeDatabase>, CollectError> {
        let instance = self.instance.clone();
        let reading =
            tokio::task::spawn_blocking(move || databases(&instance.installation_dir, &instance.database));
        let found =
            reading.await.map_err(|broken| CollectError::new(FailureKind::Internal, broken, ""))??;
        let others: Vec<HomeDatabase> = found.into_iter().skip(1).collect();
        if others.len() > MOST_DATABASES {
            let what = format!(
                "the data sources lead to {} databases, and the agent asks {MOST_DATABASES}",
                others.len()
            );
            return Err(CollectError::new(FailureKind::Malformed, what, "Remove data sources nobody uses."));
        }
        Ok(others)
    }
}

#[async_trait]
impl Collector for DatabasesCollector {
    fn source(&self) -> Source {
        Source::Database
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        let others = self.others().await?;
        let main: Arc<dyn DatabaseDirectory> = Arc::new(MainDatabase::new(self.instance.clone()));
        // One after the other would add up their time limits.
        let asking = others.into_iter().map(|other| self.ask_other(other));
        let (main, others) = tokio::join!(self.ask(main), futures_util::future::join_all(asking));
        Ok(Section::Database(Box::new(Database { others, ..main? })))
    }
}
