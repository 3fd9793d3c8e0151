//! The restore test: on which server, as whom, how often.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use upgrade_readiness_checks::facts::Engine;

use super::schedule::parse_duration;
use super::validate::Validation;
use crate::collect::backups::restore::RestoreSettings;
use crate::collect::database::jdbc::parse_jdbc_url;

const USUAL_EVERY: Duration = Duration::from_hours(7 * 24);
const USUAL_LIMIT: Duration = Duration::from_hours(6);
const USUAL_PREFIX: &str = "readiness_scratch";
const USUAL_TABLES: &[&str] = &["content", "spaces", "attachments", "cwd_user", "user_mapping"];
const USUAL_TOLERANCE: u8 = 5;

/// Restores the newest dump of the database into a scratch database, counts and drops it. It writes, so it is off
/// until it is switched on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRestoreTest {
    /// Restore; default false.
    pub(super) enabled: bool,
    /// JDBC URL of the server to restore on, with a database that is there: never the instance's own server.
    pub(super) url: Option<String>,
    /// Account that may create databases there, and nothing else.
    pub(super) username: Option<String>,
    /// File with its password.
    pub(super) password_file: Option<String>,
    /// Environment variable with its password.
    pub(super) password_env: Option<String>,
    /// systemd credential with its password.
    pub(super) password_credential: Option<String>,
    /// Certificates to trust beside those of the system (PEM).
    pub(super) ca_file: Option<String>,
    /// `pg_restore`, when it is not where it usually is.
    pub(super) restore_program: Option<String>,
    /// psql, mariadb or mysql, when it is not where it usually is.
    pub(super) client_program: Option<String>,
    /// How often; default 7d.
    pub(super) every: Option<String>,
    /// How long it may take; default 6h.
    pub(super) time_limit: Option<String>,
    /// What the scratch database's name begins with; default `readiness_scratch`.
    pub(super) database_prefix: Option<String>,
    /// Allow the server the instance's own database is on; default false.
    pub(super) same_server: bool,
    /// Allow an account that may do everything on the server; default false.
    pub(super) allow_superuser: bool,
    /// By how much the number of restored tables may fall short of production's, in percent; default 5.
    pub(super) tables_tolerance_percent: Option<u8>,
    /// Tables whose rows are counted, there and in production.
    pub(super) key_tables: Option<Vec<String>>,
    /// File in which a job of your own proves that it restored a dump; read whether or not this is enabled.
    pub(super) proof: Option<String>,
}

/// What is configured about proving that dumps restore.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RestoreProving {
    /// The agent's own test; `None` when it is not switched on.
    pub test: Option<RestoreSettings>,
    /// Where another job writes its proof.
    pub proof: Option<PathBuf>,
}

impl Validation {
    /// The restore test of the instance, at `key`.
    pub(super) fn restore_test(&mut self, key: &str, raw: RawRestoreTest) -> RestoreProving {
        let at = |name: &str| format!("{key}.{name}");
        let proof = raw.proof.as_deref().map(|path| self.path(&at("proof"), path));
        let ca_file = raw.ca_file.as_deref().map(|path| self.path(&at("ca_file"), path));
        let restore_program =
            raw.restore_program.as_deref().map(|path| self.path(&at("restore_program"), path));
        let client_program = raw.client_program.as_deref().map(|path| self.path(&at("client_program"), path));
        let password = self.secret(
            key,
            [
                ("password_file", raw.password_file),
                ("password_env", raw.password_env),
                ("password_credential", raw.password_credential),
            ],
        );
        let every = self.span(&at("every"), raw.every.as_deref(), USUAL_EVERY);
        let time_limit = self.span(&at("time_limit"), raw.time_limit.as_deref(), USUAL_LIMIT);
        let database_prefix = raw.database_prefix.unwrap_or_else(|| USUAL_PREFIX.to_owned());
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = database_prefix.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || database_prefix.len() > 24 || !database_prefix.chars().all(fits) {
            self.problem(
                &at("database_prefix"),
                format!(
                    "must be up to 24 lower-case letters, digits and underscores, a letter first, and is {database_prefix:?}"
                ),
            );
        }
        let tables_tolerance_percent = raw.tables_tolerance_percent.unwrap_or(USUAL_TOLERANCE);
        if tables_tolerance_percent > 100 {
            self.problem(&at("tables_tolerance_percent"), "must be from 0 to 100");
        }
        let usual = || USUAL_TABLES.iter().map(|name| (*name).to_owned()).collect();
        let key_tables: Vec<String> = raw.key_tables.unwrap_or_else(usual);
        if key_tables.len() > 50 {
            self.problem(&at("key_tables"), "must name at most 50 tables");
        }
        let url = raw.url.as_deref().and_then(|text| match parse_jdbc_url(text) {
            Ok(url) => Some(url),
            Err(error) => {
                self.problem(&at("url"), error.to_string());
                None
            }
        });
        if !raw.enabled {
            return RestoreProving { test: None, proof };
        }
        if raw.url.is_none() {
            self.problem(
                &at("url"),
                "is missing: the JDBC URL of a server to restore on, such as \"jdbc:postgresql://restore.example.com:5432/postgres\"",
            );
        }
        if raw.username.is_none() || password.is_none() {
            self.problem(
                &at("username"),
                "is missing, or its password (password_file, password_env or password_credential): an account that may only create databases",
            );
        }
        let (Some(url), Some(username), Some(password)) = (url, raw.username, password) else {
            return RestoreProving { test: None, proof };
        };
        if !matches!(url.engine, Engine::Postgresql | Engine::Mysql | Engine::Mariadb) {
            self.problem(&at("url"), "must be of PostgreSQL, MySQL or MariaDB: the agent restores on these");
        }
        let Some(server) = url.servers.into_iter().next() else {
            self.problem(&at("url"), "must name a server");
            return RestoreProving { test: None, proof };
        };
        let usual_database = if url.engine == Engine::Postgresql { "postgres" } else { "information_schema" };
        let test = RestoreSettings {
            engine: url.engine,
            host: server.host,
            port: server.port,
            database: url.database.unwrap_or_else(|| usual_database.to_owned()),
            parameters: url.parameters,
            username,
            password,
            ca_file,
            restore_program,
            client_program,
            every,
            time_limit,
            database_prefix,
            same_server: raw.same_server,
            allow_superuser: raw.allow_superuser,
            tables_tolerance_percent,
            key_tables,
        };
        RestoreProving { test: Some(test), proof }
    }

