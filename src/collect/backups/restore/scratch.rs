//! The scratch database: made, marked as ours, counted, dropped.
//!
//! Only what is known to be ours is ever dropped: what was written down before it was made, and what is marked.

use std::time::Duration;

use jiff::Timestamp;

use super::begun::{Begun, is_of};
use super::{RestoreError, RestoreSettings};
use crate::collect::CollectError;
use crate::collect::database::errand::{Session, StatementError};
use crate::collect::database::peer::{quote_mysql, quote_postgres};

/// What a scratch database says about itself.
const MARK: &str = "scratch database of the upgrade readiness agent; it is dropped without asking";
/// The table that says it, where databases have no comments.
const MARK_TABLE: &str = "upgrade_readiness_scratch";

const PATIENCE: Duration = Duration::from_secs(20);

/// Something about the scratch database failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScratchError {
    /// The server could not be reached.
    #[error("{}", .0.0)]
    Server(Unreachable),
    /// A statement failed.
    #[error("{what}")]
    Statement {
        /// What it was for.
        what: String,
        /// What the server says.
        #[source]
        cause: StatementError,
    },
}

/// Why the server could not be reached, in one line.
#[derive(Debug)]
pub(super) struct Unreachable(String);

impl From<Unreachable> for RestoreError {
    fn from(unreachable: Unreachable) -> Self {
        Self::Server(unreachable.0)
    }
}

impl From<CollectError> for ScratchError {
    fn from(error: CollectError) -> Self {
        Self::Server(Unreachable(error.into_failure().message))
    }
}

/// A table: its schema, where databases have several, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    schema: Option<String>,
    name: String,
}

/// A scratch database that is there.
pub(super) struct Scratch {
    settings: RestoreSettings,
    name: String,
    session: Option<Session>,
}

