//! What is wrong with a secure connection, in words that lead to a remedy.

use std::fmt;

use rustls::{CertificateError, Error};

/// Makes the cryptography of the TLS library known to it, once for the whole process.
///
/// The program calls it when it starts. A second call does nothing.
pub fn install_tls_provider() {
    // It fails when there is one already, and any will do.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// What is wrong with a secure connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsProblem {
    /// Nobody the agent trusts has signed the certificate.
    UnknownAuthority,
    /// The certificate is one of an authority, which is no certificate for a server.
    AuthorityAsServer,
    /// The certificate is for other names.
    WrongName,
    /// The certificate has ended.
    Expired,
    /// The certificate does not hold yet.
    NotYetValid,
    /// What answers does not speak TLS.
    NotTls,
    /// Something else.
    Other,
}

impl TlsProblem {
    /// What an error of the TLS library comes down to.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(certificate) => match certificate {
                // The signature is bad when an authority of the same name but with another key is trusted.
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::WrongName
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                // The library has no better name for it.
                CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                    Self::AuthorityAsServer
                }
                _ => Self::Other,
            },
            Error::InvalidMessage(_) => Self::NotTls,
            _ => Self::Other,
        }
    }

    /// What a person can do about it, in full sentences.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "If the certificate is the right one, put the certificate of the authority that signed it, in \
                 PEM form, into a file and name it as ca_file; or add it to the system's certificates."
            }
            Self::AuthorityAsServer => {
                "The server shows a self-signed certificate that is marked as an authority, which no ca_file makes \
                 valid: give it one made with openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE, \
                 and name that one as ca_file."
            }
            Self::WrongName => "Use in base_url one of the names the certificate is for.",
            Self::Expired => "Renew the server's certificate, or check this host's clock.",
            Self::NotYetValid => "Check the clocks of this host and of the server.",
            Self::NotTls => {
                "Check the port; if the service speaks plain HTTP there, write http:// in base_url."
            }
            Self::Other => {
                "See what the server offers: openssl s_client -connect HOST:PORT. The agent speaks TLS 1.2 and 1.3."
            }
        }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAuthority => "its certificate is not signed by anyone the agent trusts",
            Self::AuthorityAsServer => "its certificate is one of an authority and not of a server",
            Self::WrongName => "its certificate is for another name",
            Self::Expired => "its certificate has expired",
            Self::NotYetValid => "its certificate is not valid yet",
            Self::NotTls => "it does not speak TLS",
            Self::Other => "the TLS handshake failed",
        })
    }
}
