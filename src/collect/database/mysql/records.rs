//! Tables of the product's schema: where they are, how large they are, what is said twice in them.

use std::collections::BTreeSet;

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::{Leftover, LeftoverKind, TableSize};

use super::super::gap::Gap;
use super::super::peer::quote_mysql;
use super::super::records::{Column, Growing};
use super::super::upgrade_table::find_name;
use super::Server;
use super::rows::ask;

/// Growing tables that are listed, the largest ones.
const MOST_SIZES: usize = 200;

/// More key columns than this are no product's.
const MOST_KEY_COLUMNS: usize = 100_000;

/// Finds a table whatever its case, as the catalogue writes it. A view of that name does not count.
pub(in crate::collect::database) async fn find_table(
    session: &mut MySqlConnection,
    server: &Server,
    name: &str,
) -> Result<Option<String>, Gap> {
    let sql = "SELECT table_name FROM information_schema.tables \
                WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
                  AND LOWER(table_name) = LOWER(?)";
    let rows = ask(session, sql, &[&server.schema, name]).await?;
    Ok(find_name(name, rows.iter().filter_map(|row| row.text(0))).map(str::to_owned))
}

/// The columns of a table; these servers have no types but their own.
pub(in crate::collect::database) async fn read_columns(
    session: &mut MySqlConnection,
    server: &Server,
    table: &str,
) -> Result<Vec<Column>, Gap> {
    let sql = "SELECT column_name FROM information_schema.columns \
                WHERE table_schema = ? AND table_name = ? LIMIT 200";
    let rows = ask(session, sql, &[&server.schema, table]).await?;
    let column = |name: String| Column { quoted: Some(quote_mysql(&name)), name };
    Ok(rows.iter().map(|row| column(row.owned(0))).collect())
}

/// Whether a unique index on this column alone is there.
pub(in crate::collect::database) async fn is_unique(
    session: &mut MySqlConnection,
    server: &Server,
    table: &str,
    column: &str,
) -> Result<bool, Gap> {
    let sql = "SELECT index_name FROM information_schema.statistics \
                WHERE table_schema = ? AND LOWER(table_name) = LOWER(?) AND non_unique = 0 \
                GROUP BY table_name, index_name \
               HAVING COUNT(*) = 1 AND MAX(LOWER(column_name)) = LOWER(?) AND MAX(sub_part) IS NULL LIMIT 1";
    Ok(!ask(session, sql, &[&server.schema, table, column]).await?.is_empty())
}

/// Sizes of the tables that are known to grow, as the server estimates them.
pub(in crate::collect::database) async fn growing_tables(
    session: &mut MySqlConnection,
    server: &Server,
    growing: &Growing,
) -> Result<Vec<TableSize>, Gap> {
    let sql = "SELECT table_name, CAST(table_rows AS CHAR), CAST(COALESCE(data_length, 0) AS CHAR), \
                      CAST(COALESCE(data_length, 0) + COALESCE(index_length, 0) AS CHAR) \
                 FROM information_schema.tables \
                WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
                ORDER BY COALESCE(data_length, 0) + COALESCE(index_length, 0) DESC, table_name LIMIT 50000";
    let rows = ask(session, sql, &[&server.schema]).await?;
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let is_growing = |name: &str| {
        let name = name.to_lowercase();
        growing.names.contains(&name.as_str())
            || growing.prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    let tables = rows.iter().filter(|row| row.text(0).is_some_and(is_growing)).take(MOST_SIZES);
    let size = |row: &super::rows::TextRow| TableSize {
        name: row.owned(0),
        rows: number(row.text(1)),
        row_bytes: number(row.text(2)).unwrap_or_default(),
        bytes: number(row.text(3)).unwrap_or_default(),
    };
    Ok(tables.map(size).collect())
}

/// Foreign keys that say what another one of their table says already. These servers finish or undo everything else.
pub(in crate::collect::database) async fn leftovers(
    session: &mut MySqlConnection,
    server: &Server,
) -> Result<Vec<Leftover>, Gap> {
    let sql = format!(
        "SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name \
           FROM information_schema.key_column_usage \
          WHERE table_schema = ? AND referenced_table_name IS NOT NULL \
          ORDER BY table_name, constraint_name, ordinal_position LIMIT {}",
        MOST_KEY_COLUMNS + 1
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    if rows.len() > MOST_KEY_COLUMNS {
        return Err(Gap::Unread(format!(
            "the schema {} has more than {MOST_KEY_COLUMNS} key columns",
            server.schema
        )));
    }
    let mut keys: Vec<(String, String, Vec<String>)> = Vec::new();
    for row in &rows {
        let part = format!("{} {} {}", row.owned(2), row.owned(3), row.owned(4));
        match keys.last_mut() {
            Some((table, name, parts)) if *table == row.owned(0) && *name == row.owned(1) => parts.push(part),
            _ => keys.push((row.owned(0), row.owned(1), vec![part])),
        }
    }
    let mut seen = BTreeSet::new();
    let mut leftovers = Vec::new();
    for (table, name, parts) in keys {
        if !seen.insert((table.clone(), parts)) && leftovers.len() <= Leftover::MOST {
            leftovers.push(Leftover { kind: LeftoverKind::DuplicateConstraint, table, name });
        }
    }
    leftovers.sort();
    Ok(leftovers)
}
