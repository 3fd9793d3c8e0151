//! What channels were told, and messages on their way: written in one transaction, so that a killed process neither
//! loses a message nor tells it twice under another id.
//!
//! What a message says is its channel's affair: here it is a text.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::Connection as _;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Store, StoreError, from_store, to_store};

/// So many messages of all channels and so many conditions of a channel are read: more are never written.
const MOST_READ: i64 = 100_000;

/// What a condition is about, for one channel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConditionKey {
    /// The instance; empty for what is about the agent.
    pub instance: String,
    /// The target; empty for what is about no target.
    pub target: String,
    /// Name of the alert.
    pub alert: String,
    /// The check, or empty.
    pub check: String,
    /// What inside of it, or empty.
    pub subject: String,
}

/// A condition a channel was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Since when it stands.
    pub began_at: Timestamp,
    /// When it ended, while the receiver does not know yet.
    pub ended_at: Option<Timestamp>,
    /// What was told of it.
    pub content: String,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id: the same at every attempt.
    pub id: String,
    /// The channel.
    pub channel: String,
    /// The instance it is about; empty when it is about several, or about the agent.
    pub instance: String,
    /// The target it is about, or empty.
    pub target: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When the oldest of what it tells was first to be told.
    pub since: Timestamp,
    /// What it says.
    pub content: String,
}

/// How sending through a channel goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Its name.
    pub name: String,
    /// When it first had something to say.
    pub began_at: Timestamp,
    /// When something last got through.
    pub sent_at: Option<Timestamp>,
    /// What was answered then.
    pub answer: Option<String>,
    /// Since when nothing gets through.
    pub failing_since: Option<Timestamp>,
    /// Why.
    pub trouble: Option<String>,
    /// How often it was tried since.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// Messages that were given up and that nobody was told of yet.
    pub given_up: u32,
}

/// What changes at once. All of it is about one channel.
#[derive(Debug, Clone, Default)]
pub struct OutboxChange {
    /// The channel as it is from now on.
    pub state: Option<ChannelState>,
    /// Conditions it was told of, or will be by a message of this change.
    pub told: Vec<(ConditionKey, Told)>,
    /// Conditions it need not remember any more.
    pub forgotten: Vec<ConditionKey>,
    /// Messages that were delivered, given up, or taken into another.
    pub done: Vec<String>,
    /// Messages to send.
    pub new: Vec<Message>,
}

impl OutboxChange {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { state, told, forgotten, done, new } = self;
        state.is_none() && told.is_empty() && forgotten.is_empty() && done.is_empty() && new.is_empty()
    }
}

impl Store {
    /// Every channel there ever was and is not forgotten, by name.
    pub async fn channels(&mut self) -> Result<Vec<ChannelState>, StoreError> {
        let rows = sqlx::query(
            "SELECT name, began_at, sent_at, answer, failing_since, trouble, attempts, next_at, given_up \
             FROM channel ORDER BY name LIMIT ?",
        )
        .bind(MOST_READ)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read_channel).collect()).map_err(|cause| self.unread(cause))
    }

    /// What a channel was told and not told the end of.
    pub async fn told(&mut self, channel: &str) -> Result<Vec<(ConditionKey, Told)>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance, target, alert, check_id, subject, began_at, ended_at, content FROM told \
             WHERE channel = ? ORDER BY instance, target, alert, check_id, subject LIMIT ?",
        )
        .bind(channel)
        .bind(MOST_READ)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read_told).collect()).map_err(|cause| self.unread(cause))
    }

    /// Messages on their way, the oldest first; of one channel or of all.
    pub async fn messages(&mut self, channel: Option<&str>) -> Result<Vec<Message>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, channel, instance, target, made_at, since, content FROM message \
             WHERE channel = coalesce(?, channel) ORDER BY since, made_at, id LIMIT ?",
        )
        .bind(channel)
        .bind(MOST_READ)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read_message).collect()).map_err(|cause| self.unread(cause))
    }

    /// Writes a change of one channel, all of it or nothing.
    pub async fn change_outbox(&mut self, channel: &str, change: &OutboxChange) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "writing messages into", cause);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        write(&mut transaction, channel, change).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Lets go of channels that are not configured any more; how many messages of theirs were on their way.
    pub async fn keep_channels(&mut self, names: &BTreeSet<String>) -> Result<u64, StoreError> {
        let known = serde_json::to_string(names).unwrap_or_default();
        let failed = |cause| StoreError::of(&self.path, "forgetting channels in", cause);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        let mut lost = 0;
        for (statement, counts) in [
            ("DELETE FROM message WHERE channel NOT IN (SELECT value FROM json_each(?))", true),
            ("DELETE FROM told WHERE channel NOT IN (SELECT value FROM json_each(?))", false),
            ("DELETE FROM channel WHERE name NOT IN (SELECT value FROM json_each(?))", false),
        ] {
            let done =
                sqlx::query(statement).bind(&known).execute(&mut *transaction).await.map_err(failed)?;
            if counts {
                lost = done.rows_affected();
            }
        }
        transaction.commit().await.map_err(failed)?;
        Ok(lost)
    }

    fn unread(&self, cause: sqlx::Error) -> StoreError {
        StoreError::of(&self.path, "reading the messages in", cause)
    }
}

