//! TLS below the routes: certificate and key become what a server needs, and a handshake has its limits.
//!
//! No file is read here: who keeps them brings the texts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

use crate::access::ClientCertificate;

/// For the handshake; nothing is known of who does not finish it.
pub(super) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// For the one line that somebody is told who speaks plain HTTP.
const TELL_WITHIN: Duration = Duration::from_secs(2);

/// The first byte of every TLS handshake.
const HANDSHAKE: u8 = 22;

/// What the agent shows of itself over TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// How connections are secured.
    pub(super) config: Arc<ServerConfig>,
    /// Whether browsers are told to use nothing but https for this host name.
    pub(super) strict_transport: bool,
    /// The names in the certificate.
    pub(super) names: Vec<String>,
    /// The certificate itself.
    pub certificate: CertificateDer<'static>,
    /// From when it holds.
    pub begins_at: Timestamp,
    /// Until when it holds.
    pub ends_at: Timestamp,
}

/// Certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is no certificate in what should hold one.
    #[error("there is no certificate in PEM form in it")]
    NoCertificate,
    /// What should be PEM is not, somewhere.
    #[error("it is not whole")]
    Broken(#[source] pem::Error),
    /// A certificate has no sense.
    #[error("a certificate in it cannot be read")]
    Malformed,
    /// There is no key in what should hold one.
    #[error("there is no private key in PEM form in it, or it is encrypted")]
    NoKey,
    /// Key and certificate are not of each other.
    #[error("the key is not that of the certificate")]
    Mismatch,
    /// The library does not take them.
    #[error("it cannot be used")]
    Unusable(#[source] rustls::Error),
    /// The authorities of clients are none.
    #[error("it holds no authority for client certificates")]
    Authorities,
}

/// Makes what a server needs from PEM texts; `strict_transport` has browsers use nothing but https here.
pub fn secure(
    certificates: &str,
    key: &SecretString,
    client_authorities: Option<&str>,
    strict_transport: bool,
) -> Result<Tls, TlsError> {
    let chain = read_certificates(certificates)?;
    let certificate = chain.first().cloned().ok_or(TlsError::NoCertificate)?;
    let read = Certificate::from_der(&certificate).map_err(|_nonsense| TlsError::Malformed)?;
    let validity = read.tbs_certificate().validity();
    let begins_at = moment(&validity.not_before).ok_or(TlsError::Malformed)?;
    let ends_at = moment(&validity.not_after).ok_or(TlsError::Malformed)?;
    let key =
        PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes()).map_err(|_none| TlsError::NoKey)?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Unusable)?;
    let builder = match client_authorities {
        None => builder.with_no_client_auth(),
        Some(text) => {
            let mut roots = RootCertStore::empty();
            for authority in read_certificates(text)? {
                roots.add(authority).map_err(|_none| TlsError::Authorities)?;
            }
            // Who shows none may show who they are by a token or a password; one that is shown must be good.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|_none| TlsError::Authorities)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        other => TlsError::Unusable(other),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let names = names_of(&read);
    Ok(Tls { config: Arc::new(config), strict_transport, names, certificate, begins_at, ends_at })
}

fn read_certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let certificates = certificates.map_err(TlsError::Broken)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate) } else { Ok(certificates) }
}

fn moment(time: &Time) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(time.to_unix_duration().as_secs()).ok()?).ok()
}

/// Alternative names of a certificate that are texts: host names, mail addresses, URIs.
fn names_of(certificate: &Certificate) -> Vec<String> {
    let found = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = found else { return Vec::new() };
    let text = |name: GeneralName| match name {
        GeneralName::DnsName(name) | GeneralName::Rfc822Name(name) => Some(name.to_string()),
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    };
    names.into_iter().filter_map(text).collect()
}

/// A secured connection, and the certificate its client showed.
pub(super) struct Secured {
    pub(super) stream: TlsStream<TcpStream>,
    pub(super) certificate: Option<ClientCertificate>,
}

/// Agrees on TLS with a client, which has a limited time for it. Who speaks plain HTTP is told so.
pub(super) async fn shake_hands(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<Secured> {
    let agreed = async {
        let mut first = [0; 1];
        if stream.peek(&mut first).await? == 0 {
            return Err(io::Error::other("it said nothing"));
        }
        if first != [HANDSHAKE] {
            drop(timeout(TELL_WITHIN, tell_to_use_tls(&mut stream)).await);
            return Err(io::Error::other("it does not speak TLS"));
        }
        TlsAcceptor::from(config).accept(stream).await
    };
    let stream = timeout(HANDSHAKE_WITHIN, agreed).await.map_err(|_elapsed| io::ErrorKind::TimedOut)??;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let certificate = shown.and_then(read_client);
    Ok(Secured { stream, certificate })
}

async fn tell_to_use_tls(stream: &mut TcpStream) -> io::Result<()> {
    const TEXT: &str = "this port speaks TLS: ask with https:// in place of http://\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{TEXT}",
        TEXT.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // What is unread when a connection is closed would have the answer thrown away with it.
    let mut rest = [0; 1024];
    let mut left = 16;
    while left > 0 && tokio::io::AsyncReadExt::read(stream, &mut rest).await? > 0 {
        left -= 1;
    }
    Ok(())
}

fn read_client(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let read = Certificate::from_der(der).ok()?;
    Some(ClientCertificate {
        subject: read.tbs_certificate().subject().to_string(),
        names: names_of(&read),
        sha256: Sha256::digest(der.as_ref()).into(),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedKey, KeyPair, generate_simple_self_signed};

    use super::*;

    fn own(names: &[&str]) -> (String, SecretString) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        (cert.pem(), SecretString::from(signing_key.serialize_pem()))
    }

    #[test]
    fn what_cannot_be_used_is_told_apart() {
        let (certificate, key) = own(&["readiness.example.com"]);
        let (other, other_key) = own(&["readiness.example.com"]);
        let half = certificate.split_at(certificate.len() / 2).0;
        let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let sealed = SecretString::from(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
        );
        let nothing = SecretString::from("\n".to_owned());
        let rows: [(&str, &SecretString, Option<&str>, &str); 10] = [
            ("", &key, None, "no certificate"),
            ("<html>login</html>", &key, None, "no certificate"),
            (half, &key, None, "not whole"),
            (nonsense, &key, None, "cannot be read"),
            (&certificate, &nothing, None, "no private key"),
            (&certificate, &sealed, None, "no private key"),
            (&certificate, &other_key, None, "not that of the certificate"),
            (&other, &key, None, "not that of the certificate"),
            (&certificate, &key, Some(""), "no certificate"),
            (&certificate, &key, Some(nonsense), "no authority"),
        ];
        for (row, (certificate, key, clients, words)) in rows.into_iter().enumerate() {
            let error = secure(certificate, key, clients, false).unwrap_err();
            assert!(error.to_string().contains(words), "row {row}: {error}");
        }
        assert!(secure(&certificate, &key, Some(&other), false).is_ok());
    }

    #[test]
    fn names_and_times_of_the_certificate_are_known() {
        let mut params =
            CertificateParams::new(vec!["a.example.com".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 2);
        params.not_after = rcgen::date_time_ymd(2077, 4, 3);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let tls = secure(&certificate, &SecretString::from(key.serialize_pem()), None, false).unwrap();
        assert_eq!(tls.names, ["a.example.com"]);
        assert_eq!(tls.begins_at, "2026-01-02T00:00:00Z".parse().unwrap());
        assert_eq!(tls.ends_at, "2077-04-03T00:00:00Z".parse().unwrap());
        let shown = format!("{tls:?}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }
}
