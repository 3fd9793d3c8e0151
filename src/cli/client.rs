//! Asking the running daemon: over TLS and with what it wants to be shown, as the configuration has it.
//!
//! The daemon is known by its very certificate and not by a name: commands reach it by an address of this host, which
//! its certificate need not name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::entrance::{fingerprint, local_file, read_local};
use super::output::advise;
use crate::access::May;
use crate::collect::text_file::read_text;
use crate::config::{Config, ProofSource};

/// A way to ask the daemon of a configuration.
pub(super) struct DaemonClient<'a> {
    config: &'a Config,
    client: Client,
    base: Url,
}

impl<'a> DaemonClient<'a> {
    /// Prepares to ask; no answer is waited for longer than `within`.
    pub(super) fn new(config: &'a Config, within: Duration) -> anyhow::Result<Self> {
        let scheme = if config.serving.tls.is_some() { "https" } else { "http" };
        let base = Url::parse(&format!("{scheme}://{}/", reachable(config.listen)));
        let base = base.context("the address of the daemon")?;
        // Its state directory may be another user's; then what the configuration names must do.
        let left = read_local(&config.state_dir).ok();
        let mut builder =
            Client::builder().timeout(within).no_proxy().redirect(reqwest::redirect::Policy::none());
        if let Some(files) = &config.serving.tls {
            let mut known: Vec<String> =
                left.iter().filter_map(|left| left.certificate_sha256.clone()).collect();
            let file = read_text(&files.cert_file).ok();
            let named = file.and_then(|text| CertificateDer::from_pem_slice(text.as_bytes()).ok());
            known.extend(named.map(|certificate| fingerprint(&certificate)));
            builder = builder.tls_backend_preconfigured(trusting(known)?);
        }
        let token = left.and_then(|left| left.token);
        if let Some(value) = credentials(config, token)? {
            builder = builder.default_headers(HeaderMap::from_iter([(AUTHORIZATION, value)]));
        }
        let client = builder.build().context("preparing the request")?;
        Ok(Self { config, client, base })
    }

    /// An address of the daemon, to which a path and a query can be added.
    pub(super) fn url(&self, path: &str) -> anyhow::Result<Url> {
        self.base.join(path).context("the address of the daemon")
    }

    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.client.post(url)
    }

    /// An error with what to do when the daemon does not let the command in.
    pub(super) fn refused(&self, status: StatusCode, error: anyhow::Error) -> anyhow::Error {
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return error;
        }
        let file = local_file(&self.config.state_dir);
        advise(
            error,
            format!(
                "Run it with sudo, or as the owner of {}: by that the daemon knows commands on its host. It writes the \
                 file when it starts.",
                file.display()
            ),
        )
    }
}

/// Where an address that stands for all of this host can be reached.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// What is shown: the token the daemon left for its host, or else the first secret of the access list that this user
/// may read, of those who may change something before the others.
fn credentials(config: &Config, left: Option<SecretString>) -> anyhow::Result<Option<HeaderValue>> {
    let mut text = left.map(|token| Zeroizing::new(format!("Bearer {}", token.expose_secret())));
    for may in [May::Change, May::Read] {
        let entries = config.serving.access.iter().filter(|entry| entry.may == may);
        for entry in entries {
            if text.is_none() {
                text = shown_by(&entry.proof);
            }
        }
    }
    let Some(text) = text else { return Ok(None) };
    let mut value = HeaderValue::try_from(text.as_str()).ok().context("a secret that cannot be sent")?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn shown_by(proof: &ProofSource) -> Option<Zeroizing<String>> {
    match proof {
        ProofSource::Token(place) => {
            let token = place.read().ok()?;
            Some(Zeroizing::new(format!("Bearer {}", token.expose_secret())))
        }
        ProofSource::Basic { username, password } => {
            let password = password.read().ok()?;
            let both = Zeroizing::new(format!("{username}:{}", password.expose_secret()));
            Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(&*both))))
        }
        ProofSource::Certificate(_) => None,
    }
}

fn trusting(known: Vec<String>) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(VeryCertificate { known, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.context("preparing TLS")?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Trusts the very certificate the daemon is known to show, and no other: stricter than a name and an authority. That
/// the other side has its key is proved as always.
#[derive(Debug)]
struct VeryCertificate {
    known: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for VeryCertificate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.known.contains(&fingerprint(certificate)) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
