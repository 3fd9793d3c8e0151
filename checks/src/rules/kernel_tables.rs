//! Tables of a Carbon kernel, as several rules need them.

/// Tables whose rows come and go while a server runs.
const MOVING: [&str; 3] = ["REG_LOG", "REG_CLUSTER_LOCK", "IDN_OAUTH2_AUTHORIZATION_CODE"];

/// Beginnings of the names of such tables: sessions and tokens.
const MOVING_PREFIXES: [&str; 3] = ["IDN_AUTH_", "IDN_OAUTH2_ACCESS_TOKEN", "IDN_OAUTH2_TOKEN"];

/// Whether the rows of a table come and go while a server runs.
pub(super) fn moves(table: &str) -> bool {
    MOVING.contains(&table) || MOVING_PREFIXES.iter().any(|prefix| table.starts_with(prefix))
}
