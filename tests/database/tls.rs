//! Encryption, with certificates made for the test.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use upgrade_readiness_checks::facts::{Engine, Failure, FailureKind};

use crate::directory::{PASSWORD, Way, read};
use crate::support::mariadb::Mariadb;
use crate::support::postgres::Postgres;

/// An authority, and a certificate of it for `localhost` with its key.
struct Certificates {
    dir: TempDir,
}

impl Certificates {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (ca, ca_key) = (path("ca.pem"), path("ca.key"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Test authority",
            "-keyout",
            &ca_key,
            "-out",
            &ca,
        ]);
        let (request, key, extensions) = (path("server.csr"), path("server.key"), path("extensions"));
        openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            &key,
            "-out",
            &request,
        ]);
        std::fs::write(&extensions, "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &extensions,
            "-out",
            &path("server.pem"),
        ]);
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts certificate and key where the server may read them, and nobody else.
    fn give_to(&self, dir: &Path) {
        let owner = std::fs::metadata(dir).unwrap();
        for name in ["server.pem", "server.key"] {
            let target = dir.join(name);
            std::fs::copy(self.path(name), &target).unwrap();
            std::fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
            chown(&target, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests make certificates")]
fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is needed for this test");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn assert_untrusted(failure: &Failure) {
    assert_eq!(failure.kind, FailureKind::Denied, "{failure:?}");
    assert!(failure.message.contains("database.ca_file"), "{failure:?}");
    assert!(failure.message.to_lowercase().contains("certificate"), "{failure:?}");
}

#[tokio::test]
async fn postgres_with_a_certificate() {
    let certificates = Certificates::make();
    let settings = ["ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key"];
    let hba = "host all admin 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    let server = Postgres::start_with(hba, &settings, |data| certificates.give_to(data));
    server.run("postgres", &format!("CREATE ROLE conf LOGIN PASSWORD '{PASSWORD}'"));
    server.run("postgres", "CREATE DATABASE wiki OWNER conf");
    let way = |parameters, ca: Option<&str>| Way {
        host: "localhost",
        parameters,
        ca_file: ca.map(|name| certificates.path(name)),
        ..Way::to(Engine::Postgresql, server.port, "wiki", "conf")
    };

    for mode in [&[("sslmode", "verify-full")][..], &[("sslmode", "verify-ca")], &[("ssl", "true")]] {
        assert_untrusted(&way(mode, None).look().await.unwrap_err());
        let facts = way(mode, Some("ca.pem")).look().await.unwrap();
        assert_eq!(read(&facts.connected_as), "conf");
        // Another authority.
        assert_untrusted(&way(mode, Some("server.pem")).look().await.unwrap_err());
    }
    // A file with certificates counts where only encryption is asked for.
    assert_untrusted(&way(&[("sslmode", "require")], Some("server.pem")).look().await.unwrap_err());
    // The authority is right, the name is not.
    let by_number = |parameters| Way { host: "127.0.0.1", ..way(parameters, Some("ca.pem")) };
    assert_untrusted(&by_number(&[("sslmode", "verify-full")]).look().await.unwrap_err());
    assert!(by_number(&[("sslmode", "verify-ca")]).look().await.is_ok());
    // Unverified, as drivers do it.
    for mode in [&[("sslmode", "require")][..], &[("sslmode", "prefer")], &[]] {
        assert!(way(mode, None).look().await.is_ok(), "{mode:?}");
    }
    let failure = way(&[("sslmode", "disable")], None).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(
        failure.message.contains("no encryption") && failure.message.contains("sslmode=require"),
        "{failure:?}"
    );

    // The file itself.
    let verify = &[("sslmode", "verify-full")];
    let failure = way(verify, Some("nowhere.pem")).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Absent, "{failure:?}");
    assert!(
        failure.message.contains("nowhere.pem") && failure.message.contains("database.ca_file"),
        "{failure:?}"
    );
    let failure = way(verify, Some("extensions")).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Malformed, "{failure:?}");
    assert!(failure.message.contains("holds no PEM certificate"), "{failure:?}");
    std::fs::write(
        certificates.path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let failure = way(verify, Some("broken.pem")).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied, "{failure:?}");
    let failure = way(&[("sslmode", "perhaps")], None).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Malformed);
    assert!(failure.message.contains("sslmode=perhaps"), "{failure:?}");
}

#[tokio::test]
async fn postgres_without_encryption() {
    let server = Postgres::start();
    server.run("postgres", &format!("CREATE ROLE conf LOGIN PASSWORD '{PASSWORD}'"));
    let way = |parameters| Way { parameters, ..Way::to(Engine::Postgresql, server.port, "postgres", "conf") };
    assert!(way(&[("sslmode", "prefer")]).look().await.is_ok());
    let failure = way(&[("sslmode", "require")]).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    assert!(failure.message.contains("does not support TLS"), "{failure:?}");
}

#[tokio::test]
async fn mariadb_with_a_certificate() {
    let certificates = Certificates::make();
    // MariaDB takes a key that all may read.
    std::fs::set_permissions(certificates.path("server.key"), PermissionsExt::from_mode(0o644)).unwrap();
    let option = |name: &str, file: &str| format!("--{name}={}", certificates.path(file).display());
    let options =
        [option("ssl-cert", "server.pem"), option("ssl-key", "server.key"), option("ssl-ca", "ca.pem")];
    let server = Mariadb::start(&options.iter().map(String::as_str).collect::<Vec<_>>());
    server.run(&format!("CREATE DATABASE wiki; CREATE USER conf IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"));
    server.run("GRANT ALL ON wiki.* TO conf");
    let way = |parameters, ca: Option<&str>| Way {
        host: "localhost",
        parameters,
        ca_file: ca.map(|name| certificates.path(name)),
        ..Way::to(Engine::Mysql, server.port, "wiki", "conf")
    };
    let verify = &[("sslmode", "VERIFY_IDENTITY")];
    assert_untrusted(&way(verify, None).look().await.unwrap_err());
    let facts = way(verify, Some("ca.pem")).look().await.unwrap();
    assert_eq!(facts.engine, Engine::Mariadb);
    assert!(read(&facts.privileges).on_schema.contains("ALTER"));
    for mode in [&[("usessl", "true")][..], &[("sslmode", "REQUIRED")], &[]] {
        assert!(way(mode, None).look().await.is_ok(), "{mode:?}");
    }
    let failure = way(&[("usessl", "false")], None).look().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied, "{failure:?}");
}
