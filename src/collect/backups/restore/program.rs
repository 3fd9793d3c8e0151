//! The programs that restore: found, started without a shell, fed, limited, and listened to.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc;
use upgrade_readiness_checks::facts::Engine;

use super::feed::Source;
use super::secret_file::SecretFile;
use super::{RestoreError, RestoreSettings, is_mysql, shown};
use crate::collect::backups::dump::{DumpFacts, DumpForm};
use crate::collect::database::peer::Peer;

/// What is kept of what a program says.
const KEPT: usize = 16 * 1024;
/// What is repeated of it.
const TOLD: usize = 400;

/// Which program restores this dump.
#[derive(Debug)]
pub(super) enum Programs {
    /// `pg_restore` reads an archive.
    PgRestore(PathBuf),
    /// `psql` reads a script; the newer ones can be told to run no commands.
    Psql { program: PathBuf, restricts: bool },
    /// `mariadb` or `mysql` reads a script.
    Client { program: PathBuf, options: Vec<&'static str> },
}

/// What a run needs to know.
pub(super) struct Run<'a> {
    pub(super) settings: &'a RestoreSettings,
    pub(super) database: &'a str,
    pub(super) secret: &'a SecretFile,
    pub(super) password: &'a SecretString,
}

impl Programs {
    /// Finds the program for a dump.
    pub(super) async fn find(settings: &RestoreSettings, facts: &DumpFacts) -> Result<Self, RestoreError> {
        if is_mysql(settings.engine) {
            let names: &[&str] = match settings.engine {
                Engine::Mysql => &["mysql", "mariadb"],
                _ => &["mariadb", "mysql"],
            };
            let program = find(settings.client_program.as_deref(), names, "client_program")?;
            let help = ask(&program, &["--no-defaults", "--help"]).await?;
            // Whatever keeps a script from running commands of the client and reading its files.
            let known = ["--sandbox", "--system-command", "--commands"];
            let mut options = vec!["--local-infile=0"];
            for (name, option) in known.iter().zip(["--sandbox", "--system-command=OFF", "--commands=OFF"]) {
                if help.contains(&format!("  {name} ")) || help.contains(&format!("  {name}\n")) {
                    options.push(option);
                }
            }
            return Ok(Self::Client { program, options });
        }
        if facts.form == DumpForm::PostgresqlPlain.name() {
            let program = find(settings.client_program.as_deref(), &["psql"], "client_program")?;
            let restricts = knows_restrict(&ask(&program, &["--version"]).await?);
            return Ok(Self::Psql { program, restricts });
        }
        let program = find(settings.restore_program.as_deref(), &["pg_restore"], "restore_program")?;
        Ok(Self::PgRestore(program))
    }

    /// The program, for people.
    pub(super) fn name(&self) -> String {
        match self {
            Self::PgRestore(program) | Self::Psql { program, .. } | Self::Client { program, .. } => {
                shown(program)
            }
        }
    }

    /// Restores; says what the program said when it failed.
    pub(super) async fn restore(
        &self,
        run: &Run<'_>,
        source: &Source,
        facts: &DumpFacts,
    ) -> Result<Option<String>, RestoreError> {
        let (mut command, first) = self.command(run, source)?;
        let failed = |what: &str, error| RestoreError::Program(format!("{what} {}: {error}", self.name()));
        let mut child = command.spawn().map_err(|error| failed("starting", error))?;
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(8);
        let reading =
            {
                let (source, form) = (source.clone(), facts.form);
                tokio::task::spawn_blocking(move || {
                    if source.is_directory { Ok(()) } else { source.send(form, &sender) }
                })
            };
        let feeding = async {
            let mut input = stdin;
            if let Some(input) = &mut input {
                let mut takes = input.write_all(first.as_bytes()).await.is_ok();
                while takes && let Some(piece) = pieces.recv().await {
                    takes = input.write_all(&piece).await.is_ok();
                }
            }
            // When it takes no more it has ended, and says why.
            pieces.close();
            while pieces.recv().await.is_some() {}
            let outcome = reading.await.unwrap_or_else(|broken| Err(broken.to_string()));
            if outcome.is_err() {
                // Before its input ends, which it would take for the end of the dump.
                drop(child.start_kill());
            }
            drop(input);
            outcome.err()
        };
        let (bad, said) = tokio::join!(feeding, listen(stderr));
        let status = child.wait().await.map_err(|error| failed("waiting for", error))?;
        if let Some(bad) = bad {
            return Err(RestoreError::Refused(bad));
        }
        if status.success() {
            return Ok(None);
        }
        let said = scrub(&said, run);
        let said = if said.is_empty() { status.to_string() } else { said };
        if let Some(remedy) = not_of_the_dump(&said) {
            return Err(RestoreError::Program(format!(
                "{} could not restore it, which says nothing about the dump: {said}. {remedy}",
                self.name()
            )));
        }
        Ok(Some(format!("{} could not restore it: {said}", self.name())))
    }