impl Scratch {
    /// Makes it; what ended runs left behind is dropped first.
    pub(super) async fn create(
        settings: &RestoreSettings,
        begun: &mut Begun,
        name: String,
    ) -> Result<Self, RestoreError> {
        let mut session = open_for_writing(settings).await?;
        if !settings.allow_superuser
            && let Some(grant) = writes_elsewhere(&mut session, settings).await?
        {
            return Err(RestoreError::Refused(format!(
                "{} may write into other databases than the scratch database ({grant}), and a dump with bad intentions \
                 could use that; make an account with GRANT ALL ON `{}\\_%`.* and nothing else, or set \
                 allow_superuser = true",
                settings.username,
                settings.database_prefix.replace('_', "\\_")
            )));
        }
        if !settings.allow_superuser && is_superuser(&mut session).await? {
            return Err(RestoreError::Refused(format!(
                "{} may do everything on the server, and a dump with bad intentions could use that; make an account \
                 that may only create databases, or set allow_superuser = true",
                settings.username
            )));
        }
        drop_leftovers(&mut session, begun).await?;
        begun.begin(&name, Timestamp::now())?;
        if let Err(error) = make(&mut session, &name).await {
            // It may be there all the same; what cannot be dropped now is by the next run.
            if drop_database(&mut session, &name).await.is_ok() {
                begun.end(&name);
            }
            return Err(error.into());
        }
        session.close().await;
        Ok(Self { settings: settings.clone(), name, session: None })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    async fn session(&mut self) -> Result<&mut Session, RestoreError> {
        if self.session.is_none() {
            let connection = self.settings.connection(Some(&self.name))?;
            self.session = Some(Session::open(connection, PATIENCE).await?);
        }
        self.session.as_mut().ok_or(RestoreError::Broken)
    }

    /// Every table of the restored database.
    pub(super) async fn tables(&mut self) -> Result<Vec<Table>, RestoreError> {
        let tables = list(self.session().await?).await;
        Ok(tables.map_err(|cause| failed("listing the restored tables", cause))?)
    }

    /// Rows of a restored table.
    pub(super) async fn count(&mut self, table: &Table) -> Result<u64, RestoreError> {
        let rows = count(self.session().await?, table).await;
        Ok(rows.map_err(|cause| failed(&format!("counting the rows of {}", table.name), cause))?)
    }

    /// Drops it, however far the restore came.
    pub(super) async fn drop_database(mut self, begun: &mut Begun) -> Result<(), RestoreError> {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
        let mut session = open_for_writing(&self.settings).await?;
        drop_database(&mut session, &self.name).await?;
        begun.end(&self.name);
        session.close().await;
        Ok(())
    }
}

/// Drops what ended runs left behind, without making anything.
pub(super) async fn clear(settings: &RestoreSettings, begun: &mut Begun) -> Result<(), RestoreError> {
    let mut session = open_for_writing(settings).await?;
    drop_leftovers(&mut session, begun).await?;
    session.close().await;
    Ok(())
}

async fn open_for_writing(settings: &RestoreSettings) -> Result<Session, RestoreError> {
    let mut session = Session::open(settings.connection(None)?, PATIENCE).await?;
    session.allow_writing().await.map_err(|cause| failed("asking to write", cause))?;
    Ok(session)
}

/// Drops the databases that were begun, and those that are marked, of this instance and this account.
async fn drop_leftovers(session: &mut Session, begun: &mut Begun) -> Result<(), ScratchError> {
    for name in begun.names() {
        // A server goes on making a database for a client that has gone; it must not appear behind our back.
        end_sessions(session, &name).await;
        if owns(session, &name).await? {
            drop_database(session, &name).await?;
            begun.end(&name);
        } else {
            begun.miss(&name, Timestamp::now());
        }
    }
    for name in marked(session).await?.into_iter().filter(|name| is_of(name, begun.base())) {
        drop_database(session, &name).await?;
    }
    Ok(())
}

fn failed(what: &str, cause: StatementError) -> ScratchError {
    ScratchError::Statement { what: what.to_owned(), cause }
}

fn literal(text: &str) -> String {
    // Names here consist of letters, digits and underscores; quotes are doubled all the same.
    format!("'{}'", text.replace('\'', "''"))
}

async fn is_superuser(session: &mut Session) -> Result<bool, ScratchError> {
    let question = match session {
        Session::Postgresql(_) => {
            "SELECT (rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname IN \
             ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files') AND \
             pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER')))::text FROM pg_catalog.pg_roles r \
             WHERE rolname = session_user"
        }
        Session::Mysql(_) => "SHOW GRANTS",
    };
    let answers =
        session.column(question).await.map_err(|cause| failed("asking what the account may do", cause))?;
    let mysql = matches!(session, Session::Mysql(_));
    Ok(answers.iter().flatten().any(|answer| {
        let upper = answer.to_uppercase();
        if !mysql {
            return upper == "TRUE";
        }
        // Rights on everything; what is granted on databases of a name's beginning stays among those.
        let Some((rights, _)) = upper.split_once(" ON *.* ") else { return false };
        ["ALL PRIVILEGES", "SUPER", "FILE", " INSERT", " DROP", " DELETE", " UPDATE", " ALTER"]
            .iter()
            .any(|right| rights.contains(right))
    }))
}

/// A right to write into a database that is not called as scratch databases are, where databases of a server can
/// reach each other.
async fn writes_elsewhere(
    session: &mut Session,
    settings: &RestoreSettings,
) -> Result<Option<String>, ScratchError> {
    if matches!(session, Session::Postgresql(_)) {
        return Ok(None);
    }
    let grants = session.column("SHOW GRANTS").await;
    let grants = grants.map_err(|cause| failed("asking what the account may do", cause))?;
    Ok(grants.iter().flatten().find_map(|grant| written_elsewhere(grant, &settings.database_prefix)))
}

/// The database a grant lets its account write into, when it is none of ours.
fn written_elsewhere(grant: &str, prefix: &str) -> Option<String> {
    let (rights, rest) = grant.split_once(" ON ")?;
    let database = rest.strip_prefix('`')?.split_once("`.").map(|(name, _)| name)?;
    let rights = rights.to_uppercase();
    let writes = ["ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "TRIGGER"]
        .iter()
        .any(|right| rights.contains(right));
    let ours = database.replace('\\', "").starts_with(prefix);
    (writes && !ours).then(|| format!("GRANT … ON `{database}`"))
}

/// Whether there is a database of that name, and it is this account's where databases have owners.
async fn owns(session: &mut Session, name: &str) -> Result<bool, ScratchError> {
    let name = literal(name);
    let question = match session {
        Session::Postgresql(_) => format!(
            "SELECT 'x' FROM pg_catalog.pg_database WHERE datname = {name} AND pg_catalog.pg_has_role(session_user, \
             datdba, 'MEMBER')"
        ),
        Session::Mysql(_) => {
            format!("SELECT 'x' FROM information_schema.schemata WHERE schema_name = {name}")
        }
    };
    let found = session.value(&question).await;
    Ok(found.map_err(|cause| failed("looking for scratch databases", cause))?.is_some())
}

/// Databases that say of themselves that they are scratch databases, whatever their name.
async fn marked(session: &mut Session) -> Result<Vec<String>, ScratchError> {
    let mark = literal(MARK);
    let question = match session {
        Session::Postgresql(_) => format!(
            "SELECT datname::text FROM pg_catalog.pg_database WHERE pg_catalog.shobj_description(oid, 'pg_database') = \
             {mark} AND pg_catalog.pg_has_role(session_user, datdba, 'MEMBER') ORDER BY 1"
        ),
        Session::Mysql(_) => format!(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = '{MARK_TABLE}' AND table_comment = \
             {mark} ORDER BY 1"
        ),
    };
    let names = session.column(&question).await;
    let names = names.map_err(|cause| failed("looking for scratch databases", cause))?;
    Ok(names.into_iter().flatten().collect())
}

async fn make(session: &mut Session, name: &str) -> Result<(), ScratchError> {
    let statements = match session {
        Session::Postgresql(_) => {
            let name = quote_postgres(name);
            [
                format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"),
                format!("COMMENT ON DATABASE {name} IS {}", literal(MARK)),
            ]
        }
        Session::Mysql(_) => {
            let name = quote_mysql(name);
            [
                format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
                format!("CREATE TABLE {name}.{MARK_TABLE} (a int) COMMENT = {}", literal(MARK)),
            ]
        }
    };
    for statement in statements {
        let made = session.execute(&statement).await;
        made.map_err(|cause| failed("making the scratch database", cause))?;
    }
    Ok(())
}

/// Ends the sessions of this account that are in a database, or whose statement names it: a client that was just
/// killed may still be there, and the server may still be making it.
async fn end_sessions(session: &mut Session, name: &str) {
    let name = literal(name);
    match session {
        Session::Postgresql(_) => {
            let others = format!(
                "SELECT pg_catalog.pg_terminate_backend(pid)::text FROM pg_catalog.pg_stat_activity WHERE (datname = \
                 {name} OR pg_catalog.strpos(query, {name}) > 0) AND usename = session_user AND pid <> \
                 pg_catalog.pg_backend_pid()"
            );
            drop(session.column(&others).await);
        }
        Session::Mysql(_) => {
            let others = format!(
                "SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE (db = {name} OR INSTR(info, {name}) \
                 > 0) AND id <> CONNECTION_ID()"
            );
            for id in session.column(&others).await.unwrap_or_default().iter().flatten() {
                if id.bytes().all(|byte| byte.is_ascii_digit()) {
                    drop(session.execute(&format!("KILL {id}")).await);
                }
            }
        }
    }
}

async fn drop_database(session: &mut Session, name: &str) -> Result<(), ScratchError> {
    end_sessions(session, name).await;
    let statement = match session {
        Session::Postgresql(_) => format!("DROP DATABASE IF EXISTS {}", quote_postgres(name)),
        Session::Mysql(_) => format!("DROP DATABASE IF EXISTS {}", quote_mysql(name)),
    };
    let mut dropped = session.execute(&statement).await;
    for _again in 0..20 {
        if dropped.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        dropped = session.execute(&statement).await;
    }
    dropped.map_err(|cause| failed("dropping the scratch database", cause))
}

/// Tables a person made, without those of the server.
pub(super) async fn list(session: &mut Session) -> Result<Vec<Table>, StatementError> {
    match session {
        Session::Postgresql(_) => {
            let sql = "SELECT n.nspname || chr(1) || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
                       ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND \
                       n.nspname <> 'information_schema' ORDER BY 1";
            let names = session.column(sql).await?;
            let table = |text: &String| {
                let (schema, name) = text.split_once('\u{1}')?;
                Some(Table { schema: Some(schema.to_owned()), name: name.to_owned() })
            };
            Ok(names.iter().flatten().filter_map(table).collect())
        }
        Session::Mysql(_) => {
            let sql = format!(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = \
                 'BASE TABLE' AND table_name <> '{MARK_TABLE}' ORDER BY 1"
            );
            let names = session.column(&sql).await?;
            Ok(names.into_iter().flatten().map(|name| Table { schema: None, name }).collect())
        }
    }
}

/// A table by its name, whatever its case.
pub(super) fn find<'t>(tables: &'t [Table], name: &str) -> Option<&'t Table> {
    tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
}

