//! The tables of the product's schema, and the settings of server, schema and tables.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::{Settings, TableGroup};

use super::super::gap::Gap;
use super::Server;
use super::rows::ask;

/// More tables than this are no product's; the look would take too long.
const MOST_TABLES: usize = 50_000;

/// More text columns than this are no product's.
const MOST_COLUMNS: usize = 1_000_000;

/// Names that stand for their group.
const MOST_EXAMPLES: usize = 5;

/// A table or view as far as the agent's account is shown it.
#[derive(Debug)]
struct Table {
    name: String,
    is_base: bool,
    engine: Option<String>,
    collation: Option<String>,
    bytes: u64,
}

/// The tables and views of the schema, sorted by name.
#[derive(Debug)]
pub(super) struct Tables(Vec<Table>);

impl Tables {
    /// Tables and views.
    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The names of the tables; views are left out.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().filter(|table| table.is_base).map(|table| table.name.clone()).collect()
    }

    /// What the tables and their indexes take.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().fold(0, |sum, table| sum.saturating_add(table.bytes))
    }
}

/// Reads the tables the agent's account is shown.
pub(super) async fn read_tables(session: &mut MySqlConnection, server: &Server) -> Result<Tables, Gap> {
    let sql = format!(
        "SELECT table_name, table_type, engine, table_collation, \
                CAST(COALESCE(data_length, 0) + COALESCE(index_length, 0) AS CHAR) \
           FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name LIMIT {}",
        MOST_TABLES + 1
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    if rows.len() > MOST_TABLES {
        return Err(Gap::Unread(format!("the schema {} has more than {MOST_TABLES} tables", server.schema)));
    }
    let mut tables: Vec<Table> = rows
        .iter()
        .map(|row| Table {
            name: row.owned(0),
            is_base: matches!(row.text(1), Some("BASE TABLE" | "SYSTEM VERSIONED")),
            engine: row.text(2).map(str::to_owned),
            collation: row.text(3).map(str::to_owned),
            bytes: row.text(4).and_then(|text| text.parse().ok()).unwrap_or_default(),
        })
        .collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Tables(tables))
}

/// Reads the settings that matter, as [`Settings`] lists them.
pub(super) async fn read_settings(
    session: &mut MySqlConnection,
    server: &Server,
    tables: &Tables,
) -> Result<Settings, Gap> {
    let (mut tables_by_engine, mut tables_by_collation) = (BTreeMap::new(), BTreeMap::new());
    for table in tables.0.iter().filter(|table| table.is_base) {
        // The server shows no engine when it cannot open the table.
        count_in(&mut tables_by_engine, table.engine.as_deref().unwrap_or("none"), &table.name);
        if let Some(collation) = &table.collation {
            count_in(&mut tables_by_collation, collation, &table.name);
        }
    }
    let base: BTreeSet<&str> =
        tables.0.iter().filter(|table| table.is_base).map(|table| table.name.as_str()).collect();
    let sql = format!(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns \
          WHERE table_schema = ? AND collation_name IS NOT NULL ORDER BY table_name, column_name LIMIT {}",
        MOST_COLUMNS + 1
    );
    let columns = ask(session, sql, &[&server.schema]).await?;
    if columns.len() > MOST_COLUMNS {
        return Err(Gap::Unread(format!(
            "the schema {} has more than {MOST_COLUMNS} columns",
            server.schema
        )));
    }
    for column in &columns {
        let (table, name) = (column.text(0).unwrap_or_default(), column.text(1).unwrap_or_default());
        if base.contains(table) {
            let collation = column.text(2).unwrap_or_default();
            count_in(&mut tables_by_collation, collation, &format!("{table}.{name}"));
        }
    }
    let values = read_values(session).await?;
    Ok(Settings { values, tables_by_engine, tables_by_collation })
}

fn count_in(groups: &mut BTreeMap<String, TableGroup>, group: &str, name: &str) {
    let group = groups.entry(group.to_owned()).or_default();
    group.count += 1;
    if group.examples.len() < MOST_EXAMPLES {
        group.examples.push(name.to_owned());
    }
}

/// The settings by name. A session begins with the global values; those of the agent's own session say nothing of
/// the product's.
async fn read_values(session: &mut MySqlConnection) -> Result<BTreeMap<String, String>, Gap> {
    let sql = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('transaction_isolation', 'tx_isolation', 'log_bin', \
               'binlog_format', 'max_allowed_packet', 'innodb_log_file_size', 'innodb_redo_log_capacity', 'sql_mode', \
               'default_storage_engine', 'log_bin_trust_function_creators', 'innodb_default_row_format')";
    let mut values = BTreeMap::new();
    for row in ask(session, sql, &[]).await? {
        values.insert(row.owned(0).to_lowercase(), row.owned(1));
    }
    // MariaDB before 11.1 and MySQL before 5.7.20 know the level of isolation by its older name only.
    if let Some(isolation) = values.remove("tx_isolation") {
        values.entry("transaction_isolation".to_owned()).or_insert(isolation);
    }
    let rows = ask(session, "SELECT @@character_set_database, @@collation_database", &[]).await?;
    let names = ["character_set_database", "collation_database"];
    for (index, name) in names.into_iter().enumerate() {
        if let Some(value) = rows.first().and_then(|row| row.text(index)) {
            values.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(values)
}
