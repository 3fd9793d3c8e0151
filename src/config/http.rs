//! Where the agent listens, how the connection is secured, and who may ask what.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use schemars::JsonSchema;
use serde::Deserialize;
use x509_cert::name::Name;

use super::SecretSource;
use super::validate::Validation;
use crate::access::{CertificateMark, May};

const USUAL_LISTEN: &str = "127.0.0.1:9977";

/// Longer names make log lines nobody reads.
const LONGEST_NAME: usize = 64;

/// Where the agent listens, how that is secured, and who may ask.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawHttp {
    /// Address and port; default 127.0.0.1:9977.
    listen: Option<String>,
    /// Allow an address beyond loopback without TLS or without access entries: whoever reaches it can read
    /// everything, or whatever is sent there can be read on the way.
    allow_remote: bool,
    /// Names by which this host is called, beside localhost, its addresses and the names in its certificate.
    hosts: Vec<String>,
    /// The certificate; without it the agent speaks plain HTTP.
    tls: Option<RawTls>,
    /// Who may ask; without an entry everybody on this host may.
    access: Vec<RawEntry>,
}

/// The certificate the agent shows. It is read again when its files change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawTls {
    /// The certificate and those between it and its authority, in PEM form.
    cert_file: String,
    /// Its private key, in PEM form and not encrypted.
    key_file: String,
    /// Authorities whose client certificates are accepted (PEM).
    client_ca_file: Option<String>,
    /// Tell browsers to use nothing but https for this host name, on every port of it; default false.
    #[serde(default)]
    strict_transport: bool,
}

/// Somebody who may ask: by a token, by user name and password, or by a client certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    /// What they are called in the log.
    name: String,
    /// read, or change: also mark steps, reload, refresh and have words taken in.
    may: May,
    /// File with a bearer token.
    token_file: Option<String>,
    /// Environment variable with a bearer token.
    token_env: Option<String>,
    /// systemd credential with a bearer token.
    token_credential: Option<String>,
    /// User name.
    username: Option<String>,
    /// File with the password.
    password_file: Option<String>,
    /// Environment variable with the password.
    password_env: Option<String>,
    /// systemd credential with the password.
    password_credential: Option<String>,
    /// Subject of a client certificate, as `openssl x509 -noout -subject -nameopt RFC2253` writes it.
    certificate_subject: Option<String>,
    /// One of the alternative names of a client certificate.
    certificate_san: Option<String>,
    /// SHA-256 of a client certificate, as `openssl x509 -noout -fingerprint -sha256` writes it.
    certificate_sha256: Option<String>,
}

/// How the agent serves what it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Serving {
    /// Names by which this host is called.
    pub hosts: Vec<String>,
    /// Where its certificate is; `None` is plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who may ask; when there is nobody, everybody on this host may.
    pub access: Vec<AccessEntry>,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those above it.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Authorities of client certificates.
    pub client_ca_file: Option<PathBuf>,
    /// Whether browsers are told to use nothing but https for this host name.
    pub strict_transport: bool,
}

/// Somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub may: May,
    /// How they show who they are.
    pub proof: ProofSource,
}

/// How somebody shows who they are, and where the secret for it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofSource {
    /// By a bearer token.
    Token(SecretSource),
    /// By user name and password.
    Basic {
        /// The user name; it has no colon.
        username: String,
        /// The password.
        password: SecretSource,
    },
    /// By a client certificate.
    Certificate(CertificateMark),
}

