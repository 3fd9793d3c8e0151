//! Why the shared store cannot be used, and what to do about it.

use crate::config::SecretError;

/// The shared store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The password, or the certificates, could not be read.
    #[error("the password of the shared store cannot be had")]
    Secret(#[source] SecretError),
    /// The file with certificates could not be read.
    #[error("the certificates of the shared store cannot be had")]
    Certificates(#[source] crate::collect::text_file::ReadTextError),
    /// It did not answer in time.
    #[error("the shared store {place} does not answer: {doing}")]
    Timeout {
        /// The store.
        place: String,
        /// What was being done.
        doing: &'static str,
    },
    /// It refused, or is not there.
    #[error("the shared store {place} cannot be used: {doing}")]
    Use {
        /// The store.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        cause: sqlx::Error,
    },
    /// The schema was not made yet, or the role may not use it.
    #[error("in the shared store {place}, the role {user} {lacks}")]
    Schema {
        /// The store.
        place: String,
        /// The role.
        user: String,
        /// The schema.
        schema: String,
        /// What is lacking.
        lacks: &'static str,
    },
    /// A newer agent made its tables.
    #[error(
        "the tables of the shared store {place} are of form {found}; this agent knows forms up to {known}"
    )]
    Newer {
        /// The store.
        place: String,
        /// The form found.
        found: i32,
        /// The newest form known.
        known: i32,
    },
    /// No agent has written yet.
    #[error("no agent has written into the shared store {place} yet")]
    Empty {
        /// The store.
        place: String,
    },
    /// The history of this agent could not be read.
    #[error("the history of this agent cannot be read, so nothing of it was handed in")]
    History(#[source] crate::store::StoreError),
    /// The id of this agent could not be read or made.
    #[error("{} should hold the id of this agent", path.display())]
    Identity {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The history is older than what was handed in of it: it came back from a backup.
    #[error(
        "the history of this agent ends with change {newest}, and the shared store {place} has change {last} of it"
    )]
    Rewound {
        /// The store.
        place: String,
        /// The file of the history.
        history: std::path::PathBuf,
        /// The newest change in it.
        newest: i64,
        /// The newest one that was handed in.
        last: i64,
    },
    /// Another agent writes under the same id.
    #[error("the host {twin} writes into the shared store {place} under the id of this agent, too")]
    Twin {
        /// The store.
        place: String,
        /// The other host.
        twin: String,
        /// The state directory of this agent.
        state_dir: std::path::PathBuf,
    },
    /// Something between the agent and the server swaps sessions.
    #[error("the shared store {place} is reached through something that swaps its sessions")]
    Swapped {
        /// The store.
        place: String,
    },
}

impl FleetError {
    /// What a person can do about it, in full sentences.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Secret(_) => "See store.password_file, store.password_env or store.password_credential in the \
                 configuration, and give the agent's user the right to read it."
                .to_owned(),
            Self::Certificates(cause) => cause.remedy(),
            Self::Timeout { .. } => {
                "See whether the server is up and the network between lets the agent through.".to_owned()
            }
            Self::Schema { schema, user, .. } => format!(
                "As the owner of the database: `{}` (`agent fleet --print-sql` prints it all).",
                make_schema(schema, user)
            ),
            Self::Newer { .. } => {
                "Install the version of the agent that the newest agent of the fleet has; until then this one writes \
                 nothing there and goes on by itself."
                    .to_owned()
            }
            Self::Empty { .. } => {
                "Start the agents that have this [store] in their configuration: `systemctl start upgrade-readiness-agent`."
                    .to_owned()
            }
            Self::History(cause) => cause.remedy(),
            Self::Identity { path, .. } => format!(
                "Give the agent's user the right to write in its directory: `ls -ld {}` shows the owner.",
                path.parent().unwrap_or(path).display()
            ),
            Self::Rewound { history, .. } => format!(
                "It came back from a backup, so new changes would not be told apart from those that were handed in. Stop the \
                 agent and give the history a name of its own: `sqlite3 '{}' \"UPDATE stream SET id = \
                 lower(hex(randomblob(16)))\"`.",
                history.display()
            ),
            Self::Twin { state_dir, .. } => format!(
                "One state directory is a copy of the other. Stop this agent, remove agent-id and history.db from {} and \
                 start it again. When only the name of this host changed, this ends by itself within ten minutes.",
                state_dir.display()
            ),
            Self::Swapped { .. } => {
                "Connect to PostgreSQL itself, or let the pooler keep sessions (PgBouncer: pool_mode = session): who \
                 asks for all is settled by a lock that belongs to a session."
                    .to_owned()
            }
            Self::Use { cause, .. } => remedy_of(cause),
        }
    }
}

/// The statement with which the owner of the database makes the schema.
pub(super) fn make_schema(schema: &str, user: &str) -> String {
    format!("CREATE SCHEMA {schema} AUTHORIZATION \"{}\";", user.replace('"', "\"\""))
}

fn remedy_of(cause: &sqlx::Error) -> String {
    let code = match cause {
        sqlx::Error::Database(told) => told.code().unwrap_or_default().into_owned(),
        sqlx::Error::Tls(_) => {
            return "Give the authority of the server's certificate as store.ca_file; the certificate must name the \
                    host in store.url."
                .to_owned();
        }
        _ => {
            return "See whether the server is up and the network between lets the agent through.".to_owned();
        }
    };
    match code.as_str() {
        "28P01" | "28000" => {
            "See whether user and password are right and pg_hba.conf of the server lets this host in."
                .to_owned()
        }
        "3D000" => "Make the database, or name another one in store.url.".to_owned(),
        "42501" => "Give the role the right; `agent fleet --print-sql` prints what it needs.".to_owned(),
        "25006" => "It only reads, as a standby does: name the primary server in store.url.".to_owned(),
        "53300" => "Raise max_connections of the server: each agent needs two.".to_owned(),
        _ => "The server's log has the whole story.".to_owned(),
    }
}
