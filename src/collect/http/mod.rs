//! Asking HTTP services: one client with limits, which says precisely why there was no answer.
//!
//! It sends GET requests and nothing else. It knows no product, does not retry, and keeps nothing.

mod answer;
mod error;
mod remedy;
mod tls;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use reqwest::{Response, Url};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use serde::de::DeserializeOwned;

use super::text_file::read_text;
use crate::config::Credentials;

pub use answer::{Answer, Asker, Marks, Page, RetryAfter};
pub use error::HttpError;
pub use tls::{TlsProblem, install_tls_provider};

/// How often a request is sent on before it is called a loop.
const MOST_REDIRECTS: usize = 3;

/// How much of an error's body is read: enough to see what it is.
const MOST_BYTES_OF_ERROR: usize = 64 * 1024;

/// Longer marks of an answer are not kept.
const LONGEST_MARK: usize = 256;

/// Bounds of one request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for the connection to stand.
    pub connect: Duration,
    /// Time for everything, redirects and the whole body too.
    pub total: Duration,
    /// Bytes of an unpacked body.
    pub most_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), total: Duration::from_secs(30), most_bytes: 16 * 1024 * 1024 }
    }
}

/// Asks one HTTP service. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    credentials: Credentials,
    limits: Limits,
}

impl Client {
    /// A client for the service at `base`, which may end in a context path.
    pub fn new(base: &Url, credentials: &Credentials, ca_file: Option<&Path>) -> Result<Self, HttpError> {
        Self::with_limits(base, credentials, ca_file, Limits::default())
    }

    /// A client with other limits than the usual ones.
    pub fn with_limits(
        base: &Url,
        credentials: &Credentials,
        ca_file: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, HttpError> {
        check_address(base)?;
        install_tls_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("upgrade-readiness-agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .redirect(reqwest::redirect::Policy::none()) // followed here, where the host can be compared
            .referer(false)
            .tls_info(true) // tells when the certificate ends
            .pool_max_idle_per_host(4);
        let certificates = match ca_file {
            Some(path) => read_certificates(path)?,
            None => Vec::new(),
        };
        builder = if base.scheme() == "https" {
            builder.tls_certs_merge(certificates)
        } else {
            // Nothing is encrypted, so a host without system certificates must not matter.
            builder.tls_certs_only(certificates)
        };
        if is_loopback(base) {
            // A proxy elsewhere cannot reach this host's loopback, and must not see the credentials for it.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|cause| match ca_file {
            Some(path) if base.scheme() == "https" => HttpError::NotCertificates { path: path.to_owned() },
            Some(_) | None => HttpError::Setup(cause.without_url()),
        })?;
        Ok(Self { http, base: base.clone(), credentials: credentials.clone(), limits })
    }

    /// The same client, which does not say who it is.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        Self { credentials: Credentials::Anonymous, ..self.clone() }
    }

    /// Asks for `path` under the base address and takes any status for an answer.
    pub async fn get(&self, path: &str, accept: &'static str) -> Result<Answer, HttpError> {
        self.get_if_changed(path, accept, &Marks::default()).await
    }

    /// Asks for `path`; the answer is 304 without a body when it is still the one with these marks.
    pub async fn get_if_changed(
        &self,
        path: &str,
        accept: &'static str,
        marks: &Marks,
    ) -> Result<Answer, HttpError> {
        let url = self.address(path)?;
        let asked = shown(&url);
        match tokio::time::timeout(self.limits.total, self.follow(url, accept, marks)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(HttpError::Timeout { at: asked, limit: self.limits.total }),
        }
    }

