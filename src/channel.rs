//! What a channel is: where people are told what changes, and of what. Plain data, between the configuration that
//! says it and the surface that does it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// What people can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Something stands in the way of a target, or does not any more.
    Blocked,
    /// A target will be blocked on a day that is near.
    WillBeBlocked,
    /// Nobody knows whether a target is blocked, for longer than a while.
    CannotTell,
    /// A source does not answer, or its facts are too old.
    SourceFailing,
    /// A person's word ends soon.
    WaiverEnding,
    /// The catalog of releases is old.
    CatalogOld,
    /// The agent itself is in trouble.
    AgentTrouble,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 7] = [
        Self::Blocked,
        Self::WillBeBlocked,
        Self::CannotTell,
        Self::SourceFailing,
        Self::WaiverEnding,
        Self::CatalogOld,
        Self::AgentTrouble,
    ];
}

/// How much something matters: the severities of the Prometheus rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Somebody must look.
    Warning,
    /// The upgrade must not start, or soon must not.
    Critical,
}

impl Level {
    /// The value of the label `severity`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The form of what is posted to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
    /// An incoming webhook of Mattermost.
    Mattermost,
    /// Everything there is to say, for programs.
    Json,
}

/// How the connection to a mail server is secured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// It begins in the clear and must be secured before anything is said.
    #[default]
    Starttls,
    /// It is secured from the beginning.
    Tls,
    /// It is not; only to this host itself.
    None,
}

/// A secret that is read anew at each use, and what may be said of it: where it is kept.
#[derive(Clone)]
pub struct Secret {
    kept: String,
    file: Option<PathBuf>,
    read: Arc<dyn Fn() -> Result<SecretString, String> + Send + Sync>,
}

impl Secret {
    /// A secret kept somewhere, and how it is had from there.
    pub fn new(
        kept: impl Into<String>,
        read: impl Fn() -> Result<SecretString, String> + Send + Sync + 'static,
    ) -> Self {
        Self { kept: kept.into(), file: None, read: Arc::new(read) }
    }

    /// The same, when it is kept in a file.
    #[must_use]
    pub fn in_file(self, file: PathBuf) -> Self {
        Self { file: Some(file), ..self }
    }

    /// The file it is kept in; `None` when it is kept elsewhere.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads it; a failure says what is wrong and what to do.
    pub fn read(&self) -> Result<SecretString, String> {
        (self.read)()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kept)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

/// An account, where a receiver wants one.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a receiver is reached over HTTP.
#[derive(Debug, Clone)]
pub struct Address {
    /// The whole address. Those of chat tools are secrets.
    pub url: Secret,
    /// Who asks.
    pub account: Option<Account>,
    /// Certificates to trust beside those of the system, as a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Whether the address may be one that is not encrypted and not on this host.
    pub allow_plain: bool,
}

/// What is posted to a webhook.
#[derive(Debug, Clone)]
pub enum Body {
    /// One of the known forms.
    Known(Form),
    /// What a template of the operator makes of it.
    Template {
        /// The file.
        file: PathBuf,
        /// The type of what it makes.
        content_type: String,
    },
}

/// A way to people.
#[derive(Debug, Clone)]
pub enum Transport {
    /// The API of an Alertmanager.
    Alertmanager(Address),
    /// A POST request.
    Webhook {
        /// Where to.
        address: Address,
        /// Of what.
        body: Body,
        /// Key of the signature that goes with it.
        signed_with: Option<Secret>,
    },
    /// A mail.
    Mail {
        /// Host of the mail server.
        host: String,
        /// Its port.
        port: u16,
        /// How the connection is secured.
        security: Security,
        /// Who sends.
        account: Option<Account>,
        /// Certificates to trust beside those of the system, as a PEM file.
        ca_file: Option<PathBuf>,
        /// Sender, as it was written: a mail address that may have a name before it.
        from: String,
        /// Recipients, likewise.
        to: Vec<String>,
    },
}

impl Transport {
    /// The word used in the configuration.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Alertmanager(_) => "alertmanager",
            Self::Webhook { .. } => "webhook",
            Self::Mail { .. } => "mail",
        }
    }
}

/// Where people are told, and of what.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its name: metric label, argument of commands.
    pub name: String,
    /// The way.
    pub transport: Transport,
    /// The instances it is about; `None` is all of them and the agent itself.
    pub instances: Option<BTreeSet<String>>,
    /// What it tells.
    pub on: BTreeSet<Event>,
    /// What matters less is not told.
    pub minimum: Level,
    /// A change must stand so long before it is told.
    pub hold: SignedDuration,
    /// Not knowing, and a source that fails, must stand so long.
    pub unknown_for: SignedDuration,
    /// What changes within this time is told together.
    pub group_wait: SignedDuration,
    /// The least time between two messages about the same instance and target.
    pub group_interval: SignedDuration,
    /// How often what stands is told again.
    pub repeat_every: Option<SignedDuration>,
    /// How many days before a target will be blocked that is told.
    pub blocked_within_days: u16,
    /// How many days before a person's word ends that is told.
    pub waiver_within_days: u16,
    /// A message that cannot be delivered for so long is given up.
    pub give_up_after: SignedDuration,
}
