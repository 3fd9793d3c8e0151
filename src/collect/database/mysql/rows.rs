//! Asks questions whose answers are all text.
//!
//! Servers disagree on the types of their catalogues' columns (MySQL 8 sends many as bytes), so numbers are cast to
//! text in the question, and bytes are read as text here.

use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{AssertSqlSafe, Row, raw_sql};

/// A row of an answer.
#[derive(Debug)]
pub(in crate::collect::database) struct TextRow(Vec<Option<String>>);

impl TextRow {
    /// All values.
    pub(in crate::collect::database) fn into_values(self) -> Vec<Option<String>> {
        self.0
    }

    /// The value of a column, when it has one.
    pub(super) fn text(&self, column: usize) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// The value of a column, empty when it has none.
    pub(super) fn owned(&self, column: usize) -> String {
        self.text(column).unwrap_or_default().to_owned()
    }
}

/// Asks with values for the question marks. `sql` consists of our own words and quoted names.
pub(in crate::collect::database) async fn ask(
    session: &mut MySqlConnection,
    sql: impl Into<String>,
    values: &[&str],
) -> Result<Vec<TextRow>, sqlx::Error> {
    let sql = AssertSqlSafe(sql.into());
    let rows = if values.is_empty() {
        raw_sql(sql).fetch_all(session).await?
    } else {
        let query = sqlx::query(sql).persistent(false);
        let query = values.iter().fold(query, |query, value| query.bind((*value).to_owned()));
        query.fetch_all(session).await?
    };
    rows.iter().map(to_text).collect()
}

fn to_text(row: &MySqlRow) -> Result<TextRow, sqlx::Error> {
    let bytes = (0..row.len()).map(|column| row.try_get_unchecked::<Option<Vec<u8>>, _>(column));
    let texts = bytes.map(|bytes| Ok(bytes?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())));
    texts.collect::<Result<_, _>>().map(TextRow)
}

/// The number of an error the server told.
pub(in crate::collect::database) fn error_number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(told) = error else { return None };
    told.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}
