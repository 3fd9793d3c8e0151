//! One question to the product's database, in the same kind of read-only transaction as every look.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use upgrade_readiness_checks::facts::FailureKind;

use super::errand::{Session, StatementError};
use super::failure::LookError;
use super::{DatabaseDirectory, Directions};
use crate::collect::CollectError;

/// Why a question has no answer, though the database was reached.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the query gives {0:?}, which is not a number")]
    NotANumber(String),
    #[error("this agent cannot ask {0}")]
    CannotAsk(&'static str),
    #[error("the server refuses the query: {0}")]
    Refused(#[source] StatementError),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
}

/// Asks one SELECT and takes the first column of its first row; `None` without a row, or for NULL.
///
/// `query` must be a single statement that only reads. It runs in a read-only transaction that is rolled back.
pub async fn ask_for_number(
    directory: Arc<dyn DatabaseDirectory>,
    query: &str,
    limit: Duration,
) -> Result<Option<f64>, CollectError> {
    let by = Instant::now() + limit;
    // Directions are in files, and files can be on a slow or dead file system.
    let finding = tokio::task::spawn_blocking(move || directory.directions());
    let late = || CollectError::from(LookError::DirectionsTimeout { limit });
    let found = timeout_at(by, finding).await.ok().ok_or_else(late)?;
    let found = found.map_err(|broken| CollectError::new(FailureKind::Internal, broken, ""))?;
    let connection = match found? {
        Directions::Connect(connection) => *connection,
        Directions::CannotAsk { engine, .. } => {
            let remedy = "Remove the probe, or ask with a program.";
            return Err(CollectError::new(FailureKind::Absent, NoAnswer::CannotAsk(engine.name()), remedy));
        }
    };
    let session = Session::open(connection, limit).await?;
    let text = match timeout_at(by, ask(session, query, limit)).await {
        Ok(Ok(text)) => text,
        Ok(Err(refused)) => {
            return Err(CollectError::new(FailureKind::Malformed, NoAnswer::Refused(refused), ""));
        }
        Err(_elapsed) => return Err(CollectError::new(FailureKind::Timeout, NoAnswer::Timeout(limit), "")),
    };
    let Some(text) = text else { return Ok(None) };
    let number = text.trim().parse::<f64>().ok();
    number.map(Some).ok_or_else(|| {
        let shown = NoAnswer::NotANumber(text.chars().take(40).collect());
        CollectError::new(FailureKind::Malformed, shown, "Let the query give one number.")
    })
}

async fn ask(mut session: Session, query: &str, limit: Duration) -> Result<Option<String>, StatementError> {
    session.limit_statements(limit).await;
    session.execute("START TRANSACTION READ ONLY").await?;
    let value = session.value(query).await?;
    session.execute("ROLLBACK").await?;
    session.close().await;
    Ok(value)
}
