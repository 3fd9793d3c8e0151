//! What the tests share: an instance's database to compare with, settings, and watching processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;
use upgrade_readiness_agent::collect::CollectError;
use upgrade_readiness_agent::collect::backups::restore::{RestoreError, RestoreSettings, Task, prove};
use upgrade_readiness_agent::collect::database::{Connection, DatabaseDirectory, Directions};
use upgrade_readiness_agent::config::SecretSource;
use upgrade_readiness_checks::facts::{Engine, RestoreProof};

/// The password of every account here; it must never be seen.
pub(crate) const PASSWORD: &str = "Hush:3141\\hush";

/// The instance's own database.
#[derive(Clone)]
pub(crate) struct Production {
    pub(crate) engine: Engine,
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) database: &'static str,
}

impl DatabaseDirectory for Production {
    fn directions(&self) -> Result<Directions, CollectError> {
        Ok(Directions::Connect(Box::new(Connection {
            engine: self.engine,
            host: self.host.to_owned(),
            port: Some(self.port),
            database: self.database.to_owned(),
            schema: None,
            parameters: BTreeMap::new(),
            account: "conf".to_owned(),
            username: "conf".to_owned(),
            password: SecretString::from(PASSWORD),
            ca_file: None,
        })))
    }
}

/// One restore test to be tried.
pub(crate) struct Trial {
    pub(crate) production: Production,
    pub(crate) settings: RestoreSettings,
    pub(crate) dir: TempDir,
    pub(crate) steps: Arc<Mutex<Vec<String>>>,
}

impl Trial {
    pub(crate) fn new(production: Production, restore_port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let password = dir.path().join("password");
        std::fs::write(&password, PASSWORD).unwrap();
        let settings = RestoreSettings {
            engine: production.engine,
            host: "127.0.0.1".to_owned(),
            port: Some(restore_port),
            database: if production.engine == Engine::Postgresql { "postgres" } else { "information_schema" }
                .to_owned(),
            parameters: BTreeMap::new(),
            username: "restorer".to_owned(),
            password: SecretSource::File(password),
            ca_file: None,
            restore_program: None,
            client_program: None,
            every: Duration::from_hours(1),
            time_limit: Duration::from_mins(2),
            database_prefix: own_prefix(),
            same_server: false,
            allow_superuser: false,
            tables_tolerance_percent: 5,
            key_tables: ["content", "spaces"].map(str::to_owned).to_vec(),
        };
        Self { production, settings, dir, steps: Arc::default() }
    }

    /// What the names of its scratch databases begin with.
    pub(crate) fn scratch(&self) -> String {
        self.settings.scratch_name("wiki")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// As a run does before it makes a scratch database.
    pub(crate) fn write_begun(&self, name: &str) {
        std::fs::create_dir_all(self.path("cache")).unwrap();
        let entry = format!("[{{\"name\": \"{name}\", \"at\": \"2026-01-01T00:00:00Z\"}}]");
        self.write("cache/restore-begun.json", entry);
    }

    pub(crate) async fn prove(&self, dump: &Path) -> Result<RestoreProof, RestoreError> {
        let task = Task {
            instance: "wiki".to_owned(),
            dump: dump.to_owned(),
            finished_at: None,
            work_dir: self.path("cache"),
        };
        let production: Arc<dyn DatabaseDirectory> = Arc::new(self.production.clone());
        let steps = Arc::clone(&self.steps);
        let progress = move |step: String| steps.lock().unwrap().push(step);
        let outcome = prove(&self.settings, &task, &production, &progress).await;
        let seen = format!("{outcome:?} {:?}", self.steps.lock().unwrap());
        assert!(!seen.contains("Hush"), "{seen}");
        assert!(!self.path("cache/restore-secret").exists(), "the password file is gone");
        outcome
    }

    /// It was restored, and nothing is wrong.
    pub(crate) async fn proved(&self, dump: &Path) -> RestoreProof {
        let proof = self.prove(dump).await.unwrap();
        assert!(proof.defects.is_empty(), "{proof:?}");
        proof
    }

    /// It was tried, or looked at, and something is wrong with it.
    pub(crate) async fn defect(&self, dump: &Path) -> String {
        let proof = self.prove(dump).await.unwrap();
        assert!(!proof.defects.is_empty(), "{proof:?}");
        proof.defects.join("; ")
    }

    /// It was not tried.
    pub(crate) async fn refused(&self, dump: &Path) -> String {
        let error = self.prove(dump).await.unwrap_err();
        assert!(matches!(error, RestoreError::Refused(_)), "{error:?}");
        error.to_string()
    }
}

/// A prefix no other trial has: programs are known by the scratch database they work in, and trials run beside each
/// other.
fn own_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("scratch_{:x}_{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[expect(clippy::disallowed_methods, reason = "the real programs make the dumps")]
pub(crate) fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(path);
    command.env("PGPASSWORD", PASSWORD).env("MYSQL_PWD", PASSWORD);
    command
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Command lines and environments of every process that name the scratch database.
pub(crate) fn processes_with(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if command.contains(word) {
            found.push(format!("{command} {}", String::from_utf8_lossy(&read("environ")).replace('\0', " ")));
        }
    }
    found
}
