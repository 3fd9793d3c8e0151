//! MySQL and MariaDB: one read-only transaction over `information_schema` and the grants.
//!
//! These servers show an account only what it has rights on. So who looks matters: where the agent's own account
//! cannot see everything, a fact is unread and never an empty list.

mod accounts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzz;
mod grants;
mod hosts;
mod kernel;
mod objects;
mod patterns;
mod records;
mod rights;
mod rows;
mod sessions;
mod sight;
mod steps;
mod tables;

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, raw_sql};
use upgrade_readiness_checks::facts::{Database, Engine, Field, Records};

use super::collector::Approach;
use super::failure::{is_encryption_trouble, one_line};
use super::gap::into_field;
use super::records::Asker;
use super::tls::Encryption;
use super::upgrade_table::UpgradeTable;
use crate::collect::turn::wait_aside;
pub(super) use accounts::{Looker, quote as quote_account};
pub(super) use grants::{Grant, Name, Scope, parse_grant};
pub(super) use kernel::{catalogue, counters, identity};
pub(super) use records::{find_table, growing_tables, is_unique, leftovers, read_columns};
pub(super) use rows::{TextRow, ask, error_number};
use sight::Sight;

/// Opens the one connection of a look.
pub(super) async fn connect(approach: &Approach) -> Result<MySqlConnection, sqlx::Error> {
    match connect_with(approach, approach.encryption).await {
        // Servers up to MySQL 5.6 offer encryption of a kind nobody should use; where it was optional, do without.
        Err(error) if approach.encryption == Encryption::IfOffered && is_encryption_trouble(&error) => {
            connect_with(approach, Encryption::Never).await.ok().ok_or(error)
        }
        outcome => outcome,
    }
}

async fn connect_with(approach: &Approach, encryption: Encryption) -> Result<MySqlConnection, sqlx::Error> {
    let connection = &approach.connection;
    let mut options = MySqlConnectOptions::new()
        .host(&approach.peer.host)
        .port(approach.peer.port)
        .database(&connection.database)
        .username(&connection.username)
        .password(connection.password.expose_secret())
        .ssl_mode(MySqlSslMode::from(encryption))
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .statement_cache_capacity(0)
        .disable_statement_logging();
    if let Some(certificates) = &approach.certificates {
        options = options.ssl_ca_from_pem(certificates.as_bytes().to_vec());
    }
    options.connect().await
}

/// The server, and the schema the questions are about.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) engine: Engine,
    version: String,
    pub(super) schema: String,
    /// Case of schema and table names does not count.
    ignore_case: bool,
}

/// Looks at everything, and closes the connection.
pub(super) async fn look(
    mut session: MySqlConnection,
    approach: &Approach,
    steps: Option<UpgradeTable>,
) -> Result<Database, sqlx::Error> {
    let (server, looker) = read_server(&mut session, approach).await?;
    limit_time(&mut session, &server, approach).await?;
    raw_sql("START TRANSACTION READ ONLY").execute(&mut session).await?;
    let facts = read_all(&mut session, approach, &server, &looker, steps).await?;
    raw_sql("ROLLBACK").execute(&mut session).await?;
    // Everything is known; how the goodbye ends does not matter.
    session.close().await.ok();
    Ok(facts)
}

async fn read_server(
    session: &mut MySqlConnection,
    approach: &Approach,
) -> Result<(Server, Looker), sqlx::Error> {
    let sql = "SELECT @@version, @@version_comment, DATABASE(), CAST(@@lower_case_table_names AS CHAR), \
               CURRENT_USER(), USER()";
    let rows = ask(session, sql, &[]).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let text = |index| row.text(index).unwrap_or_default();
    let (version, comment) = (text(0), text(1));
    let is_mariadb = [version, comment].iter().any(|text| text.to_ascii_lowercase().contains("mariadb"));
    let server = Server {
        engine: if is_mariadb { Engine::Mariadb } else { Engine::Mysql },
        version: one_line(version),
        schema: row.text(2).unwrap_or(&approach.connection.database).to_owned(),
        ignore_case: text(3) != "0",
    };
    Ok((server, Looker::new(text(4), text(5))))
}

/// Has the server itself end what takes too long.
async fn limit_time(
    session: &mut MySqlConnection,
    server: &Server,
    approach: &Approach,
) -> Result<(), sqlx::Error> {
    let limit = approach.limits.statement;
    limit_statements(session, server, limit).await?;
    let waiting = format!("lock_wait_timeout = {}", limit.as_secs().max(1));
    // MySQL 8 would otherwise write the sizes of tables it finds into its dictionary.
    let statistics = "information_schema_stats_expiry = 0".to_owned();
    for setting in [waiting, statistics] {
        set(session, setting).await?;
    }
    Ok(())
}

