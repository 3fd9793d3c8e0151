//! Opening the store: making it, knowing it, bringing it to today's form.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, Gid, Uid, accessat, fchown};
use rustix::io::Errno;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _};

use super::{Store, StoreError};

/// The daemon writes it, its group reads it: as the status file. The files SQLite puts beside it get the same
/// mode, and the same owner when root makes them.
const MODE: u32 = 0o640;

/// How long another process may keep the store to itself.
const BUSY: Duration = Duration::from_secs(5);

/// `upra`, as the first migration sets it.
const APPLICATION_ID: i64 = 0x7570_7261;

/// `sqlx::migrate!` would need the macros of sqlx, which bring every database driver into the build a second time
/// for one short list.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let step = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "history", include_str!("migrations/0001_history.sql")),
        step(2, "steps", include_str!("migrations/0002_steps.sql")),
        step(3, "outbox", include_str!("migrations/0003_outbox.sql")),
        step(4, "stream", include_str!("migrations/0004_stream.sql")),
    ])
});

impl Store {
    /// Opens the store to write into it; makes it when there is none.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (made, wanted) = (path.to_owned(), path.to_owned());
        make(&made).map_err(|cause| StoreError::Make { path: wanted, cause })?;
        regular(path)?;
        may_write(path).map_err(|cause| StoreError::Make { path: path.to_owned(), cause })?;
        let mut connection = connect(path, &options(path)).await?;
        match prepare(path, &mut connection).await {
            Ok(()) => {
                let file = number_of(path).unwrap_or_default();
                Ok(Self { path: path.to_owned(), connection, data_version: None, file })
            }
            Err(trouble) => {
                give_up(connection).await;
                Err(trouble)
            }
        }
    }

    /// Opens the store of a daemon, which may be down, to read it; nothing is made or changed.
    pub async fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        match fs::symlink_metadata(path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                return Err(StoreError::Absent { path: path.to_owned() });
            }
            Err(cause) => return Err(StoreError::Make { path: path.to_owned(), cause }),
            Ok(_) => regular(path)?,
        }
        // SQLite wants to make its index of the log beside the store, which not every reader may. When there is
        // no log, everything is in the store itself, and nobody is writing.
        let log = fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
        let mut options = options(path).read_only(true);
        if log == 0 {
            let with_index = connect(path, &options).await;
            if let Ok(connection) = with_index {
                return Self::to_read(path, connection).await;
            }
            options = options.immutable(true);
        }
        let connection = connect(path, &options).await?;
        Self::to_read(path, connection).await
    }

    async fn to_read(path: &Path, mut connection: SqliteConnection) -> Result<Self, StoreError> {
        known(path, &mut connection).await?;
        let version: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .map_err(|cause| match cause {
                // It was just made, and nothing was written yet.
                sqlx::Error::Database(_) => StoreError::Absent { path: path.to_owned() },
                other => StoreError::of(path, "opening", other),
            })?;
        let newest = MIGRATIONS.iter().map(|step| step.version).max();
        if version != newest {
            return Err(StoreError::OtherVersion { path: path.to_owned() });
        }
        let file = number_of(path).unwrap_or_default();
        Ok(Self { path: path.to_owned(), connection, data_version: None, file })
    }

    /// Looks whether the whole file is sound; it takes as long as reading it.
    pub async fn examine(&mut self) -> Result<(), StoreError> {
        let failed = |cause| StoreError::of(&self.path, "examining", cause);
        let told: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed)?;
        if told == "ok" {
            Ok(())
        } else {
            Err(StoreError::Damaged { path: self.path.clone(), cause: told.into() })
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        // Small in memory: 256 KiB of pages, and few statements.
        .pragma("cache_size", "-256")
        .statement_cache_capacity(16)
        .command_buffer_size(4)
        .row_buffer_size(16)
        .disable_statement_logging()
}

async fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let failed = |cause| StoreError::of(path, "opening", cause);
    let mut connection = options.connect().await.map_err(failed)?;
    // Only now the file is really read.
    match sqlx::query("SELECT count(*) FROM sqlite_schema").fetch_one(&mut connection).await {
        Ok(_) => Ok(connection),
        Err(cause) => {
            give_up(connection).await;
            Err(failed(cause))
        }
    }
}

/// Closes a connection to a store that cannot be used, and waits for it: SQLite removes the log beside the store by
/// its name when it closes, and by then another store must not stand there.
async fn give_up(connection: SqliteConnection) {
    // What went wrong before is what is told.
    drop(connection.close().await);
}

async fn prepare(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    known(path, connection).await?;
    let failed = |cause| StoreError::of(path, "opening", cause);
    for pragma in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA journal_size_limit = 1048576",
        "PRAGMA wal_autocheckpoint = 256",
    ] {
        sqlx::query(pragma).fetch_optional(&mut *connection).await.map_err(failed)?;
    }
    migrate(path, connection).await
}

/// An empty file is ours to fill; of the others only those we made.
async fn known(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = |cause| StoreError::of(path, "opening", cause);
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let id: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(failed)?;
    if tables == 0 || id == APPLICATION_ID {
        Ok(())
    } else {
        Err(StoreError::Foreign { path: path.to_owned() })
    }
}

/// In one transaction that keeps others out: two commands may start at once.
async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = |cause| StoreError::of(path, "renewing the tables of", cause);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    // `run` asks for an `Acquire` that the compiler cannot show to be `Send`; this is what it calls.
    match MIGRATIONS.run_direct(None, &mut *transaction, false).await {
        Ok(()) => transaction.commit().await.map_err(failed),
        Err(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) => Err(failed(cause)),
        // All the others say that it holds what is not among our migrations.
        Err(_) => Err(StoreError::OtherVersion { path: path.to_owned() }),
    }
}

fn regular(path: &Path) -> Result<(), StoreError> {
    // Looked at before it is opened: opening a pipe would wait, and a link may lead anywhere.
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(()),
        Ok(_) => Err(StoreError::NotAFile { path: path.to_owned() }),
        Err(cause) => Err(StoreError::Make { path: path.to_owned(), cause }),
    }
}

/// Without the right to write, SQLite would open it to read, and say so only when there is something to write.
fn may_write(path: &Path) -> io::Result<()> {
    match accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS) {
        // An old kernel cannot tell.
        Ok(()) | Err(Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(denied) => Err(denied.into()),
    }
}

/// Makes the empty file, with the mode it is to have; made by root it belongs to whoever owns the directory, so
/// that the daemon can go on writing.
fn make(path: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    };
    if rustix::process::geteuid().is_root() {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let owner = fs::metadata(directory)?;
        fchown(&file, Some(Uid::from_raw(owner.uid())), Some(Gid::from_raw(owner.gid())))?;
    }
    Ok(())
}

/// Device and number of a file, while it is there.
pub(super) fn number_of(path: &Path) -> Option<(u64, u64)> {
    let there = fs::symlink_metadata(path).ok()?;
    Some((there.dev(), there.ino()))
}

/// A file SQLite puts beside the store.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
