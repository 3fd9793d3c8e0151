//! What the account the agent looks with may do beyond reading.
//!
//! Asked when a person wants to know, and not at every look. Rights everybody has on the server do not count: making
//! temporary tables in PostgreSQL, and logging in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use upgrade_readiness_checks::facts::FailureKind;

use super::errand::{Session, StatementError};
use super::failure::LookError;
use super::mysql::{Grant, Scope, parse_grant, quote_account};
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
}

/// A right that looking does not need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The right, in words.
    pub may: String,
    /// The statement that takes it away.
    pub undo: String,
}

/// Rights that only read, of MySQL and MariaDB.
const READING: [&str; 9] = [
    "USAGE",
    "SELECT",
    "SHOW VIEW",
    "SHOW DATABASES",
    "PROCESS",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "SHOW_ROUTINE",
];

/// Roles of PostgreSQL with which reading ends.
const MIGHTY_ROLES: &str = "'pg_write_all_data', 'pg_execute_server_program', 'pg_write_server_files', \
                            'pg_read_server_files', 'pg_signal_backend', 'pg_create_subscription', 'pg_checkpoint'";

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
    let Connection { username, account, schema, .. } = &*connection;
    let (account, is_the_products) = (username.clone(), username == account);
    let schema = schema.clone();
    let mut session = Session::open(*connection, limit).await?;
    session.limit_statements(limit).await;
    let asked = timeout_at(by, beyond(&mut session, &account, schema.as_deref())).await;
    session.close().await;
    match asked {
        Ok(Ok(beyond)) => Ok(Some(Looker { account, is_the_products, beyond })),
        Ok(Err(refused)) => Err(CollectError::new(FailureKind::Denied, refused, "")),
        Err(_elapsed) => Err(LookError::DirectionsTimeout { limit }.into()),
    }
}

async fn beyond(
    session: &mut Session,
    account: &str,
    schema: Option<&str>,
) -> Result<Vec<Beyond>, StatementError> {
    match session {
        Session::Postgresql(_) => of_postgresql(session, account, schema).await,
        Session::Mysql(_) => of_mysql(session, account).await,
    }
}

async fn of_postgresql(
    session: &mut Session,
    account: &str,
    schema: Option<&str>,
) -> Result<Vec<Beyond>, StatementError> {
    let quoted = quote(account);
    let mut beyond = Vec::new();
    let attributes = [
        ("rolsuper", "everything: it is a superuser", "NOSUPERUSER"),
        ("rolcreaterole", "make and change roles", "NOCREATEROLE"),
        ("rolcreatedb", "make databases", "NOCREATEDB"),
        ("rolreplication", "copy the whole server as a replica", "NOREPLICATION"),
        ("rolbypassrls", "read past row-level security", "NOBYPASSRLS"),
    ];
    for (attribute, may, word) in attributes {
        let question =
            format!("SELECT {attribute}::text FROM pg_catalog.pg_roles WHERE rolname = current_user");
        if session.value(&question).await?.as_deref() == Some("true") {
            beyond.push(Beyond { may: may.to_owned(), undo: format!("ALTER ROLE {quoted} {word};") });
            if attribute == "rolsuper" {
                // All that follows would only say the same.
                return Ok(beyond);
            }
        }
    }
    let roles = format!(
        "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ({MIGHTY_ROLES}) AND \
         pg_catalog.pg_has_role(current_user, oid, 'MEMBER') ORDER BY 1"
    );
    for role in session.column(&roles).await?.into_iter().flatten() {
        beyond
            .push(Beyond { may: format!("what {role} may"), undo: format!("REVOKE {role} FROM {quoted};") });
    }
    let create = "SELECT pg_catalog.current_database() WHERE \
                  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')";
    if let Some(database) = session.value(create).await? {
        beyond.push(Beyond {
            may: format!("make schemas in the database {database}"),
            undo: format!("REVOKE CREATE ON DATABASE {} FROM {quoted};", quote(&database)),
        });
    }
    let schemas = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> \
                   'information_schema' AND pg_catalog.has_schema_privilege(oid, 'CREATE') ORDER BY 1";
    for name in session.column(schemas).await?.into_iter().flatten() {
        // Up to PostgreSQL 14 everybody may write into `public`.
        beyond.push(Beyond {
            may: format!("make tables in the schema {name}"),
            undo: format!("REVOKE CREATE ON SCHEMA {name} FROM {quoted}, PUBLIC;", name = quote(&name)),
        });
    }
    let of_schema =
        schema.map(|schema| format!(" AND n.nspname = '{}'", schema.replace('\'', "''"))).unwrap_or_default();
    let tables = format!(
        "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = \
         c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND \
         pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'){of_schema} \
         ORDER BY 1 LIMIT 10001"
    );
    let tables: Vec<String> = session.column(&tables).await?.into_iter().flatten().collect();
    if let Some(first) = tables.first() {
        let schema = schema.or_else(|| first.split('.').next()).map(quote).unwrap_or_default();
        let number =
            if tables.len() > 10_000 { "more than 10000".to_owned() } else { tables.len().to_string() };
        beyond.push(Beyond {
            may: format!("change rows of {number} tables, such as {first}"),
            undo: format!(
                "REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA {schema} FROM \
                 {quoted}; and take it out of the roles that may"
            ),
        });
    }
    Ok(beyond)
}

