//! Reads the product's own record of upgrades.

use jiff::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Row};
use upgrade_readiness_checks::facts::UpgradeStep;

use super::super::failure::quote_postgres;
use super::super::gap::Gap;
use super::super::upgrade_table::{MOST_STEPS, Row as StepRow, UpgradeTable, find_name, parse_steps};
use super::schema::Schema;

/// A column and the name of its type.
struct Column {
    name: String,
    kind: String,
}

/// Reads the newest rows. A view of that name does not count: reading it could run somebody's functions.
pub(super) async fn read_steps(
    session: &mut PgConnection,
    schema: &Schema,
    wanted: UpgradeTable,
    agent: &str,
) -> Result<Vec<UpgradeStep>, Gap> {
    let table = find_table(session, schema, wanted).await?;
    let place = format!("{}.{}", quote_postgres(&schema.name), quote_postgres(&table.name));
    if !table.readable {
        return Err(Gap::Unread(format!(
            "the account {agent} may not read {place}: GRANT USAGE ON SCHEMA {} TO {agent}; GRANT SELECT ON {place} \
             TO {agent}",
            quote_postgres(&schema.name),
            agent = quote_postgres(agent)
        )));
    }
    let columns = read_columns(session, table.oid).await?;
    let find = |meant| {
        let name = find_name(meant, columns.iter().map(|column| column.name.as_str()))?;
        columns.iter().find(|column| column.name == name)
    };
    let Some(build) = find(wanted.build) else {
        return Err(Gap::Unread(format!("{place} has no column {}", wanted.build)));
    };
    let is_time = |column: &&Column| matches!(column.kind.as_str(), "timestamp" | "timestamptz" | "date");
    let time = find(wanted.installed).filter(is_time).map(|column| quote_postgres(&column.name));
    let tag = find(wanted.tag).map(|column| quote_postgres(&column.name));
    let build = quote_postgres(&build.name);
    // Names of the server's own catalogue, quoted.
    let sql = format!(
        "SELECT {build}::text, {seconds}, {tag} FROM {place} ORDER BY {time} DESC NULLS LAST, {build} DESC NULLS \
         LAST LIMIT {MOST_STEPS}",
        seconds = time.as_ref().map_or_else(
            || "NULL::bigint".to_owned(),
            |time| format!("CASE WHEN isfinite({time}) THEN floor(extract(epoch FROM {time}))::bigint END")
        ),
        tag = tag.map_or_else(|| "NULL::text".to_owned(), |tag| format!("left({tag}::text, 1000)")),
        time = time.as_deref().unwrap_or("NULL::bigint"),
    );
    let mut steps = Vec::new();
    for row in sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(session).await? {
        let seconds: Option<i64> = row.try_get(1)?;
        let installed_at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
        steps.push(StepRow { build: row.try_get(0)?, installed_at, tag: row.try_get(2)? });
    }
    parse_steps(&place, steps)
}

struct Table {
    oid: Oid,
    name: String,
    readable: bool,
}

async fn find_table(session: &mut PgConnection, schema: &Schema, wanted: UpgradeTable) -> Result<Table, Gap> {
    let query = sqlx::query(
        "SELECT c.oid, c.relname::text, \
                has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') \
           FROM pg_class AS c \
          WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') AND lower(c.relname) = lower($2) \
          ORDER BY c.relname <> $2, c.relname LIMIT 1",
    );
    let row = query.persistent(false).bind(schema.oid).bind(wanted.table).fetch_optional(session).await?;
    match row {
        Some(row) => Ok(Table { oid: row.try_get(0)?, name: row.try_get(1)?, readable: row.try_get(2)? }),
        None => Err(Gap::Unread(format!(
            "the schema {} holds no table {}; is this the product's database, and is currentSchema in the JDBC URL \
             right?",
            schema.name, wanted.table
        ))),
    }
}

async fn read_columns(session: &mut PgConnection, table: Oid) -> Result<Vec<Column>, Gap> {
    let query = sqlx::query(
        "SELECT a.attname::text, t.typname::text FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid \
          WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 100",
    );
    let rows = query.persistent(false).bind(table).fetch_all(session).await?;
    let column = |row: &sqlx::postgres::PgRow| Ok(Column { name: row.try_get(0)?, kind: row.try_get(1)? });
    rows.iter().map(column).collect()
}
