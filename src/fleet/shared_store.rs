//! The connection to the shared store, and the form of its tables.
//!
//! The agent needs the right to use and create in one schema, and no other. It makes its tables itself, under an
//! advisory lock, and refuses to touch those of a newer agent.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, raw_sql};
use tokio::time::timeout;

use super::FleetError;
use super::error::make_schema;
use super::key::lock_key;
use crate::collect::text_file::read_text;
use crate::config::{SharedStorePlace, StoreTls};

/// What the server shows of the agent in `pg_stat_activity`.
const APPLICATION_NAME: &str = "upgrade-readiness-agent fleet";

/// How long any one thing may take.
const WITHIN: Duration = Duration::from_secs(15);

/// One statement, and waiting for a lock, on the server; shorter than [`WITHIN`], so that the server tells why.
const STATEMENT_MS: &str = "10000";

/// The forms of the tables, from the first on.
const FORMS: &[&str] = &[include_str!("migrations/0001_fleet.sql")];

/// An open connection to the shared store.
#[derive(Debug)]
pub struct SharedStore {
    pub(super) connection: PgConnection,
    place: String,
    schema: String,
}

impl SharedStore {
    /// Connects; nothing is looked at or made yet.
    pub async fn connect(place: &SharedStorePlace) -> Result<Self, FleetError> {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&place.host)
            .port(place.port)
            .database(&place.database)
            .username(&place.user)
            .application_name(APPLICATION_NAME)
            .statement_cache_capacity(32)
            .disable_statement_logging()
            .ssl_mode(match place.tls {
                StoreTls::Verify => PgSslMode::VerifyFull,
                StoreTls::Off => PgSslMode::Disable,
            });
        if let Some(password) = &place.password {
            let password = password.read().map_err(FleetError::Secret)?;
            options = options.password(password.expose_secret());
        }
        if let Some(path) = &place.ca_file {
            let certificates = read_text(path).map_err(FleetError::Certificates)?;
            options = options.ssl_root_cert_from_pem(certificates.into_bytes());
        }
        let told = place.to_string();
        let connection = within(&told, "connecting", options.connect()).await?;
        let mut store = Self { connection, place: told, schema: place.schema.clone() };
        store.settle(&place.user).await?;
        Ok(store)
    }

    /// Limits of the session, and where its tables are.
    async fn settle(&mut self, user: &str) -> Result<(), FleetError> {
        let schema = self.schema.clone();
        self.set("search_path", &schema).await?;
        for (name, value) in [
            ("statement_timeout", STATEMENT_MS),
            ("lock_timeout", STATEMENT_MS),
            ("idle_in_transaction_session_timeout", "30000"),
            ("timezone", "UTC"),
        ] {
            self.set(name, value).await?;
        }
        let rights = sqlx::query(
            "SELECT has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1",
        )
        .bind(&self.schema)
        .fetch_optional(&mut self.connection);
        let rights = within(&self.place, "looking for its schema", rights).await?;
        let lacks = match rights.map(|row| (row.get::<bool, _>(0), row.get::<bool, _>(1))) {
            None => "finds no such schema",
            Some((false, _)) => "may not use the schema",
            Some((true, _)) => return Ok(()),
        };
        let (place, schema) = (self.place.clone(), self.schema.clone());
        Err(FleetError::Schema { place, user: user.to_owned(), schema, lacks })
    }

    pub(super) async fn set(&mut self, name: &str, value: &str) -> Result<(), FleetError> {
        let set = sqlx::query("SELECT set_config($1, $2, false)")
            .bind(name)
            .bind(value)
            .execute(&mut self.connection);
        within(&self.place, "setting the limits of the session", set).await.map(drop)
    }

    /// Brings the tables to today's form; two agents may start at once.
    pub async fn renew(&mut self) -> Result<(), FleetError> {
        let (place, key) = (self.place.clone(), lock_key(&[&self.schema, "form"]));
        let name = format!("{}.form", self.schema);
        let work = async {
            let mut tx = self.connection.begin().await?;
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(key).execute(&mut *tx).await?;
            let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                .bind(&name)
                .fetch_one(&mut *tx)
                .await?;
            let found = if there { newest_form(&mut tx).await? } else { 0 };
            if found >= known_form() {
                tx.rollback().await?;
                return Ok(found);
            }
            if !there {
                raw_sql("CREATE TABLE form (form integer PRIMARY KEY, made_by text NOT NULL, made_at timestamptz NOT NULL DEFAULT now())")
                    .execute(&mut *tx)
                    .await?;
            }
            for (form, step) in (1..).zip(FORMS).filter(|(form, _)| *form > found) {
                raw_sql(*step).execute(&mut *tx).await?;
                sqlx::query("INSERT INTO form (form, made_by) VALUES ($1, $2)")
                    .bind(form)
                    .bind(env!("CARGO_PKG_VERSION"))
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok::<i32, sqlx::Error>(known_form())
        };
        let found = within(&place, "renewing its tables", work).await?;
        self.is_known(found)
    }

    /// Looks whether the tables are of a form this agent knows, and changes nothing.
    pub async fn expect_form(&mut self) -> Result<(), FleetError> {
        let name = format!("{}.form", self.schema);
        let place = self.place.clone();
        let work = async {
            let there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
                .bind(&name)
                .fetch_one(&mut self.connection)
                .await?;
            if there { newest_form(&mut self.connection).await } else { Ok(0) }
        };
        match within(&place, "looking at its tables", work).await? {
            0 => Err(FleetError::Empty { place }),
            found => self.is_known(found),
        }
    }

    fn is_known(&self, found: i32) -> Result<(), FleetError> {
        let known = known_form();
        if found > known {
            Err(FleetError::Newer { place: self.place.clone(), found, known })
        } else {
            Ok(())
        }
    }

    /// Where it is, without secrets.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Takes an agent out of the fleet, by its id or the name of its host; how many there were.
    pub async fn forget(&mut self, whom: &str) -> Result<u64, FleetError> {
        let gone = sqlx::query("DELETE FROM agent WHERE id = $1 OR host = $1")
            .bind(whom)
            .execute(&mut self.connection);
        Ok(within(&self.place, "forgetting an agent", gone).await?.rows_affected())
    }
}

