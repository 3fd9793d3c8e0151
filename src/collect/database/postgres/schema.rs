//! Which account and which schema the questions are about.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;

use super::super::Connection;
use super::super::gap::Gap;

/// The product's account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) oid: Oid,
    pub(super) name: String,
    pub(super) superuser: bool,
    /// Where it looks for tables, as the server would set it when it logs in.
    search_path: String,
    /// The level of isolation its transactions begin with.
    pub(super) default_isolation: String,
}

/// The schema with the product's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect::database) struct Schema {
    pub(super) oid: Oid,
    pub(in crate::collect::database) name: String,
}

/// Finds the product's account on the server. `own_search_path` is the one the agent's connection has.
pub(super) async fn read_account(
    session: &mut PgConnection,
    connection: &Connection,
    own_search_path: &str,
) -> Result<Account, Gap> {
    let name = &connection.account;
    let query = sqlx::query("SELECT oid, rolsuper, rolname = session_user FROM pg_roles WHERE rolname = $1");
    let Some(row) = query.persistent(false).bind(name).fetch_optional(&mut *session).await? else {
        return Err(Gap::Unread(format!(
            "the server has no account {name}, which the product's configuration names; compare with SELECT \
             rolname FROM pg_roles"
        )));
    };
    let (oid, superuser, own): (Oid, bool, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let search_path =
        if own { own_search_path.to_owned() } else { read_setting_of(session, oid, "search_path").await? };
    let default_isolation = read_setting_of(session, oid, "default_transaction_isolation").await?;
    Ok(Account { oid, name: name.clone(), superuser, search_path, default_isolation })
}

/// A setting as the account would find it after logging in to this database: set for the account in the
/// database, for the account, for the database, for everybody, or for the server, in this order
/// (<https://www.postgresql.org/docs/current/sql-alterrole.html>).
async fn read_setting_of(session: &mut PgConnection, account: Oid, name: &str) -> Result<String, Gap> {
    let query = sqlx::query(
        "SELECT coalesce(\
            (SELECT substr(item, length($2) + 2) \
               FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS item \
              WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) \
                AND s.setrole IN (0, $1) AND lower(left(item, length($2) + 1)) = $2 || '=' \
              ORDER BY (s.setrole <> 0)::int * 2 + (s.setdatabase <> 0)::int DESC LIMIT 1), \
            (SELECT CASE WHEN source IN ('default', 'configuration file', 'command line', \
                                         'environment variable') \
                         THEN reset_val ELSE boot_val END \
               FROM pg_settings WHERE name = $2))",
    );
    let row = query.persistent(false).bind(account).bind(name).fetch_one(session).await?;
    Ok(row.try_get(0)?)
}

/// A schema that is there.
#[derive(Debug)]
struct Candidate {
    schema: Schema,
    usable: bool,
    holds_table: bool,
}

/// Finds the schema with the product's tables: of those the configuration names or, when it names none, of the
/// account's search path, the first that holds one of the tables `markers` names; else the first the account may use.
pub(super) async fn find_schema(
    session: &mut PgConnection,
    connection: &Connection,
    account: &Account,
    markers: &[&str],
) -> Result<Schema, Gap> {
    let named = connection.schema.as_deref().map(str::trim).filter(|named| !named.is_empty());
    let path = parse_search_path(named.unwrap_or(&account.search_path), &account.name);
    let query = sqlx::query(
        "SELECT n.oid, n.nspname::text, has_schema_privilege($1, n.oid, 'USAGE'), \
                EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') \
                           AND lower(c.relname) = ANY ($2)) \
           FROM pg_namespace AS n WHERE n.nspname = ANY ($3)",
    );
    let tables: Vec<String> = markers.iter().map(|marker| marker.to_lowercase()).collect();
    let rows =
        query.persistent(false).bind(account.oid).bind(tables).bind(&path).fetch_all(&mut *session).await?;
    let mut there = Vec::new();
    for row in rows {
        there.push(Candidate {
            schema: Schema { oid: row.try_get(0)?, name: row.try_get(1)? },
            usable: row.try_get(2)?,
            holds_table: row.try_get(3)?,
        });
    }
    if let Some(schema) = choose(&path, &there) {
        return Ok(schema.clone());
    }
    let origin = match named {
        Some(_) => "the schema the JDBC URL names (currentSchema)".to_owned(),
        None => format!("a schema of the search path of {}", account.name),
    };
    let elsewhere = match markers.first() {
        Some(table) => read_holders(session, table).await?,
        None => String::new(),
    };
    Err(Gap::Unread(format!(
        "the database {} does not have {origin}: {}{elsewhere}",
        connection.database,
        path.join(", ")
    )))
}

fn choose<'a>(path: &[String], there: &'a [Candidate]) -> Option<&'a Schema> {
    let in_order = || path.iter().filter_map(|name| there.iter().find(|one| one.schema.name == *name));
    in_order()
        .find(|one| one.holds_table && one.usable)
        .or_else(|| in_order().find(|one| one.holds_table))
        .or_else(|| in_order().find(|one| one.usable))
        .or_else(|| in_order().next())
        .map(|one| &one.schema)
}

