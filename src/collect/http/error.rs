//! Why there was no answer, what kind of failure that is, and what a person can do about it.
//!
//! No variant holds text of a body or of a header, nor the secret that was sent.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use upgrade_readiness_checks::facts::FailureKind;

use super::{Page, RetryAfter, TlsProblem};
use crate::collect::CollectError;
use crate::collect::text_file::ReadTextError;
use crate::config::SecretError;

/// Why an HTTP service gave no usable answer.
///
/// `at` is always the address without user, password and query.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The configured address cannot be used.
    #[error("the address {at} cannot be used: {why}")]
    Address {
        /// The address.
        at: String,
        /// Why.
        why: &'static str,
    },
    /// The file with certificates could not be read.
    #[error("reading certificates to trust")]
    ReadCertificates(#[source] ReadTextError),
    /// The file with certificates does not hold any.
    #[error("{} holds no certificate in PEM form", path.display())]
    NotCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The client could not be made.
    #[error("setting up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// The token or password could not be had.
    #[error("the credentials for {at} could not be had")]
    Secret {
        /// What they are for.
        at: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
    /// The token or password cannot be sent.
    #[error("the credentials for {at} cannot be sent: {why}")]
    UnusableSecret {
        /// What they are for.
        at: String,
        /// Why.
        why: &'static str,
    },
    /// Nothing answers there.
    #[error("{at} could not be reached")]
    Unreachable {
        /// Where.
        at: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// The connection could not be secured.
    #[error("no secure connection to {at}: {problem}")]
    Tls {
        /// Where.
        at: String,
        /// What is wrong.
        problem: TlsProblem,
        /// The library's words.
        #[source]
        cause: reqwest::Error,
    },
    /// It did not answer, or not to the end, in time.
    #[error("{at} did not answer completely within {limit:?}")]
    Timeout {
        /// Where.
        at: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer broke off.
    #[error("the answer of {at} broke off or could not be unpacked")]
    Interrupted {
        /// Where.
        at: String,
        /// Why.
        #[source]
        cause: reqwest::Error,
    },
    /// The answer is longer than any useful one.
    #[error("the answer of {at} is longer than {most} bytes")]
    TooLong {
        /// Where.
        at: String,
        /// The limit.
        most: usize,
    },
    /// It answered that it will not or cannot.
    #[error("{at} answered {code}{} to a request {who}", shown_as(*page))]
    Status {
        /// Where.
        at: String,
        /// The status code.
        code: u16,
        /// As whom it was asked.
        who: String,
        /// What the page that came with it looks like.
        page: Option<Page>,
        /// When it may be asked again, when it said so.
        retry_after: Option<RetryAfter>,
    },
    /// It wants an administrator's password once more, which a session of a browser would give.
    #[error("{at} asks for an administrator session (upm.websudo.error) in answer to a request {who}")]
    AdministratorSession {
        /// Where.
        at: String,
        /// As whom it was asked.
        who: String,
    },
    /// It answered well, but with something for people to read.
    #[error("{at} answered a request {who} with {looks_like} ({content_type}) instead of data")]
    NotJson {
        /// Where.
        at: String,
        /// As whom it was asked.
        who: String,
        /// The type it states.
        content_type: String,
        /// What it looks like.
        looks_like: Page,
    },
    /// It sends its callers somewhere else, where the agent does not follow.
    #[error("{at} sends its callers on to {to}, where the agent does not follow with its credentials")]
    Redirected {
        /// Where it was asked.
        at: String,
        /// Scheme, host and port it names.
        to: String,
    },
    /// It sends its callers round and round.
    #[error("{at} sends its callers on more than {most} times")]
    TooManyRedirects {
        /// Where it was asked.
        at: String,
        /// The limit.
        most: usize,
    },
    /// It answered with data of another form.
    #[error("the answer of {at} has not the expected form: {problem}")]
    Decode {
        /// Where.
        at: String,
        /// Where in the text, and what was missed; nothing of the text.
        problem: String,
    },
}

fn shown_as(page: Option<Page>) -> String {
    page.map(|page| format!(" and {page}")).unwrap_or_default()
}

impl HttpError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Setup(_) => FailureKind::Internal,
            Self::ReadCertificates(cause) => cause.kind(),
            Self::Secret { cause, .. } => match cause {
                SecretError::ReadFile(cause) => cause.kind(),
                SecretError::NotSet(_) | SecretError::Empty(_) => FailureKind::Absent,
            },
            Self::Unreachable { .. } | Self::Tls { .. } | Self::Interrupted { .. } => {
                FailureKind::Unreachable
            }
            Self::Timeout { .. } => FailureKind::Timeout,
            Self::AdministratorSession { .. } => FailureKind::Denied,
            Self::Status { code, .. } => match code {
                401 | 403 | 407 => FailureKind::Denied,
                404 | 410 => FailureKind::Absent,
                408 | 504 => FailureKind::Timeout,
                429 | 500..=599 => FailureKind::Unreachable,
                _ => FailureKind::Malformed,
            },
            Self::NotJson { looks_like, .. } => match looks_like {
                Page::Login => FailureKind::Denied,
                Page::NotRunning => FailureKind::Unreachable,
                Page::Other => FailureKind::Malformed,
            },
            Self::Address { .. }
            | Self::NotCertificates { .. }
            | Self::UnusableSecret { .. }
            | Self::TooLong { .. }
            | Self::Redirected { .. }
            | Self::TooManyRedirects { .. }
            | Self::Decode { .. } => FailureKind::Malformed,
        }
    }

    /// What a person can do about it, in full sentences.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Address { .. } => {
                "Write the address in the agent's configuration as \
                 https://wiki.example.com/confluence, and credentials under their own keys."
                    .to_owned()
            }
            Self::ReadCertificates(cause) | Self::Secret { cause: SecretError::ReadFile(cause), .. } => {
                cause.remedy()
            }
            Self::NotCertificates { path } => format!(
                "Put the certificate of the authority that signed the server's certificate, in PEM form, into {}.",
                path.display()
            ),
            Self::Setup(_) => {
                "Install the system's certificates (package ca-certificates), or set ca_file.".to_owned()
            }
            Self::Secret { .. } | Self::UnusableSecret { .. } => {
                "Put the token alone, in one line, where the agent's configuration says it is.".to_owned()
            }
            Self::Unreachable { at, .. } => format!(
                "Check that the service runs and that this host reaches it: curl -v {at}. \
                 A proxy is taken from http_proxy, https_proxy and no_proxy of the agent's environment."
            ),
            Self::Tls { problem, .. } => problem.remedy().to_owned(),
            Self::Timeout { at, .. } => {
                format!("See what holds it up: curl -v --max-time 60 {at}, and the service's log.")
            }
            Self::Interrupted { .. } => {
                "See the log of the service, and of a proxy in front of it, for what ended the answer."
                    .to_owned()
            }
            Self::TooLong { at, .. } => {
                format!("See what answers there: curl -s {at} | head -c 2000.")
            }
            Self::Status { code, retry_after, page, .. } => status_remedy(*code, *retry_after, *page),
            Self::AdministratorSession { .. } => {
                "Secure administrator sessions are on, and a password alone does not pass them: give the agent a \
                 personal access token of an administrator instead (profile picture, Settings, Personal access tokens)."
                    .to_owned()
            }
            Self::NotJson { looks_like, .. } => page_remedy(*looks_like).to_owned(),
            Self::Redirected { to, .. } => format!(
                "If {to} is the right place, set base_url to it; if it is a single sign-on, let the REST paths \
                 pass it, or set base_url to the address behind it."
            ),
            Self::TooManyRedirects { at, .. } => {
                format!("See where it leads: curl -sIL --max-redirs 5 {at}. Check base_url and the proxy.")
            }
            Self::Decode { at, .. } => format!(
                "See whether base_url leads to the right service: curl -s {at}. If it does, report this with \
                 the product's version."
            ),
        }
    }
}

