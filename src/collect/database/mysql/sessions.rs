//! Who is connected to the schema.

use std::collections::BTreeMap;

use sqlx::mysql::MySqlConnection;
use upgrade_readiness_checks::facts::{SessionGroup, Sessions};

use super::super::failure::one_line;
use super::super::gap::Gap;
use super::Server;
use super::rows::ask;
use super::sight::Sight;

/// Connections that are read; a server takes fewer.
const MOST_SESSIONS: usize = 20_000;

/// Reads the connections that use the schema, and those of the product's account.
///
/// An account is shown its own connections; those of others need the right `PROCESS`
/// (<https://dev.mysql.com/doc/refman/8.4/en/show-processlist.html>). What a program calls itself is kept in another
/// place, which most accounts may not read.
pub(super) async fn read_sessions(
    session: &mut MySqlConnection,
    server: &Server,
    sight: &Sight<'_>,
    account: &str,
) -> Result<Sessions, Gap> {
    let sql = format!(
        "SELECT user, host FROM information_schema.processlist \
          WHERE id <> CONNECTION_ID() AND user NOT IN ('system user', 'event_scheduler') \
            AND (db = ? OR user = ?) LIMIT {MOST_SESSIONS}"
    );
    let rows = ask(session, sql, &[&server.schema, account]).await?;
    let mut groups: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in &rows {
        let (account, host) =
            (one_line(row.text(0).unwrap_or_default()), host(row.text(1).unwrap_or_default()));
        *groups.entry((account, host)).or_default() += 1;
    }
    let groups = groups.into_iter().take(Sessions::MOST);
    let sees_all = sight.rights.is_some_and(|own| own.rights.global.contains("PROCESS"));
    Ok(Sessions {
        groups: groups
            .map(|((account, host), count)| SessionGroup { account, host, program: None, count })
            .collect(),
        count: rows.len() as u64,
        agent_host: host(sight.looker.from()),
        hidden: (!sees_all).then(|| {
            format!(
                "{} is shown its own connections and nobody else's: GRANT PROCESS ON *.* TO {}",
                sight.looker.current_user,
                sight.looker.quoted()
            )
        }),
        looks: 1,
    })
}

/// The host without its port; the server's own for a socket and the loopback device.
fn host(text: &str) -> String {
    let host = match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        // An IPv6 address without a port ends like one with it; the server always writes the port.
        _ => text,
    };
    let local = host.is_empty() || host == "localhost" || host.starts_with("127.") || host == "::1";
    if local { Sessions::LOCAL.to_owned() } else { one_line(host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_without_its_port() {
        for (text, expected) in [
            ("10.0.0.7:51234", "10.0.0.7"),
            ("app.example.com:1", "app.example.com"),
            ("localhost", "localhost"),
            ("127.0.0.1:5000", "localhost"),
            ("::1:5000", "localhost"),
            ("", "localhost"),
            ("host:", "host:"),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
    }
}