    /// The one place that says how a program is started: nothing of the agent's environment, no shell, the password in
    /// a file, its end together with the agent's.
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator switched the restore test on, which needs the client programs"
    )]
    fn command(&self, run: &Run<'_>, source: &Source) -> Result<(Command, String), RestoreError> {
        let settings = run.settings;
        let peer = Peer::of(&settings.connection(None)?);
        let port = peer.port.to_string();
        let (Self::PgRestore(program) | Self::Psql { program, .. } | Self::Client { program, .. }) = self;
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("HOME", run.secret.home());
        command.current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut first = String::new();
        match self {
            Self::PgRestore(_) | Self::Psql { .. } => {
                command.env("PGPASSFILE", &run.secret.path).env("PGCONNECT_TIMEOUT", "20");
                let parameter = |name: &str| settings.parameters.get(name).cloned();
                if let Some(mode) = parameter("sslmode") {
                    command.env("PGSSLMODE", mode);
                }
                let ca_file =
                    settings.ca_file.clone().or_else(|| parameter("sslrootcert").map(PathBuf::from));
                if let Some(ca_file) = ca_file {
                    command.env("PGSSLROOTCERT", ca_file);
                }
                command.args([
                    "-w",
                    "-h",
                    &peer.host,
                    "-p",
                    &port,
                    "-U",
                    &settings.username,
                    "-d",
                    run.database,
                ]);
            }
            Self::Client { .. } => {
                let mut defaults = std::ffi::OsString::from("--defaults-file=");
                defaults.push(&run.secret.path);
                command.arg(defaults).args([
                    "--protocol=tcp",
                    "--batch",
                    "--host",
                    &peer.host,
                    "--port",
                    &port,
                ]);
                command.args(["--user", &settings.username, "--database", run.database]);
                if let Some(ca_file) = &settings.ca_file {
                    let mut option = std::ffi::OsString::from("--ssl-ca=");
                    option.push(ca_file);
                    command.arg(option);
                }
            }
        }
        match self {
            Self::PgRestore(_) => {
                command.args(["--exit-on-error", "--no-owner", "--no-privileges"]);
                if source.is_directory {
                    command.arg(&source.path);
                }
            }
            Self::Psql { restricts, .. } => {
                command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-f", "-"]);
                if *restricts {
                    first = format!("\\restrict {}\n", key(source));
                }
            }
            Self::Client { options, .. } => {
                command.args(options);
            }
        }
        Ok((command, first))
    }
}

/// A word the dump cannot know.
fn key(source: &Source) -> String {
    let moment = jiff::Timestamp::now().as_nanosecond();
    let place = std::ptr::from_ref(source).addr();
    let hash = blake3::hash(format!("{moment} {place} {}", std::process::id()).as_bytes()).to_hex();
    hash.chars().take(32).collect()
}

async fn listen(stderr: Option<tokio::process::ChildStderr>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
            let room = KEPT.saturating_sub(said.len());
            said.extend(buffer.iter().take(read.min(room)));
        }
    }
    said
}

/// What a program said, in one line, without the password.
fn scrub(said: &[u8], run: &Run<'_>) -> String {
    let text = String::from_utf8_lossy(said);
    let password = run.password.expose_secret();
    let text = if password.is_empty() { text.into_owned() } else { text.replace(password, "***") };
    let secret = run.secret.path.display().to_string();
    // Around the error stand the statement and the row it stumbled over; those are somebody's content.
    let lines =
        text.lines().filter(|line| ["ERROR", "error:", "FATAL"].iter().any(|word| line.contains(word)));
    let words: Vec<String> =
        lines.flat_map(str::split_whitespace).map(|word| word.replace(&secret, "***")).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(TOLD).collect()
}

