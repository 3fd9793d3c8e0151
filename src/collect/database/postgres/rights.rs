//! What the product's account may do in its schema.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row;
use sqlx::postgres::PgConnection;
use upgrade_readiness_checks::facts::Privileges;

use super::super::failure::quote_postgres;
use super::super::gap::Gap;
use super::schema::{Account, Schema};

/// Tables with lacking privileges that are listed by name.
const MOST_TABLES: i64 = 200;

/// Reads what the account may do; rights through roles count when the account inherits them.
pub(super) async fn read_privileges(
    session: &mut PgConnection,
    account: &Account,
    schema: &Schema,
) -> Result<Privileges, Gap> {
    let held = read_held(session, account, schema).await?;
    let (lacking_on_tables, unlisted) = read_lacking(session, account, schema).await?;
    let mut through = Vec::new();
    if account.superuser {
        through.push(format!("{} is a superuser, for whom no privilege is checked", account.name));
    } else {
        through = read_roles(session, account, schema).await?;
        if held.by_public {
            through.push(
                "CREATE on the schema comes from PUBLIC; PostgreSQL 15 and later no longer give it in new databases"
                    .to_owned(),
            );
        }
    }
    if unlisted > 0 {
        through.push(format!("{unlisted} more tables lack privileges and are not listed"));
    }
    Ok(Privileges { superuser: account.superuser, on_schema: held.names, lacking_on_tables, through })
}

struct Held {
    names: BTreeSet<String>,
    by_public: bool,
}

async fn read_held(session: &mut PgConnection, account: &Account, schema: &Schema) -> Result<Held, Gap> {
    let query = sqlx::query(
        "SELECT has_schema_privilege($1, $2, 'CREATE'), has_schema_privilege($1, $2, 'USAGE'), \
                has_database_privilege($1, current_database(), 'CREATE'), \
                has_database_privilege($1, current_database(), 'TEMPORARY'), \
                has_database_privilege($1, current_database(), 'CONNECT'), \
                has_schema_privilege('public'::name, $2, 'CREATE')",
    );
    let row = query.persistent(false).bind(account.oid).bind(schema.oid).fetch_one(session).await?;
    let names = ["CREATE", "USAGE", "DATABASE CREATE", "DATABASE TEMPORARY", "DATABASE CONNECT"];
    let mut held = Held { names: BTreeSet::new(), by_public: row.try_get(names.len())? };
    for (index, name) in names.into_iter().enumerate() {
        if row.try_get(index)? {
            held.names.insert(name.to_owned());
        }
    }
    Ok(held)
}

/// Tables on which the account lacks a privilege the product needs every day, and how many more there are.
async fn read_lacking(
    session: &mut PgConnection,
    account: &Account,
    schema: &Schema,
) -> Result<(BTreeMap<String, BTreeSet<String>>, u64), Gap> {
    let query = sqlx::query(
        "SELECT t.name, t.lacking, count(*) OVER () \
           FROM (SELECT c.relname::text AS name, \
                        ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p \
                               WHERE NOT has_table_privilege($1, c.oid, p)) AS lacking \
                   FROM pg_class AS c \
                  WHERE c.relnamespace = $2 AND c.relkind IN ('r', 'p', 'f') \
                    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass \
                                       AND d.objid = c.oid AND d.deptype = 'e')) AS t \
          WHERE t.lacking <> '{}' ORDER BY t.name COLLATE \"C\" LIMIT $3",
    );
    let query = query.persistent(false).bind(account.oid).bind(schema.oid).bind(MOST_TABLES);
    let (mut lacking, mut count) = (BTreeMap::new(), 0_i64);
    for row in query.fetch_all(session).await? {
        let names: Vec<String> = row.try_get(1)?;
        lacking.insert(row.try_get(0)?, names.into_iter().collect());
        count = row.try_get(2)?;
    }
    let listed = lacking.len() as u64;
    Ok((lacking, u64::try_from(count).unwrap_or_default().saturating_sub(listed)))
}

/// The roles the account is a member of that own something in the schema, or may create in it.
async fn read_roles(
    session: &mut PgConnection,
    account: &Account,
    schema: &Schema,
) -> Result<Vec<String>, Gap> {
    let query = sqlx::query(
        "SELECT r.rolname::text, pg_has_role($1, r.oid, 'USAGE'), coalesce(o.objects, 0), m.creates \
           FROM pg_roles AS r \
           LEFT JOIN (SELECT relowner, count(*) AS objects FROM pg_class \
                       WHERE relnamespace = $2 AND relkind IN ('r', 'p', 'S', 'v', 'm', 'f') \
                       GROUP BY relowner) AS o ON o.relowner = r.oid \
          CROSS JOIN LATERAL (SELECT has_schema_privilege(r.oid, $2, 'CREATE') \
                                 AND NOT has_schema_privilege('public'::name, $2, 'CREATE') AS creates) AS m \
          WHERE r.oid <> $1 AND pg_has_role($1, r.oid, 'MEMBER') AND (o.objects > 0 OR m.creates) \
          ORDER BY r.rolname LIMIT 20",
    );
    let mut lines = Vec::new();
    for row in query.persistent(false).bind(account.oid).bind(schema.oid).fetch_all(session).await? {
        let (role, inherited): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        let (objects, creates): (i64, bool) = (row.try_get(2)?, row.try_get(3)?);
        let gives = match (objects, creates) {
            (0, _) => "which may create in the schema".to_owned(),
            (_, true) => format!("which may create in the schema and owns objects in it ({objects})"),
            (_, false) => format!("which owns objects in the schema ({objects})"),
        };
        let (name, quoted) = (&account.name, quote_postgres(&account.name));
        lines.push(if inherited {
            format!("{name} is a member of {role}, {gives}")
        } else {
            format!(
                "{name} is a member of {role}, {gives}, but does not inherit its rights, so they do not count: \
                 ALTER ROLE {quoted} INHERIT; from PostgreSQL 16 on GRANT {} TO {quoted} WITH INHERIT TRUE",
                quote_postgres(&role)
            )
        });
    }
    Ok(lines)
}
