//! Reading what the entrance is made of: certificate, key, and the secrets of those who may ask.

use std::fs::{Metadata, metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::access::{AccessList, Person, Reach, Shown, random_key};
use crate::collect::text_file::{ReadTextError, read_text};
use crate::config::{AccessEntry, ProofSource, SecretError, TlsFiles};
use crate::surface::http::{Tls, TlsError, secure};

/// Nobody guesses a token of this many characters, as `openssl rand -hex 16` prints.
pub(super) const LEAST_TOKEN: usize = 32;
/// Who guesses passwords is slowed down, so these may be shorter.
pub(super) const LEAST_PASSWORD: usize = 12;
/// Fewer different characters are no secret, however many there are.
const LEAST_DIFFERENT: usize = 6;

/// What the entrance is made of cannot be had, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntranceError {
    /// A file of `[http.tls]` could not be read.
    #[error("reading {key}")]
    Read {
        key: &'static str,
        #[source]
        cause: ReadTextError,
    },
    /// Certificate and key cannot be used.
    #[error("using {} with {}", files.cert_file.display(), files.key_file.display())]
    Tls {
        files: Box<TlsFiles>,
        #[source]
        cause: TlsError,
    },
    /// The secret of somebody could not be read.
    #[error("the entry {name:?} of [[http.access]]")]
    Secret {
        name: String,
        #[source]
        cause: SecretError,
    },
    /// The secret of somebody could be guessed, or cannot be sent.
    #[error("the entry {name:?} of [[http.access]]: {place} holds {wrong}")]
    Weak { name: String, place: String, wrong: String },
    /// Two show the same.
    #[error("the entries {one:?} and {other:?} of [[http.access]] have the same secret")]
    Twice { one: String, other: String },
    /// Two are for the same certificate.
    #[error("the entries {one:?} and {other:?} of [[http.access]] are for the same certificate")]
    TwiceCertified { one: String, other: String },
    /// The certificate does not hold at this time.
    #[error("the certificate {} holds from {from} until {until}, and by the clock of this host not now", path.display())]
    OutOfTime { path: PathBuf, from: Timestamp, until: Timestamp, is_early: bool },
}

impl EntranceError {
    /// Whether somebody with more rights, or in the environment of the service, could tell more.
    pub(crate) fn is_no_mistake(&self) -> bool {
        match self {
            Self::Read { cause, .. } => !cause.is_no_file(),
            Self::Secret { cause, .. } => match cause {
                // Where systemd puts its credentials, only the service can look.
                SecretError::ReadFile(_) | SecretError::NotSet(_) => true,
                SecretError::Empty(_) => false,
            },
            Self::Tls { .. }
            | Self::Weak { .. }
            | Self::Twice { .. }
            | Self::TwiceCertified { .. }
            | Self::OutOfTime { .. } => false,
        }
    }

    /// What a person can do about it.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Read { cause, .. } if cause.is_no_file() => {
                "Check [http.tls] in the configuration; `agent config show` tells what is meant.".to_owned()
            }
            Self::Read { cause, .. } => cause.remedy(),
            Self::Tls { files, .. } => format!(
                "See what they are: `openssl x509 -noout -subject -pubkey -in {}` and `openssl pkey -pubout -in {}` are \
                 to show the same public key.",
                files.cert_file.display(),
                files.key_file.display()
            ),
            Self::Secret { .. } => "Let the agent's user read it, or take the entry out.".to_owned(),
            Self::TwiceCertified { .. } => "Take one of them out of the configuration.".to_owned(),
            Self::OutOfTime { path, is_early: true, .. } => format!(
                "It is taken in by itself when its time has come; if the clock is wrong (`timedatectl`), set it. See also \
                 `openssl x509 -noout -dates -in {}`.",
                path.display()
            ),
            Self::OutOfTime { path, .. } => {
                format!("Put one that holds into {}; it is taken in by itself.", path.display())
            }
            Self::Weak { .. } | Self::Twice { .. } => {
                "Make a new one, `openssl rand -hex 32` prints one, and give it to whoever used the old one."
                    .to_owned()
            }
        }
    }
}

