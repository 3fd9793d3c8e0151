//! The table of users: rows that the keys of newer releases refuse.

use upgrade_readiness_checks::facts::UserRows;

use super::super::gap::Gap;
use super::UserTable;
use super::asker::Asker;

/// Counts the rows; no name leaves the server.
pub(super) async fn read_users(asker: &mut Asker<'_>, wanted: &UserTable) -> Result<UserRows, Gap> {
    let table = asker.known_table(wanted.table).await?;
    let (name, lower) = (table.column(wanted.name)?, table.column(wanted.lower_name)?);
    let place = &table.place;
    let kept_apart = asker.is_unique(wanted.table, wanted.lower_name).await?;
    let without_lower_name = asker.count(&format!("SELECT 1 FROM {place} WHERE {lower} IS NULL")).await?;
    // A unique index knows; without one the server must sort.
    let duplicates = if kept_apart {
        0
    } else {
        let exact = asker.exact(lower);
        let sql = format!(
            "SELECT {exact} AS n FROM {place} WHERE {lower} IS NOT NULL GROUP BY {exact} HAVING count(*) > 1"
        );
        asker.count(&sql).await?
    };
    // Servers and Java disagree on the lower case of letters beyond ASCII.
    let (one, other) = (asker.exact(&format!("lower({name})")), asker.exact(lower));
    let differing = asker
        .count(&format!(
            "SELECT 1 FROM {place} WHERE {one} <> {other} AND octet_length({name}) = char_length({name})"
        ))
        .await?;
    Ok(UserRows { without_lower_name, duplicates, differing, kept_apart })
}
