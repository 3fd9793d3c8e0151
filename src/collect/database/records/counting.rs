//! The exact number of rows of the main tables, for who compares an instance before and after an upgrade.
//!
//! A server must walk through a whole table for that, so it is done only when a person asks, and ends within a time: what
//! could not be counted by then is unread, and the rest of the look stands.

use std::time::Duration;

use tokio::time::Instant;
use upgrade_readiness_checks::facts::{Field, TableRows};

use super::super::gap::Gap;
use super::asker::Asker;

/// Whether the rows of the product's main tables are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowCounts {
    /// They are not: a look that comes again and again.
    #[default]
    Leave,
    /// They are, within the usual limits: somebody wants to compare later.
    Count,
    /// They are, within these limits.
    CountWithin(CountLimits),
}

impl RowCounts {
    /// How long counting may take; `None` when nothing is counted.
    #[must_use]
    pub fn limits(self) -> Option<CountLimits> {
        match self {
            Self::Leave => None,
            Self::Count => Some(CountLimits::default()),
            Self::CountWithin(limits) => Some(limits),
        }
    }
}

/// How long counting rows may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountLimits {
    /// For one table; the server itself ends what takes longer.
    pub table: Duration,
    /// For all of them.
    pub whole: Duration,
}

impl Default for CountLimits {
    fn default() -> Self {
        Self { table: Duration::from_mins(5), whole: Duration::from_mins(15) }
    }
}

/// Counts the rows of each table that is there.
pub(in crate::collect::database) async fn count_rows(
    asker: &mut Asker<'_>,
    tables: &[&str],
    limits: CountLimits,
) -> Result<Vec<TableRows>, sqlx::Error> {
    let by = Instant::now() + limits.whole;
    let mut counted = Vec::new();
    for wanted in tables {
        let found = asker.table(wanted).await;
        let (table, rows) = match asker.settle(found).await? {
            Field::Read(None) => continue,
            Field::Unread(why) => ((*wanted).to_owned(), Field::Unread(why)),
            Field::Read(Some(table)) => {
                let left = by.saturating_duration_since(Instant::now()).min(limits.table);
                let rows = if left.is_zero() {
                    Err(Gap::Unread(format!("counting all tables took longer than {:?}", limits.whole)))
                } else {
                    asker.count_all(&table, left).await
                };
                let rows = asker.settle(rows).await?;
                (table.name, rows)
            }
        };
        counted.push(TableRows { table, rows });
    }
    Ok(counted)
}
