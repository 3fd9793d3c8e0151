//! The door to Confluence's REST interface: one client, and what all questions to it have in common.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use upgrade_readiness_checks::facts::Field;

use crate::collect::CollectError;
use crate::collect::http::{Answer, Client, HttpError};
use crate::config::{Credentials, HttpAccess};

/// Asks one Confluence.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client,
    credentials: Shown,
}

/// How the agent shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Token,
    Password,
}

impl Rest {
    /// A client for the instance; nothing is asked yet.
    pub(super) fn new(access: &HttpAccess) -> Result<Self, HttpError> {
        let client = Client::new(&access.base_url, &access.credentials, access.ca_file.as_deref())?;
        let credentials = match access.credentials {
            Credentials::Anonymous => Shown::Nothing,
            Credentials::Bearer(_) => Shown::Token,
            Credentials::Basic { .. } => Shown::Password,
        };
        Ok(Self { client, credentials })
    }

    /// Asks without saying who asks, for what everybody may know.
    pub(super) async fn get_anonymously(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<Answer, HttpError> {
        self.client.without_credentials().get(path, accept).await
    }

    /// Asks for what only some may know.
    ///
    /// Strict set-ups accept a password only together with the parameter `os_authType=basic`; with a
    /// token it has no place (public REST clients: craftamap/pluploader, upmapi.py).
    pub(super) async fn get(&self, path: &str, accept: &'static str) -> Result<Answer, HttpError> {
        self.get_any(path, accept).await?.accepted()
    }

    /// Asks for what only some may know, and takes any status for an answer.
    pub(super) async fn get_any(&self, path: &str, accept: &'static str) -> Result<Answer, HttpError> {
        match self.credentials {
            Shown::Nothing | Shown::Token => self.client.get(path, accept).await,
            Shown::Password => {
                let mark = if path.contains('?') { '&' } else { '?' };
                self.client.get(&format!("{path}{mark}os_authType=basic"), accept).await
            }
        }
    }

    /// Asks for JSON that only some may know.
    pub(super) async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        self.get(path, "application/json").await?.json()
    }

    /// Turns a link that the instance gave into a path to ask for.
    pub(super) fn path_of_link(&self, link: &str) -> Result<String, HttpError> {
        self.client.path_of_link(link)
    }

    /// Whether an error forbids to go on asking.
    ///
    /// Refused credentials count as a failed login each time, and some of those lock the account; and
    /// who answers 429 wants to be left alone.
    pub(super) fn ends_the_round(&self, error: &HttpError) -> bool {
        match error {
            HttpError::Status { code: 401, .. } => self.credentials != Shown::Nothing,
            HttpError::Status { code: 429, .. } => true,
            _ => false,
        }
    }
}

/// Asks several questions, and no more once an answer forbids it.
#[derive(Debug)]
pub(super) struct Round<'a> {
    rest: &'a Rest,
    ended: Mutex<Option<String>>,
}

impl<'a> Round<'a> {
    /// A round in which everything may be asked yet.
    pub(super) fn new(rest: &'a Rest) -> Self {
        Self { rest, ended: Mutex::new(None) }
    }

    /// The answer to a question, or the reason why there is none.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = Result<T, HttpError>>) -> Field<T> {
        if let Some(why) = self.ended() {
            return Field::Unread(why);
        }
        match question.await {
            Ok(value) => Field::Read(value),
            Err(error) => {
                let ends = self.rest.ends_the_round(&error);
                let why = why_unread(error);
                if ends {
                    *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.clone());
                }
                Field::Unread(why)
            }
        }
    }

    fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The reason for a value that could not be read: what failed, why, what to do.
pub(super) fn why_unread(error: HttpError) -> String {
    CollectError::from(error).into_failure().message
}

/// Whether a plug-in's key can be part of an address without changing its meaning.
pub(super) fn is_askable_key(key: &str) -> bool {
    (1..=255).contains(&key.len())
        && key != "."
        && key != ".."
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~'))
}

/// Text from the instance without control characters and of a bearable length.
pub(super) fn bounded(text: &str, most_chars: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(most_chars).collect()
}

/// A number that some versions write as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum NumberOrText {
    Number(u64),
    Text(String),
}

impl NumberOrText {
    /// The number, when it is one that fits.
    pub(super) fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => u32::try_from(*number).ok(),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}
