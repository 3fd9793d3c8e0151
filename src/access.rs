//! Who may do what with the daemon over HTTP, and how a person or program is recognised.
//!
//! Nothing is read here: the daemon brings the secrets, which are kept as keyed digests only, and the HTTP surface
//! brings what was shown.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::Deserialize;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum May {
    /// Read the page, the metrics, the status and run books.
    Read,
    /// The same, and mark steps, have the configuration reloaded, sources asked and words taken in.
    Change,
}

/// By what a client certificate is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateMark {
    /// Its subject as RFC 4514 writes it: `CN=prometheus,O=Example`.
    Subject(String),
    /// One of its alternative names: a host name, a mail address or a URI.
    Name(String),
    /// SHA-256 of the certificate.
    Sha256([u8; 32]),
}

/// A client certificate that was shown and is signed by the authority of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its subject as RFC 4514 writes it.
    pub subject: String,
    /// Its alternative names.
    pub names: Vec<String>,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

impl CertificateMark {
    /// Whether both are for the same certificates.
    fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        }
    }
}

impl ClientCertificate {
    fn bears(&self, mark: &CertificateMark) -> bool {
        match mark {
            CertificateMark::Subject(subject) => *subject == self.subject,
            CertificateMark::Name(name) => self.names.iter().any(|known| known.eq_ignore_ascii_case(name)),
            CertificateMark::Sha256(digest) => *digest == self.sha256,
        }
    }
}

/// Somebody who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// As the configuration calls them.
    pub name: String,
    /// What they may do.
    pub may: May,
}

/// From where somebody is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// From everywhere.
    Anywhere,
    /// From the host the daemon runs on.
    ThisHost,
}

/// What a request shows of who sends it.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// A bearer token.
    Token(&'a [u8]),
    /// User name and password with a colon between them, as basic authentication sends them.
    UserAndPassword(&'a [u8]),
    /// A certificate.
    Certificate(&'a ClientCertificate),
}

/// Everybody who is known.
///
/// Secrets are kept as digests under a key that is drawn anew for each list, and compared in constant time: neither
/// the memory of the daemon nor how long it takes to refuse tells anything of them.
#[derive(Clone)]
pub struct AccessList {
    key: [u8; 32],
    entries: Vec<(Person, Reach, Proof)>,
}

#[derive(Clone)]
enum Proof {
    Token(blake3::Hash),
    UserAndPassword(blake3::Hash),
    Certificate(CertificateMark),
}

impl AccessList {
    /// A list of nobody; the key must be random.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, entries: Vec::new() }
    }

    /// Adds somebody who shows a token.
    pub fn add_token(&mut self, person: Person, reach: Reach, token: &[u8]) {
        let digest = self.digest(token);
        self.entries.push((person, reach, Proof::Token(digest)));
    }

    /// Adds somebody who shows a user name, which has no colon, and a password.
    pub fn add_user(&mut self, person: Person, user_and_password: &[u8]) {
        let digest = self.digest(user_and_password);
        self.entries.push((person, Reach::Anywhere, Proof::UserAndPassword(digest)));
    }

    /// Adds somebody who shows a certificate.
    pub fn add_certificate(&mut self, person: Person, mark: CertificateMark) {
        self.entries.push((person, Reach::Anywhere, Proof::Certificate(mark)));
    }

    /// Who is known by this mark of a certificate already.
    #[must_use]
    pub fn bearer_of(&self, mark: &CertificateMark) -> Option<&Person> {
        let same = |proof: &Proof| matches!(proof, Proof::Certificate(known) if known.is_as(mark));
        self.entries.iter().find(|(_, _, proof)| same(proof)).map(|(person, ..)| person)
    }

    /// Whether anybody shows who they are by a password: then browsers are told to ask for one.
    #[must_use]
    pub fn has_passwords(&self) -> bool {
        self.entries.iter().any(|(_, _, proof)| matches!(proof, Proof::UserAndPassword(_)))
    }

    /// Who shows this, asking from this host or from another one. A certificate may bear the marks of several entries;
    /// then the one that may do least counts, whatever their order.
    ///
    /// The whole list is gone through whatever is found, so that a refusal takes as long whoever is named.
    #[must_use]
    pub fn find(&self, shown: Shown<'_>, from_this_host: bool) -> Option<&Person> {
        let digest = match shown {
            Shown::Token(secret) | Shown::UserAndPassword(secret) => Some(self.digest(secret)),
            Shown::Certificate(_) => None,
        };
        let mut found: Option<&Person> = None;
        for (person, reach, proof) in &self.entries {
            // Comparing two digests takes the same time wherever they differ.
            let fits = match (proof, shown) {
                (Proof::Token(known), Shown::Token(_))
                | (Proof::UserAndPassword(known), Shown::UserAndPassword(_)) => digest == Some(*known),
                (Proof::Certificate(mark), Shown::Certificate(certificate)) => certificate.bears(mark),
                (Proof::Token(_) | Proof::UserAndPassword(_) | Proof::Certificate(_), _) => false,
            };
            let fits = fits && (from_this_host || *reach == Reach::Anywhere);
            if fits && found.is_none_or(|found| person.may < found.may) {
                found = Some(person);
            }
        }
        found
    }

    fn digest(&self, secret: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.key, secret)
    }
}

