//! What people said: waivers and sign-offs.

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _};
use upgrade_readiness_checks::version::ProductVersion;

use super::{Store, StoreError, from_store, to_store};

/// So many words of an instance may be in force or ended and not taken back.
pub const MOST_WORDS: i64 = 1000;

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A finding people live with.
    Waiver,
    /// A task that was done.
    SignOff,
}

impl Kind {
    fn id(self) -> &'static str {
        match self {
            Self::Waiver => "waiver",
            Self::SignOff => "sign-off",
        }
    }
}

/// What a word is about. There is one word of a kind about a thing: a new one takes the place of the old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Id of the check.
    pub check: String,
    /// Subject of the finding; the whole check when absent.
    pub subject: Option<String>,
    /// The target; every one when absent.
    pub target: Option<ProductVersion>,
}

/// A word somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it is about.
    pub about: Subject,
    /// Why, or what was done.
    pub reason: String,
    /// Who says so.
    pub by: String,
    /// When it was said.
    pub given_at: Timestamp,
    /// The last day it holds.
    pub until: Date,
    /// What was waived, as its fingerprint tells it.
    pub seen: Option<String>,
}

impl Store {
    /// Takes a word in; an older one about the same thing is taken back with it.
    pub async fn give(&mut self, instance: &str, kind: Kind, word: &Word) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "writing", cause);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        withdraw(&mut transaction, instance, kind, &word.about, word.given_at).await.map_err(failed)?;
        let there: i64 =
            sqlx::query_scalar("SELECT count(*) FROM word WHERE instance = ? AND withdrawn_at IS NULL")
                .bind(instance)
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed)?;
        if there >= MOST_WORDS {
            return Err(StoreError::TooManyWords { instance: instance.to_owned(), most: MOST_WORDS });
        }
        sqlx::query(
            "INSERT INTO word (instance, kind, check_id, subject, target, reason, given_by, given_at, until, seen) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(instance)
        .bind(kind.id())
        .bind(&word.about.check)
        .bind(&word.about.subject)
        .bind(word.about.target.as_ref().map(ToString::to_string))
        .bind(&word.reason)
        .bind(&word.by)
        .bind(to_store(word.given_at))
        .bind(word.until.to_string())
        .bind(&word.seen)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Takes a word back; whether there was one.
    pub async fn withdraw(
        &mut self,
        instance: &str,
        kind: Kind,
        about: &Subject,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let withdrawn = withdraw(&mut self.connection, instance, kind, about, now).await;
        withdrawn.map_err(|cause| StoreError::of(&self.path, "writing", cause))
    }

    /// The words about an instance that were not taken back, the oldest first; also those that have ended.
    pub async fn words(&mut self, instance: &str) -> Result<Vec<(Kind, Word)>, StoreError> {
        let rows = sqlx::query(
            "SELECT kind, check_id, subject, target, reason, given_by, given_at, until, seen FROM word \
             WHERE instance = ? AND withdrawn_at IS NULL ORDER BY given_at, id LIMIT ?",
        )
        .bind(instance)
        .bind(MOST_WORDS)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(|cause| StoreError::of(&self.path, "reading waivers and sign-offs in", cause))
    }
}

fn read(row: &SqliteRow) -> Result<(Kind, Word), sqlx::Error> {
    let malformed = |what: String| sqlx::Error::Decode(what.into());
    let kind: String = row.try_get(0)?;
    let kind = [Kind::Waiver, Kind::SignOff].into_iter().find(|known| known.id() == kind);
    let target: Option<String> = row.try_get(3)?;
    let target = target
        .map(|target| target.parse().map_err(|_malformed| malformed(format!("{target:?} is not a version"))));
    let until: String = row.try_get(7)?;
    let until = until.parse().map_err(|_malformed| malformed(format!("{until:?} is not a day")))?;
    let word = Word {
        about: Subject { check: row.try_get(1)?, subject: row.try_get(2)?, target: target.transpose()? },
        reason: row.try_get(4)?,
        by: row.try_get(5)?,
        given_at: from_store(row.try_get(6)?),
        until,
        seen: row.try_get(8)?,
    };
    Ok((kind.ok_or_else(|| malformed("neither a waiver nor a sign-off".to_owned()))?, word))
}

async fn withdraw(
    connection: &mut sqlx::SqliteConnection,
    instance: &str,
    kind: Kind,
    about: &Subject,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let outcome = sqlx::query(
        "UPDATE word SET withdrawn_at = ? WHERE instance = ? AND kind = ? AND check_id = ? \
         AND subject IS ? AND target IS ? AND withdrawn_at IS NULL",
    )
    .bind(to_store(now))
    .bind(instance)
    .bind(kind.id())
    .bind(&about.check)
    .bind(&about.subject)
    .bind(about.target.as_ref().map(ToString::to_string))
    .execute(connection)
    .await?;
    Ok(outcome.rows_affected() > 0)
}