fn known_form() -> i32 {
    i32::try_from(FORMS.len()).unwrap_or(i32::MAX)
}

async fn newest_form(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(form), 0) FROM form").fetch_one(connection).await
}

/// Waits for an answer, and not for ever.
pub(super) async fn within<T>(
    place: &str,
    doing: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, FleetError> {
    match timeout(WITHIN, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(cause)) => Err(FleetError::Use { place: place.to_owned(), doing, cause }),
        Err(_elapsed) => Err(FleetError::Timeout { place: place.to_owned(), doing }),
    }
}

/// What the owner of the server does once, so that agents may share the store.
#[must_use]
pub fn setup_sql(place: &SharedStorePlace) -> String {
    let user = place.user.replace('"', "\"\"");
    let database = place.database.replace('"', "\"\"");
    format!(
        "-- Once, as a superuser or the owner of the server. The role may do nothing but connect to this database and\n\
         -- keep its own schema; `\\password` asks for the password, so that it does not stand in a file or a log.\n\
         CREATE ROLE \"{user}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;\n\
         \\password \"{user}\"\n\
         CREATE DATABASE \"{database}\";\n\
         \\connect \"{database}\"\n\
         REVOKE ALL ON DATABASE \"{database}\" FROM PUBLIC;\n\
         GRANT CONNECT ON DATABASE \"{database}\" TO \"{user}\";\n\
         REVOKE ALL ON SCHEMA public FROM PUBLIC;\n\
         {}\n",
        make_schema(&place.schema, &place.user)
    )
}