/// The schemas that do hold the table, as the end of a sentence.
async fn read_holders(session: &mut PgConnection, table: &str) -> Result<String, Gap> {
    let query = sqlx::query(
        "SELECT n.nspname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
          WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = lower($1) ORDER BY 1 LIMIT 5",
    );
    let rows = query.persistent(false).bind(table).fetch_all(session).await?;
    let names: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(if names.is_empty() {
        format!("; no schema of it holds a table {table}")
    } else {
        format!("; the table {table} is in {}", names.join(", "))
    })
}

/// The schemas of a search path: names in double quotes are literal, others are lower case, and `$user` is the
/// account. The server's own schemas are left out.
fn parse_search_path(text: &str, account: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        let (mut name, mut quoted) = (String::new(), false);
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => name.extend(rest.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => break,
                _ if quoted => name.push(c),
                _ if c.is_whitespace() => {}
                _ => name.push(c.to_ascii_lowercase()),
            }
        }
        if name == "$user" {
            account.clone_into(&mut name);
        }
        if !name.is_empty() && !name.starts_with("pg_") && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_read_as_the_server_reads_it() {
        let rows: &[(&str, &[&str])] = &[
            ("\"$user\", public", &["conf", "public"]),
            ("$user,public", &["conf", "public"]),
            ("Wiki", &["wiki"]),
            ("\"Wiki\", pg_temp, pg_catalog", &["Wiki"]),
            ("\"a,\"\"b\" , a, a", &["a,\"b", "a"]),
            ("", &[]),
            (" , ,", &[]),
            ("\"never closed, x", &["never closed, x"]),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_search_path(text, "conf"), *expected, "{text}");
        }
    }

    #[test]
    fn the_schema_with_the_record_of_upgrades_is_the_products() {
        let path: Vec<String> = ["a", "b", "c"].map(Into::into).to_vec();
        let candidate = |name: &str, usable, holds_table| Candidate {
            schema: Schema { oid: Oid(1), name: name.into() },
            usable,
            holds_table,
        };
        let choose = |there: &[Candidate]| choose(&path, there).map(|schema| schema.name.clone());
        assert_eq!(choose(&[]), None);
        assert_eq!(
            choose(&[candidate("b", true, false), candidate("a", false, false)]).as_deref(),
            Some("b")
        );
        assert_eq!(choose(&[candidate("a", true, false), candidate("b", true, true)]).as_deref(), Some("b"));
        assert_eq!(choose(&[candidate("a", false, true), candidate("c", true, true)]).as_deref(), Some("c"));
        assert_eq!(choose(&[candidate("a", true, false), candidate("c", false, true)]).as_deref(), Some("c"));
        assert_eq!(choose(&[candidate("a", false, false)]).as_deref(), Some("a"));
    }
}
