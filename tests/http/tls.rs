//! What is spoken, and what becomes of a certificate that is renewed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::Pair;
use crate::process::{command, eventually, set_mode};
use crate::stage::{CHANGER, Stage, TOKEN, bearer, has};

/// What `openssl s_client` sees when it asks whether the daemon is healthy.
fn openssl(stage: &Stage, arguments: &[&str]) -> String {
    let mut client = command("/usr/bin/openssl");
    client
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", stage.port), "-ign_eof", "-CAfile"])
        .arg(stage.path("ca.pem"))
        .args(["-verify_return_error", "-verify_ip", "127.0.0.1"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = client.spawn().unwrap();
    let request = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    // It has gone already when there was no handshake.
    drop(child.stdin.take().unwrap().write_all(request.as_bytes()));
    let output = child.wait_with_output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_of_tls_are_spoken_with_http_1_above_and_nothing_else() {
    let stage = Stage::set();
    let _daemon = stage.start().await;
    let rows: [(&[&str], bool, &str); 7] = [
        (&["-tls1_2"], true, "Protocol  : TLSv1.2"),
        (&["-tls1_3"], true, "TLSv1.3"),
        (&["-alpn", "h2,http/1.1"], true, "ALPN protocol: http/1.1"),
        (&["-alpn", "h2"], false, "no application protocol"),
        (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false, "alert"),
        (&["-tls1_2", "-cipher", "AES128-SHA"], false, "alert handshake failure"),
        (&["-verify_ip", "127.0.0.2"], false, "verif"),
    ];
    for (arguments, answered, words) in rows {
        let seen = openssl(&stage, arguments);
        assert_eq!(seen.contains("HTTP/1.1 200 OK"), answered, "{arguments:?}: {seen}");
        assert!(seen.contains(words), "{arguments:?}: {seen}");
    }
    let plain = reqwest::get(format!("http://127.0.0.1:{}/-/healthy", stage.port)).await.unwrap();
    assert_eq!(plain.status().as_u16(), 400);
    has(&plain.text().await.unwrap(), &["https://"]);
    let (_, headers, _) = stage.ask("GET /-/healthy", None).await;
    assert!(!headers.contains_key("strict-transport-security"), "it would bind every port of this host");

    let config = stage.read("agent.toml").replace("[http.tls]", "[http.tls]\nstrict_transport = true");
    fs::write(stage.path("agent.toml"), config).unwrap();
    assert_eq!(stage.ask("POST /-/reload", Some(&bearer(CHANGER))).await.0, 200);
    for (line, code) in [("GET /-/healthy", 200), ("GET /", 401)] {
        let (seen, headers, _) = stage.ask(line, None).await;
        assert_eq!(
            (seen, &headers["strict-transport-security"]),
            (code, &"max-age=31536000".parse().unwrap())
        );
    }
}

/// A connection that is kept open.
struct Connection(TlsStream<TcpStream>);

impl Connection {
    async fn open(stage: &Stage) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(stage.authority.pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Self(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }

    fn shows(&self, pair: &Pair) -> bool {
        let shown = self.0.get_ref().1.peer_certificates().unwrap()[0].clone();
        shown == CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
    }

    async fn answers(&mut self) -> bool {
        let request = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n";
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"healthy\n") {
            if self.0.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        seen.starts_with(b"HTTP/1.1 200")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not() {
    let stage = Stage::set();
    let daemon = stage.start().await;
    let second = stage.authority.server(2078);
    let mut early = Connection::open(&stage).await;
    stage.show(&second);
    eventually("the renewed certificate is shown without being asked for", async || {
        assert!(early.answers().await, "the connection that was open is still served");
        Connection::open(&stage).await.shows(&second)
    })
    .await;
    assert!(!early.shows(&second));

    fs::write(stage.path("cert.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    eventually("the broken one is told of", async || {
        let notices = stage.notices().await;
        notices.iter().any(|notice| notice.contains("certificate-not-renewed") && notice.contains("cert.pem"))
    })
    .await;
    let mut late = Connection::open(&stage).await;
    assert!(late.shows(&second) && late.answers().await);
    has(&stage.run(Stage::agent(), &["status"]).1, &["old certificate"]);
    // Commands know the certificate that is shown, whatever the file holds.
    has(&stage.run(Stage::agent(), &["refresh", "--source", "host"]).1, &["asked again"]);

    // What is asked for is taken in at once; a broken certificate keeps nothing else from it.
    let reload = async || stage.ask("POST /-/reload", Some(&bearer(CHANGER))).await.0;
    let third = stage.authority.server(2079);
    fs::write(stage.path("cert.pem"), &third.certificate).unwrap();
    fs::write(stage.path("token"), format!("{TOKEN}-renewed")).unwrap();
    assert_eq!(reload().await, 200);
    let renewed = bearer(&format!("{TOKEN}-renewed"));
    assert_eq!(stage.ask("GET /api/v1/status", Some(&bearer(TOKEN))).await.0, 401);
    eventually("the key does not fit", async || {
        let (_, _, text) = stage.ask("GET /api/v1/status", Some(&renewed)).await;
        text.contains("not that of the certificate")
    })
    .await;
    assert!(Connection::open(&stage).await.shows(&second));

    fs::write(stage.path("key.pem"), &third.key).unwrap();
    set_mode(&stage.path("key.pem"), 0o644);
    daemon.signal(Signal::HUP);
    eventually("it is shown after a hangup", async || Connection::open(&stage).await.shows(&third)).await;
    eventually("all is told", async || {
        let (_, _, status) = stage.ask("GET /api/v1/status", Some(&renewed)).await;
        let (_, _, metrics) = stage.ask("GET /metrics", Some(&renewed)).await;
        !status.contains("certificate-not-renewed")
            && status.contains("private-key-open")
            // 2079-01-01.
            && metrics.contains("upgrade_readiness_http_certificate_begin_timestamp_seconds 157766400\n")
            && metrics.contains("upgrade_readiness_http_certificate_expiry_timestamp_seconds 3439756800")
    })
    .await;

    // One that does not hold at this time replaces none that does, neither by itself nor when it is asked for.
    for (unfit, words) in [
        (stage.authority.server(2020), "until 2020-01-01"),
        (stage.authority.server_called(&["localhost"], 2070..2079), "from 2070-01-01"),
    ] {
        stage.show(&unfit);
        for hangup in [false, true] {
            if hangup {
                daemon.signal(Signal::HUP);
            }
            eventually("it is told that it does not hold", async || {
                let (_, _, status) = stage.ask("GET /api/v1/status", Some(&renewed)).await;
                status.contains("certificate-not-renewed") && status.contains(words)
            })
            .await;
            assert!(Connection::open(&stage).await.shows(&third));
        }
    }
    stage.show(&second);
    eventually("one that holds is taken in again", async || Connection::open(&stage).await.shows(&second))
        .await;
    has(&stage.read("stderr"), &["certificate was renewed", "old one is still shown", "chmod o= "]);
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_the_readme_works_and_one_that_ends_is_told_of() {
    let stage = Stage::set();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let told = readme.split("openssl req ").nth(1).expect("the README has the command");
    // The group is there where the package is.
    let told = told.split("\nchgrp ").next().unwrap().replace("\\\n", " ");
    let told = told.replace("/etc/upgrade-readiness-agent", stage.dir.path().to_str().unwrap());
    let made = command("/bin/sh").arg("-c").arg(format!("openssl req {told}")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let tls = "[http.tls]\ncert_file = \"DIR/tls.pem\"\nkey_file = \"DIR/tls.key\"\n[[http.access]]\nname = \"scraper\"\n\
               may = \"read\"\ntoken_file = \"DIR/token\"\n";
    stage.configure_with("0.0.0.0", tls, "");
    let start = || {
        let mut run = Stage::agent();
        run.args(["run", "--config"]).arg(stage.path("agent.toml"));
        crate::process::Running::start(&mut run, &stage.path("stdout"), &stage.path("stderr"))
    };
    let daemon = start();
    let own = reqwest::Certificate::from_pem(&fs::read(stage.path("tls.pem")).unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([own]).no_proxy().build().unwrap();
    eventually("it is trusted", async || {
        stage.try_ask(&client, "GET /-/healthy", None).await.is_ok_and(|seen| seen.0 == 200)
    })
    .await;
    let (code, _, text) = stage.try_ask(&client, "GET /metrics", Some(&bearer(TOKEN))).await.unwrap();
    assert!(matches!(code, 200 | 503), "{text}");

    // A certificate that has ended is better than none at the start, and said to have ended.
    drop(daemon);
    let past = stage.authority.server(2020);
    fs::write(stage.path("tls.pem"), &past.certificate).unwrap();
    fs::write(stage.path("tls.key"), &past.key).unwrap();
    let _daemon = start();
    eventually("its end is told", async || {
        stage.run(Stage::agent(), &["status"]).1.contains("own certificate has ended")
    })
    .await;
    has(&stage.run(Stage::agent(), &["refresh", "--source", "host"]).1, &["asked again"]);
}
