//! The changes of verdict as a stream that somebody else copies: every one, in order, from where he stopped.
//!
//! Nothing is written for it: the reader knows how far he got.

use jiff::Timestamp;
use sqlx::Row as _;

use super::history::read_change;
use super::{Change, Store, StoreError, from_store};

/// A change and its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Its place; they grow, and may leave gaps.
    pub sequence: i64,
    /// The change.
    pub change: Change,
}

impl Store {
    /// The name of this file's stream: another one when the file was begun anew.
    pub async fn stream(&mut self) -> Result<String, StoreError> {
        sqlx::query_scalar("SELECT id FROM stream")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|cause| StoreError::of(&self.path, "reading the name of", cause))
    }

    /// The place of the newest change; 0 without any.
    pub async fn newest(&mut self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM change")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|cause| StoreError::of(&self.path, "reading the history in", cause))
    }

    /// The changes behind a place, the oldest first, at most so many.
    pub async fn changes_after(&mut self, sequence: i64, most: u32) -> Result<Vec<Numbered>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance, target, check_id, at, before, after, cause, observed, id FROM change \
             WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind(sequence)
        .bind(most)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| {
            rows.iter()
                .map(|row| Ok(Numbered { sequence: row.try_get(8)?, change: read_change(row)? }))
                .collect()
        })
        .map_err(|cause| StoreError::of(&self.path, "reading the history in", cause))
    }

    /// How many changes stand behind a place, and when the first of them happened.
    pub async fn behind(&mut self, sequence: i64) -> Result<(u64, Option<Timestamp>), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "counting the history in", cause);
        let row = sqlx::query("SELECT count(*), min(at) FROM change WHERE id > ?")
            .bind(sequence)
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed)?;
        let count: i64 = row.try_get(0).map_err(failed)?;
        let oldest: Option<i64> = row.try_get(1).map_err(failed)?;
        Ok((u64::try_from(count).unwrap_or(0), oldest.map(from_store)))
    }
}
