//! An answer as it came: its status, its type, its body, and what it looks like when it is no data.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use x509_cert::der::Decode as _;

use super::HttpError;

/// How much of a page is searched for what it is.
const SEARCHED_BYTES: usize = 64 * 1024;

/// Nobody is waited for longer than this, whatever they ask.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// An answer of any status, with its body.
#[derive(Debug)]
pub struct Answer {
    /// Where it comes from, without query.
    pub(super) at: String,
    /// As whom the question was asked.
    pub(super) who: Asker,
    /// The status code.
    pub status: u16,
    /// The type it states.
    pub content_type: Option<String>,
    /// When it may be asked again, when it said so.
    pub retry_after: Option<RetryAfter>,
    /// By what it is recognised when it is asked for again.
    pub marks: Marks,
    /// What it says it wants of credentials, when it refused them (`WWW-Authenticate`).
    pub(super) challenge: Option<String>,
    /// The certificate the server showed, in DER form.
    pub(super) certificate: Option<Box<[u8]>>,
    /// The body; of an error, its beginning.
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A door for the fuzz targets: an answer with this body.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn fuzzed(status: u16, body: &[u8]) -> Self {
        Self {
            at: "http://wiki.example.com/status".to_owned(),
            who: Asker::nobody(),
            status,
            content_type: None,
            retry_after: None,
            marks: Marks::default(),
            challenge: None,
            certificate: Some(body.into()),
            body: body.to_vec(),
        }
    }

    /// The answer when its status is one of success, else the error that its status is.
    pub fn accepted(self) -> Result<Self, HttpError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        if self.status == 401 && self.sub_code().as_deref() == Some("upm.websudo.error") {
            return Err(HttpError::AdministratorSession { at: self.at.clone(), who: self.who.clone() });
        }
        Err(self.refused())
    }

    /// The error that its status is.
    #[must_use]
    pub fn refused(&self) -> HttpError {
        let (at, who, page) = (self.at.clone(), self.who.clone(), self.page());
        HttpError::Status { at, code: self.status, who, page, retry_after: self.retry_after }
    }

    /// Whether there is nothing in its body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    /// When the certificate of the server ends; `None` when it showed none, as over plain HTTP.
    pub fn certificate_ends_at(&self) -> Result<Option<Timestamp>, HttpError> {
        let Some(certificate) = &self.certificate else { return Ok(None) };
        let read = x509_cert::Certificate::from_der(certificate).ok();
        let seconds =
            read.map(|read| read.tbs_certificate().validity().not_after.to_unix_duration().as_secs());
        let end = seconds.and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok());
        end.map(Some).ok_or_else(|| self.malformed("the day its certificate ends cannot be read".to_owned()))
    }

    /// The body as JSON, whatever the status is.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        self.refuse_page()?;
        serde_json::from_slice(&self.body).map_err(|error| self.malformed(explain(&error)))
    }

    /// The body as text, whatever the status is; a page for people is refused.
    pub fn text(&self) -> Result<&str, HttpError> {
        self.refuse_page()?;
        std::str::from_utf8(&self.body).ok().ok_or_else(|| self.malformed("it is not UTF-8 text".to_owned()))
    }

    /// Whether its body or its challenge contains some words, whatever their case. They must stand in small letters.
    #[must_use]
    pub fn mentions(&self, words: &str) -> bool {
        let body: Vec<u8> = self.body.iter().take(SEARCHED_BYTES).map(u8::to_ascii_lowercase).collect();
        let challenge = self.challenge.as_deref().unwrap_or_default().to_ascii_lowercase();
        String::from_utf8_lossy(&body).contains(words) || challenge.contains(words)
    }

    /// The error that this answer has another form than it should; `problem` must quote nothing of it.
    #[must_use]
    pub fn malformed(&self, problem: String) -> HttpError {
        HttpError::Decode { at: self.at.clone(), problem }
    }

    fn refuse_page(&self) -> Result<(), HttpError> {
        let Some(looks_like) = self.page() else { return Ok(()) };
        let content_type = self.content_type.clone().unwrap_or_else(|| "no type stated".to_owned());
        Err(HttpError::NotJson { at: self.at.clone(), who: self.who.clone(), content_type, looks_like })
    }

    /// What page for people the body is, when it is one.
    fn page(&self) -> Option<Page> {
        let beginning: Vec<u8> = self.body.iter().take(SEARCHED_BYTES).map(u8::to_ascii_lowercase).collect();
        let beginning = String::from_utf8_lossy(&beginning);
        let first = beginning.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let stated = self.content_type.as_deref().is_some_and(|stated| stated.contains("html"));
        let is_page = stated || first.starts_with("<!doctype html") || first.starts_with("<html");
        is_page.then(|| Page::parse(&beginning))
    }

    /// The code with which the product's plug-in manager details an error.
    fn sub_code(&self) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Detail {
            sub_code: String,
        }
        serde_json::from_slice::<Detail>(&self.body).ok().map(|detail| detail.sub_code)
    }
}

/// Says where JSON is wrong without quoting it: the library's own message would.
fn explain(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "it could not be read".to_owned(),
        serde_json::error::Category::Syntax => "it is not JSON".to_owned(),
        serde_json::error::Category::Eof => "it ends too early".to_owned(),
        serde_json::error::Category::Data => {
            let message = error.to_string();
            // A missing name is one of ours; every other message may quote the answer.
            let name = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
            match name {
                Some(name) => format!("{name} is missing"),
                None => "a value is of the wrong type".to_owned(),
            }
        }
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// What a page for people looks like, where data should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// It asks who one is.
    Login,
    /// It says that the service is starting, in maintenance, or stopped by an error.
    NotRunning,
    /// Anything else.
    Other,
}

impl Page {
    /// Judges a page by its text in lower case.
    ///
    /// The page of a Confluence that is starting or refuses to start is made by its error screen `johnson`
    /// and carries that name in its paths.
    fn parse(text: &str) -> Self {
        const NOT_RUNNING: [&str; 5] = [
            "johnson",
            "is starting up",
            "confluence is starting",
            "under maintenance",
            "temporarily unavailable",
        ];
        const LOGIN: [&str; 6] =
            ["os_username", "login.action", "dologin", "samlrequest", "type=\"password\"", "type='password'"];
        let any = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
        if any(&NOT_RUNNING) {
            Self::NotRunning
        } else if any(&LOGIN) {
            Self::Login
        } else {
            Self::Other
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "a login page",
            Self::NotRunning => "a page that says it is starting or in maintenance",
            Self::Other => "a web page",
        })
    }
}

/// As whom a question was asked; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker(Option<String>);

impl Asker {
    pub(super) fn nobody() -> Self {
        Self(None)
    }

    pub(super) fn somebody(who: String) -> Self {
        Self(Some(who))
    }

    /// Whether no credentials were sent.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("without credentials"))
    }
}

/// By what a server recognises an answer it gave before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was written.
    pub last_modified: Option<String>,
}

/// When a service may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u32),
    /// At this moment.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads a `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More seconds than fit are as good as the longest wait.
            return Some(Self::Seconds(text.parse().unwrap_or(u32::MAX)));
        }
        let moment = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self::At(moment.timestamp()))
    }

    /// The moment until which to wait; at most a day from `now`, and never before it.
    #[must_use]
    pub fn until(self, now: Timestamp) -> Timestamp {
        let latest = now.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
        match self {
            Self::Seconds(seconds) => {
                now.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(latest).min(latest)
            }
            Self::At(moment) => moment.clamp(now, latest),
        }
    }
}