/// Reads certificate and key.
pub(super) fn read_tls(files: &TlsFiles) -> Result<Tls, EntranceError> {
    let read = |key, path: &Path| read_text(path).map_err(|cause| EntranceError::Read { key, cause });
    let certificates = read("http.tls.cert_file", &files.cert_file)?;
    let key = SecretString::from(read("http.tls.key_file", &files.key_file)?);
    let clients =
        files.client_ca_file.as_deref().map(|path| read("http.tls.client_ca_file", path)).transpose()?;
    secure(&certificates, &key, clients.as_deref(), files.strict_transport)
        .map_err(|cause| EntranceError::Tls { files: Box::new(files.clone()), cause })
}

/// Reads certificate and key that are to take the place of those that are shown; one that does not hold now may not
/// replace one that does.
pub(super) fn read_renewed(files: &TlsFiles, shown: &Tls, now: Timestamp) -> Result<Tls, EntranceError> {
    let tls = read_tls(files)?;
    let holds = |tls: &Tls| tls.begins_at <= now && now < tls.ends_at;
    if holds(shown) && !holds(&tls) {
        let (path, from, until) = (files.cert_file.clone(), tls.begins_at, tls.ends_at);
        return Err(EntranceError::OutOfTime { path, from, until, is_early: now < from });
    }
    Ok(tls)
}

/// Whether everybody on this host may read the private key.
pub(super) fn is_open_to_all(files: &TlsFiles) -> bool {
    metadata(&files.key_file).is_ok_and(|found| found.mode() & 0o004 != 0)
}

/// Reads the secrets of everybody who may ask.
pub(super) fn read_access(entries: &[AccessEntry]) -> Result<AccessList, EntranceError> {
    let mut list = AccessList::new(random_key());
    for entry in entries {
        let person = Person { name: entry.name.clone(), may: entry.may };
        let failed = |cause| EntranceError::Secret { name: entry.name.clone(), cause };
        match &entry.proof {
            ProofSource::Token(place) => {
                let token = place.read().map_err(failed)?;
                let token = token.expose_secret();
                let sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
                check(entry, &place.to_string(), token, LEAST_TOKEN, sendable)?;
                check_single(&list, entry, Shown::Token(token.as_bytes()))?;
                list.add_token(person, Reach::Anywhere, token.as_bytes());
            }
            ProofSource::Basic { username, password: place } => {
                let password = place.read().map_err(failed)?;
                let password = password.expose_secret();
                let sendable = !password.chars().any(char::is_control);
                check(entry, &place.to_string(), password, LEAST_PASSWORD, sendable)?;
                let both = SecretString::from(format!("{username}:{password}"));
                let both = both.expose_secret().as_bytes();
                check_single(&list, entry, Shown::UserAndPassword(both))?;
                list.add_user(person, both);
            }
            ProofSource::Certificate(mark) => {
                if let Some(one) = list.bearer_of(mark) {
                    let (one, other) = (one.name.clone(), entry.name.clone());
                    return Err(EntranceError::TwiceCertified { one, other });
                }
                list.add_certificate(person, mark.clone());
            }
        }
    }
    Ok(list)
}

fn check(
    entry: &AccessEntry,
    place: &str,
    secret: &str,
    least: usize,
    sendable: bool,
) -> Result<(), EntranceError> {
    let different: std::collections::BTreeSet<char> = secret.chars().collect();
    let length = secret.chars().count();
    let wrong = if !sendable {
        "a character that cannot be sent: one line of letters, digits and signs is needed".to_owned()
    } else if length < least {
        format!("{length} characters, and at least {least} are needed")
    } else if different.len() < LEAST_DIFFERENT {
        format!("only {} different characters, which is easily guessed", different.len())
    } else {
        return Ok(());
    };
    Err(EntranceError::Weak { name: entry.name.clone(), place: place.to_owned(), wrong })
}

