//! The restore test: a dump is restored into a scratch database on a server the operator names, counted, and dropped.
//!
//! This is the one thing that writes into a database, so it is off until the operator switches it on, and it refuses
//! whatever could touch anything but its own scratch database: the instance's own server, a database it did not make
//! itself, an account that may do everything, a dump that reaches out of its database or runs programs.

mod begun;
mod feed;
mod program;
mod proof;
mod scratch;
mod secret_file;
mod separate;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use upgrade_readiness_checks::facts::{Engine, RestoreProof, RowCount};

pub use proof::{PROOF_FILE, PROOF_FORMAT, ProofError, proof_schema, read_newest, read_proof, write_proof};

use super::dump::{DumpDefect, DumpFacts, DumpForm};
use crate::chain::Chain;
use crate::collect::CollectError;
use crate::collect::blocking::Lookout;
use crate::collect::database::{Connection, DatabaseDirectory};
use crate::config::{SecretError, SecretSource};
use begun::Begun;
use feed::Source;
use scratch::{Scratch, ScratchError};

/// Who restored, in the proof.
pub const BY: &str = "restore test of the agent";

/// How and where to restore.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreSettings {
    /// Kind of the server.
    pub engine: Engine,
    /// Its host.
    pub host: String,
    /// Its port; the usual one when absent.
    pub port: Option<u16>,
    /// A database to connect to before the scratch database is there.
    pub database: String,
    /// Parameters of its JDBC URL.
    pub parameters: BTreeMap<String, String>,
    /// The account.
    pub username: String,
    /// Its password.
    pub password: SecretSource,
    /// Certificates to trust beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// `pg_restore`, when it is not where it usually is.
    pub restore_program: Option<PathBuf>,
    /// `psql`, `mariadb` or `mysql`, when it is not where it usually is.
    pub client_program: Option<PathBuf>,
    /// How often a dump is restored.
    pub every: Duration,
    /// How long it may take.
    pub time_limit: Duration,
    /// What names of scratch databases begin with; the name of the instance and some letters drawn by lot follow.
    pub database_prefix: String,
    /// The operator allows the server the instance's own database is on.
    pub same_server: bool,
    /// The operator allows an account that may do everything.
    pub allow_superuser: bool,
    /// By how much the number of tables may fall short of production's, in percent.
    pub tables_tolerance_percent: u8,
    /// Tables whose rows are counted.
    pub key_tables: Vec<String>,
}

/// What is restored, and for whom.
#[derive(Debug, Clone)]
pub struct Task {
    /// The instance's name.
    pub instance: String,
    /// The dump: a file, compressed or not, or the directory of a dump in directory form.
    pub dump: PathBuf,
    /// When it was finished, when that is not the time of its last change.
    pub finished_at: Option<Timestamp>,
    /// A directory of the instance's own for the password file and the lock.
    pub work_dir: PathBuf,
}

