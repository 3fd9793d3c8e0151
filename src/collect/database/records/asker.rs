//! One way to ask both kinds of servers: where a table is, and questions whose answers are text.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use upgrade_readiness_checks::facts::{Engine, Field, Leftover, Records, TableSize};

use super::super::failure::told;
use super::super::gap::{Gap, into_field};
use super::super::kernel::{Catalogue, Counter};
use super::super::peer::quote_mysql;
use super::super::upgrade_table::find_name;
use super::super::{mysql, postgres};
use super::Growing;

/// Rows of an answer, every value as text.
pub(in crate::collect::database) type TextRows = Vec<Vec<Option<String>>>;

/// A session, and what is known of the schema it asks about.
pub(in crate::collect::database) enum Asker<'a> {
    /// PostgreSQL.
    Postgres {
        /// The session, in its read-only transaction with a savepoint.
        session: &'a mut PgConnection,
        /// The schema with the product's tables.
        schema: &'a postgres::Schema,
        /// The account the agent looks with.
        agent: &'a str,
    },
    /// MySQL and MariaDB.
    Mysql {
        /// The session, in its read-only transaction.
        session: &'a mut MySqlConnection,
        /// The server and the schema.
        server: &'a mysql::Server,
        /// The account the agent looks with.
        looker: &'a mysql::Looker,
        /// Why the agent is not shown all tables, when it is not.
        blind: Option<String>,
    },
}

/// A table that is there and may be read, with names as statements write them.
pub(in crate::collect::database) struct Table {
    /// Its name, as the server stores it.
    pub(in crate::collect::database) name: String,
    /// Schema and table.
    pub(in crate::collect::database) place: String,
    columns: Vec<Column>,
    /// Who is shown the columns, for messages.
    shown_to: String,
}

/// A column: its name, and its name as statements write it when its type is one of the server's own.
pub(in crate::collect::database) struct Column {
    pub(in crate::collect::database) name: String,
    /// Reading a type that is not the server's could run somebody's functions.
    pub(in crate::collect::database) quoted: Option<String>,
}

impl Table {
    /// A column as statements write it.
    pub(in crate::collect::database) fn column(&self, meant: &str) -> Result<&str, Gap> {
        let name = find_name(meant, self.columns.iter().map(|column| column.name.as_str()));
        let column = name.and_then(|name| self.columns.iter().find(|column| column.name == name));
        match column {
            Some(Column { quoted: Some(quoted), .. }) => Ok(quoted),
            Some(Column { name, quoted: None }) => Err(Gap::Unread(format!(
                "the column {name} of {} has a type that is not the server's",
                self.place
            ))),
            None => Err(Gap::Unread(format!(
                "{} has no column {meant} that {} is shown",
                self.place, self.shown_to
            ))),
        }
    }
}

