//! Names in the SQL of remedies, quoted so that a statement can be pasted as it stands.
//!
//! Nothing here is ever executed: a person reads it, judges it and runs it.

use crate::facts::{Database, Engine, Missing};

/// Stands in a statement where a name could not be read.
const NOT_KNOWN: &str = "<schema>";

/// Words PostgreSQL takes for its own when they stand without quotes, as far as they occur as names.
///
/// <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>
const RESERVED: [&str; 22] = [
    "all",
    "analyse",
    "analyze",
    "check",
    "column",
    "constraint",
    "current_user",
    "default",
    "desc",
    "end",
    "from",
    "grant",
    "group",
    "limit",
    "offset",
    "order",
    "references",
    "select",
    "session_user",
    "table",
    "user",
    "where",
];

/// A table, schema or role.
pub(super) fn name(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Mysql | Engine::Mariadb => format!("`{}`", name.replace('`', "``")),
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
            if is_plain(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
        }
    }
}

/// A function with the types of its arguments, `reindex(integer, text[])`, or any other object.
///
/// What is not plainly a list of types stays inside the quotes: the statement then fails, and does no harm.
pub(super) fn signature(engine: Engine, object: &str) -> String {
    let is_types = |types: &str| {
        types.ends_with(')')
            && types.chars().all(|c| {
                c.is_ascii_alphanumeric() || matches!(c, '(' | ')' | '_' | ',' | ' ' | '[' | ']' | '.')
            })
    };
    match object.find('(').and_then(|start| object.split_at_checked(start)) {
        Some((function, types)) if is_types(types) => format!("{}{types}", name(engine, function)),
        Some(_) | None => name(engine, object),
    }
}

/// Means the same with and without quotes.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name)
}

/// The schema the product's tables are in.
pub(super) fn schema(database: &Database) -> String {
    database.schema.value().map_or_else(|| NOT_KNOWN.to_owned(), |schema| name(database.engine, schema))
}

/// The product's account, as `GRANT` names it.
///
/// A MySQL account has a host part. It is known when the agent looks with the same account.
pub(super) fn account(database: &Database) -> String {
    match database.engine {
        Engine::Mysql | Engine::Mariadb => {
            let host = database
                .connected_as
                .value()
                .and_then(|connected| connected.rsplit_once('@'))
                .filter(|(user, _)| *user == database.account)
                .map_or("%", |(_, host)| host);
            format!("{}@{}", text(&database.account), text(host))
        }
        Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
            name(database.engine, &database.account)
        }
    }
}

/// A text value.
pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// Adds to a value that could not be read the question a database administrator can answer.
pub(super) fn ask(missing: Missing, question: &str) -> Missing {
    match missing {
        Missing::Unread { of, what, why } => {
            Missing::Unread { of, what, why: format!("{why}; ask the database administrator: {question}") }
        }
        other @ (Missing::Pending { .. }
        | Missing::Off { .. }
        | Missing::NotConfigured { .. }
        | Missing::Failed { .. }
        | Missing::Stale { .. }
        | Missing::ClockSetBack { .. }
        | Missing::Unknown { .. }
        | Missing::Broken { .. }) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Field;
    use crate::golden::golden;

    #[test]
    fn a_pasted_name_is_never_more_than_a_name() {
        let rows = [
            (Engine::Postgresql, "content", "content"),
            (Engine::Postgresql, "AO_9412A1_AONOTIFICATION", "\"AO_9412A1_AONOTIFICATION\""),
            (Engine::Postgresql, "user", "\"user\""),
            (Engine::Postgresql, "", "\"\""),
            (Engine::Postgresql, "1st", "\"1st\""),
            (Engine::Postgresql, "x\"; DROP TABLE y; --", "\"x\"\"; DROP TABLE y; --\""),
            (Engine::Mysql, "wiki", "`wiki`"),
            (Engine::Mariadb, "x`; DROP TABLE y; --", "`x``; DROP TABLE y; --`"),
        ];
        for (engine, from, expected) in rows {
            assert_eq!(name(engine, from), expected);
        }
        let rows = [
            ("f(integer, text[])", "f(integer, text[])"),
            ("F()", "\"F\"()"),
            ("f(); DROP TABLE x; --(integer)", "\"f(); DROP TABLE x; --(integer)\""),
            ("f(\"x(); DROP TABLE y; --\" integer)", "\"f(\"\"x(); DROP TABLE y; --\"\" integer)\""),
            ("content", "content"),
        ];
        for (from, expected) in rows {
            assert_eq!(signature(Engine::Postgresql, from), expected);
        }
        assert_eq!(text("o'brien\\"), "'o''brien\\\\'");
    }

    #[test]
    fn a_mysql_account_has_a_host() {
        let golden = golden();
        let mut database = golden.facts.database().unwrap().clone();
        assert_eq!(account(&database), "confluence");
        database.engine = Engine::Mysql;
        assert_eq!(account(&database), "'confluence'@'%'");
        database.connected_as = Field::Read("confluence@10.0.0.%".into());
        assert_eq!(account(&database), "'confluence'@'10.0.0.%'");
        database.connected_as = Field::Read("readiness@localhost".into());
        assert_eq!(account(&database), "'confluence'@'%'");
        database.schema = Field::Unread("denied".into());
        assert_eq!(schema(&database), "<schema>");
    }
}
