//! What the catalogue tells of a schema whose release nothing states.

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::Engine;

use super::super::failure::one_line;
use super::super::gap::Gap;
use super::super::kernel::{Catalogue, Counter};
use super::super::peer::quote_mysql;
use super::Server;
use super::rows::{TextRow, ask};

/// Counters that are read.
const MOST_COUNTERS: usize = 1000;

/// Reads tables, indexes, columns and unique keys.
pub(in crate::collect::database) async fn catalogue(
    session: &mut MySqlConnection,
    server: &Server,
) -> Result<Catalogue, Gap> {
    let mut catalogue = Catalogue::default();
    let most = Catalogue::MOST + 1;
    let sql = format!(
        "SELECT table_name FROM information_schema.tables \
          WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') LIMIT {most}"
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    bounded(&rows, server)?;
    catalogue.tables = rows.iter().map(|row| upper(row, 0)).collect();
    let sql = format!(
        "SELECT table_name, column_name, CAST(character_maximum_length AS CHAR) FROM information_schema.columns \
          WHERE table_schema = ? LIMIT {most}"
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    bounded(&rows, server)?;
    for row in &rows {
        let width = row.text(2).and_then(|text| text.parse().ok());
        catalogue.columns.insert((upper(row, 0), upper(row, 1)), width);
    }
    // A key over the first letters of a column is none of the kernel's.
    let sql = format!(
        "SELECT table_name, index_name, column_name, CAST(non_unique AS CHAR), CAST(sub_part AS CHAR) \
           FROM information_schema.statistics WHERE table_schema = ? LIMIT {most}"
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    bounded(&rows, server)?;
    let mut partly = Vec::new();
    for row in &rows {
        let key = (upper(row, 0), upper(row, 1));
        catalogue.indexes.insert(upper(row, 1));
        if row.text(4).is_some() {
            partly.push(key);
        } else if row.text(3) == Some("0") {
            catalogue.uniques.entry(key).or_default().insert(upper(row, 2));
        }
    }
    for key in partly {
        catalogue.uniques.remove(&key);
    }
    Ok(catalogue)
}

fn upper(row: &TextRow, column: usize) -> String {
    row.text(column).unwrap_or_default().to_uppercase()
}

fn bounded(rows: &[TextRow], server: &Server) -> Result<(), Gap> {
    if rows.len() <= Catalogue::MOST {
        return Ok(());
    }
    Err(Gap::Unread(format!("the schema {} holds more than {} names", server.schema, Catalogue::MOST)))
}

/// Counters of the tables themselves.
pub(in crate::collect::database) async fn counters(
    session: &mut MySqlConnection,
    server: &Server,
) -> Result<Vec<Counter>, Gap> {
    let sql = format!(
        "SELECT c.table_name, c.column_name FROM information_schema.columns AS c \
          WHERE c.table_schema = ? AND LOWER(c.extra) LIKE '%auto_increment%' ORDER BY 1, 2 LIMIT {MOST_COUNTERS}"
    );
    let rows = ask(session, sql, &[&server.schema]).await?;
    let schema = &server.schema;
    let counter = |row: &TextRow| {
        let (table, column) = (row.owned(0), row.owned(1));
        let literal = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
        Counter {
            name: "AUTO_INCREMENT".to_owned(),
            next: format!(
                "SELECT CAST(auto_increment AS CHAR) FROM information_schema.tables \
                  WHERE table_schema = {} AND table_name = {}",
                literal(schema),
                literal(&table)
            ),
            largest: format!(
                "SELECT CAST(MAX({}) AS CHAR) FROM {}.{}",
                quote_mysql(&column),
                quote_mysql(schema),
                quote_mysql(&table)
            ),
            table,
            column,
        }
    };
    Ok(rows.iter().map(counter).collect())
}

/// Where the server runs and when it was started or, on MySQL, which it says it is.
///
/// Server ids are no help: they are 1 everywhere but under replication. Copies of a server's files share its other id.
pub(in crate::collect::database) async fn identity(
    session: &mut MySqlConnection,
    server: &Server,
) -> Result<String, Gap> {
    let sql = match server.engine {
        // Both times are those of this question, so that their difference is the same each time.
        Engine::Mariadb => {
            "SELECT CONCAT(@@hostname, ':', @@port, ' started ', UNIX_TIMESTAMP() - variable_value) \
               FROM information_schema.global_status WHERE variable_name = 'UPTIME'"
        }
        Engine::Mysql
        | Engine::Postgresql
        | Engine::SqlServer
        | Engine::Oracle
        | Engine::H2
        | Engine::Hsqldb => "SELECT CONCAT(@@hostname, ':', @@port, ' ', @@server_uuid)",
    };
    let rows = ask(session, sql, &[]).await?;
    let told = rows.first().and_then(|row| row.text(0)).map(one_line);
    told.ok_or_else(|| Gap::Unread("the server does not say which it is".to_owned()))
}
