//! What the account the agent looks with may do beyond reading.
//!
//! Asked when a person wants to know, and not at every look. Rights everybody has on the server do not count: making
//! temporary tables in PostgreSQL, and logging in. What the server does not tell, and what was told and not looked
//! into, is unclear and never left out.

mod mysql;
mod postgresql;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use upgrade_readiness_checks::facts::{Engine, FailureKind};

use super::errand::{Session, StatementError};
use super::failure::LookError;
use super::peer::quote_mysql;
use super::{Connection, DatabaseDirectory, Directions};
use crate::collect::CollectError;

/// The account the agent looks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looker {
    /// Its name.
    pub account: String,
    /// It is the account of the product itself, whose rights are needed by the product.
    pub is_the_products: bool,
    /// What it may do beyond reading.
    pub beyond: Vec<Beyond>,
    /// What nobody could tell of its rights.
    pub unclear: Vec<Unclear>,
    /// Statements for an account that may only read, and may read all that checks ask for.
    pub reading_account: String,
}

/// A right that looking does not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The right, in words.
    pub may: String,
    /// The statement that takes it away.
    pub undo: String,
}

/// Something that was not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What a server tells of an account.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    beyond: Vec<Beyond>,
    unclear: Vec<Unclear>,
}

impl Told {
    fn unclear(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.unclear.push(Unclear { what: what.into(), why: why.into() });
    }
}

/// Asks what the account may do; `None` for a kind of database the agent cannot ask.
pub async fn rights_beyond_reading(
    directory: Arc<dyn DatabaseDirectory>,
    limit: Duration,
) -> Result<Option<Looker>, CollectError> {
    let by = Instant::now() + limit;
    let finding = tokio::task::spawn_blocking(move || directory.directions());
    let late = || CollectError::from(LookError::DirectionsTimeout { limit });
    let found = timeout_at(by, finding).await.ok().ok_or_else(late)?;
    let found = found.map_err(|broken| CollectError::new(FailureKind::Internal, broken, ""))?;
    let Directions::Connect(connection) = found? else { return Ok(None) };
    let Connection { username, account, .. } = &*connection;
    let reading_account = reading_account(&connection);
    let (account, is_the_products) = (username.clone(), username == account);
    let mut session = Session::open(*connection, limit).await?;
    session.limit_statements(limit).await;
    let asked = timeout_at(by, told(&mut session)).await;
    session.close().await;
    match asked {
        Ok(Ok(Told { beyond, unclear })) => {
            Ok(Some(Looker { account, is_the_products, beyond, unclear, reading_account }))
        }
        Ok(Err(refused)) => Err(CollectError::new(FailureKind::Denied, refused, "")),
        Err(_elapsed) => Err(LookError::DirectionsTimeout { limit }.into()),
    }
}

async fn told(session: &mut Session) -> Result<Told, StatementError> {
    match session {
        Session::Postgresql(_) => postgresql::told(session).await,
        Session::Mysql(_) => mysql::told(session).await,
    }
}

/// The password is for a person to think of.
fn reading_account(connection: &Connection) -> String {
    let Connection { engine, database, schema, .. } = connection;
    match engine {
        Engine::Mysql | Engine::Mariadb => format!(
            "CREATE USER 'readiness'@'%' IDENTIFIED BY '…'; GRANT SELECT, SHOW VIEW ON {}.* TO 'readiness'@'%'; \
             GRANT PROCESS ON *.* TO 'readiness'@'%'; GRANT SELECT ON mysql.* TO 'readiness'@'%';",
            quote_mysql(database)
        ),
        _ => {
            let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let (database, schema) = (quote(database), quote(schema.as_deref().unwrap_or("public")));
            format!(
                "CREATE ROLE readiness LOGIN PASSWORD '…'; GRANT CONNECT ON DATABASE {database} TO readiness; \
                 GRANT pg_read_all_stats TO readiness; GRANT USAGE ON SCHEMA {schema} TO readiness; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO readiness; \
                 GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO readiness;"
            )
        }
    }
}
