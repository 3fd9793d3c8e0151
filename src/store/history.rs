//! What each check says since when, and what it said before.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _, sqlite::SqliteRow};
use upgrade_readiness_checks::facts::{Point, TrendOf, VersionSeen};
use upgrade_readiness_checks::model::Verdict;

use super::memory::trend_key;
use super::{KEPT_DAYS, Store, StoreError, cut, day_of, from_store, to_store};

/// A check that turns back and forth does not push the changes of all others out.
pub const KEPT_CHANGES_OF_A_CHECK: i64 = 1000;

/// Longer causes are cut.
const MOST_CHARS: usize = 500;

/// What a check says of a target, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The instance.
    pub instance: String,
    /// The release it was judged for.
    pub target: String,
    /// The check's id.
    pub check: String,
    /// What it says.
    pub verdict: Verdict,
    /// When it was first judged.
    pub first_seen: Timestamp,
    /// When its verdict last changed.
    pub changed_at: Timestamp,
}

/// A change of verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The instance.
    pub instance: String,
    /// The release it was judged for.
    pub target: String,
    /// The check's id.
    pub check: String,
    /// When.
    pub at: Timestamp,
    /// What it said before; `None` when it was judged for the first time.
    pub before: Option<Verdict>,
    /// What it says since.
    pub after: Verdict,
    /// Why: the gravest finding, else what was seen or could not be seen.
    pub cause: String,
    /// What the finding saw.
    pub observed: Option<String>,
}

/// What is new, to be written in one transaction.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// What checks say now.
    pub states: Vec<State>,
    /// What they said before.
    pub changes: Vec<Change>,
    /// Versions that run, with their instances.
    pub versions: Vec<(String, VersionSeen)>,
    /// Figures, with their instances; of a day the lowest is kept.
    pub points: Vec<(String, TrendOf, Point)>,
}

impl Batch {
    /// Whether there is nothing new.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
            && self.changes.is_empty()
            && self.versions.is_empty()
            && self.points.is_empty()
    }
}

/// Which changes are wanted; everything that is absent is not asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this instance.
    pub instance: Option<String>,
    /// For this release.
    pub target: Option<String>,
    /// Of this check.
    pub check: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// So many of the newest are left out.
    pub skipped: u32,
    /// At most so many.
    pub most: u32,
}

impl Store {
    /// What every check said when it was last written.
    pub async fn states(&mut self) -> Result<Vec<State>, StoreError> {
        let read = |row: &SqliteRow| -> Result<State, sqlx::Error> {
            Ok(State {
                instance: row.try_get(0)?,
                target: row.try_get(1)?,
                check: row.try_get(2)?,
                verdict: verdict(row, 3)?,
                first_seen: from_store(row.try_get(4)?),
                changed_at: from_store(row.try_get(5)?),
            })
        };
        let rows = sqlx::query(
            "SELECT instance, target, check_id, verdict, first_seen, changed_at FROM state \
             ORDER BY instance, target, check_id LIMIT 200000",
        )
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(|cause| StoreError::of(&self.path, "reading the verdicts in", cause))
    }

    /// Writes what is new; all of it, or nothing.
    pub async fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "writing", cause);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        fill(&mut transaction, batch).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Changes of verdict, the newest first.
    pub async fn changes(&mut self, wanted: &Wanted) -> Result<Vec<Change>, StoreError> {
        let rows = sqlx::query(
            "SELECT instance, target, check_id, at, before, after, cause, observed FROM change \
             WHERE (?1 IS NULL OR instance = ?1) AND (?2 IS NULL OR target = ?2) \
             AND (?3 IS NULL OR check_id = ?3) AND (?4 IS NULL OR at >= ?4) \
             ORDER BY at DESC, id DESC LIMIT ?5 OFFSET ?6",
        )
        .bind(&wanted.instance)
        .bind(&wanted.target)
        .bind(&wanted.check)
        .bind(wanted.since.map(to_store))
        .bind(wanted.most)
        .bind(wanted.skipped)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read_change).collect())
            .map_err(|cause| StoreError::of(&self.path, "reading the history in", cause))
    }

    /// Forgets what is older than anybody asks for. `judged` are the instances and targets that are judged today.
    pub async fn forget(&mut self, today: Date, judged: &[(String, String)]) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "clearing out", cause);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        clear_out(&mut transaction, today, judged).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }
}