    /// Asks for JSON; `path` is relative to the base address.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, HttpError> {
        self.get(path, "application/json").await?.accepted()?.json()
    }

    /// Asks for text; `path` is relative to the base address.
    pub async fn get_text(&self, path: &str) -> Result<String, HttpError> {
        Ok(self.get(path, "text/plain, */*;q=0.1").await?.accepted()?.text()?.to_owned())
    }

    /// Turns a link that the service gave into a path for [`Client::get`].
    ///
    /// It may be absolute or relative and may lack the context path; to another host it is refused.
    pub fn path_of_link(&self, link: &str) -> Result<String, HttpError> {
        let directory = self.address("")?;
        let refuse = |why| HttpError::Address { at: shown(&directory), why };
        let url = directory.join(link).ok().ok_or_else(|| refuse("it gave a link that is none"))?;
        if !same_place(&url, &self.base) {
            return Err(HttpError::Redirected { at: shown(&directory), to: place_of(&url) });
        }
        let path = url.path().strip_prefix(directory.path()).unwrap_or(url.path()).trim_start_matches('/');
        Ok(match url.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        })
    }

    fn address(&self, path: &str) -> Result<Url, HttpError> {
        let base = self.base.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{}", path.trim_start_matches('/'))).ok();
        url.filter(|url| same_place(url, &self.base)).ok_or_else(|| HttpError::Address {
            at: shown(&self.base),
            why: "a path under it does not make an address",
        })
    }

    async fn follow(&self, mut url: Url, accept: &'static str, marks: &Marks) -> Result<Answer, HttpError> {
        for _ in 0..=MOST_REDIRECTS {
            let response = self.send(&url, accept, marks).await?;
            match next_place(&response, &url)? {
                Some(next) => url = next,
                None => return self.read(response, &url).await,
            }
        }
        Err(HttpError::TooManyRedirects { at: shown(&url), most: MOST_REDIRECTS })
    }

    async fn send(&self, url: &Url, accept: &'static str, marks: &Marks) -> Result<Response, HttpError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, HeaderValue::from_static(accept));
        if let Some(value) = self.authorization(url)? {
            request = request.header(AUTHORIZATION, value);
        }
        for (name, mark) in [(IF_NONE_MATCH, &marks.etag), (IF_MODIFIED_SINCE, &marks.last_modified)] {
            // A mark that cannot be sent is one that was spoilt since: then everything is asked for.
            if let Some(Ok(value)) = mark.as_deref().map(HeaderValue::from_str) {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|error| error::classify(error, shown(url), self.limits.connect))
    }

    /// The header that says who asks; the secret is read anew each time.
    fn authorization(&self, url: &Url) -> Result<Option<HeaderValue>, HttpError> {
        let failed = |cause| HttpError::Secret { at: shown(url), cause };
        let refuse = |why| HttpError::UnusableSecret { at: shown(url), why };
        let text = match &self.credentials {
            Credentials::Anonymous => return Ok(None),
            Credentials::Bearer(token) => {
                let token = token.read().map_err(failed)?;
                Zeroizing::new(format!("Bearer {}", token.expose_secret()))
            }
            Credentials::Basic { username, password } => {
                if username.contains(':') {
                    return Err(refuse("a user name with a colon cannot be sent"));
                }
                let password = password.read().map_err(failed)?;
                let both = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
                Zeroizing::new(format!("Basic {}", STANDARD.encode(&*both)))
            }
        };
        let mut value = HeaderValue::try_from(text.as_str())
            .ok()
            .ok_or_else(|| refuse("the secret has a line break or a control character in it"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn who(&self) -> Asker {
        match &self.credentials {
            Credentials::Anonymous => Asker::nobody(),
            Credentials::Bearer(token) => Asker::somebody(format!("with the token in {token}")),
            Credentials::Basic { username, password } => {
                Asker::somebody(format!("as {username} with the password in {password}"))
            }
        }
    }

    async fn read(&self, mut response: Response, url: &Url) -> Result<Answer, HttpError> {
        let good = response.status().is_success();
        let most = if good { self.limits.most_bytes } else { MOST_BYTES_OF_ERROR };
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header(CONTENT_TYPE)
            .map(|text| text.chars().filter(char::is_ascii_graphic).take(80).collect::<String>())
            .map(|text| text.to_ascii_lowercase());
        let retry_after = header(RETRY_AFTER).and_then(RetryAfter::parse);
        let challenge = header(WWW_AUTHENTICATE).map(ToOwned::to_owned);
        let mark = |name| header(name).filter(|mark| mark.len() <= LONGEST_MARK).map(ToOwned::to_owned);
        let marks = Marks { etag: mark(ETAG), last_modified: mark(LAST_MODIFIED) };
        let status = response.status().as_u16();
        let tls = response.extensions().get::<reqwest::tls::TlsInfo>();
        let certificate = tls.and_then(|tls| tls.peer_certificate()).map(Into::into);
        let mut body = Vec::new();
        // Chunks are counted after unpacking, so a small answer cannot become a large one.
        while let Some(chunk) =
            response.chunk().await.map_err(|error| error::classify(error, shown(url), self.limits.total))?
        {
            if body.len() + chunk.len() > most {
                if good {
                    return Err(HttpError::TooLong { at: shown(url), most });
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        let (at, who) = (shown(url), self.who());
        Ok(Answer { at, who, status, content_type, retry_after, marks, challenge, certificate, body })
    }
}

/// Where a redirect leads, when the response is one; an error when that is another place.
fn next_place(response: &Response, url: &Url) -> Result<Option<Url>, HttpError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let elsewhere = |to| HttpError::Redirected { at: shown(url), to };
    let next = location
        .to_str()
        .ok()
        .and_then(|location| url.join(location).ok())
        .ok_or_else(|| elsewhere("an address that cannot be read".to_owned()))?;
    if same_place(&next, url) { Ok(Some(next)) } else { Err(elsewhere(place_of(&next))) }
}

fn check_address(base: &Url) -> Result<(), HttpError> {
    let refuse = |why| Err(HttpError::Address { at: shown(base), why });
    if !matches!(base.scheme(), "http" | "https") {
        return refuse("it must begin with http:// or https://");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return refuse("a user and password have no place in it");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return refuse("it must end with the context path, without ? and #");
    }
    Ok(())
}

fn read_certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, HttpError> {
    let text = read_text(path).map_err(HttpError::ReadCertificates)?;
    let certificates = reqwest::Certificate::from_pem_bundle(text.as_bytes()).unwrap_or_default();
    if certificates.is_empty() {
        return Err(HttpError::NotCertificates { path: path.to_owned() });
    }
    Ok(certificates)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn same_place(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// An address for people: without user, password, query and fragment.
fn shown(url: &Url) -> String {
    format!("{}{}", place_of(url), url.path())
}

/// Scheme, host and port of an address.
fn place_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}