impl Validation {
    pub(super) fn serving(&mut self, raw: RawHttp) -> (SocketAddr, Serving) {
        let RawHttp { listen, allow_remote, hosts, tls, access } = raw;
        for (index, host) in hosts.iter().enumerate() {
            let fits = !host.is_empty()
                && host.len() <= 253
                && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            if !fits {
                self.problem(
                    &format!("http.hosts[{index}]"),
                    format!(
                        "must be a host name such as \"readiness.example.com\", without port, and is {host:?}"
                    ),
                );
            }
        }
        let tls = tls.map(|raw| TlsFiles {
            cert_file: self.path("http.tls.cert_file", &raw.cert_file),
            key_file: self.path("http.tls.key_file", &raw.key_file),
            client_ca_file: raw.client_ca_file.map(|path| self.path("http.tls.client_ca_file", &path)),
            strict_transport: raw.strict_transport,
        });
        let takes_certificates = tls.as_ref().is_some_and(|tls| tls.client_ca_file.is_some());
        let mut entries: Vec<AccessEntry> = Vec::new();
        let wanted = access.len();
        for (index, raw) in access.into_iter().enumerate() {
            let key = format!("http.access[{index}]");
            let entry = self.entry(&key, raw, takes_certificates);
            if let Some(entry) = entry {
                if entries.iter().any(|known| known.name == entry.name) {
                    self.problem(&format!("{key}.name"), format!("{:?} is used twice", entry.name));
                }
                entries.push(entry);
            }
        }
        let secured = (tls.is_some(), wanted > 0);
        let listen = self.listen(listen.as_deref().unwrap_or(USUAL_LISTEN), allow_remote, secured);
        (listen, Serving { hosts, tls, access: entries })
    }

    /// The address; one beyond loopback is refused unless it is secured, or the operator says in so many words
    /// that it need not be.
    fn listen(&mut self, text: &str, allow_remote: bool, secured: (bool, bool)) -> SocketAddr {
        let Ok(address) = text.parse::<SocketAddr>() else {
            self.problem(
                "http.listen",
                format!("must be an address with a port such as {USUAL_LISTEN}, and is {text:?}"),
            );
            return SocketAddr::from(([127, 0, 0, 1], 9977));
        };
        let (lacks, gives_up) = match secured {
            (true, true) => return address,
            (false, false) => (
                "[http.tls] and [[http.access]]",
                "everybody who reaches it reads everything, and what is sent can be read and altered on the way",
            ),
            (true, false) => ("[[http.access]]", "everybody who reaches it reads everything"),
            (false, true) => {
                ("[http.tls]", "tokens, passwords and what is read can be read and altered on the way")
            }
        };
        if !address.ip().to_canonical().is_loopback() && !allow_remote {
            self.problem(
                "http.listen",
                format!(
                    "{address} can be reached from other hosts, and {lacks} is missing; add it, listen on 127.0.0.1 behind a proxy that asks who it is, or set http.allow_remote = true if this is meant: {gives_up}"
                ),
            );
        }
        address
    }

    fn entry(&mut self, key: &str, raw: RawEntry, takes_certificates: bool) -> Option<AccessEntry> {
        if raw.name.trim().is_empty()
            || raw.name.len() > LONGEST_NAME
            || raw.name.chars().any(char::is_control)
        {
            self.problem(
                &format!("{key}.name"),
                format!("must be a name of 1 to {LONGEST_NAME} characters, and is {:?}", raw.name),
            );
        }
        let token = self.secret(
            key,
            [
                ("token_file", raw.token_file),
                ("token_env", raw.token_env),
                ("token_credential", raw.token_credential),
            ],
        );
        let password = self.secret(
            key,
            [
                ("password_file", raw.password_file),
                ("password_env", raw.password_env),
                ("password_credential", raw.password_credential),
            ],
        );
        let marks = [
            ("certificate_subject", raw.certificate_subject),
            ("certificate_san", raw.certificate_san),
            ("certificate_sha256", raw.certificate_sha256),
        ];
        let mut marks = marks.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let mark = marks.next();
        if let (Some((first, _)), Some((second, _))) = (&mark, marks.next()) {
            self.problem(&format!("{key}.{second}"), format!("stands beside {first}; give one of them"));
        }
        let proof = match (token, raw.username, password, mark) {
            (Some(token), None, None, None) => ProofSource::Token(token),
            (None, Some(username), Some(password), None) => {
                self.username(&format!("{key}.username"), &username);
                ProofSource::Basic { username, password }
            }
            (None, None, None, Some((name, text))) => {
                let key = format!("{key}.{name}");
                if !takes_certificates {
                    self.problem(&key, "needs http.tls.client_ca_file: the authority that signed it");
                }
                ProofSource::Certificate(self.mark(&key, name, text)?)
            }
            (None, Some(_), None, None) => {
                self.problem(
                    &format!("{key}.username"),
                    "needs a password: password_file, password_env or password_credential",
                );
                return None;
            }
            (None, None, Some(_), None) => {
                self.problem(key, "has a password but no username");
                return None;
            }
            (None, None, None, None) => {
                self.problem(
                    key,
                    "must say how it shows who it is: token_file, token_env or token_credential; username with password_file, password_env or password_credential; or certificate_subject, certificate_san or certificate_sha256",
                );
                return None;
            }
            _ => {
                self.problem(
                    key,
                    "has several of a token, a user name or password, and a certificate; give one of them",
                );
                return None;
            }
        };
        Some(AccessEntry { name: raw.name, may: raw.may, proof })
    }

