//! Why there was no answer, and what kind of failure that is.
//!
//! No variant holds text of a body or of a header, nor the secret that was sent.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use upgrade_readiness_checks::facts::FailureKind;

use super::{Asker, Page, RetryAfter, TlsProblem};
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
        who: Asker,
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
        who: Asker,
    },
    /// It answered well, but with something for people to read.
    #[error("{at} answered a request {who} with {looks_like} ({content_type}) instead of data")]
    NotJson {
        /// Where.
        at: String,
        /// As whom it was asked.
        who: Asker,
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
    /// Whether it means that nothing at all can be learned at the address.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Address { .. }
            | Self::ReadCertificates(_)
            | Self::NotCertificates { .. }
            | Self::Setup(_)
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. } => true,
            Self::Secret { .. }
            | Self::UnusableSecret { .. }
            | Self::Interrupted { .. }
            | Self::TooLong { .. }
            | Self::Status { .. }
            | Self::AdministratorSession { .. }
            | Self::NotJson { .. }
            | Self::Redirected { .. }
            | Self::TooManyRedirects { .. }
            | Self::Decode { .. } => false,
        }
    }

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
