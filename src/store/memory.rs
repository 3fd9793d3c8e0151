//! What the store puts into a snapshot: versions, how figures moved, and what people said.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use upgrade_readiness_checks::facts::{Memory, Point, SignOff, Trend, TrendOf, VersionSeen, Waiver};

use super::words::{Kind, Subject};
use super::{Store, StoreError, from_store};

/// So many points of a figure go into a snapshot, one a day, the newest ones.
pub const MOST_POINTS: u32 = 120;

/// So many figures of an instance at most.
const MOST_TRENDS: u32 = 64;

/// So many versions of an instance at most.
const MOST_VERSIONS: u32 = 200;

impl Store {
    /// What is remembered of an instance.
    pub async fn memory(&mut self, instance: &str) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        for (kind, word) in self.words(instance).await? {
            let Subject { check, subject, target } = word.about;
            match (kind, subject) {
                (Kind::Waiver, Some(subject)) => memory.waivers.push(Waiver {
                    check,
                    subject,
                    target,
                    reason: word.reason,
                    by: word.by,
                    given_at: word.given_at,
                    until: word.until,
                    seen: word.seen.unwrap_or_default(),
                }),
                // A waiver of nothing waives nothing.
                (Kind::Waiver, None) => {}
                (Kind::SignOff, subject) => memory.sign_offs.push(SignOff {
                    check,
                    subject,
                    target,
                    reason: word.reason,
                    by: word.by,
                    given_at: word.given_at,
                    until: word.until,
                    seen: word.seen,
                }),
            }
        }
        memory.versions = self.versions(instance).await?;
        memory.trends = self.trends(instance).await?;
        memory.steps = self.steps(instance).await?;
        Ok(memory)
    }

    async fn versions(&mut self, instance: &str) -> Result<Vec<VersionSeen>, StoreError> {
        let read = |row: &SqliteRow| -> Result<VersionSeen, sqlx::Error> {
            let version: String = row.try_get(0)?;
            let version = version.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
            Ok(VersionSeen { version, first_seen: from_store(row.try_get(1)?) })
        };
        let rows = sqlx::query(
            "SELECT version, first_seen FROM (SELECT version, first_seen FROM version WHERE instance = ? \
             ORDER BY first_seen DESC LIMIT ?) ORDER BY first_seen, version",
        )
        .bind(instance)
        .bind(MOST_VERSIONS)
        .fetch_all(&mut self.connection)
        .await;
        rows.and_then(|rows| rows.iter().map(read).collect())
            .map_err(|cause| StoreError::of(&self.path, "reading the versions in", cause))
    }

    async fn trends(&mut self, instance: &str) -> Result<Vec<Trend>, StoreError> {
        let failed = |cause| StoreError::of(&self.path, "reading the figures in", cause);
        let names: Vec<(String, String)> = sqlx::query_as(
            "SELECT kind, name FROM point WHERE instance = ? GROUP BY kind, name ORDER BY max(day) DESC, kind, name LIMIT ?",
        )
        .bind(instance)
        .bind(MOST_TRENDS)
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed)?;
        let mut trends = Vec::new();
        for (kind, name) in names {
            let Some(of) = trend_of(&kind, &name) else { continue };
            let rows: Vec<(i64, i64)> = sqlx::query_as(
                "SELECT at, value FROM point WHERE instance = ? AND kind = ? AND name = ? ORDER BY day DESC LIMIT ?",
            )
            .bind(instance)
            .bind(&kind)
            .bind(&name)
            .bind(MOST_POINTS)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed)?;
            let point = |(at, value): (i64, i64)| Point {
                at: from_store(at),
                value: u64::try_from(value).unwrap_or(0),
            };
            trends.push(Trend { of, points: rows.into_iter().rev().map(point).collect() });
        }
        trends.sort_by(|a, b| a.of.cmp(&b.of));
        Ok(trends)
    }
}

const FREE_BYTES: &str = "free-bytes";

/// Kind and name under which a figure is kept.
pub(super) fn trend_key(of: &TrendOf) -> (&'static str, &str) {
    match of {
        TrendOf::FreeBytes(mount_point) => (FREE_BYTES, mount_point),
    }
}

/// The reverse; a figure of a newer agent is passed over.
fn trend_of(kind: &str, name: &str) -> Option<TrendOf> {
    (kind == FREE_BYTES).then(|| TrendOf::FreeBytes(name.to_owned()))
}
