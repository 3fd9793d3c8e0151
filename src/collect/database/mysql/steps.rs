//! Reads the product's own record of upgrades.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::UpgradeStep;

use super::super::failure::quote_mysql;
use super::super::gap::Gap;
use super::super::upgrade_table::{MOST_STEPS, Row, UpgradeTable, find_name, parse_steps};
use super::Server;
use super::accounts::Looker;
use super::rows::ask;

/// Reads the newest rows. A view of that name does not count: reading it could run somebody's functions.
pub(super) async fn read_steps(
    session: &mut MySqlConnection,
    server: &Server,
    looker: &Looker,
    wanted: UpgradeTable,
) -> Result<Vec<UpgradeStep>, Gap> {
    let sql = "SELECT table_name FROM information_schema.tables \
                WHERE table_schema = ? AND table_type = 'BASE TABLE' AND LOWER(table_name) = LOWER(?)";
    let rows = ask(session, sql, &[&server.schema, wanted.table]).await?;
    let Some(table) = find_name(wanted.table, rows.iter().filter_map(|row| row.text(0))) else {
        return Err(Gap::Unread(format!(
            "{} is shown no table {} in the schema {}; is this the product's database? If so: GRANT SELECT ON {}.* TO \
             {}",
            looker.current_user,
            wanted.table,
            server.schema,
            quote_mysql(&server.schema),
            looker.quoted()
        )));
    };
    let place = format!("{}.{}", quote_mysql(&server.schema), quote_mysql(table));
    let sql = "SELECT column_name, LOWER(data_type) FROM information_schema.columns \
                WHERE table_schema = ? AND table_name = ? LIMIT 100";
    let columns = ask(session, sql, &[&server.schema, table]).await?;
    let find = |meant: &str| find_name(meant, columns.iter().filter_map(|row| row.text(0)));
    let Some(build) = find(wanted.build).map(quote_mysql) else {
        return Err(Gap::Unread(format!(
            "{place} has no column {} that {} is shown",
            wanted.build, looker.current_user
        )));
    };
    let is_time = |name: &str| {
        let column = columns.iter().find(|row| row.text(0) == Some(name));
        column.is_some_and(|row| matches!(row.text(1), Some("datetime" | "timestamp" | "date")))
    };
    let time = find(wanted.installed).filter(|name| is_time(name)).map(quote_mysql);
    let tag = find(wanted.tag).map(quote_mysql);
    let sql = format!(
        "SELECT CAST({build} AS CHAR), DATE_FORMAT({time}, '%Y-%m-%dT%H:%i:%s'), LEFT({tag}, 1000) FROM {place} \
          ORDER BY {time} DESC, {build} DESC LIMIT {MOST_STEPS}",
        time = time.as_deref().unwrap_or("NULL"),
        tag = tag.as_deref().unwrap_or("NULL"),
    );
    let rows = ask(session, sql, &[]).await?;
    let steps = rows.iter().map(|row| Row {
        build: row.text(0).map(str::to_owned),
        // A date of zeros, which these servers can hold, is none.
        installed_at: row
            .text(1)
            .and_then(|text| text.parse::<DateTime>().ok())
            .and_then(|at| at.to_zoned(TimeZone::UTC).ok())
            .map(|at| at.timestamp()),
        tag: row.text(2).map(str::to_owned),
    });
    parse_steps(&place, steps.collect())
}