    /// A duration that may be written in whole days.
    pub(super) fn span(&mut self, key: &str, text: Option<&str>, usual: Duration) -> Duration {
        let Some(text) = text else { return usual };
        let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u16>().ok());
        let hours = days.map(|days| SignedDuration::from_hours(i64::from(days) * 24).to_string());
        match parse_duration(hours.as_deref().unwrap_or(text)) {
            Ok(duration) => duration,
            Err(error) => {
                self.problem(key, error.to_string());
                usual
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Problem, RestoreProving, parse_config};

    fn parse(keys: &str) -> Result<RestoreProving, Vec<Problem>> {
        let text = format!(
            "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n\
             [instance.backups.restore_test]\n{keys}"
        );
        parse_config(&text).map(|config| config.instances[0].restore.clone())
    }

    const WHOLE: &str = "enabled = true\nurl = 'jdbc:postgresql://restore:5433/postgres?sslmode=require'\n\
                         username = 'restorer'\npassword_env = 'X'\n";

    #[test]
    fn it_is_off_until_it_is_switched_on() {
        assert_eq!(parse("").unwrap(), RestoreProving::default());
        let off = WHOLE.replace("true", "false") + "proof = '/backup/proof.json'\n";
        let off = parse(&off).unwrap();
        assert_eq!((off.test, off.proof), (None, Some("/backup/proof.json".into())));
        let test = parse(WHOLE).unwrap().test.unwrap();
        assert_eq!(
            (test.host.as_str(), test.port, test.database.as_str()),
            ("restore", Some(5433), "postgres")
        );
        assert_eq!((test.every.as_secs(), test.time_limit.as_secs()), (7 * 86400, 6 * 3600));
        assert!(!test.same_server && !test.allow_superuser && test.key_tables.len() == 5);
        assert_eq!(test.scratch_name("Wiki-1"), test.scratch_name("Wiki-1"));
        assert_ne!(test.scratch_name("Wiki-1"), test.scratch_name("wiki_1"));
        let long = parse(&format!("{WHOLE}database_prefix = '{}'\n", "x".repeat(24))).unwrap().test.unwrap();
        for test in [&test, &long] {
            // Behind it come 13 letters that are drawn.
            assert!(test.scratch_name(&"x".repeat(64)).len() <= 50);
        }
        let soon = parse(&format!("{WHOLE}every = '2d'\ntime_limit = '90m'\n")).unwrap().test.unwrap();
        assert_eq!((soon.every.as_secs(), soon.time_limit.as_secs()), (2 * 86400, 5400));
    }

    #[test]
    fn every_mistake_names_its_key() {
        let rows: &[(&str, &str)] = &[
            ("enabled = true", "url"),
            ("enabled = true\nurl = 'jdbc:postgresql://a/b'", "username"),
            ("enabled = true\nusername = 'a'\npassword_env = 'b'\nurl = 'jdbc:h2:mem:x'", "url"),
            ("url = 'postgres://a:secret@b/c'", "url"),
            ("every = 'often'", "every"),
            ("every = '400d'", "every"),
            ("database_prefix = 'Drop; --'", "database_prefix"),
            ("database_prefix = ''", "database_prefix"),
            ("proof = 'proof.json'", "proof"),
            ("client_program = 'psql'", "client_program"),
            ("tables_tolerance_percent = 101", "tables_tolerance_percent"),
        ];
        for (keys, key) in rows {
            let problems = parse(keys).unwrap_err();
            let said = format!("{problems:?}");
            assert!(problems.iter().any(|problem| problem.key.ends_with(key)), "{keys}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
