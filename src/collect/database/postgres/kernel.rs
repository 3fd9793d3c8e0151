//! What the catalogue tells of a schema whose release nothing states.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::super::gap::Gap;
use super::super::kernel::{Catalogue, Counter};
use super::super::peer::quote_postgres;
use super::schema::Schema;

/// Counters that are read.
const MOST_COUNTERS: i64 = 1000;

/// Reads tables, indexes, columns and unique keys.
pub(in crate::collect::database) async fn catalogue(
    session: &mut PgConnection,
    schema: &Schema,
) -> Result<Catalogue, Gap> {
    let mut catalogue = Catalogue::default();
    let most = i64::try_from(Catalogue::MOST).unwrap_or(i64::MAX);
    let query = sqlx::query(
        "SELECT upper(c.relname), c.relkind IN ('r', 'p') FROM pg_class AS c \
          WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p', 'i', 'I') LIMIT $2",
    );
    let rows = query.persistent(false).bind(schema.oid).bind(most + 1).fetch_all(&mut *session).await?;
    bounded(&rows, schema)?;
    for row in rows {
        let is_table: bool = row.try_get(1)?;
        let names = if is_table { &mut catalogue.tables } else { &mut catalogue.indexes };
        names.insert(row.try_get(0)?);
    }
    // The width of a text column is kept with four bytes added to it.
    let query = sqlx::query(
        "SELECT upper(c.relname), upper(a.attname), \
                CASE WHEN a.atttypid = 'varchar'::regtype AND a.atttypmod > 4 THEN (a.atttypmod - 4)::bigint END \
           FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid \
          WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped LIMIT $2",
    );
    let rows = query.persistent(false).bind(schema.oid).bind(most + 1).fetch_all(&mut *session).await?;
    bounded(&rows, schema)?;
    for row in rows {
        let width: Option<i64> = row.try_get(2)?;
        let width = width.and_then(|width| u64::try_from(width).ok());
        catalogue.columns.insert((row.try_get(0)?, row.try_get(1)?), width);
    }
    // An index over an expression or over some of the rows keeps nothing apart by itself.
    let query = sqlx::query(
        "SELECT upper(c.relname), upper(i.relname), upper(a.attname) \
           FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid \
           JOIN pg_attribute AS a ON a.attrelid = i.oid AND a.attnum <= x.indnatts \
          WHERE c.relnamespace = $1 AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL \
          LIMIT $2",
    );
    let rows = query.persistent(false).bind(schema.oid).bind(most + 1).fetch_all(session).await?;
    bounded(&rows, schema)?;
    for row in rows {
        let columns = catalogue.uniques.entry((row.try_get(0)?, row.try_get(1)?)).or_default();
        columns.insert(row.try_get(2)?);
    }
    Ok(catalogue)
}

fn bounded(rows: &[PgRow], schema: &Schema) -> Result<(), Gap> {
    if rows.len() <= Catalogue::MOST {
        return Ok(());
    }
    Err(Gap::Unread(format!("the schema {} holds more than {} names", schema.name, Catalogue::MOST)))
}

/// Sequences that give the numbers of a column, by its default or as its identity.
pub(in crate::collect::database) async fn counters(
    session: &mut PgConnection,
    schema: &Schema,
    agent: &str,
) -> Result<Vec<Counter>, Gap> {
    let query = sqlx::query(
        "SELECT c.relname::text, a.attname::text, n.nspname::text, s.relname::text, \
                has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(s.oid, 'SELECT'), \
                has_schema_privilege(c.relnamespace, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
           FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped \
           JOIN (SELECT d.adrelid AS owner, d.adnum AS number, p.refobjid AS sequence \
                   FROM pg_attrdef AS d JOIN pg_depend AS p \
                     ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass \
                  UNION \
                 SELECT p.refobjid, p.refobjsubid, p.objid FROM pg_depend AS p \
                  WHERE p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass \
                    AND p.deptype = 'i' AND p.refobjsubid > 0) AS u ON u.owner = c.oid AND u.number = a.attnum \
           JOIN pg_class AS s ON s.oid = u.sequence AND s.relkind = 'S' \
           JOIN pg_namespace AS n ON n.oid = s.relnamespace \
          WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p') ORDER BY 1, 2 LIMIT $2",
    );
    let rows = query.persistent(false).bind(schema.oid).bind(MOST_COUNTERS).fetch_all(session).await?;
    let mut counters = Vec::new();
    for row in rows {
        let (table, column): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (of, name): (String, String) = (row.try_get(2)?, row.try_get(3)?);
        let sees = (row.try_get::<bool, _>(4)?, row.try_get::<bool, _>(5)?);
        if let (false, _) | (_, false) = sees {
            let quoted = quote_postgres(&schema.name);
            return Err(Gap::Unread(format!(
                "the account {agent} may not read the sequence {name} or {table}.{column}: GRANT SELECT ON ALL SEQUENCES IN \
                 SCHEMA {quoted} TO {agent}; GRANT SELECT ON ALL TABLES IN SCHEMA {quoted} TO {agent}",
                agent = quote_postgres(agent)
            )));
        }
        let place = format!("{}.{}", quote_postgres(&schema.name), quote_postgres(&table));
        counters.push(Counter {
            next: format!(
                "SELECT (last_value + is_called::int)::text FROM {}.{}",
                quote_postgres(&of),
                quote_postgres(&name)
            ),
            largest: format!("SELECT max({})::text FROM {place}", quote_postgres(&column)),
            name,
            table,
            column,
        });
    }
    Ok(counters)
}

/// The microsecond in which the server was started, which everybody is told and no two servers share.
///
/// The identifier in its control file would be shared by every copy that was made of its files.
pub(in crate::collect::database) async fn identity(session: &mut PgConnection) -> Result<String, Gap> {
    let query = sqlx::query(
        "SELECT 'started ' || extract(epoch FROM pg_postmaster_start_time())::numeric(20, 6)::text",
    );
    Ok(query.persistent(false).fetch_one(session).await?.try_get(0)?)
}
