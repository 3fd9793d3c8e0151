//! Tables of the product's schema: where they are, what they hold, how large they are, what is broken in them.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use upgrade_readiness_checks::facts::{Leftover, LeftoverKind, TableSize};

use super::super::gap::Gap;
use super::super::peer::quote_postgres;
use super::super::records::{Column, Growing};
use super::schema::Schema;

/// Growing tables that are listed, the largest ones.
const MOST_SIZES: i64 = 200;

/// A table.
pub(in crate::collect::database) struct Table {
    pub(super) oid: Oid,
    name: String,
    readable: bool,
}

impl Table {
    /// Its name, as the server stores it.
    pub(in crate::collect::database) fn name(&self) -> &str {
        &self.name
    }

    /// Schema and table as statements write them, when the agent may read it.
    pub(in crate::collect::database) fn readable_place(
        &self,
        schema: &Schema,
        agent: &str,
    ) -> Result<String, Gap> {
        let place = format!("{}.{}", quote_postgres(&schema.name), quote_postgres(&self.name));
        if self.readable {
            return Ok(place);
        }
        Err(Gap::Unread(format!(
            "the account {agent} may not read {place}: GRANT USAGE ON SCHEMA {} TO {agent}; GRANT SELECT ON {place} \
             TO {agent}",
            quote_postgres(&schema.name),
            agent = quote_postgres(agent)
        )))
    }
}

/// Finds a table whatever its case. A view of that name does not count: reading it could run somebody's functions.
pub(in crate::collect::database) async fn find_table(
    session: &mut PgConnection,
    schema: &Schema,
    name: &str,
) -> Result<Option<Table>, Gap> {
    let query = sqlx::query(
        "SELECT c.oid, c.relname::text, \
                has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') \
           FROM pg_class AS c \
          WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') AND lower(c.relname) = lower($2) \
          ORDER BY c.relname <> $2, c.relname LIMIT 1",
    );
    let row = query.persistent(false).bind(schema.oid).bind(name).fetch_optional(session).await?;
    let table = |row: sqlx::postgres::PgRow| -> Result<Table, sqlx::Error> {
        Ok(Table { oid: row.try_get(0)?, name: row.try_get(1)?, readable: row.try_get(2)? })
    };
    Ok(row.map(table).transpose()?)
}

/// The columns of a table.
pub(in crate::collect::database) async fn read_columns(
    session: &mut PgConnection,
    table: &Table,
) -> Result<Vec<Column>, Gap> {
    let query = sqlx::query(
        "SELECT a.attname::text, t.typnamespace = 'pg_catalog'::regnamespace \
           FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid \
          WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT 200",
    );
    let rows = query.persistent(false).bind(table.oid).fetch_all(session).await?;
    let column = |row: &sqlx::postgres::PgRow| {
        let (name, of_server): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Column { quoted: of_server.then(|| quote_postgres(&name)), name })
    };
    Ok(rows.iter().map(column).collect::<Result<_, sqlx::Error>>()?)
}

/// Whether a whole unique index on this column alone, or on its lower case, is in force.
pub(in crate::collect::database) async fn is_unique(
    session: &mut PgConnection,
    schema: &Schema,
    table: &str,
    column: &str,
) -> Result<bool, Gap> {
    let query = sqlx::query(
        "SELECT EXISTS (SELECT FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid \
           JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] \
          WHERE c.relnamespace = $1 AND lower(c.relname) = lower($2) AND lower(a.attname) = lower($3) \
            AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indnatts = 1)",
    );
    let query = query.persistent(false).bind(schema.oid).bind(table).bind(column);
    Ok(query.fetch_one(session).await?.try_get(0)?)
}

/// Sizes of the tables that are known to grow. Rows are the estimate the planner itself would make.
pub(in crate::collect::database) async fn growing_tables(
    session: &mut PgConnection,
    schema: &Schema,
    growing: &Growing,
) -> Result<Vec<TableSize>, Gap> {
    let query = sqlx::query(
        "SELECT c.relname::text, s.heap, pg_total_relation_size(c.oid), \
                CASE WHEN s.heap = 0 THEN 0 \
                     WHEN c.reltuples > 0 AND c.relpages > 0 \
                     THEN (c.reltuples / c.relpages * (s.heap / current_setting('block_size')::int))::bigint END \
           FROM pg_class AS c CROSS JOIN LATERAL (SELECT pg_relation_size(c.oid) AS heap) AS s \
          WHERE c.relnamespace = $1 AND c.relkind = 'r' \
            AND (lower(c.relname) = ANY ($2) \
             OR EXISTS (SELECT FROM unnest($3::text[]) AS p WHERE left(lower(c.relname), length(p)) = p)) \
          ORDER BY pg_total_relation_size(c.oid) DESC, c.relname LIMIT $4",
    );
    let query = query.persistent(false).bind(schema.oid).bind(growing.names).bind(growing.prefixes);
    let rows = query.bind(MOST_SIZES).fetch_all(session).await?;
    let number = |number: i64| u64::try_from(number).unwrap_or_default();
    let size = |row: &sqlx::postgres::PgRow| {
        Ok(TableSize {
            name: row.try_get(0)?,
            row_bytes: number(row.try_get(1)?),
            bytes: number(row.try_get(2)?),
            rows: row.try_get::<Option<i64>, _>(3)?.map(number),
        })
    };
    Ok(rows.iter().map(size).collect::<Result<_, sqlx::Error>>()?)
}

/// Indexes and constraints that were not finished, and constraints that say what another one says already.
pub(in crate::collect::database) async fn leftovers(
    session: &mut PgConnection,
    schema: &Schema,
) -> Result<Vec<Leftover>, Gap> {
    let query = sqlx::query(
        "SELECT 'index' AS kind, t.relname::text AS place, i.relname::text AS name \
           FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid \
          WHERE t.relnamespace = $1 AND t.relkind = 'r' AND NOT x.indisvalid \
         UNION ALL \
         SELECT CASE WHEN c.convalidated THEN 'duplicate' ELSE 'constraint' END, t.relname::text, c.conname::text \
           FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid \
          WHERE t.relnamespace = $1 AND (NOT c.convalidated OR c.contype IN ('f', 'u') AND EXISTS ( \
                SELECT FROM pg_constraint AS o \
                 WHERE o.conrelid = c.conrelid AND o.contype = c.contype AND o.conkey = c.conkey \
                   AND o.confrelid = c.confrelid AND o.confkey IS NOT DISTINCT FROM c.confkey AND o.oid < c.oid)) \
          ORDER BY 1, 2, 3 LIMIT $2",
    );
    let most = i64::try_from(Leftover::MOST).unwrap_or(i64::MAX).saturating_add(1);
    let rows = query.persistent(false).bind(schema.oid).bind(most).fetch_all(session).await?;
    let mut leftovers = Vec::new();
    for row in rows {
        let kind = match row.try_get(0)? {
            "index" => LeftoverKind::InvalidIndex,
            "constraint" => LeftoverKind::UnvalidatedConstraint,
            _ => LeftoverKind::DuplicateConstraint,
        };
        leftovers.push(Leftover { kind, table: row.try_get(1)?, name: row.try_get(2)? });
    }
    leftovers.sort();
    Ok(leftovers)
}
