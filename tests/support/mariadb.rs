//! A throw-away MariaDB.

use std::path::Path;

use tempfile::TempDir;

use super::port::free_port;
use super::server::{Server, own_dir, program, run};

/// The unprivileged user that runs it when tests run as root.
const USER: &str = "mysql";

/// A MariaDB server; `root` is let in through its socket without a password.
pub(crate) struct Mariadb {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    // Stopped before its directory goes.
    _server: Server,
    dir: TempDir,
}

impl Mariadb {
    /// Starts a server with these options beside the usual ones.
    pub(crate) fn start(options: &[&str]) -> Self {
        let dir = own_dir(USER);
        let data = format!("--datadir={}", dir.path().join("data").display());
        // A starting server clears the temporary tables out of its directory, and would clear those of others.
        let tmp = format!("--tmpdir={}", dir.path().display());
        let mut install = program(Path::new("/usr/bin/mariadb-install-db"), USER);
        install.args(["--no-defaults", "--auth-root-authentication-method=normal"]);
        run(install.args(["--skip-test-db", "--skip-name-resolve", &data, &tmp]));
        let port = free_port();
        let mut server = program(Path::new("/usr/sbin/mariadbd"), USER);
        server.args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--innodb-buffer-pool-size=32M",
            &data,
            &tmp,
        ]);
        server.args(["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]);
        server.arg(format!("--port={port}")).arg(format!("--socket={}", socket(&dir))).args(options);
        let server = Server::start(&mut server, "ready for connections");
        Self { port, _server: server, dir }
    }

    /// Runs statements as `root` and returns what they print, without frills.
    pub(crate) fn run(&self, sql: &str) -> String {
        let mut client = program(Path::new("/usr/bin/mariadb"), USER);
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--user=root"]);
        client.arg(format!("--socket={}", socket(&self.dir)));
        run(client.args(["--execute", sql]))
    }
}

fn socket(dir: &TempDir) -> String {
    dir.path().join("s.sock").display().to_string()
}