/// Has the server itself end what takes longer.
pub(super) async fn limit_statements(
    session: &mut MySqlConnection,
    server: &Server,
    limit: Duration,
) -> Result<(), sqlx::Error> {
    let own = match server.engine {
        Engine::Mariadb => format!("max_statement_time = {}", limit.as_secs().max(1)),
        Engine::Mysql
        | Engine::Postgresql
        | Engine::SqlServer
        | Engine::Oracle
        | Engine::H2
        | Engine::Hsqldb => {
            // 0 would be no limit at all.
            format!("max_execution_time = {}", limit.as_millis().max(1))
        }
    };
    set(session, own).await
}

/// A setting the server does not have is left alone.
async fn set(session: &mut MySqlConnection, setting: String) -> Result<(), sqlx::Error> {
    let outcome = raw_sql(AssertSqlSafe(format!("SET SESSION {setting}"))).execute(session).await;
    match outcome {
        Err(error) if error_number(&error) == Some(UNKNOWN_SYSTEM_VARIABLE) => {}
        other => {
            other?;
        }
    }
    Ok(())
}

/// `ER_UNKNOWN_SYSTEM_VARIABLE`.
const UNKNOWN_SYSTEM_VARIABLE: u16 = 1193;

async fn read_all(
    session: &mut MySqlConnection,
    approach: &Approach,
    server: &Server,
    looker: &Looker,
    steps: Option<UpgradeTable>,
) -> Result<Database, sqlx::Error> {
    let connection = &approach.connection;
    let own = accounts::read_own(session, server, looker).await;
    let own = into_field(own)?;
    let is_own = looker.user == connection.account;
    let tables = into_field(tables::read_tables(session, server).await)?;
    let sight = Sight { looker, is_own, rights: own.value() };

    let other = if is_own {
        None
    } else {
        Some(into_field(accounts::read_other(session, server, looker, &connection.account).await)?)
    };
    let privileges = match (other.as_ref().unwrap_or(&own), &tables) {
        (Field::Unread(why), _) | (_, Field::Unread(why)) => Field::Unread(why.clone()),
        (Field::Read(account), Field::Read(tables)) => into_field(sight.privileges(account, tables))?,
    };
    let seen = sight.of_tables(server, &tables);
    let ownership = match (&seen, &sight.of_code(server)) {
        (Err(why), _) | (_, Err(why)) => Field::Unread(why.to_string()),
        (Ok(tables), Ok(())) => {
            into_field(objects::read_ownership(session, server, tables, &connection.account).await)?
        }
    };
    let settings = match &seen {
        Err(why) => Field::Unread(why.to_string()),
        Ok(tables) => into_field(tables::read_settings(session, server, tables).await)?,
    };
    let upgrade_steps = match steps {
        None => Field::Unread("this product keeps no record of its upgrades that the agent knows".to_owned()),
        Some(table) => into_field(steps::read_steps(session, server, looker, table).await)?,
    };
    let mut sessions =
        into_field(sessions::read_sessions(session, server, &sight, &connection.account).await)?;
    let records = match approach.tables {
        None => Records::unread(super::NO_TABLES),
        Some(tables) => {
            let blind = seen.as_ref().err().map(ToString::to_string);
            let mut asker = Asker::Mysql { session, server, looker, blind };
            Box::pin(tables.read(&mut asker, approach.counting)).await?
        }
    };

    if approach.look_again(&sessions).is_some() {
        // Nothing is locked meanwhile.
        raw_sql("ROLLBACK").execute(&mut *session).await?;
    }
    while let Some(apart) = approach.look_again(&sessions) {
        let looks = sessions.value().map_or(0, |sessions| sessions.looks);
        wait_aside(apart).await;
        sessions = into_field(sessions::read_sessions(session, server, &sight, &connection.account).await)?;
        if let Field::Read(sessions) = &mut sessions {
            sessions.looks = looks + 1;
        }
    }

    Ok(Database {
        others: Vec::new(),
        engine: server.engine,
        version: Field::Read(server.version.clone()),
        address: approach.peer.address(),
        account: connection.account.clone(),
        connected_as: Field::Read(looker.current_user.clone()),
        schema: Field::Read(server.schema.clone()),
        privileges,
        ownership,
        settings,
        size_bytes: match seen {
            Err(why) => Field::Unread(why.to_string()),
            Ok(tables) => Field::Read(tables.bytes()),
        },
        upgrade_steps,
        sessions,
        records,
    })
}
