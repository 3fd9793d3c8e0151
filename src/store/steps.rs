//! What people said of steps of a run book.

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, Row as _};
use upgrade_readiness_checks::facts::{Profile, StepMark, StepState};
use upgrade_readiness_checks::version::ProductVersion;

use super::{Store, StoreError, from_store, to_store};

/// So many steps of an instance may be marked, for all targets together.
pub const MOST_STEPS: i64 = 1000;

/// So many words on a step are kept for the record beside the one in force.
const KEPT_WORDS_OF_A_STEP: i64 = 50;

impl Store {
    /// Takes in what somebody said of a step; it takes the place of what was said before.
    pub async fn mark_step(&mut self, instance: &str, mark: &StepMark) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "writing", cause);
        let profile = mark.profile.as_ref().map(serde_json::to_string).transpose();
        let profile = profile.map_err(|cause| failed(sqlx::Error::Encode(cause.into())))?;
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        replace(&mut transaction, instance, mark).await.map_err(failed)?;
        let there: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM step WHERE instance = ? AND withdrawn_at IS NULL AND replaced_at IS NULL",
        )
        .bind(instance)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        if there >= MOST_STEPS {
            return Err(StoreError::TooManySteps { instance: instance.to_owned(), most: MOST_STEPS });
        }
        sqlx::query(
            "INSERT INTO step (instance, target, step, state, marked_by, marked_at, took, note, profile) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(instance)
        .bind(mark.target.to_string())
        .bind(&mark.step)
        .bind(mark.state.id())
        .bind(&mark.by)
        .bind(to_store(mark.at))
        .bind(mark.took.map(|took| took.as_secs()))
        .bind(&mark.note)
        .bind(profile)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Takes back what was said of a step; whether anything was.
    pub async fn withdraw_step(
        &mut self,
        instance: &str,
        target: &ProductVersion,
        step: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let outcome = sqlx::query(
            "UPDATE step SET withdrawn_at = ? WHERE instance = ? AND target = ? AND step = ? \
             AND withdrawn_at IS NULL AND replaced_at IS NULL",
        )
        .bind(to_store(now))
        .bind(instance)
        .bind(target.to_string())
        .bind(step)
        .execute(&mut self.connection)
        .await;
        match outcome {
            Ok(outcome) => Ok(outcome.rows_affected() > 0),
            Err(cause) => Err(StoreError::of(&self.path, "writing", cause)),
        }
    }

    /// What was said of steps of an instance and is in force, the oldest first.
    pub async fn steps(&mut self, instance: &str) -> Result<Vec<StepMark>, StoreError> {
        let rows = sqlx::query(
            "SELECT target, step, state, marked_by, marked_at, took, note, profile FROM step \
             WHERE instance = ? AND withdrawn_at IS NULL AND replaced_at IS NULL ORDER BY marked_at, id LIMIT ?",
        )
        .bind(instance)
        .bind(MOST_STEPS)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(|cause| StoreError::of(&self.path, "reading the steps in", cause))
    }
}

/// Ends the word in force, and lets go of the oldest of those on the same step.
async fn replace(
    connection: &mut SqliteConnection,
    instance: &str,
    mark: &StepMark,
) -> Result<(), sqlx::Error> {
    let target = mark.target.to_string();
    sqlx::query(
        "UPDATE step SET replaced_at = ? WHERE instance = ? AND target = ? AND step = ? \
         AND withdrawn_at IS NULL AND replaced_at IS NULL",
    )
    .bind(to_store(mark.at))
    .bind(instance)
    .bind(&target)
    .bind(&mark.step)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM step WHERE id IN (SELECT id FROM step WHERE instance = ? AND target = ? AND step = ? \
         ORDER BY id DESC LIMIT -1 OFFSET ?)",
    )
    .bind(instance)
    .bind(&target)
    .bind(&mark.step)
    .bind(KEPT_WORDS_OF_A_STEP)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<StepMark, sqlx::Error> {
    let malformed = |what: String| sqlx::Error::Decode(what.into());
    let target: String = row.try_get(0)?;
    let state: String = row.try_get(2)?;
    let took: Option<i64> = row.try_get(5)?;
    let profile: Option<String> = row.try_get(7)?;
    Ok(StepMark {
        target: target.parse().map_err(|_malformed| malformed(format!("{target:?} is not a version")))?,
        step: row.try_get(1)?,
        state: StepState::ALL
            .into_iter()
            .find(|known| known.id() == state)
            .ok_or_else(|| malformed(format!("{state:?} is nothing a step can be")))?,
        by: row.try_get(3)?,
        at: from_store(row.try_get(4)?),
        took: took.map(SignedDuration::from_secs),
        note: row.try_get(6)?,
        profile: profile
            .map(|profile| serde_json::from_str::<Profile>(&profile))
            .transpose()
            .map_err(|cause| sqlx::Error::Decode(cause.into()))?,
    })
}