/// Two with the same secret could not be told apart.
fn check_single(list: &AccessList, entry: &AccessEntry, shown: Shown<'_>) -> Result<(), EntranceError> {
    match list.find(shown, true) {
        None => Ok(()),
        Some(other) => Err(EntranceError::Twice { one: other.name.clone(), other: entry.name.clone() }),
    }
}

/// By what is seen that a file is another one: what it is on disk, and when it was changed.
pub(super) type Stamps = Vec<Option<(u64, u64, u64, i64, i64, i64, i64)>>;

/// What the files of TLS are now; names that lead elsewhere are followed.
pub(super) fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |found: Metadata| {
        (
            found.dev(),
            found.ino(),
            found.size(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        )
    };
    let paths: [Option<&PathBuf>; 3] =
        [Some(&files.cert_file), Some(&files.key_file), files.client_ca_file.as_ref()];
    paths.into_iter().flatten().map(|path| metadata(path).ok().map(stamp)).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::access::{CertificateMark, May};
    use crate::config::SecretSource;

    #[test]
    fn secrets_that_could_be_guessed_or_not_be_sent_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let good = "0123456789abcdef0123456789abcdef";
        let rows = [
            (true, good.to_owned(), None),
            (true, format!("{good}\n"), None),
            (true, good.split_at(1).1.to_owned(), Some("holds 31 characters, and at least 32 are needed")),
            (true, "abcde".repeat(10), Some("only 5 different characters")),
            (true, format!("{good} {good}"), Some("cannot be sent")),
            (true, format!("{good}\n{good}"), Some("cannot be sent")),
            (true, format!("{good}ü"), Some("cannot be sent")),
            (true, "\n".to_owned(), Some("is empty")),
            (false, "pass wörter!".to_owned(), None),
            (false, "elevenchars".to_owned(), Some("holds 11 characters, and at least 12 are needed")),
            (false, "aaaaaaaaaaaaaaaa".to_owned(), Some("only 1 different")),
            (false, "two\nlines of text".to_owned(), Some("cannot be sent")),
        ];
        for (token, content, refused) in rows {
            fs::write(&path, &content).unwrap();
            let place = SecretSource::File(path.clone());
            let proof = if token {
                ProofSource::Token(place)
            } else {
                ProofSource::Basic { username: "anna".into(), password: place }
            };
            let entry = AccessEntry { name: "anna".into(), may: May::Read, proof };
            let twice = [entry.clone(), AccessEntry { name: "other".into(), ..entry.clone() }];
            match (read_access(&[entry]), refused) {
                (Ok(_), None) => {
                    let error = read_access(&twice).unwrap_err();
                    assert!(error.to_string().contains("have the same secret"), "{error}");
                }
                (Err(error), Some(words)) => {
                    let told = crate::chain::Chain(&error).to_string();
                    assert!(told.contains(words) && !error.is_no_mistake(), "{content:?}: {told}");
                    assert!(content.trim().is_empty() || !told.contains(content.trim()), "{told}");
                }
                (seen, expected) => panic!("{content:?}: {seen:?}, and {expected:?} was expected"),
            }
        }
        let marked = |name: &str, mark: &str| AccessEntry {
            name: name.into(),
            may: May::Read,
            proof: ProofSource::Certificate(CertificateMark::Name(mark.into())),
        };
        let error = read_access(&[marked("a", "x.example.com"), marked("b", "X.example.com")]).unwrap_err();
        assert!(error.to_string().contains("\"a\" and \"b\" of [[http.access]] are for the same"), "{error}");
        read_access(&[marked("a", "x.example.com"), marked("b", "y.example.com")]).unwrap();
        fs::remove_file(&path).unwrap();
        let proof = ProofSource::Token(SecretSource::File(path));
        let error = read_access(&[AccessEntry { name: "a".into(), may: May::Read, proof }]).unwrap_err();
        assert!(error.is_no_mistake(), "another user may see it: {error}");
    }
}
