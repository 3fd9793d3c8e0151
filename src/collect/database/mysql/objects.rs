//! Objects that run with somebody's rights: views, routines, triggers and events, and who that is.

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::{ForeignObject, Ownership};

use super::super::gap::Gap;
use super::Server;
use super::rows::ask;
use super::tables::Tables;

/// More objects of a kind are no product's.
const MOST_OBJECTS: usize = 50_000;

/// Counts the objects of the schema and lists those that run with the rights of another account.
///
/// Tables have no owner here. A definer that lacks a right, or is gone, breaks what it defined.
pub(super) async fn read_ownership(
    session: &mut MySqlConnection,
    server: &Server,
    tables: &Tables,
    account: &str,
) -> Result<Ownership, Gap> {
    let kinds = [
        "SELECT 'view', table_name, definer FROM information_schema.views WHERE table_schema = ?",
        "SELECT LOWER(routine_type), routine_name, definer FROM information_schema.routines WHERE routine_schema = ?",
        "SELECT 'trigger', trigger_name, definer FROM information_schema.triggers WHERE trigger_schema = ?",
        "SELECT 'event', event_name, definer FROM information_schema.events WHERE event_schema = ?",
    ];
    let mut objects = tables.count();
    let mut foreign = Vec::new();
    for (index, sql) in kinds.into_iter().enumerate() {
        let rows =
            ask(session, format!("{sql} ORDER BY 2 LIMIT {}", MOST_OBJECTS + 1), &[&server.schema]).await?;
        if rows.len() > MOST_OBJECTS {
            return Err(Gap::Unread(format!(
                "the schema {} has more than {MOST_OBJECTS} objects",
                server.schema
            )));
        }
        // Views are among the tables already.
        if index > 0 {
            objects += rows.len() as u64;
        }
        let definer = |text: &str| text.rsplit_once('@').map_or(text.to_owned(), |(user, _)| user.to_owned());
        foreign.extend(
            rows.iter().filter(|row| definer(&row.owned(2)) != account).map(|row| ForeignObject {
                kind: row.owned(0),
                name: row.owned(1),
                owner: row.owned(2),
            }),
        );
    }
    let foreign_count = foreign.len() as u64;
    foreign.sort_by(|one, other| (&one.name, &one.kind).cmp(&(&other.name, &other.kind)));
    foreign.truncate(Ownership::MOST);
    Ok(Ownership { objects, foreign, foreign_count })
}
