//! That the server to restore on is another one than the instance's own.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::begun::is_of;
use super::scratch::{self, Table};
use super::{RestoreError, RestoreSettings, Task, is_mysql};
use crate::collect::database::errand::Session;
use crate::collect::database::peer::Peer;
use crate::collect::database::{Connection, DatabaseDirectory, Directions};

const PATIENCE: Duration = Duration::from_secs(20);
/// Counting the rows of a large table takes its time, and production must not suffer for long.
const COUNTING: Duration = Duration::from_mins(5);

/// A session with production to compare with.
pub(super) struct Separate {
    production: Mutex<Option<Session>>,
}

impl Separate {
    /// Makes sure that nothing of production can be hit; where that cannot be told, nothing is restored.
    pub(super) async fn find(
        settings: &RestoreSettings,
        task: &Task,
        production: &Arc<dyn DatabaseDirectory>,
    ) -> Result<Self, RestoreError> {
        let base = settings.scratch_name(&task.instance);
        let directory = Arc::clone(production);
        let directions = tokio::task::spawn_blocking(move || directory.directions()).await;
        let directions = directions.map_err(|_broken| RestoreError::Broken)?.map_err(|error| {
            RestoreError::Refused(format!(
                "it cannot be told that this is not the instance's own server: {}",
                error.into_failure().message
            ))
        })?;
        let own = match directions {
            // Its server speaks another language, so it is another one.
            Directions::CannotAsk { .. } => return Ok(Self { production: Mutex::new(None) }),
            Directions::Connect(own) => *own,
        };
        let server = settings.connection(None)?;
        if is_of(&own.database.to_ascii_lowercase(), &base) {
            return Err(RestoreError::Refused(format!(
                "{} is the instance's own database; choose another database_prefix",
                own.database
            )));
        }
        let speaks_alike = is_mysql(own.engine) == is_mysql(settings.engine);
        if !settings.same_server && speaks_alike && same_address(&own, &server).await? {
            return Err(same_server(&own));
        }
        let mut session = match Session::open(own, PATIENCE).await {
            Ok(session) => Some(session),
            Err(_) if settings.same_server || !speaks_alike => None,
            Err(error) => {
                return Err(RestoreError::Refused(format!(
                    "it cannot be told that this is not the instance's own server, nor can rows be compared: {} Try \
                     again when the agent reaches it",
                    error.into_failure().message
                )));
            }
        };
        if let Some(session) = &mut session
            && !settings.same_server
            && speaks_alike
        {
            // A proxy or a second address leads to the same server under another name.
            let mut there = Session::open(server, PATIENCE).await?;
            let (one, other) = (identity(session).await, identity(&mut there).await);
            there.close().await;
            if let (Some(one), Some(other)) = (one, other)
                && one == other
            {
                return Err(RestoreError::Refused(
                    "the server to restore on is the one the instance's own database is on, under another address; \
                     name another server, or set same_server = true"
                        .to_owned(),
                ));
            }
        }
        if let Some(session) = &mut session {
            session.limit_statements(COUNTING).await;
        }
        Ok(Self { production: Mutex::new(session) })
    }

    /// Production's tables; `None` when they cannot be seen.
    pub(super) async fn production_tables(&self) -> Option<Vec<Table>> {
        let mut session = self.production.lock().await;
        let tables = scratch::list(session.as_mut()?).await.ok()?;
        // An account without rights sees none, which says nothing.
        (!tables.is_empty()).then_some(tables)
    }

    /// Rows of a table in production; `None` when they cannot be counted.
    pub(super) async fn count_production(&self, table: &Table) -> Option<u64> {
        let mut session = self.production.lock().await;
        scratch::count(session.as_mut()?, table).await.ok()
    }
}

fn same_server(own: &Connection) -> RestoreError {
    RestoreError::Refused(format!(
        "{} is the server of the instance's own database; name another server, or set same_server = true",
        Peer::of(own).server()
    ))
}

async fn same_address(own: &Connection, other: &Connection) -> Result<bool, RestoreError> {
    let (one, two) = (Peer::of(own), Peer::of(other));
    if one.port != two.port {
        return Ok(false);
    }
    if one.host.eq_ignore_ascii_case(&two.host) {
        return Ok(true);
    }
    let (one, two) = (addresses(&one).await?, addresses(&two).await?);
    Ok(!one.is_disjoint(&two))
}

/// Every address of a server; all of this host itself count as one.
async fn addresses(peer: &Peer) -> Result<BTreeSet<IpAddr>, RestoreError> {
    if peer.host.starts_with('/') {
        return Ok(BTreeSet::from([IpAddr::from([127, 0, 0, 1])]));
    }
    let found = tokio::net::lookup_host((peer.host.as_str(), peer.port)).await;
    let found = found.map_err(|cause| {
        RestoreError::Refused(format!(
            "it cannot be told that this is not the instance's own server: finding the address of {}: {cause}",
            peer.host
        ))
    })?;
    Ok(found
        .map(|address| match address.ip().to_canonical() {
            ip if ip.is_loopback() || ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            ip => ip,
        })
        .collect())
}

/// What distinguishes one server from every other, as far as it tells.
async fn identity(session: &mut Session) -> Option<String> {
    let questions: &[&str] = match session {
        Session::Postgresql(_) => &["SELECT system_identifier::text FROM pg_catalog.pg_control_system()"],
        Session::Mysql(_) => &[
            "SELECT CAST(@@server_uuid AS CHAR)",
            "SELECT CAST(@@server_uid AS CHAR)",
            "SELECT CONCAT(@@hostname, ':', @@port, ':', @@datadir)",
        ],
    };
    for question in questions {
        if let Ok(Some(answer)) = session.value(question).await {
            return Some(answer);
        }
    }
    None
}
