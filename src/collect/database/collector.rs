//! The collector of the database: one connection per look, opened and closed, and everything within time limits.
//!
//! It keeps limits of its own because it can say where the time went; no connection stays open between looks.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout_at};
use upgrade_readiness_checks::facts::{
    Database, Engine, FailureKind, Field, Records, Section, Sessions, Source,
};

use super::failure::{LookError, unreadable_certificates};
use super::inquiry::Tables;
use super::kernel::KernelTables;
use super::peer::Peer;
use super::records::{CountLimits, ProductTables, RowCounts};
use super::tls::{Encryption, ca_file};
use super::upgrade_table::UpgradeTable;
use super::{Connection, DatabaseDirectory, Directions, mysql, postgres};
use crate::collect::text_file::read_text;
use crate::collect::{CollectError, Collector};

/// How long a look at the database may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Until the server has let the agent in.
    pub connect: Duration,
    /// For one question; the server itself ends what takes longer.
    pub statement: Duration,
    /// For everything together.
    pub whole: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            statement: Duration::from_secs(15),
            whole: Duration::from_mins(1),
        }
    }
}

/// Asks a product's database.
pub struct DatabaseCollector {
    directory: Arc<dyn DatabaseDirectory>,
    steps: Option<UpgradeTable>,
    tables: Option<Tables>,
    counting: Option<CountLimits>,
    silence: Option<Duration>,
    limits: TimeLimits,
}

impl DatabaseCollector {
    /// A collector for the database `directory` tells of, where `steps` is the product's record of upgrades.
    #[must_use]
    pub fn new(directory: Arc<dyn DatabaseDirectory>, steps: Option<UpgradeTable>) -> Self {
        Self { directory, steps, tables: None, counting: None, silence: None, limits: TimeLimits::default() }
    }

    /// The same, which also looks into these tables of the product.
    #[must_use]
    pub fn with_tables(self, tables: &'static ProductTables) -> Self {
        Self { tables: Some(Tables::Product(tables)), ..self }
    }

    /// The same, which also looks into these tables of a kernel.
    #[must_use]
    pub fn with_kernel_tables(self, tables: &'static KernelTables) -> Self {
        Self { tables: Some(Tables::Kernel(tables)), ..self }
    }

    /// The same, which also counts the rows of the main tables, or does not.
    #[must_use]
    pub fn with_row_counts(self, counts: RowCounts) -> Self {
        Self { counting: counts.limits(), ..self }
    }

    /// The same, which looks again, this long apart, when nobody is seen: pools of connections fill again.
    #[must_use]
    pub fn with_watched_silence(self, apart: Duration) -> Self {
        Self { silence: Some(apart), ..self }
    }

    /// The same with other time limits.
    #[must_use]
    pub fn with_time_limits(self, limits: TimeLimits) -> Self {
        Self { limits, ..self }
    }

    /// Looks once.
    pub async fn look(&self) -> Result<Database, CollectError> {
        let by = Instant::now() + self.limits.whole;
        // Counting has its own limit, and the server a moment to end the last count.
        let all_by = self.counting.map_or(by, |counting| by + counting.whole + self.limits.statement);
        let directory = Arc::clone(&self.directory);
        // Directions and certificates are in files, and files can be on a slow or dead file system.
        let preparing = tokio::task::spawn_blocking(move || prepare(directory.as_ref()));
        let prepared = match timeout_at(by, preparing).await {
            Ok(Ok(prepared)) => prepared?,
            Ok(Err(join)) => match join.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => return Err(CollectError::new(FailureKind::Internal, cancelled, "")),
            },
            Err(_elapsed) => return Err(LookError::DirectionsTimeout { limit: self.limits.whole }.into()),
        };
        let Way { connection, peer, encryption, certificates } = match prepared {
            Prepared::Way(way) => *way,
            Prepared::Nowhere(database) => return Ok(*database),
        };

        let connect_by = by.min(Instant::now() + self.limits.connect);
        let approach = Approach {
            connection,
            peer,
            encryption,
            certificates,
            tables: self.tables,
            counting: self.counting,
            silence: self.silence,
            limits: self.limits,
        };
        let peer = &approach.peer;
        let not_connected = || LookError::ConnectTimeout { peer: peer.clone(), limit: self.limits.connect };
        let not_read = || LookError::ReadTimeout { peer: peer.clone(), limit: self.limits.whole };
        timeout_at(connect_by, approach.find_host()).await.ok().ok_or_else(not_connected)??;
        // The drivers panic over some answers no database would give; up to here nothing is trusted to be one.
        let looked = match approach.connection.engine {
            Engine::Mysql | Engine::Mariadb => {
                let connecting = AssertUnwindSafe(mysql::connect(&approach)).catch_unwind();
                let connected =
                    timeout_at(connect_by, Box::pin(connecting)).await.ok().ok_or_else(not_connected)?;
                let session = connected.ok().ok_or_else(|| LookError::garbled(peer))?;
                let session = session.map_err(|error| LookError::connect(peer, &error))?;
                timeout_at(all_by, Box::pin(mysql::look(session, &approach, self.steps))).await
            }
            Engine::Postgresql | Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb => {
                let connecting = AssertUnwindSafe(postgres::connect(&approach)).catch_unwind();
                let connected =
                    timeout_at(connect_by, Box::pin(connecting)).await.ok().ok_or_else(not_connected)?;
                let session = connected.ok().ok_or_else(|| LookError::garbled(peer))?;
                let session = session.map_err(|error| LookError::connect(peer, &error))?;
                timeout_at(all_by, Box::pin(postgres::look(session, &approach, self.steps))).await
            }
        };
        looked.ok().ok_or_else(not_read)?.map_err(|error| LookError::read(peer, &error).into())
    }
}