impl Asker<'_> {
    /// Turns an answer into a field; the transaction goes on whatever it was.
    pub(in crate::collect::database) async fn settle<T>(
        &mut self,
        outcome: Result<T, Gap>,
    ) -> Result<Field<T>, sqlx::Error> {
        match self {
            Self::Postgres { session, .. } => postgres::settle(session, outcome).await,
            Self::Mysql { .. } => into_field(outcome),
        }
    }

    /// Finds a table; `None` when the whole schema could be seen and it is not in it.
    pub(in crate::collect::database) async fn table(&mut self, name: &str) -> Result<Option<Table>, Gap> {
        match self {
            Self::Postgres { session, schema, agent } => {
                let Some(table) = postgres::find_table(session, schema, name).await? else { return Ok(None) };
                let place = table.readable_place(schema, agent)?;
                let columns = postgres::read_columns(session, &table).await?;
                let name = table.name().to_owned();
                Ok(Some(Table { name, place, columns, shown_to: (*agent).to_owned() }))
            }
            Self::Mysql { session, server, looker, blind } => {
                let Some(found) = mysql::find_table(session, server, name).await? else {
                    return match blind {
                        Some(why) => Err(Gap::Unread(why.clone())),
                        None => Ok(None),
                    };
                };
                let columns = mysql::read_columns(session, server, &found).await?;
                let place = format!("{}.{}", quote_mysql(&server.schema), quote_mysql(&found));
                Ok(Some(Table { name: found, place, columns, shown_to: looker.current_user.clone() }))
            }
        }
    }

    /// Finds a table every installation of the product has.
    pub(super) async fn known_table(&mut self, name: &str) -> Result<Table, Gap> {
        let schema = match self {
            Self::Postgres { schema, .. } => schema.name.clone(),
            Self::Mysql { server, .. } => server.schema.clone(),
        };
        self.table(name).await?.ok_or_else(|| {
            Gap::Unread(format!(
                "the schema {schema} holds no table {name}; is this the product's database, and is the schema in its \
                 JDBC URL right?"
            ))
        })
    }

    /// Asks; `sql` consists of our own words and quoted names, and every value it selects is text.
    pub(in crate::collect::database) async fn ask(&mut self, sql: String) -> Result<TextRows, Gap> {
        match self {
            Self::Postgres { session, .. } => {
                let rows =
                    sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_all(&mut **session).await?;
                let row = |row: &sqlx::postgres::PgRow| (0..row.len()).map(|at| row.try_get(at)).collect();
                Ok(rows.iter().map(row).collect::<Result<_, sqlx::Error>>()?)
            }
            Self::Mysql { session, server, looker, .. } => {
                let asked = mysql::ask(session, sql, &[]).await;
                let rows = asked.map_err(|error| match mysql::error_number(&error) {
                    // ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR
                    Some(1142 | 1143) => Gap::Unread(format!(
                        "{}: GRANT SELECT ON {}.* TO {}",
                        told(&error),
                        quote_mysql(&server.schema),
                        looker.quoted()
                    )),
                    _ => Gap::from(error),
                })?;
                Ok(rows.into_iter().map(mysql::TextRow::into_values).collect())
            }
        }
    }

    /// Counts the rows of a question; the server stops after [`Records::MOST`] and one more.
    pub(in crate::collect::database) async fn count(&mut self, sql: &str) -> Result<u64, Gap> {
        let number = self.text("count(*)");
        let rows = self.ask(format!("SELECT {number} FROM ({sql} LIMIT {}) AS x", Records::MOST + 1)).await?;
        let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        let count = text.and_then(|text| text.parse().ok());
        count.ok_or_else(|| Gap::Unread("the server's answer to a count is no number".to_owned()))
    }

    /// Counts every row of a table; the server itself ends what takes longer than `limit`.
    pub(super) async fn count_all(&mut self, table: &Table, limit: Duration) -> Result<u64, Gap> {
        self.limit_statements(limit).await?;
        let number = self.text("count(*)");
        let rows = self.ask(format!("SELECT {number} FROM {}", table.place)).await?;
        let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
        let count = text.and_then(|text| text.parse().ok());
        count.ok_or_else(|| Gap::Unread("the server's answer to a count is no number".to_owned()))
    }

    async fn limit_statements(&mut self, limit: Duration) -> Result<(), Gap> {
        match self {
            Self::Postgres { session, .. } => postgres::limit_statements(session, limit).await?,
            Self::Mysql { session, server, .. } => mysql::limit_statements(session, server, limit).await?,
        }
        Ok(())
    }

    /// An expression as text.
    pub(in crate::collect::database) fn text(&self, expression: &str) -> String {
        match self {
            Self::Postgres { .. } => format!("({expression})::text"),
            Self::Mysql { .. } => format!("CAST({expression} AS CHAR)"),
        }
    }

    /// An expression as bytes or text that compares exactly, whatever the collation of the column.
    pub(in crate::collect::database) fn exact(&self, expression: &str) -> String {
        match self {
            Self::Postgres { .. } => format!("({expression})::text"),
            Self::Mysql { .. } => format!("CAST({expression} AS BINARY)"),
        }
    }

    /// A flag of the product, which is a letter, a number or a boolean.
    pub(in crate::collect::database) fn is_on(&self, column: &str) -> String {
        format!("upper({}) IN ('T', 'TRUE', 'Y', '1')", self.text(column))
    }

    /// What the catalogue tells of the kernel's tables.
    pub(in crate::collect::database) async fn catalogue(&mut self) -> Result<Catalogue, Gap> {
        match self {
            Self::Postgres { session, schema, .. } => postgres::catalogue(session, schema).await,
            Self::Mysql { blind: Some(why), .. } => Err(Gap::Unread(why.clone())),
            Self::Mysql { session, server, .. } => mysql::catalogue(session, server).await,
        }
    }

    /// Every counter that gives the numbers of a column.
    pub(in crate::collect::database) async fn counters(&mut self) -> Result<Vec<Counter>, Gap> {
        match self {
            Self::Postgres { session, schema, agent } => postgres::counters(session, schema, agent).await,
            Self::Mysql { blind: Some(why), .. } => Err(Gap::Unread(why.clone())),
            Self::Mysql { session, server, .. } => mysql::counters(session, server).await,
        }
    }

    /// What tells the server from every other, until it is restarted.
    pub(in crate::collect::database) async fn identity(&mut self) -> Result<String, Gap> {
        match self {
            Self::Postgres { session, .. } => postgres::identity(session).await,
            Self::Mysql { session, server, .. } => mysql::identity(session, server).await,
        }
    }

    /// The engine of the server.
    pub(in crate::collect::database) fn engine(&self) -> Engine {
        match self {
            Self::Postgres { .. } => Engine::Postgresql,
            Self::Mysql { server, .. } => server.engine,
        }
    }

    /// The indexes of a table that keep the values of a column apart.
    pub(super) async fn is_unique(&mut self, table: &str, column: &str) -> Result<bool, Gap> {
        match self {
            Self::Postgres { session, schema, .. } => {
                postgres::is_unique(session, schema, table, column).await
            }
            Self::Mysql { session, server, .. } => mysql::is_unique(session, server, table, column).await,
        }
    }

    /// The tables that are known to grow, the largest first.
    pub(in crate::collect::database) async fn growing_tables(
        &mut self,
        growing: &Growing,
    ) -> Result<Vec<TableSize>, Gap> {
        match self {
            Self::Postgres { session, schema, .. } => {
                postgres::growing_tables(session, schema, growing).await
            }
            Self::Mysql { blind: Some(why), .. } => Err(Gap::Unread(why.clone())),
            Self::Mysql { session, server, .. } => mysql::growing_tables(session, server, growing).await,
        }
    }

    /// What broken-off changes of the schema left behind.
    pub(in crate::collect::database) async fn leftovers(&mut self) -> Result<Vec<Leftover>, Gap> {
        match self {
            Self::Postgres { session, schema, .. } => postgres::leftovers(session, schema).await,
            Self::Mysql { blind: Some(why), .. } => Err(Gap::Unread(why.clone())),
            Self::Mysql { session, server, .. } => mysql::leftovers(session, server).await,
        }
    }
}