async fn of_mysql(session: &mut Session, account: &str) -> Result<Vec<Beyond>, StatementError> {
    let mut lines = session.column("SHOW GRANTS").await?;
    let mut beyond = Vec::new();
    let roles: BTreeSet<String> = lines.iter().flatten().flat_map(|line| roles_of(line)).collect();
    for role in &roles {
        match session.column(&format!("SHOW GRANTS FOR {role}")).await {
            Ok(more) => lines.extend(more),
            // MySQL asks for a right to see the grants of others, roles too.
            Err(_) => beyond.push(Beyond {
                may: format!("what the role {role} may, which the server does not tell"),
                undo: format!("Look with `SHOW GRANTS FOR {role}` as an administrator;"),
            }),
        }
    }
    for line in lines.iter().flatten() {
        beyond.extend(beyond_of(line, account));
    }
    beyond.dedup();
    Ok(beyond)
}

fn roles_of(line: &str) -> Vec<String> {
    match parse_grant(line) {
        Ok(Grant::Roles { roles, .. }) => roles.iter().map(quote_account).collect(),
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// What one line of `SHOW GRANTS` gives beyond reading. The line itself may hold a password hash and is never shown.
fn beyond_of(line: &str, account: &str) -> Option<Beyond> {
    let Ok(Grant::Privileges { privileges, scope, .. }) = parse_grant(line) else { return None };
    let more: Vec<&str> =
        privileges.iter().map(String::as_str).filter(|privilege| !READING.contains(privilege)).collect();
    if more.is_empty() {
        return None;
    }
    let place = match scope {
        Scope::Global => "*.*".to_owned(),
        Scope::Schema(schema) => format!("`{}`.*", schema.replace('`', "``")),
        Scope::Table { schema, table } => {
            format!("`{}`.`{}`", schema.replace('`', "``"), table.replace('`', "``"))
        }
    };
    let more = more.join(", ");
    Some(Beyond {
        may: format!("{more} on {place}"),
        undo: format!("REVOKE {more} ON {place} FROM {}@…; as `SHOW GRANTS` names it", literal(account)),
    })
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_grant_gives_beyond_reading_is_told_without_the_hash() {
        let rows = [
            (
                "GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*A4B6157319038724E3560894F7F932C8886EBFCF'",
                None,
            ),
            ("GRANT SELECT, SHOW VIEW ON `wiki`.* TO `r`@`%`", None),
            ("GRANT SELECT, INSERT, UPDATE ON `wi``ki`.* TO `r`@`%`", Some("INSERT, UPDATE on `wi``ki`.*")),
            ("GRANT ALL PRIVILEGES ON *.* TO `r`@`%` WITH GRANT OPTION", Some("ALL PRIVILEGES")),
            ("GRANT DELETE ON `wiki`.`CONTENT` TO `r`@`%`", Some("DELETE on `wiki`.`CONTENT`")),
            ("GRANT PROCESS ON *.* TO `r`@`%`", None),
            ("GRANT `writers` TO `r`@`%`", None),
            ("nonsense", None),
        ];
        for (line, expected) in rows {
            let beyond = beyond_of(line, "r");
            match expected {
                None => assert_eq!(beyond, None, "{line}"),
                Some(words) => {
                    let beyond = beyond.unwrap();
                    assert!(beyond.may.contains(words) && beyond.undo.starts_with("REVOKE "), "{beyond:?}");
                    assert!(!format!("{beyond:?}").contains("A4B615"), "{beyond:?}");
                }
            }
        }
        assert_eq!(roles_of("GRANT `wri'ters` TO `r`@`%`"), ["`wri'ters`"]);
    }
}