#[async_trait]
impl Collector for DatabaseCollector {
    fn source(&self) -> Source {
        Source::Database
    }

    async fn collect(&self) -> Result<Section, CollectError> {
        self.look().await.map(|database| Section::Database(Box::new(database)))
    }
}

/// All that is needed to reach and ask a database.
pub(super) struct Approach {
    pub(super) connection: Connection,
    pub(super) peer: Peer,
    pub(super) encryption: Encryption,
    /// Certificates to trust beside those of the system, in PEM form.
    pub(super) certificates: Option<String>,
    /// The tables of the product that are looked into.
    pub(super) tables: Option<Tables>,
    /// How long counting the rows of the main tables may take, when they are counted.
    pub(super) counting: Option<CountLimits>,
    /// How long to wait before looking again for sessions when there were none.
    pub(super) silence: Option<Duration>,
    pub(super) limits: TimeLimits,
}

impl Approach {
    /// How long to wait before looking again who is connected; `None` when this look suffices.
    pub(super) fn look_again(&self, sessions: &Field<Sessions>) -> Option<Duration> {
        let sessions = sessions.value()?;
        let silent = sessions.count == 0 && sessions.hidden.is_none();
        self.silence.filter(|_| silent && sessions.looks < Sessions::ENOUGH_LOOKS)
    }

    /// Asks for the host's address, only to tell a name nobody knows from a server that does not answer.
    async fn find_host(&self) -> Result<(), LookError> {
        let Peer { host, port, .. } = &self.peer;
        if host.starts_with('/') {
            return Ok(()); // the directory of a socket
        }
        let found = tokio::net::lookup_host((host.as_str(), *port)).await;
        found.map(|_| ()).map_err(|cause| LookError::FindHost { host: host.clone(), cause })
    }
}

/// What is known before anybody is asked.
pub(super) enum Prepared {
    Way(Box<Way>),
    Nowhere(Box<Database>),
}

/// The way to a database that can be asked.
pub(super) struct Way {
    pub(super) connection: Connection,
    pub(super) peer: Peer,
    pub(super) encryption: Encryption,
    pub(super) certificates: Option<String>,
}

/// Finds out where the database is and how to speak with it.
pub(super) fn prepare(directory: &dyn DatabaseDirectory) -> Result<Prepared, CollectError> {
    match directory.directions()? {
        Directions::Connect(connection) => prepared(*connection),
        Directions::CannotAsk { engine, address, account } => {
            Ok(Prepared::Nowhere(Box::new(cannot_ask(engine, address, account))))
        }
    }
}

/// Makes a way of directions: reads certificates, decides on encryption.
pub(super) fn prepared(connection: Connection) -> Result<Prepared, CollectError> {
    let peer = Peer::of(&connection);
    match connection.engine {
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb => {}
        engine @ (Engine::SqlServer | Engine::Oracle | Engine::H2 | Engine::Hsqldb) => {
            return Ok(Prepared::Nowhere(Box::new(cannot_ask(engine, peer.address(), connection.account))));
        }
    }
    let encryption = Encryption::of(&connection).map_err(LookError::Encryption)?;
    let certificates = if encryption.verifies() { ca_file(&connection) } else { None };
    let certificates = certificates.map(|path| {
        let text = read_text(&path).map_err(unreadable_certificates)?;
        if text.contains("-----BEGIN CERTIFICATE-----") {
            Ok(text)
        } else {
            Err(CollectError::from(LookError::NoCertificate { path }))
        }
    });
    let certificates = certificates.transpose()?;
    Ok(Prepared::Way(Box::new(Way { connection, peer, encryption, certificates })))
}

/// Facts of a database the agent does not speak to: all unread, with what to do instead.
fn cannot_ask(engine: Engine, address: String, account: String) -> Database {
    let why = format!("this agent cannot ask {}; {}", engine.name(), instead(engine));
    Database {
        others: Vec::new(),
        engine,
        version: Field::Unread(why.clone()),
        address,
        account,
        connected_as: Field::Unread(why.clone()),
        schema: Field::Unread(why.clone()),
        privileges: Field::Unread(why.clone()),
        ownership: Field::Unread(why.clone()),
        settings: Field::Unread(why.clone()),
        size_bytes: Field::Unread(why.clone()),
        records: Records::unread(&why),
        sessions: Field::Unread(why.clone()),
        upgrade_steps: Field::Unread(why),
    }
}

fn instead(engine: Engine) -> &'static str {
    match engine {
        Engine::SqlServer => {
            "look by hand as the product's login: SELECT @@VERSION, IS_ROLEMEMBER('db_owner'),              DATABASEPROPERTYEX(DB_NAME(), 'Collation'); SELECT is_read_committed_snapshot_on FROM sys.databases              WHERE name = DB_NAME()"
        }
        Engine::Oracle => {
            "look by hand as the product's user: SELECT * FROM session_privs; SELECT * FROM session_roles;              SELECT * FROM user_ts_quotas; SELECT value FROM nls_database_parameters WHERE parameter =              'NLS_CHARACTERSET'"
        }
        Engine::H2 | Engine::Hsqldb => {
            "it runs inside the product and is for evaluation only; move to an external database first"
        }
        Engine::Postgresql | Engine::Mysql | Engine::Mariadb => "set database.url of the instance",
    }
}
