//! PostgreSQL: one read-only transaction over the system catalogues.
//!
//! What counts are the rights of the product's account. The agent may look with another one: the catalogues
//! are open to everybody, and the privilege functions take the account as an argument.

mod kernel;
mod objects;
mod rights;
mod schema;
mod sessions;
mod steps;
mod tables;

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection as _, Row, raw_sql};
use upgrade_readiness_checks::facts::{Database, Field, Records, Sessions};

use super::collector::Approach;
use super::failure::is_encryption_trouble;
use super::gap::{Gap, into_field};
use super::inquiry::Tables;
use super::records::Asker;
use super::tls::Encryption;
use super::upgrade_table::UpgradeTable;
use crate::collect::turn::wait_aside;
pub(super) use kernel::{catalogue, counters, identity};
use schema::Account;
pub(super) use schema::Schema;
pub(super) use tables::{find_table, growing_tables, is_unique, leftovers, read_columns};

/// What the server shows of the agent in `pg_stat_activity`.
const APPLICATION_NAME: &str = "upgrade-readiness-agent";

/// Opens the one connection of a look.
pub(super) async fn connect(approach: &Approach) -> Result<PgConnection, sqlx::Error> {
    let first = connect_with(approach, approach.encryption).await;
    match first {
        // Old servers offer encryption of a kind nobody should use; where it was optional, do without.
        Err(error) if approach.encryption == Encryption::IfOffered && is_encryption_trouble(&error) => {
            connect_with(approach, Encryption::Never).await.ok().ok_or(error)
        }
        outcome => outcome,
    }
}

async fn connect_with(approach: &Approach, encryption: Encryption) -> Result<PgConnection, sqlx::Error> {
    let connection = &approach.connection;
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&approach.peer.host)
        .port(approach.peer.port)
        .database(&connection.database)
        .username(&connection.username)
        .password(connection.password.expose_secret())
        .ssl_mode(PgSslMode::from(encryption))
        .application_name(APPLICATION_NAME)
        .extra_float_digits(None)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    if let Some(certificates) = &approach.certificates {
        options = options.ssl_root_cert_from_pem(certificates.as_bytes().to_vec());
    }
    // The transaction is read-only anyway; so is then everything that might ever run outside of it. A connection
    // pooler refuses the option, and setting it later could outlive the look in one of the pooler's sessions.
    match options.clone().options([("default_transaction_read_only", "on")]).connect().await {
        Err(error) if refuses_options(&error) => options.connect().await,
        outcome => outcome,
    }
}

/// `PgBouncer`: "unsupported startup parameter: options".
fn refuses_options(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(told) = error else { return false };
    told.code().as_deref() == Some("08P01") && told.message().contains("unsupported startup parameter")
}

/// Looks at everything, and closes the connection.
pub(super) async fn look(
    mut session: PgConnection,
    approach: &Approach,
    steps: Option<UpgradeTable>,
) -> Result<Database, sqlx::Error> {
    begin(&mut session, approach).await?;
    let mut facts = read_all(&mut session, approach, steps).await?;
    raw_sql("ROLLBACK").execute(&mut session).await?;
    // Nothing is locked meanwhile, and each transaction is shown the sessions of its own time.
    while let Some(apart) = approach.look_again(&facts.sessions) {
        // Hundreds of silent databases on one server do not keep a connection each meanwhile.
        session.close().await.ok();
        wait_aside(apart).await;
        session = connect(approach).await?;
        facts.sessions = read_sessions_again(&mut session, approach, &facts.sessions).await?;
    }
    // Everything is known; how the goodbye ends does not matter.
    session.close().await.ok();
    Ok(facts)
}

async fn read_sessions_again(
    session: &mut PgConnection,
    approach: &Approach,
    before: &Field<Sessions>,
) -> Result<Field<Sessions>, sqlx::Error> {
    begin(session, approach).await?;
    raw_sql(SAFELY).execute(&mut *session).await?;
    let sessions = sessions::read_sessions(session, &approach.connection.username).await;
    let sessions = settle(session, sessions).await?;
    raw_sql("ROLLBACK").execute(&mut *session).await?;
    let looks = before.value().map_or(0, |before| before.looks);
    Ok(match sessions {
        Field::Read(sessions) => Field::Read(Sessions { looks: looks + 1, ..sessions }),
        unread @ Field::Unread(_) => unread,
    })
}

/// From here on no function or operator of somebody else's schema can stand in for one of the server's.
const SAFELY: &str = "SET LOCAL search_path = pg_catalog; SAVEPOINT look";

async fn begin(session: &mut PgConnection, approach: &Approach) -> Result<(), sqlx::Error> {
    raw_sql("BEGIN READ ONLY").execute(&mut *session).await?;
    let statement = approach.limits.statement.as_millis().to_string();
    sqlx::query(
        "SELECT pg_catalog.set_config('statement_timeout', $1, true), \
                pg_catalog.set_config('lock_timeout', $1, true), \
                pg_catalog.set_config('row_security', 'off', true)",
    )
    .persistent(false)
    .bind(statement)
    .execute(&mut *session)
    .await?;
    Ok(())
}