/// Why nothing was restored. This says nothing about the dump.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The dump is not to be restored, or not there.
    #[error("the restore test was refused: {0}")]
    Refused(String),
    /// Another one is under way.
    #[error("another restore test of this instance is under way")]
    UnderWay,
    /// The password could not be had.
    #[error("reading the password for the restore test")]
    Secret(#[source] SecretError),
    /// The dump could not be read.
    #[error("reading the dump {}", path.display())]
    Dump {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file of the restore test could not be written.
    #[error("preparing the restore test in {}", path.display())]
    Prepare {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A server could not be reached.
    #[error("{0}")]
    Server(String),
    /// The scratch database could not be made, counted or dropped.
    #[error("working in the scratch database: {0}")]
    Scratch(String),
    /// A program is missing or could not be started.
    #[error("{0}")]
    Program(String),
    /// The agent itself broke.
    #[error("the restore test broke off; this is a defect of the agent")]
    Broken,
}

impl From<CollectError> for RestoreError {
    fn from(error: CollectError) -> Self {
        Self::Server(error.into_failure().message)
    }
}

impl From<ScratchError> for RestoreError {
    fn from(error: ScratchError) -> Self {
        match error {
            ScratchError::Server(cause) => cause.into(),
            ScratchError::Statement { .. } => Self::Scratch(Chain(&error).to_string()),
        }
    }
}

/// Restores a dump and says what came of it. `progress` is told each step, in a few words.
///
/// Nothing here may leave a trace behind: the scratch database is dropped whatever happens, and one that a killed
/// run left behind is dropped by the next.
pub async fn prove(
    settings: &RestoreSettings,
    task: &Task,
    production: &Arc<dyn DatabaseDirectory>,
    progress: &(dyn Fn(String) + Sync),
) -> Result<RestoreProof, RestoreError> {
    let restored_at = Timestamp::now();
    let _lock = secret_file::lock(&task.work_dir)?;
    let separate = separate::Separate::find(settings, task, production).await?;
    let source = Source::of(&task.dump)?;
    progress(format!("reading {} to its end", task.dump.display()));
    let server = settings.connection(None)?;
    let mut proof = RestoreProof {
        dump: task.dump.display().to_string(),
        dump_finished_at: task.finished_at.unwrap_or(source.changed_at),
        restored_at,
        took: SignedDuration::ZERO,
        server: crate::collect::database::peer::Peer::of(&server).server(),
        by: BY.to_owned(),
        defects: Vec::new(),
        tables: 0,
        rows: Vec::new(),
    };
    let facts = match inspect(&source).await? {
        Ok(facts) => facts,
        Err(DumpDefect::Read(cause)) => {
            return Err(RestoreError::Dump { path: task.dump.clone(), cause });
        }
        Err(defect @ DumpDefect::Version(_)) => {
            // That is the agent's limit, and none of the dump.
            return Err(RestoreError::Refused(Chain(&defect).to_string()));
        }
        // Whoever asked is told so; a dump that is not whole is not tried.
        Err(defect) => {
            proof.defects.push(Chain(&defect).to_string());
            return Ok(proof);
        }
    };
    refuse(settings, &source, &facts)?;
    let programs = program::Programs::find(settings, &facts).await?;
    let mut begun = Begun::read(&task.work_dir, &settings.scratch_name(&task.instance))?;
    let name = begun.draw();
    progress(format!("making the scratch database {name} on {}", proof.server));
    let mut scratch = Scratch::create(settings, &mut begun, name).await?;
    let started = tokio::time::Instant::now();
    let work =
        restore_and_count(settings, task, &source, &facts, &programs, &separate, &mut scratch, progress);
    let outcome = tokio::time::timeout(settings.time_limit, Box::pin(work)).await;
    proof.took = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::ZERO);
    progress(format!("dropping the scratch database {}", scratch.name()));
    let dropped = scratch.drop_database(&mut begun).await;
    match outcome {
        Err(_elapsed) => {
            proof.defects.push(format!(
                "it was not restored within {}; if the server is only slow, raise time_limit under \
                 [instance.backups.restore_test]",
                spoken(settings.time_limit)
            ));
        }
        Ok(outcome) => {
            let Counted { tables, rows, defects } = outcome?;
            proof.tables = tables;
            proof.rows = rows;
            proof.defects = defects;
        }
    }
    dropped?;
    if !source.is_unchanged() {
        return Err(RestoreError::Refused(format!(
            "{} changed while it was restored: somebody is still writing it",
            task.dump.display()
        )));
    }
    Ok(proof)
}

/// Drops what ended runs of an instance left behind, when something was begun and is not known to be gone.
pub async fn clear_leftovers(
    settings: &RestoreSettings,
    instance: &str,
    work_dir: &Path,
) -> Result<(), RestoreError> {
    let _lock = secret_file::lock(work_dir)?;
    let mut begun = Begun::read(work_dir, &settings.scratch_name(instance))?;
    if begun.names().is_empty() { Ok(()) } else { scratch::clear(settings, &mut begun).await }
}

struct Counted {
    tables: u64,
    rows: Vec<RowCount>,
    defects: Vec<String>,
}

#[expect(clippy::too_many_arguments, reason = "the two steps of one function that has a time limit")]
async fn restore_and_count(
    settings: &RestoreSettings,
    task: &Task,
    source: &Source,
    facts: &DumpFacts,
    programs: &program::Programs,
    separate: &separate::Separate,
    scratch: &mut Scratch,
    progress: &(dyn Fn(String) + Sync),
) -> Result<Counted, RestoreError> {
    progress(format!("restoring {} tables with {}", facts.table_count, programs.name()));
    let password = settings.password.read().map_err(RestoreError::Secret)?;
    let secret = secret_file::SecretFile::write(&task.work_dir, settings.engine, &password)?;
    let run = program::Run { settings, database: scratch.name(), secret: &secret, password: &password };
    let failed = programs.restore(&run, source, facts).await?;
    drop(secret);
    if let Some(said) = failed {
        return Ok(Counted { tables: 0, rows: Vec::new(), defects: vec![said] });
    }
    progress("counting tables and rows".to_owned());
    let tables = scratch.tables().await?;
    let there = separate.production_tables().await;
    let mut defects = Vec::new();
    let count = tables.len() as u64;
    if count < facts.table_count {
        defects.push(format!("the dump holds {} tables and {count} were restored", facts.table_count));
    }
    if let Some(there) = &there {
        let tolerated = there.len() as u64 * u64::from(settings.tables_tolerance_percent) / 100;
        if count + tolerated < there.len() as u64 {
            defects.push(format!("production has {} tables and {count} were restored", there.len()));
        }
    }
    let mut rows = Vec::new();
    for name in &settings.key_tables {
        let restored = scratch::find(&tables, name);
        let original = there.as_ref().and_then(|there| scratch::find(there, name));
        match (restored, original) {
            (None, Some(_)) => {
                defects.push(format!("production has the table {name}, and it is not in the dump"));
            }
            (None, None) => {}
            (Some(table), original) => {
                let restored = scratch.count(table).await?;
                let production = match original {
                    Some(table) => separate.count_production(table).await,
                    None => None,
                };
                rows.push(RowCount { table: name.clone(), restored, production });
            }
        }
    }
    if rows.is_empty() && !settings.key_tables.is_empty() && defects.is_empty() {
        defects.push(format!(
            "none of the tables {} is in the dump: it is of something else",
            settings.key_tables.join(", ")
        ));
    }
    Ok(Counted { tables: count, rows, defects })
}

async fn inspect(source: &Source) -> Result<Result<DumpFacts, DumpDefect>, RestoreError> {
    let source = source.clone();
    let look = Lookout::default();
    let looked = look.run(move |stop| Ok(source.inspect(stop))).await;
    looked.map_err(RestoreError::from)
}

/// What must not be restored, whoever asks.
fn refuse(settings: &RestoreSettings, source: &Source, facts: &DumpFacts) -> Result<(), RestoreError> {
    let path = source.path.display();
    let refused = |reason: String| Err(RestoreError::Refused(reason));
    if !source.is_unchanged() {
        return refused(format!("{path} changed while it was read: somebody is still writing it"));
    }
    let mysql = facts.form == DumpForm::MysqlPlain.name() || facts.form == DumpForm::MariadbPlain.name();
    if mysql != is_mysql(settings.engine) {
        return refused(format!("{path} is {}, and the server is {}", facts.form, settings.engine.name()));
    }
    if let Some(statement) = facts.runs_commands.first() {
        return refused(format!("{path} would run a program or touch files: {statement}"));
    }
    if let Some(statement) = facts.leaves_database.first() {
        return refused(format!(
            "{path} reaches into other databases than the one it is restored into: {statement}. Dump the database \
             alone, without --databases, --all-databases, --create or pg_dumpall"
        ));
    }
    Ok(())
}

fn is_mysql(engine: Engine) -> bool {
    matches!(engine, Engine::Mysql | Engine::Mariadb)
}

fn spoken(limit: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX))
}

impl RestoreSettings {
    /// The way to a database of the server; without a name to the one that is there already.
    fn connection(&self, database: Option<&str>) -> Result<Connection, RestoreError> {
        Ok(Connection {
            engine: self.engine,
            host: self.host.clone(),
            port: self.port,
            database: database.unwrap_or(&self.database).to_owned(),
            schema: None,
            parameters: self.parameters.clone(),
            account: self.username.clone(),
            username: self.username.clone(),
            password: self.password.read().map_err(RestoreError::Secret)?,
            ca_file: self.ca_file.clone(),
        })
    }

    /// What names of scratch databases of an instance begin with.
    #[must_use]
    pub fn scratch_name(&self, instance: &str) -> String {
        let name: String = instance
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        // PostgreSQL cuts names at 63 bytes, of which 13 are drawn; two instances must not get the same one.
        let sum = blake3::hash(instance.as_bytes()).to_hex();
        let room = 42_usize.saturating_sub(self.database_prefix.len()).min(24);
        let short: String = name.chars().take(room).collect();
        let tail: String = sum.chars().take(6).collect();
        format!("{}_{short}_{tail}", self.database_prefix)
    }
}

/// A path in messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