/// Shows who is known, and nothing of how they show it.
impl fmt::Debug for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|(person, ..)| person)).finish()
    }
}

/// A key nobody can guess.
///
/// # Panics
///
/// When the system gives no random numbers, without which nothing here would be safe.
#[must_use]
pub fn random_key() -> [u8; 32] {
    let mut key = [0; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut key).expect("the system gives random numbers");
    key
}

/// Why a request or a connection was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no place for more connections of the address.
    Connections,
    /// TLS was not agreed on in time, or not at all.
    Handshake,
    /// It did not say who it is.
    Missing,
    /// It may read and wanted to change something.
    Rights,
    /// It comes from another web site, or calls this host by a name it does not have.
    Site,
    /// Too many wrong ones came before it.
    Throttled,
    /// It says who it is and is not believed.
    Wrong,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Connections,
        Self::Handshake,
        Self::Missing,
        Self::Rights,
        Self::Site,
        Self::Throttled,
        Self::Wrong,
    ];

    /// Its label in metrics.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Handshake => "handshake",
            Self::Missing => "missing",
            Self::Rights => "rights",
            Self::Site => "site",
            Self::Throttled => "throttled",
            Self::Wrong => "wrong",
        }
    }
}

/// How often each refusal was given since the daemon started.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&self, refusal: Refusal) {
        if let Some(count) = self.of(refusal) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were.
    #[must_use]
    pub fn counted(&self, refusal: Refusal) -> u64 {
        self.of(refusal).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn of(&self, refusal: Refusal) -> Option<&AtomicU64> {
        Refusal::ALL.iter().zip(&self.0).find_map(|(known, count)| (*known == refusal).then_some(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, may: May) -> Person {
        Person { name: name.to_owned(), may }
    }

    fn list() -> AccessList {
        let mut list = AccessList::new([7; 32]);
        list.add_token(person("scraper", May::Read), Reach::Anywhere, b"a-token-of-32-characters-12345678");
        list.add_token(person("this host", May::Change), Reach::ThisHost, b"key-of-this-host");
        list.add_user(person("anna", May::Change), b"anna:correct horse battery");
        list.add_certificate(
            person("proxy", May::Read),
            CertificateMark::Subject("CN=proxy,O=Example".into()),
        );
        list.add_certificate(person("robot", May::Read), CertificateMark::Name("robot.example.com".into()));
        list.add_certificate(person("pinned", May::Read), CertificateMark::Sha256([9; 32]));
        list
    }

    #[test]
    fn everybody_is_known_by_their_own_proof_and_by_no_other() {
        let certificate = |subject: &str, name: &str, digest| ClientCertificate {
            subject: subject.to_owned(),
            names: vec!["other".to_owned(), name.to_owned()],
            sha256: [digest; 32],
        };
        let proxy = certificate("CN=proxy,O=Example", "", 0);
        let robot = certificate("CN=x", "Robot.Example.Com", 0);
        let pinned = certificate("CN=x", "", 9);
        let nobody = certificate("CN=proxy,O=Example,C=DE", "xrobot.example.com", 8);
        let token = b"a-token-of-32-characters-12345678";
        let rows: [(Shown<'_>, bool, Option<&str>); 16] = [
            (Shown::Token(token), false, Some("scraper")),
            (Shown::Token(&token[..32]), false, None),
            (Shown::Token(b""), true, None),
            (Shown::UserAndPassword(token), true, None),
            (Shown::Token(b"key-of-this-host"), true, Some("this host")),
            (Shown::Token(b"key-of-this-host"), false, None),
            (Shown::UserAndPassword(b"anna:correct horse battery"), false, Some("anna")),
            (Shown::UserAndPassword(b"Anna:correct horse battery"), false, None),
            (Shown::UserAndPassword(b"anna:"), false, None),
            (Shown::UserAndPassword(b":correct horse battery"), false, None),
            (Shown::Token(b"anna:correct horse battery"), false, None),
            (Shown::Certificate(&proxy), false, Some("proxy")),
            (Shown::Certificate(&robot), false, Some("robot")),
            (Shown::Certificate(&pinned), false, Some("pinned")),
            (Shown::Certificate(&nobody), true, None),
            (Shown::UserAndPassword(b"nobody:correct horse battery"), false, None),
        ];
        let list = list();
        for (row, (shown, here, expected)) in rows.into_iter().enumerate() {
            assert_eq!(list.find(shown, here).map(|person| person.name.as_str()), expected, "row {row}");
        }
        assert!(list.has_passwords() && !AccessList::new([0; 32]).has_passwords());
    }

    #[test]
    fn of_several_entries_for_a_certificate_the_least_right_counts() {
        let shown = ClientCertificate {
            subject: "CN=proxy,O=Example".into(),
            names: vec!["robot.example.com".into()],
            sha256: [1; 32],
        };
        let marks = [
            (CertificateMark::Subject("CN=proxy,O=Example".into()), May::Change),
            (CertificateMark::Name("robot.example.com".into()), May::Read),
            (CertificateMark::Sha256([1; 32]), May::Change),
        ];
        for turned in 0..marks.len() {
            let mut list = AccessList::new([7; 32]);
            for (mark, may) in marks.iter().cycle().skip(turned).take(marks.len()) {
                list.add_certificate(person("x", *may), mark.clone());
            }
            assert_eq!(
                list.find(Shown::Certificate(&shown), false).map(|person| person.may),
                Some(May::Read)
            );
        }
        let known = list();
        let bearer = |mark| known.bearer_of(&mark).map(|person| person.name.as_str());
        assert_eq!(bearer(CertificateMark::Name("ROBOT.example.com".into())), Some("robot"));
        assert_eq!(bearer(CertificateMark::Subject("cn=proxy,O=Example".into())), None);
        assert_eq!(bearer(CertificateMark::Sha256([9; 32])), Some("pinned"));
    }

    #[test]
    fn a_list_shows_nothing_of_its_secrets() {
        let shown = format!("{:?}", list());
        assert!(shown.contains("anna") && shown.contains("scraper"), "{shown}");
        assert!(
            !shown.contains("horse") && !shown.contains("token-of") && !shown.contains("Hash"),
            "{shown}"
        );
    }

    #[test]
    fn each_refusal_is_counted_for_itself() {
        let refusals = Refusals::default();
        refusals.count(Refusal::Wrong);
        refusals.count(Refusal::Wrong);
        refusals.count(Refusal::Site);
        for refusal in Refusal::ALL {
            let expected = match refusal {
                Refusal::Wrong => 2,
                Refusal::Site => 1,
                _ => 0,
            };
            assert_eq!(refusals.counted(refusal), expected, "{}", refusal.id());
        }
    }
}
