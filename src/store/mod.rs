//! The store: what the agent remembers, in one SQLite file of the state directory.
//!
//! Changes of verdict with their cause, since when verdicts stand, versions that ran, one figure a day, and what
//! people said, of findings and of steps of a run book; what channels were told, and messages on their way. It knows nothing of the board, of schedules or of surfaces: whoever has something to remember
//! brings it, whoever wants to know asks. Everything in it is bounded, see [`Store::forget`].
//!
//! Commits are on disk before they are reported (`synchronous = FULL`): they are few, and neither a killed process
//! nor a power cut may take one back.

mod aside;
mod error;
mod history;
mod memory;
mod open;
mod outbox;
mod steps;
mod stream;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use upgrade_readiness_checks::facts::Memory;

pub use aside::{SetAsideError, set_aside};
pub use error::StoreError;
pub use history::{Batch, Change, KEPT_CHANGES_OF_A_CHECK, State, Wanted};
pub use memory::MOST_POINTS;
pub use outbox::{ChannelState, ConditionKey, Message, OutboxChange, Told};
pub use steps::MOST_STEPS;
pub use stream::Numbered;
pub use words::{Kind, MOST_WORDS, Subject, Word};

/// Days for which changes, figures, words that were taken back, marks of steps and states of targets nobody judges any
/// more are kept.
pub const KEPT_DAYS: i32 = 400;

/// What is remembered of every instance, by its name.
pub type Memories = Arc<BTreeMap<String, Arc<Memory>>>;

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: SqliteConnection,
    /// What SQLite said the last time it was asked whether others have written.
    data_version: Option<i64>,
    /// Device and number of the file that was opened.
    file: (u64, u64),
}

impl Store {
    /// Whether another process has written since this was asked last; the first time it is `true`.
    pub async fn has_news(&mut self) -> Result<bool, StoreError> {
        // A file that was removed takes whatever is written, and nobody will ever see it.
        if open::number_of(&self.path) != Some(self.file) {
            return Err(StoreError::Gone { path: self.path.clone() });
        }
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|cause| StoreError::of(&self.path, "looking for what others wrote into", cause))?;
        Ok(self.data_version.replace(version) != Some(version))
    }

    /// Closes it, so that nothing is left to be done at the next start.
    pub async fn close(self) -> Result<(), StoreError> {
        let Self { path, connection, .. } = self;
        connection.close().await.map_err(|cause| StoreError::of(&path, "closing", cause))
    }
}

/// A moment as it stands in the store. Moments before 1677 and after 2262 become the nearest that can be kept.
fn to_store(at: Timestamp) -> i64 {
    let nanoseconds = at.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

fn from_store(at: i64) -> Timestamp {
    // Every i64 of nanoseconds is a moment that can be told.
    Timestamp::from_nanosecond(i128::from(at)).unwrap_or_default()
}

fn day_of(at: Timestamp) -> Date {
    jiff::tz::TimeZone::UTC.to_datetime(at).date()
}

/// The first characters of a text of somebody else.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