    fn username(&mut self, key: &str, username: &str) {
        if username.is_empty() || username.contains(':') || username.chars().any(char::is_control) {
            self.problem(
                key,
                format!(
                    "must not be empty and have no colon, which ends it when it is sent, and is {username:?}"
                ),
            );
        }
    }

    fn mark(&mut self, key: &str, name: &str, text: String) -> Option<CertificateMark> {
        if name == "certificate_san" {
            if text.trim().is_empty() {
                self.problem(key, "must be a name such as \"robot.example.com\"");
            }
            return Some(CertificateMark::Name(text));
        }
        if name == "certificate_sha256" {
            let digits: String = text.chars().filter(|c| *c != ':').collect();
            let digest = parse_digest(&digits);
            if digest.is_none() {
                self.problem(
                    key,
                    "must be 64 hexadecimal digits, with or without colons, as `openssl x509 -noout -fingerprint -sha256 -in FILE` writes them",
                );
            }
            return digest.map(CertificateMark::Sha256);
        }
        match Name::from_str(&without_blanks(&text)) {
            Ok(name) if !name.is_empty() => Some(CertificateMark::Subject(name.to_string())),
            Ok(_) | Err(_) => {
                self.problem(
                    key,
                    format!(
                        "must be a subject such as \"CN=prometheus,O=Example\", as `openssl x509 -noout -subject -nameopt RFC2253 -in FILE` writes it, and is {text:?}"
                    ),
                );
                None
            }
        }
    }
}

/// A subject without the blanks people write behind its commas; one behind a backslash stays.
fn without_blanks(subject: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in subject.split(',') {
        match parts.last_mut() {
            Some(before) if before.ends_with('\\') => {
                before.push(',');
                before.push_str(part);
            }
            _ => parts.push(part.trim_start().to_owned()),
        }
    }
    parts.join(",")
}