async fn fill(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    for state in &batch.states {
        sqlx::query(
            "INSERT INTO state (instance, target, check_id, verdict, first_seen, changed_at, seen_on) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET verdict = excluded.verdict, \
             first_seen = excluded.first_seen, changed_at = excluded.changed_at, seen_on = excluded.seen_on",
        )
        .bind(&state.instance)
        .bind(&state.target)
        .bind(&state.check)
        .bind(state.verdict.id())
        .bind(to_store(state.first_seen))
        .bind(to_store(state.changed_at))
        .bind(day_of(state.changed_at).to_string())
        .execute(&mut *connection)
        .await?;
    }
    for change in &batch.changes {
        sqlx::query(
            "INSERT INTO change (instance, target, check_id, at, before, after, cause, observed) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&change.instance)
        .bind(&change.target)
        .bind(&change.check)
        .bind(to_store(change.at))
        .bind(change.before.map(Verdict::id))
        .bind(change.after.id())
        .bind(cut(&change.cause, MOST_CHARS))
        .bind(change.observed.as_deref().map(|observed| cut(observed, MOST_CHARS)))
        .execute(&mut *connection)
        .await?;
    }
    for (instance, seen) in &batch.versions {
        sqlx::query(
            "INSERT INTO version (instance, version, first_seen) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(instance)
        .bind(seen.version.to_string())
        .bind(to_store(seen.first_seen))
        .execute(&mut *connection)
        .await?;
    }
    for (instance, of, point) in &batch.points {
        let (kind, name) = trend_key(of);
        sqlx::query(
            "INSERT INTO point (instance, kind, name, day, at, value) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET at = excluded.at, value = excluded.value WHERE excluded.value < value",
        )
        .bind(instance)
        .bind(kind)
        .bind(name)
        .bind(day_of(point.at).to_string())
        .bind(to_store(point.at))
        .bind(i64::try_from(point.value).unwrap_or(i64::MAX))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn clear_out(
    connection: &mut SqliteConnection,
    today: Date,
    judged: &[(String, String)],
) -> Result<(), sqlx::Error> {
    let first = today.saturating_sub(KEPT_DAYS.days());
    let begin = first.to_zoned(jiff::tz::TimeZone::UTC).map_or(i64::MIN, |begin| to_store(begin.timestamp()));
    for (instance, target) in judged {
        sqlx::query("UPDATE state SET seen_on = ? WHERE instance = ? AND target = ?")
            .bind(today.to_string())
            .bind(instance)
            .bind(target)
            .execute(&mut *connection)
            .await?;
    }
    for by_day in [
        "DELETE FROM state WHERE seen_on < ?",
        "DELETE FROM point WHERE day < ?",
        "DELETE FROM word WHERE withdrawn_at IS NOT NULL AND until < ?",
    ] {
        sqlx::query(by_day).bind(first.to_string()).execute(&mut *connection).await?;
    }
    for by_time in [
        "DELETE FROM change WHERE at < ? AND id < (SELECT max(id) FROM change)",
        "DELETE FROM step WHERE marked_at < ?",
    ] {
        sqlx::query(by_time).bind(begin).execute(&mut *connection).await?;
    }
    sqlx::query(
        // The newest stays: its number must not be given to another change, see `stream`.
        "DELETE FROM change WHERE id < (SELECT max(id) FROM change) AND id IN (SELECT id FROM (SELECT id, row_number() OVER \
         (PARTITION BY instance, target, check_id ORDER BY at DESC, id DESC) AS place FROM change) WHERE place > ?)",
    )
    .bind(KEPT_CHANGES_OF_A_CHECK)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// The first eight columns as a change.
pub(super) fn read_change(row: &SqliteRow) -> Result<Change, sqlx::Error> {
    let before: Option<String> = row.try_get(4)?;
    Ok(Change {
        instance: row.try_get(0)?,
        target: row.try_get(1)?,
        check: row.try_get(2)?,
        at: from_store(row.try_get(3)?),
        before: before.is_some().then(|| verdict(row, 4)).transpose()?,
        after: verdict(row, 5)?,
        cause: row.try_get(6)?,
        observed: row.try_get(7)?,
    })
}

fn verdict(row: &SqliteRow, column: usize) -> Result<Verdict, sqlx::Error> {
    let id: String = row.try_get(column)?;
    Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.id() == id)
        .ok_or_else(|| sqlx::Error::Decode(format!("{id:?} is not a verdict").into()))
}