fn status_remedy(code: u16, retry_after: Option<RetryAfter>, page: Option<Page>) -> String {
    match (code, page) {
        (_, Some(Page::NotRunning)) => page_remedy(Page::NotRunning).to_owned(),
        (401, _) => {
            "The token or password is missing, wrong, expired or revoked: make a new personal access \
                     token. If a password is right, its use may be switched off or the account locked after \
                     failed attempts: log in once in the browser."
                .to_owned()
        }
        (403, _) => "The account may log in but not see this: give it the right to administer the product \
                     (group confluence-administrators)."
            .to_owned(),
        (407, _) => {
            "The proxy wants a password: see http_proxy and no_proxy of the agent's environment.".to_owned()
        }
        (404 | 410, _) => {
            "Check base_url, above all its context path. If it is right, the plug-in that answers \
                           there is disabled or this version does not have it."
                .to_owned()
        }
        (429, _) => match retry_after {
            Some(RetryAfter::Seconds(seconds)) => {
                format!("It will answer again in {seconds} s; ask less often.")
            }
            Some(RetryAfter::At(moment)) => format!("It will answer again at {moment}; ask less often."),
            None => "It limits how often it answers: ask less often, or exempt the agent's account from its \
                     rate limit."
                .to_owned(),
        },
        (502..=504, _) => {
            "The service is starting, stopping or down behind its proxy: see its log, and ask again."
                .to_owned()
        }
        (500..=599, _) => "The service failed to answer: see its log at this time.".to_owned(),
        _ => "See what answers there with curl -v, and check base_url.".to_owned(),
    }
}

fn page_remedy(page: Page) -> &'static str {
    match page {
        Page::Login => {
            "The token or password is missing, wrong or expired, or a single sign-on stands before the REST \
             paths: make a new personal access token, or set base_url to the address behind the sign-on."
        }
        Page::NotRunning => {
            "The service is starting, being upgraded or stopped by an error: open it in the browser and read \
             what it says there, then its log."
        }
        Page::Other => "Check base_url: something else than the service's REST interface answers there.",
    }
}

impl From<HttpError> for CollectError {
    fn from(error: HttpError) -> Self {
        let (kind, remedy) = (error.kind(), error.remedy());
        Self::new(kind, error, remedy)
    }
}

/// What a failed request says of its cause.
pub(super) fn classify(error: reqwest::Error, at: String, limit: Duration) -> HttpError {
    // The address in the error would be said twice, and with its query.
    let cause = error.without_url();
    if cause.is_timeout() {
        return HttpError::Timeout { at, limit };
    }
    if let Some(tls) = find_tls_error(&cause) {
        let problem = TlsProblem::of(tls);
        return HttpError::Tls { at, problem, cause };
    }
    if cause.is_body() || cause.is_decode() {
        return HttpError::Interrupted { at, cause };
    }
    HttpError::Unreachable { at, cause }
}

/// The TLS library's own error somewhere in a chain.
fn find_tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // An I/O error names its inner error's cause as its own, and so hides the inner error itself.
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    match inner {
        Some(inner) => find_tls_error(inner),
        None => error.source().and_then(find_tls_error),
    }
}
