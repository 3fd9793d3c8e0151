//! A connection for an errand: to count production's rows, or to work in a scratch database on another server.
//!
//! Sessions begin read-only, as every look does; only who says so may write.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row, raw_sql};
use std::panic::AssertUnwindSafe;
use tokio::time::{Instant, timeout_at};

use super::collector::{Approach, Prepared, Way, prepared};
use super::failure::{LookError, told};
use super::{Connection, TimeLimits, mysql, postgres};
use crate::collect::CollectError;

/// Rows an errand reads at most.
const MOST_ROWS: usize = 100_000;

/// An open session.
pub(in crate::collect) enum Session {
    /// With PostgreSQL.
    Postgresql(Box<PgConnection>),
    /// With MySQL or MariaDB.
    Mysql(Box<MySqlConnection>),
}

/// A statement failed: what the server says, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::collect) struct StatementError(pub(in crate::collect) String);

impl Session {
    /// Connects within the time given.
    pub(in crate::collect) async fn open(
        connection: Connection,
        limit: Duration,
    ) -> Result<Self, CollectError> {
        let limits = TimeLimits { connect: limit, statement: limit, whole: limit };
        let Way { connection, peer, encryption, certificates } = match prepared(connection)? {
            Prepared::Way(way) => *way,
            Prepared::Nowhere(database) => {
                let cause = LookError::garbled_engine(&database.address);
                return Err(cause.into());
            }
        };
        let approach = Approach {
            connection,
            peer,
            encryption,
            certificates,
            limits,
            tables: None,
            counting: None,
            silence: None,
        };
        let by = Instant::now() + limit;
        let late = || LookError::ConnectTimeout { peer: approach.peer.clone(), limit };
        let garbled = || LookError::garbled(&approach.peer);
        if approach.peer.is_mysql() {
            let opening = AssertUnwindSafe(mysql::connect(&approach)).catch_unwind();
            let opened = timeout_at(by, Box::pin(opening)).await.ok().ok_or_else(late)?;
            let opened = opened.ok().ok_or_else(garbled)?;
            let mut session = opened.map_err(|error| LookError::connect(&approach.peer, &error))?;
            let read_only = raw_sql("SET SESSION TRANSACTION READ ONLY").execute(&mut session).await;
            read_only.map_err(|error| LookError::connect(&approach.peer, &error))?;
            Ok(Self::Mysql(Box::new(session)))
        } else {
            let opening = AssertUnwindSafe(postgres::connect(&approach)).catch_unwind();
            let opened = timeout_at(by, Box::pin(opening)).await.ok().ok_or_else(late)?;
            let opened = opened.ok().ok_or_else(garbled)?;
            let mut session = opened.map_err(|error| LookError::connect(&approach.peer, &error))?;
            let read_only = raw_sql("SET default_transaction_read_only = on").execute(&mut session).await;
            read_only.map_err(|error| LookError::connect(&approach.peer, &error))?;
            Ok(Self::Postgresql(Box::new(session)))
        }
    }

    /// From now on the session may write.
    pub(in crate::collect) async fn allow_writing(&mut self) -> Result<(), StatementError> {
        match self {
            Self::Postgresql(_) => self.execute("SET default_transaction_read_only = off").await,
            Self::Mysql(_) => self.execute("SET SESSION TRANSACTION READ WRITE").await,
        }
    }

    /// Has the server end every statement that takes longer.
    pub(in crate::collect) async fn limit_statements(&mut self, limit: Duration) {
        let statement = match self {
            Self::Postgresql(_) => format!("SET statement_timeout = {}", limit.as_millis()),
            Self::Mysql(_) => format!("SET SESSION max_statement_time = {}", limit.as_secs().max(1)),
        };
        if self.execute(&statement).await.is_err() {
            // MySQL has another name for it.
            let other = format!("SET SESSION max_execution_time = {}", limit.as_millis());
            drop(self.execute(&other).await);
        }
    }

    /// Runs a statement.
    pub(in crate::collect) async fn execute(&mut self, sql: &str) -> Result<(), StatementError> {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        let outcome = match self {
            Self::Postgresql(session) => sql.execute(&mut **session).await.map(|_| ()),
            Self::Mysql(session) => sql.execute(&mut **session).await.map(|_| ()),
        };
        outcome.map_err(|error| StatementError(told(&error)))
    }

    /// The first column of every row, as text; the statement makes it one.
    pub(in crate::collect) async fn column(
        &mut self,
        sql: &str,
    ) -> Result<Vec<Option<String>>, StatementError> {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        let mut values = Vec::new();
        match self {
            Self::Postgresql(session) => {
                let mut rows = sql.fetch(&mut **session);
                while let Some(row) = rows.next().await {
                    let value = row.and_then(|row| row.try_get_unchecked(0));
                    values.push(value.map_err(|error| StatementError(told(&error)))?);
                    if values.len() > MOST_ROWS {
                        return Err(StatementError(format!("more than {MOST_ROWS} rows")));
                    }
                }
            }
            Self::Mysql(session) => {
                let mut rows = sql.fetch(&mut **session);
                while let Some(row) = rows.next().await {
                    let value: Result<Option<Vec<u8>>, _> = row.and_then(|row| row.try_get_unchecked(0));
                    let value = value.map_err(|error| StatementError(told(&error)))?;
                    values.push(value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
                    if values.len() > MOST_ROWS {
                        return Err(StatementError(format!("more than {MOST_ROWS} rows")));
                    }
                }
            }
        }
        Ok(values)
    }

    /// The first value of the first row.
    pub(in crate::collect) async fn value(&mut self, sql: &str) -> Result<Option<String>, StatementError> {
        Ok(self.column(sql).await?.into_iter().next().flatten())
    }

    /// Says goodbye.
    pub(in crate::collect) async fn close(self) {
        match self {
            Self::Postgresql(session) => session.close().await.ok(),
            Self::Mysql(session) => session.close().await.ok(),
        };
    }
}
