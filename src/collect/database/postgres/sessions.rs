//! Who is connected to the database.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use upgrade_readiness_checks::facts::{SessionGroup, Sessions};

use super::super::failure::one_line;
use super::super::gap::Gap;
use super::super::peer::quote_postgres;
use super::APPLICATION_NAME;

/// Groups that are read; a server takes fewer connections than that.
const MOST_GROUPS: i64 = 5000;

/// Reads the sessions of people and programs in this database.
///
/// Everybody is shown that a session is there and whose it is; from where and with what, only its own account and
/// members of `pg_read_all_stats` are
/// (<https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-VIEWS>).
pub(super) async fn read_sessions(session: &mut PgConnection, agent: &str) -> Result<Sessions, Gap> {
    // The kind of a session is a column since version 10 only, so it is reached through JSON.
    let query = sqlx::query(
        "SELECT a.usename::text, coalesce(host(a.client_addr), ''), coalesce(a.application_name, ''), \
                a.backend_start IS NULL, count(*), coalesce(host(inet_client_addr()), '') \
           FROM pg_stat_activity AS a \
          WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL \
            AND coalesce(to_jsonb(a) ->> 'backend_type', 'client backend') = 'client backend' \
            AND a.application_name IS DISTINCT FROM $1 \
          GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $2",
    );
    let query = query.persistent(false).bind(APPLICATION_NAME).bind(MOST_GROUPS);
    let rows = query.fetch_all(&mut *session).await?;
    let (mut groups, mut hidden) = (Vec::new(), Vec::new());
    for row in rows {
        let (account, count): (String, i64) = (row.try_get(0)?, row.try_get(4)?);
        let (account, count) = (one_line(&account), u64::try_from(count).unwrap_or_default());
        if row.try_get(3)? {
            hidden.push(format!("{count} of {account}"));
            continue;
        }
        let program: String = row.try_get(2)?;
        groups.push(SessionGroup {
            account,
            host: host(row.try_get(1)?),
            program: Some(one_line(&program)).filter(|program| !program.is_empty()),
            count,
        });
    }
    let row = sqlx::query("SELECT coalesce(host(inet_client_addr()), '')").persistent(false);
    let agent_host = host(row.fetch_one(session).await?.try_get(0)?);
    let count = groups.iter().map(|group| group.count).sum();
    groups.truncate(Sessions::MOST);
    let hidden = (!hidden.is_empty()).then(|| {
        format!(
            "where these connections come from is not shown to {agent}: {}. GRANT pg_read_all_stats TO {}",
            one_line(&hidden.join(", ")),
            quote_postgres(agent)
        )
    });
    Ok(Sessions { groups, count, agent_host, hidden, looks: 1 })
}

/// A socket and the loopback device lead to the server itself.
fn host(address: &str) -> String {
    let local = address.is_empty() || address.starts_with("127.") || address == "::1";
    if local { Sessions::LOCAL.to_owned() } else { address.to_owned() }
}
