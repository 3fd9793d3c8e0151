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

use super::example::{DATABASE_PASSWORD, DATABASE_USER};

/// Name of the example's database.
pub(super) const DATABASE: &str = "confluence";

/// The administrator of the throw-away server.
const ADMIN: &str = "admin";

/// A running throw-away server; it ends with this value.
pub(super) struct Postgres {
    server: Child,
    dir: PathBuf,
    pub(super) port: u16,
}

impl Postgres {
    /// A dump of the example's database as a nightly job makes it; `None` when it cannot be made.
    #[expect(clippy::disallowed_methods, reason = "the demo dumps a database of its own")]
    pub(super) fn dump(&self, programs: &Path) -> Option<Vec<u8>> {
        let made = Command::new(programs.join("pg_dump"))
            .args(["-Fc", "-U", ADMIN, "-p", &self.port.to_string(), "-h"])
            .arg(&self.dir)
            .arg(DATABASE)
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

/// Starts a server below the demo's directory and fills it with the example's schema.
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
    let postgres = Postgres { server, dir: dir.clone(), port };
    let admin = PgConnectOptions::new_without_pgpass()
        .socket(dir)
        .port(port)
        .username(ADMIN)
        .ssl_mode(PgSslMode::Disable);
    fill(&admin).await?;
    Ok(postgres)
}

/// Users, database and a schema like Confluence's; one table belongs to somebody else.
async fn fill(admin: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = connect(&admin.clone().database("postgres")).await?;
    for statement in [
        format!("CREATE ROLE {DATABASE_USER} LOGIN PASSWORD '{DATABASE_PASSWORD}'"),
        "CREATE ROLE former_dba".to_owned(),
        format!("CREATE DATABASE {DATABASE}"),
    ] {
        connection.execute(AssertSqlSafe(statement)).await.context("preparing the example's database")?;
    }
    let mut connection = connect(&admin.clone().database(DATABASE)).await?;
    let build = super::example::BUILD;
    let schema = format!(
        "GRANT CREATE, USAGE ON SCHEMA public TO {DATABASE_USER};
         SET ROLE {DATABASE_USER};
         CREATE TABLE confversion (confversionid bigint PRIMARY KEY, buildnumber integer NOT NULL,
             installdate timestamp, versiontag varchar(255), finalized varchar(1));
         INSERT INTO confversion VALUES (1, 8804, '2023-02-11 18:00', NULL, 'Y'), (2, {build}, '2024-03-16 19:12', NULL, 'Y');
         CREATE TABLE content (contentid bigint PRIMARY KEY, title varchar(255));
         CREATE TABLE bodycontent (bodycontentid bigint PRIMARY KEY, body text);
         INSERT INTO bodycontent SELECT number, repeat(md5(number::text), 20) FROM generate_series(1, 3000) number;
         CREATE TABLE spaces (spaceid bigint PRIMARY KEY, spacekey varchar(255));
         CREATE TABLE user_mapping (user_key varchar(255) PRIMARY KEY, username varchar(255) NOT NULL,
             lower_username varchar(255), CONSTRAINT unq_lwr_username UNIQUE (lower_username));
         INSERT INTO user_mapping VALUES ('1', 'admin', 'admin'), ('2', 'Example', 'example');
         CREATE TABLE bandana (bandanaid bigint PRIMARY KEY, bandanacontext varchar(255), bandanakey varchar(255),
             bandanavalue text);
         INSERT INTO bandana VALUES (1, '_GLOBAL', 'migration.required', '<boolean>false</boolean>'),
             (2, 'DOCS', 'atlassian.confluence.css.resource.custom', 'body {{ color: black }}');
         CREATE TABLE decorator (decoratorid bigint PRIMARY KEY, spacekey varchar(255), decoratorname varchar(255),
             body text);
         INSERT INTO decorator VALUES (1, NULL, 'decorators/main.vmd', '<html/>');
         CREATE TABLE clustersafety (clustersafetyid bigint PRIMARY KEY, safetynumber integer);
         CREATE TABLE cwd_directory (id bigint PRIMARY KEY, directory_type varchar(60), active char(1));
         INSERT INTO cwd_directory VALUES (1, 'INTERNAL', 'T'), (2, 'CONNECTOR', 'T');
         CREATE TABLE cwd_user (id bigint PRIMARY KEY, lower_user_name varchar(255), active char(1), directory_id bigint);
         INSERT INTO cwd_user VALUES (1, 'admin', 'T', 1), (2, 'example', 'T', 2);
         CREATE TABLE cwd_group (id bigint PRIMARY KEY, group_name varchar(255), directory_id bigint);
         INSERT INTO cwd_group VALUES (1, 'confluence-administrators', 1), (2, 'confluence-administrators', 2);
         CREATE TABLE cwd_membership (id bigint PRIMARY KEY, parent_id bigint, child_user_id bigint);
         INSERT INTO cwd_membership VALUES (1, 1, 1), (2, 2, 2);
         CREATE TABLE spacepermissions (permid bigint PRIMARY KEY, spaceid bigint, permtype varchar(255),
             permgroupname varchar(255), permusername varchar(255));
         RESET ROLE;
         CREATE TABLE \"AO_950DC3_TC_EVENTS\" (\"ID\" serial PRIMARY KEY, \"TITLE\" text);
         ALTER TABLE \"AO_950DC3_TC_EVENTS\" OWNER TO former_dba;
         GRANT SELECT, INSERT, UPDATE, DELETE ON \"AO_950DC3_TC_EVENTS\" TO {DATABASE_USER};"
    );
    connection.execute(AssertSqlSafe(schema)).await.context("making the example's tables")?;
    Ok(())
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
