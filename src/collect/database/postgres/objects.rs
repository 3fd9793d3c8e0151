//! Who owns the objects of the product's schema; settings and size of its database.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use upgrade_readiness_checks::facts::{ForeignObject, Ownership, Settings};

use super::super::gap::Gap;
use super::schema::{Account, Schema};

/// Counts the objects of the schema and lists those of others.
///
/// Only the owner of an object, or a role that inherits from the owner, may alter or drop it
/// (<https://www.postgresql.org/docs/current/ddl-priv.html>). What belongs to an extension is the extension's.
/// Indexes, the row types of tables and the sequences of numbered columns have no owner of their own: they
/// follow their table, and PostgreSQL refuses to change them alone.
pub(super) async fn read_ownership(
    session: &mut PgConnection,
    account: &Account,
    schema: &Schema,
) -> Result<Ownership, Gap> {
    let query = sqlx::query(
        "WITH extension_member AS ( \
             SELECT classid, objid FROM pg_depend WHERE deptype = 'e' \
         ), object AS ( \
             SELECT CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' \
                         WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind, \
                    c.relname::text AS name, c.relowner AS owner \
               FROM pg_class AS c \
              WHERE c.relnamespace = $2 AND c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f') \
                AND (('pg_class'::regclass)::oid, c.oid) NOT IN (SELECT classid, objid FROM extension_member) \
                AND NOT (c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend AS d \
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                            AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))) \
             UNION ALL \
             SELECT 'function', p.proname::text || '(' || pg_get_function_identity_arguments(p.oid) || ')', \
                    p.proowner \
               FROM pg_proc AS p \
              WHERE p.pronamespace = $2 \
                AND (('pg_proc'::regclass)::oid, p.oid) NOT IN (SELECT classid, objid FROM extension_member) \
             UNION ALL \
             SELECT 'type', t.typname::text, t.typowner \
               FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid \
              WHERE t.typnamespace = $2 AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c') \
                AND (('pg_type'::regclass)::oid, t.oid) NOT IN (SELECT classid, objid FROM extension_member) \
         ), foreign_object AS ( \
             SELECT * FROM object \
              WHERE owner NOT IN (SELECT oid FROM pg_roles WHERE pg_has_role($1, oid, 'USAGE')) \
         ) \
         SELECT t.total, t.others, f.kind, f.name, f.owner \
           FROM (SELECT (SELECT count(*) FROM object) AS total, (SELECT count(*) FROM foreign_object) AS others) AS t \
           LEFT JOIN LATERAL (SELECT kind, name, pg_get_userbyid(owner)::text AS owner FROM foreign_object \
                               ORDER BY name COLLATE \"C\", kind LIMIT $3) AS f ON true",
    );
    let most = i64::try_from(Ownership::MOST).unwrap_or(i64::MAX);
    let query = query.persistent(false).bind(account.oid).bind(schema.oid).bind(most);
    let mut ownership = Ownership { objects: 0, foreign: Vec::new(), foreign_count: 0 };
    for row in query.fetch_all(session).await? {
        ownership.objects = count(row.try_get(0)?);
        ownership.foreign_count = count(row.try_get(1)?);
        if let Some(kind) = row.try_get(2)? {
            ownership.foreign.push(ForeignObject { kind, name: row.try_get(3)?, owner: row.try_get(4)? });
        }
    }
    Ok(ownership)
}

/// Reads the settings that matter, as [`Settings`] lists them.
pub(super) async fn read_settings(session: &mut PgConnection, account: &Account) -> Result<Settings, Gap> {
    // Columns that only newer servers have are reached through JSON, where a missing one is no error.
    let query = sqlx::query(
        "SELECT pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text, \
                CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' \
                     THEN coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') END, \
                current_setting('server_version_num'), pg_is_in_recovery()::text \
           FROM pg_database AS d WHERE d.datname = current_database()",
    );
    let row = query.persistent(false).fetch_one(session).await?;
    let names = ["encoding", "lc_collate", "lc_ctype", "icu_locale", "server_version_num", "in_recovery"];
    let mut values = BTreeMap::new();
    for (index, name) in names.into_iter().enumerate() {
        let value: Option<String> = row.try_get(index)?;
        values.extend(value.map(|value| (name.to_owned(), value)));
    }
    values.insert("default_transaction_isolation".to_owned(), account.default_isolation.clone());
    Ok(Settings { values, tables_by_engine: BTreeMap::new(), tables_by_collation: BTreeMap::new() })
}

/// Reads the size of the database.
pub(super) async fn read_size(session: &mut PgConnection) -> Result<u64, Gap> {
    let query = sqlx::query("SELECT pg_database_size(current_database())");
    Ok(count(query.persistent(false).fetch_one(session).await?.try_get(0)?))
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
