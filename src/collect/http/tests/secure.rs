//! Certificates: known, unknown, for another name, and no TLS at all.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` and its key.
fn certificate(params: &CertificateParams, authority: &Authority) -> (CertificateDer<'static>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().der().clone(), key)
}

fn certificate_for(name: &str, authority: &Authority) -> (CertificateDer<'static>, KeyPair) {
    certificate(&CertificateParams::new(vec![name.to_owned()]).unwrap(), authority)
}

/// A server that answers every request over TLS with a count; it ends with the test.
async fn tls_server((certificate, key): (CertificateDer<'static>, KeyPair)) -> (String, JoinSet<()>) {
    install_tls_provider();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client ends the handshake when it does not like the certificate.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok() {
                let answer =
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"count\": 9}";
                stream.write_all(answer).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    (address, tasks)
}

fn ca_file(dir: &TempDir, authority: &Authority) -> PathBuf {
    let path = dir.path().join("ca.pem");
    std::fs::write(&path, authority.as_ref().pem()).unwrap();
    path
}

async fn ask(address: &str, ca_file: &Path) -> Result<Count, HttpError> {
    Client::with_limits(&address.parse().unwrap(), &Credentials::Anonymous, Some(ca_file), SHORT)?
        .get_json("rest/x")
        .await
}

fn problem_of(result: Result<Count, HttpError>) -> TlsProblem {
    match result.unwrap_err() {
        HttpError::Tls { problem, .. } => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_the_named_authority_is_trusted_and_no_other() {
    let (own, dir) = (authority("Own"), TempDir::new().unwrap());
    let (address, _server) = tls_server(certificate_for("127.0.0.1", &own)).await;
    assert_eq!(ask(&address, &ca_file(&dir, &own)).await.unwrap(), Count { count: 9 });

    // Another one, and one that bears the same name but has a new key.
    for name in ["Foreign", "Own"] {
        let error = ask(&address, &ca_file(&dir, &authority(name))).await.unwrap_err();
        assert!(matches!(error, HttpError::Tls { problem: TlsProblem::UnknownAuthority, .. }), "{error:?}");
        assert_eq!(error.kind(), FailureKind::Unreachable);
        assert!(error.remedy().contains("ca_file"), "{}", error.remedy());
    }
}

#[tokio::test]
async fn the_end_of_a_certificate_is_told() {
    let (own, dir) = (authority("Own"), TempDir::new().unwrap());
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2077, 4, 3);
    let (address, _server) = tls_server(certificate(&params, &own)).await;
    let file = ca_file(&dir, &own);
    let client =
        Client::with_limits(&address.parse().unwrap(), &Credentials::Anonymous, Some(&file), SHORT).unwrap();
    let mut answer = client.get("rest/x", "application/json").await.unwrap();
    let end = answer.certificate_ends_at().unwrap();
    assert_eq!(end, Some("2077-04-03T00:00:00Z".parse().unwrap()));
    answer.certificate = Some(b"no certificate".as_slice().into());
    assert!(answer.certificate_ends_at().unwrap_err().to_string().contains("certificate"));
    answer.certificate = None;
    assert_eq!(answer.certificate_ends_at().unwrap(), None);
}

#[tokio::test]
async fn an_authority_that_poses_as_a_server_is_told_apart() {
    let (own, dir) = (authority("Own"), TempDir::new().unwrap());
    let key = KeyPair::from_pem(&own.key().serialize_pem()).unwrap();
    let (address, _server) = tls_server((own.as_ref().der().clone(), key)).await;
    assert_eq!(problem_of(ask(&address, &ca_file(&dir, &own)).await), TlsProblem::AuthorityAsServer);
}

#[tokio::test]
async fn a_self_signed_certificate_is_unknown_until_it_is_named() {
    let dir = TempDir::new().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let pem = own.cert.pem();
    let (address, _server) = tls_server((own.cert.der().clone(), own.signing_key)).await;
    assert_eq!(
        problem_of(ask(&address, &ca_file(&dir, &authority("Other"))).await),
        TlsProblem::UnknownAuthority
    );

    let path = dir.path().join("own.pem");
    std::fs::write(&path, pem).unwrap();
    assert_eq!(ask(&address, &path).await.unwrap(), Count { count: 9 });
}

#[tokio::test]
async fn wrong_names_and_times_are_told_apart() {
    let (own, dir) = (authority("Own"), TempDir::new().unwrap());
    let ca_file = ca_file(&dir, &own);
    let (address, _server) = tls_server(certificate_for("wiki.example.com", &own)).await;
    assert_eq!(problem_of(ask(&address, &ca_file).await), TlsProblem::WrongName);

    for (from, to, expected) in [(2001, 2002, TlsProblem::Expired), (2998, 2999, TlsProblem::NotYetValid)] {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let (address, _server) = tls_server(certificate(&params, &own)).await;
        assert_eq!(problem_of(ask(&address, &ca_file).await), expected);
    }
}

#[tokio::test]
async fn plain_http_behind_https_is_said_to_be_no_tls() {
    let dir = TempDir::new().unwrap();
    let server = MockServer::start().await;
    let address = server.uri().replace("http://", "https://");
    assert_eq!(problem_of(ask(&address, &ca_file(&dir, &authority("Other"))).await), TlsProblem::NotTls);
}

#[tokio::test]
async fn a_file_without_certificates_is_named() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("ca.pem");
    for (text, kind) in [
        (None, FailureKind::Absent),
        (Some(""), FailureKind::Malformed),
        (Some("hello"), FailureKind::Malformed),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), FailureKind::Malformed),
        (Some("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"), FailureKind::Malformed),
    ] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = ask("https://127.0.0.1:9", &path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{text:?}: {error:?}");
        assert!(everything(&error).contains("ca.pem"), "{text:?}: {error:?}");
    }
}

#[test]
fn errors_of_the_library_come_down_to_few_problems() {
    for (error, problem) in [
        (CertificateError::UnknownIssuer, TlsProblem::UnknownAuthority),
        (CertificateError::BadSignature, TlsProblem::UnknownAuthority),
        (CertificateError::NotValidForName, TlsProblem::WrongName),
        (CertificateError::Expired, TlsProblem::Expired),
        (CertificateError::NotValidYet, TlsProblem::NotYetValid),
        (CertificateError::Revoked, TlsProblem::Other),
    ] {
        assert_eq!(TlsProblem::of(&rustls::Error::InvalidCertificate(error)), problem);
    }
    assert_eq!(TlsProblem::of(&rustls::Error::HandshakeNotComplete), TlsProblem::Other);
}
