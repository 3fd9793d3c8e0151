//! One question to the product's database, in the same kind of read-only transaction as every look.

use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row, ValueRef, raw_sql};
use tokio::time::{Instant, timeout_at};
use upgrade_readiness_checks::facts::{Engine, FailureKind};

use super::collector::{Approach, Prepared, TimeLimits, Way, prepare};
use super::failure::LookError;
use super::{DatabaseDirectory, mysql, postgres};
use crate::collect::CollectError;

/// The answer is not a number.
#[derive(Debug, thiserror::Error)]
#[error("the query gives {0:?}, which is not a number")]
struct NotANumber(String);

/// The agent cannot speak with this kind of database.
#[derive(Debug, thiserror::Error)]
#[error("this agent cannot ask {0}")]
struct CannotAsk(&'static str);

/// Asks one SELECT and takes the first column of its first row; `None` without a row, or for NULL.
///
/// `query` must be a single statement that only reads. It runs in a read-only transaction that is rolled back.
pub async fn ask_for_number(
    directory: Arc<dyn DatabaseDirectory>,
    query: &str,
    limit: Duration,
) -> Result<Option<f64>, CollectError> {
    let by = Instant::now() + limit;
    let preparing = tokio::task::spawn_blocking(move || prepare(directory.as_ref()));
    let too_long = || CollectError::from(LookError::DirectionsTimeout { limit });
    let prepared = timeout_at(by, preparing).await.ok().ok_or_else(too_long)?;
    let prepared = prepared.map_err(|broken| CollectError::new(FailureKind::Internal, broken, ""))?;
    let way = match prepared? {
        Prepared::Way(way) => *way,
        Prepared::Nowhere(database) => {
            let remedy = "Remove the probe, or ask with a program.";
            return Err(CollectError::new(FailureKind::Absent, CannotAsk(database.engine.name()), remedy));
        }
    };
    let Way { connection, peer, encryption, certificates } = way;
    let limits = TimeLimits { connect: limit, statement: limit, whole: limit };
    let approach = Approach { connection, peer, encryption, certificates, limits, tables: None };
    let peer = &approach.peer;
    let text = match approach.connection.engine {
        Engine::Mysql | Engine::Mariadb => timeout_at(by, Box::pin(ask_mysql(&approach, query))).await,
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
            timeout_at(by, Box::pin(ask_postgres(&approach, query))).await
        }
    };
    let text = text
        .ok()
        .ok_or_else(|| LookError::ReadTimeout { peer: peer.clone(), limit })?
        .map_err(|error| LookError::read(peer, &error))?;
    let Some(text) = text else { return Ok(None) };
    let number = text.trim().parse::<f64>().ok();
    number.map(Some).ok_or_else(|| {
        let shown = text.chars().take(40).collect();
        CollectError::new(FailureKind::Malformed, NotANumber(shown), "Let the query give one number.")
    })
}

async fn ask_postgres(approach: &Approach, query: &str) -> Result<Option<String>, sqlx::Error> {
    let mut session: PgConnection = postgres::connect(approach).await?;
    postgres::begin(&mut session, approach).await?;
    // Asked in the simple protocol: every value comes as text.
    let row = raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session).await?;
    let text = match row {
        Some(row) => {
            let value = row.try_get_raw(0)?;
            if value.is_null() { None } else { Some(value.as_str().map_err(sqlx::Error::Decode)?.to_owned()) }
        }
        None => None,
    };
    raw_sql("ROLLBACK").execute(&mut session).await?;
    session.close().await.ok();
    Ok(text)
}

async fn ask_mysql(approach: &Approach, query: &str) -> Result<Option<String>, sqlx::Error> {
    let mut session: MySqlConnection = mysql::connect(approach).await?;
    mysql::begin(&mut session, approach).await?;
    let row = raw_sql(AssertSqlSafe(query)).fetch_optional(&mut session).await?;
    let text = match row {
        Some(row) => {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(0)?;
            bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        None => None,
    };
    raw_sql("ROLLBACK").execute(&mut session).await?;
    session.close().await.ok();
    Ok(text)
}
