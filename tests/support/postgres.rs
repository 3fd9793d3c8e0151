//! A throw-away PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::port::free_port;
use super::server::{Server, own_dir, program, run};

/// The unprivileged user that runs it when tests run as root.
const USER: &str = "postgres";

/// A PostgreSQL server; `admin` is its superuser and is let in from this host without a password.
pub(crate) struct Postgres {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    // Stopped before its directory goes.
    server: Server,
    dir: TempDir,
    settings: Vec<String>,
}

impl Postgres {
    /// Starts a server that asks everybody but `admin` for a password.
    pub(crate) fn start() -> Self {
        Self::start_with(
            "host all admin 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
            &[],
            |_| {},
        )
    }

    /// Starts a server with these lines of `pg_hba.conf` and settings; `prepare` gets the data directory before.
    pub(crate) fn start_with(hba: &str, settings: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        let dir = own_dir(USER);
        let data = dir.path().join("data");
        let mut initdb = program(&binary("initdb"), USER);
        initdb.arg("-D").arg(&data);
        run(initdb.args(["-U", "admin", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]));
        std::fs::write(data.join("pg_hba.conf"), hba).expect("to write pg_hba.conf");
        prepare(&data);
        let port = free_port();
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = serve(&data, port, &settings);
        Self { port, server, dir, settings }
    }

    /// Ends it for a while, as for maintenance.
    pub(crate) fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts it again with what it had.
    pub(crate) fn start_again(&mut self) {
        self.server = serve(&self.dir.path().join("data"), self.port, &self.settings);
    }

    /// Runs statements as `admin` and returns what they print, without frills.
    pub(crate) fn run(&self, database: &str, sql: &str) -> String {
        let mut psql = self.psql();
        run(psql.args(["-U", "admin", "-d", database, "-c", sql]))
    }

    /// What the server printed up to now.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    fn psql(&self) -> Command {
        let mut psql = program(&binary("psql"), USER);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]);
        psql.args(["-p", &self.port.to_string()]).env("HOME", self.dir.path());
        psql
    }
}

fn serve(data: &Path, port: u16, settings: &[String]) -> Server {
    let mut postgres = program(&binary("postgres"), USER);
    postgres.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k", ""]);
    let usual = ["fsync=off", "shared_buffers=16MB", "max_connections=20"].map(str::to_owned);
    for setting in usual.iter().chain(settings) {
        postgres.args(["-c", setting]);
    }
    Server::start(&mut postgres, "database system is ready to accept connections")
}

/// A program of the newest PostgreSQL on this host.
fn binary(name: &str) -> PathBuf {
    let root = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(root).into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let newest = newest.expect("PostgreSQL is needed for this test: apt-get install postgresql");
    root.join(newest.to_string()).join("bin").join(name)
}
