//! A throw-away PostgreSQL for the example, when one is installed on this host.
//!
//! Beside the restore test the only place of the agent that starts programs: a demonstration on data of its own.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// The administrator of the throw-away server.
const ADMIN: &str = "admin";

/// A running throw-away server; it ends with this value.
pub(super) struct Postgres {
    server: Child,
    programs: PathBuf,
    dir: PathBuf,
    pub(super) port: u16,
}

impl Postgres {
    /// Runs statements as its administrator.
    pub(super) async fn run(&self, database: &str, statements: &str) -> anyhow::Result<()> {
        let mut connection = connect(&self.administrator().database(database)).await?;
        connection
            .execute(AssertSqlSafe(statements.to_owned()))
            .await
            .with_context(|| format!("filling the example's database {database}"))?;
        Ok(())
    }

    /// How a person asks a database of it.
    pub(super) fn client(&self, database: &str) -> String {
        format!("psql -h {} -p {} -U {ADMIN} {database}", self.dir.display(), self.port)
    }

    fn administrator(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.dir)
            .port(self.port)
            .username(ADMIN)
            .ssl_mode(PgSslMode::Disable)
    }

    /// A dump of a database as a nightly job makes it; `None` when it cannot be made.
    #[expect(clippy::disallowed_methods, reason = "the demo dumps a database of its own")]
    pub(super) fn dump(&self, database: &str) -> Option<Vec<u8>> {
        let made = Command::new(self.programs.join("pg_dump"))
            .args(["-Fc", "-U", ADMIN, "-p", &self.port.to_string(), "-h"])
            .arg(&self.dir)
            .arg(database)
            .current_dir("/")
            .stdin(Stdio::null())
            .output();
        match made {
            Ok(made) if made.status.success() => Some(made.stdout),
            Ok(made) => {
                tracing::warn!(said = %String::from_utf8_lossy(&made.stderr).trim(), "pg_dump failed");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "pg_dump could not be started");
                None
            }
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; waiting keeps its directory free to be removed.
        let pid = i32::try_from(self.server.id()).ok().and_then(rustix::process::Pid::from_raw);
        let asked =
            pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::INT).is_ok());
        let ended = if asked { self.server.wait().map(|_| ()) } else { self.server.kill() };
        if let Err(error) = ended {
            tracing::warn!(%error, "the throw-away PostgreSQL did not end");
        }
    }
}

/// Where PostgreSQL's programs are, the newest first; `None` when none is installed.
pub(super) fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").is_file() && programs.join("postgres").is_file())
        .collect();
    versions.sort_by_key(|programs| {
        let version =
            programs.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    versions.pop()
}

/// Starts an empty server below the demo's directory.
pub(super) async fn start(programs: &Path, top: &Path) -> anyhow::Result<Postgres> {
    let dir = &top.join("postgres");
    let data = dir.join("data");
    fs::create_dir_all(dir).context("making a directory for PostgreSQL")?;
    let account = unprivileged_account(dir, top)?;
    let done = as_account(&programs.join("initdb"), account.as_ref())
        .arg("-D")
        .arg(&data)
        .args([
            "-U",
            ADMIN,
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ])
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .context("starting initdb")?;
    if !done.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|probe| probe.local_addr())
        .context("finding a free port")?
        .port();
    let server = as_account(&programs.join("postgres"), account.as_ref())
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(dir)
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "logging_collector=off"])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting PostgreSQL")?;
    let postgres = Postgres { server, programs: programs.to_owned(), dir: dir.clone(), port };
    connect(&postgres.administrator().database("postgres")).await?;
    Ok(postgres)
}

/// Connects as soon as the server answers, within ten seconds.
async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    let mut last = None;
    for _ in 0..100 {
        match PgConnection::connect_with(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(last.map_or_else(|| anyhow::anyhow!("it did not answer"), anyhow::Error::from))
        .context("waiting for the throw-away PostgreSQL")
}

/// PostgreSQL refuses to run as root: then the account `postgres` or `nobody` runs it.
fn unprivileged_account(dir: &Path, top: &Path) -> anyhow::Result<Option<(String, u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let account = ["postgres", "nobody"].iter().find_map(|wanted| {
        let mut fields =
            accounts.lines().find_map(|line| line.strip_prefix(&format!("{wanted}:")))?.split(':').skip(1);
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(((*wanted).to_owned(), uid, gid))
    });
    let Some((name, uid, gid)) = account else {
        bail!("neither an account postgres nor nobody exists to run PostgreSQL")
    };
    chown(dir, Some(uid), Some(gid)).context("giving PostgreSQL its directory")?;
    make_reachable(dir, top).context("letting PostgreSQL reach its directory")?;
    Ok(Some((name, uid, gid)))
}

/// The directories the demo made must let the other account pass; those above are not the demo's to change.
fn make_reachable(dir: &Path, top: &Path) -> io::Result<()> {
    for above in dir.ancestors().skip(1).take_while(|above| above.starts_with(top)) {
        fs::set_permissions(above, fs::Permissions::from_mode(0o711))?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the demo starts a database of its own, on data of its own")]
fn as_account(program: &Path, account: Option<&(String, u32, u32)>) -> Command {
    let Some((_, uid, gid)) = account else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
        .arg(program);
    command
}