/// Counts the rows of a table.
pub(super) async fn count(session: &mut Session, table: &Table) -> Result<u64, StatementError> {
    let sql = match (&table.schema, &session) {
        (Some(schema), Session::Postgresql(_)) => format!(
            "SELECT pg_catalog.count(*)::text FROM {}.{}",
            quote_postgres(schema),
            quote_postgres(&table.name)
        ),
        _ => format!("SELECT CAST(COUNT(*) AS CHAR) FROM {}", quote_mysql(&table.name)),
    };
    let counted = session.value(&sql).await?.and_then(|text| text.parse().ok());
    counted.ok_or_else(|| StatementError("the server counted nothing".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::written_elsewhere;

    #[test]
    fn a_right_to_write_elsewhere_is_seen_in_a_grant() {
        let rows = [
            ("GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*x'", false),
            (r"GRANT ALL PRIVILEGES ON `readiness\_scratch\_%`.* TO `a`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `readiness_scratch_wiki`.* TO `a`@`%`", false),
            ("GRANT SELECT, SHOW VIEW ON `wiki`.* TO `a`@`%`", false),
            ("GRANT ALL PRIVILEGES ON `wiki`.* TO `a`@`%` WITH GRANT OPTION", true),
            ("GRANT SELECT, INSERT ON `wiki`.`content` TO `a`@`%`", true),
            ("GRANT ALL PRIVILEGES ON `%`.* TO `a`@`%`", true),
        ];
        for (grant, elsewhere) in rows {
            assert_eq!(written_elsewhere(grant, "readiness_scratch").is_some(), elsewhere, "{grant}");
        }
    }
}