/// What helps when the server, the account or the program is the reason, and not the dump.
fn not_of_the_dump(said: &str) -> Option<&'static str> {
    const SPACE: &str = "Make room on the server to restore on.";
    const THERE: &str =
        "See that the server to restore on runs and lets the account in, also into the scratch database.";
    const NEWER: &str = "Restore on a server, and with a client program, that is as new as production's.";
    const MODULE: &str =
        "Install on the server to restore on what production's has: its extensions, collations, plug-ins.";
    const RIGHTS: &str =
        "Let the account make it there, or restore with an account that may and allow_superuser = true.";
    let reasons: [(&str, &str); 14] = [
        ("No space left on device", SPACE),
        ("The table is full", SPACE),
        ("Disk full", SPACE),
        ("connection to server", THERE),
        ("server closed the connection", THERE),
        ("terminating connection", THERE),
        ("Can't connect to", THERE),
        ("Lost connection to", THERE),
        ("Server has gone away", THERE),
        ("unsupported version (", NEWER),
        ("unrecognized configuration parameter", NEWER),
        ("Unknown collation", NEWER),
        ("is not available", MODULE),
        ("permission denied to create extension", RIGHTS),
    ];
    reasons.iter().find(|(words, _)| said.contains(words)).map(|(_, remedy)| *remedy)
}

/// The named program, or the first that is where such programs usually are.
fn find(chosen: Option<&Path>, names: &[&str], key: &str) -> Result<PathBuf, RestoreError> {
    if let Some(chosen) = chosen {
        if chosen.is_file() {
            return Ok(chosen.to_owned());
        }
        return Err(RestoreError::Program(format!("{key} names {}, which is not there", chosen.display())));
    }
    let mut places: Vec<PathBuf> = Vec::new();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    places.extend(versions.iter().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"))));
    places
        .extend(["/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin", "/opt/mysql/bin"].map(PathBuf::from));
    for name in names {
        if let Some(found) = places.iter().map(|place| place.join(name)).find(|path| path.is_file()) {
            return Ok(found);
        }
    }
    Err(RestoreError::Program(format!(
        "{} is not on this host; install the client programs of the database, or name it in {key}",
        names.join(" or ")
    )))
}

/// What a program says about itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the operator switched the restore test on, which needs the client programs"
)]
async fn ask(program: &Path, arguments: &[&str]) -> Result<String, RestoreError> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let failed =
        |error: String| RestoreError::Program(format!("asking {} who it is: {error}", program.display()));
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let mut said = Vec::new();
    let Some(stdout) = child.stdout.take() else { return Err(failed("no output".to_owned())) };
    let mut stdout = stdout.take(256 * 1024);
    let reading =
        tokio::time::timeout(std::time::Duration::from_secs(20), stdout.read_to_end(&mut said)).await;
    match reading {
        Ok(Ok(_)) => Ok(String::from_utf8_lossy(&said).into_owned()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_elapsed) => Err(failed("it does not answer".to_owned())),
    }
}

/// Whether a `psql` knows the command that forbids commands: 18, and the minor releases of August 2025
/// (<https://www.postgresql.org/support/security/CVE-2025-8714/>).
fn knows_restrict(version: &str) -> bool {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let mut parts = number.unwrap_or("").split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let since = [(13, 22), (14, 19), (15, 14), (16, 10), (17, 6)];
    major >= 18 || since.iter().any(|(m, n)| *m == major && minor >= *n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_psql_that_can_forbid_commands_is_known_by_its_version() {
        let rows = [
            ("psql (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", true),
            ("psql (PostgreSQL) 15.13", false),
            ("psql (PostgreSQL) 17.6", true),
            ("psql (PostgreSQL) 18.0", true),
            ("psql (PostgreSQL) 18beta1", false),
            ("psql (PostgreSQL) 12.22", false),
            ("", false),
        ];
        for (text, known) in rows {
            assert_eq!(knows_restrict(text), known, "{text}");
        }
    }
}