fn parse_digest(digits: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    const INSTANCE: &str =
        "[[instance]]\nname = 'wiki'\nproduct = 'confluence'\ninstallation_dir = '/opt/c'\n";
    const TLS: &str = "[http.tls]\ncert_file = '/c'\nkey_file = '/k'\n";
    const CLIENTS: &str = "client_ca_file = '/ca'\n";
    const TOKEN: &str = "[[http.access]]\nname = 'a'\nmay = 'read'\ntoken_file = '/t'\n";

    fn serving(http: &str) -> Result<Serving, String> {
        let parsed = parse_config(&format!("{http}\n{INSTANCE}"));
        parsed
            .map(|config| config.serving)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn beyond_loopback_both_tls_and_access_are_needed_or_a_word() {
        let rows: [(&str, &str, Option<&str>); 12] = [
            ("127.0.0.1:1", "", None),
            ("[::1]:1", "", None),
            ("[::ffff:127.0.0.1]:1", "", None),
            ("0.0.0.0:1", "", Some("[http.tls] and [[http.access]] is missing")),
            ("[::]:1", "", Some("[http.tls] and [[http.access]] is missing")),
            ("192.0.2.1:1", TLS, Some("[[http.access]] is missing")),
            ("192.0.2.1:1", TOKEN, Some("[http.tls] is missing")),
            ("0.0.0.0:1\"\nallow_remote = true\n#\"", "", None),
            ("192.0.2.1:1\"\nallow_remote = true\n#\"", TLS, None),
            ("127.0.0.1:1", TOKEN, None),
            ("localhost:1", "", Some("must be an address with a port")),
            ("192.0.2.1", TLS, Some("must be an address with a port")),
        ];
        for (listen, more, refused) in rows {
            let seen = serving(&format!("[http]\nlisten = \"{listen}\"\n{more}"));
            match refused {
                None => assert!(seen.is_ok(), "{listen} {more}: {seen:?}"),
                Some(words) => assert!(seen.clone().unwrap_err().contains(words), "{listen}: {seen:?}"),
            }
        }
        assert!(serving(&format!("[http]\nlisten = '192.0.2.1:1'\n{TLS}{TOKEN}")).is_ok());
        let told = serving("[http]\nlisten = '0.0.0.0:1'").unwrap_err();
        assert!(told.contains("allow_remote = true") && told.contains("reads everything"), "{told}");
    }

    #[test]
    fn each_way_to_show_who_one_is_can_be_set_up() {
        let entry = |proof: &str| {
            let text = format!("{TLS}{CLIENTS}[[http.access]]\nname = 'a'\nmay = 'change'\n{proof}\n");
            serving(&text).map(|serving| serving.access[0].clone())
        };
        let digest = "AB:".repeat(31) + "ab";
        let rows = [
            ("token_env = 'T'".to_owned(), "Token(SecretSource(the environment variable T))"),
            ("username = 'u'\npassword_file = '/p'".to_owned(), "Basic { username: \"u\""),
            ("certificate_subject = 'CN=x, O=Y Z'".to_owned(), "Subject(\"CN=x,O=Y Z\")"),
            ("certificate_san = 'x.example.com'".to_owned(), "Name(\"x.example.com\")"),
            (format!("certificate_sha256 = '{digest}'"), "Sha256([171, 171"),
        ];
        for (proof, shown) in rows {
            let entry = entry(&proof).unwrap();
            assert_eq!((entry.name.as_str(), entry.may), ("a", May::Change));
            assert!(format!("{:?}", entry.proof).contains(shown), "{entry:?}");
        }
    }

    #[test]
    fn every_mistake_is_told() {
        let head = "[[http.access]]\nname = 'a'\nmay = 'read'\n";
        let rows = [
            ("[[http.access]]\nname = 'a'\ntoken_file = '/t'".to_owned(), "may is missing"),
            ("[[http.access]]\nname = 'a'\nmay = 'all'\ntoken_file = '/t'".to_owned(), "one of read, change"),
            ("[[http.access]]\nname = ''\nmay = 'read'\ntoken_file = '/t'".to_owned(), "must be a name of 1"),
            (head.to_owned(), "must say how it shows who it is"),
            (format!("{head}token_file = 't'"), "must be the path from the root"),
            (format!("{head}token_file = '/t'\ntoken_env = 'T'"), "stands beside token_file"),
            (format!("{head}token_file = '/t'\nusername = 'u'\npassword_env = 'P'"), "has several of"),
            (format!("{head}username = 'u'"), "needs a password"),
            (format!("{head}password_env = 'P'"), "has a password but no username"),
            (format!("{head}username = 'u:v'\npassword_env = 'P'"), "have no colon"),
            (format!("{head}certificate_san = 'x'"), "needs http.tls.client_ca_file"),
            (format!("{TLS}{CLIENTS}{head}certificate_sha256 = 'abc'"), "64 hexadecimal digits"),
            (
                format!("{TLS}{CLIENTS}{head}certificate_sha256 = '{}'", "ä".repeat(32)),
                "64 hexadecimal digits",
            ),
            (format!("{TLS}{CLIENTS}{head}certificate_subject = 'prometheus'"), "must be a subject such as"),
            (format!("{TLS}{CLIENTS}{head}certificate_subject = ''"), "must be a subject such as"),
            (
                format!("{TLS}{CLIENTS}{head}certificate_subject = 'CN=x'\ncertificate_san = 'x'"),
                "stands beside certificate_subject",
            ),
            (format!("{TOKEN}{TOKEN}"), "is used twice"),
            ("[http.tls]\ncert_file = '/c'".to_owned(), "key_file is missing"),
            ("[http.tls]\ncert_file = 'c'\nkey_file = '/k'".to_owned(), "must be a path from the root"),
            ("[http]\nhosts = ['https://x']".to_owned(), "must be a host name"),
            ("[http]\nhosts = ['']".to_owned(), "must be a host name"),
        ];
        for (text, part) in rows {
            let told = serving(&text).unwrap_err();
            assert!(told.contains(part), "{text}: {told}");
        }
    }
}
