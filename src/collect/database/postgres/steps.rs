//! Reads the product's own record of upgrades.

use jiff::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};
use upgrade_readiness_checks::facts::UpgradeStep;

use super::super::gap::Gap;
use super::super::peer::quote_postgres;
use super::super::upgrade_table::{MOST_STEPS, Row as StepRow, UpgradeTable, find_name, parse_steps};
use super::schema::Schema;
use super::tables::{Table, find_table};

/// A column.
struct Column {
    name: String,
    /// Its type, when it is one of the server's own: reading others could run somebody's functions.
    kind: Option<String>,
}

/// Reads the newest rows. A view of that name does not count: reading it could run somebody's functions.
pub(super) async fn read_steps(
    session: &mut PgConnection,
    schema: &Schema,
    wanted: UpgradeTable,
    agent: &str,
) -> Result<Vec<UpgradeStep>, Gap> {
    let Some(table) = find_table(session, schema, wanted.table).await? else {
        return Err(Gap::Unread(format!(
            "the schema {} holds no table {}; is this the product's database, and is currentSchema in the JDBC URL \
             right?",
            schema.name, wanted.table
        )));
    };
    let place = table.readable_place(schema, agent)?;
    let columns = read_columns(session, &table).await?;
    let find = |meant| {
        let name = find_name(meant, columns.iter().map(|column| column.name.as_str()))?;
        columns.iter().find(|column| column.name == name)
    };
    let Some(build) = find(wanted.build) else {
        return Err(Gap::Unread(format!("{place} has no column {}", wanted.build)));
    };
    let tag = find(wanted.tag);
    if let Some(column) = [Some(build), tag].into_iter().flatten().find(|column| column.kind.is_none()) {
        return Err(Gap::Unread(format!(
            "the column {} of {place} has a type that is not the server's",
            column.name
        )));
    }
    let is_time =
        |column: &&Column| matches!(column.kind.as_deref(), Some("timestamp" | "timestamptz" | "date"));
    let time = find(wanted.installed).filter(is_time).map(|column| quote_postgres(&column.name));
    let tag = tag.map(|column| quote_postgres(&column.name));
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

async fn read_columns(session: &mut PgConnection, table: &Table) -> Result<Vec<Column>, Gap> {
    let query = sqlx::query(
        "SELECT a.attname::text, CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text END \
           FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid \
          WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 100",
    );
    let rows = query.persistent(false).bind(table.oid).fetch_all(session).await?;
    let column = |row: &sqlx::postgres::PgRow| Ok(Column { name: row.try_get(0)?, kind: row.try_get(1)? });
    rows.iter().map(column).collect()
}