/// Has the server itself end what takes longer, until the transaction ends or goes back to its savepoint.
pub(super) async fn limit_statements(session: &mut PgConnection, limit: Duration) -> Result<(), sqlx::Error> {
    // 0 would be no limit at all.
    let limit = limit.as_millis().max(1).to_string();
    let setting = sqlx::query("SELECT pg_catalog.set_config('statement_timeout', $1, true)");
    setting.persistent(false).bind(limit).execute(session).await?;
    Ok(())
}

/// A failed statement ends a transaction of PostgreSQL; going back to the savepoint keeps it alive.
pub(super) async fn settle<T>(
    session: &mut PgConnection,
    outcome: Result<T, Gap>,
) -> Result<Field<T>, sqlx::Error> {
    let field = into_field(outcome)?;
    if let Field::Unread(_) = field {
        raw_sql("ROLLBACK TO SAVEPOINT look").execute(&mut *session).await?;
    }
    Ok(field)
}

async fn read_all(
    session: &mut PgConnection,
    approach: &Approach,
    steps: Option<UpgradeTable>,
) -> Result<Database, sqlx::Error> {
    let connection = &approach.connection;
    let search_path = read_search_path(session).await?;
    raw_sql(SAFELY).execute(&mut *session).await?;

    let version = read_version(session).await;
    let version = settle(session, version).await?;
    let connected_as = read_connected_as(session).await;
    let connected_as = settle(session, connected_as).await?;
    let account = schema::read_account(session, connection, &search_path).await;
    let account = settle(session, account).await?;
    let schema = match &account {
        Field::Read(account) => {
            let markers: Vec<&str> = match approach.tables {
                Some(Tables::Kernel(kernel)) => kernel.markers.to_vec(),
                Some(Tables::Product(_)) | None => steps.iter().map(|steps| steps.table).collect(),
            };
            let found = schema::find_schema(session, connection, account, &markers).await;
            settle(session, found).await?
        }
        Field::Unread(why) => Field::Unread(why.clone()),
    };
    let place = both(&account, &schema);

    let privileges = match place {
        Ok((account, schema)) => {
            let read = rights::read_privileges(session, account, schema).await;
            settle(session, read).await?
        }
        Err(why) => Field::Unread(why.to_owned()),
    };
    let ownership = match place {
        Ok((account, schema)) => {
            let read = objects::read_ownership(session, account, schema).await;
            settle(session, read).await?
        }
        Err(why) => Field::Unread(why.to_owned()),
    };
    let settings = match &account {
        Field::Read(account) => {
            let read = objects::read_settings(session, account).await;
            settle(session, read).await?
        }
        Field::Unread(why) => Field::Unread(why.clone()),
    };
    let size_bytes = objects::read_size(session).await;
    let size_bytes = settle(session, size_bytes).await?;
    let upgrade_steps = match (steps, &schema) {
        (None, _) => {
            Field::Unread("this product keeps no record of its upgrades that the agent knows".to_owned())
        }
        (Some(_), Field::Unread(why)) => Field::Unread(why.clone()),
        (Some(table), Field::Read(schema)) => {
            let read = steps::read_steps(session, schema, table, &connection.username).await;
            settle(session, read).await?
        }
    };
    let sessions = sessions::read_sessions(session, &connection.username).await;
    let sessions = settle(session, sessions).await?;
    let records = match (&schema, approach.tables) {
        (Field::Unread(why), Some(_)) => Records::unread(why),
        (Field::Read(schema), Some(tables)) => {
            let mut asker = Asker::Postgres { session, schema, agent: &connection.username };
            Box::pin(tables.read(&mut asker, approach.counting)).await?
        }
        (_, None) => Records::unread(super::NO_TABLES),
    };

    Ok(Database {
        others: Vec::new(),
        engine: connection.engine,
        version,
        address: approach.peer.address(),
        account: connection.account.clone(),
        connected_as,
        schema: match schema {
            Field::Read(schema) => Field::Read(schema.name),
            Field::Unread(why) => Field::Unread(why),
        },
        privileges,
        ownership,
        settings,
        size_bytes,
        upgrade_steps,
        sessions,
        records,
    })
}

fn both<'a>(
    account: &'a Field<Account>,
    schema: &'a Field<Schema>,
) -> Result<(&'a Account, &'a Schema), &'a str> {
    match (account, schema) {
        (Field::Read(account), Field::Read(schema)) => Ok((account, schema)),
        (Field::Unread(why), _) | (_, Field::Unread(why)) => Err(why),
    }
}

async fn read_search_path(session: &mut PgConnection) -> Result<String, sqlx::Error> {
    let path = sqlx::query("SELECT pg_catalog.current_setting('search_path')");
    path.persistent(false).fetch_one(session).await?.try_get(0)
}

/// The version; services that only speak like PostgreSQL say who they are.
async fn read_version(session: &mut PgConnection) -> Result<String, Gap> {
    let row = sqlx::query("SELECT current_setting('server_version'), version()").persistent(false);
    let row = row.fetch_one(session).await?;
    let (number, full): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if full.starts_with("PostgreSQL ") { number } else { full })
}

async fn read_connected_as(session: &mut PgConnection) -> Result<String, Gap> {
    let row = sqlx::query("SELECT session_user::text").persistent(false).fetch_one(session).await?;
    Ok(row.try_get(0)?)
}
