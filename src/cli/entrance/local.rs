//! What commands on this host show the daemon, and by what they know it: a file in the state directory.
//!
//! The daemon draws a token at each start and writes it where only its own user and root can read it. So commands
//! work whatever the access list holds (tokens in the environment of the service, passwords that are kept as systemd
//! credentials, client certificates), they need no secret of somebody else, and the token is good for nothing from
//! another host.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::access::random_key;
use crate::collect::text_file::{ReadTextError, read_text};

/// What the daemon leaves for commands on its host.
#[derive(Serialize, Deserialize)]
struct Left<T> {
    /// Shown by commands; absent when nobody needs to say who they are.
    token: Option<T>,
    /// SHA-256 of the certificate the daemon shows; absent without TLS.
    certificate_sha256: Option<String>,
}

/// What a command learned of the daemon.
pub(crate) struct LocalKey {
    pub(crate) token: Option<SecretString>,
    pub(crate) certificate_sha256: Option<String>,
}

/// Where it is.
pub(crate) fn local_file(state_dir: &Path) -> PathBuf {
    state_dir.join("local-access.json")
}

/// A token for commands on this host.
pub(super) fn draw_token() -> SecretString {
    SecretString::from(hex(&random_key()))
}

/// The certificate's digest, as it is left and compared.
pub(crate) fn fingerprint(certificate: &[u8]) -> String {
    hex(&Sha256::digest(certificate))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Leaves it; without anything to leave, what an earlier run left is taken away.
pub(super) fn leave(state_dir: &Path, token: Option<&str>, certificate: Option<&[u8]>) -> io::Result<()> {
    let file = local_file(state_dir);
    if token.is_none() && certificate.is_none() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let left = Left { token, certificate_sha256: certificate.map(fingerprint) };
    let text = Zeroizing::new(serde_json::to_string(&left).map_err(io::Error::other)?);
    let new = file.with_extension("json.new");
    // One that a run left that was killed may have another owner or mode.
    drop(fs::remove_file(&new));
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    open.write_all(text.as_bytes())?;
    fs::rename(&new, &file)
}

/// Reads what the daemon left.
pub(crate) fn read_local(state_dir: &Path) -> Result<LocalKey, ReadTextError> {
    let text = Zeroizing::new(read_text(&local_file(state_dir))?);
    // Whatever else stands there opens nothing.
    let left: Option<Left<String>> = serde_json::from_str(&text).ok();
    let Left { token, certificate_sha256 } = left.unwrap_or(Left { token: None, certificate_sha256: None });
    Ok(LocalKey { token: token.map(SecretString::from), certificate_sha256 })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn what_is_left_can_be_read_by_nobody_else_and_goes_when_it_is_not_needed() {
        let dir = tempfile::tempdir().unwrap();
        let token = draw_token();
        assert_eq!(token.expose_secret().len(), 64);
        fs::write(local_file(dir.path()).with_extension("json.new"), "left by a run that was killed")
            .unwrap();
        leave(dir.path(), Some(token.expose_secret()), Some(b"certificate")).unwrap();
        assert_eq!(fs::metadata(local_file(dir.path())).unwrap().mode() & 0o777, 0o600);
        let left = read_local(dir.path()).unwrap();
        assert_eq!(left.token.unwrap().expose_secret(), token.expose_secret());
        assert_eq!(left.certificate_sha256, Some(fingerprint(b"certificate")));

        fs::write(local_file(dir.path()), "<html>").unwrap();
        assert!(read_local(dir.path()).unwrap().token.is_none());
        leave(dir.path(), None, None).unwrap();
        leave(dir.path(), None, None).unwrap();
        assert!(read_local(dir.path()).is_err());
    }
}