async fn write(
    connection: &mut SqliteConnection,
    channel: &str,
    change: &OutboxChange,
) -> Result<(), sqlx::Error> {
    for id in &change.done {
        sqlx::query("DELETE FROM message WHERE id = ?").bind(id).execute(&mut *connection).await?;
    }
    for key in &change.forgotten {
        sqlx::query(
            "DELETE FROM told WHERE channel = ? AND instance = ? AND target = ? AND alert = ? AND check_id = ? \
             AND subject = ?",
        )
        .bind(channel)
        .bind(&key.instance)
        .bind(&key.target)
        .bind(&key.alert)
        .bind(&key.check)
        .bind(&key.subject)
        .execute(&mut *connection)
        .await?;
    }
    for (key, told) in &change.told {
        sqlx::query(
            "INSERT OR REPLACE INTO told (channel, instance, target, alert, check_id, subject, began_at, ended_at, \
             content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(channel)
        .bind(&key.instance)
        .bind(&key.target)
        .bind(&key.alert)
        .bind(&key.check)
        .bind(&key.subject)
        .bind(to_store(told.began_at))
        .bind(told.ended_at.map(to_store))
        .bind(&told.content)
        .execute(&mut *connection)
        .await?;
    }
    for message in &change.new {
        sqlx::query(
            "INSERT INTO message (id, channel, instance, target, made_at, since, content) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&message.id)
        .bind(channel)
        .bind(&message.instance)
        .bind(&message.target)
        .bind(to_store(message.made_at))
        .bind(to_store(message.since))
        .bind(&message.content)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(state) = &change.state {
        sqlx::query(
            "INSERT OR REPLACE INTO channel (name, began_at, sent_at, answer, failing_since, trouble, attempts, \
             next_at, given_up) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(channel)
        .bind(to_store(state.began_at))
        .bind(state.sent_at.map(to_store))
        .bind(&state.answer)
        .bind(state.failing_since.map(to_store))
        .bind(&state.trouble)
        .bind(state.attempts)
        .bind(state.next_at.map(to_store))
        .bind(state.given_up)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn moment(row: &SqliteRow, column: usize) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(from_store))
}

fn read_channel(row: &SqliteRow) -> Result<ChannelState, sqlx::Error> {
    Ok(ChannelState {
        name: row.try_get(0)?,
        began_at: from_store(row.try_get(1)?),
        sent_at: moment(row, 2)?,
        answer: row.try_get(3)?,
        failing_since: moment(row, 4)?,
        trouble: row.try_get(5)?,
        attempts: row.try_get(6)?,
        next_at: moment(row, 7)?,
        given_up: row.try_get(8)?,
    })
}

fn read_told(row: &SqliteRow) -> Result<(ConditionKey, Told), sqlx::Error> {
    let key = ConditionKey {
        instance: row.try_get(0)?,
        target: row.try_get(1)?,
        alert: row.try_get(2)?,
        check: row.try_get(3)?,
        subject: row.try_get(4)?,
    };
    let told =
        Told { began_at: from_store(row.try_get(5)?), ended_at: moment(row, 6)?, content: row.try_get(7)? };
    Ok((key, told))
}

fn read_message(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    Ok(Message {
        id: row.try_get(0)?,
        channel: row.try_get(1)?,
        instance: row.try_get(2)?,
        target: row.try_get(3)?,
        made_at: from_store(row.try_get(4)?),
        since: from_store(row.try_get(5)?),
        content: row.try_get(6)?,
    })
}
